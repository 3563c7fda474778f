//! Requests that two sets of resources treat otherwise.
//!
//! | room | what |
//! |---|---|
//! | `sides` | where requests come in, before and after |
//! | `made` | requests made from the rules |
//! | [`log`] | requests of an access log, and what its lines do not say |
//! | `question`, `branches` | a request of which perhaps not all is known, and which rules it may find |
//! | `treatment` | what becomes of a request, aspect by aspect |
//! | `compare`, `report` | whether that is otherwise; what is alike is told together |
//! | `words`, [`text`] | all that for people |

use std::collections::HashMap;

use shared::model::Resources;
use shared::plan::{Action, Plan, Rule};

mod branches;
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

use compare::Comparison;
use log::{Log, Logged};
use question::Question;
use report::Collector;
use shared::plan::sticky::Sticky;
use sides::Place;

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
        let made = made::requests(self.sets, &self.places);
        let mut collector = Collector::new(&self.places, From::Rules, None);
        let mut comparison = Comparison::new(&self.places);
        for request in &made.all {
            let question = request.question();
            collector.take(request.place, &question, (1, None), comparison.ask(request.place, &question));
        }
        Report {
            bound: made.cut.then_some(made::MOST as u64),
            unthinkable: made.unthinkable as u64,
            ..collector.finish()
        }
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
        let mut collector = Collector::new(&self.places, From::Log, Some(name));
        let mut comparison = Comparison::new(&self.places);
        let mut known: HashMap<(String, Option<u16>), Option<usize>> = HashMap::new();
        let mut last: Option<((String, Option<u16>), Option<usize>)> = None;
        for counted in &log.requests {
            let entry = counted.entry();
            let is_last = last.as_ref().filter(|(key, _)| key.0 == entry.authority && key.1 == entry.port);
            let place = match is_last {
                Some((_, place)) => *place,
                None => {
                    let key = (entry.authority.to_owned(), entry.port);
                    let find = || sides::place_of(&self.places, entry.authority, entry.port);
                    let place = *known.entry(key.clone()).or_insert_with(find);
                    last = Some((key, place));
                    place
                }
            };
            let Some(place) = place else {
                collector.unknown_host(counted.count);
                continue;
            };
            let mut question = Question {
                method: entry.method,
                authority: entry.authority,
                path: entry.path,
                scheme: entry.scheme,
                ..Question::default()
            };
            for (name, logged) in wanted.iter().zip(&entry.headers) {
                match logged {
                    Logged::Unknown => {}
                    Logged::Absent => question.absent.push(name.as_bytes()),
                    Logged::Value(value) => question.headers.push((name.as_bytes(), value.as_bytes())),
                }
            }
            let verdict = comparison.ask(place, &question);
            collector.take(place, &question, (counted.count, Some(counted.line)), verdict);
        }
        let facts = LogFacts { unknown_hosts: collector.unknown_hosts(), ..log.into() };
        Report { log: Some(facts), ..collector.finish() }
    }
}

fn rules(plan: &Plan) -> impl Iterator<Item = &Rule> {
    (0..).map_while(|index| plan.rule(index))
}
