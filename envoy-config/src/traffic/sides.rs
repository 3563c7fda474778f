//! Where requests come in, before and after.

use std::collections::BTreeMap;
use std::thread;

use shared::decide::{self, Found, Request, Untraced};
use shared::model::Resources;
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
    pub(super) front: Front,
    pub(super) plans: Both<Option<Plan>>,
}

/// Every place that one of the two has: the Gateways' ports in order, then the mesh, in which `namespace` is where
/// requests come from.
pub(super) fn places(sets: Both<&Resources>, namespace: Option<&str>) -> Vec<Place> {
    let of = |set: &Resources, namespace, mesh| listener::wherever(set, namespace, &BTreeMap::new(), mesh);
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
        Place { name: front.name.clone(), edge: front.edge, front, plans }
    };
    all.into_iter().map(place).collect()
}

impl Place {
    /// Whether it is at this port, as Istio or as Sailcloth has it.
    pub(super) fn is_at(&self, port: u16) -> bool {
        self.front.proxy.port == Some(port) || self.front.at.port() == port
    }

    /// Whether either side has rules for a host.
    pub(super) fn knows(&self, authority: &str) -> bool {
        // Without a path no rule is tried.
        let pairs: [(&[u8], &[u8]); 1] = [(b":authority", authority.as_bytes())];
        let request = Request::new(&pairs);
        let plans = self.plans.iter().flatten();
        plans.map(|plan| decide::find(plan, &request, &mut Untraced).found).any(|found| found != Found::Nothing)
    }
}

/// The place to which a request comes: of those that know its host the one at the port, else the first Gateway, else the
/// mesh.
pub(super) fn place_of(places: &[Place], authority: &str, port: Option<u16>) -> Option<usize> {
    let known: Vec<usize> = (0..).zip(places).filter(|(_, it)| it.knows(authority)).map(|(at, _)| at).collect();
    let here = |at: &&usize| places.get(**at).is_some_and(|place| port.is_some_and(|port| place.is_at(port)));
    known.iter().find(here).or_else(|| known.first()).copied()
}
