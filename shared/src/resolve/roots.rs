//! VirtualServices with hosts, each with the rules of its delegates in the place of those that delegate (istiod's
//! `mergeVirtualServices`).

use std::sync::Arc;

use super::merge;
use super::parts::{Block, Blocks, In, Parts};
use super::{Delegated, Listener, Omission, Reason};
use crate::model::http_route::Delegate;
use crate::model::{Resource, Resources, VirtualService};
use crate::registry::visible::{self, Visible, visible};
use crate::{Map, names, order};

/// A VirtualService with hosts, as a namespace sees it.
#[derive(Clone, Debug)]
pub struct Root<'a> {
    /// The VirtualService.
    pub service: &'a Resource<VirtualService>,
    /// `namespace/name`.
    pub name: Arc<str>,
    /// How it is visible.
    pub visible: Visible,
    /// Its rules, where some of them are a delegate's.
    merged: Option<Vec<Merged<'a>>>,
}

/// A rule of a VirtualService some of whose rules are a delegate's.
#[derive(Clone, Debug)]
struct Merged<'a> {
    index: u32,
    /// Of a delegate's rule what it says, when it matches, and where it stands.
    delegated: Option<(Parts<'a>, Vec<Block<'a>>, Delegated)>,
}

/// A rule of a VirtualService.
#[derive(Clone, Copy, Debug)]
pub struct RootRule<'r> {
    /// Its index in `spec.http`; of a delegate's rule that of the one that delegates.
    pub index: u32,
    /// What it says.
    pub parts: Parts<'r>,
    /// When it matches.
    pub blocks: Blocks<'r>,
    /// Where it stands, where it is a delegate's.
    pub delegated: Option<&'r Delegated>,
}

impl Root<'_> {
    /// Its rules, in order.
    pub fn rules(&self) -> impl Iterator<Item = RootRule<'_>> {
        let count = self.merged.as_ref().map_or(self.service.spec.http.len(), Vec::len);
        (0..count).filter_map(|at| self.rule(at))
    }

    fn rule(&self, at: usize) -> Option<RootRule<'_>> {
        let namespace = self.service.meta.namespace();
        let own = |index: u32| {
            let rule = self.service.spec.http.get(index as usize)?;
            let blocks = Blocks::Own(In { it: rule.r#match.as_slice(), namespace });
            Some(RootRule { index, parts: Parts::of(rule, namespace), blocks, delegated: None })
        };
        let Some(merged) = &self.merged else { return own(u32::try_from(at).ok()?) };
        let it = merged.get(at)?;
        match &it.delegated {
            None => own(it.index),
            Some((parts, blocks, delegated)) => {
                let blocks = Blocks::Merged(blocks);
                Some(RootRule { index: it.index, parts: *parts, blocks, delegated: Some(delegated) })
            }
        }
    }

    /// Whether it applies to a gateway, by its full name, or to the mesh.
    pub fn is_bound_to(&self, gateway: &str) -> bool {
        names::binds(&self.service.spec.gateways, self.service.meta.namespace(), gateway)
    }
}

/// Those that `namespace` sees, in the order in which they count: those that not everybody sees come first, and the oldest
/// among equals (istiod's `initVirtualServices` and `SelectVirtualServices`). Without a namespace all of them.
pub fn roots<'a>(set: &'a Resources, namespace: Option<&str>, listener: &mut impl Listener) -> Vec<Root<'a>> {
    let mut all = Vec::with_capacity(set.virtual_services.len());
    let mut delegates: Option<Map<&Resource<VirtualService>>> = None;
    for service in set.virtual_services.iter().filter(|service| !service.spec.hosts.is_empty()) {
        let name: Arc<str> = service.meta.full_name().into();
        let words = visible::words(&service.spec.export_to, &set.mesh.default_virtual_service_export_to);
        let visible = match namespace {
            Some(namespace) => visible(words, service.meta.namespace(), namespace),
            None => Some(Visible::Publicly),
        };
        let Some(visible) = visible else {
            let reason = Reason::NotExported(&service.spec.export_to);
            listener.omitted(Omission { virtual_service: &name, rule: None, matched: None, port: None, reason });
            continue;
        };
        let merged = service.spec.http.iter().any(|rule| rule.delegate.is_some()).then(|| {
            let delegates = delegates.get_or_insert_with(|| of_name(set));
            merged(service, &name, delegates, set, listener)
        });
        all.push(Root { service, name, visible, merged });
    }
    order::sort_by(&mut all, |one, other| {
        (one.visible, one.service.meta.age()).cmp(&(other.visible, other.service.meta.age()))
    });
    all
}

/// The delegates, which are the VirtualServices without hosts, by their full names.
fn of_name(set: &Resources) -> Map<&Resource<VirtualService>> {
    let delegates = set.virtual_services.iter().filter(|service| service.spec.hosts.is_empty());
    delegates.map(|service| (service.meta.full_name(), service)).collect()
}

/// The rules of a VirtualService some of which delegate.
fn merged<'a>(
    root: &'a Resource<VirtualService>,
    name: &str,
    delegates: &Map<&'a Resource<VirtualService>>,
    set: &Resources,
    listener: &mut impl Listener,
) -> Vec<Merged<'a>> {
    let namespace = root.meta.namespace();
    let mut all = Vec::new();
    for (index, rule) in (0..).zip(&root.spec.http) {
        let Some(delegate) = &rule.delegate else {
            all.push(Merged { index, delegated: None });
            continue;
        };
        let called = full_name(delegate, namespace);
        let mut omitted = |reason| {
            listener.omitted(Omission { virtual_service: name, rule: Some(index), matched: None, port: None, reason });
        };
        let found = delegates.get(&called).filter(|delegate| {
            let words = visible::words(&delegate.spec.export_to, &set.mesh.default_virtual_service_export_to);
            visible(words, delegate.meta.namespace(), namespace).is_some()
        });
        let Some(delegate) = found else {
            omitted(Reason::NoDelegate(&called));
            continue;
        };
        let shared: Arc<str> = called.as_str().into();
        for (at, own) in (0..).zip(&delegate.spec.http) {
            // Istio's webhook refuses those, and nobody follows them.
            if own.delegate.is_some() {
                omitted(Reason::DelegateOfDelegate(&called));
                continue;
            }
            let (own, root) = (In { it: own, namespace: delegate.meta.namespace() }, In { it: rule, namespace });
            if let Some(blocks) = merge::blocks(root, own) {
                let delegated = Delegated { delegate: Arc::clone(&shared), index: at };
                all.push(Merged { index, delegated: Some((Parts::delegated(own, root), blocks, delegated)) });
            } else {
                omitted(Reason::DelegateConflict { delegate: &called, rule: at });
            }
        }
    }
    all
}

/// `namespace/name` of a delegate of a VirtualService in `namespace`.
pub fn full_name(delegate: &Delegate, namespace: &str) -> String {
    let named = delegate.namespace.as_deref().filter(|namespace| !namespace.is_empty());
    [named.unwrap_or(namespace), "/", delegate.name.as_deref().unwrap_or_default()].concat()
}
