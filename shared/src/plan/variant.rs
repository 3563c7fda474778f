//! Route variants: what Envoy must have in its route table beside the plain route, since no header can ask for it.
//!
//! Most requests take the plain route, which carries Istio's default retry policy. A rule with retries of its own
//! names a variant in [`ROUTE_HEADER`]; the retry conditions themselves travel in Envoy's `x-envoy-retry-...` headers.
//! So does a request of which mirrors get copies: Envoy reads the header that could name a mirror only when the
//! primary's headers are final, so that it would reach the primary. A route that names its mirrors can take all
//! internal headers away.

use super::mirror::{Mirror, Mirrors};
use super::{Action, Proxy, build};
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
pub const DEFAULT_BACKOFF_MS: u64 = 25;

/// Some of the mirrors of a rule: one bit each, the lowest for the first.
pub type MirrorSet = u8;

/// What a request needs of the route itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteVariant {
    /// The clusters that get a copy.
    pub mirrors: Vec<String>,
    /// Retries of the rule's own; none is Istio's default policy.
    pub retries: Option<RetryVariant>,
}

/// What a rule's retries need of the route itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryVariant {
    /// `attempts: 0`: no retry policy. With one that never tries again, Envoy says of whatever it would try again that
    /// a limit was exceeded (`URX`).
    Never,
    /// Some tries, of which headers say when and how many.
    Own {
        /// `retryIgnorePreviousHosts`: endpoints that failed before are avoided.
        previous_hosts: bool,
        /// `retryRemoteLocalities`: other priorities are tried.
        remote_localities: bool,
        /// The base of the exponential back-off, in milliseconds; its maximum is ten times as long.
        backoff_ms: u64,
    },
}

impl RetryVariant {
    /// What these retries need.
    pub fn of(retries: &HttpRetry) -> RetryVariant {
        if retries.attempts.unwrap_or(0) <= 0 {
            return RetryVariant::Never;
        }
        RetryVariant::Own {
            previous_hosts: retries.retry_ignore_previous_hosts.unwrap_or(true),
            remote_localities: retries.retry_remote_localities.unwrap_or(false),
            backoff_ms: retries.backoff.map_or(DEFAULT_BACKOFF_MS, |backoff| backoff.get()),
        }
    }
}

impl RouteVariant {
    /// The value of [`ROUTE_HEADER`]: from what the variant is alone, so that modules and routes that were generated
    /// apart agree.
    pub fn name(&self) -> String {
        let mut name = String::new();
        match self.retries {
            None => {}
            Some(RetryVariant::Never) => name.push_str("retry-none"),
            Some(RetryVariant::Own { previous_hosts, remote_localities, backoff_ms }) => {
                name.push_str("retry-");
                name.push_str(&backoff_ms.to_string());
                name.push_str("ms");
                if previous_hosts {
                    name.push_str("-previous-hosts");
                }
                if remote_localities {
                    name.push_str("-remote-localities");
                }
            }
        }
        for mirror in &self.mirrors {
            // No host, subset or port has a plus, so names of different variants differ.
            name.push_str(if name.is_empty() { "mirror+" } else { "+" });
            name.push_str(mirror);
        }
        name
    }
}

/// The variants of one rule, by the mirrors that were drawn.
#[derive(Debug, Default)]
pub struct Variants(Box<[Option<Variant>]>);

/// A variant and its name.
type Variant = (RouteVariant, Box<[u8]>);

impl Variants {
    /// All that requests of a rule can need. No mirror is among them, whatever the shares: where the module that draws
    /// is not loaded, nothing is mirrored.
    pub(super) fn compile(retries: Option<RetryVariant>, mirrors: &Mirrors) -> Variants {
        let variant = |set: MirrorSet| {
            let cluster = |mirror: &Mirror| mirror.cluster.clone();
            let variant = RouteVariant { retries, mirrors: mirrors.of(set).map(cluster).collect() };
            let named = (set == 0 || mirrors.can_be_drawn(set)) && variant != RouteVariant::default();
            named.then(|| (variant.name().into_bytes().into(), variant)).map(|(name, variant)| (variant, name))
        };
        let all: Box<[_]> = (0..mirrors.sets()).map(variant).collect();
        // Most rules need the plain route alone.
        Variants(if all.iter().all(Option::is_none) { Box::default() } else { all })
    }

    /// What requests without mirrors need; nothing where that is the plain route.
    pub fn plain(&self) -> Option<&RouteVariant> {
        self.0.first()?.as_ref().map(|(variant, _)| variant)
    }

    /// The value of [`ROUTE_HEADER`] for a request with these mirrors; none for the plain route.
    pub fn name(&self, set: MirrorSet) -> Option<&[u8]> {
        self.0.get(usize::from(set))?.as_ref().map(|(_, name)| name.as_ref())
    }
}

/// Every variant that requests can need that come through `proxy`, whatever Envoy's node metadata says of its labels
/// and its namespace; sorted. Names of variants say all, so that one too many is in nobody's way.
pub fn variants(set: &Resources, proxy: &Proxy) -> Vec<RouteVariant> {
    let mut all = Vec::new();
    for rule in &build::rules_for_any_source(set, proxy) {
        if let Action::Route(route) = &rule.action {
            all.extend(route.variants.0.iter().flatten().map(|(variant, _)| variant.clone()));
        }
    }
    crate::order::sort(&mut all);
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    /// Frozen: routes and modules are generated apart.
    #[test]
    fn golden_names() {
        let none = Some(RetryVariant::Never);
        let retries = Some(RetryVariant::Own { previous_hosts: true, remote_localities: true, backoff_ms: 25 });
        let mirrors = vec!["outbound|80||a.x".to_owned(), "outbound|80|v1|b.x".to_owned()];
        for (variant, name) in [
            (RouteVariant { retries, mirrors: Vec::new() }, "retry-25ms-previous-hosts-remote-localities"),
            (RouteVariant { retries: none, mirrors: Vec::new() }, "retry-none"),
            (RouteVariant { retries: none, mirrors: mirrors[..1].to_vec() }, "retry-none+outbound|80||a.x"),
            (RouteVariant { retries: None, mirrors: mirrors.clone() }, "mirror+outbound|80||a.x+outbound|80|v1|b.x"),
            (
                RouteVariant { retries, mirrors },
                "retry-25ms-previous-hosts-remote-localities+outbound|80||a.x+outbound|80|v1|b.x",
            ),
        ] {
            assert_eq!(variant.name(), name);
        }
    }

    #[test]
    fn a_rule_has_a_variant_for_each_set_that_can_be_drawn() {
        let mirror = |cluster: &str, ppm| Mirror { cluster: cluster.to_owned(), ppm };
        let mirrors = Mirrors::new([mirror("all", 1_000_000), mirror("half", 500_000)]);
        let names = |retries| {
            let variants = Variants::compile(retries, &mirrors);
            let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
            (0..4).map(|set| variants.name(set).map(text).unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(names(None), ["", "mirror+all", "", "mirror+all+half"]);
        let retries = Some(RetryVariant::Own { previous_hosts: false, remote_localities: false, backoff_ms: 25 });
        assert_eq!(names(retries), ["retry-25ms", "retry-25ms+all", "", "retry-25ms+all+half"]);
        let none = ["retry-none", "retry-none+all", "", "retry-none+all+half"];
        assert_eq!(names(Some(RetryVariant::Never)), none);
        assert_eq!(Variants::compile(None, &mirrors).name(200), None);
    }
}
