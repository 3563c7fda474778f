//! The router: it answers redirects, direct responses, preflights and what nothing matches, and sends everything else
//! to its destination. Last in the chain: others decide, the router acts.

use host::{Behaviour, RequestPhase, ResponsePhase, Step};
use shared::plan::Plan;

/// The behaviour.
#[derive(Debug)]
pub struct Router;

impl Behaviour for Router {
    type Stream = ();

    fn new(_: &Plan) -> Router {
        Router
    }

    fn request(&self, _: &mut (), request: &mut RequestPhase<'_>) -> Step {
        if request.destination().is_none() {
            return Step::Next;
        }
        if let Some(reply) = request.own_reply() {
            return Step::Reply(reply);
        }
        request.forward();
        Step::Next
    }

    fn response(&self, _: &mut (), response: &mut ResponsePhase<'_>) {
        if !response.is_own_reply() {
            response.finish();
        }
    }
}
