//! What a sidecar sees of the mesh (istiod's `SidecarScope`): all that is exported to its namespace, or what the Sidecar that
//! applies to it imports.

use super::{Listener, Omission, Reason, Root};
use crate::Map;
use crate::model::mesh_config::{Mode, OutboundMode};
use crate::model::{Port, Resource, Resources, Sidecar};
use crate::names;
use crate::registry::{Imports, Registry, View, carries};

/// A listener of a sidecar, and what it sees.
pub(super) struct Egress<'r> {
    /// The only port that it is for; none is every one that no other has.
    pub(super) port: Option<Port>,
    /// The services.
    pub(super) registry: Registry,
    /// The VirtualServices, in the order in which they count.
    pub(super) roots: Vec<&'r Root<'r>>,
}

/// The Sidecar for workloads of a namespace with these labels: of those of the namespace the oldest that selects them, else the
/// oldest that selects nobody, else the root namespace's (istiod's `initSidecarScopes`).
pub fn of<'a>(set: &'a Resources, namespace: &str, labels: &Map<String>) -> Option<&'a Resource<Sidecar>> {
    // The first of those that have the least of this.
    let rank = |it: &Resource<Sidecar>| {
        let selector = it.spec.workload_selector.as_ref();
        match it.meta.namespace() {
            own if own == namespace && selector.is_some_and(|by| carries(labels, &by.labels)) => Some(0),
            own if own == namespace && selector.is_none() => Some(1),
            root if root == set.mesh.root_namespace && selector.is_none() => Some(2),
            _ => None,
        }
    };
    let ranked = set.sidecars.iter().filter_map(|it| Some(((rank(it)?, it.meta.age()), it)));
    ranked.min_by_key(|(rank, _)| *rank).map(|(_, it)| it)
}

/// What becomes of requests to hosts that nobody knows: as the Sidecar has it, else MeshConfig.
pub(super) fn outbound(sidecar: Option<&Resource<Sidecar>>, set: &Resources) -> OutboundMode {
    let policy = sidecar.and_then(|sidecar| sidecar.spec.outbound_traffic_policy.as_ref());
    policy.map_or(set.mesh.outbound, |policy| policy.mode.map_or(OutboundMode::RegistryOnly, |Mode(mode)| mode))
}

/// All that any listener of a Sidecar imports, for a workload in `namespace`; none where that is everything.
pub fn imports(sidecar: Option<&Resource<Sidecar>>, namespace: &str) -> Option<Imports> {
    let listeners = sidecar.map(|it| it.spec.egress.as_slice()).filter(|it| !it.is_empty())?;
    Some(Imports::of(listeners.iter().flat_map(|listener| &listener.hosts), namespace))
}

/// The listeners of a sidecar in `namespace`, as its Sidecar has them, or the one that sees everything.
pub(super) fn listeners<'r>(
    sidecar: Option<&Resource<Sidecar>>,
    namespace: &str,
    set: &Resources,
    roots: &'r [Root<'r>],
    listener: &mut impl Listener,
) -> Vec<Egress<'r>> {
    let bound = || roots.iter().filter(|root| root.is_bound_to(names::MESH));
    let all = View::of_sidecar(namespace);
    let Some(sidecar) = sidecar.filter(|sidecar| !sidecar.spec.egress.is_empty()) else {
        return vec![Egress { port: None, registry: Registry::of(set, all), roots: bound().collect() }];
    };
    let egress = sidecar.spec.egress.iter().map(|egress| {
        let imports = Imports::of(&egress.hosts, namespace);
        let port = egress.port.as_ref().and_then(|port| port.number).and_then(|number| number.0);
        let registry = Registry::of(set, View { imports: Some(&imports), port, ..all });
        let hosts = |root: &Root<'_>| -> Vec<String> {
            let own = root.service.meta.namespace();
            root.service.spec.hosts.iter().map(|host| names::resolve_host(host, own)).collect()
        };
        let imported = |root: &&Root<'_>| {
            imports.virtual_service(root.service.meta.namespace(), hosts(root).iter().map(String::as_str))
        };
        Egress { port, registry, roots: bound().filter(imported).collect() }
    });
    let listeners: Vec<Egress<'r>> = egress.collect();
    let name = sidecar.meta.full_name();
    for root in bound().filter(|root| !listeners.iter().any(|it| it.roots.iter().any(|it| std::ptr::eq(*it, *root)))) {
        let reason = Reason::NotImported(&name);
        listener.omitted(Omission { virtual_service: &root.name, rule: None, matched: None, port: None, reason });
    }
    listeners
}
