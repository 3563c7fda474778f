//! `test_finder.wasm`: a module that finds the rule and chooses the destination before the router does, as canary does,
//! and tells the upstream what it chose.

use host::{Behaviour, RequestPhase, Step};
use shared::plan::Plan;

struct Finder;

impl Behaviour for Finder {
    type Stream = ();

    fn new(_: &Plan) -> Finder {
        Finder
    }

    fn request(&self, _: &mut (), request: &mut RequestPhase<'_>) -> Step {
        if let Some(cluster) = request.destination().and_then(|decision| decision.cluster(request.plan())) {
            request.set_header(b"x-test-chosen", cluster.as_bytes());
        }
        Step::Next
    }
}

host::main!("test_finder", host::Alone<Finder>);
