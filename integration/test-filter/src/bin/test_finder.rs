//! `test_finder.wasm`: a module that finds the rule and chooses the destination before the router does, as canary does,
//! and tells the upstream what it chose; or one that replies, as fault and circuit breaker do.

use host::{Behaviour, Reply, RequestPhase, Step};
use shared::decide::OwnReply;
use shared::plan::Plan;

struct Finder;

impl Behaviour for Finder {
    type Stream = ();

    fn new(_: &Plan) -> Finder {
        Finder
    }

    /// `x-test-reason: N` replies for the reason of that number, as if a fault had delayed the request before.
    fn request(&self, _: &mut (), request: &mut RequestPhase<'_>) -> Step {
        let reason = request.request().header(b"x-test-reason").and_then(|value| value.first().copied());
        if let Some(reason) = reason.and_then(|digit| OwnReply::from_number(digit.saturating_sub(b'0'))) {
            request.decision();
            request.note(|decision| {
                decision.reply = Some(reason);
                decision.delayed = true;
            });
            return Step::Reply(Reply {
                status: 503,
                headers: Vec::new(),
                body: Vec::new(),
                details: "test",
                grpc_status: None,
            });
        }
        if let Some(cluster) = request.destination().and_then(|decision| decision.cluster(request.plan())) {
            request.set_header(b"x-test-chosen", cluster.as_bytes());
        }
        Step::Next
    }
}

host::main!("test_finder", host::Alone<Finder>);
