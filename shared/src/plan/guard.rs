//! What guards a destination: how many requests it takes at once, and when it is left alone (DestinationRule's
//! `connectionPool` and `outlierDetection`).
//!
//! Guards are asked for by a cluster's name, since a breaker may also stand in an Envoy whose routes are somebody
//! else's.

mod ejection;

pub use ejection::{Detector, Ejection, Endpoints};

use std::sync::Arc;

use super::rule::{Action, Rule};
use super::split::Destination;
use crate::Map;
use crate::model::destination_rule::{ConnectionPoolSettings, Subset, TrafficPolicy};
use crate::model::values::Count;
use crate::model::{DestinationRule, Port, Resource, Resources};
use crate::names;
use crate::policy::{Blocks, DestinationRules};
use crate::registry::{AppProtocol, Registry};

/// How many requests a destination takes at once, on the whole proxy; `u32::MAX` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// On their way; those beyond wait.
    pub active: u32,
    /// Waiting; those beyond are refused.
    pub waiting: u32,
    /// On their way; those beyond are refused without a wait.
    pub requests: u32,
}

/// What guards one destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guard {
    /// How many requests it takes.
    pub limits: Option<Limits>,
    /// When it is left alone.
    pub ejection: Option<Arc<Ejection>>,
}

impl Guard {
    fn compile(
        blocks: Blocks<'_>,
        protocol: AppProtocol,
        detector: Detector,
        listed: &dyn Fn() -> Option<Endpoints>,
    ) -> Guard {
        Guard {
            limits: blocks.connection_pool.and_then(|pool| Limits::compile(pool, blocks.http2(protocol))),
            ejection: blocks.outlier_detection.and_then(|it| Ejection::compile(it, detector, listed)).map(Arc::new),
        }
    }

    fn is_open(&self) -> bool {
        self.limits.is_none() && self.ejection.is_none()
    }
}

impl Limits {
    /// HTTP/1.1 has as many requests on their way as connections. On HTTP/2 a connection takes any number of requests,
    /// and none waits for another.
    fn compile(pool: &ConnectionPoolSettings, http2: bool) -> Option<Limits> {
        let limit = |count: Option<Count>| match count {
            None | Some(Count(0)) => u32::MAX,
            Some(count) => count.0,
        };
        let (tcp, http) = (pool.tcp.as_ref(), pool.http.as_ref());
        let requests = limit(http.and_then(|http| http.http2_max_requests));
        let limits = match http2 {
            true => Limits { active: requests, waiting: 0, requests },
            false => {
                let active = limit(tcp.and_then(|tcp| tcp.max_connections));
                let waiting = limit(http.and_then(|http| http.http1_max_pending_requests));
                // Envoy counts requests when one gets a connection: with no more connections than that, all may wait.
                Limits { active, waiting, requests: if requests < active { requests } else { u32::MAX } }
            }
        };
        (limits.active < u32::MAX || limits.requests < u32::MAX).then_some(limits)
    }
}

/// A destination that modules leave alone when all its endpoints are ejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detected {
    /// Its host in the mesh.
    pub host: String,
    /// Its cluster.
    pub cluster: String,
    /// Whether its endpoints are listed; those of the first alpha schema are seen.
    pub listed: bool,
}

/// The destinations of a set that modules leave alone where `detector` carries `outlierDetection` out, in the order of
/// hosts.
pub fn detected(set: &Resources, detector: Detector) -> Vec<Detected> {
    let guards = Guards::compile(set, &Registry::new(set), detector, None);
    let wild = guards.wild.iter().map(|(host, guards)| (host, guards));
    let mut all = Vec::new();
    for (host, guards) in guards.hosts.iter().chain(wild) {
        for (subset, by_port) in guards.subsets.iter() {
            for (port, guard) in &by_port.ports {
                if let Some(ejection) = &guard.ejection {
                    let cluster = names::cluster(port.get(), subset, host);
                    let listed = matches!(ejection.endpoints, Endpoints::Listed(_));
                    all.push(Detected { host: host.clone(), cluster, listed });
                }
            }
        }
    }
    all
}

/// The guards of every host.
#[derive(Debug, Default)]
pub(super) struct Guards {
    /// Those of the rules' destinations.
    of_rules: Vec<Guard>,
    hosts: Map<HostGuards>,
    /// Hosts with a wildcard, for services that are not in the set.
    wild: Vec<(String, HostGuards)>,
}

/// The guards of one host.
#[derive(Debug)]
struct HostGuards {
    /// By subset, `""` for none; by port, those that differ from the others'.
    subsets: Map<ByPort>,
}

#[derive(Debug)]
struct ByPort {
    ports: Vec<(Port, Guard)>,
    /// For ports that nobody mentions.
    other: Guard,
}

