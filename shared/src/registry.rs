//! Who answers: the services of a set of resources with their ports and endpoints, whichever kind says so.
//!
//! Outside a cluster that is ServiceEntries, whose endpoints carry the labels that subsets select by; or Kubernetes
//! Services with their EndpointSlices and, for labels, Pods.

use crate::model::service_entry::Resolution;
use crate::model::{Port, Resources};
use crate::{Map, names};

mod imports;
mod same_host;
mod sources;
pub mod visible;

pub use imports::Imports;
pub use visible::Visible;

/// More Services of type `ExternalName` than that do not lead from one to the next, unless they lead round in circles.
const MOST_STEPS: usize = 64;

/// Every service of a set, by host.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    services: Map<MeshService>,
    /// Hosts with a wildcard.
    wild: Vec<String>,
}

/// Who looks at the services, and what of them there is to see. By itself it is nobody, who sees all.
#[derive(Clone, Copy, Debug, Default)]
pub struct View<'a> {
    /// From which namespace: `exportTo` hides what is not for it.
    pub namespace: Option<&'a str>,
    /// Whether it is a sidecar: what its own namespace defines comes before all others.
    pub sidecar: bool,
    /// What a listener of its Sidecar imports; none is everything.
    pub imports: Option<&'a Imports>,
    /// Whether a host that is not imported is seen all the same, and what its own namespace has in any case: VirtualServices
    /// may lead there (istiod's `collectImportedServices`).
    pub beyond: bool,
    /// The only port there is to see.
    pub port: Option<Port>,
}

impl<'a> View<'a> {
    /// As the sidecar of a workload in `namespace` that has no Sidecar sees them.
    pub fn of_sidecar(namespace: &'a str) -> View<'a> {
        View { namespace: Some(namespace), sidecar: true, ..View::default() }
    }

    /// As a gateway in `namespace` sees them.
    pub fn of_gateway(namespace: &'a str) -> View<'a> {
        View { namespace: Some(namespace), ..View::default() }
    }
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshService {
    /// Its name in the mesh; may begin with `*.`.
    pub host: String,
    /// The namespace it belongs to.
    pub namespace: String,
    /// Its ports.
    pub ports: Vec<MeshPort>,
    /// The ports that the mesh has routes for, where several resources of its namespace define it; each with whether it is
    /// the service's own, with its addresses. For ports of unlike ones there are routes and no clusters.
    pub routed: Vec<(MeshPort, bool)>,
    /// Where several resources define it: its only port, if any, to VirtualServices of each of their namespaces.
    pub only_ports: Vec<(String, Option<Port>)>,
    /// Addresses of its own, by which it is asked as well.
    pub addresses: Vec<String>,
    /// Whether it has none on purpose, so that its endpoints are asked by names below its own.
    pub headless: bool,
    /// How endpoints are found.
    pub resolution: Resolution,
    /// Where a Service of type `ExternalName` leads. It has no cluster: requests go to that of the service so named.
    pub external_name: Option<String>,
    /// The Services of type `ExternalName` that lead here in the end, by host.
    pub aliases: Vec<String>,
    /// Who answers.
    pub endpoints: Vec<MeshEndpoint>,
}

/// A port of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshPort {
    /// Its number.
    pub number: Port,
    /// Where a host listens that stands for its own endpoints: the `targetPort` of a ServiceEntry.
    pub target: Port,
    /// Its name; may be empty.
    pub name: String,
    /// What is spoken there.
    pub protocol: AppProtocol,
}

/// What a service's port speaks, as far as it makes a difference to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2, gRPC included.
    Http2,
    /// Bytes, TLS among them.
    Tcp,
}

/// Someone who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeshEndpoint {
    /// An IP address, or a DNS name where the resolution is DNS.
    pub address: String,
    /// Where it listens for each port of the service.
    pub ports: Vec<(Port, Port)>,
    /// What subsets select by.
    pub labels: Map<String>,
    /// Relative to the other endpoints.
    pub weight: Option<u32>,
}

impl MeshEndpoint {
    /// Where it listens for this port of the service.
    pub fn port(&self, port: Port) -> Option<Port> {
        self.ports.iter().find(|(number, _)| *number == port).map(|(_, at)| *at)
    }

    /// Whether it carries all of these labels.
    pub fn carries(&self, labels: &Map<String>) -> bool {
        carries(&self.labels, labels)
    }
}

