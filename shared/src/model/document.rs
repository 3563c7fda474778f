//! Documents of kinds that Sailcloth does not act on, and that `check` holds against Istio's rules all the same.

use crate::finding::About;
use crate::load::Node;

/// A document that nothing but `check` looks at.
#[derive(Clone, Debug)]
pub struct Document {
    /// Which it is.
    pub about: About,
    /// What it says.
    pub tree: Node,
}

/// `(kind, group)` of each.
const KINDS: &[(&str, &str)] = &[
    ("Telemetry", "telemetry.istio.io"),
    ("EnvoyFilter", "networking.istio.io"),
    ("ProxyConfig", "networking.istio.io"),
    ("WorkloadGroup", "networking.istio.io"),
    ("WasmPlugin", "extensions.istio.io"),
    ("TrafficExtension", "extensions.istio.io"),
    ("Namespace", ""),
    ("Node", ""),
    ("Secret", ""),
    ("ConfigMap", ""),
    ("Deployment", "apps"),
    ("StatefulSet", "apps"),
    ("DaemonSet", "apps"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("Gateway", "gateway.networking.k8s.io"),
    ("HTTPRoute", "gateway.networking.k8s.io"),
    ("GRPCRoute", "gateway.networking.k8s.io"),
];

impl Document {
    /// Whether a document of this kind is kept. Of ConfigMaps, which can be large, only Istio's own are.
    pub(super) fn is_kept(kind: &str, api_version: &str, name: &str) -> bool {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        KINDS.contains(&(kind, group)) && (kind != "ConfigMap" || name.starts_with("istio"))
    }

    /// Whether it is the ConfigMap from which istiod reads MeshConfig.
    pub fn is_mesh_config(&self) -> bool {
        holds_mesh_config(&self.about.kind, &self.about.name, &self.tree)
    }

    /// The group of its `apiVersion`; empty for Kubernetes' own.
    pub fn group(&self) -> &str {
        self.tree.text("apiVersion").and_then(|version| version.split_once('/')).map_or("", |(group, _)| group)
    }
}

/// Whether a document of this kind and name is the ConfigMap with MeshConfig. Those of revisions have other names.
pub(super) fn holds_mesh_config(kind: &str, name: &str, tree: &Node) -> bool {
    kind == "ConfigMap" && name == "istio" && tree.at("data.mesh").is_some()
}
