//! What becomes of requests where a finding of analysis is left as it is: Envoy starts with it all the same.

use shared::finding::{Code, Finding};

/// What happens to requests; empty where the finding says it itself, or nothing does.
pub fn outcome(finding: &Finding) -> &'static str {
    let path = finding.path.as_str();
    match finding.code {
        Code::ReferencedResourceNotFound if path.contains(".mirror") => {
            "Envoy starts; no copies are sent there, and the requests themselves go on"
        }
        Code::ReferencedResourceNotFound if path.contains(".destination") => {
            "Envoy starts; requests to it are answered with 503"
        }
        Code::ReferencedResourceNotFound if path.starts_with("spec.gateways") => {
            "Envoy starts; no request comes to these rules by that Gateway"
        }
        Code::VirtualServiceDestinationPortSelectorRequired => {
            "Envoy starts; requests go to the service's port of the listener's number, and are answered with 503 where it \
             has none"
        }
        Code::ConflictingMeshGatewayVirtualServiceHosts => {
            "Envoy starts; of VirtualServices of the mesh for one host the oldest counts alone"
        }
        _ => "",
    }
}
