//! Routes: what Envoy does once the filters have decided. Every route follows the cluster that the router names, and
//! takes the internal headers away again.
//!
//! Most requests take the plain route, which carries the mesh's default retry policy. Rules with retries of their own
//! name a variant: headers say when and how often to try again, and the variant has what no header can say. Requests
//! with mirrors name one as well.

use std::time::Duration;

use serde::Serialize;
use shared::model::{MeshConfig, Resources};
use shared::plan::variant::{CLUSTER_HEADER, DEFAULT_RETRIES, DEFAULT_RETRY_ON, ROUTE_HEADER, variants};
use shared::plan::{self, RetryVariant, RouteVariant};

use crate::filter::Proxy;
use crate::wire::{self, Any, Extension, Message};

mod mirror;

pub use mirror::MirrorPolicy;

/// The name of the plain route.
pub const PLAIN: &str = "plain";

/// `envoy.config.route.v3.RouteConfiguration`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteConfiguration {
    /// Its name.
    pub name: String,
    /// Whether all clusters must be there when Envoy starts. They need not be: to a mirror that nobody knows nothing is
    /// sent, as in Istio.
    pub validate_clusters: bool,
    /// By host; there is one, since the filters look at hosts.
    pub virtual_hosts: Vec<VirtualHost>,
}

/// `envoy.config.route.v3.VirtualHost`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VirtualHost {
    /// Its name.
    pub name: String,
    /// Which hosts it takes.
    pub domains: Vec<String>,
    /// Whether upstreams learn which attempt it is (`x-envoy-attempt-count`), as in Istio.
    pub include_request_attempt_count: bool,
    /// The first that matches is taken.
    pub routes: Vec<Route>,
}

/// `envoy.config.route.v3.Route`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Route {
    /// Its name, for access logs.
    pub name: String,
    /// Which requests take it.
    pub r#match: RouteMatch,
    /// Where they go.
    pub route: RouteAction,
    /// Which headers no upstream sees.
    pub request_headers_to_remove: Vec<String>,
}

/// `envoy.config.route.v3.RouteMatch`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteMatch {
    /// How the path begins.
    pub prefix: String,
    /// What headers hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<HeaderMatcher>,
}

/// `envoy.config.route.v3.HeaderMatcher`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeaderMatcher {
    /// The header.
    pub name: String,
    /// What it holds.
    pub string_match: StringMatcher,
}

/// `envoy.type.matcher.v3.StringMatcher`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StringMatcher {
    /// The same bytes.
    Exact(String),
}

/// `envoy.config.route.v3.RouteAction`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteAction {
    /// The header that names the cluster.
    pub cluster_header: String,
    /// For the whole request; zero is none. What a rule or a gRPC client asks for comes in a header.
    #[serde(serialize_with = "wire::duration")]
    pub timeout: Duration,
    /// When to try again; absent is never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// Who gets copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_mirror_policies: Vec<MirrorPolicy>,
}

/// `envoy.config.route.v3.RetryPolicy`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RetryPolicy {
    /// Envoy's words, separated by commas; absent where headers say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on: Option<String>,
    /// Which statuses `retriable-status-codes` means.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retriable_status_codes: Vec<u32>,
    /// How often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_retries: Option<u32>,
    /// How long one try may take.
    #[serde(serialize_with = "wire::some_duration", skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<Duration>,
    /// Which endpoints are passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retry_host_predicate: Vec<Extension<PreviousHosts>>,
    /// How often another endpoint is looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_selection_retry_max_attempts: Option<i64>,
    /// Whether other priorities are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_priority: Option<Extension<PreviousPriorities>>,
    /// How long to wait between tries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_back_off: Option<RetryBackOff>,
}

/// `envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate`: endpoints that failed are passed over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviousHosts {}

impl Message for PreviousHosts {
    const NAME: &'static str = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
}

/// `envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PreviousPriorities {
    /// After so many tries the priorities that failed are left.
    pub update_frequency: i32,
}

impl Message for PreviousPriorities {
    const NAME: &'static str = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";
}

/// `envoy.config.route.v3.RetryPolicy.RetryBackOff`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RetryBackOff {
    /// The base of the exponential back-off.
    #[serde(serialize_with = "wire::duration")]
    pub base_interval: Duration,
    /// Its end.
    #[serde(serialize_with = "wire::duration")]
    pub max_interval: Duration,
}

/// The routes for the rules of `set` that may apply to `proxy`: one for each variant in use, then the plain one.
pub fn route_config(proxy: &Proxy, set: &Resources) -> RouteConfiguration {
    // From the rules that the modules compile of the same, so that there is a route for every name that they write.
    let default = default_retries(&set.mesh);
    let variants = variants(set, &plan::Proxy::from(proxy));
    let mut routes: Vec<Route> = variants.iter().map(|variant| variant_route(variant, default.as_ref())).collect();
    routes.push(route(PLAIN.to_owned(), Vec::new(), default));
    let host = VirtualHost {
        name: "sailcloth".to_owned(),
        domains: vec!["*".to_owned()],
        include_request_attempt_count: true,
        routes,
    };
    RouteConfiguration { name: "sailcloth".to_owned(), validate_clusters: false, virtual_hosts: vec![host] }
}

