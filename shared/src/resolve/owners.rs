//! Which VirtualServices of the mesh there are, and whose a service is.

use super::Root;
use crate::registry::Registry;
use crate::{Map, names};

/// A VirtualService, with its hosts in full and in lower case: the virtual hosts of a mesh are compared without regard to
/// capitals.
pub(super) struct Owner<'r> {
    /// The VirtualService.
    pub(super) root: &'r Root<'r>,
    /// Those without a wildcard.
    pub(super) exact: Vec<String>,
    /// The others.
    pub(super) wild: Vec<String>,
}

/// The VirtualServices of the mesh, resolved once for all ports.
pub(super) struct Owners<'r> {
    all: Vec<Owner<'r>>,
    /// Of each service that has one, by its host: its VirtualService's place in `all`.
    of_service: Map<usize>,
}

impl<'r> Owners<'r> {
    /// Of those that apply to the mesh, in the order in which they count.
    pub(super) fn new(roots: &[&'r Root<'r>], registry: &Registry) -> Owners<'r> {
        let (mut exact, mut wild): (Map<usize>, Map<usize>) = (Map::new(), Map::new());
        let mut all = Vec::new();
        for (place, root) in roots.iter().copied().enumerate() {
            let mut owner = Owner { root, exact: Vec::new(), wild: Vec::new() };
            for host in &root.service.spec.hosts {
                let host = names::resolve_host(host, root.service.meta.namespace());
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

    /// All of them, in that order.
    pub(super) fn all(&self) -> &[Owner<'r>] {
        &self.all
    }

    /// A host of the one at this place that another one has, and that one's name.
    pub(super) fn of_hosts(&self, place: usize) -> Option<(&str, &str)> {
        let owner = self.all.get(place)?;
        owner.exact.iter().chain(&owner.wild).find_map(|host| {
            let before = self.all.iter().take(place);
            let mut with = before.filter(|other| other.exact.contains(host) || other.wild.contains(host));
            with.next().map(|other| (host.as_str(), other.root.name.as_ref()))
        })
    }

    /// Whose a service is, by its place among them all (istiod's `computeWildcardHostVirtualServiceIndex`): the one that
    /// names it, else the one with the longest wildcard; of equal ones the oldest.
    pub(super) fn of(&self, host: &str) -> Option<usize> {
        self.of_service.get(host).copied()
    }
}
