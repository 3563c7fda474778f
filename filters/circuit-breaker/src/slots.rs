//! The slots of this VM, and how the shared table is kept right about them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use host::vm::{self, StreamId, Vm};
use host::{AttendPhase, Gauge, RequestPhase};
use shared::plan::guard::Limits;

use crate::by_name::ByName;
use crate::table::{Admission, Mine, RENEW_MS, SPARE, Table, Waiter};

/// How often a VM whose requests wait looks by itself: VMs wake each other, but one that dies wakes nobody.
const LOOK: Duration = Duration::from_millis(200);

const RENEW: Duration = Duration::from_millis(RENEW_MS);

/// What this VM holds of each destination. Destinations without any request are not in it.
#[derive(Debug)]
pub(crate) struct Slots {
    destinations: RefCell<ByName<Box<Held>>>,
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
    /// Slots that it keeps for requests to come, so that they need no table.
    spare: u32,
    /// Whether one of them was of use since the lease was renewed last.
    used: bool,
    waiting: VecDeque<Waiter>,
    /// Those that have a slot and do not know it yet.
    given: Vec<StreamId>,
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
    pub(crate) fn admit(&self, cluster: &Arc<str>, limits: Limits, request: &RequestPhase<'_>) -> Admission {
        let mut destinations = self.destinations.borrow_mut();
        if destinations.get_mut(cluster).is_some_and(|held| held.admit_one()) {
            return Admission::Admitted;
        }
        let now = request.vm().now();
        let held = destinations.get_or_insert(cluster, || {
            Box::new(Held {
                limits,
                queue: request.vm().queue(),
                active: 0,
                ended: 0,
                spare: 0,
                used: false,
                waiting: VecDeque::new(),
                given: Vec::new(),
                renewed: now,
            })
        });
        let Some(held) = held else { return Admission::Refused };
        let mut wake = Vec::new();
        let told = vm::update(&key(cluster), |bytes| {
            wake.clear();
            let before = Table::decode(bytes);
            let mut table = before.clone();
            let (admission, spare) = table.admit(&held.mine(), &limits, now, &mut wake);
            let change = change(&before, &table);
            ((table != before).then(|| table.encode()), (admission, change, spare))
        });
        // A table that everybody else keeps changing has no room to speak of.
        let (admission, change, spare) = told.unwrap_or((Admission::Refused, (0, 0), held.spare));
        held.spare = spare;
        match admission {
            Admission::Admitted => {
                held.active = held.active.saturating_add(1);
                request.vm().attend_within(RENEW);
            }
            Admission::Waits | Admission::Hopes => {
                held.waiting.push_back(Waiter { arrived: now, stream: request.stream().0 });
                request.vm().attend_within(LOOK);
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
        self.destinations.borrow_mut().get_mut(cluster).is_some_and(|held| held.take_given(stream))
    }

    /// A request that was on its way has ended.
    pub(crate) fn end(&self, cluster: &str, now: impl FnOnce() -> u64) {
        if self.destinations.borrow_mut().get_mut(cluster).is_some_and(|held| held.keep_one()) {
            return;
        }
        self.change(cluster, now(), Held::end_one);
    }

    /// A request does not wait any more.
    pub(crate) fn leave(&self, cluster: &str, stream: StreamId, now: u64) {
        self.change(cluster, now, |held| {
            if held.take_given(stream) {
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
    pub(crate) fn attend(&self, attend: &mut AttendPhase<'_>) {
        let vm = attend.vm();
        let now = vm.now();
        let mut wake = Vec::new();
        let (mut active, mut waiting) = (0, 0);
        let mut destinations = self.destinations.borrow_mut();
        destinations.retain(|cluster, held| {
            if held.waiting.is_empty()
                && held.ended == 0
                && held.spare == 0
                && now.saturating_sub(held.renewed) < RENEW_MS
            {
                return true;
            }
            // What nobody needed is given back.
            if !std::mem::take(&mut held.used) {
                held.let_go();
            }
            let Some((given, change)) = held.settle(cluster, now, &mut wake) else { return true };
            (active, waiting) = (active + change.0, waiting + change.1);
            for _ in 0..given {
                let Some(waiter) = held.waiting.pop_front() else { break };
                held.active = held.active.saturating_add(1);
                held.given.push(StreamId(waiter.stream));
                attend.wake(StreamId(waiter.stream));
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

    /// Gives everything back.
    pub(crate) fn close(&self, vm: Vm<'_>) {
        let (now, mut wake) = (vm.now(), Vec::new());
        let (mut active, mut waiting) = (0, 0);
        let mut destinations = self.destinations.borrow_mut();
        destinations.retain(|cluster, held| {
            held.waiting.clear();
            held.ended = held.ended.saturating_add(std::mem::take(&mut held.active));
            held.let_go();
            if let Some((_, change)) = held.settle(cluster, now, &mut wake) {
                (active, waiting) = (active + change.0, waiting + change.1);
            }
            false
        });
        drop(destinations);
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
        Mine { queue: self.queue, active: self.active, ended: self.ended, spare: self.spare, waiting: &self.waiting }
    }

    /// A request takes a slot that was kept; false where there is none.
    fn admit_one(&mut self) -> bool {
        let keeps = self.spare > 0;
        if keeps {
            self.spare -= 1;
            self.active = self.active.saturating_add(1);
            self.used = true;
        }
        keeps
    }

    /// A request has ended, and its slot is kept; false where there is no need to keep one.
    fn keep_one(&mut self) -> bool {
        let keeps = self.spare > 0 && self.spare < 2 * SPARE && self.active > 0;
        if keeps {
            self.active -= 1;
            self.spare += 1;
        }
        keeps
    }

    /// No slot is kept any more.
    fn let_go(&mut self) {
        self.ended = self.ended.saturating_add(std::mem::take(&mut self.spare));
    }

    /// Whether a request has got a slot, which it knows from now on. They learn of it in the order in which they got it.
    fn take_given(&mut self, stream: StreamId) -> bool {
        let at = self.given.iter().position(|given| *given == stream);
        at.map(|at| self.given.remove(at)).is_some()
    }

    fn end_one(&mut self) {
        self.active = self.active.saturating_sub(1);
        self.ended = self.ended.saturating_add(1);
    }

    fn is_empty(&self) -> bool {
        self.active == 0 && self.ended == 0 && self.spare == 0 && self.waiting.is_empty()
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
            (Some(table.encode()), (given, change(&before, &table), table.spare_of(mine.queue)))
        });
        let (given, change, spare) = told?;
        (self.ended, self.spare, self.renewed) = (0, spare, now);
        Some((given, change))
    }
}

fn key(cluster: &str) -> Vec<u8> {
    format!("sailcloth/circuit-breaker/slots/{cluster}").into_bytes()
}

fn change(before: &Table, after: &Table) -> Change {
    let difference = |of: fn(&Table) -> u32| i64::from(of(after)) - i64::from(of(before));
    (difference(Table::held), difference(Table::waiting))
}
