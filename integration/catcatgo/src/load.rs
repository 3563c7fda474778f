//! How many requests are being answered: what tests of connection pools and of limits look at.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::Serialize;

/// Counts requests.
#[derive(Default)]
pub struct Load {
    requests: AtomicU64,
    in_flight: AtomicU64,
    high_water: AtomicU64,
}

/// The counts at a moment.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests that came in.
    requests: u64,
    /// Requests that are not answered yet.
    in_flight: u64,
    /// The most that were in flight at a time.
    high_water: u64,
}

impl Load {
    /// Counts a request as in flight for as long as what is returned lives: also until a client gives up.
    pub fn enter(&self) -> Visit<'_> {
        self.requests.fetch_add(1, Relaxed);
        let now = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.high_water.fetch_max(now, Relaxed);
        Visit(self)
    }

    /// The counts now.
    pub fn stats(&self) -> Stats {
        Stats {
            requests: self.requests.load(Relaxed),
            in_flight: self.in_flight.load(Relaxed),
            high_water: self.high_water.load(Relaxed),
        }
    }
}

/// A request in flight.
pub struct Visit<'a>(&'a Load);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_stays() {
        let load = Load::default();
        let first = load.enter();
        let second = load.enter();
        drop(first);
        let third = load.enter();
        assert_eq!(load.stats(), Stats { requests: 3, in_flight: 2, high_water: 2 });
        drop((second, third));
        assert_eq!(load.stats(), Stats { requests: 3, in_flight: 0, high_water: 2 });
    }
}
