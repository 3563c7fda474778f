//! `test_filter.wasm`: circuit breaker and router behind a behaviour that does what a request asks for in `x-test-...` headers. Only
//! tests load it; it shows what the seam does when a behaviour panics, waits or replies.

use std::time::Duration;

use host::{Behaviour, Reply, RequestPhase, Step, Wait};
use shared::plan::Plan;

struct OnRequest;

impl Behaviour for OnRequest {
    type Stream = u32;

    fn new(_: &Plan) -> OnRequest {
        OnRequest
    }

    fn request(&self, waited: &mut u32, request: &mut RequestPhase<'_>) -> Step {
        if request.request().header(b"x-test-panic").is_some() {
            #[expect(clippy::panic, reason = "what a bug would do, on purpose")]
            {
                panic!("a request asked for it");
            }
        }
        self.resume(waited, request)
    }

    /// `x-test-wait-ms: N` waits, `x-test-waits: M` so many times; `x-test-reply: STATUS` replies after that.
    fn resume(&self, waited: &mut u32, request: &mut RequestPhase<'_>) -> Step {
        let asked = |name: &[u8]| -> Option<u32> {
            let value = request.request().header(name)?;
            std::str::from_utf8(&value).ok()?.parse().ok()
        };
        if let Some(ms) = asked(b"x-test-wait-ms")
            && *waited < asked(b"x-test-waits").unwrap_or(1)
        {
            *waited += 1;
            return Step::Wait(Wait::For(Duration::from_millis(ms.into())));
        }
        let Some(status) = asked(b"x-test-reply") else { return Step::Next };
        // A behaviour that replies has found the rule first, as fault and circuit breaker do.
        request.decision();
        let headers = vec![(b"x-test".to_vec(), b"replied".to_vec())];
        Step::Reply(Reply { status, headers, body: b"by test".to_vec(), details: "test", grpc_status: None })
    }
}

host::main!("test_filter", (OnRequest, circuit_breaker::CircuitBreaker, router::Router));
