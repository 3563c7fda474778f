//! The native twin: Envoy's own routes for the same resources, as istiod would write them. It is what the corpus takes
//! for the truth about Envoy, so nothing here comes from `shared::plan` but two names: it is written from istiod's behaviour
//! (`pilot/pkg/networking/core`: `route/route.go`, `gateway.go`, `httproute.go`) on top of the resources' model, their
//! names and the registry alone.
//!
//! Without a counterpart here: sidecars that are told no port and serve Gateways as well.

mod fault;
mod mirror;
mod operations;
mod retry;
mod route;
mod sidecar;

use std::collections::BTreeMap;

use envoy_config::Proxy;
use serde_json::{Value, json};
use shared::model::{Gateway, Port, Resource, Resources, VirtualService};
use shared::names::{self, MESH};
use shared::plan::variant::{CLUSTER_HEADER, ROUTE_HEADER};
use shared::registry::{Registry, carries};

use route::{Listener, Route};

/// `envoy.config.route.v3.RouteConfiguration` for a proxy.
pub fn route_config(set: &Resources, proxy: &Proxy) -> Value {
    let gateways = gateways(set, proxy);
    let port = proxy.port.and_then(Port::new);
    let mesh = gateways.iter().any(|gateway| gateway == MESH);
    let (virtual_hosts, by_port) = match port {
        Some(port) if mesh => (sidecar::virtual_hosts(set, proxy, port), false),
        None if mesh => (sidecar::all_ports(set, proxy), true),
        port => (gateway_hosts(set, proxy, &gateways, port), false),
    };
    json!({
        "name": "native",
        "virtual_hosts": virtual_hosts,
        "validate_clusters": false,
        "ignore_port_in_host_matching": !by_port,
        "max_direct_response_body_size_bytes": 1024 * 1024,
        // Names of Sailcloth's that mean nothing here: they are taken away, so that both sides let the same through.
        "request_headers_to_remove": [CLUSTER_HEADER, ROUTE_HEADER],
    })
}

/// The filters that carry out what those routes ask for.
pub fn http_filters() -> Vec<Value> {
    let filter = |name: &str, message: &str| {
        let message = format!("type.googleapis.com/envoy.extensions.filters.http.{message}");
        json!({"name": format!("envoy.filters.http.{name}"), "typed_config": {"@type": message}})
    };
    // In istiod's order: what is aborted never gets to CORS.
    vec![filter("fault", "fault.v3.HTTPFault"), filter("cors", "cors.v3.Cors"), filter("router", "router.v3.Router")]
}

/// The Gateways that a proxy serves: those it names, else those whose selector fits its labels, else the mesh. istiod
/// merges the oldest first (`initGateways` sorts by time, then by name, then by namespace).
pub fn gateways(set: &Resources, proxy: &Proxy) -> Vec<String> {
    let mut all = gateways_as_given(set, proxy);
    all.sort_by_cached_key(|name| {
        let gateway = set.gateways.iter().find(|gateway| gateway.meta.full_name() == *name);
        let meta = gateway.map(|gateway| &gateway.meta);
        let age = meta.map(|meta| (meta.creation_timestamp.clone(), meta.name.clone(), meta.namespace().to_owned()));
        (age.is_none(), age)
    });
    all
}

fn gateways_as_given(set: &Resources, proxy: &Proxy) -> Vec<String> {
    if !proxy.gateways.is_empty() {
        return proxy.gateways.iter().map(|name| names::resolve_gateway(name, &proxy.namespace)).collect();
    }
    let mine = |gateway: &&Resource<Gateway>| {
        !gateway.spec.selector.is_empty()
            && carries(&proxy.labels.clone().into_iter().collect(), &gateway.spec.selector)
    };
    let chosen: Vec<String> = set.gateways.iter().filter(mine).map(|gateway| gateway.meta.full_name()).collect();
    if chosen.is_empty() { vec![MESH.to_owned()] } else { chosen }
}

/// The VirtualServices, oldest first; then by name, then by namespace.
fn by_age(set: &Resources) -> Vec<&Resource<VirtualService>> {
    let mut services: Vec<_> = set.virtual_services.iter().collect();
    services.sort_by_key(|service| {
        (service.meta.creation_timestamp.clone(), service.meta.name.clone(), service.meta.namespace().to_owned())
    });
    services
}

