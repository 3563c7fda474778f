use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TWO_AND_ONE: Limits = Limits { active: 2, waiting: 1, requests: u32::MAX };

fn waiters(arrivals: &[u64]) -> VecDeque<Waiter> {
    arrivals.iter().map(|&arrived| Waiter { arrived, stream: 0 }).collect()
}

fn mine(queue: u32, active: u32, ended: u32, waiting: &VecDeque<Waiter>) -> Mine<'_> {
    Mine { queue, active, ended, spare: 0, waiting }
}

#[test]
fn two_go_one_waits_the_rest_is_refused() {
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    let mut next = |queue, active| table.admit(&mine(queue, active, 0, &none), &TWO_AND_ONE, 10, &mut wake).0;
    assert_eq!(next(1, 0), Admission::Admitted);
    assert_eq!(next(2, 0), Admission::Admitted);
    assert_eq!(next(2, 1), Admission::Waits);
    assert_eq!(next(1, 1), Admission::Refused);
    assert_eq!(next(3, 0), Admission::Refused);
    assert!(wake.is_empty());
    assert_eq!((table.held(), table.waiting(), table.rows().len()), (2, 1, 2));
}

#[test]
fn a_free_slot_goes_to_who_has_waited_longest_and_no_newcomer_takes_it() {
    let limits = Limits { active: 1, waiting: 9, requests: u32::MAX };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.admit(&mine(1, 0, 0, &none), &limits, 10, &mut wake);
    table.admit(&mine(3, 0, 0, &none), &limits, 20, &mut wake);
    table.admit(&mine(2, 0, 0, &none), &limits, 30, &mut wake);
    assert_eq!(table.settle(&mine(1, 0, 1, &none), &limits, 40, &mut wake), 0);
    assert_eq!(wake, [3]);
    assert_eq!(table.admit(&mine(1, 0, 0, &none), &limits, 41, &mut wake).0, Admission::Waits);
    // The VM finds that it has a slot, and only then a request on its way.
    assert_eq!(table.settle(&mine(3, 0, 0, &waiters(&[20])), &limits, 42, &mut wake), 1);
    assert_eq!((table.held(), table.waiting()), (1, 2));
}

#[test]
fn what_a_dead_vm_held_is_free_when_its_lease_lapses() {
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.admit(&mine(1, 0, 0, &none), &TWO_AND_ONE, 0, &mut wake);
    table.admit(&mine(1, 1, 0, &none), &TWO_AND_ONE, 0, &mut wake);
    assert_eq!(table.admit(&mine(2, 0, 0, &none), &TWO_AND_ONE, 100, &mut wake).0, Admission::Waits);
    let waiting = waiters(&[100]);
    assert_eq!(table.settle(&mine(2, 0, 0, &waiting), &TWO_AND_ONE, LEASE_MS - 1, &mut wake), 0);
    assert_eq!(table.settle(&mine(2, 0, 0, &waiting), &TWO_AND_ONE, LEASE_MS, &mut wake), 1);
    assert_eq!((table.held(), table.waiting(), table.rows().len()), (1, 0, 1));
}

#[test]
fn a_vm_that_was_only_slow_counts_what_it_has_in_fact() {
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.settle(&mine(1, 2, 0, &none), &TWO_AND_ONE, 99_999, &mut wake);
    assert_eq!(table.held(), 2);
    // It ends one that nobody counts any more.
    let mut lapsed = Table::default();
    lapsed.settle(&mine(1, 1, 1, &none), &TWO_AND_ONE, 99_999, &mut wake);
    assert_eq!(lapsed.held(), 1);
}

#[test]
fn a_slot_given_to_a_request_that_has_left_goes_on_to_the_next() {
    let limits = Limits { active: 1, waiting: 9, requests: u32::MAX };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.admit(&mine(1, 0, 0, &none), &limits, 10, &mut wake);
    table.admit(&mine(2, 0, 0, &none), &limits, 20, &mut wake);
    table.admit(&mine(3, 0, 0, &none), &limits, 30, &mut wake);
    table.settle(&mine(1, 0, 1, &none), &limits, 40, &mut wake);
    assert_eq!(std::mem::take(&mut wake), [2]);
    assert_eq!(table.settle(&mine(2, 0, 0, &none), &limits, 41, &mut wake), 0);
    assert_eq!(wake, [3]);
    assert_eq!((table.held(), table.waiting()), (1, 0));
}

