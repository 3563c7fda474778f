//! Which rules a request may find of which not all is known.
//!
//! A condition that looks at a header of which nothing is known may hold or not. Every such condition on the way is
//! taken both ways, the same way before and after, until it is clear which rule takes the request on either side.

use hashbrown::HashMap;
use shared::decide::{self, Found, Request, Untraced};
use shared::plan::Plan;
use shared::plan::matching::{Condition, Match};

use super::question::Question;
use super::sides::{Both, Place};

/// A condition of which nothing is known, by its number; the same words have the same number on both sides.
pub(super) type Atom = u32;

/// What is taken for granted of such conditions.
pub(super) type Assumed = Vec<(Atom, bool)>;

/// After so many branches it is not decided.
const MOST: usize = 64;

/// One way it may be, and what is found then; nothing where nobody listens.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) assumed: Assumed,
    pub(super) found: Both<Option<Found>>,
}

/// Conditions, and their numbers.
#[derive(Default)]
pub(super) struct Atoms {
    numbers: HashMap<String, Atom>,
    all: Vec<Known>,
}

/// A condition in words, and the header and its value where it holds with that alone.
struct Known {
    words: String,
    is: Option<Header>,
}

/// Name and value.
type Header = (Box<[u8]>, Box<[u8]>);

impl Atoms {
    fn number(&mut self, condition: &Condition) -> Atom {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let Atoms { numbers, all } = self;
        *numbers.entry(condition.to_string()).or_insert_with_key(|words| {
            let is = condition.only_value().map(|value| (condition.looks_at().into(), value.into()));
            all.push(Known { words: words.clone(), is });
            next
        })
    }

    /// Whether a condition holds by what is taken for granted: whoever has one value has no other.
    fn holds(&self, condition: &Condition, assumed: &Assumed) -> Option<bool> {
        let name = condition.looks_at();
        let taken = assumed.iter().filter(|(_, holds)| *holds).filter_map(|(atom, _)| self.all.get(*atom as usize));
        let (_, value) = taken.filter_map(|known| known.is.as_ref()).find(|(known, _)| **known == *name)?;
        Some(condition.holds(&Request::new(&[(name, value)])))
    }

    pub(super) fn words(&self, atom: Atom) -> &str {
        self.all.get(atom as usize).map_or("", |known| known.words.as_str())
    }
}

/// The routes of a virtual host that look at headers.
struct Uncertain {
    /// The place of each route, by rule and match.
    places: HashMap<(u32, u32), usize>,
    /// Such routes by what their path must begin with, in their order.
    by_literal: HashMap<Box<[u8]>, Vec<usize>>,
    /// How long those beginnings are.
    lengths: Vec<usize>,
}

/// What is remembered of one plan.
#[derive(Default)]
pub(super) struct Remembered {
    /// By virtual host; nothing for one all of whose rules are clear.
    hosts: HashMap<u32, Option<Uncertain>>,
}

enum Held {
    Yes,
    No,
    Depends(Atom),
}

/// All ways it may be; nothing where there are too many.
pub(super) fn branches(
    place: &Place,
    question: &Question<'_>,
    known: &mut Both<Remembered>,
    atoms: &mut Atoms,
) -> Option<Vec<Branch>> {
    let pairs = question.pairs();
    let asked = Asked { question, request: Request::new(&pairs) };
    let mut open: Vec<Assumed> = vec![Vec::new()];
    let mut all = Vec::new();
    while let Some(assumed) = open.pop() {
        if all.len() + open.len() >= MOST {
            return None;
        }
        let mut find = |plan: &Option<Plan>, known: &mut Remembered| {
            plan.as_ref().map(|plan| asked.find(plan, known, atoms, &assumed)).transpose()
        };
        let found = find(&place.plans.old, &mut known.old)
            .and_then(|old| Ok(Both { old, new: find(&place.plans.new, &mut known.new)? }));
        match found {
            Ok(found) => all.push(Branch { assumed, found }),
            Err(atom) => {
                for holds in [true, false] {
                    let mut more = assumed.clone();
                    more.push((atom, holds));
                    open.push(more);
                }
            }
        }
    }
    Some(all)
}

