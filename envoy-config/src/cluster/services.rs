//! From services and DestinationRules to clusters, as istiod builds them: one for every port of a service, and one
//! for every subset of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use shared::finding::{Code, Origin, Report, Severity};
use shared::model::destination_rule::{
    ConnectionPoolSettings, H2UpgradePolicy, LoadBalancerSettings, SimpleLb, Subset, TrafficPolicy,
};
use shared::model::service_entry::Resolution;
use shared::model::{DestinationRule, Resource, Resources};
use shared::names;
use shared::plan::PASSTHROUGH_CLUSTER;
use shared::registry::{AppProtocol, MeshEndpoint, MeshPort, MeshService, Registry};

use super::{
    CircuitBreakers, Cluster, CommonHttpProtocolOptions, Discovery, DnsLookupFamily, ExplicitHttpConfig,
    HttpProtocolOptions, LbEndpoint, LbPolicy, LoadAssignment, Metadata,
};
use crate::wire::{Address, Any};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Every cluster of the set: `outbound|PORT||HOST` for each service and port, `outbound|PORT|SUBSET|HOST` for each
/// subset; sorted by name.
pub fn clusters(set: &Resources) -> Vec<Cluster> {
    let mut all = Vec::new();
    for service in Registry::new(set).iter() {
        let rules = rules_for(&service.host, &service.namespace, set);
        let policy = rules.iter().find_map(|rule| rule.spec.traffic_policy.as_ref());
        for port in &service.ports {
            all.push(cluster(service, port, None, policy));
            let mut named: Vec<&str> = Vec::new();
            for subset in rules.iter().flat_map(|rule| &rule.spec.subsets) {
                if !named.contains(&subset.name.as_str()) {
                    named.push(&subset.name);
                    all.push(cluster(service, port, Some(subset), policy));
                }
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    // A port that stands twice in a service: Envoy takes each name once.
    all.dedup_by(|a, b| a.name == b.name);
    all
}

/// Where requests for hosts outside of the mesh go, as with Istio's `ALLOW_ANY`: wherever the client was connecting.
pub fn passthrough() -> Cluster {
    Cluster {
        name: PASSTHROUGH_CLUSTER.to_owned(),
        r#type: Discovery::OriginalDst,
        connect_timeout: CONNECT_TIMEOUT,
        lb_policy: LbPolicy::ClusterProvided,
        dns_lookup_family: None,
        load_assignment: None,
        circuit_breakers: CircuitBreakers::lifted(),
        metadata: None,
        typed_extension_protocol_options: BTreeMap::new(),
    }
}

/// Names the services that no cluster can reach.
pub fn unsupported(set: &Resources, report: &mut Report) {
    for entry in &set.service_entries {
        let wild = entry.spec.hosts.iter().any(|host| host.starts_with('*'));
        if wild && entry.spec.resolution == Some(Resolution::DynamicDns) && entry.spec.endpoints.is_empty() {
            let rule = (Severity::Warning, Origin::Sailcloth, Code::Unsupported);
            let message =
                "Sailcloth does not ask DNS for hosts that only the request knows; `DYNAMIC_DNS` is taken as `NONE`";
            report.push(entry.finding(rule, "spec.resolution", message, "name the hosts, with `resolution: DNS`"));
        }
    }
}

/// The DestinationRules for a host: those with the most specific pattern; the service's own namespace first, then the
/// oldest, as istiod merges them.
fn rules_for<'a>(host: &str, namespace: &str, set: &'a Resources) -> Vec<&'a Resource<DestinationRule>> {
    let pattern = |rule: &Resource<DestinationRule>| names::resolve_host(&rule.spec.host, rule.meta.namespace());
    let covering = set.destination_rules.iter().map(|rule| (pattern(rule), rule));
    let mut covering: Vec<_> = covering.filter(|(pattern, _)| names::covers(pattern, host)).collect();
    covering.sort_by_cached_key(|(pattern, rule)| {
        let meta = &rule.meta;
        let age = (meta.creation_timestamp.clone(), meta.name.clone(), meta.namespace().to_owned());
        (pattern.starts_with('*'), Reverse(pattern.len()), meta.namespace() != namespace, age)
    });
    let most = covering.first().map(|(pattern, _)| pattern.clone());
    covering.into_iter().filter(|(pattern, _)| Some(pattern) == most.as_ref()).map(|(_, rule)| rule).collect()
}

fn cluster(service: &MeshService, port: &MeshPort, subset: Option<&Subset>, policy: Option<&TrafficPolicy>) -> Cluster {
    let own = subset.and_then(|subset| subset.traffic_policy.as_ref());
    let balancer = block(own, policy, |policy| policy.load_balancer.as_ref());
    let pool = block(own, policy, |policy| policy.connection_pool.as_ref());
    let name = names::cluster(port.number.get(), subset.map_or("", |subset| &subset.name), &service.host);
    let lb_policy = lb_policy(balancer);
    let endpoints = endpoints(service, port, subset);
    let found = match lb_policy {
        LbPolicy::ClusterProvided => Discovery::OriginalDst,
        _ => discovery(service, &endpoints),
    };
    let dns = matches!(found, Discovery::StrictDns | Discovery::LogicalDns);
    let original = found == Discovery::OriginalDst;
    Cluster {
        r#type: found,
        connect_timeout: connect_timeout(pool),
        lb_policy: if original { LbPolicy::ClusterProvided } else { lb_policy },
        dns_lookup_family: dns.then_some(DnsLookupFamily::V4Preferred),
        load_assignment: (!original).then(|| LoadAssignment::of(&name, endpoints.into_iter())),
        circuit_breakers: CircuitBreakers::lifted(),
        metadata: Some(Metadata::of_service(service)),
        typed_extension_protocol_options: protocol_options(port.protocol, pool),
        name,
    }
}

/// A block of the traffic policy: what the subset does not say, the rule says.
fn block<'a, T>(
    own: Option<&'a TrafficPolicy>,
    policy: Option<&'a TrafficPolicy>,
    of: impl Fn(&'a TrafficPolicy) -> Option<&'a T>,
) -> Option<&'a T> {
    own.and_then(&of).or_else(|| policy.and_then(&of))
}

