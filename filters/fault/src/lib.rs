//! Faults on purpose: a share of a rule's requests waits, a share is answered with an error. Both are decided apart, the
//! delay comes first, and neither timeouts nor retries know of them, since the request has not gone anywhere yet.

use std::time::Duration;

use host::{Behaviour, Reply, RequestPhase, Step, Wait};
use shared::decide::OwnReply;
use shared::plan::fault::AbortWith;
use shared::plan::{Action, Plan};

/// What Envoy's own fault filter says.
const BODY: &[u8] = b"fault filter abort";
const DETAILS: &str = "fault_filter_abort";

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
        let Some((with, ppm)) = fault(request).and_then(|fault| fault.abort) else { return Step::Next };
        if !request.hits(ppm) {
            return Step::Next;
        }
        // Envoy has a destination by then, for a preflight as well, whose response operations apply to the reply.
        request.note(|decision| decision.reply = None);
        request.destination();
        request.note(|decision| decision.reply = Some(OwnReply::FaultAbort));
        let (status, grpc_status) = match with {
            AbortWith::Http(status) => (status, None),
            AbortWith::Grpc(status) => (200, Some(i32::from(status))),
        };
        Step::Reply(Reply { status, headers: Vec::new(), body: BODY.to_vec(), details: DETAILS, grpc_status })
    }
}

/// The fault of the rule that the request has found. Requests that are redirected or answered directly have none; a
/// preflight has one, since Envoy's fault filter stands before its CORS filter.
fn fault<'p>(request: &mut RequestPhase<'p>) -> Option<&'p shared::plan::fault::Fault> {
    let decision = request.decision()?;
    if !matches!(decision.reply, None | Some(OwnReply::Preflight)) {
        return None;
    }
    match &decision.rule(request.plan())?.action {
        Action::Route(route) => route.fault.as_ref(),
        _ => None,
    }
}
