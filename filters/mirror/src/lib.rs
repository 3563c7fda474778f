//! Mirror: it draws who gets a copy of a request that goes to a destination. Envoy makes the copies and streams them:
//! each set of mirrors that can be drawn is a route of the generated table, which the router names in
//! `x-sailcloth-route`, or mirror itself in a module of its own.

use host::{Behaviour, RequestPhase, Step};
use shared::plan::Plan;

/// The behaviour.
#[derive(Debug)]
pub struct Mirror;

impl Behaviour for Mirror {
    type Stream = ();

    fn new(_: &Plan) -> Mirror {
        Mirror
    }

    fn request(&self, _: &mut (), request: &mut RequestPhase<'_>) -> Step {
        request.mirror();
        Step::Next
    }
}