fn variant_route(variant: &RouteVariant, default: Option<&RetryPolicy>) -> Route {
    let name = variant.name();
    let named = HeaderMatcher { name: ROUTE_HEADER.to_owned(), string_match: StringMatcher::Exact(name.clone()) };
    let retry = match variant.retries {
        None => default.cloned(),
        Some(RetryVariant::Never) => None,
        Some(RetryVariant::Own { previous_hosts, remote_localities, backoff_ms }) => {
            Some(own_retries(previous_hosts, remote_localities, Duration::from_millis(backoff_ms.max(1))))
        }
    };
    let mut route = route(name, vec![named], retry);
    route.route.request_mirror_policies = variant.mirrors.iter().map(|cluster| MirrorPolicy::new(cluster)).collect();
    route
}

/// What no header can say of a rule's own retries.
fn own_retries(avoid_previous_hosts: bool, remote_localities: bool, base_interval: Duration) -> RetryPolicy {
    let mut retry = if avoid_previous_hosts { previous_hosts() } else { RetryPolicy::default() };
    retry.retry_priority = remote_localities.then(|| Extension {
        name: "envoy.retry_priorities.previous_priorities".to_owned(),
        // Every second try, as istiod has it: the first retry stays near.
        typed_config: Any(PreviousPriorities { update_frequency: 2 }),
    });
    retry.retry_back_off = Some(RetryBackOff { base_interval, max_interval: base_interval.saturating_mul(10) });
    retry
}

/// The mesh's default policy: Istio's own, or what `defaultHttpRetryPolicy` makes of it; none where that tries never
/// again.
fn default_retries(mesh: &MeshConfig) -> Option<RetryPolicy> {
    let Some(retries) = &mesh.default_retries else {
        return Some(RetryPolicy {
            retry_on: Some(DEFAULT_RETRY_ON.to_owned()),
            num_retries: Some(DEFAULT_RETRIES),
            ..previous_hosts()
        });
    };
    let RetryVariant::Own { previous_hosts, remote_localities, backoff_ms } = RetryVariant::of(retries) else {
        return None;
    };
    let mut policy = own_retries(previous_hosts, remote_localities, Duration::from_millis(backoff_ms.max(1)));
    if retries.backoff.is_none() {
        policy.retry_back_off = None;
    }
    // Istiod leaves this, whatever is said of endpoints that failed.
    policy.host_selection_retry_max_attempts = Some(5);
    policy.num_retries = retries.attempts.and_then(|attempts| u32::try_from(attempts).ok());
    policy.per_try_timeout = retries.per_try_timeout.map(|timeout| Duration::from_millis(timeout.get()));
    let asked = retries.retry_on.as_deref().filter(|on| !on.is_empty());
    let (on, codes) = asked.map_or_else(|| (DEFAULT_RETRY_ON.to_owned(), Vec::new()), retry_on);
    (policy.retry_on, policy.retriable_status_codes) = (Some(on), codes);
    Some(policy)
}

/// `retryOn` in the words of a route: without the status codes, which are a list of their own (istiod's `parseRetryOn`).
fn retry_on(asked: &str) -> (String, Vec<u32>) {
    let words = || asked.split(',').map(str::trim).filter(|word| !word.is_empty());
    let code = |word: &str| word.parse().ok().filter(|code| (100..=599).contains(code));
    let codes: Vec<u32> = words().filter_map(code).collect();
    let mut rest: Vec<&str> = words().filter(|word| code(word).is_none()).collect();
    if !codes.is_empty() && !rest.contains(&"retriable-status-codes") {
        rest.push("retriable-status-codes");
    }
    (rest.join(","), codes)
}

fn previous_hosts() -> RetryPolicy {
    let predicate = Extension {
        name: "envoy.retry_host_predicates.previous_hosts".to_owned(),
        typed_config: Any(PreviousHosts {}),
    };
    RetryPolicy {
        retry_host_predicate: vec![predicate],
        host_selection_retry_max_attempts: Some(5),
        ..RetryPolicy::default()
    }
}

fn route(name: String, headers: Vec<HeaderMatcher>, retry_policy: Option<RetryPolicy>) -> Route {
    Route {
        name,
        // Any: the path is the rewritten one by then, which may begin with anything.
        r#match: RouteMatch { prefix: String::new(), headers },
        route: RouteAction {
            cluster_header: CLUSTER_HEADER.to_owned(),
            timeout: Duration::ZERO,
            retry_policy,
            request_mirror_policies: Vec::new(),
        },
        request_headers_to_remove: vec![CLUSTER_HEADER.to_owned(), ROUTE_HEADER.to_owned()],
    }
}
