//! `Sidecar` (networking.istio.io): what a workload's proxy sees of the mesh.

use super::mesh_config::Mode;
use super::service_entry::WorkloadSelector;
use super::values::PortOrNone;
use crate::object;

object! {
    /// The `spec` of a Sidecar.
    pub struct Sidecar {
        /// Whose proxies it is for; absent is all of its namespace, in the root namespace all that have no other.
        workload_selector: Option<WorkloadSelector>,
        /// What its listeners for requests that leave the workload see. Empty is all.
        egress: Vec<EgressListener>,
        /// What becomes of requests to hosts that nobody knows; absent is what MeshConfig says.
        outbound_traffic_policy: Option<OutboundTrafficPolicy>,
    } unsupported { "ingress", "inbound_connection_pool" }
}

object! {
    /// A listener for requests that leave the workload.
    pub struct EgressListener {
        /// Absent is the listener for every port that no other has.
        port: Option<SidecarPort>,
        /// `namespace/name`: names, `*.suffix` or `*`; the namespace may be `.`, `*`, or `~` before one whose hosts are left out.
        hosts: Vec<String>,
    } unsupported { "bind", "capture_mode" }
}

object! {
    /// A listener's port.
    pub struct SidecarPort {
        /// Absent where it is a socket in the file system.
        number: Option<PortOrNone>,
        /// What is spoken there.
        protocol: Option<String>,
    } ignored { "name", "target_port" }
}

object! {
    /// What becomes of requests to hosts that nobody knows.
    pub struct OutboundTrafficPolicy {
        /// Absent is `REGISTRY_ONLY`, the first word of its enum.
        mode: Option<Mode>,
    } unsupported { "egress_proxy" }
}
