//! Who waits until when: deadlines in milliseconds, the earliest first.
//!
//! There are never more entries than waiting streams, since whoever leaves takes its entry along.

use std::collections::VecDeque;

/// How many streams may go on in one tick. Envoy lets them go on one inside the other, so a thousand at once overflow
/// V8's stack and kill the VM.
pub(crate) const MOST_PER_TICK: usize = 64;

/// Streams by deadline. Most waits are as long as those before them, and new ones come to the end.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    sorted: VecDeque<(u64, u32)>,
}

impl Waits {
    /// A stream begins to wait.
    pub(crate) fn insert(&mut self, deadline: u64, stream: u32) {
        if let Err(at) = self.sorted.binary_search(&(deadline, stream)) {
            self.sorted.insert(at, (deadline, stream));
        }
    }

    /// A stream stops waiting before its time.
    pub(crate) fn remove(&mut self, deadline: u64, stream: u32) {
        if let Ok(at) = self.sorted.binary_search(&(deadline, stream)) {
            self.sorted.remove(at);
        }
    }

    /// The streams whose time has come, as many as one tick bears, in the order of their deadlines.
    pub(crate) fn due(&mut self, now: u64) -> Vec<u32> {
        let mut out = Vec::new();
        while out.len() < MOST_PER_TICK && self.sorted.front().is_some_and(|(deadline, _)| *deadline <= now) {
            out.extend(self.sorted.pop_front().map(|(_, stream)| stream));
        }
        out
    }

    /// The earliest deadline; nothing when nobody waits for a time.
    pub(crate) fn next(&self) -> Option<u64> {
        self.sorted.front().map(|(deadline, _)| *deadline).filter(|deadline| *deadline < u64::MAX)
    }
}

/// In how many milliseconds a tick is needed for something that is due then; at least 1.
pub(crate) fn tick(deadline: u64, now: u64) -> u32 {
    u32::try_from(deadline.saturating_sub(now)).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_first_and_few_at_a_time() {
        let mut waits = Waits::default();
        assert_eq!(waits.next(), None);
        for stream in 0..100 {
            waits.insert(1000 - u64::from(stream), stream);
        }
        waits.remove(901, 99);
        assert_eq!(waits.next().map(|next| tick(next, 100)), Some(802));
        assert!(waits.due(901).is_empty());
        assert_eq!(waits.due(903), [98, 97]);
        let first = waits.due(2000);
        assert_eq!((first.len(), first.first()), (MOST_PER_TICK, Some(&96)));
        assert_eq!(waits.next().map(|next| tick(next, 2000)), Some(1));
        assert_eq!(waits.due(2000).len(), 33);
        waits.insert(u64::MAX, 1);
        assert_eq!(waits.next(), None);
    }
}
