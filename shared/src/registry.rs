//! Who answers: the services of a set of resources with their ports and endpoints, whichever kind says so.
//!
//! Outside a cluster that is ServiceEntries, whose endpoints carry the labels that subsets select by; or Kubernetes
//! Services with their EndpointSlices and, for labels, Pods.

use crate::model::kubernetes::TargetPort;
use crate::model::service_entry::Resolution;
use crate::model::{EndpointSlice, Pod, Port, Resource, Resources, Service, ServiceEntry, WorkloadEntry};
use crate::{Map, names, order};

/// More Services of type `ExternalName` than that do not lead from one to the next, unless they lead round in circles.
const MOST_STEPS: usize = 64;

/// Every service of a set, by host.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    services: Map<MeshService>,
    /// Hosts with a wildcard.
    wild: Vec<String>,
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
    /// Ports that an unlike resource of the same host and namespace has: the mesh has routes for them, and no clusters.
    pub unreached: Vec<MeshPort>,
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
    /// Everyone who answers in `set`. A host that several resources define is a Service's, else the oldest
    /// ServiceEntry's; what others of the same namespace say of it is added (istiod's `appendSidecarServices`).
    pub fn new(set: &Resources) -> Registry {
        let mut services: Map<MeshService> = Map::new();
        for service in &set.services {
            let service = from_service(service, set);
            services.insert_new(&service.host.clone(), || service);
        }
        let mut entries: Vec<_> = set.service_entries.iter().collect();
        let age = |entry: &Resource<ServiceEntry>| {
            let meta = &entry.meta;
            (meta.creation_timestamp.clone(), meta.namespace().to_owned(), meta.name.clone())
        };
        order::sort_by(&mut entries, |one, other| age(one).cmp(&age(other)));
        let mut firsts: Map<&Resource<ServiceEntry>> = Map::new();
        for entry in entries {
            for host in &entry.spec.hosts {
                let service = from_entry(entry, host, set);
                match (services.get_mut(host), firsts.get(host)) {
                    (None, _) => {
                        services.insert(host.clone(), service);
                        firsts.insert(host.clone(), entry);
                    }
                    (Some(known), Some(first))
                        if known.namespace == service.namespace && !std::ptr::eq(*first, entry) =>
                    {
                        known.add(service, alike(first, entry));
                    }
                    _ => {}
                }
            }
        }
        let wild = services.names().filter(|host| host.starts_with('*')).cloned().collect();
        let mut registry = Registry { services, wild };
        registry.name_aliases();
        registry
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
    /// The port called by this number.
    pub fn port(&self, number: Port) -> Option<&MeshPort> {
        self.ports.iter().find(|port| port.number == number)
    }

    /// The port called by this number that the mesh has routes for.
    pub fn routed_port(&self, number: Port) -> Option<&MeshPort> {
        self.port(number).or_else(|| self.unreached.iter().find(|port| port.number == number))
    }

    /// Takes on what another resource says of the same host: who answers, and its other ports.
    fn add(&mut self, other: MeshService, alike: bool) {
        self.endpoints.extend(other.endpoints);
        let mut new = other.ports;
        new.retain(|port| self.routed_port(port.number).is_none());
        if alike { &mut self.ports } else { &mut self.unreached }.extend(new);
    }

    /// Its port, when there is just one.
    pub fn only_port(&self) -> Option<Port> {
        match self.ports.as_slice() {
            [port] => Some(port.number),
            _ => None,
        }
    }
}

/// Whether two ServiceEntries of a host can be one service (istiod's `canMergeServices`).
fn alike(one: &Resource<ServiceEntry>, other: &Resource<ServiceEntry>) -> bool {
    let selector = |entry: &Resource<ServiceEntry>| entry.spec.workload_selector.as_ref().map(|it| it.labels.clone());
    one.spec.resolution.unwrap_or(Resolution::None) == other.spec.resolution.unwrap_or(Resolution::None)
        && same(&one.meta.labels, &other.meta.labels)
        && same(&selector(one).unwrap_or_default(), &selector(other).unwrap_or_default())
}

fn same(one: &Map<String>, other: &Map<String>) -> bool {
    one.len() == other.len() && carries(one, other)
}

fn from_entry(entry: &Resource<ServiceEntry>, host: &str, set: &Resources) -> MeshService {
    let namespace = entry.meta.namespace();
    let spec = &entry.spec;
    let ports = spec.ports.iter().map(|port| MeshPort {
        number: port.number,
        target: port.target_port.unwrap_or(port.number),
        name: port.name.clone(),
        protocol: port.protocol.as_deref().and_then(AppProtocol::named).unwrap_or(AppProtocol::Http),
    });
    let endpoint = |workload: &WorkloadEntry, address: &str, labels: &Map<String>| MeshEndpoint {
        address: address.to_owned(),
        ports: spec
            .ports
            .iter()
            .map(|p| (p.number, workload.ports.get(&p.name).copied().or(p.target_port).unwrap_or(p.number)))
            .collect(),
        labels: labels.clone(),
        weight: workload.weight,
    };
    let mut endpoints: Vec<MeshEndpoint> = Vec::new();
    match &spec.workload_selector {
        Some(selector) => {
            let here = |other: &crate::model::Meta| other.namespace() == namespace;
            for workload in set.workload_entries.iter().filter(|w| here(&w.meta)) {
                let labels = workload.meta.labels.iter().chain(&workload.spec.labels);
                let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
                if carries(&labels, &selector.labels)
                    && let Some(address) = &workload.spec.address
                {
                    endpoints.push(endpoint(&workload.spec, address, &labels));
                }
            }
            let none = WorkloadEntry { address: None, ports: Map::new(), labels: Map::new(), weight: None };
            for pod in set.pods.iter().filter(|p| here(&p.meta) && carries(&p.meta.labels, &selector.labels)) {
                if let Some(address) = pod_address(pod) {
                    endpoints.push(endpoint(&none, address, &pod.meta.labels));
                }
            }
        }
        None => {
            let of = |w: &WorkloadEntry| w.address.as_ref().map(|address| endpoint(w, address, &w.labels));
            endpoints.extend(spec.endpoints.iter().filter_map(of));
        }
    }
    MeshService {
        // As it is written: istiod expands short names of Services alone.
        host: host.to_owned(),
        namespace: namespace.to_owned(),
        ports: ports.collect(),
        unreached: Vec::new(),
        resolution: spec.resolution.unwrap_or(Resolution::None),
        external_name: None,
        aliases: Vec::new(),
        endpoints,
    }
}

