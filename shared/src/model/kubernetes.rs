//! Kubernetes' own kinds, as far as they say who answers. They have many more fields, none of which is ours to judge.

use super::read::{Place, Read, Reader};
use super::values::Port;
use crate::load::Value;
use crate::{Map, object};

object! {
    /// The `spec` of a Service.
    pub struct Service {
        /// Its ports.
        ports: Vec<KubernetesPort>,
        /// `ExternalName`, or one of the others, which are the same here.
        r#type: Option<String>,
        /// Where an `ExternalName` leads.
        external_name: Option<String>,
        /// `clusterIP`: an address that it is asked at as well, or `None`.
        cluster_i_p: Option<String>,
        /// `clusterIPs`: all such addresses, where there are several.
        cluster_i_ps: Vec<String>,
        /// The Pods that answer; used where no EndpointSlice is in the set.
        selector: Map<String>,
    } open true
}

object! {
    /// A port of a Service.
    pub struct KubernetesPort {
        /// The Service's port.
        port: Port = required,
        /// Its name; `grpc-...`, `http2-...` say what is spoken.
        name: Option<String>,
        /// What is spoken, by name; wins over the port's name.
        app_protocol: Option<String>,
        /// Where Pods listen; absent is `port`.
        target_port: Option<TargetPort>,
        /// `TCP`, the default, or `UDP`, which is none of ours.
        protocol: Option<String>,
    } open true
}

/// A Pod's port by number or by the name of a container port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// By number.
    Number(Port),
    /// By name.
    Name(String),
}

impl Read for TargetPort {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match &place.node.value {
            Value::Text(name) => Some(TargetPort::Name(name.clone())),
            _ => Port::read(place, reader).map(TargetPort::Number),
        }
    }
}

object! {
    /// An EndpointSlice; it has no `spec`. The label `kubernetes.io/service-name` names its Service.
    pub struct EndpointSlice {
        /// Who answers.
        endpoints: Vec<Endpoint>,
        /// Where they listen.
        ports: Vec<EndpointPort>,
    } open true
}

object! {
    /// Addresses that answer.
    pub struct Endpoint {
        /// IP addresses.
        addresses: Vec<String>,
        /// Whether it takes requests.
        conditions: Option<EndpointConditions>,
        /// The Pod behind it, whose labels subsets select by.
        target_ref: Option<TargetRef>,
    } open true
}

object! {
    /// An endpoint's state.
    pub struct EndpointConditions {
        /// Absent counts as true.
        ready: Option<bool>,
    } open true
}

object! {
    /// What is behind an endpoint.
    pub struct TargetRef {
        /// `Pod`.
        kind: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its namespace.
        namespace: Option<String>,
    } open true
}

object! {
    /// A port of an EndpointSlice.
    pub struct EndpointPort {
        /// The name of the Service's port; absent for the only one.
        name: Option<String>,
        /// Where it listens.
        port: Option<Port>,
    } open true
}

object! {
    /// A Pod: its labels are in `metadata`.
    pub struct Pod {
        /// What runs in it.
        spec: Option<PodSpec>,
        /// Where it is.
        status: Option<PodStatus>,
    } open true
}

object! {
    /// What runs in a Pod.
    pub struct PodSpec {
        /// Its containers.
        containers: Vec<Container>,
    } open true
}

object! {
    /// One container.
    pub struct Container {
        /// Its ports.
        ports: Vec<ContainerPort>,
    } open true
}

object! {
    /// A port of a container.
    pub struct ContainerPort {
        /// What a Service's `targetPort` may call it.
        name: Option<String>,
        /// Where it listens.
        container_port: Port = required,
    } open true
}

object! {
    /// Where a Pod is.
    pub struct PodStatus {
        /// `podIP`: its IP address.
        pod_i_p: Option<String>,
    } open true
}
