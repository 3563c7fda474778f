//! From services and DestinationRules to clusters, as istiod builds them: one for every port of a service, and one
//! for every subset of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use shared::finding::{Code, Origin, Report, Severity};
use shared::model::Resources;
use shared::model::destination_rule::{ConnectionPoolSettings, LoadBalancerSettings, SimpleLb, Subset, TrafficPolicy};
use shared::model::service_entry::Resolution;
use shared::names::{self, MESH};
use shared::plan::{self, PASSTHROUGH_CLUSTER};
use shared::policy::{Blocks, DestinationRules};
use shared::registry::{MeshEndpoint, MeshPort, MeshService, Registry};
use shared::resolve;

use super::{
    BothVersions, CircuitBreakers, Cluster, CommonHttpProtocolOptions, Discovery, DnsLookupFamily, ExplicitHttpConfig,
    HttpProtocolOptions, HttpVersion, LbEndpoint, LbPolicy, LoadAssignment, Metadata,
};
use crate::cluster::outlier::{CommonLbConfig, OutlierDetection};
use crate::filter::Proxy;
use crate::wire::{Address, Any};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Every cluster of the set: `outbound|PORT||HOST` for each service and port, `outbound|PORT|SUBSET|HOST` for each
/// subset; sorted by name. A Service of type `ExternalName` has none: its requests go to the cluster of what it names.
pub fn clusters(set: &Resources) -> Vec<Cluster> {
    let mut all = Vec::new();
    of_registry(&Registry::new(set), &DestinationRules::new(set, None), &mut all);
    by_name(all)
}

/// The same for these proxies, which see DestinationRules, and those of the mesh services as well, from their own
/// namespaces. Where two see different ones under one name, there is one cluster for both.
pub fn clusters_for<'a>(set: &Resources, proxies: impl IntoIterator<Item = &'a Proxy>) -> Vec<Cluster> {
    let view = |proxy: &'a Proxy| {
        let gateways = plan::Proxy::from(proxy).gateways(set);
        let mesh = gateways.iter().any(|gateway| gateway == MESH);
        // Of a sidecar the labels say which Sidecar applies.
        ((&proxy.namespace, mesh, mesh.then_some(&proxy.labels)), proxy)
    };
    let views: BTreeMap<_, &Proxy> = proxies.into_iter().map(view).collect();
    let mut all = Vec::new();
    for proxy in views.into_values() {
        let registry = resolve::services(set, &proxy.into());
        of_registry(&registry, &DestinationRules::new(set, Some(&proxy.namespace)), &mut all);
    }
    by_name(all)
}

fn of_registry(registry: &Registry, rules: &DestinationRules<'_>, all: &mut Vec<Cluster>) {
    let concrete = registry.iter().filter(|service| service.external_name.is_none());
    concrete.for_each(|service| of_service(service, rules, all));
}

fn by_name(mut all: Vec<Cluster>) -> Vec<Cluster> {
    all.sort_by(|a, b| a.name.cmp(&b.name));
    // A port that stands twice in a service: Envoy takes each name once.
    all.dedup_by(|a, b| a.name == b.name);
    all
}

fn of_service(service: &MeshService, destination_rules: &DestinationRules<'_>, all: &mut Vec<Cluster>) {
    let rules = destination_rules.of(&service.host, &service.namespace);
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

/// Where requests for hosts outside of the mesh go, as with Istio's `ALLOW_ANY`: wherever the client was connecting, in
/// the version of HTTP that it speaks.
pub fn passthrough() -> Cluster {
    let version = HttpVersion::UseDownstreamProtocolConfig(BothVersions::default());
    let as_spoken = HttpProtocolOptions { common_http_protocol_options: None, version };
    Cluster {
        name: PASSTHROUGH_CLUSTER.to_owned(),
        r#type: Discovery::OriginalDst,
        connect_timeout: CONNECT_TIMEOUT,
        lb_policy: LbPolicy::ClusterProvided,
        dns_lookup_family: None,
        load_assignment: None,
        circuit_breakers: CircuitBreakers::lifted(),
        metadata: None,
        outlier_detection: None,
        common_lb_config: None,
        typed_extension_protocol_options: BTreeMap::from([(HttpProtocolOptions::KEY, Any(as_spoken))]),
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

fn cluster(service: &MeshService, port: &MeshPort, subset: Option<&Subset>, policy: Option<&TrafficPolicy>) -> Cluster {
    let own = subset.and_then(|subset| subset.traffic_policy.as_ref());
    let blocks = Blocks::new(policy, own, Some(port.number));
    let (balancer, pool) = (blocks.load_balancer, blocks.connection_pool);
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
        typed_extension_protocol_options: protocol_options(blocks.http2(port.protocol), pool),
        outlier_detection: blocks.outlier_detection.map(OutlierDetection::new),
        common_lb_config: blocks.outlier_detection.map(CommonLbConfig::new),
        name,
    }
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
    let by_name = matches!(service.resolution, Resolution::Dns | Resolution::DnsRoundRobin | Resolution::DynamicDns);
    if by_name && service.endpoints.is_empty() && !service.host.starts_with('*') {
        return vec![LbEndpoint::at(at(&service.host, port.target.get()))];
    }
    let chosen = |endpoint: &&MeshEndpoint| subset.is_none_or(|subset| endpoint.carries(&subset.labels));
    let listening = |endpoint: &MeshEndpoint| {
        let to = endpoint.port(port.number)?;
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
    http2: bool,
    pool: Option<&ConnectionPoolSettings>,
) -> BTreeMap<&'static str, Any<HttpProtocolOptions>> {
    let http = pool.and_then(|pool| pool.http.as_ref());
    let most = http.and_then(|http| http.max_requests_per_connection).map(|most| most.0).filter(|most| *most > 0);
    if !http2 && most.is_none() {
        return BTreeMap::new();
    }
    let explicit_http_config = match http2 {
        true => ExplicitHttpConfig::Http2ProtocolOptions {},
        false => ExplicitHttpConfig::HttpProtocolOptions {},
    };
    let common_http_protocol_options = most.map(|most| CommonHttpProtocolOptions { max_requests_per_connection: most });
    let version = HttpVersion::ExplicitHttpConfig(explicit_http_config);
    let options = HttpProtocolOptions { common_http_protocol_options, version };
    BTreeMap::from([(HttpProtocolOptions::KEY, Any(options))])
}

#[cfg(test)]
mod tests;
