//! Faults: how many requests wait, how many are aborted, and with what.

use crate::model::fault::{Abort, HttpFault};
use crate::model::values::Percent;

/// A compiled fault; at least one of the two.
#[derive(Debug)]
pub struct Fault {
    /// The wait in milliseconds, and how many of a million requests wait.
    pub delay: Option<(u64, u32)>,
    /// The answer, and how many of a million requests get it.
    pub abort: Option<(AbortWith, u32)>,
}

/// What an aborted request is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbortWith {
    /// An HTTP status.
    Http(u32),
    /// A gRPC status.
    Grpc(u8),
}

impl Fault {
    /// Compiles; nothing when no request would be hit.
    pub fn compile(model: &HttpFault) -> Option<Fault> {
        let delay = model.delay.as_ref().and_then(|delay| {
            let ppm = delay.percentage.map(Percent::ppm).or(delay.percent.map(|percent| percent.ppm())).unwrap_or(0);
            Some((delay.fixed_delay?.get(), ppm))
        });
        let abort = model.abort.as_ref().and_then(|abort| {
            let ppm = abort.percentage.map(Percent::ppm).or(abort.percent.map(|percent| percent.ppm())).unwrap_or(0);
            Some((with(abort)?, ppm))
        });
        let (delay, abort) = (delay.filter(|(_, ppm)| *ppm > 0), abort.filter(|(_, ppm)| *ppm > 0));
        (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
    }
}

fn with(abort: &Abort) -> Option<AbortWith> {
    abort.http_status.map(AbortWith::Http).or(abort.grpc_status.map(|status| AbortWith::Grpc(status.0)))
}

/// Whether a draw hits a share of `ppm` millionths: all of them at 1,000,000, none at 0. The error of the scaling is
/// below 2^-44.
#[inline]
pub fn hits(ppm: u32, draw: u64) -> bool {
    ((u128::from(draw) * 1_000_000) >> 64) < u128::from(ppm)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::hits;

    #[test]
    fn shares_are_exact_at_both_ends() {
        assert!(!hits(0, 0) && hits(1, 0) && hits(1_000_000, u64::MAX) && !hits(999_999, u64::MAX));
        // A millionth of all draws, and not one more.
        let millionth = u64::MAX / 1_000_000;
        assert!(hits(1, millionth) && !hits(1, millionth + 1));
    }
}
