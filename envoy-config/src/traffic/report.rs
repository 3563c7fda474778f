//! What is treated otherwise, told together where it is alike.

use std::collections::HashMap;

use serde::Serialize;

use super::compare::{Difference, Verdict};
use super::log::{Log, Stray};
use super::question::Question;
use super::sides::Place;
use super::treatment::{Aspect, Treatment};
use super::words;

/// Where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// They were made from the rules.
    Rules,
    /// From an access log.
    Log,
    /// From files of cases.
    Cases,
}

/// A request that somebody could make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The method.
    pub method: String,
    /// Scheme, authority and path.
    pub url: String,
    /// The headers that count.
    pub headers: Vec<(String, String)>,
}

/// What one aspect was and is, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AspectChange {
    /// Which.
    pub aspect: Aspect,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// Requests that are treated otherwise in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Where they come in.
    pub listener: String,
    /// Their method.
    pub method: String,
    /// What their URLs have in common.
    pub url: String,
    /// Whether there are several.
    pub several: bool,
    /// How many.
    pub count: u64,
    /// Of how many in a hundred that is.
    pub percent: f64,
    /// The line of the first, in a log.
    pub line: Option<u64>,
    /// The first of them.
    pub example: Example,
    /// What is otherwise.
    pub changes: Vec<AspectChange>,
    /// What was made of the first.
    pub before: Treatment,
    /// What is made of it.
    pub after: Treatment,
}

/// Requests of which a log does not say enough.
#[derive(Clone, Debug, Serialize)]
pub struct Undecided {
    /// Where they come in.
    pub listener: String,
    /// Their method.
    pub method: String,
    /// What their URLs have in common.
    pub url: String,
    /// Whether there are several.
    pub several: bool,
    /// How many.
    pub count: u64,
    /// The line of the first.
    pub line: Option<u64>,
    /// What it depends on, such as `` headers `x-user` exact `1` ``.
    pub conditions: Vec<String>,
}

/// What else there is to say of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogFacts {
    /// Lines of the side of the server, where no rules are looked at.
    pub inbound: u64,
    /// Lines of connections that are not HTTP.
    pub connections: u64,
    /// Requests for hosts that neither side has.
    pub unknown_hosts: u64,
    /// Lines that are something else.
    pub strays: u64,
    /// The first of those.
    pub shown: Vec<Stray>,
}

/// What became of all requests.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where they come from.
    pub from: From,
    /// The file.
    pub name: Option<String>,
    /// How many there are.
    pub requests: u64,
    /// How many are treated as they were.
    pub same: u64,
    /// How many are not.
    pub otherwise: u64,
    /// Of how many that is not known.
    pub undecided: u64,
    /// How they are treated, the most frequent first.
    pub differences: Vec<Group>,
    /// Why that is not known.
    pub depends: Vec<Undecided>,
    /// So many were made; there could have been more.
    pub bound: Option<u64>,
    /// For so many matches nobody could think of a request.
    pub unthinkable: u64,
    /// What else there is to say of a log.
    pub log: Option<LogFacts>,
}

impl std::convert::From<&Log> for LogFacts {
    fn from(log: &Log) -> LogFacts {
        let Log { inbound, connections, strays, shown, .. } = log;
        LogFacts {
            inbound: *inbound,
            connections: *connections,
            unknown_hosts: 0,
            strays: *strays,
            shown: shown.clone(),
        }
    }
}

/// Collects verdicts.
pub(super) struct Collector<'p> {
    places: &'p [Place],
    report: Report,
    groups: HashMap<String, usize>,
    depends: HashMap<String, usize>,
    unknown_hosts: u64,
}

