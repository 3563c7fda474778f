//! What a proxy's rules are: the resources, and who the proxy is, in; its virtual hosts and their rules in order out.
//!
//! What plays no part for this proxy is told to a [`Listener`], with the reason.
//!
//! Gateways merge: every VirtualService that is bound to a gateway adds its rules to each host that both serve, and rules that
//! take everything go to the end. The mesh does not merge: for one host the VirtualService that comes first counts.
//!
//! | file | what is in it |
//! |---|---|
//! | [`proxy`] | who the proxy is |
//! | [`roots`](mod@roots) | the VirtualServices that a namespace sees, with the rules of their delegates |
//! | [`parts`] | what a rule says, and beneath it the one that delegates to it |
//! | `merge` | whether a delegate's rule goes together with the one that delegates |
//! | [`sidecar`] | what a sidecar's listeners see of the mesh |
//! | `gateway` | the hosts of gateways |
//! | `mesh` | the hosts of the mesh |
//! | `owners` | which VirtualServices speak for a host of the mesh |
//! | [`matching`] | match blocks that ask nothing of a request |
//! | [`rule`] | a rule, and where it comes from |
//! | [`mirror`] | who gets copies |
//! | `seen` | a destination's cluster, by what a listener sees of the services |
//! | `omission` | what plays no part, and why |

mod gateway;
pub mod matching;
mod merge;
mod mesh;
pub mod mirror;
mod omission;
mod owners;
pub mod parts;
pub mod proxy;
pub mod roots;
pub mod rule;
mod seen;
pub mod sidecar;

pub use omission::{Delegated, Listener, Omission, Reason, Silent};
pub use proxy::Proxy;
pub use roots::{Root, RootRule};
pub use rule::{Action, Destination, Rule};
pub use seen::Seen;

use crate::model::mesh_config::OutboundMode;
use crate::model::{Port, Resource, Resources, Sidecar};
use crate::names::HTTP_PORT;
use crate::registry::{Imports, MeshService, Registry, View};
use crate::{Map, order};
use owners::Owners;
use parts::Block;
use proxy::Bound;
use sidecar::Egress;

/// The virtual hosts of a proxy.
#[derive(Debug)]
pub struct Resolved {
    /// What is served on each port.
    pub ports: Vec<Served>,
    /// The services that requests can be sent to.
    pub registry: Registry,
    /// Whether requests say by their authority which port they are for.
    pub by_authority: bool,
    /// Whether the mesh is served.
    pub mesh: bool,
    /// Whether a Gateway is.
    pub edge: bool,
    /// Whether requests to hosts that nobody knows are refused, as with `REGISTRY_ONLY`.
    pub blocks_unknown_hosts: bool,
}

/// The virtual hosts of one port.
#[derive(Debug)]
pub struct Served {
    /// The port.
    pub port: Port,
    /// By domain: `*`, `*.suffix` or a name, in lower case.
    pub domains: Map<Domain>,
}

/// The routes of one domain.
#[derive(Debug, Default)]
pub struct Domain {
    /// In the order in which they are tried.
    pub routes: Vec<Route>,
    /// Whether plain http is sent to https.
    pub https_redirect: bool,
}

/// A match block of a rule, as one of a domain's routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Which of the rules, as they are told.
    pub rule: u32,
    /// Which of its match blocks; 0 where it has none.
    pub matched: u32,
    /// Whether it takes every request.
    pub catch_all: bool,
}

/// For whom rules are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The proxy alone.
    Proxy,
    /// Whoever has its place: what it does not say of itself, labels and namespace, it may get from Envoy's node. There are more
    /// rules then than for any one proxy.
    Any,
}

/// The VirtualServices that `proxy` sees and that are bound to what it serves.
pub fn roots<'a>(set: &'a Resources, proxy: &Proxy, source: Source, listener: &mut impl Listener) -> Vec<Root<'a>> {
    let namespace = match source {
        Source::Proxy => Some(proxy.namespace()),
        Source::Any => proxy.namespace.as_deref(),
    };
    let (bound, mut all) = (proxy.bound(set), roots::roots(set, namespace, listener));
    all.retain(|root| {
        let gateways = &root.service.spec.gateways;
        let meets = bound.meets(gateways, root.service.meta.namespace());
        if !meets {
            let reason = Reason::OtherGateways(gateways);
            listener.omitted(Omission { virtual_service: &root.name, rule: None, matched: None, port: None, reason });
        }
        meets
    });
    all
}

