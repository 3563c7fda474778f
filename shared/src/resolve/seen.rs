//! A destination's cluster, by what a listener sees of the services.

use super::parts::In;
use crate::model::Port;
use crate::model::http_route::Destination;
use crate::names;
use crate::registry::{MeshService, Registry};

/// What istiod looks at when it writes the routes of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The services.
    pub registry: &'a Registry,
    /// The listener's port.
    pub port: Port,
    /// Whether it is the mesh's. The routes of a sidecar see only services that have the listener's port, with that
    /// port alone.
    pub mesh: bool,
}

impl<'a> Seen<'a> {
    /// The service called `host`: itself, for a wildcard that covers it has no cluster for it.
    pub fn service(self, host: &str) -> Option<&'a MeshService> {
        self.registry.get(host).filter(|service| !self.mesh || service.port(self.port).is_some())
    }

    /// Port and host of a destination (istiod's `GetDestinationCluster`). The port is the destination's own, else the
    /// service's only one, else the listener's; a Service of type `ExternalName` leads to the host that it names, and
    /// no further. `viewer` is the namespace of the VirtualService, which is not where its delegate's destinations are written.
    pub fn target(self, destination: In<'_, Destination>, viewer: &str) -> (Port, String) {
        let In { it: destination, namespace } = destination;
        let host = names::resolve_host(&destination.host, namespace);
        let service = self.service(&host);
        let only = || if self.mesh { None } else { service?.only_port_for(viewer) };
        let port = destination.port.as_ref().map(|port| port.number).or_else(only).unwrap_or(self.port);
        (port, service.and_then(|service| service.external_name.clone()).unwrap_or(host))
    }

    /// Its cluster, whether or not somebody writes it.
    pub fn cluster(self, destination: In<'_, Destination>, viewer: &str) -> String {
        let (port, host) = self.target(destination, viewer);
        names::cluster(port.get(), destination.it.subset.as_deref().unwrap_or_default(), &host)
    }
}
