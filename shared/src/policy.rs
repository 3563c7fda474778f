//! Which DestinationRules apply to a host, and which blocks of their traffic policies to a port and a subset of it.

use std::cmp::Reverse;

use crate::model::destination_rule::{
    ConnectionPoolSettings, H2UpgradePolicy, LoadBalancerSettings, OutlierDetection, TrafficPolicy,
};
use crate::model::{DestinationRule, Port, Resource, Resources};
use crate::names;
use crate::registry::AppProtocol;

/// The DestinationRules for a host: those with the most specific pattern; the service's own namespace first, then the
/// oldest, as istiod merges them.
pub fn rules_for<'a>(host: &str, namespace: &str, set: &'a Resources) -> Vec<&'a Resource<DestinationRule>> {
    let pattern = |rule: &Resource<DestinationRule>| names::resolve_host(&rule.spec.host, rule.meta.namespace());
    let covering = set.destination_rules.iter().map(|rule| (pattern(rule), rule));
    let mut covering: Vec<_> = covering.filter(|(pattern, _)| names::covers(pattern, host)).collect();
    crate::order::sort_by(&mut covering, |a, b| {
        let key = |(pattern, rule): &(String, &'a Resource<DestinationRule>)| {
            let specific = (pattern.starts_with('*'), Reverse(pattern.len()));
            (specific, rule.meta.namespace() != namespace, rule.meta.age())
        };
        key(a).cmp(&key(b))
    });
    let most = covering.first().map(|(pattern, _)| pattern.clone());
    covering.into_iter().filter(|(pattern, _)| Some(pattern) == most.as_ref()).map(|(_, rule)| rule).collect()
}

/// The blocks of a traffic policy that hold somewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Blocks<'a> {
    /// How an endpoint is chosen.
    pub load_balancer: Option<&'a LoadBalancerSettings>,
    /// Connections.
    pub connection_pool: Option<&'a ConnectionPoolSettings>,
    /// Endpoints that fail.
    pub outlier_detection: Option<&'a OutlierDetection>,
}

impl<'a> Blocks<'a> {
    /// What holds for a port, block by block: the subset's settings of that port, else the subset's policy, else the
    /// rule's settings of the port, else the rule's policy. Settings of a port take the place of all blocks at once:
    /// what they leave out is the default (istiod's `MergeSubsetTrafficPolicy`). Without a port, what holds for ports
    /// that nobody mentions.
    pub fn new(rule: Option<&'a TrafficPolicy>, subset: Option<&'a TrafficPolicy>, port: Option<Port>) -> Blocks<'a> {
        Blocks::default().overlaid(rule, port).overlaid(subset, port)
    }

    fn overlaid(self, policy: Option<&'a TrafficPolicy>, port: Option<Port>) -> Blocks<'a> {
        let Some(policy) = policy else { return self };
        let mut settings = policy.port_level_settings.iter();
        match settings.find(|it| it.port.as_ref().is_some_and(|it| Some(it.number) == port)) {
            Some(settings) => Blocks {
                load_balancer: settings.load_balancer.as_ref(),
                connection_pool: settings.connection_pool.as_ref(),
                outlier_detection: settings.outlier_detection.as_ref(),
            },
            None => Blocks {
                load_balancer: policy.load_balancer.as_ref().or(self.load_balancer),
                connection_pool: policy.connection_pool.as_ref().or(self.connection_pool),
                outlier_detection: policy.outlier_detection.as_ref().or(self.outlier_detection),
            },
        }
    }

    /// Whether HTTP/2 is spoken to a port of this protocol.
    pub fn http2(self, protocol: AppProtocol) -> bool {
        let http = self.connection_pool.and_then(|pool| pool.http.as_ref());
        let upgrade = http.and_then(|http| http.h2_upgrade_policy) == Some(H2UpgradePolicy::Upgrade);
        protocol == AppProtocol::Http2 || (protocol == AppProtocol::Http && upgrade)
    }
}
