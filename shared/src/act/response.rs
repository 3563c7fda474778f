//! Changes to a response on its way back, whoever made it.

use super::{Changes, apply};
use crate::decide::{Decision, OwnReply, Request};
use crate::plan::format::Source;
use crate::plan::{Action, Plan, Rule};

/// Tells the changes to a response: the rule's and the destination's operations, then the CORS headers. They apply to
/// Envoy's own replies and to those of filters as well.
///
/// A preflight's answer gets none of the rule's operations: Envoy's CORS filter gives it before the route has a say.
pub fn response<S: Source + Changes>(plan: &Plan, decision: &Decision, request: &Request<'_>, headers: &mut S) {
    if matches!(decision.reply, Some(OwnReply::Preflight | OwnReply::HttpsRedirect | OwnReply::NotFound)) {
        return;
    }
    let Some(rule) = decision.rule(plan) else { return };
    let Rule { action: Action::Route(route), .. } = rule else {
        return apply(&[&rule.response_headers], headers);
    };
    let destination = decision.destination.and_then(|index| route.destinations.get(index));
    match destination.map(|it| &it.response_headers).filter(|ops| !ops.is_empty()) {
        Some(ops) if route.destinations.is_weighted() => {
            apply(&[ops], headers);
            apply(&[&rule.response_headers], headers);
        }
        Some(ops) => apply(&[&rule.response_headers, ops], headers),
        None => apply(&[&rule.response_headers], headers),
    }
    if let Some(cors) = &route.cors {
        cors.mark(request, |name, value| headers.set(name.as_bytes(), value));
    }
}

/// Whether [`response`] could change anything, so that nobody has to look at the response otherwise.
pub fn touches_response(plan: &Plan, decision: &Decision) -> bool {
    let Some(rule) = decision.rule(plan) else { return false };
    let route = match &rule.action {
        Action::Route(route) => Some(route),
        _ => None,
    };
    !rule.response_headers.is_empty()
        || route.is_some_and(|route| {
            let destination = decision.destination.and_then(|index| route.destinations.get(index));
            route.cors.is_some() || destination.is_some_and(|it| !it.response_headers.is_empty())
        })
}