impl Guards {
    /// For a client's namespace, if one is known.
    pub(super) fn compile(set: &Resources, registry: &Registry, detector: Detector, client: Option<&str>) -> Guards {
        let mut guards = Guards::default();
        if set.destination_rules.is_empty() {
            return guards;
        }
        let patterns = set.destination_rules.iter();
        let patterns =
            patterns.map(|rule| (names::resolve_host(&rule.spec.host, rule.meta.namespace()), rule.meta.namespace()));
        let mut hosts: Vec<(String, &str)> =
            registry.iter().map(|service| (service.host.clone(), service.namespace.as_str())).collect();
        hosts.extend(patterns);
        let rules = DestinationRules::new(set, client);
        for (host, namespace) in hosts {
            // Of a host that is both a service and named by a rule, the service's namespace counts, which comes first.
            if guards.hosts.contains(&host) {
                continue;
            }
            let rules = rules.of(&host, namespace);
            let Some(compiled) = HostGuards::compile(&host, rules, registry, detector) else { continue };
            match host.starts_with('*') {
                true => guards.wild.push((host, compiled)),
                false => guards.hosts.insert(host, compiled),
            }
        }
        guards
    }

    /// Tells every destination its guard, and makes the names of those that are the same cluster one.
    pub(super) fn assign(&mut self, rules: &mut [Rule]) {
        let mut known: Map<(Arc<str>, Option<u32>)> = Map::new();
        let actions = rules.iter_mut().map(|rule| &mut rule.action);
        let routes = actions.filter_map(|action| if let Action::Route(route) = action { Some(route) } else { None });
        for destination in routes.flat_map(|route| route.destinations.destinations_mut()) {
            if let Some((name, guard)) = known.get(&destination.cluster) {
                (destination.cluster, destination.guard) = (Arc::clone(name), *guard);
                continue;
            }
            destination.guard = self.get(&destination.cluster).and_then(|guard| {
                self.of_rules.push(guard);
                u32::try_from(self.of_rules.len() - 1).ok()
            });
            known.insert_new(&destination.cluster, || (Arc::clone(&destination.cluster), destination.guard));
        }
    }

    /// The guard of a rule's destination, if it has one.
    #[inline]
    pub(super) fn of(&self, destination: &Destination) -> Option<&Guard> {
        self.of_rules.get(destination.guard? as usize)
    }

    /// The guard of a cluster by its name, if it has one.
    pub(super) fn get(&self, cluster: &str) -> Option<Guard> {
        let mut parts = cluster.splitn(4, '|');
        let (Some("outbound"), Some(port), Some(subset), Some(host)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let port: Port = port.parse().ok()?;
        let host = self.hosts.get(host).or_else(|| {
            let covering = self.wild.iter().filter(|(pattern, _)| names::covers(pattern, host));
            covering.max_by_key(|(pattern, _)| pattern.len()).map(|(_, guards)| guards)
        })?;
        let by_port = host.subsets.get(subset).or_else(|| host.subsets.get(""))?;
        let found = by_port.ports.iter().find(|(number, _)| *number == port).map_or(&by_port.other, |(_, guard)| guard);
        (!found.is_open()).then(|| found.clone())
    }
}

impl HostGuards {
    /// Nothing where nobody guards the host.
    fn compile(
        host: &str,
        rules: &[&Resource<DestinationRule>],
        registry: &Registry,
        detector: Detector,
    ) -> Option<HostGuards> {
        let policy = rules.iter().find_map(|rule| rule.spec.traffic_policy.as_ref());
        let service = registry.answering(host);
        let by_port = |subset: Option<&Subset>| {
            let own: Option<&TrafficPolicy> = subset.and_then(|subset| subset.traffic_policy.as_ref());
            let mentioned = [policy, own].into_iter().flatten().flat_map(|policy| &policy.port_level_settings);
            let mentioned = mentioned.filter_map(|settings| settings.port.as_ref()?.port());
            let known = service.into_iter().flat_map(|service| service.ports.iter().map(|port| port.number));
            let mut ports: Vec<(Port, Guard)> = Vec::new();
            for port in known.chain(mentioned) {
                let protocol =
                    service.and_then(|service| service.port(port)).map_or(AppProtocol::Http, |it| it.protocol);
                if ports.iter().all(|(number, _)| *number != port) {
                    let listed = || ejection::listed(registry.get(host)?, port, subset);
                    let guard = Guard::compile(Blocks::new(policy, own, Some(port)), protocol, detector, &listed);
                    ports.push((port, guard));
                }
            }
            let other = Guard::compile(Blocks::new(policy, own, None), AppProtocol::Http, detector, &|| None);
            ByPort { ports, other }
        };
        let mut subsets = vec![(String::new(), by_port(None))];
        for subset in rules.iter().flat_map(|rule| &rule.spec.subsets) {
            // The first of a name counts.
            if subsets.iter().all(|(name, _)| *name != subset.name) {
                subsets.push((subset.name.clone(), by_port(Some(subset))));
            }
        }
        let open = |by_port: &ByPort| by_port.other.is_open() && by_port.ports.iter().all(|(_, guard)| guard.is_open());
        if subsets.iter().all(|(_, by_port)| open(by_port)) {
            return None;
        }
        Some(HostGuards { subsets: subsets.into_iter().collect() })
    }
}

#[cfg(test)]
mod tests;
