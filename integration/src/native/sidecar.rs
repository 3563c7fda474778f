//! A sidecar's outbound routes (istiod's `BuildSidecarOutboundVirtualHosts`): services with their VirtualService or a
//! default route, hosts of VirtualServices that are no service, and everything else passed through.

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::Proxy;
use serde_json::{Value, json};
use shared::model::mesh_config::OutboundMode;
use shared::model::{Port, Resource, Resources, VirtualService};
use shared::names::{self, DOMAIN, MESH};
use shared::registry::{AppProtocol, MeshService, Registry, View};

use super::route::{Listener, Route};
use super::{Host, by_age, retry, route, virtual_host};

/// The services that listen on one port, with that port alone: that is all that istiod looks at.
type Services = BTreeMap<String, MeshService>;

/// Hosts that share routes.
struct Wrapper {
    hosts: Vec<String>,
    services: Vec<String>,
    routes: Vec<Route>,
}

/// The virtual hosts of one port.
pub fn virtual_hosts(set: &Resources, proxy: &Proxy, port: Port) -> Vec<Value> {
    let mut all: Vec<Value> = domains(set, proxy, port)
        .into_iter()
        .map(|(name, domains, routes)| virtual_host(&name, &domains, &Host { routes, require_tls: false }))
        .collect();
    all.push(rest(set));
    all
}

/// The virtual hosts of all ports at once, told apart by the port that the request's authority names, as for istiod's
/// HTTP proxy listener; none is 80.
pub fn all_ports(set: &Resources, proxy: &Proxy) -> Vec<Value> {
    let registry = Registry::of(set, View::of_sidecar(&proxy.namespace));
    // Aliases get no listeners.
    let concrete = registry.iter().filter(|service| service.external_name.is_none());
    let ports = concrete.flat_map(MeshService::routed_ports);
    let ports: BTreeSet<Port> = ports.map(|port| port.number).chain(Port::new(80)).collect();
    let mut all = Vec::new();
    for port in ports {
        for (name, domains, routes) in domains(set, proxy, port) {
            let mut with_port: Vec<String> = domains.iter().map(|domain| format!("{domain}:{port}")).collect();
            if port.get() == 80 {
                with_port.extend(domains);
            }
            all.push(virtual_host(&format!("{name}:{port}"), &with_port, &Host { routes, require_tls: false }));
        }
    }
    all.push(rest(set));
    all
}

/// Name, domains and routes of every virtual host of a port.
fn domains(set: &Resources, proxy: &Proxy, port: Port) -> Vec<(String, Vec<String>, Vec<Route>)> {
    let registry = Registry::of(set, View::of_sidecar(&proxy.namespace));
    let on_port = registry.iter().filter_map(|service| Some((service, service.routed_port(port)?)));
    let services: Services = on_port
        .map(|(service, port)| {
            let ports = vec![port.clone()];
            let host = service.host.to_ascii_lowercase();
            (host.clone(), MeshService { host, ports, only_ports: Vec::new(), ..service.clone() })
        })
        .collect();
    let mut bound: Vec<_> = by_age(set).into_iter().filter(|service| super::bound(service, MESH)).collect();
    let index = index(&bound, &registry);
    if port.get() != 80 {
        bound.retain(|service| hosts(service).iter().any(|host| services.keys().any(|name| overlap(host, name))));
    }

    let mut wrappers: Vec<Wrapper> = bound
        .iter()
        .filter_map(|service| {
            let lookup = |host: &str| services.get(host).cloned();
            let listener = Listener {
                proxy,
                gateway: MESH,
                retries: set.mesh.default_retries.as_deref(),
                port,
                tls: false,
                lookup: &lookup,
            };
            let routes = route::routes(service, &listener);
            wrap(service, routes, &services, &index, port)
        })
        .collect();
    let taken: BTreeSet<String> = wrappers.iter().flat_map(|wrapper| wrapper.services.clone()).collect();
    let concrete = services.iter().filter(|(_, service)| service.external_name.is_none());
    for (host, service) in concrete.filter(|(host, _)| !taken.contains(*host)) {
        if service.port(port).is_some_and(|port| port.protocol != AppProtocol::Tcp) {
            let routes = vec![default_route(&names::cluster(port.get(), "", host), set)];
            wrappers.push(Wrapper { hosts: Vec::new(), services: vec![host.clone()], routes });
        }
    }
    name_domains(wrappers, &registry, proxy, port)
}

