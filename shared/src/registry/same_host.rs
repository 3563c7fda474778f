//! Several resources that define one host.

use super::sources::{from_entry, from_service};
use super::visible::{self, Visible, visible};
use super::{MeshPort, MeshService, View, carries};
use crate::model::service_entry::Resolution;
use crate::model::{Meta, Resource, Resources, Service, ServiceEntry};
use crate::{Map, names, order};

/// A resource that defines a host.
#[derive(Clone)]
pub(super) struct Said<'a> {
    host: String,
    namespace: &'a str,
    made: Option<&'a str>,
    name: &'a str,
    visible: Visible,
    imported: bool,
    by: By<'a>,
}

#[derive(Clone, Copy)]
enum By<'a> {
    Service(&'a Resource<Service>),
    Entry(&'a Resource<ServiceEntry>),
}

impl<'a> Said<'a> {
    fn entry(&self) -> Option<&'a Resource<ServiceEntry>> {
        if let By::Entry(entry) = self.by { Some(entry) } else { None }
    }

    /// What they are sorted by.
    fn place(&self) -> (&str, bool, Option<&str>, bool, &str, &str) {
        let public = self.visible == Visible::Publicly;
        (&self.host, public, self.made, self.entry().is_some(), self.namespace, self.name)
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    fn service(&self, set: &Resources) -> MeshService {
        match self.by {
            By::Service(service) => from_service(service, set),
            By::Entry(entry) => from_entry(entry, &self.host, set),
        }
    }
}

/// All that somebody sees, by host, and for each host those first that not everybody sees
/// (istiod's `servicesExportedToNamespace`), then the oldest (`SortServicesByCreationTime`); of equally old ones a Service,
/// then by namespace.
pub(super) fn said<'a>(set: &'a Resources, view: View<'_>) -> Vec<Said<'a>> {
    let mut all = Vec::with_capacity(set.services.len() + set.service_entries.len());
    let mut add = |host: String, meta: &'a Meta, visible: Option<Visible>, by: By<'a>| {
        let (namespace, made) = (meta.namespace(), meta.creation_timestamp.as_deref());
        let imported = visible.is_some() && view.imports.is_none_or(|imports| imports.service(namespace, &host));
        // What a VirtualService leads to istiod looks for in the sidecar's own namespace, seen or not.
        let own = view.sidecar && view.namespace == Some(namespace);
        if imported || (view.beyond && (own || visible.is_some())) {
            let visible = visible.unwrap_or(Visible::Privately);
            all.push(Said { host, namespace, made, name: &meta.name, visible, imported, by });
        }
    };
    for service in &set.services {
        let host = names::resolve_host(&service.meta.name, service.meta.namespace());
        add(host, &service.meta, of_service(service, set, view.namespace), By::Service(service));
    }
    for entry in &set.service_entries {
        let visible = of_entry(entry, set, view.namespace);
        entry.spec.hosts.iter().for_each(|host| add(host.clone(), &entry.meta, visible, By::Entry(entry)));
    }
    order::sort_by(&mut all, |one, other| one.place().cmp(&other.place()));
    // One that stands twice in a ServiceEntry is one.
    all.dedup_by(|one, other| {
        let entry = |said: &Said<'_>| said.entry().map(std::ptr::from_ref);
        one.host == other.host && one.entry().is_some() && entry(one) == entry(other)
    });
    all
}

/// Whether a namespace has services of its own that it does not see: `exportTo` is `~`, or other namespaces.
pub(super) fn hides_own(set: &Resources, namespace: &str) -> bool {
    let own = |meta: &Meta| meta.namespace() == namespace;
    set.services.iter().any(|it| own(&it.meta) && of_service(it, set, Some(namespace)).is_none())
        || set.service_entries.iter().any(|it| own(&it.meta) && of_entry(it, set, Some(namespace)).is_none())
}

/// How a namespace sees a Service; without one everybody does.
fn of_service(service: &Resource<Service>, set: &Resources, from: Option<&str>) -> Option<Visible> {
    let Some(from) = from else { return Some(Visible::Publicly) };
    let own = service.meta.namespace();
    match service.meta.annotations.get(visible::ANNOTATION).filter(|words| !words.is_empty()) {
        Some(words) => visible(words.split(',').map(str::trim), own, from),
        None => visible(visible::words(&[], &set.mesh.default_service_export_to), own, from),
    }
}

/// The same of a ServiceEntry.
fn of_entry(entry: &Resource<ServiceEntry>, set: &Resources, from: Option<&str>) -> Option<Visible> {
    let Some(from) = from else { return Some(Visible::Publicly) };
    visible(visible::words(&entry.spec.export_to, &set.mesh.default_service_export_to), entry.meta.namespace(), from)
}

/// The service that those of one host come to. It belongs to the viewer's namespace, else to that of a Service, else to
/// the oldest's (istiod's `selectServices`); of this namespace a Service counts, else the oldest, and ServiceEntries that
/// are alike add their ports (`appendSidecarServices`). All of the namespace say who answers. What is imported counts
/// alone.
pub(super) fn one_service(all: &[Said<'_>], view: View<'_>, set: &Resources) -> Option<MeshService> {
    let imported = all.iter().filter(|one| one.imported).count();
    if imported > 0 && imported < all.len() {
        let imported: Vec<Said<'_>> = all.iter().filter(|one| one.imported).cloned().collect();
        return one_service(&imported, view, set);
    }
    let [first, _, ..] = all else { return all.first().map(|one| one.service(set)) };
    let viewer = view.namespace.filter(|_| view.sidecar);
    let of_viewer = all.iter().find(|one| viewer == Some(one.namespace));
    let of_kubernetes = || all.iter().find(|one| one.entry().is_none());
    let namespace = of_viewer.or_else(of_kubernetes).unwrap_or(first).namespace;

    let (mut only_ports, mut routed) = (Vec::new(), Vec::new());
    let (base, mut service) = first_of(all, namespace).map(|base| (base, base.service(set)))?;
    for said in all {
        let own = std::ptr::eq(said, base);
        let other = said.service(set);
        if first_of(all, said.namespace).is_some_and(|first| std::ptr::eq(first, said)) {
            only_ports.push((said.namespace.to_owned(), other.only_port()));
        }
        if said.namespace != namespace {
            continue;
        }
        // istiod's routes look at one service of a host on a port, the youngest.
        routed.retain(|(port, _): &(MeshPort, bool)| other.port(port.number).is_none());
        routed.extend(other.ports.iter().map(|port| (port.clone(), own)));
        if !own {
            service.endpoints.extend(other.endpoints);
            if base.entry().zip(said.entry()).is_some_and(|(one, other)| alike(one, other)) {
                let new = other.ports.into_iter().filter(|port| service.port(port.number).is_none());
                let new: Vec<MeshPort> = new.collect();
                service.ports.extend(new);
            }
        }
    }
    Some(MeshService { routed, only_ports, ..service })
}

/// Of those of a namespace a Service, else the oldest.
fn first_of<'s, 'a>(all: &'s [Said<'a>], namespace: &str) -> Option<&'s Said<'a>> {
    let mut own = all.iter().filter(|one| one.namespace == namespace);
    let first = own.next()?;
    if first.entry().is_none() { Some(first) } else { own.find(|one| one.entry().is_none()).or(Some(first)) }
}

/// Whether two ServiceEntries of a host can be one service (istiod's `canMergeServices`).
fn alike(one: &Resource<ServiceEntry>, other: &Resource<ServiceEntry>) -> bool {
    let selector = |entry: &Resource<ServiceEntry>| entry.spec.workload_selector.as_ref().map(|it| it.labels.clone());
    one.spec.resolution.unwrap_or(Resolution::None) == other.spec.resolution.unwrap_or(Resolution::None)
        && same(&one.meta.labels, &other.meta.labels)
        && same(&selector(one).unwrap_or_default(), &selector(other).unwrap_or_default())
}

fn same(one: &Map<String>, other: &Map<String>) -> bool {
    one.len() == other.len() && carries(one, other)
}
