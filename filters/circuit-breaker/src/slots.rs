//! The slots of this VM, and how the shared table is kept right about them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use host::vm::{self, StreamId};
use host::{AttendPhase, Gauge, RequestPhase};
use shared::plan::guard::Limits;

use crate::table::{Admission, Mine, RENEW_MS, Table, Waiter};

/// How often a VM whose requests wait looks by itself: VMs wake each other, but one that dies wakes nobody.
const LOOK: Duration = Duration::from_millis(200);

const RENEW: Duration = Duration::from_millis(RENEW_MS);

/// What this VM holds of each destination. Destinations without any request are not in it.
#[derive(Debug)]
pub(crate) struct Slots {
    destinations: RefCell<BTreeMap<Box<str>, Held>>,
    active: Gauge,
    waiting: Gauge,
}

/// What this VM holds of one destination.
#[derive(Debug)]
struct Held {
    limits: Limits,
    /// This VM, as tables name it.
    queue: u32,
    /// Requests on their way, those among them that do not know it yet.
    active: u32,
    /// Of those that were on their way, how many have ended without the table knowing.
    ended: u32,
    waiting: VecDeque<Waiter>,
    /// Those that have a slot and do not know it yet.
    given: BTreeSet<StreamId>,
    /// When the lease was renewed last.
    renewed: u64,
}

/// How a table's sums changed: gauges add up what all VMs tell.
type Change = (i64, i64);

impl Slots {
    pub(crate) fn new() -> Slots {
        Slots {
            destinations: RefCell::default(),
            active: Gauge::define("sailcloth.circuit-breaker.active"),
            waiting: Gauge::define("sailcloth.circuit-breaker.waiting"),
        }
    }

    /// A new request.
    pub(crate) fn admit(&self, cluster: &str, limits: Limits, request: &RequestPhase<'_>) -> Admission {
        let now = request.now();
        let mut destinations = self.destinations.borrow_mut();
        if !destinations.contains_key(cluster) {
            let held = Held {
                limits,
                queue: request.queue(),
                active: 0,
                ended: 0,
                waiting: VecDeque::new(),
                given: BTreeSet::new(),
                renewed: now,
            };
            destinations.insert(cluster.into(), held);
        }
        let Some(held) = destinations.get_mut(cluster) else { return Admission::Refused };
        let mut wake = Vec::new();
        let told = vm::update(&key(cluster), |bytes| {
            wake.clear();
            let before = Table::decode(bytes);
            let mut table = before.clone();
            let admission = table.admit(&held.mine(), &limits, now, &mut wake);
            let change = change(&before, &table);
            ((table != before).then(|| table.encode()), (admission, change))
        });
        // A table that everybody else keeps changing has no room to speak of.
        let (admission, change) = told.unwrap_or((Admission::Refused, (0, 0)));
        match admission {
            Admission::Admitted => {
                held.active = held.active.saturating_add(1);
                request.attend_within(RENEW);
            }
            Admission::Waits => {
                held.waiting.push_back(Waiter { arrived: now, stream: request.stream().0 });
                request.attend_within(LOOK);
            }
            Admission::Refused => {}
        }
        if held.is_empty() {
            destinations.remove(cluster);
        }
        drop(destinations);
        self.told(change, &wake);
        admission
    }

    /// Whether a waiting request has got a slot, which it knows from now on.
    pub(crate) fn has_slot(&self, cluster: &str, stream: StreamId) -> bool {
        self.destinations.borrow_mut().get_mut(cluster).is_some_and(|held| held.given.remove(&stream))
    }

    /// A request that was on its way has ended.
    pub(crate) fn end(&self, cluster: &str, now: u64) {
        self.change(cluster, now, Held::end_one);
    }

    /// A request does not wait any more.
    pub(crate) fn leave(&self, cluster: &str, stream: StreamId, now: u64) {
        self.change(cluster, now, |held| {
            if held.given.remove(&stream) {
                held.end_one();
            } else {
                held.waiting.retain(|waiter| waiter.stream != stream.0);
            }
        });
    }

    fn change(&self, cluster: &str, now: u64, change: impl FnOnce(&mut Held)) {
        let mut wake = Vec::new();
        let mut destinations = self.destinations.borrow_mut();
        let Some(held) = destinations.get_mut(cluster) else { return };
        change(held);
        // Streams cannot be let go on from here; this VM wakes itself for those that have a slot now.
        let told = held.settle(cluster, now, &mut wake).map(|(_, change)| change);
        if held.is_empty() {
            destinations.remove(cluster);
        }
        drop(destinations);
        self.told(told.unwrap_or((0, 0)), &wake);
    }

    /// Lets waiting requests go on that have a slot, and renews leases.
    pub(crate) fn attend(&self, vm: &mut AttendPhase<'_>) {
        let now = vm.now();
        let mut wake = Vec::new();
        let (mut active, mut waiting) = (0, 0);
        let mut destinations = self.destinations.borrow_mut();
        destinations.retain(|cluster, held| {
            if held.waiting.is_empty() && held.ended == 0 && now.saturating_sub(held.renewed) < RENEW_MS {
                return true;
            }
            let Some((given, change)) = held.settle(cluster, now, &mut wake) else { return true };
            (active, waiting) = (active + change.0, waiting + change.1);
            for _ in 0..given {
                let Some(waiter) = held.waiting.pop_front() else { break };
                held.active = held.active.saturating_add(1);
                held.given.insert(StreamId(waiter.stream));
                vm.wake(StreamId(waiter.stream));
            }
            !held.is_empty()
        });
        if destinations.values().any(|held| !held.waiting.is_empty() || held.ended > 0) {
            vm.attend_within(LOOK);
        } else if !destinations.is_empty() {
            vm.attend_within(RENEW);
        }
        drop(destinations);
        let own = vm.queue();
        wake.retain(|queue| *queue != own);
        self.told((active, waiting), &wake);
    }

    fn told(&self, (active, waiting): Change, wake: &[u32]) {
        self.active.add(active);
        self.waiting.add(waiting);
        for queue in wake {
            vm::wake(*queue);
        }
    }
}

impl Held {
    fn mine(&self) -> Mine<'_> {
        Mine { queue: self.queue, active: self.active, ended: self.ended, waiting: &self.waiting }
    }

    fn end_one(&mut self) {
        self.active = self.active.saturating_sub(1);
        self.ended = self.ended.saturating_add(1);
    }

    fn is_empty(&self) -> bool {
        self.active == 0 && self.ended == 0 && self.waiting.is_empty()
    }

    /// Tells the table; how many more slots there are than requests on their way, and how its sums changed.
    fn settle(&mut self, cluster: &str, now: u64, wake: &mut Vec<u32>) -> Option<(u32, Change)> {
        let (mine, limits) = (self.mine(), self.limits);
        let woken = wake.len();
        let told = vm::update(&key(cluster), |bytes| {
            wake.truncate(woken);
            let before = Table::decode(bytes);
            let mut table = before.clone();
            let given = table.settle(&mine, &limits, now, wake);
            (Some(table.encode()), (given, change(&before, &table)))
        });
        if told.is_some() {
            (self.ended, self.renewed) = (0, now);
        }
        told
    }
}

fn key(cluster: &str) -> Vec<u8> {
    format!("sailcloth/circuit-breaker/slots/{cluster}").into_bytes()
}

fn change(before: &Table, after: &Table) -> Change {
    let difference = |of: fn(&Table) -> u32| i64::from(of(after)) - i64::from(of(before));
    (difference(Table::held), difference(Table::waiting))
}
