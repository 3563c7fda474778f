//! Faults on purpose: a share of a rule's requests waits, a share is answered with an error. Both are decided apart, the
//! delay comes first, and neither timeouts nor retries know of them, since the request has not gone anywhere yet.

use std::time::Duration;

use host::{Behaviour, RequestPhase, Step, Wait};
use shared::decide;
use shared::plan::Plan;

/// The behaviour.
#[derive(Debug)]
pub struct Fault;

impl Behaviour for Fault {
    type Stream = ();

    fn new(_: &Plan) -> Fault {
        Fault
    }

    fn request(&self, own: &mut (), request: &mut RequestPhase<'_>) -> Step {
        if let Some((ms, ppm)) = fault(request).and_then(|fault| fault.delay)
            && request.hits(ppm)
        {
            request.note(|decision| decision.delayed = true);
            return Step::Wait(Wait::For(Duration::from_millis(ms)));
        }
        self.resume(own, request)
    }

    fn resume(&self, _: &mut (), request: &mut RequestPhase<'_>) -> Step {
        let Some((_, ppm)) = fault(request).and_then(|fault| fault.abort) else { return Step::Next };
        if !request.hits(ppm) {
            return Step::Next;
        }
        let (plan, draw) = (request.plan(), request.draw());
        request.note(|decision| decide::abort(plan, decision, |split| split.choose(|| draw)));
        request.own_reply().map_or(Step::Next, Step::Reply)
    }
}

/// The fault of the rule that the request has found.
fn fault<'p>(request: &mut RequestPhase<'p>) -> Option<&'p shared::plan::fault::Fault> {
    let decision = request.decision()?;
    decide::fault(request.plan(), &decision)
}
