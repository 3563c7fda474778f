//! Which VirtualServices of the mesh speak for a host.

use crate::model::{Resource, VirtualService};
use crate::{Map, names};

type Service = Resource<VirtualService>;

/// VirtualServices by their hosts, which are resolved once for all ports.
pub(super) struct Owners<'a> {
    all: Vec<(String, &'a Service)>,
    by_host: Map<Vec<&'a Service>>,
    wild: Vec<(String, &'a Service)>,
}

impl<'a> Owners<'a> {
    /// Of those that apply to the mesh, oldest first.
    pub(super) fn new(services: impl Iterator<Item = &'a Service>) -> Owners<'a> {
        let resolved = services.flat_map(|service| {
            let hosts = service.spec.hosts.iter();
            hosts.map(move |host| (names::resolve_host(host, service.meta.namespace()), service))
        });
        let all: Vec<_> = resolved.collect();
        let mut by_host: Map<Vec<&Service>> = Map::new();
        for (host, service) in &all {
            by_host.change(host.clone(), |owners| owners.push(service));
        }
        let wild = all.iter().filter(|(host, _)| host.starts_with('*')).cloned().collect();
        Owners { all, by_host, wild }
    }

    /// Every host, as often as somebody names it.
    pub(super) fn all(&self) -> &[(String, &'a Service)] {
        &self.all
    }

    /// The host itself beats any wildcard, the longest wildcard the others; then the older one counts.
    pub(super) fn of(&self, host: &str) -> Vec<&'a Service> {
        let covering = || {
            let covering = self.wild.iter().filter(|(name, _)| names::covers(name, host));
            covering.min_by_key(|(name, _)| std::cmp::Reverse(name.len())).map(|(_, service)| *service)
        };
        self.by_host.get(host).cloned().unwrap_or_else(|| covering().into_iter().collect())
    }
}
