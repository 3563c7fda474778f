//! Who a proxy is, and what it serves.

use super::parts::Block;
use crate::model::{Gateway, Port, Resource, Resources};
use crate::registry::carries;
use crate::{Map, names, object, order};

object! {
    /// Who this proxy is.
    #[derive(Default)]
    pub struct Proxy {
        /// Its namespace, which `sourceNamespace`, `exportTo` and short host names look at.
        namespace: Option<String>,
        /// The Gateways that its listener serves, as `namespace/name`, and `mesh`. Empty: those whose selector matches
        /// `labels`, and `mesh` when there is none.
        gateways: Vec<String>,
        /// Its labels, which `sourceLabels` and the selectors of Gateways and Sidecars look at.
        labels: Map<String>,
        /// The listener's port as Istio would see it. Absent: for a gateway its server's, for the mesh the port of the
        /// request's authority.
        port: Option<Port>,
    }
}

impl Proxy {
    /// The namespace, `default` when none is given.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().filter(|ns| !ns.is_empty()).unwrap_or(names::DEFAULT_NAMESPACE)
    }

    /// The gateways, fully named, chosen by labels where none is given. The oldest comes first, as istiod merges them;
    /// what is no Gateway of the set comes last.
    pub fn gateways(&self, set: &Resources) -> Vec<String> {
        let mut all = self.gateways_as_given(set);
        let age = |name: &str| {
            let gateway = set.gateways.iter().find(|gateway| gateway.meta.full_name() == name);
            (gateway.is_none(), gateway.map(|gateway| gateway.meta.age()))
        };
        order::sort_by(&mut all, |one, other| age(one).cmp(&age(other)));
        all
    }

    fn gateways_as_given(&self, set: &Resources) -> Vec<String> {
        if !self.gateways.is_empty() {
            return self.gateways.iter().map(|name| names::resolve_gateway(name, self.namespace())).collect();
        }
        let selects = |gateway: &&Resource<Gateway>| {
            !gateway.spec.selector.is_empty() && carries(&self.labels, &gateway.spec.selector)
        };
        let chosen: Vec<String> = set.gateways.iter().filter(selects).map(|gateway| gateway.meta.full_name()).collect();
        if chosen.is_empty() { vec![names::MESH.to_owned()] } else { chosen }
    }

    /// The gateways, with the mesh told apart.
    pub(super) fn bound(&self, set: &Resources) -> Bound {
        let (mesh, gateways): (Vec<_>, _) = self.gateways(set).into_iter().partition(|gateway| gateway == names::MESH);
        Bound { mesh: !mesh.is_empty(), gateways }
    }

    /// Whether requests that come from this proxy are among those that a match block asks for.
    pub(super) fn is_source_of(&self, block: Block<'_>) -> bool {
        let mut carried = true;
        block.source_labels(&mut |name, value| carried &= self.labels.get(name) == Some(value));
        carried && block.source_namespace().is_none_or(|from| from == self.namespace())
    }
}

/// What a proxy serves.
pub(super) struct Bound {
    /// Whether it serves the mesh.
    pub(super) mesh: bool,
    /// `namespace/name` of each Gateway.
    pub(super) gateways: Vec<String>,
}

impl Bound {
    /// Whether a VirtualService bound to these gateways has a part here.
    pub(super) fn meets(&self, gateways: &[String], namespace: &str) -> bool {
        (self.mesh && names::binds(gateways, namespace, names::MESH))
            || self.gateways.iter().any(|gateway| names::binds(gateways, namespace, gateway))
    }
}