/// What the rules of `proxy` are, of the VirtualServices that it sees. Each is told to `tell` as it comes; routes name them in
/// that order.
pub fn resolve<'r>(
    set: &'r Resources,
    proxy: &'r Proxy,
    source: Source,
    roots: &'r [Root<'r>],
    tell: &mut dyn FnMut(Rule<'r>),
    listener: &mut impl Listener,
) -> Resolved {
    let bound = proxy.bound(set);
    let sidecar = match source {
        Source::Any if proxy.namespace.is_none() => None,
        _ if bound.mesh => sidecar::of(set, proxy.namespace(), &proxy.labels),
        _ => None,
    };
    let mut resolver = Resolver { set, proxy, source, roots, tell, told: 0, listener };
    let (ports, registry) = resolver.ports(&bound, sidecar);
    let blocks_unknown_hosts = bound.mesh && sidecar::outbound(sidecar, set) == OutboundMode::RegistryOnly;
    let edge = !bound.gateways.is_empty();
    let by_authority = bound.mesh && !edge && proxy.port.is_none();
    Resolved { ports, registry, by_authority, mesh: bound.mesh, edge, blocks_unknown_hosts }
}

/// The services that a proxy can send requests to. A listener of its may see less of them.
pub fn services(set: &Resources, proxy: &Proxy) -> Registry {
    let (namespace, mesh) = (proxy.namespace(), proxy.bound(set).mesh);
    let sidecar = if mesh { sidecar::of(set, namespace, &proxy.labels) } else { None };
    sendable(set, namespace, mesh, sidecar::imports(sidecar, namespace).as_ref())
}

fn sendable(set: &Resources, namespace: &str, mesh: bool, imports: Option<&Imports>) -> Registry {
    let view = if mesh { View::of_sidecar(namespace) } else { View::of_gateway(namespace) };
    Registry::of(set, View { imports, beyond: true, ..view })
}

struct Resolver<'r, 'l, L> {
    set: &'r Resources,
    proxy: &'r Proxy,
    source: Source,
    /// In the order in which they count.
    roots: &'r [Root<'r>],
    tell: &'l mut dyn FnMut(Rule<'r>),
    /// How many rules have been told.
    told: u32,
    listener: &'l mut L,
}

/// Where rules are resolved for: a gateway or the mesh, on a port.
#[derive(Clone, Copy)]
struct Place<'p> {
    /// `namespace/name`, or `mesh`.
    gateway: &'p str,
    port: Port,
    /// Whether the listener opens TLS, or its Gateway's server says so.
    tls: bool,
    registry: &'p Registry,
}

