//! Requests that two sets of resources treat otherwise.
//!
//! | room | what |
//! |---|---|
//! | `sides` | where requests come in, before and after |
//! | `made` | requests made from the rules |
//! | [`log`] | requests of an access log, and what its lines do not say |
//! | `question`, `branches` | a request of which perhaps not all is known, and which rules it may find |
//! | `treatment` | what becomes of a request, aspect by aspect |
//! | `compare` | whether that is otherwise |
//! | `collector`, `report` | all of it, together where it is alike |
//! | `words`, [`text`] | all that for people |

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use hashbrown::HashMap;
use shared::model::Resources;
use shared::names::MESH;
use shared::plan::sticky::Sticky;
use shared::plan::{Action, Plan, Rule};

use crate::cases::{self, Case, CaseFile, Scene};

mod branches;
mod collector;
mod compare;
pub mod log;
mod made;
mod question;
mod report;
mod sides;
pub mod text;
mod treatment;
mod words;

pub use report::{AspectChange, Example, From, Group, LogFacts, Report, Undecided};
pub use sides::Both;
pub use treatment::{Aspect, Share, Treatment};
pub use words::grouped;

use collector::{Asked, Collector};
use compare::Comparison;
use log::{Counted, Log, Logged};
use made::Made;
use question::Question;

use sides::Place;

/// More threads would wait for memory.
const MOST_THREADS: usize = 4;
/// So many are asked before other threads have begun.
const FEW: usize = 2_000;

/// Two sets, ready to be asked.
pub struct Traffic<'s> {
    sets: Both<&'s Resources>,
    places: Vec<Place>,
}

