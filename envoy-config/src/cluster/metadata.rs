//! What clusters and endpoints say of themselves, in the form that istiod gives it: metrics are labelled by it.

use serde::Serialize;
use shared::plan::telemetry::{TargetService, Workload};
use shared::registry::{MeshEndpoint, MeshService};

/// `envoy.config.core.v3.Metadata`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// By who reads it.
    pub filter_metadata: FilterMetadata,
}

/// What is said to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FilterMetadata {
    /// To Istio's filters, and to ours.
    pub istio: IstioMetadata,
}

/// What istiod says to Istio's filters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IstioMetadata {
    /// Of a cluster: the services that it is for.
    Services(Vec<ServiceMetadata>),
    /// Of an endpoint: `workload;namespace;canonical service;revision;cluster`, and behind it `;app;version`.
    Workload(String),
}

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceMetadata {
    /// Its host in the mesh.
    pub host: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
}

impl Metadata {
    /// Of a service's cluster.
    pub fn of_service(service: &MeshService) -> Metadata {
        let TargetService { host, name, .. } = TargetService::named(&service.host);
        let services = vec![ServiceMetadata { host, name, namespace: service.namespace.clone() }];
        Metadata { filter_metadata: FilterMetadata { istio: IstioMetadata::Services(services) } }
    }

    /// Of an endpoint; nothing when it has no labels that would say who it is.
    pub fn of_endpoint(service: &MeshService, endpoint: &MeshEndpoint) -> Option<Metadata> {
        let workload = Workload::from_labels(&endpoint.labels, "", &service.namespace, "");
        let nothing = Workload { namespace: service.namespace.clone(), ..Workload::default() };
        (workload != nothing)
            .then(|| Metadata { filter_metadata: FilterMetadata { istio: IstioMetadata::Workload(workload.encode()) } })
    }
}
