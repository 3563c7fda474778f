//! What this VM knows of the destinations' health without asking: of those where nothing fails that nothing does. The
//! first failure that any VM sees is told to all that know so; from then on everybody looks for each request, until all
//! is well again.

use std::cell::RefCell;
use std::sync::Arc;

use host::DonePhase;
use host::vm::{self, Vm};
use shared::plan::guard::Ejection;

use crate::by_name::ByName;
use crate::ejection::{Health, Passage, Verdict};

/// Of so many good answers in the beginning it is seen which endpoint gave them, so that all are known before one fails.
const LOOKS: u32 = 32;

/// Afterwards of one in so many: a prime, since of a number of endpoints that take turns it would always be the same.
const LOOKS_EVERY: u32 = 17;

/// Destinations where nothing fails, and how many good answers they have given since that is known.
#[derive(Debug, Default)]
pub(crate) struct Outlook(RefCell<ByName<u32>>);

impl Outlook {
    /// Whether a request is let through.
    pub(crate) fn pass(&self, cluster: &Arc<str>, vm: Vm<'_>) -> Passage {
        let mut fine = self.0.borrow_mut();
        if fine.get_mut(cluster).is_some() {
            return Passage::Passes;
        }
        let (now, queue) = (vm.now(), vm.queue());
        let told = change(cluster, |health| {
            let passage = health.pass(now);
            (passage, health.listen(queue))
        });
        let (passage, listens) = told.unwrap_or((Passage::Passes, false));
        if listens {
            fine.get_or_insert(cluster, || 0);
        }
        passage
    }

    /// A request has ended with an answer.
    pub(crate) fn tell(&self, cluster: &str, verdict: Verdict, probe: bool, ejection: &Ejection, done: &DonePhase<'_>) {
        let mut fine = self.0.borrow_mut();
        if verdict == Verdict::Good
            && !probe
            && let Some(answers) = fine.get_mut(cluster)
        {
            let looks = *answers < LOOKS || answers.is_multiple_of(LOOKS_EVERY);
            *answers = answers.wrapping_add(1);
            if !looks {
                return;
            }
        }
        let now = done.vm().now();
        // An answer of nobody is Envoy's own.
        let Some(upstream) = done.upstream() else { return unprobed(cluster, probe, now) };
        let told = change(cluster, |health| {
            health.tell(&upstream, verdict, probe, ejection, now);
            (health.is_fine(), health.to_be_told())
        });
        let Some((false, listeners)) = told else { return };
        fine.remove(cluster);
        listeners.into_iter().for_each(vm::wake);
    }

    /// This VM need not be told of anything any more.
    pub(crate) fn close(&self, vm: Vm<'_>) {
        self.0.borrow_mut().retain(|cluster, _| {
            change(cluster, |health| health.leave(vm.queue()));
            false
        });
    }

    /// Somebody may have seen a failure.
    pub(crate) fn forget(&self) {
        self.0.borrow_mut().clear();
    }
}

/// A request has ended and says nothing of an endpoint; where it was the probe, the next one is.
pub(crate) fn unprobed(cluster: &str, probe: bool, now: u64) {
    if probe {
        change(cluster, |health| health.unprobed(now));
    }
}

/// Looks at what is known of a destination, and changes it, as one step; nothing when others kept changing it.
fn change<T>(cluster: &str, mut change: impl FnMut(&mut Health) -> T) -> Option<T> {
    vm::update(format!("sailcloth/circuit-breaker/ejection/{cluster}").as_bytes(), |bytes| {
        let before = Health::decode(bytes);
        let mut health = before.clone();
        let told = change(&mut health);
        ((health != before).then(|| health.encode()), told)
    })
}
