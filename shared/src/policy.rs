//! Which DestinationRules apply to a host, and which blocks of their traffic policies to a port and a subset of it.

use crate::model::destination_rule::{
    ConnectionPoolSettings, H2UpgradePolicy, LoadBalancerSettings, OutlierDetection, PolicyPort, TrafficPolicy,
};
use crate::model::{DestinationRule, Port, Resource, Resources};
use crate::registry::AppProtocol;
use crate::{Map, names, order};

/// The DestinationRules of a set by what their hosts are in the mesh.
#[derive(Debug)]
pub struct DestinationRules<'a> {
    exact: Map<Vec<&'a Resource<DestinationRule>>>,
    wild: Map<Vec<&'a Resource<DestinationRule>>>,
}

impl<'a> DestinationRules<'a> {
    /// Resolves every host once, however many services ask.
    pub fn new(set: &'a Resources) -> DestinationRules<'a> {
        let mut all: Vec<_> = set.destination_rules.iter().collect();
        order::sort_by(&mut all, |a, b| a.meta.age().cmp(&b.meta.age()));
        let (mut exact, mut wild) = (Map::<Vec<_>>::new(), Map::<Vec<_>>::new());
        for rule in all {
            let host = names::resolve_host(&rule.spec.host, rule.meta.namespace());
            let of = if host.starts_with('*') { &mut wild } else { &mut exact };
            of.change(host, |rules| rules.push(rule));
        }
        DestinationRules { exact, wild }
    }

    /// Those for a host: of the most specific pattern; the service's own namespace first, then the oldest, as istiod
    /// merges them.
    pub fn of(&self, host: &str, namespace: &str) -> Vec<&'a Resource<DestinationRule>> {
        let covering = || self.wild.iter().filter(|(pattern, _)| names::covers(pattern, host));
        let longest = || covering().max_by_key(|(pattern, _)| pattern.len()).map(|(_, rules)| rules);
        let rules = self.exact.get(host).or_else(longest).map_or(&[][..], Vec::as_slice);
        let mut ordered = Vec::with_capacity(rules.len());
        for elsewhere in [false, true] {
            ordered.extend(rules.iter().filter(|rule| (rule.meta.namespace() != namespace) == elsewhere));
        }
        ordered
    }
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
        match settings.find(|it| port.is_some() && it.port.as_ref().and_then(PolicyPort::port) == port) {
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

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::finding::Report;
    use crate::plan::ModuleConfig;
    use crate::plan::proxy::NodeMetadata;

    #[test]
    fn the_most_specific_pattern_counts_then_the_namespace_then_the_age() {
        // Names are `namespace-host-created`, without dots and with `x` for the star.
        let rules = [
            ("b", "a.com", 2),
            ("a", "A.com", 3),
            ("b", "a.com", 1),
            ("a", "a.com", 4),
            ("c", "*", 1),
            ("a", "*.com", 2),
            ("a", "*.a.com", 3),
            ("b", "*.com", 1),
            ("b", "web", 1),
        ];
        let rules = rules.map(|(namespace, host, year)| {
            let name = format!("{namespace}-{}-{year}", host.to_ascii_lowercase().replace('.', ""));
            format!(
                r#"{{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {{"name":
                "{}", "namespace": "{namespace}", "creationTimestamp": "200{year}-01-01T00:00:00Z"}},
                "spec": {{"host": "{host}", "trafficPolicy": {{"loadBalancer": {{"simple": "RANDOM"}}}}}}}}"#,
                name.replace('*', "x")
            )
        });
        let text = format!(r#"{{"resources": [{}]}}"#, rules.join(", "));
        let mut report = Report::new();
        let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
        let set = config.map(|config| config.resources).unwrap_or_default();
        assert_eq!(set.destination_rules.len(), 9, "{:?}", report.findings());
        let rules = DestinationRules::new(&set);
        for (host, namespace, expected) in [
            ("a.com", "a", "a-acom-4 b-acom-1 b-acom-2"),
            ("A.com", "a", "a-acom-3"),
            ("a.com", "b", "b-acom-1 b-acom-2 a-acom-4"),
            ("a.com", "", "b-acom-1 b-acom-2 a-acom-4"),
            ("b.com", "a", "a-xcom-2 b-xcom-1"),
            ("b.com", "b", "b-xcom-1 a-xcom-2"),
            ("x.a.com", "b", "a-xacom-3"),
            ("*.a.com", "b", "a-xacom-3"),
            ("*.x.com", "b", "b-xcom-1 a-xcom-2"),
            ("a.org", "b", "c-x-1"),
            ("web.b.svc.cluster.local", "b", "b-web-1"),
            ("web.a.svc.cluster.local", "a", "c-x-1"),
        ] {
            let found: Vec<&str> = rules.of(host, namespace).iter().map(|rule| rule.meta.name.as_str()).collect();
            assert_eq!(found.join(" "), expected, "{host} in {namespace}");
        }
    }
}
