//! Which DestinationRules apply to a host, and which blocks of their traffic policies to a port and a subset of it.

use crate::model::destination_rule::{
    ConnectionPoolSettings, H2UpgradePolicy, LoadBalancerSettings, OutlierDetection, PolicyPort, TrafficPolicy,
};
use crate::model::{DestinationRule, Port, Resource, Resources};
use crate::registry::AppProtocol;
use crate::{Map, names, order};

/// The DestinationRules of a set, for a client's namespace.
#[derive(Debug)]
pub struct DestinationRules<'a> {
    /// Those of the client's own namespace. For clients of the root namespace those that are for it alone, since the
    /// others are meant for all namespaces and come last.
    own: Table<'a>,
    /// Those that are not for their own namespace alone.
    exported: Table<'a>,
    client: Option<&'a str>,
    root: &'a str,
}

/// DestinationRules by `namespace/host`, by what hosts are in the mesh; rules of one are in order, oldest first.
#[derive(Debug, Default)]
struct Table<'a> {
    exact: Map<Vec<Group<'a>>>,
    wild: Map<Vec<Group<'a>>>,
}

/// DestinationRules of a host that are one.
#[derive(Debug)]
struct Group<'a> {
    /// The first one's `exportTo`.
    to: &'a [String],
    /// Whether the client sees them.
    seen: bool,
    rules: Vec<&'a Resource<DestinationRule>>,
}

impl<'a> Table<'a> {
    /// Adds one to those of its host that have the same `exportTo`, or less (istiod's `mergeDestinationRule`).
    fn add(&mut self, rule: &'a Resource<DestinationRule>, seen: bool) {
        let (namespace, to) = (rule.meta.namespace(), rule.spec.export_to.as_slice());
        let host = names::resolve_host(&rule.spec.host, namespace);
        let of = if host.starts_with('*') { &mut self.wild } else { &mut self.exact };
        of.change([namespace, "/", &host].concat(), |groups: &mut Vec<Group<'a>>| {
            let mut alone = true;
            for group in groups.iter_mut() {
                let covered = group.to.iter().all(|word| to.contains(word));
                let joins = if group.to.is_empty() { to.is_empty() } else { covered };
                alone = !joins;
                if joins {
                    group.rules.push(rule);
                }
            }
            if alone {
                groups.push(Group { to, seen, rules: vec![rule] });
            }
        });
    }

    /// Those of a namespace with the most specific pattern for a host, as the client sees them. Of several that are not one
    /// the youngest counts.
    fn of(&self, namespace: &str, host: &str) -> Option<&[&'a Resource<DestinationRule>]> {
        let pattern = |name: &'_ String| {
            name.split_once('/').filter(|(own, _)| *own == namespace).is_some_and(|it| names::covers(it.1, host))
        };
        let covering = || self.wild.iter().filter(|(name, _)| pattern(name));
        let longest = || covering().max_by_key(|(name, _)| name.len()).map(|(_, groups)| groups);
        let groups = self.exact.get(&[namespace, "/", host].concat()).or_else(longest)?;
        groups.iter().rev().find(|group| group.seen).map(|group| group.rules.as_slice())
    }
}

impl<'a> DestinationRules<'a> {
    /// Resolves every host once, however many services ask. Without a client, each service's own namespace is one.
    pub fn new(set: &'a Resources, client: Option<&'a str>) -> DestinationRules<'a> {
        let mut all: Vec<_> = set.destination_rules.iter().collect();
        order::sort_by(&mut all, |a, b| a.meta.age().cmp(&b.meta.age()));
        let (mut own, mut exported) = (Table::default(), Table::default());
        let hidden_by_default = set.mesh.default_destination_rule_export_to.iter().any(|word| word == ".");
        for rule in all {
            let namespace = rule.meta.namespace();
            let to = rule.spec.export_to.as_slice();
            let names_own = |word: &String| word == "." || word == namespace;
            let private = if to.is_empty() { hidden_by_default } else { to.len() == 1 && to.iter().any(names_own) };
            let of_client = client.is_none_or(|client| client == namespace);
            let local = to.is_empty() || to.iter().any(|word| word == "*" || names_own(word));
            let of_root = client == Some(set.mesh.root_namespace.as_str());
            if of_client && if of_root { private } else { local } {
                own.add(rule, true);
            }
            let seen = to.is_empty() || client.is_none_or(|client| to.iter().any(|word| word == "*" || word == client));
            if !private {
                exported.add(rule, seen);
            }
        }
        DestinationRules { own, exported, client, root: &set.mesh.root_namespace }
    }

    /// Those for a host of a service in `namespace`: of the first of the client's namespace, the service's and the root
    /// namespace that has any, and there of the most specific pattern (istiod's `destinationRule`).
    pub fn of(&self, host: &str, namespace: &str) -> &[&'a Resource<DestinationRule>] {
        let own = self.own.of(self.client.unwrap_or(namespace), host);
        let exported = || self.exported.of(namespace, host).or_else(|| self.exported.of(self.root, host));
        own.or_else(exported).unwrap_or_default()
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
    fn the_clients_namespace_counts_then_the_services_then_the_root_and_there_the_most_specific_pattern() {
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
            ("istio-system", "*.org", 1),
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
        let mut set = config.map(|config| config.resources).unwrap_or_default();
        assert_eq!(set.destination_rules.len(), 10, "{:?}", report.findings());
        for (client, host, namespace, expected) in [
            (None, "a.com", "a", "a-acom-4"),
            (None, "A.com", "a", "a-acom-3"),
            (None, "a.com", "b", "b-acom-1 b-acom-2"),
            (None, "a.com", "z", ""),
            (None, "b.com", "a", "a-xcom-2"),
            (None, "x.a.com", "a", "a-xacom-3"),
            (None, "x.a.com", "b", "b-xcom-1"),
            (None, "*.a.com", "a", "a-xacom-3"),
            (None, "*.x.com", "b", "b-xcom-1"),
            (None, "web.b.svc.cluster.local", "b", "b-web-1"),
            (None, "a.org", "b", "istio-system-xorg-1"),
            (None, "a.org", "c", "c-x-1"),
            (Some("a"), "a.com", "b", "a-acom-4"),
            (Some("c"), "a.com", "b", "c-x-1"),
            (Some("z"), "a.com", "b", "b-acom-1 b-acom-2"),
            (Some("a"), "a.org", "b", "istio-system-xorg-1"),
            (Some("istio-system"), "a.org", "c", "c-x-1"),
        ] {
            let rules = DestinationRules::new(&set, client);
            let found: Vec<&str> = rules.of(host, namespace).iter().map(|rule| rule.meta.name.as_str()).collect();
            assert_eq!(found.join(" "), expected, "{host} in {namespace}, from {client:?}");
        }
        set.mesh.root_namespace = "c".into();
        for (client, host, expected) in
            [(None, "a.org", "c-x-1"), (Some("a"), "a.com", "a-acom-4"), (Some("c"), "b.com", "b-xcom-1")]
        {
            let rules = DestinationRules::new(&set, client);
            let found: Vec<&str> = rules.of(host, "b").iter().map(|rule| rule.meta.name.as_str()).collect();
            assert_eq!(found.join(" "), expected, "{host} with another root, from {client:?}");
        }
    }
}
