//! Changes to a response on its way back, whoever made it.

use super::scene::Moment;
use super::{Changes, apply};
use crate::decide::{Decision, OwnReply, Request};
use crate::plan::format::Source;
use crate::plan::header_ops::HeaderOps;
use crate::plan::{Action, Plan, Rule};

/// Tells the changes to a response: the rule's and the destination's operations, then the CORS headers. They apply to
/// Envoy's own replies and to those of filters as well.
///
/// A preflight's answer gets none of the rule's operations: Envoy's CORS filter gives it before the route has a say.
pub fn response<S: Source + Changes>(plan: &Plan, decision: &Decision, headers: &mut S) {
    if !touches_response(plan, decision) {
        return;
    }
    let Some(rule) = decision.rule(plan) else { return };
    let moment = Moment { plan, decision, answering: true };
    let Rule { action: Action::Route(route), .. } = rule else {
        return apply(&[&rule.response_headers], moment, headers);
    };
    let destination = decision.destination.and_then(|index| route.destinations.get(index));
    match destination.map(|it| &it.response_headers).filter(|ops| !ops.is_empty()) {
        Some(ops) if route.destinations.is_weighted() => {
            apply(&[ops], moment, headers);
            apply(&[&rule.response_headers], moment, headers);
        }
        Some(ops) => apply(&[&rule.response_headers, ops], moment, headers),
        None => apply(&[&rule.response_headers], moment, headers),
    }
    // Envoy's CORS filter marks responses to requests that it has seen; a fault's abort stands before it.
    if let Some(cors) = &route.cors
        && decision.reply != Some(OwnReply::FaultAbort)
    {
        let origin = headers.request_header(b"origin").map(|origin| origin.into_owned()).unwrap_or_default();
        cors.mark(&origin, |name, value| headers.set(name.as_bytes(), value));
    }
}

/// Whether [`response`] could change anything, so that nobody has to look at the response otherwise.
#[inline]
pub fn touches_response(plan: &Plan, decision: &Decision) -> bool {
    // Envoy gives these before any route has a say in the response.
    let before = matches!(decision.reply, Some(OwnReply::Preflight | OwnReply::HttpsRedirect | OwnReply::NotFound));
    !before && decision.rule(plan).is_some_and(|rule| rule.touches_response)
}

/// The request headers that [`response`] asks for. They are gone by then, so whoever carries it out keeps them, with
/// the values they have when the request goes on. Most requests have no `origin`, and none is asked for then.
#[inline]
pub fn kept_for_response<'p>(
    plan: &'p Plan,
    decision: &Decision,
    request: &Request<'_>,
) -> impl Iterator<Item = &'p [u8]> {
    const ORIGIN: &[u8] = b"origin";
    let rule = decision.rule(plan).filter(|_| touches_response(plan, decision));
    let of_destination = decision.chosen(plan).map(|it| &it.request_headers);
    let operations = rule.into_iter().map(|rule| &rule.request_headers).chain(of_destination);
    let none = operations.clone().all(HeaderOps::is_empty) && request.header(ORIGIN).is_none();
    let names = rule.into_iter().flat_map(|rule| &rule.kept).map(|name| &**name);
    names.filter(move |name| !(none && *name == ORIGIN))
}