impl<'p> Collector<'p> {
    pub(super) fn new(places: &'p [Place], from: From, name: Option<&str>) -> Collector<'p> {
        let report = Report {
            from,
            name: name.map(str::to_owned),
            requests: 0,
            same: 0,
            otherwise: 0,
            undecided: 0,
            differences: Vec::new(),
            depends: Vec::new(),
            bound: None,
            unthinkable: 0,
            log: None,
        };
        Collector { places, report, groups: HashMap::new(), depends: HashMap::new(), unknown_hosts: 0 }
    }

    /// Requests for a host that neither side has are treated alike.
    pub(super) fn unknown_host(&mut self, count: u64) {
        self.report.requests += count;
        self.report.same += count;
        self.unknown_hosts += count;
    }

    pub(super) fn take(
        &mut self,
        at: usize,
        question: &Question<'_>,
        (count, line): (u64, Option<u64>),
        verdict: Verdict,
    ) {
        self.report.requests += count;
        let head = || format!("{at}\n{}\n{}\n", question.method, question.authority);
        match verdict {
            Verdict::Same => self.report.same += count,
            Verdict::Otherwise(difference) => {
                self.report.otherwise += count;
                let known = self.groups.get(&(head() + &difference.kind)).copied();
                match known.and_then(|index| self.report.differences.get_mut(index)) {
                    Some(group) => {
                        group.count += count;
                        group.line = earliest(group.line, line);
                        shorten(&mut group.url, &mut group.several, &question.url());
                    }
                    None => {
                        self.groups.insert(head() + &difference.kind, self.report.differences.len());
                        let group = self.group(at, question, (count, line), &difference);
                        self.report.differences.push(group);
                    }
                }
            }
            Verdict::Depends(conditions) => {
                self.report.undecided += count;
                let key = head() + &conditions.join("\n");
                let next = self.report.depends.len();
                let index = *self.depends.entry(key).or_insert(next);
                match self.report.depends.get_mut(index) {
                    Some(known) => {
                        known.count += count;
                        known.line = earliest(known.line, line);
                        shorten(&mut known.url, &mut known.several, &question.url());
                    }
                    None => self.report.depends.push(Undecided {
                        listener: self.listener(at),
                        method: question.method.to_owned(),
                        url: question.url(),
                        several: false,
                        count,
                        line,
                        conditions,
                    }),
                }
            }
        }
    }

    fn listener(&self, at: usize) -> String {
        self.places.get(at).map_or(String::new(), |place| place.name.clone())
    }

    fn group(&self, at: usize, question: &Question<'_>, (count, line): (u64, Option<u64>), it: &Difference) -> Group {
        let Difference { treatments, aspects, .. } = it;
        let change = |aspect: &Aspect| {
            let (before, after) = words::change(*aspect, &treatments.old, &treatments.new);
            AspectChange { aspect: *aspect, before, after }
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = question.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
        Group {
            listener: self.listener(at),
            method: question.method.to_owned(),
            url: question.url(),
            several: false,
            count,
            percent: 0.0,
            line,
            example: Example { method: question.method.to_owned(), url: question.url(), headers },
            changes: aspects.iter().map(change).collect(),
            before: treatments.old.clone(),
            after: treatments.new.clone(),
        }
    }

    pub(super) fn finish(self) -> Report {
        let Collector { mut report, .. } = self;
        report.differences.sort_by_key(|group| std::cmp::Reverse(group.count));
        report.depends.sort_by_key(|group| std::cmp::Reverse(group.count));
        let all = report.requests.max(1) as f64;
        report.differences.iter_mut().for_each(|group| group.percent = group.count as f64 * 100.0 / all);
        report
    }

    pub(super) fn unknown_hosts(&self) -> u64 {
        self.unknown_hosts
    }
}

fn earliest(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// Leaves what two URLs have in common.
fn shorten(known: &mut String, several: &mut bool, url: &str) {
    if !*several && known == url {
        return;
    }
    *several = true;
    let same = known.char_indices().zip(url.chars()).take_while(|((_, a), b)| a == b).last();
    let end = same.map_or(0, |((at, c), _)| at + c.len_utf8());
    known.truncate(end);
}
