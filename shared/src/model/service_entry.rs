//! `ServiceEntry` and `WorkloadEntry` (networking.istio.io): who answers outside a cluster.

use super::values::Port;
use crate::{Map, object, words};

object! {
    /// The `spec` of a ServiceEntry.
    pub struct ServiceEntry {
        /// The names that it answers for.
        hosts: Vec<String>,
        /// Its ports.
        ports: Vec<ServicePort>,
        /// Inside or outside of the mesh.
        location: Option<Location>,
        /// How endpoints are found; absent is `NONE`.
        resolution: Option<Resolution>,
        /// Who answers.
        endpoints: Vec<WorkloadEntry>,
        /// Endpoints by the labels of WorkloadEntries and Pods of its namespace, in place of `endpoints`.
        workload_selector: Option<WorkloadSelector>,
        /// The namespaces that see it, as of a VirtualService.
        export_to: Vec<String>,
    } unsupported { "addresses", "subject_alt_names" }
}

object! {
    /// A port of a service.
    pub struct ServicePort {
        /// 1 to 65535.
        number: Port = required,
        /// What endpoints call it in their `ports`.
        name: String = required,
        /// What is spoken there: `HTTP`, `HTTP2`, `GRPC`, ...
        protocol: Option<String>,
        /// Where endpoints listen; absent is `number`.
        target_port: Option<Port>,
    }
}

words! {
    /// Inside or outside of the mesh.
    pub enum Location {
        /// Outside.
        MeshExternal = "MESH_EXTERNAL",
        /// Inside.
        MeshInternal = "MESH_INTERNAL",
    }
}

words! {
    /// How endpoints are found.
    pub enum Resolution {
        /// The address that the client asked for.
        None = "NONE",
        /// The addresses that are written here.
        Static = "STATIC",
        /// The names that are written here (else the hosts), asked of DNS; all addresses are endpoints.
        Dns = "DNS",
        /// The same, one address at a time.
        DnsRoundRobin = "DNS_ROUND_ROBIN",
        /// The request's own host, asked of DNS.
        DynamicDns = "DYNAMIC_DNS",
    }
}

object! {
    /// Selects by labels.
    pub struct WorkloadSelector {
        /// All of these.
        labels: Map<String>,
    }
}

object! {
    /// An endpoint; also the `spec` of a WorkloadEntry.
    pub struct WorkloadEntry {
        /// An IP address, or a DNS name where the resolution is DNS.
        address: Option<String>,
        /// Where it listens, by the name of the service's port; absent is the target port.
        ports: Map<Port>,
        /// What subsets select by.
        labels: Map<String>,
        /// Relative to the other endpoints; absent is 1.
        weight: Option<u32>,
    } unsupported { "network", "locality", "service_account" }
}
