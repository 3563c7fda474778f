//! Where requests come in, before and after.

use std::collections::BTreeMap;
use std::thread;

use shared::decide::{self, Found, Request, Untraced};
use shared::model::Resources;
use shared::model::gateway::{Protocol, Server};
use shared::names::MESH;
use shared::plan::guard::Detector;
use shared::plan::{self, Plan};

use crate::listener::{self, Front, MESH_ADDRESS};

/// What was, and what is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Both<T> {
    /// Before.
    pub old: T,
    /// After.
    pub new: T,
}

impl<T> Both<T> {
    /// The same of each.
    pub(super) fn map<U>(self, mut of: impl FnMut(T) -> U) -> Both<U> {
        Both { old: of(self.old), new: of(self.new) }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.old, &self.new].into_iter()
    }
}

/// A place where requests come in, with the rules of either side; a listener that only one of them has has none there.
pub(super) struct Place {
    /// `gateway-80`, `mesh`.
    pub(super) name: String,
    /// Whether clients are outside of the mesh.
    pub(super) edge: bool,
    /// Whether it opens TLS, and requests are https.
    pub(super) opens_tls: bool,
    pub(super) front: Front,
    pub(super) plans: Both<Option<Plan>>,
}

/// Every place that one of the two has: the Gateways' ports in order, then the mesh, in which `namespace` is where
/// requests come from.
pub(super) fn places(sets: Both<&Resources>, namespace: Option<&str>) -> Vec<Place> {
    let of = |set: &Resources, namespace, mesh| listener::wherever(set, namespace, &BTreeMap::new(), mesh, is_routed);
    let first = sets.map(|set| of(set, namespace, None));
    let mesh =
        |fronts: &Vec<Front>| fronts.iter().find(|front| front.name == MESH).map(|it| it.proxy.namespace.clone());
    let is_empty = first.iter().all(Vec::is_empty);
    // Sidecars are there whether rules are for them or not, and live where they did.
    let home = mesh(&first.old).or_else(|| mesh(&first.new));
    let fronts = match (home, is_empty) {
        (None, false) => first,
        (home, _) => {
            let home = namespace.map(str::to_owned).or(home);
            sets.map(|set| of(set, home.as_deref(), Some(MESH_ADDRESS)))
        }
    };
    let fronts = fronts.map(|fronts| fronts.into_iter().map(|it| (it.name.clone(), it)).collect::<BTreeMap<_, _>>());
    let mut all: Vec<Front> = fronts.old.values().cloned().collect();
    all.extend(fronts.new.values().filter(|it| !fronts.old.contains_key(&it.name)).cloned());
    all.sort_by_key(|front| (!front.edge, front.proxy.port));
    let build = |set: &Resources, front: &Front| Plan::build(set, &plan::Proxy::from(&front.proxy), Detector::Envoy, 0);
    let place = |front: Front| {
        let [old, new] = [(sets.old, &fronts.old), (sets.new, &fronts.new)]
            .map(|(set, fronts)| fronts.get(&front.name).map(|front| (set, front)));
        let plans = thread::scope(|scope| {
            let old = old.map(|(set, front)| scope.spawn(move || build(set, front)));
            let new = new.map(|(set, front)| build(set, front));
            let old = old.map(|plan| plan.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            Both { old, new }
        });
        let opens_tls = front.edge && !sets.iter().any(|set| has_plain_port(set, front.proxy.port));
        Place { name: front.name.clone(), edge: front.edge, opens_tls, front, plans }
    };
    all.into_iter().map(place).collect()
}

impl Place {
    /// Whether it is at this port, as Istio or as Sailcloth has it.
    pub(super) fn is_at(&self, port: u16) -> bool {
        self.front.proxy.port == Some(port) || self.front.at.port() == port
    }

    /// How well either side knows a host; nothing where none has rules for it.
    fn knows(&self, authority: &str) -> Option<Knows> {
        // Without a path no rule is tried.
        let pairs: [(&[u8], &[u8]); 1] = [(b":authority", authority.as_bytes())];
        let request = Request::new(&pairs);
        let known =
            self.plans.iter().flatten().filter_map(|plan| match decide::find(plan, &request, &mut Untraced).found {
                Found::Host(host) | Found::Rule { host, .. } => Some(match plan.host(host)?.domain == "*" {
                    true => Knows::Any,
                    false => Knows::Name,
                }),
                Found::Nothing => None,
            });
        known.min()
    }
}

/// How sure a listener is that a host is one of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Knows {
    /// By a name of its own.
    Name,
    /// By `*` alone.
    Any,
}

/// Whether rules for HTTP are there for a server: Sailcloth does not open TLS, and who does knows the same rules.
fn is_routed(server: &Server) -> bool {
    server.port.protocol.is_http() || server.port.protocol == Protocol::Https
}

fn has_plain_port(set: &Resources, port: Option<u16>) -> bool {
    let mut servers = set.gateways.iter().flat_map(|gateway| &gateway.spec.servers);
    servers.any(|server| server.port.number.0.map(|it| it.get()) == port && server.port.protocol.is_http())
}

/// The place to which a request comes: of those that know its host the one at the port, else one that knows it by name,
/// a Gateway before the mesh; of two Gateways the one of its scheme, then that of the lower port.
pub(super) fn place_of(places: &[Place], authority: &str, port: Option<u16>, scheme: Option<&str>) -> Option<usize> {
    let rank = |(at, place): (usize, &Place)| {
        let knows = place.knows(authority)?;
        let is_elsewhere = !port.is_some_and(|port| place.is_at(port));
        let is_other = place.opens_tls != (scheme == Some("https"));
        Some((is_elsewhere, knows, !place.edge, is_other, at))
    };
    (0..).zip(places).filter_map(rank).min().map(|(.., at)| at)
}