/// Whether `labels` holds all of `selector`.
pub fn carries(labels: &Map<String>, selector: &Map<String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

impl AppProtocol {
    /// From a protocol's name (`HTTP2`, `grpc`) or a port's (`grpc-search`); Istio's rule is `name[-suffix]`.
    pub fn named(name: &str) -> Option<AppProtocol> {
        let name = name.to_ascii_lowercase();
        let word = if name.starts_with("grpc-web") { "grpc-web" } else { name.split('-').next().unwrap_or_default() };
        match word {
            "http" | "kubernetes.io/ws" => Some(AppProtocol::Http),
            "http2" | "grpc" | "grpc-web" | "kubernetes.io/h2c" => Some(AppProtocol::Http2),
            "tcp" | "tls" | "https" | "mongo" | "mysql" | "redis" | "udp" => Some(AppProtocol::Tcp),
            _ => None,
        }
    }
}

impl Registry {
    /// Everyone who answers in `set`, whoever asks. A host that several resources define is a Service's, else the oldest
    /// ServiceEntry's; what others of the same namespace say of it is added.
    pub fn new(set: &Resources) -> Registry {
        Registry::of(set, View::default())
    }

    /// Who answers, as somebody sees it.
    pub fn of(set: &Resources, view: View<'_>) -> Registry {
        let mut services: Map<MeshService> = Map::new();
        for said in same_host::said(set, view).chunk_by(|one, other| one.host() == other.host()) {
            if let Some(service) = same_host::one_service(said, view, set).and_then(|it| it.on_port(view.port)) {
                services.insert(service.host.clone(), service);
            }
        }
        let wild = services.names().filter(|host| host.starts_with('*')).cloned().collect();
        let mut registry = Registry { services, wild };
        registry.name_aliases();
        registry
    }

    /// Whether a namespace has services of its own that it does not see.
    pub fn hides_own(set: &Resources, namespace: &str) -> bool {
        same_host::hides_own(set, namespace)
    }

    /// Tells services their other names, past those that lead to one that leads on (istiod's `resolveServiceAliases`).
    fn name_aliases(&mut self) {
        let named: Vec<(String, String)> = self.iter().filter_map(|alias| self.end_of(alias)).collect();
        for (end, alias) in named {
            if let Some(service) = self.services.get_mut(&end) {
                service.aliases.push(alias);
            }
        }
    }

    /// Where a Service of type `ExternalName` leads in the end, and itself; nothing where it leads round in circles.
    fn end_of(&self, alias: &MeshService) -> Option<(String, String)> {
        let mut at = alias;
        for _ in 0..MOST_STEPS {
            match at.external_name.as_deref().map(|name| (name, self.get(name)))? {
                (_, Some(next)) if next.external_name.is_some() => at = next,
                (name, _) => return Some((name.to_owned(), alias.host.clone())),
            }
        }
        None
    }

    /// The service called `host` in the mesh.
    pub fn get(&self, host: &str) -> Option<&MeshService> {
        self.services.get(host)
    }

    /// The service that answers for `host`: its own, else the wildcard with the longest suffix.
    pub fn answering(&self, host: &str) -> Option<&MeshService> {
        self.get(host).or_else(|| {
            let covering = self.wild.iter().filter(|wild| names::covers(wild, host));
            self.get(covering.max_by_key(|wild| wild.len())?)
        })
    }

    /// All services, by host.
    pub fn iter(&self) -> impl Iterator<Item = &MeshService> {
        self.services.values()
    }
}

impl MeshService {
    /// With this port alone, where one is named (istiod's `serviceMatchingListenerPort`).
    fn on_port(mut self, port: Option<Port>) -> Option<MeshService> {
        if let Some(port) = port {
            self.ports.retain(|it| it.number == port);
            self.routed.retain(|(it, _)| it.number == port);
            if self.ports.is_empty() && self.routed.is_empty() {
                return None;
            }
        }
        Some(self)
    }

    /// The port called by this number.
    pub fn port(&self, number: Port) -> Option<&MeshPort> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// The ports that the mesh has routes for.
    pub fn routed_ports(&self) -> impl Iterator<Item = &MeshPort> {
        let own = if self.routed.is_empty() { self.ports.as_slice() } else { &[] };
        own.iter().chain(self.routed.iter().map(|(port, _)| port))
    }

    /// The one called by this number.
    pub fn routed_port(&self, number: Port) -> Option<&MeshPort> {
        self.routed_ports().find(|port| port.number == number)
    }

    /// Whether it is asked by its addresses on a port.
    pub fn has_addresses_on(&self, number: Port) -> bool {
        self.routed.iter().all(|(port, own)| port.number != number || *own)
    }

    /// The port that a VirtualService of this namespace means where it names none, at a gateway.
    pub fn only_port_for(&self, namespace: &str) -> Option<Port> {
        let own = self.only_ports.iter().find(|(name, _)| name == namespace);
        own.map_or_else(|| self.only_port(), |(_, port)| *port)
    }

    /// Its port, when there is just one.
    pub fn only_port(&self) -> Option<Port> {
        match self.ports.as_slice() {
            [port] => Some(port.number),
            _ => None,
        }
    }
}
