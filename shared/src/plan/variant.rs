//! Route variants: what Envoy must have in its route table beside the plain route, since no header can ask for it.
//!
//! Most requests take the plain route, which carries Istio's default retry policy. A rule with retries of its own
//! names a variant in [`ROUTE_HEADER`]; the retry conditions themselves travel in Envoy's `x-envoy-retry-...` headers.

use crate::model::Resources;
use crate::model::http_route::HttpRetry;

/// Names the cluster; every generated route follows it (`cluster_header`) and removes it.
pub const CLUSTER_HEADER: &str = "x-sailcloth-cluster";

/// Names the route variant; absent for the plain route.
pub const ROUTE_HEADER: &str = "x-sailcloth-route";

/// Istio's default retry policy, in Envoy's words (istiod's `retry.DefaultPolicy`).
pub const DEFAULT_RETRY_ON: &str = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";

/// How often Istio's default policy tries again.
pub const DEFAULT_RETRIES: u32 = 2;

/// Envoy's base interval of the retry back-off, in milliseconds.
const DEFAULT_BACKOFF_MS: u64 = 25;

/// What a rule's retries need of the route itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteVariant {
    /// `retryIgnorePreviousHosts`: endpoints that failed before are avoided.
    pub previous_hosts: bool,
    /// `retryRemoteLocalities`: other priorities are tried.
    pub remote_localities: bool,
    /// The base of the exponential back-off, in milliseconds; its maximum is ten times as long.
    pub backoff_ms: u64,
}

impl RouteVariant {
    /// What these retries need; nothing when they never try again.
    pub fn of(retries: &HttpRetry) -> Option<RouteVariant> {
        (retries.attempts.unwrap_or(0) > 0).then(|| RouteVariant {
            previous_hosts: retries.retry_ignore_previous_hosts.unwrap_or(true),
            remote_localities: retries.retry_remote_localities.unwrap_or(false),
            backoff_ms: retries.backoff.map_or(DEFAULT_BACKOFF_MS, |backoff| backoff.get()),
        })
    }

    /// The value of [`ROUTE_HEADER`]: from what the variant is alone, so that modules and routes that were generated
    /// apart agree.
    pub fn name(&self) -> String {
        let mut name = format!("retry-{}ms", self.backoff_ms);
        if self.previous_hosts {
            name.push_str("-previous-hosts");
        }
        if self.remote_localities {
            name.push_str("-remote-localities");
        }
        name
    }
}

/// Every variant that the rules of a set need, sorted.
pub fn variants(set: &Resources) -> Vec<RouteVariant> {
    let rules = set.virtual_services.iter().flat_map(|service| &service.spec.http);
    let mut all: Vec<_> = rules.filter_map(|rule| rule.retries.as_ref()).filter_map(RouteVariant::of).collect();
    crate::order::sort(&mut all);
    all.dedup();
    all
}
