//! What plays no part for a proxy, and why.

use std::sync::Arc;

use crate::model::Port;

/// Hears what a proxy's rules are made without. Every method has an empty body, so that listening to nothing compiles to
/// nothing.
pub trait Listener {
    /// A resource, one of its rules or one of a rule's match blocks is left out.
    fn omitted(&mut self, _omission: Omission<'_>) {}

    /// Whether somebody listens: what only a listener is told is not looked for otherwise.
    fn listens(&self) -> bool {
        true
    }
}

/// Listens to nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Listener for Silent {
    fn listens(&self) -> bool {
        false
    }
}

/// Something that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Omission<'a> {
    /// `namespace/name` of the VirtualService.
    pub virtual_service: &'a str,
    /// The rule's index in its `spec.http`; none for all of them.
    pub rule: Option<u32>,
    /// The match block's index in the rule; none for all of them.
    pub matched: Option<u32>,
    /// The port of the listener for which it is left out; none for all of them.
    pub port: Option<Port>,
    /// Why.
    pub reason: Reason<'a>,
}

/// Why something plays no part for a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason<'a> {
    /// It is bound to other gateways than the listener's (`gateways` of the VirtualService or of the match block); which ones.
    OtherGateways(&'a [String]),
    /// The match block is for another port.
    OtherPort(Port),
    /// The match block asks for other labels or another namespace of the client's proxy (`sourceLabels`, `sourceNamespace`).
    OtherSource,
    /// `exportTo` keeps it from the proxy's namespace; to whom it is exported.
    NotExported(&'a [String]),
    /// The Sidecar (`namespace/name`) that applies to the proxy imports none of its hosts.
    NotImported(&'a str),
    /// A VirtualService that counts before it (`namespace/name`) has this host.
    OlderHas {
        /// The host.
        host: &'a str,
        /// Who has it.
        by: &'a str,
    },
    /// A rule of the same VirtualService that takes everything stands before it: its index.
    BehindCatchAll(u32),
    /// None of its hosts is among those of the Gateway (`namespace/name`) on this port; which ones the Gateway has.
    NotServed {
        /// The Gateway.
        gateway: &'a str,
        /// Its servers' hosts on the port.
        hosts: &'a [String],
    },
    /// The mesh has no service of its hosts on this port.
    NoServiceOnPort,
    /// It has no destination that takes anything, and does nothing else.
    NothingToDo,
    /// Its `delegate` (`namespace/name`) is not in the set, or not exported to its namespace.
    NoDelegate(&'a str),
    /// Its `delegate` delegates on, which Istio does not follow: its rules that do are left out.
    DelegateOfDelegate(&'a str),
    /// No match block of the delegate's rule goes together with one of the root's; the delegate and its rule's index.
    DelegateConflict {
        /// `namespace/name` of the delegate.
        delegate: &'a str,
        /// The rule's index in the delegate's `spec.http`.
        rule: u32,
    },
}

/// Says what is left out to a closure.
impl<F: FnMut(Omission<'_>)> Listener for F {
    fn omitted(&mut self, omission: Omission<'_>) {
        self(omission);
    }
}

/// Where a rule stands that a VirtualService takes from its delegate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegated {
    /// `namespace/name` of the delegate.
    pub delegate: Arc<str>,
    /// The rule's index in the delegate's `spec.http`.
    pub index: u32,
}