impl<'r, L: Listener> Resolver<'r, '_, L> {
    /// What is served on each port, and the services that requests can be sent to.
    fn ports(&mut self, bound: &Bound, sidecar: Option<&Resource<Sidecar>>) -> (Vec<Served>, Registry) {
        let namespace = self.proxy.namespace();
        let mut all = Vec::new();
        let egress = match bound.mesh {
            true => sidecar::listeners(sidecar, namespace, self.set, self.roots, self.listener),
            false => Vec::new(),
        };
        // A sidecar that sees everything sends requests to what its only listener sees.
        let imports = sidecar::imports(sidecar, namespace);
        let mut registry = match bound.mesh && imports.is_none() && !Registry::hides_own(self.set, namespace) {
            true => None,
            false => Some(sendable(self.set, namespace, bound.mesh, imports.as_ref())),
        };
        let ports = match (self.proxy.port, bound.gateways.is_empty()) {
            (Some(port), _) => vec![port],
            (None, false) => vec![self.first_port(&bound.gateways).unwrap_or(HTTP_PORT)],
            (None, true) => mesh_ports(&egress),
        };
        let owners: Vec<Owners<'_>> = egress.iter().map(|it| Owners::new(&it.roots, &it.registry)).collect();
        for port in ports {
            let mut domains = Map::new();
            if let Some(registry) = registry.as_ref().or_else(|| egress.first().map(|it| &it.registry)) {
                self.gateway_hosts(&bound.gateways, port, registry, &mut domains);
            }
            // A listener for the port counts, else the last one, which is for all others.
            let here = egress.iter().zip(&owners).find(|(it, _)| it.port.is_none_or(|own| own == port));
            if let Some((egress, owners)) = here {
                self.mesh_hosts(egress, owners, port, &mut domains);
            }
            all.push(Served { port, domains });
        }
        drop(owners);
        let registry = registry.take().or_else(|| egress.into_iter().next().map(|it| it.registry));
        (all, registry.unwrap_or_default())
    }

    /// The port of the first server of the first gateway that is in the set.
    fn first_port(&self, gateways: &[String]) -> Option<Port> {
        let mine = |name: &String| self.set.gateways.iter().find(|gateway| gateway.meta.full_name() == *name);
        gateways.iter().find_map(mine)?.spec.servers.first()?.port.number.0
    }

    /// The rules of a VirtualService that exist at a place, up to the first that takes everything.
    fn routes(&mut self, root: &'r Root<'r>, place: Place<'_>) -> Vec<Route> {
        let mut routes = Vec::with_capacity(root.service.spec.http.len());
        let mut taken: Option<u32> = None;
        for it in root.rules() {
            if let Some(by) = taken {
                if !self.listener.listens() {
                    break;
                }
                self.omit(root, Some(it.index), None, place.port, Reason::BehindCatchAll(by));
                continue;
            }
            let here = self.blocks(root, it, place);
            if here.is_empty() {
                continue;
            }
            let Some(rule) = Rule::new(root, it, place) else {
                self.omit(root, Some(it.index), None, place.port, Reason::NothingToDo);
                continue;
            };
            let index = self.add(rule);
            for matched in here {
                let block = it.blocks.get(matched as usize);
                let catch_all = block.is_none_or(Block::is_catch_all);
                routes.push(Route { rule: index, matched, catch_all });
                let for_some = self.source == Source::Any && block.is_some_and(Block::asks_for_source);
                if catch_all && !for_some {
                    taken = Some(it.index);
                    break;
                }
            }
        }
        routes
    }

    /// Tells a rule; gives back what routes call it.
    fn add(&mut self, rule: Rule<'r>) -> u32 {
        (self.tell)(rule);
        self.told = self.told.saturating_add(1);
        self.told - 1
    }

    /// The match blocks of a rule that exist at a place.
    fn blocks(&mut self, root: &'r Root<'r>, it: RootRule<'r>, place: Place<'_>) -> Vec<u32> {
        if it.blocks.is_empty() {
            return vec![0];
        }
        let mut here = Vec::new();
        for (matched, block) in (0..).zip(it.blocks.iter()) {
            match self.elsewhere(block, place) {
                None => here.push(matched),
                Some(reason) => self.omit(root, Some(it.index), Some(matched), place.port, reason),
            }
        }
        here
    }

    /// Why a match block does not exist at a place, where it does not.
    fn elsewhere<'b>(&self, block: Block<'b>, place: Place<'_>) -> Option<Reason<'b>> {
        if let Some(asked) = block.on_port().filter(|asked| *asked != place.port) {
            return Some(Reason::OtherPort(asked));
        }
        if !block.gateways().is_empty() {
            let here = block.names_gateway(place.gateway);
            return (!here).then_some(Reason::OtherGateways(block.gateways()));
        }
        let from_here = self.source == Source::Any || self.proxy.is_source_of(block);
        (!from_here).then_some(Reason::OtherSource)
    }

    fn omit(&mut self, root: &Root<'_>, rule: Option<u32>, matched: Option<u32>, port: Port, reason: Reason<'_>) {
        self.listener.omitted(Omission { virtual_service: &root.name, rule, matched, port: Some(port), reason });
    }
}

/// The ports that the mesh has routes for.
fn mesh_ports(egress: &[Egress<'_>]) -> Vec<Port> {
    let mut ports: Vec<Port> = Vec::new();
    for listener in egress {
        match listener.port {
            Some(port) => ports.push(port),
            None => {
                let concrete = listener.registry.iter().filter(|service| service.external_name.is_none());
                let routed = concrete.flat_map(MeshService::routed_ports);
                ports.extend(routed.map(|port| port.number).chain([HTTP_PORT]));
            }
        }
    }
    order::sort(&mut ports);
    ports.dedup();
    ports
}

#[cfg(test)]
mod tests;