#[test]
fn requests_over_the_limit_for_requests_never_wait() {
    let limits = Limits { active: 5, waiting: 5, requests: 1 };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    assert_eq!(table.admit(&mine(1, 0, 0, &none), &limits, 0, &mut wake).0, Admission::Admitted);
    assert_eq!(table.admit(&mine(1, 1, 0, &none), &limits, 0, &mut wake).0, Admission::Refused);
}

/// VMs of different builds share tables.
#[test]
fn golden() {
    let table = Table { rows: vec![Row { queue: 1, until: 2, held: 3, spare: 6, waiting: 4, oldest: 5 }] };
    let bytes = [
        &[2][..],
        &[1, 0, 0, 0],
        &[2, 0, 0, 0, 0, 0, 0, 0],
        &[3, 0, 0, 0],
        &[6, 0, 0, 0],
        &[4, 0, 0, 0],
        &[5, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(table.encode(), bytes);
    assert_eq!(Table::decode(&bytes), table);
    assert_eq!(Table::decode(&[]), Table::default());
    assert_eq!(Table::decode(&[1, 1, 1]), Table::default());
}

#[test]
fn slots_are_kept_where_the_limit_is_far_and_given_back_to_who_finds_no_room() {
    let limits = Limits { active: 40, waiting: 0, requests: u32::MAX };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    assert_eq!(table.admit(&mine(1, 0, 0, &none), &limits, 0, &mut wake).0, Admission::Admitted);
    assert_eq!((table.held(), table.spare_of(1)), (1, SPARE));
    // With these a half would be taken: the others keep none.
    for active in 0..23 {
        assert_eq!(table.admit(&mine(2, active, 0, &none), &limits, 0, &mut wake).0, Admission::Admitted);
    }
    assert_eq!((table.taken(), table.spare_of(2)), (40, 0));
    assert_eq!(table.admit(&mine(2, 23, 0, &none), &limits, 0, &mut wake).0, Admission::Hopes);
    assert_eq!(std::mem::take(&mut wake), [1]);
    // Four have come without the table by now; one of the others goes to who hopes.
    table.settle(&Mine { spare: 12, ..mine(1, 5, 0, &none) }, &limits, 1, &mut wake);
    assert_eq!((table.held(), table.taken(), table.waiting()), (29, 29, 0));
    assert_eq!(std::mem::take(&mut wake), [2]);
    assert_eq!(table.settle(&mine(2, 23, 0, &waiters(&[0])), &limits, 2, &mut wake), 1);
    assert_eq!(table.admit(&mine(2, 24, 0, &none), &limits, 2, &mut wake).0, Admission::Admitted);
}

/// Only as many hope as others may give back.
#[test]
fn whoever_finds_neither_room_nor_kept_slots_is_refused() {
    let limits = Limits { active: 40, waiting: 0, requests: 40 };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.admit(&mine(1, 0, 0, &none), &limits, 0, &mut wake);
    for active in 0..23 {
        table.admit(&mine(2, active, 0, &none), &limits, 0, &mut wake);
    }
    let mut next = |table: &mut Table| table.admit(&mine(2, 23, 0, &none), &limits, 0, &mut wake).0;
    for _ in 0..1 + SPARE {
        assert_eq!(next(&mut table), Admission::Hopes);
    }
    assert_eq!(next(&mut table), Admission::Refused);
}

/// The table does not know yet that the slots are in use that a VM kept: a refusal does not give them back.
#[test]
fn a_vm_that_is_refused_has_no_more_slots_than_before() {
    let limits = Limits { active: 40, waiting: 0, requests: 40 };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    assert_eq!(table.admit(&mine(1, 0, 0, &none), &limits, 0, &mut wake), (Admission::Admitted, SPARE));
    for active in 0..23 {
        table.admit(&mine(2, active, 0, &none), &limits, 0, &mut wake);
    }
    for _ in 0..3 {
        assert_eq!(table.admit(&mine(1, 1 + SPARE, 0, &none), &limits, 0, &mut wake), (Admission::Refused, 0));
    }
    assert_eq!((table.taken(), table.spare_of(1)), (40, SPARE));
}

#[test]
fn a_small_limit_keeps_no_slot_from_anybody() {
    let limits = Limits { active: 2 * SPARE, waiting: 0, requests: u32::MAX };
    let (mut table, none, mut wake) = (Table::default(), waiters(&[]), Vec::new());
    table.admit(&mine(1, 0, 0, &none), &limits, 0, &mut wake);
    assert_eq!(table.spare_of(1), 0);
}

/// What a VM of the model below has.
#[derive(Clone, Debug, Default)]
struct Vm {
    active: u32,
    spare: u32,
    waiting: VecDeque<Waiter>,
}

impl Vm {
    fn settle(&mut self, name: u32, ended: u32, table: &mut Table, limits: &Limits, now: u64) {
        let mine = Mine { queue: name, active: self.active, ended, spare: self.spare, waiting: &self.waiting };
        let given = table.settle(&mine, limits, now, &mut Vec::new());
        self.spare = table.spare_of(name);
        self.active += given;
        self.waiting.drain(..given as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_some_table(bytes: Vec<u8>) {
        let table = Table::decode(&bytes);
        prop_assert_eq!(Table::decode(&table.encode()), table);
    }

    /// Whatever comes, leaves and dies: never more on their way than the limit, no slot is lost, nobody is forgotten.
    #[test]
    fn limits_hold_and_nothing_is_lost(
        active in prop_oneof![1u32..5, 40u32..80],
        waiting in 0u32..5,
        steps in prop::collection::vec((0u8..6, 1u32..4), 1..400),
    ) {
        let limits = Limits { active, waiting, requests: u32::MAX };
        let mut table = Table::default();
        let mut vms: BTreeMap<u32, Vm> = BTreeMap::new();
        let (mut now, mut reborn, mut wake) = (0, 10, Vec::new());
        // A VM that dies is followed by one with another queue.
        let mut names: BTreeMap<u32, u32> = (1..4).map(|worker| (worker, worker)).collect();
        for (what, worker) in steps {
            now += 1;
            let (mut lapses, mut looks) = (false, false);
            let name = names[&worker];
            let vm = vms.entry(name).or_default();
            match what {
                0 | 1 if vm.spare > 0 => (vm.active, vm.spare) = (vm.active + 1, vm.spare - 1),
                0 | 1 => {
                    let mine = Mine { queue: name, active: vm.active, ended: 0, spare: 0, waiting: &vm.waiting };
                    let admission;
                    (admission, vm.spare) = table.admit(&mine, &limits, now, &mut wake);
                    looks = admission != Admission::Admitted;
                    let waiter = Waiter { arrived: now, stream: u32::from(admission == Admission::Hopes) };
                    match admission {
                        Admission::Admitted => vm.active += 1,
                        Admission::Waits | Admission::Hopes => vm.waiting.push_back(waiter),
                        Admission::Refused => {
                            let others = vms.iter().filter(|(other, _)| **other != name);
                            let kept: u32 = others.map(|(_, vm)| vm.spare).sum();
                            prop_assert!(table.taken() >= active && table.waiting() >= waiting.max(kept));
                        }
                    }
                }
                2 if vm.active > 0 && vm.spare > 0 => (vm.active, vm.spare) = (vm.active - 1, vm.spare + 1),
                2 if vm.active > 0 => {
                    vm.active -= 1;
                    vm.settle(name, 1, &mut table, &limits, now);
                    looks = true;
                }
                3 if !vm.waiting.is_empty() => {
                    vm.waiting.pop_back();
                    vm.settle(name, 0, &mut table, &limits, now);
                    looks = true;
                }
                4 if now % 7 == 0 => {
                    vms.remove(&name);
                    reborn += 1;
                    names.insert(worker, reborn);
                    (lapses, looks) = (true, true);
                }
                5 => looks = true,
                _ => {}
            }
            let taken: u32 = vms.values().map(|vm| vm.active + vm.spare).sum();
            prop_assert!(taken <= active);
            if !looks {
                continue;
            }
            // All that live renew in time, and the woken look; in the midst of it those give up who hoped.
            for round in 0..if lapses { 1 + LEASE_MS / RENEW_MS } else { 5 } {
                now += if lapses { RENEW_MS } else { 0 };
                for (name, vm) in &mut vms {
                    if round == 3 {
                        vm.waiting.retain(|waiter| waiter.stream == 0);
                    }
                    vm.settle(*name, 0, &mut table, &limits, now);
                }
            }
            let on_their_way: u32 = vms.values().map(|vm| vm.active).sum();
            let spare: u32 = vms.values().map(|vm| vm.spare).sum();
            let waiting_now: usize = vms.values().map(|vm| vm.waiting.len()).sum();
            prop_assert!(on_their_way + spare <= active);
            prop_assert!(waiting_now as u32 <= waiting);
            prop_assert!(waiting_now == 0 || on_their_way == active, "somebody waits beside a free slot");
            // What the last VM held when it died stays in the table until somebody looks, which nobody is left to do.
            if !vms.is_empty() {
                prop_assert_eq!((table.held(), table.taken()), (on_their_way, on_their_way + spare));
            }
        }
    }
}
