//! What behaviours of one module share between VMs, and how one VM wakes another.
//!
//! Envoy keeps one map of shared values for all workers, and queues that wake a root context; both outlive a VM. What a
//! behaviour leaves there has to make sense when the VM that wrote it is gone.

use std::cell::Cell;
use std::time::Duration;

use crate::abi;

/// No value has this version, so a value with it is set only where there is none: Envoy counts from 1, and takes a
/// new key whatever the version.
const ABSENT: u32 = u32::MAX;

/// How often a value is tried to be changed while others change it as well. Each attempt takes about two microseconds,
/// and one of those who try succeeds each time.
const ATTEMPTS: usize = 1000;

/// Changes a shared value as one step: `change` gets the value, empty when there is none, and gives the new one, or
/// nothing to leave it. It may be asked several times; what it tells with its last answer holds. Nothing when others
/// kept changing the value.
pub fn update<T>(key: &[u8], mut change: impl FnMut(&[u8]) -> (Option<Vec<u8>>, T)) -> Option<T> {
    for _ in 0..ATTEMPTS {
        let (value, version) = abi::shared(key).unwrap_or((Vec::new(), ABSENT));
        let (new, told) = change(&value);
        let Some(new) = new else { return Some(told) };
        if abi::set_shared(key, &new, version) {
            return Some(told);
        }
    }
    None
}

/// Wakes whoever has opened this queue: [`Behaviour::attend`](crate::Behaviour::attend) is asked there, soon but not
/// within this call.
pub fn wake(queue: u32) {
    abi::wake(queue);
}

/// The VM that a phase is in.
#[derive(Clone, Copy, Debug)]
pub struct Vm<'a>(pub(crate) &'a Attention);

impl Vm<'_> {
    /// Milliseconds of a clock that never goes back and is the same in all VMs.
    pub fn now(self) -> u64 {
        abi::now()
    }

    /// Asks for [`Behaviour::attend`](crate::Behaviour::attend) within this time.
    pub fn attend_within(self, time: Duration) {
        self.0.within(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), abi::now());
    }

    /// The queue that wakes this VM; its number names the VM, since no other ever has it.
    pub fn queue(self) -> u32 {
        self.0.queue()
    }
}

/// One stream of this VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u32);

/// What the root context of a configuration does for its behaviours: when they want to be asked next, and the queue
/// that wakes them.
#[derive(Debug, Default)]
pub(crate) struct Attention {
    /// When [`Behaviour::attend`](crate::Behaviour::attend) is asked at the latest.
    pub(crate) at: Cell<Option<u64>>,
    queue: Cell<Option<u32>>,
}

impl Attention {
    pub(crate) fn within(&self, ms: u64, now: u64) {
        let at = now.saturating_add(ms);
        if self.at.get().is_none_or(|before| before > at) {
            self.at.set(Some(at));
        }
    }

    /// The queue, opened when somebody asks first: configurations that are only checked open none. A name of its own
    /// makes this VM the only one that it wakes; Envoy keeps the name until the module goes, some hundred bytes for
    /// each VM that ever had to be woken.
    pub(crate) fn queue(&self) -> u32 {
        if let Some(queue) = self.queue.get() {
            return queue;
        }
        let mut name = [0; 8];
        if getrandom::fill(&mut name).is_err() {
            name = abi::now().to_le_bytes();
        }
        let name = format!("sailcloth/host/wake/{:016x}", u64::from_le_bytes(name));
        let queue = abi::open_queue(name.as_bytes()).unwrap_or(0);
        self.queue.set(Some(queue));
        queue
    }

    pub(crate) fn drain(&self) {
        if let Some(queue) = self.queue.get() {
            while abi::take_message(queue) {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_wish_counts() {
        let attention = Attention::default();
        attention.within(1000, 50);
        attention.within(200, 60);
        attention.within(500, 70);
        assert_eq!(attention.at.get(), Some(260));
    }
}