/// Gives every host its domains; a domain that is taken stays where it is.
fn name_domains(
    wrappers: Vec<Wrapper>,
    registry: &Registry,
    proxy: &Proxy,
    port: Port,
) -> Vec<(String, Vec<String>, Vec<Route>)> {
    let full: BTreeSet<String> = wrappers.iter().flat_map(|wrapper| wrapper.services.clone()).collect();
    let (mut names, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    for Wrapper { hosts, services, routes } in wrappers {
        let hosts = hosts.into_iter().map(|host| (host, false)).chain(services.into_iter().map(|host| (host, true)));
        for (host, service) in hosts {
            if !names.insert(host.clone()) {
                continue;
            }
            // An address of IPv6, as authorities write it.
            let as_authority = |host: &String| if host.contains(':') { format!("[{host}]") } else { host.clone() };
            let mut domains = vec![as_authority(&host)];
            if service {
                let here = registry.get(&host);
                let aliases = here.into_iter().flat_map(|service| &service.aliases);
                for (number, name) in std::iter::once(&host).chain(aliases).enumerate() {
                    domains.extend((number > 0).then(|| name.clone()));
                    let others = other_names(name, &proxy.namespace).into_iter();
                    domains.extend(others.filter(|name| !full.contains(name)));
                }
                // A resource without addresses that is younger, and has the port, hides them.
                let here = here.filter(|service| service.has_addresses_on(port));
                if here.is_some_and(|service| service.headless) {
                    let below: Vec<String> = domains.iter().map(|domain| format!("*.{domain}")).collect();
                    domains.extend(below);
                }
                domains.extend(here.into_iter().flat_map(|service| &service.addresses).map(as_authority));
            }
            domains.retain(|domain| known.insert(domain.clone()));
            if !domains.is_empty() {
                all.push((host, domains, routes.clone()));
            }
        }
    }
    all
}

/// The names of the VirtualService's hosts, in full, as they are written.
fn written(service: &Resource<VirtualService>) -> Vec<String> {
    service.spec.hosts.iter().map(|host| names::resolve_host(host, service.meta.namespace())).collect()
}

/// The same in lower case.
fn hosts(service: &Resource<VirtualService>) -> Vec<String> {
    written(service).into_iter().map(|host| host.to_ascii_lowercase()).collect()
}

fn overlap(a: &str, b: &str) -> bool {
    names::covers(a, b) || names::covers(b, a)
}

/// Which VirtualService a service belongs to: the one that names it, else the one with the longest wildcard; of equal
/// ones the oldest. Here istiod compares names as they are written.
fn index(bound: &[&Resource<VirtualService>], registry: &Registry) -> BTreeMap<String, String> {
    let mut index = BTreeMap::new();
    for service in registry.iter() {
        let all = || bound.iter().flat_map(|vs| written(vs).into_iter().map(|host| (host, vs.meta.full_name())));
        let exact = all().find(|(host, _)| *host == service.host);
        let wild = || {
            let fitting = all().filter(|(host, _)| host.starts_with('*') && names::covers(host, &service.host));
            fitting.fold(None, |best: Option<(String, String)>, one| match best {
                Some(best) if best.0.len() >= one.0.len() => Some(best),
                _ => Some(one),
            })
        };
        if let Some((_, owner)) = exact.or_else(wild) {
            index.insert(service.host.clone(), owner);
        }
    }
    index
}

fn wrap(
    service: &Resource<VirtualService>,
    routes: Vec<Route>,
    services: &Services,
    index: &BTreeMap<String, String>,
    port: Port,
) -> Option<Wrapper> {
    if routes.is_empty() {
        return None;
    }
    let (mut elsewhere, mut here) = (Vec::new(), Vec::new());
    for host in hosts(service) {
        if !host.starts_with('*') {
            if services.contains_key(&host) {
                here.push(host)
            } else {
                elsewhere.push(host)
            }
            continue;
        }
        let covered: Vec<&String> = services.keys().filter(|name| overlap(&host, name)).collect();
        if covered.is_empty() {
            elsewhere.push(host);
        } else {
            let mine = |name: &&&String| index.get(**name) == Some(&service.meta.full_name());
            here.extend(covered.iter().filter(mine).map(|name| (*name).clone()));
        }
    }
    // A host that is no service is known on port 80 alone, unless a service of the same VirtualService is on this port.
    let http = |name: &String| services[name].ports.iter().any(|port| port.protocol != AppProtocol::Tcp);
    here.retain(http);
    (!here.is_empty() || port.get() == 80).then_some(Wrapper { hosts: elsewhere, services: here, routes })
}

/// The shorter names by which a sidecar in `namespace` may call a service, and the one with the final dot.
fn other_names(host: &str, namespace: &str) -> Vec<String> {
    let mut all = vec![format!("{host}.")];
    if let Some(short) = host.strip_suffix(&format!(".svc.{DOMAIN}"))
        && let Some((name, home)) = short.split_once('.')
    {
        if home == namespace {
            all.push(name.to_owned());
        }
        all.extend([short.to_owned(), format!("{short}.svc")]);
    }
    all
}

fn default_route(cluster: &str, set: &Resources) -> Route {
    let mut json = json!({"name": "default", "match": {"prefix": "/"}, "route": {
        "cluster": cluster,
        "timeout": "0s",
        "max_grpc_timeout": "0s",
    }});
    if let Some(policy) = retry::of(set.mesh.default_retries.as_deref()) {
        json["route"]["retry_policy"] = policy;
    }
    Route { json, takes_everything: true }
}

/// For hosts that are not of the mesh.
fn rest(set: &Resources) -> Value {
    if set.mesh.outbound == OutboundMode::RegistryOnly {
        return json!({"name": "block_all", "domains": ["*"], "include_request_attempt_count": true, "routes": [{
            "name": "block_all",
            "match": {"prefix": "/"},
            "direct_response": {"status": 502},
        }]});
    }
    json!({"name": "allow_any", "domains": ["*"], "include_request_attempt_count": true, "routes": [{
        "name": "allow_any",
        "match": {"prefix": "/"},
        "route": {"cluster": "PassthroughCluster", "timeout": "0s", "max_grpc_timeout": "0s"},
    }]})
}
