//! What one ServiceEntry or one Service says of a service.

use super::{AppProtocol, MeshEndpoint, MeshPort, MeshService, carries};
use crate::model::kubernetes::TargetPort;
use crate::model::service_entry::Resolution;
use crate::model::{EndpointSlice, Pod, Port, Resource, Resources, Service, ServiceEntry, WorkloadEntry};
use crate::{Map, names};

pub(super) fn from_entry(entry: &Resource<ServiceEntry>, host: &str, set: &Resources) -> MeshService {
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
        routed: Vec::new(),
        only_ports: Vec::new(),
        addresses: Vec::new(),
        headless: false,
        resolution: spec.resolution.unwrap_or(Resolution::None),
        external_name: None,
        aliases: Vec::new(),
        endpoints,
    }
}

fn pod_address(pod: &Resource<Pod>) -> Option<&str> {
    pod.spec.status.as_ref()?.pod_i_p.as_deref()
}

pub(super) fn from_service(service: &Resource<Service>, set: &Resources) -> MeshService {
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
    let own = spec.cluster_i_p.as_deref().unwrap_or_default();
    let several = (spec.cluster_i_ps.len() > 1).then_some(&spec.cluster_i_ps);
    let addresses = match own {
        "" | "None" => Vec::new(),
        one => several.cloned().unwrap_or_else(|| vec![one.to_owned()]),
    };
    MeshService {
        host: names::resolve_host(name, namespace),
        namespace: namespace.to_owned(),
        ports: ports.collect(),
        routed: Vec::new(),
        only_ports: Vec::new(),
        addresses,
        headless: own == "None",
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
