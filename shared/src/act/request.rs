//! Changes to a request on its way to the destination.

use std::time::Duration;

use super::scene::Moment;
use super::{Changes, apply};
use crate::decide::{Decision, Found, Request};
use crate::names::INTERNAL_PREFIX;
use crate::plan::format::Source;

use crate::plan::variant::{CLUSTER_HEADER, ROUTE_HEADER};
use crate::plan::{Action, PER_TRY_TIMEOUT, Plan, RouteAction, Rule, Timeout, grpc_timeout_ms};

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
    let Some(rule @ Rule { action: Action::Route(route), .. }) = decision.rule(plan) else {
        return limit(None, request, headers);
    };
    let destination = decision.destination.and_then(|index| route.destinations.get(index));

    let moment = Moment { plan, decision, answering: false };
    let of_destination = destination.map(|it| &it.request_headers).filter(|ops| !ops.is_empty());
    match of_destination {
        Some(ops) if route.destinations.is_weighted() => {
            apply(&[ops], moment, headers);
            apply(&[&rule.request_headers], moment, headers);
        }
        Some(ops) => apply(&[&rule.request_headers, ops], moment, headers),
        None => apply(&[&rule.request_headers], moment, headers),
    }
    // The rule's authority wins over a destination's, in istiod for one destination and in Envoy for several. Envoy
    // tells the upstream what a route's replaced; of a weighted cluster's it says nothing.
    let own = destination.and_then(|it| it.authority.as_deref());
    let (before, authority) = match route.authority.as_deref() {
        authority if route.destinations.is_weighted() => (own, authority),
        authority => (None, authority.or(own)),
    };
    if let Some(authority) = before {
        headers.set(b":authority", authority);
    }
    if let Some(authority) = authority {
        headers.set(b"x-envoy-original-host", before.unwrap_or(request.authority()));
        headers.set(b":authority", authority);
    }
    if let (Some(rewrite), Found::Rule { matched, .. }) = (&route.rewrite, decision.found)
        && let Some(block) = rule.matches.get(matched as usize)
        && let Some(path) = rewrite.apply(request, block.path())
    {
        headers.set(b"x-envoy-original-path", request.path_and_query());
        headers.set(b":path", &path);
    }
    limit(route.timeout.as_deref(), request, headers);
    if request.is_grpc() {
        deadline(route, request, headers);
    }
    if let Some(name) = route.variants.name(decision.mirrors) {
        headers.set(ROUTE_HEADER.as_bytes(), name);
    }
    for (name, value) in &route.retries {
        headers.set(name.as_bytes(), value);
    }
}

/// How long the request may take as a whole: the rule's timeout, or less where a gRPC client asks for less.
#[inline]
pub fn timeout(plan: &Plan, decision: &Decision, request: &Request<'_>) -> Option<Duration> {
    let rule = match decision.rule(plan) {
        Some(Rule { action: Action::Route(route), .. }) => route.timeout.as_ref().map(|timeout| timeout.ms),
        _ => None,
    };
    rule.into_iter().chain(grpc_timeout(request)).min().map(Duration::from_millis)
}

#[inline]
fn grpc_timeout(request: &Request<'_>) -> Option<u64> {
    let asked = request.header(b"grpc-timeout").filter(|_| request.is_grpc());
    asked.and_then(|value| grpc_timeout_ms(&value)).filter(|ms| *ms > 0)
}

/// Tells Envoy's router how long the request may take: as long as the rule says, or a gRPC client, whoever says less.
///
/// istiod leaves the client's part to the route's `max_grpc_timeout`, which Envoy has deprecated. What replaces it would
/// count for requests that are no gRPC as well.
fn limit(rule: Option<&Timeout>, request: &Request<'_>, headers: &mut impl Changes) {
    const TIMEOUT: &[u8] = b"x-envoy-upstream-rq-timeout-ms";
    match (rule, grpc_timeout(request)) {
        (Some(rule), asked) if asked.is_none_or(|asked| asked > rule.ms) => headers.set(TIMEOUT, &rule.value),
        (_, Some(asked)) => headers.set(TIMEOUT, asked.to_string().as_bytes()),
        (_, None) => {}
    }
}

/// Tells a gRPC destination how long it has, in `grpc-timeout`: for the whole request, or for a try where that is less.
///
/// With `max_grpc_timeout` Envoy would tell it by itself, and at each attempt what is left; here every attempt is told what
/// the first one has.
fn deadline(route: &RouteAction, request: &Request<'_>, headers: &mut impl Changes) {
    let rule = route.timeout.as_ref().map(|timeout| timeout.ms);
    let tries = route.retries.iter().find(|(name, _)| *name == PER_TRY_TIMEOUT);
    let one_try = tries.and_then(|(_, ms)| std::str::from_utf8(ms).ok()?.parse().ok());
    if let Some(most) = rule.into_iter().chain(grpc_timeout(request)).chain(one_try).min() {
        headers.set(b"grpc-timeout", &[most.to_string().as_bytes(), b"m"].concat());
    }
}

/// Names the route that mirrors, for a module that draws the mirrors and has no router in it; one that comes after it
/// writes the same. What a client sends under this name is taken away.
pub fn name_route(plan: &Plan, decision: &Decision, request: &Request<'_>, headers: &mut impl Changes) {
    let variant = match decision.rule(plan) {
        Some(Rule { action: Action::Route(route), .. }) if decision.mirrors != 0 => {
            route.variants.name(decision.mirrors)
        }
        _ => None,
    };
    match variant {
        Some(name) => headers.set(ROUTE_HEADER.as_bytes(), name),
        None if request.header(ROUTE_HEADER.as_bytes()).is_some() => headers.remove(ROUTE_HEADER.as_bytes()),
        None => {}
    }
}

#[inline]
fn is_internal(name: &[u8]) -> bool {
    name.starts_with(INTERNAL_PREFIX.as_bytes())
        || (name.starts_with(b"x-envoy-") && INTERNAL_HEADERS.iter().any(|internal| internal.as_bytes() == name))
}
