//! Splits between versions: by weight, or by the client where the VirtualService asks for it with the annotation
//! `sailcloth.dev/sticky`. A request's choice is made once, so that its retries keep it.

use host::{Behaviour, RequestPhase, ResponsePhase, Step};
use shared::decide::{self, cookie};
use shared::plan::Plan;
use shared::plan::sticky::Sticky;
use shared::plan::variant::CLUSTER_HEADER;

/// The behaviour.
#[derive(Debug)]
pub struct Canary;

impl Behaviour for Canary {
    /// The `set-cookie` for a client that had no cookie yet.
    type Stream = Option<Vec<u8>>;

    fn new(_: &Plan) -> Canary {
        Canary
    }

    fn request(&self, new_cookie: &mut Option<Vec<u8>>, request: &mut RequestPhase<'_>) -> Step {
        if let Some(destination) = stick(new_cookie, request) {
            request.note(|decision| decision.destination = Some(destination));
        }
        // Whoever is not sticky is drawn by weight.
        let decision = request.destination();
        if request.is_alone() {
            let name = CLUSTER_HEADER.as_bytes();
            match decision.and_then(|decision| decision.cluster(request.plan())) {
                Some(cluster) => request.set_header(name, cluster.as_bytes()),
                // What a client sends under this name leads nowhere.
                None if request.request().header(name).is_some() => request.remove_header(name),
                None => {}
            }
        }
        Step::Next
    }

    fn response(&self, new_cookie: &mut Option<Vec<u8>>, response: &mut ResponsePhase<'_>) {
        if let Some(cookie) = new_cookie.take() {
            response.add_header(b"set-cookie", &cookie);
        }
    }
}

/// The destination that the client belongs to; nothing where the rule is not sticky, where somebody has chosen already,
/// and where the client says nothing of itself.
fn stick(new_cookie: &mut Option<Vec<u8>>, request: &mut RequestPhase<'_>) -> Option<u32> {
    let decision = request.decision()?;
    let (sticky, split) = decide::sticky(request.plan(), &decision)?;
    let said = match (decide::client_key(sticky, &request.request(), || request.source_ip()), sticky) {
        (Some(said), _) => said.into_owned(),
        (None, Sticky::Cookie(name)) => {
            let value = cookie::value(request.draw());
            *new_cookie = Some(cookie::set(name, &value, request.request().is_https()));
            value
        }
        (None, _) => return None,
    };
    Some(split.stick(&said))
}