fn bound(service: &Resource<VirtualService>, gateway: &str) -> bool {
    let names = &service.spec.gateways;
    let resolved = |name: &String| names::resolve_gateway(name, service.meta.namespace()) == gateway;
    if names.is_empty() { gateway == MESH } else { names.iter().any(resolved) }
}

/// A virtual host on its way.
#[derive(Default)]
struct Host {
    routes: Vec<Route>,
    require_tls: bool,
}

fn virtual_host(name: &str, domains: &[String], host: &Host) -> Value {
    let routes: Vec<&Value> = host.routes.iter().map(|route| &route.json).collect();
    let mut json = json!({"name": name, "domains": domains, "routes": routes, "include_request_attempt_count": true});
    if host.require_tls {
        json["require_tls"] = json!("ALL");
    }
    json
}

/// What istiod's `buildGatewayHTTPRouteConfig` makes of all servers on one port: the rules of all VirtualServices of a
/// host together, and those that take everything at the end.
fn gateway_hosts(set: &Resources, proxy: &Proxy, gateways: &[String], port: Option<Port>) -> Vec<Value> {
    let registry = Registry::new(set);
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    for name in gateways {
        let Some(gateway) = set.gateways.iter().find(|gateway| gateway.meta.full_name() == *name) else {
            // Somebody else's Gateway: all hosts on whatever port this is.
            let port = port.unwrap_or(Port::MIN);
            serve(set, proxy, name, &["*".to_owned()], false, port, &registry, &mut hosts);
            continue;
        };
        let first = gateway.spec.servers.first().and_then(|server| server.port.number.0);
        let Some(port) = port.or(first) else { continue };
        for server in gateway.spec.servers.iter().filter(|server| server.port.number.0 == Some(port)) {
            let here = gateway.meta.namespace();
            let own = |host: &String| match host.strip_prefix("./") {
                Some(name) => format!("{here}/{name}"),
                None => host.clone(),
            };
            let server_hosts: Vec<String> = server.hosts.iter().map(own).collect();
            let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
            serve(set, proxy, name, &server_hosts, redirects, port, &registry, &mut hosts);
        }
    }
    for host in hosts.values_mut() {
        host.routes.sort_by_key(|route| route.takes_everything);
    }
    let domain = |(name, host): (&String, &Host)| virtual_host(name, std::slice::from_ref(name), host);
    hosts.iter().map(domain).collect()
}

/// The hosts of one server.
#[expect(clippy::too_many_arguments, reason = "as flat as the function of istiod that it follows")]
fn serve(
    set: &Resources,
    proxy: &Proxy,
    gateway: &str,
    server_hosts: &[String],
    redirects: bool,
    port: Port,
    registry: &Registry,
    hosts: &mut BTreeMap<String, Host>,
) {
    for service in by_age(set).into_iter().filter(|service| bound(service, gateway)) {
        let namespace = service.meta.namespace();
        let mut both: Vec<String> = Vec::new();
        for server_host in server_hosts {
            let server_host = match server_host.split_once('/') {
                Some((from, host)) if from == "*" || from == namespace => host,
                Some(_) => continue,
                None => server_host,
            };
            for host in &service.spec.hosts {
                let host = names::resolve_host(host, namespace);
                if let Some(narrower) = names::intersection(&server_host.to_ascii_lowercase(), &host)
                    && !both.iter().any(|known| known == narrower)
                {
                    both.push(narrower.to_owned());
                }
            }
        }
        if both.is_empty() {
            continue;
        }
        let listener = Listener { proxy, gateway, port, tls: redirects, lookup: &|host| registry.get(host).cloned() };
        let routes = route::routes(service, &listener);
        for host in both.into_iter().filter(|_| !routes.is_empty()) {
            let host = hosts.entry(host).or_default();
            host.routes.extend(routes.iter().cloned());
            host.require_tls |= redirects;
        }
    }
    for host in server_hosts.iter().filter(|_| redirects) {
        let host = host.split_once('/').map_or(host.as_str(), |(_, host)| host);
        hosts.entry(host.to_ascii_lowercase()).or_default().require_tls = true;
    }
}
