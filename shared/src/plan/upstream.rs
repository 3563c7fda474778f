//! What a rule asks of Envoy's router filter: timeout and retries, as the headers that the router reads.

use super::variant::{DEFAULT_RETRY_ON, RetryVariant};
use crate::model::Millis;
use crate::model::http_route::HttpRetry;

/// How long Envoy waits for one try, in milliseconds.
pub(crate) const PER_TRY_TIMEOUT: &str = "x-envoy-upstream-rq-per-try-timeout-ms";

/// Fixed header writes: name and value.
pub type Writes = Box<[(&'static str, Box<[u8]>)]>;

/// gRPC's own conditions, which Envoy reads from a header of their own.
const GRPC_RETRY_ON: &[&str] = &["cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"];

/// The headers for retries.
pub fn retries(retries: &HttpRetry) -> Writes {
    if RetryVariant::of(retries) == RetryVariant::Never {
        // With any of these headers Envoy would count a limit as exceeded; the route says it all.
        return Writes::default();
    }
    let mut writes = conditions(retries).into_vec();
    let attempts = retries.attempts.unwrap_or(0).to_string();
    writes.push(("x-envoy-max-retries", attempts.into_bytes().into()));
    if let Some(timeout) = retries.per_try_timeout {
        writes.push((PER_TRY_TIMEOUT, timeout.get().to_string().into_bytes().into()));
    }
    writes.into()
}

/// `retryOn`, sorted into Envoy's three headers; numbers are status codes.
fn conditions(retries: &HttpRetry) -> Writes {
    let asked = retries.retry_on.as_deref().filter(|on| !on.is_empty()).unwrap_or(DEFAULT_RETRY_ON);
    let words = || asked.split(',').map(str::trim).filter(|word| !word.is_empty());
    let is_code = |word: &&str| word.bytes().all(|byte| byte.is_ascii_digit());
    let codes: Vec<&str> = words().filter(is_code).collect();
    let grpc: Vec<&str> = words().filter(|word| GRPC_RETRY_ON.contains(word)).collect();
    let mut http: Vec<&str> = words().filter(|word| !is_code(word) && !GRPC_RETRY_ON.contains(word)).collect();
    if !codes.is_empty() && !http.contains(&"retriable-status-codes") {
        http.push("retriable-status-codes");
    }
    let lists =
        [("x-envoy-retry-on", http), ("x-envoy-retry-grpc-on", grpc), ("x-envoy-retriable-status-codes", codes)];
    let filled = lists.into_iter().filter(|(_, list)| !list.is_empty());
    filled.map(|(name, list)| (name, list.join(",").into_bytes().into())).collect()
}

/// A rule's timeout.
#[derive(Debug)]
pub struct Timeout {
    /// Milliseconds.
    pub ms: u64,
    /// The value of `x-envoy-upstream-rq-timeout-ms`.
    pub value: Box<[u8]>,
}

impl Timeout {
    /// Compiles.
    pub fn compile(timeout: Millis) -> Timeout {
        let ms = timeout.get();
        Timeout { ms, value: ms.to_string().into_bytes().into() }
    }
}

/// A `grpc-timeout` in milliseconds, rounded up: up to eight digits and a unit. 0 is Envoy's way to say infinite.
pub fn grpc_timeout_ms(value: &[u8]) -> Option<u64> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(number * 3_600_000),
        b'M' => Some(number * 60_000),
        b'S' => Some(number * 1000),
        b'm' => Some(number),
        b'u' => Some(number.div_ceil(1000)),
        b'n' => Some(number.div_ceil(1_000_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn grpc_timeouts_have_units() {
        for (value, ms) in [
            ("1H", Some(3_600_000)),
            ("2S", Some(2000)),
            ("5m", Some(5)),
            ("1u", Some(1)),
            ("1500000n", Some(2)),
            ("123456789m", None),
            ("m", None),
            ("1x", None),
            ("-1m", None),
            ("", None),
        ] {
            assert_eq!(grpc_timeout_ms(value.as_bytes()), ms, "{value}");
        }
    }
}
