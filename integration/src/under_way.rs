//! What Envoy and the modules count as under way: nothing of it may be left when every client is gone.

use std::time::{Duration, Instant};

use crate::envoy::Envoy;

/// Our own questions are requests as well.
pub const ADMIN: &str = "http.admin.";

/// Every gauge of a module and every gauge of requests that is not 0 now, as `name = value`.
pub fn now(envoy: &Envoy) -> Vec<String> {
    let gauges = envoy.gauges(r"^wasmcustom\.|(downstream|upstream)_rq_(pending_)?active$");
    let others = gauges.into_iter().filter(|(name, value)| *value != 0 && !name.starts_with(ADMIN));
    // A gauge that somebody took too much from shows as such.
    others.map(|(name, value)| format!("{name} = {}", value.cast_signed())).collect()
}

/// Waits until nothing is under way; what still is when the time is over.
pub fn settle(envoy: &Envoy, within: Duration) -> Vec<String> {
    let deadline = Instant::now() + within;
    loop {
        let left = now(envoy);
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
