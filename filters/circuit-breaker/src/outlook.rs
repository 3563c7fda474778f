//! What this VM knows of the destinations' health without asking: of those where nothing fails that nothing does. The
//! first failure that any VM sees is told to all that know so; from then on everybody looks for each request, until all
//! is well again.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use host::vm::{self, Vm};
use host::{AttendPhase, Counter, DonePhase, Gauge};
use shared::plan::guard::{Ejection, Endpoints};

use crate::by_name::ByName;
use crate::ejection::{Health, Passage, Turn, Verdict};

/// Of so many good answers in the beginning it is seen which endpoint gave them, so that all are known before one fails.
const LOOKS: u32 = 32;

/// Afterwards of one in so many: a prime, since of a number of endpoints that take turns it would always be the same.
const LOOKS_EVERY: u32 = 17;

/// So many endpoints are named in the log.
const NAMED: usize = 10;

/// What this VM knows.
#[derive(Debug)]
pub(crate) struct Outlook {
    /// Destinations where nothing fails, and how many good answers they have given since that is known.
    fine: RefCell<ByName<u32>>,
    /// Those that are left alone, and until when.
    out: RefCell<ByName<u64>>,
    ejections: Counter,
    returns: Counter,
    ejected: Gauge,
}

impl Outlook {
    pub(crate) fn new() -> Outlook {
        Outlook {
            fine: RefCell::default(),
            out: RefCell::default(),
            ejections: Counter::define("sailcloth.circuit-breaker.ejections"),
            returns: Counter::define("sailcloth.circuit-breaker.returns"),
            ejected: Gauge::define("sailcloth.circuit-breaker.ejected"),
        }
    }

    /// Whether a request is let through.
    pub(crate) fn lets_through(&self, cluster: &Arc<str>, vm: Vm<'_>) -> bool {
        let mut fine = self.fine.borrow_mut();
        if fine.get_mut(cluster).is_some() {
            return true;
        }
        let (now, queue) = (vm.now(), vm.queue());
        let told = change(cluster, |health| {
            let (passage, turn) = health.pass(now);
            (passage, turn, health.listen(queue))
        });
        let Some((passage, turn, listens)) = told else { return true };
        if listens {
            fine.get_or_insert(cluster, || 0);
        }
        drop(fine);
        if let Some(turn) = turn {
            self.say(cluster, &turn, now);
        }
        if let Passage::Refused(until) = passage {
            self.remember(cluster, until, now, vm);
        }
        passage == Passage::Passes
    }

    /// A request has ended with an answer.
    pub(crate) fn tell(&self, cluster: &Arc<str>, verdict: Verdict, ejection: &Ejection, done: &DonePhase<'_>) {
        let mut fine = self.fine.borrow_mut();
        let mut is_fine = false;
        if verdict == Verdict::Good
            && let Some(answers) = fine.get_mut(cluster)
        {
            let looks = *answers < LOOKS || answers.is_multiple_of(LOOKS_EVERY);
            *answers = answers.wrapping_add(1);
            if !looks {
                return;
            }
            is_fine = true;
        }
        // An answer of nobody is Envoy's own.
        let Some(upstream) = done.upstream() else { return };
        // That a listed endpoint does well is known.
        if is_fine && matches!(ejection.endpoints, Endpoints::Listed(_)) && ejection.endpoints.has(&upstream) {
            return;
        }
        let vm = done.vm();
        let now = vm.now();
        let told = change(cluster, |health| {
            let turns = health.tell(&upstream, verdict, ejection, now);
            (health.is_fine(), health.to_be_told(), turns)
        });
        let Some((is_fine, listeners, turns)) = told else { return };
        if !is_fine {
            fine.remove(cluster);
        }
        drop(fine);
        listeners.into_iter().for_each(vm::wake);
        for turn in turns.into_iter().flatten() {
            self.say(cluster, &turn, now);
            if let Turn::Ejected(until, _) = turn {
                self.remember(cluster, until, now, vm);
            }
        }
    }

    /// Somebody may have seen a failure; and who has been left alone long enough returns, though nobody asks for it.
    pub(crate) fn attend(&self, attend: &mut AttendPhase<'_>) {
        self.fine.borrow_mut().clear();
        if !self.out.borrow().is_empty() {
            self.look_after_those_out(attend.vm(), false);
        }
    }

    /// This VM need not be told of anything any more. What it knows to be left alone returns: under another
    /// configuration maybe nobody would ask for it again.
    pub(crate) fn close(&self, vm: Vm<'_>) {
        for cluster in self.fine.borrow().names() {
            change(cluster, |health| health.leave(vm.queue()));
        }
        self.fine.borrow_mut().clear();
        self.look_after_those_out(vm, true);
    }

    fn look_after_those_out(&self, vm: Vm<'_>, closes: bool) {
        let now = vm.now();
        self.out.borrow_mut().retain(|cluster, until| {
            if closes || *until <= now {
                let known = *until;
                let told = change(cluster, |health| {
                    let reset = if closes { health.reset(known) } else { None };
                    let (passage, turn) = health.pass(now);
                    (passage, reset.or(turn))
                });
                let (passage, turn) = told.unwrap_or((Passage::Passes, None));
                if let Some(turn) = turn {
                    self.say(cluster, &turn, now);
                }
                match passage {
                    Passage::Refused(later) if !closes => *until = later,
                    _ => return false,
                }
            }
            vm.attend_within(Duration::from_millis(until.saturating_sub(now)));
            true
        });
    }

    fn remember(&self, cluster: &Arc<str>, until: u64, now: u64, vm: Vm<'_>) {
        if let Some(known) = self.out.borrow_mut().get_or_insert(cluster, || until) {
            *known = until;
        }
        vm.attend_within(Duration::from_millis(until.saturating_sub(now)));
    }

    /// Counts it and says so, which one VM does for each.
    fn say(&self, cluster: &str, turn: &Turn, now: u64) {
        match turn {
            Turn::Ejected(until, endpoints) => {
                self.ejections.increment();
                self.ejected.add(1);
                let mut text = format!("{cluster} is left alone for {} ms", until.saturating_sub(now));
                text.push_str(", since all its endpoints are ejected:");
                for address in endpoints.iter().take(NAMED) {
                    text.push(' ');
                    text.push_str(std::str::from_utf8(address).unwrap_or("?"));
                }
                if endpoints.len() > NAMED {
                    text.push_str(" ...");
                }
                host::warn(&text);
            }
            Turn::Returned => {
                self.returns.increment();
                self.ejected.add(-1);
                host::warn(&format!("{cluster} is not left alone any more"));
            }
        }
    }
}

/// Looks at what is known of a destination, and changes it, as one step; nothing when others kept changing it.
fn change<T>(cluster: &str, mut change: impl FnMut(&mut Health) -> T) -> Option<T> {
    let mut told = None;
    changed(cluster, &mut |health| told = Some(change(health))).and(told)
}

fn changed(cluster: &str, change: &mut dyn FnMut(&mut Health)) -> Option<()> {
    vm::update(format!("sailcloth/circuit-breaker/ejection/{cluster}").as_bytes(), |bytes| {
        let before = Health::decode(bytes);
        let mut health = before.clone();
        change(&mut health);
        ((health != before).then(|| health.encode()), ())
    })
}
