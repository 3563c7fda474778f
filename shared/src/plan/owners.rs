//! Which VirtualServices of the mesh there are, and whose a service is.

use crate::model::{Resource, VirtualService};
use crate::registry::Registry;
use crate::{Map, names};

/// A VirtualService, with its hosts in full and in lower case: the virtual hosts of a mesh are compared without regard to
/// capitals.
pub(super) struct Owner<'a> {
    /// The VirtualService.
    pub(super) service: &'a Resource<VirtualService>,
    /// Those without a wildcard.
    pub(super) exact: Vec<String>,
    /// The others.
    pub(super) wild: Vec<String>,
}

/// The VirtualServices of the mesh, resolved once for all ports.
pub(super) struct Owners<'a> {
    all: Vec<Owner<'a>>,
    /// Of each service that has one, by its host: its VirtualService's place in `all`.
    of_service: Map<usize>,
}

impl<'a> Owners<'a> {
    /// Of those that apply to the mesh, oldest first.
    pub(super) fn new(services: impl Iterator<Item = &'a Resource<VirtualService>>, registry: &Registry) -> Owners<'a> {
        let (mut exact, mut wild): (Map<usize>, Map<usize>) = (Map::new(), Map::new());
        let mut all = Vec::new();
        for (place, service) in services.enumerate() {
            let mut owner = Owner { service, exact: Vec::new(), wild: Vec::new() };
            for host in &service.spec.hosts {
                let host = names::resolve_host(host, service.meta.namespace());
                let (places, hosts) = match host.starts_with('*') {
                    true => (&mut wild, &mut owner.wild),
                    false => (&mut exact, &mut owner.exact),
                };
                places.insert_new(&host, || place);
                hosts.push(host.to_ascii_lowercase());
            }
            all.push(owner);
        }
        let mut of_service = Map::new();
        for service in registry.iter() {
            let covering = || wild.iter().filter(|(pattern, _)| names::covers(pattern, &service.host));
            let longest = || covering().max_by_key(|(pattern, _)| pattern.len()).map(|(_, place)| place);
            if let Some(place) = exact.get(&service.host).or_else(longest) {
                of_service.insert(service.host.clone(), *place);
            }
        }
        Owners { all, of_service }
    }

    /// All of them, oldest first.
    pub(super) fn all(&self) -> &[Owner<'a>] {
        &self.all
    }

    /// Whose a service is, by its place among them all (istiod's `computeWildcardHostVirtualServiceIndex`): the one that
    /// names it, else the one with the longest wildcard; of equal ones the oldest.
    pub(super) fn of(&self, host: &str) -> Option<usize> {
        self.of_service.get(host).copied()
    }
}
