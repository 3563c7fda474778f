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

use std::collections::{BTreeMap, BTreeSet};

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

/// A server of a Gateway on one port.
struct Server {
    gateway: String,
    /// As `sanitizeServerHostNamespace` leaves them: `host`, or `namespace/host`.
    hosts: Vec<String>,
    http: bool,
    tls: bool,
    redirects: bool,
}

impl Server {
    /// Those that istiod merges: of servers with `tls` those without a host that one before has (`CheckDuplicates`).
    fn merged(set: &Resources, gateways: &[String], port: Option<Port>) -> (Vec<Server>, Option<Port>) {
        let mut port = port;
        let mut all = Vec::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for name in gateways {
            let Some(gateway) = set.gateways.iter().find(|gateway| gateway.meta.full_name() == *name) else {
                // Somebody else's Gateway: all hosts on whatever port this is.
                let hosts = vec!["*".to_owned()];
                all.push(Server { gateway: name.clone(), hosts, http: true, tls: false, redirects: false });
                continue;
            };
            port = port.or_else(|| gateway.spec.servers.first().and_then(|server| server.port.number.0));
            for server in gateway.spec.servers.iter().filter(|server| server.port.number.0 == port && port.is_some()) {
                let here = gateway.meta.namespace();
                let sane = |host: &String| match host.split_once('/') {
                    Some((".", name)) => format!("{here}/{name}"),
                    Some(("*", name)) => name.to_owned(),
                    _ => host.clone(),
                };
                let mut hosts: Vec<String> = server.hosts.iter().map(sane).collect();
                if server.hosts.iter().any(|host| host == "*/*") {
                    hosts = vec!["*".to_owned()];
                }
                if server.tls.is_some() {
                    if hosts.iter().any(|host| known.contains(host)) {
                        continue;
                    }
                    known.extend(hosts.iter().cloned());
                }
                let redirects = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
                let (http, tls) = (server.port.protocol.is_http(), server.tls.is_some());
                all.push(Server { gateway: name.clone(), hosts, http, tls, redirects });
            }
        }
        // The rest of the port is another listener's, or nobody's.
        if all.iter().any(|server| server.http) {
            all.retain(|server| server.http);
        }
        (all, port)
    }

    /// Which hosts of a VirtualService it serves (`NamesForNamespace` and `Intersection`).
    fn both(&self, service: &Resource<VirtualService>) -> Vec<String> {
        let namespace = service.meta.namespace();
        let mut both: Vec<String> = Vec::new();
        for server_host in &self.hosts {
            let server_host = match server_host.split_once('/') {
                Some((from, host)) if from == namespace => host,
                Some(_) => continue,
                None => server_host,
            };
            for host in &service.spec.hosts {
                let host = names::resolve_host(host, namespace);
                if let Some(narrower) = names::intersection(server_host, &host)
                    && !both.iter().any(|known| known == narrower)
                {
                    both.push(narrower.to_owned());
                }
            }
        }
        both
    }
}

/// What istiod's `buildGatewayHTTPRouteConfig` makes of all servers on one port: the rules of all VirtualServices of a
/// host together, and those that take everything at the end.
fn gateway_hosts(set: &Resources, proxy: &Proxy, gateways: &[String], port: Option<Port>) -> Vec<Value> {
    let registry = Registry::new(set);
    let (servers, port) = Server::merged(set, gateways, port);
    let port = port.unwrap_or(Port::MIN);
    let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
    let mut compiled: BTreeMap<(String, String), Vec<Route>> = BTreeMap::new();
    for server in &servers {
        for service in by_age(set).into_iter().filter(|service| bound(service, &server.gateway)) {
            let both = server.both(service);
            if both.is_empty() {
                continue;
            }
            // Once for a Gateway: the first server's `tls` counts for all.
            let routes = compiled.entry((server.gateway.clone(), service.meta.full_name())).or_insert_with(|| {
                let lookup = |host: &str| registry.get(host).cloned();
                let listener = Listener {
                    proxy,
                    gateway: &server.gateway,
                    retries: set.mesh.default_retries.as_deref(),
                    port,
                    tls: server.tls,
                    lookup: &lookup,
                };
                route::routes(service, &listener)
            });
            for host in both.into_iter().filter(|_| !routes.is_empty()) {
                let host = hosts.entry(host.to_ascii_lowercase()).or_default();
                host.routes.extend(routes.iter().cloned());
                host.require_tls |= server.redirects;
            }
        }
        // A host with a namespace is a domain with one as well, as it stands.
        for host in server.hosts.iter().filter(|_| server.redirects) {
            hosts.entry(host.to_ascii_lowercase()).or_default().require_tls = true;
        }
    }
    for host in hosts.values_mut() {
        host.routes.sort_by_key(|route| route.takes_everything);
    }
    let domain = |(name, host): (&String, &Host)| virtual_host(name, std::slice::from_ref(name), host);
    hosts.iter().map(domain).collect()
}