fn pod_address(pod: &Resource<Pod>) -> Option<&str> {
    pod.spec.status.as_ref()?.pod_i_p.as_deref()
}

fn from_service(service: &Resource<Service>, set: &Resources) -> MeshService {
    let (namespace, name) = (service.meta.namespace(), service.meta.name.as_str());
    let spec = &service.spec;
    let tcp = || spec.ports.iter().filter(|port| port.protocol.as_deref().unwrap_or("TCP") == "TCP");
    let ports = tcp().map(|port| {
        let named = port.app_protocol.as_deref().and_then(AppProtocol::named);
        MeshPort {
            number: port.port,
            target: port.port,
            name: port.name.clone().unwrap_or_default(),
            protocol: named.or_else(|| port.name.as_deref().and_then(AppProtocol::named)).unwrap_or(AppProtocol::Http),
        }
    });
    let leads_elsewhere = spec.r#type.as_deref() == Some("ExternalName");
    let mut endpoints = Vec::new();
    let slices: Vec<_> = set.endpoint_slices.iter().filter(|s| of_service(s, namespace, name)).collect();
    for slice in &slices {
        let listens = |port: &crate::model::kubernetes::KubernetesPort| {
            let same = |p: &&crate::model::kubernetes::EndpointPort| {
                p.name.as_deref().unwrap_or_default() == port.name.as_deref().unwrap_or_default()
            };
            slice.spec.ports.iter().find(same).and_then(|p| p.port)
        };
        let ports: Vec<_> = tcp().filter_map(|port| Some((port.port, listens(port)?))).collect();
        for endpoint in &slice.spec.endpoints {
            if endpoint.conditions.as_ref().and_then(|c| c.ready) == Some(false) {
                continue;
            }
            let pod = endpoint.target_ref.as_ref().and_then(|target| {
                let same = |pod: &&Resource<Pod>| {
                    Some(&pod.meta.name) == target.name.as_ref()
                        && pod.meta.namespace() == target.namespace.as_deref().unwrap_or(namespace)
                };
                set.pods.iter().find(same)
            });
            let by_address = |address: &String| set.pods.iter().find(|pod| pod_address(pod) == Some(address));
            for address in &endpoint.addresses {
                let labels = pod.or_else(|| by_address(address)).map(|pod| pod.meta.labels.clone()).unwrap_or_default();
                endpoints.push(MeshEndpoint { address: address.clone(), ports: ports.clone(), labels, weight: None });
            }
        }
    }
    if slices.is_empty() && !spec.selector.is_empty() {
        let chosen =
            |pod: &&Resource<Pod>| pod.meta.namespace() == namespace && carries(&pod.meta.labels, &spec.selector);
        for pod in set.pods.iter().filter(chosen) {
            if let Some(address) = pod_address(pod) {
                let ports = tcp().filter_map(|port| Some((port.port, target_port(port, pod)?))).collect();
                endpoints.push(MeshEndpoint {
                    address: address.to_owned(),
                    ports,
                    labels: pod.meta.labels.clone(),
                    weight: None,
                });
            }
        }
    }
    MeshService {
        host: names::resolve_host(name, namespace),
        namespace: namespace.to_owned(),
        ports: ports.collect(),
        unreached: Vec::new(),
        resolution: Resolution::Static,
        external_name: spec.external_name.clone().filter(|name| leads_elsewhere && !name.is_empty()),
        aliases: Vec::new(),
        endpoints,
    }
}

fn of_service(slice: &Resource<EndpointSlice>, namespace: &str, name: &str) -> bool {
    slice.meta.namespace() == namespace
        && slice.meta.labels.get("kubernetes.io/service-name").map(String::as_str) == Some(name)
}

fn target_port(port: &crate::model::kubernetes::KubernetesPort, pod: &Resource<Pod>) -> Option<Port> {
    match &port.target_port {
        None => Some(port.port),
        Some(TargetPort::Number(number)) => Some(*number),
        Some(TargetPort::Name(name)) => {
            let containers = pod.spec.spec.iter().flat_map(|spec| &spec.containers);
            let mut ports = containers.flat_map(|container| &container.ports);
            ports.find(|p| p.name.as_ref() == Some(name)).map(|p| p.container_port)
        }
    }
}
