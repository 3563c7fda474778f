//! Whether a request is treated otherwise, and how.

use std::rc::Rc;

use hashbrown::HashMap;

use shared::decide::{self, Found, Request};
use shared::plan::cors::Cors;
use shared::plan::format::Template;
use shared::plan::header_ops::HeaderOps;
use shared::plan::{Action, Plan, Rule};

use super::branches::{self, Assumed, Atoms, Branch, Remembered};
use super::question::Question;
use super::report::AspectChange;
use super::sides::{Both, Place};
use super::treatment::{Aspect, Treatment};
use super::words;

/// What is otherwise.
#[derive(Debug)]
pub(super) struct Difference {
    /// Where it depends on something how it is treated, those of one way that it may be.
    pub(super) treatments: Both<Treatment>,
    pub(super) changes: Vec<AspectChange>,
    /// What it depends on.
    pub(super) conditions: Vec<String>,
    /// The same for requests that differ in the same way, whatever their paths.
    pub(super) kind: String,
    /// The kind as a number, which is the same for one comparison.
    pub(super) number: usize,
}

/// What there is to say of one request.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    Same,
    Otherwise(Rc<Difference>),
    Depends(Rc<Conditions>),
}

/// What it depends on whether a request is treated otherwise.
#[derive(Debug)]
pub(super) struct Conditions {
    pub(super) words: Vec<String>,
    /// A number for these words, which is the same for one comparison.
    pub(super) number: usize,
}

pub(super) struct Comparison<'p> {
    places: &'p [Place],
    known: Vec<Both<Remembered>>,
    atoms: Atoms,
    signatures: Signatures,
    /// Differences that are the same for every request.
    fixed: HashMap<(usize, Both<Key>), Option<Rc<Difference>>>,
    kinds: HashMap<String, usize>,
    /// Verdicts about requests that can go several ways, all of which are the same for every request.
    several: HashMap<Ways, Verdict>,
}

/// A place, and all ways that it may be there, each with what is found then.
type Ways = (usize, Vec<(Assumed, Both<Key>)>);

/// What is found, as a key.
type Key = (u8, u32, u32);

fn key(found: Option<Found>) -> Key {
    match found {
        None => (0, 0, 0),
        Some(Found::Nothing) => (1, 0, 0),
        Some(Found::Host(host)) => (2, host, 0),
        Some(Found::Rule { rule, matched, .. }) => (3, rule, matched),
    }
}

