//! Which VirtualServices apply to a proxy, to which hosts, and in which order their rules are tried.
//!
//! Gateways merge: every VirtualService that is bound to a gateway adds its rules to each host that both serve, and
//! rules that take everything go to the end. The mesh does not merge: for one host the oldest VirtualService counts.

mod gateway;
mod mesh;

use std::sync::Arc;

use super::guard::{Detector, Guards};
use super::hosts::HostTable;
use super::owners::Owners;
use super::proxy::{self, Bound};
use super::routes::Routes;
use super::rule::Rule;
use super::seen::Seen;
use super::telemetry::Telemetry;
use super::{Plan, Proxy, View, VirtualHost};
use crate::model::http_route::HttpMatchRequest;
use crate::model::mesh_config::OutboundMode;
use crate::model::{Port, Resource, Resources, VirtualService};
use crate::names::{self, HTTP_PORT, MESH};
use crate::registry::{MeshService, Registry};
use crate::{Map, order};

pub(super) fn build(set: &Resources, proxy: &Proxy, detector: Detector, fingerprint: u64) -> Plan {
    let bound = proxy.bound(set);
    let mut builder = Builder::new(set, proxy, &bound);
    let views = builder.views(&bound);
    let mut guards = Guards::compile(set, &builder.registry, detector, Some(proxy.namespace()));
    let Builder { hosts, mut rules, registry, .. } = builder;
    guards.assign(&mut rules);
    let telemetry = Telemetry::new(&rules, &registry, proxy, !bound.gateways.is_empty());
    let by_authority = bound.mesh && bound.gateways.is_empty() && proxy.port.is_none();
    let blocks_unknown_hosts = bound.mesh && set.mesh.outbound == OutboundMode::RegistryOnly;
    Plan {
        fingerprint,
        views,
        by_authority,
        passthrough: bound.mesh && !blocks_unknown_hosts,
        blocks_unknown_hosts,
        unknown_hosts: None,
        access_log: false,
        hosts,
        rules,
        telemetry,
        guards,
    }
}

/// The rules that requests can come to where `proxy` listens, whatever its labels and its namespace are: more than any
/// one proxy has.
pub(super) fn rules_for_any_source(set: &Resources, proxy: &Proxy) -> Vec<Rule> {
    let bound = proxy.bound(set);
    let mut builder = Builder { any_source: true, ..Builder::new(set, proxy, &bound) };
    builder.views(&bound);
    builder.rules
}

/// A route: rule, match block, and whether it takes everything.
type Route = (u32, u32, bool);

/// What is known of each domain of one port.
#[derive(Default)]
struct Domains(Map<Domain>);

#[derive(Default)]
struct Domain {
    routes: Vec<Route>,
    https_redirect: bool,
}

struct Builder<'a> {
    set: &'a Resources,
    proxy: &'a Proxy,
    /// Whether any labels and namespace may be the proxy's.
    any_source: bool,
    registry: Registry,
    /// Oldest first.
    services: Vec<&'a Resource<VirtualService>>,
    hosts: Vec<VirtualHost>,
    rules: Vec<Rule>,
}