/// The conditions that make a difference: those of which two branches that agree on all else say the opposite, and come
/// to something else.
pub(super) fn deciding<T: PartialEq>(branches: &[Branch], ends: &[T]) -> Vec<Atom> {
    let all = || branches.iter().zip(ends);
    let differ_in = |one: &Branch, other: &Branch| {
        let value = |atom: Atom| other.assumed.iter().find(|(known, _)| *known == atom).map(|(_, value)| *value);
        let mut apart = one.assumed.iter().filter(|(atom, is)| value(*atom).is_some_and(|other| other != *is));
        apart.next().filter(|_| apart.next().is_none()).map(|(atom, _)| *atom)
    };
    let mut atoms: Vec<Atom> = all()
        .flat_map(|(one, end)| all().filter(move |(_, other)| end != *other).map(move |(other, _)| (one, other)))
        .filter_map(|(one, other)| differ_in(one, other))
        .collect();
    atoms.sort_unstable();
    atoms.dedup();
    atoms
}

struct Asked<'q, 'a> {
    question: &'q Question<'a>,
    request: Request<'q>,
}

impl Asked<'_, '_> {
    /// What is found; else the condition that must be known first.
    fn find(&self, plan: &Plan, known: &mut Remembered, atoms: &mut Atoms, assumed: &Assumed) -> Result<Found, Atom> {
        let found = decide::find(plan, &self.request, &mut Untraced).found;
        let (Found::Rule { host, .. } | Found::Host(host)) = found else { return Ok(found) };
        if self.question.complete {
            return Ok(found);
        }
        let uncertain = known.hosts.entry(host).or_insert_with(|| Uncertain::of(plan, host));
        let (Some(uncertain), Some(routes)) = (uncertain, plan.host(host).map(|host| host.routes())) else {
            return Ok(found);
        };
        let at = match found {
            Found::Rule { rule, matched, .. } => uncertain.places.get(&(rule, matched)).copied(),
            _ => None,
        };
        let end = at.unwrap_or(routes.len());
        let before = uncertain.before(self.request.path(), end);
        // What holds without headers may not hold with them.
        let candidates = before.into_iter().chain(end..routes.len());
        for candidate in candidates {
            let Some(&(rule, matched)) = routes.get(candidate) else { continue };
            let Some(block) = plan.rule(rule).and_then(|rule| rule.matches.get(matched as usize)) else { continue };
            match self.holds(block, atoms, assumed) {
                Held::Yes => return Ok(Found::Rule { host, rule, matched }),
                Held::No => {}
                Held::Depends(atom) => return Err(atom),
            }
        }
        Ok(Found::Host(host))
    }

    fn holds(&self, block: &Match, atoms: &mut Atoms, assumed: &Assumed) -> Held {
        let knows = |condition: &&Condition| self.question.knows(condition.looks_at());
        if !block.conditions.iter().filter(knows).all(|condition| condition.holds(&self.request)) {
            return Held::No;
        }
        let mut depends = None;
        for condition in block.conditions.iter().filter(|condition| !knows(condition)) {
            match atoms.holds(condition, assumed) {
                Some(true) => continue,
                Some(false) => return Held::No,
                None => {}
            }
            let atom = atoms.number(condition);
            match assumed.iter().find(|(known, _)| *known == atom) {
                Some((_, true)) => {}
                Some((_, false)) => return Held::No,
                None => _ = depends.get_or_insert(atom),
            }
        }
        depends.map_or(Held::Yes, Held::Depends)
    }
}

impl Uncertain {
    fn of(plan: &Plan, host: u32) -> Option<Uncertain> {
        let mut all = Uncertain { places: HashMap::new(), by_literal: HashMap::new(), lengths: Vec::new() };
        let is_clear = |condition: &Condition| matches!(condition.looks_at(), b":path" | b":method" | b":authority");
        let routes = plan.host(host)?.routes();
        for (at, (rule, matched)) in routes.iter().enumerate() {
            let Some(block) = plan.rule(*rule).and_then(|rule| rule.matches.get(*matched as usize)) else { continue };
            if !block.conditions.iter().all(is_clear) {
                all.by_literal.entry(block.path_literal().into()).or_default().push(at);
            }
        }
        if all.by_literal.is_empty() {
            return None;
        }
        all.places = routes.iter().enumerate().map(|(at, route)| (*route, at)).collect();
        all.lengths = all.by_literal.keys().map(|literal| literal.len()).collect();
        all.lengths.sort_unstable();
        all.lengths.dedup();
        Some(all)
    }

    /// Those before `end` that may take the path.
    fn before(&self, path: &[u8], end: usize) -> Vec<usize> {
        let beginnings = self.lengths.iter().filter_map(|length| path.get(..*length));
        let routes = beginnings.filter_map(|beginning| self.by_literal.get(beginning)).flatten();
        let mut all: Vec<usize> = routes.copied().filter(|at| *at < end).collect();
        all.sort_unstable();
        all
    }
}