fn discovery(service: &MeshService, endpoints: &[LbEndpoint]) -> Discovery {
    let named = |endpoint: &LbEndpoint| match &endpoint.endpoint.address {
        Address::SocketAddress { address, .. } => address.parse::<IpAddr>().is_err(),
        Address::Pipe { .. } => false,
    };
    match service.resolution {
        Resolution::None => Discovery::OriginalDst,
        // Nothing that a fixed list of endpoints could say about a host that only the request knows.
        Resolution::DynamicDns if endpoints.is_empty() => Discovery::OriginalDst,
        // Envoy wants exactly one name here.
        Resolution::DnsRoundRobin if endpoints.len() == 1 => Discovery::LogicalDns,
        // Whatever the resolution says, Envoy refuses a static cluster with names in it.
        _ if endpoints.iter().any(named) => Discovery::StrictDns,
        _ => Discovery::Static,
    }
}

fn endpoints(service: &MeshService, port: &MeshPort, subset: Option<&Subset>) -> Vec<LbEndpoint> {
    let at = |address: &str, port: u16| match address.strip_prefix("unix://") {
        Some(path) => Address::Pipe { path: path.to_owned() },
        None => Address::SocketAddress { address: address.to_owned(), port_value: port },
    };
    if let Some(name) = &service.external_name {
        return vec![LbEndpoint::at(at(name, port.number.get()))];
    }
    let by_name = matches!(service.resolution, Resolution::Dns | Resolution::DnsRoundRobin | Resolution::DynamicDns);
    if by_name && service.endpoints.is_empty() && !service.host.starts_with('*') {
        return vec![LbEndpoint::at(at(&service.host, port.number.get()))];
    }
    let chosen = |endpoint: &&MeshEndpoint| subset.is_none_or(|subset| endpoint.carries(&subset.labels));
    let listening = |endpoint: &MeshEndpoint| {
        let to = endpoint.ports.get(&port.number)?;
        // Envoy takes no weight of zero; Istio reads it as none given.
        Some(LbEndpoint {
            load_balancing_weight: endpoint.weight.filter(|weight| *weight > 0),
            metadata: Metadata::of_endpoint(service, endpoint),
            ..LbEndpoint::at(at(&endpoint.address, to.get()))
        })
    };
    service.endpoints.iter().filter(chosen).filter_map(listening).collect()
}

fn lb_policy(balancer: Option<&LoadBalancerSettings>) -> LbPolicy {
    match balancer.and_then(|balancer| balancer.simple) {
        None | Some(SimpleLb::Unspecified | SimpleLb::LeastConn | SimpleLb::LeastRequest) => LbPolicy::LeastRequest,
        Some(SimpleLb::Random) => LbPolicy::Random,
        Some(SimpleLb::RoundRobin) => LbPolicy::RoundRobin,
        Some(SimpleLb::Passthrough) => LbPolicy::ClusterProvided,
    }
}

fn connect_timeout(pool: Option<&ConnectionPoolSettings>) -> Duration {
    let said = pool.and_then(|pool| pool.tcp.as_ref()).and_then(|tcp| tcp.connect_timeout);
    said.map(|timeout| timeout.0).filter(|timeout| !timeout.is_zero()).unwrap_or(CONNECT_TIMEOUT)
}

fn protocol_options(
    protocol: AppProtocol,
    pool: Option<&ConnectionPoolSettings>,
) -> BTreeMap<&'static str, Any<HttpProtocolOptions>> {
    let http = pool.and_then(|pool| pool.http.as_ref());
    let upgrade = http.and_then(|http| http.h2_upgrade_policy) == Some(H2UpgradePolicy::Upgrade);
    let http2 = protocol == AppProtocol::Http2 || (protocol == AppProtocol::Http && upgrade);
    let most = http.and_then(|http| http.max_requests_per_connection).filter(|most| *most > 0);
    if !http2 && most.is_none() {
        return BTreeMap::new();
    }
    let explicit_http_config = match http2 {
        true => ExplicitHttpConfig::Http2ProtocolOptions {},
        false => ExplicitHttpConfig::HttpProtocolOptions {},
    };
    let common_http_protocol_options = most.map(|most| CommonHttpProtocolOptions { max_requests_per_connection: most });
    let options = HttpProtocolOptions { common_http_protocol_options, explicit_http_config };
    BTreeMap::from([(HttpProtocolOptions::KEY, Any(options))])
}

#[cfg(test)]
mod tests;