impl<'a> Builder<'a> {
    fn new(set: &'a Resources, proxy: &'a Proxy, bound: &Bound) -> Builder<'a> {
        let mut services: Vec<_> = set.virtual_services.iter().collect();
        order::sort_by(&mut services, |a, b| a.meta.age().cmp(&b.meta.age()));
        let registry = match bound.mesh {
            true => Registry::seen_from(set, proxy.namespace()),
            false => Registry::new(set),
        };
        let (hosts, rules) = (Vec::new(), Vec::new());
        Builder { set, proxy, any_source: false, registry, services, hosts, rules }
    }

    /// What is served on each port.
    fn views(&mut self, bound: &Bound) -> Vec<View> {
        let ports = match (self.proxy.port, bound.gateways.is_empty()) {
            (Some(port), _) => vec![port],
            (None, false) => vec![self.first_port(&bound.gateways).unwrap_or(HTTP_PORT)],
            (None, true) => self.mesh_ports(),
        };
        let mesh = self.services.iter().copied().filter(|service| bound.mesh && bound_to(service, MESH));
        let owners = Owners::new(mesh, &self.registry);
        let mut views = Vec::with_capacity(ports.len());
        for port in ports {
            let mut domains = Domains::default();
            self.gateway_hosts(&bound.gateways, port, &mut domains);
            if bound.mesh {
                self.mesh_hosts(&owners, port, &mut domains);
            }
            let table = self.finish(domains);
            views.push(View { port, table });
        }
        views
    }

    /// The port of the first server of the first gateway that is in the set.
    fn first_port(&self, gateways: &[String]) -> Option<Port> {
        let mine = |name: &String| self.set.gateways.iter().find(|gateway| gateway.meta.full_name() == *name);
        gateways.iter().find_map(mine)?.spec.servers.first()?.port.number.0
    }

    fn mesh_ports(&self) -> Vec<Port> {
        let concrete = self.registry.iter().filter(|service| service.external_name.is_none());
        let ports = concrete.flat_map(MeshService::routed_ports);
        let mut ports: Vec<Port> = ports.map(|port| port.number).chain([HTTP_PORT]).collect();
        order::sort(&mut ports);
        ports.dedup();
        ports
    }

    /// The rules of a VirtualService that exist on this gateway and port, up to the first that takes everything.
    /// `tls` is whether the listener opens TLS, or its Gateway's server says so.
    fn routes(&mut self, service: &Resource<VirtualService>, gateway: &str, port: Port, tls: bool) -> Vec<Route> {
        let name: Arc<str> = service.meta.full_name().into();
        let mut routes = Vec::with_capacity(service.spec.http.len());
        // Room for what comes next as well, or each of many small VirtualServices moves all rules there are.
        self.rules.reserve(service.spec.http.len());
        let mesh = gateway == MESH;
        for (index, model) in service.spec.http.iter().enumerate() {
            let namespace = service.meta.namespace();
            let applies = |block: &HttpMatchRequest| {
                if block.on_port().is_some_and(|asked| asked != port) {
                    return false;
                }
                if !block.gateways.is_empty() {
                    return block.gateways.iter().any(|name| names::resolve_gateway(name, namespace) == gateway);
                }
                self.any_source || self.proxy.is_source_of(block)
            };
            let here: Vec<usize> = match model.r#match.as_slice() {
                [] => vec![0],
                blocks => blocks.iter().enumerate().filter(|(_, block)| applies(block)).map(|(at, _)| at).collect(),
            };
            if here.is_empty() {
                continue;
            }
            let seen = Seen { registry: &self.registry, port, mesh };
            let Some(rule) = Rule::compile((service, &name), (index, model), seen, tls) else { continue };
            let catch_alls: Vec<bool> = rule.matches.iter().map(|block| block.catch_all).collect();
            let Some(rule) = self.push(rule) else { break };
            for at in here {
                let catch_all = catch_alls.get(at).copied().unwrap_or(false);
                let Ok(matched) = u32::try_from(at) else { break };
                routes.push((rule, matched, catch_all));
                let for_some = self.any_source && model.r#match.get(at).is_some_and(proxy::asks_for_source);
                if catch_all && !for_some {
                    return routes;
                }
            }
        }
        routes
    }

    fn push(&mut self, rule: Rule) -> Option<u32> {
        let index = u32::try_from(self.rules.len()).ok()?;
        self.rules.push(rule);
        Some(index)
    }

    fn finish(&mut self, domains: Domains) -> HostTable {
        let mut table = Vec::new();
        let mut last: Option<Arc<Routes>> = None;
        for (domain, Domain { routes, https_redirect }) in domains.0.into_sorted() {
            let Ok(index) = u32::try_from(self.hosts.len()) else { break };
            let routes: Vec<_> = routes.into_iter().map(|(rule, matched, _)| (rule, matched)).collect();
            // The names of a service follow each other.
            let routes = match last {
                Some(last) if last.list() == routes => last,
                _ => Arc::new(Routes::new(routes, &self.rules)),
            };
            last = Some(Arc::clone(&routes));
            table.push((domain.clone(), index));
            self.hosts.push(VirtualHost { domain, https_redirect, routes });
        }
        HostTable::new(table)
    }
}

/// Whether a VirtualService applies to a gateway or to the mesh; without `gateways` it applies to the mesh.
fn bound_to(service: &Resource<VirtualService>, gateway: &str) -> bool {
    names::binds(&service.spec.gateways, service.meta.namespace(), gateway)
}