enum Leaf {
    Same,
    Otherwise(Rc<Difference>),
    /// It depends on a header that is not known.
    Depends(&'static str),
}

impl<'p> Comparison<'p> {
    pub(super) fn new(places: &'p [Place]) -> Comparison<'p> {
        let known = places.iter().map(|_| Both::default()).collect();
        let signatures = Signatures { numbers: HashMap::new(), of: HashMap::new() };
        Comparison {
            places,
            known,
            atoms: Atoms::default(),
            signatures,
            fixed: HashMap::new(),
            kinds: HashMap::new(),
            several: HashMap::new(),
        }
    }

    /// Asks both sides.
    pub(super) fn ask(&mut self, at: usize, question: &Question<'_>) -> Verdict {
        let (Some(place), Some(known)) = (self.places.get(at), self.known.get_mut(at)) else { return Verdict::Same };
        let Some(all) = branches::branches(place, question, known, &mut self.atoms) else {
            return self.depends(vec!["more conditions than can be followed".to_owned()]);
        };
        if let [one] = all.as_slice() {
            return match self.leaf(at, place, question, one) {
                Leaf::Same => Verdict::Same,
                Leaf::Otherwise(difference) => Verdict::Otherwise(difference),
                Leaf::Depends(header) => self.depends(vec![format!("header `{header}`")]),
            };
        }
        let ways: Ways = (at, all.iter().map(|it| (it.assumed.clone(), it.found.map(key))).collect());
        if let Some(known) = self.several.get(&ways) {
            return known.clone();
        }
        let leaves: Vec<Leaf> = all.iter().map(|branch| self.leaf(at, place, question, branch)).collect();
        let verdict = self.sum(&all, leaves);
        if ways.1.iter().all(|(_, found)| self.fixed.contains_key(&(at, *found))) {
            self.several.insert(ways, verdict.clone());
        }
        verdict
    }

    fn depends(&mut self, words: Vec<String>) -> Verdict {
        let number = self.number(&words.join("\n"));
        Verdict::Depends(Rc::new(Conditions { words, number }))
    }

    /// One answer, where every branch gives it.
    fn sum(&mut self, branches: &[Branch], leaves: Vec<Leaf>) -> Verdict {
        let header = leaves.iter().find_map(|leaf| match leaf {
            Leaf::Depends(header) => Some(*header),
            _ => None,
        });
        if let Some(header) = header {
            return self.depends(vec![format!("header `{header}`")]);
        }
        let all: Vec<Option<Rc<Difference>>> = leaves
            .into_iter()
            .map(|leaf| match leaf {
                Leaf::Otherwise(difference) => Some(difference),
                _ => None,
            })
            .collect();
        let Some(first) = all.first() else { return Verdict::Same };
        // Which rule makes it so does not count.
        let ends: Vec<Option<&[AspectChange]>> =
            all.iter().map(|it| it.as_ref().map(|it| it.changes.as_slice())).collect();
        if ends.iter().all(|end| Some(end) == ends.first()) {
            return first.clone().map_or(Verdict::Same, Verdict::Otherwise);
        }
        let atoms = branches::deciding(branches, &ends);
        let conditions: Vec<String> = atoms.into_iter().map(|atom| self.atoms.words(atom).to_owned()).collect();
        match all.iter().cloned().collect::<Option<Vec<_>>>() {
            Some(all) => self.any_of(&all, conditions).map_or(Verdict::Same, Verdict::Otherwise),
            None => self.depends(conditions),
        }
    }

    /// It is treated otherwise in any case, though in one of several ways.
    fn any_of(&mut self, all: &[Rc<Difference>], conditions: Vec<String>) -> Option<Rc<Difference>> {
        let first = all.first()?;
        let join = |aspect: Aspect, of: fn(&Difference) -> &Treatment| {
            let mut said: Vec<String> = all.iter().map(|it| words::alone(aspect, of(it))).collect();
            said.sort_unstable();
            said.dedup();
            said.join(" or ")
        };
        let is_there = |aspect: &Aspect| all.iter().flat_map(|it| &it.changes).any(|it| it.aspect == *aspect);
        let changes: Vec<AspectChange> = Aspect::ALL
            .into_iter()
            .filter(is_there)
            .map(|aspect| AspectChange {
                aspect,
                before: join(aspect, |it| &it.treatments.old),
                after: join(aspect, |it| &it.treatments.new),
            })
            .collect();
        let kinds: Vec<&str> = all.iter().map(|it| it.kind.as_str()).collect();
        let kind = format!("{}\n{}", kinds.join(" or "), conditions.join("\n"));
        let number = self.number(&kind);
        Some(Rc::new(Difference { treatments: first.treatments.clone(), changes, conditions, kind, number }))
    }

    fn number(&mut self, kind: &str) -> usize {
        let next = self.kinds.len();
        *self.kinds.entry_ref(kind).or_insert(next)
    }

    fn leaf(&mut self, at: usize, place: &'p Place, question: &Question<'_>, branch: &Branch) -> Leaf {
        let Both { old, new } = branch.found;
        let found = Both { old: key(old), new: key(new) };
        if let Some(known) = self.fixed.get(&(at, found)) {
            return known.clone().map_or(Leaf::Same, Leaf::Otherwise);
        }
        if self.signatures.are_equal(at, place, branch.found) {
            self.fixed.insert((at, found), None);
            return Leaf::Same;
        }
        if let Some(header) = hidden(place, question, branch.found) {
            return Leaf::Depends(header);
        }
        let difference = difference(place, question, branch.found).map(|it| {
            let number = self.number(&it.kind);
            Rc::new(Difference { number, ..it })
        });
        let is_fixed = |plan: &Option<Plan>, found: Option<Found>| {
            plan.as_ref().zip(found).is_none_or(|(plan, found)| is_fixed(plan, found))
        };
        if is_fixed(&place.plans.old, old) && is_fixed(&place.plans.new, new) {
            self.fixed.insert((at, found), difference.clone());
        }
        difference.map_or(Leaf::Same, Leaf::Otherwise)
    }
}

/// What both sides make of a request, where that is not the same.
fn difference(place: &Place, question: &Question<'_>, found: Both<Option<Found>>) -> Option<Difference> {
    let incoming = question.incoming();
    let pairs = incoming.pairs();
    let request = Request::new(&pairs);
    let treat = |plan: &Option<Plan>, found: Option<Found>| match plan.as_ref().zip(found) {
        Some((plan, found)) => Treatment::of(plan, decide::found(plan, &request, found), &incoming),
        None => Treatment::unheard(),
    };
    let (old, new) = (treat(&place.plans.old, found.old), treat(&place.plans.new, found.new));
    let aspects = old.differences(&new);
    if aspects.is_empty() {
        return None;
    }
    let change = |aspect: &Aspect| {
        let (before, after) = words::change(*aspect, &old, &new);
        AspectChange { aspect: *aspect, before, after }
    };
    let changes: Vec<AspectChange> = aspects.iter().map(change).collect();
    let mut kind = format!("{aspects:?} {:?} {:?}", old.rule, new.rule);
    for AspectChange { aspect, before, after } in changes.iter().filter(|it| !it.aspect.is_of_the_path()) {
        kind.push_str(&format!("\n{aspect:?} {before}\n{after}"));
    }
    Some(Difference { treatments: Both { old, new }, changes, conditions: Vec::new(), kind, number: 0 })
}

fn rule(plan: &Option<Plan>, found: Option<Found>) -> Option<&Rule> {
    rule_of(plan.as_ref()?, found?)
}

/// The header of which the answer depends, though no match asks for it, where it is not known: what a page on another
/// site asks with.
fn hidden(place: &Place, question: &Question<'_>, found: Both<Option<Found>>) -> Option<&'static str> {
    fn cors(rule: Option<&Rule>) -> Option<&Cors> {
        match &rule?.action {
            Action::Route(route) => route.cors.as_deref(),
            _ => None,
        }
    }
    let (old, new) = (cors(rule(&place.plans.old, found.old)), cors(rule(&place.plans.new, found.new)));
    let is_otherwise = (old.is_some() || new.is_some()) && format!("{old:?}") != format!("{new:?}");
    (is_otherwise && !question.knows(b"origin")).then_some("origin")
}

/// Whether every request that finds this is treated alike, whatever it says.
fn is_fixed(plan: &Plan, found: Found) -> bool {
    let (host, rule) = match found {
        Found::Nothing => return true,
        Found::Host(host) => (host, None),
        Found::Rule { host, rule, .. } => (host, plan.rule(rule)),
    };
    if plan.host(host).is_none_or(|host| host.https_redirect) {
        return false;
    }
    let Some(rule) = rule else { return true };
    let plain = |ops: &HeaderOps| {
        let mut all = ops.set().iter().chain(ops.add());
        all.all(|(_, template): &(_, Template)| template.parts().is_empty())
    };
    let action = match &rule.action {
        Action::Route(route) => {
            let mut destinations = route.destinations.destinations().iter();
            route.rewrite.is_none()
                && route.authority.is_none()
                && route.cors.is_none()
                && route.sticky.is_none()
                && destinations
                    .all(|it| it.authority.is_none() && plain(&it.request_headers) && plain(&it.response_headers))
        }
        Action::DirectResponse(response) => response.status != 201 && !(300..400).contains(&response.status),
        Action::Redirect(_) => false,
    };
    action && plain(&rule.request_headers) && plain(&rule.response_headers)
}

/// All that rules make of their requests, as numbers: rules with the same number do the same.
struct Signatures {
    numbers: HashMap<String, usize>,
    of: HashMap<(usize, bool, Key), usize>,
}

impl Signatures {
    fn are_equal(&mut self, at: usize, place: &Place, found: Both<Option<Found>>) -> bool {
        let old = self.number((at, false), &place.plans.old, found.old);
        old == self.number((at, true), &place.plans.new, found.new)
    }

    fn number(&mut self, (at, new): (usize, bool), plan: &Option<Plan>, found: Option<Found>) -> usize {
        let here = (at, new, key(found));
        if let Some(known) = self.of.get(&here) {
            return *known;
        }
        let next = self.numbers.len();
        let number = *self.numbers.entry(signature(plan, found)).or_insert(next);
        self.of.insert(here, number);
        number
    }
}

/// All that a rule makes of a request, in words that are the same for rules that do the same.
fn signature(plan: &Option<Plan>, found: Option<Found>) -> String {
    let Some((plan, found)) = plan.as_ref().zip(found) else { return "nobody listens".to_owned() };
    let host = match found {
        Found::Nothing => return format!("nothing {:?}", plan.passthrough()),
        Found::Host(host) | Found::Rule { host, .. } => host,
    };
    let https = plan.host(host).is_some_and(|host| host.https_redirect);
    match (found, rule_of(plan, found)) {
        (Found::Rule { matched, .. }, Some(rule)) => {
            let path = rule.matches.get(matched as usize).map(|block| block.path());
            format!("{https} {path:?} {:?} {:?} {:?}", rule.action, rule.request_headers, rule.response_headers)
        }
        _ => format!("no rule {https}"),
    }
}

fn rule_of(plan: &Plan, found: Found) -> Option<&Rule> {
    match found {
        Found::Rule { rule, .. } => plan.rule(rule),
        _ => None,
    }
}