impl<'s> Traffic<'s> {
    /// Compiles both for every place where requests come in. In the mesh they come from `namespace`; by itself that is
    /// the only one that there is, else `default`.
    pub fn new(old: &'s Resources, new: &'s Resources, namespace: Option<&str>) -> Traffic<'s> {
        let sets = Both { old, new };
        Traffic { sets, places: sides::places(sets, namespace) }
    }

    /// Where requests come in: `gateway-80`, `mesh`.
    pub fn listeners(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|place| place.name.as_str())
    }

    /// Asks what can be made of the rules of both sides.
    pub fn of_rules(&self) -> Report {
        self.of_rules_at_most(made::MOST)
    }

    fn of_rules_at_most(&self, most: usize) -> Report {
        let made = made::requests(self.sets, &self.places, most);
        let collector = self.ask_all(From::Rules, None, &made.all, |comparison, collector, request: &Made| {
            let question = request.question(self.places.get(request.place));
            let verdict = comparison.ask(request.place, &question);
            let asked = Asked { place: request.place, question: &question, count: 1, line: None, case: None };
            collector.take(asked, verdict);
        });
        Report { bound: made.cut.then_some(most as u64), unthinkable: made.unthinkable as u64, ..collector.finish() }
    }

    /// Asks the requests of cases, whatever is expected of them.
    pub fn of_cases(&self, file: &CaseFile) -> Report {
        let cases: Vec<(&Scene, &Case)> =
            file.scenes.iter().flat_map(|scene| scene.cases.iter().map(move |case| (scene, case))).collect();
        let unasked = AtomicU64::new(0);
        let ask = |comparison: &mut Comparison<'_>, collector: &mut Collector<'_>, (scene, case): &(&Scene, &Case)| {
            let (anywhere, at_gateway) = (cases::sent(false, &case.request), cases::sent(true, &case.request));
            let questions = anywhere.as_ref().and_then(Question::of).zip(at_gateway.as_ref().and_then(Question::of));
            let Some((question, at_gateway)) = questions else {
                unasked.fetch_add(1, Ordering::Relaxed);
                return;
            };
            let Some(place) = self.place_of_case(scene, question.authority, question.scheme) else {
                return collector.unknown_host(1);
            };
            let edge = self.places.get(place).is_some_and(|place| place.edge);
            let question = if edge { at_gateway } else { question };
            let verdict = comparison.ask(place, &question);
            collector.take(Asked { place, question: &question, count: 1, line: None, case: Some(&case.name) }, verdict);
        };
        let collector = self.ask_all(From::Cases, Some(&file.name), &cases, ask);
        Report { unasked: unasked.into_inner(), ..collector.finish() }
    }

    /// Where a case's request comes in: at the proxy that its scene names, else where its host is known.
    fn place_of_case(&self, scene: &Scene, authority: &str, scheme: Option<&str>) -> Option<usize> {
        let Some(proxy) = &scene.proxy else { return sides::place_of(&self.places, authority, None, scheme) };
        let serves = |place: &Place| {
            let mut gateways = proxy.gateways.iter();
            match place.edge {
                true => gateways.any(|name| place.front.proxy.gateways.contains(name)),
                false => proxy.gateways.is_empty() || gateways.any(|name| name == MESH),
            }
        };
        let at_port = |place: &Place| proxy.port.is_none_or(|port| !place.edge || place.is_at(port));
        let here = self.places.iter().position(|place| serves(place) && at_port(place));
        here.or_else(|| sides::place_of(&self.places, authority, proxy.port, scheme))
    }

    /// Asks many, on several threads where they are.
    fn ask_all<T: Sync>(
        &self,
        from: From,
        name: Option<&str>,
        items: &[T],
        ask: impl Fn(&mut Comparison<'_>, &mut Collector<'_>, &T) + Sync,
    ) -> Collector<'_> {
        let threads = thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
        let part = |items: &[T]| {
            let mut collector = Collector::new(&self.places, from, name);
            let mut comparison = Comparison::new(&self.places);
            items.iter().for_each(|item| ask(&mut comparison, &mut collector, item));
            collector
        };
        if threads == 1 || items.len() < FEW {
            return part(items);
        }
        let part = &part;
        let mut parts = thread::scope(|scope| {
            let parts = items.chunks(items.len().div_ceil(threads)).map(|items| scope.spawn(move || part(items)));
            let parts: Vec<_> = parts.collect();
            let join = |it: thread::ScopedJoinHandle<'_, _>| {
                it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            parts.into_iter().map(join).collect::<Vec<_>>()
        })
        .into_iter();
        let mut all = parts.next().unwrap_or_else(|| part(&[]));
        parts.for_each(|part| all.merge(part));
        all
    }

    /// The headers that somebody asks for: what to look for in a log.
    pub fn wanted(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        let plans = self.places.iter().flat_map(|place| place.plans.iter()).flatten();
        for rule in plans.flat_map(rules) {
            let conditions = rule.matches.iter().flat_map(|block| &block.conditions);
            let looked_at = conditions.map(|condition| condition.looks_at()).filter(|name| !name.starts_with(b":"));
            all.extend(looked_at.map(|name| String::from_utf8_lossy(name).into_owned()));
            let Action::Route(route) = &rule.action else { continue };
            match route.sticky.as_deref() {
                Some(Sticky::Cookie(_)) => all.push("cookie".to_owned()),
                Some(Sticky::Header(name)) => all.push(String::from_utf8_lossy(name).into_owned()),
                Some(Sticky::Query(_) | Sticky::SourceIp) | None => {}
            }
            if route.cors.is_some() {
                all.extend(["origin", "access-control-request-method"].map(str::to_owned));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Asks the requests of a log, of which these headers were looked for.
    pub fn of_log(&self, log: &Log, wanted: &[String], name: &str) -> Report {
        let places = self.places_of(log);
        let collector = self.ask_all(From::Log, Some(name), &log.requests, |comparison, collector, counted| {
            let Counted { count, line, .. } = *counted;
            let entry = counted.entry();
            let origin = (entry.port, entry.scheme);
            let found = places.get(entry.authority).and_then(|all| all.iter().find(|(known, _)| *known == origin));
            let Some((_, Some(place))) = found else { return collector.unknown_host(count) };
            let opens_tls = self.places.get(*place).is_some_and(|place| place.opens_tls);
            let mut question = Question {
                method: entry.method,
                authority: entry.authority,
                path: entry.path,
                scheme: entry.scheme.or(opens_tls.then_some("https")),
                ..Question::default()
            };
            for (name, logged) in wanted.iter().zip(&entry.headers) {
                match logged {
                    Logged::Unknown => {}
                    Logged::Absent => question.absent.push(name.as_bytes()),
                    Logged::Value(value) => question.headers.push((name.as_bytes(), value.as_bytes())),
                }
            }
            let verdict = comparison.ask(*place, &question);
            let asked = Asked { place: *place, question: &question, count, line: Some(line), case: None };
            collector.take(asked, verdict);
        });
        let facts = LogFacts { unknown_hosts: collector.unknown_hosts(), ..log.into() };
        Report { log: Some(facts), ..collector.finish() }
    }
}

/// The place for each port and scheme that a log says of requests for one host.
type Origins<'l> = Vec<((Option<u16>, Option<&'l str>), Option<usize>)>;

impl Traffic<'_> {
    /// Where requests for each host come in.
    fn places_of<'l>(&self, log: &'l Log) -> HashMap<&'l str, Origins<'l>> {
        let mut all: HashMap<&str, Origins<'l>> = HashMap::new();
        for counted in &log.requests {
            let entry = counted.entry();
            let (origins, origin) = (all.entry(entry.authority).or_default(), (entry.port, entry.scheme));
            if !origins.iter().any(|(known, _)| *known == origin) {
                origins.push((origin, sides::place_of(&self.places, entry.authority, entry.port, entry.scheme)));
            }
        }
        all
    }
}

fn rules(plan: &Plan) -> impl Iterator<Item = &Rule> {
    (0..).map_while(|index| plan.rule(index))
}

#[cfg(test)]
mod tests;
