//! Changes to a request on its way to the destination.

use std::time::Duration;

use super::{Changes, apply};
use crate::decide::{Decision, Found, Request};
use crate::plan::format::Source;
use crate::plan::variant::{CLUSTER_HEADER, ROUTE_HEADER};
use crate::plan::{Action, Plan, RouteAction, Rule, grpc_timeout_ms};

/// Headers that only Sailcloth writes: what a client sends under these names is taken away. With them Envoy's router
/// would be told where a request goes and how often it is tried.
pub const INTERNAL_HEADERS: &[&str] = &[
    CLUSTER_HEADER,
    ROUTE_HEADER,
    "x-envoy-hedge-on-per-try-timeout",
    "x-envoy-max-retries",
    "x-envoy-retriable-header-names",
    "x-envoy-retriable-status-codes",
    "x-envoy-retry-grpc-on",
    "x-envoy-retry-on",
    "x-envoy-upstream-alt-stat-name",
    "x-envoy-upstream-rq-per-try-timeout-ms",
    "x-envoy-upstream-rq-timeout-alt-response",
    "x-envoy-upstream-rq-timeout-ms",
    "x-envoy-upstream-stream-duration-ms",
];

/// Whatever begins so is internal as well.
const INTERNAL_PREFIX: &[u8] = b"x-sailcloth-";

/// Tells the changes that send a request to its destination. For requests that are answered here there are none.
///
/// `headers` answers format strings from the request as it is by then, changes included.
pub fn request<S: Source + Changes>(plan: &Plan, decision: &Decision, request: &Request<'_>, headers: &mut S) {
    for (name, _) in request.headers() {
        if is_internal(name) {
            headers.remove(name);
        }
    }
    let Some(cluster) = decision.cluster(plan) else { return };
    headers.set(CLUSTER_HEADER.as_bytes(), cluster.as_bytes());
    let Some(rule @ Rule { action: Action::Route(route), .. }) = decision.rule(plan) else { return };
    let destination = decision.destination.and_then(|index| route.destinations.get(index));

    let of_destination = destination.map(|it| &it.request_headers).filter(|ops| !ops.is_empty());
    match of_destination {
        Some(ops) if route.destinations.is_weighted() => {
            apply(&[ops], headers);
            apply(&[&rule.request_headers], headers);
        }
        Some(ops) => apply(&[&rule.request_headers, ops], headers),
        None => apply(&[&rule.request_headers], headers),
    }
    // The rule's authority wins over a destination's, in istiod for one destination and in Envoy for several.
    let authority = route.authority.as_deref().or_else(|| destination?.authority.as_deref());
    if let Some(authority) = authority {
        headers.set(b":authority", authority);
    }
    if let (Some(rewrite), Found::Rule { matched, .. }) = (&route.rewrite, decision.found)
        && let Some(block) = rule.matches.get(matched as usize)
    {
        headers.set(b"x-envoy-original-path", request.path_and_query());
        headers.set(b":path", &rewrite.apply(request, block.path()));
    }
    upstream(route, request, headers);
}

/// How long the request may take as a whole: the rule's timeout, or less where a gRPC client asks for less.
pub fn timeout(plan: &Plan, decision: &Decision, request: &Request<'_>) -> Option<Duration> {
    let Some(Rule { action: Action::Route(route), .. }) = decision.rule(plan) else { return None };
    let own = route.timeout.as_ref()?.ms;
    Some(Duration::from_millis(grpc_timeout(request).map_or(own, |asked| asked.min(own))))
}

fn grpc_timeout(request: &Request<'_>) -> Option<u64> {
    let asked = request.header(b"grpc-timeout").filter(|_| request.is_grpc());
    asked.and_then(|value| grpc_timeout_ms(&value)).filter(|ms| *ms > 0)
}

/// Timeout and retries, which Envoy's router reads from headers and takes away again.
fn upstream(route: &RouteAction, request: &Request<'_>, headers: &mut impl Changes) {
    if let Some(timeout) = &route.timeout {
        // A gRPC client may ask for less; Envoy then takes the time from `grpc-timeout`, unless the header overrides it.
        if grpc_timeout(request).is_none_or(|asked| asked >= timeout.ms) {
            headers.set(b"x-envoy-upstream-rq-timeout-ms", &timeout.value);
        }
    }
    for (name, value) in &route.retries {
        headers.set(name.as_bytes(), value);
    }
}

fn is_internal(name: &[u8]) -> bool {
    name.starts_with(b"x-")
        && (name.starts_with(INTERNAL_PREFIX) || INTERNAL_HEADERS.iter().any(|internal| internal.as_bytes() == name))
}
