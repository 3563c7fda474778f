//! Replies that need no destination.

use std::borrow::Cow;

use crate::decide::{Decision, Found, OwnReply, Request};
use crate::plan::fault::AbortWith;
use crate::plan::matching::PathMatch;
use crate::plan::redirect::{https_location, same_location};
use crate::plan::{Action, Plan};

/// What Envoy's own fault filter says.
const ABORTED: &[u8] = b"fault filter abort";

/// What access logs say of a host that nobody knows.
pub const UNKNOWN_HOST_DETAILS: &str = "unknown_host";

/// An answer given here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply<'p> {
    /// The HTTP status.
    pub status: u32,
    /// Headers beside those that Envoy gives every reply.
    pub headers: Vec<(Cow<'p, [u8]>, Vec<u8>)>,
    /// The body; `text/plain` unless the headers say otherwise.
    pub body: Cow<'p, [u8]>,
    /// Why, for `%RESPONSE_CODE_DETAILS%` in access logs; Envoy's own words where it has some.
    pub details: &'static str,
    /// The status for gRPC clients; Envoy derives one from the HTTP status where there is none.
    pub grpc_status: Option<u8>,
}

/// The reply, where the decision is to answer here.
pub fn reply<'p>(plan: &'p Plan, decision: &Decision, request: &Request<'_>) -> Option<Reply<'p>> {
    let rule = decision.rule(plan);
    let action = rule.map(|rule| &rule.action);
    let empty = |status, details| Reply {
        status,
        headers: Vec::new(),
        body: Cow::Borrowed(&b""[..]),
        details,
        grpc_status: None,
    };
    let redirected = |status, location| {
        let location = (Cow::Borrowed(&b"location"[..]), location);
        Reply { headers: vec![location], ..empty(status, "direct_response") }
    };
    Some(match (decision.reply?, action) {
        (OwnReply::HttpsRedirect, _) => redirected(301, https_location(request)),
        (OwnReply::Redirect, Some(Action::Redirect(redirect))) => {
            redirected(redirect.status, redirect.location(request, matched(plan, decision)))
        }
        (OwnReply::DirectResponse, Some(Action::DirectResponse(response))) => {
            let located = response.status == 201 || (300..400).contains(&response.status);
            let headers = located.then(|| (Cow::Borrowed(&b"location"[..]), same_location(request)));
            let headers = headers.into_iter().collect();
            Reply { body: Cow::Borrowed(&response.body), headers, ..empty(response.status, "direct_response") }
        }
        (OwnReply::Preflight, Some(Action::Route(route))) => {
            let mut reply = empty(200, "cors_response");
            if let Some(cors) = &route.cors {
                cors.preflight(request, |name, value| {
                    let name = name.as_bytes().to_vec();
                    reply.headers.retain(|(known, _)| known.as_ref() != name.as_slice());
                    reply.headers.push((Cow::Owned(name), value.to_vec()));
                });
            }
            reply
        }
        (OwnReply::FaultAbort, Some(Action::Route(route))) => {
            let (status, grpc_status) = match route.fault.as_ref()?.abort?.0 {
                AbortWith::Http(status) => (status, None),
                AbortWith::Grpc(status) => (200, Some(status)),
            };
            Reply { body: ABORTED.into(), grpc_status, ..empty(status, "fault_filter_abort") }
        }
        (OwnReply::UnknownHost, _) => {
            Reply { body: plan.unknown_host(request).into(), ..empty(404, UNKNOWN_HOST_DETAILS) }
        }
        (OwnReply::Blocked, _) => empty(502, "direct_response"),
        _ => empty(404, "route_not_found"),
    })
}

fn matched<'p>(plan: &'p Plan, decision: &Decision) -> PathMatch<'p> {
    let Found::Rule { rule, matched, .. } = decision.found else { return PathMatch::Whole };
    plan.rule(rule).and_then(|rule| rule.matches.get(matched as usize)).map_or(PathMatch::Whole, |block| block.path())
}
