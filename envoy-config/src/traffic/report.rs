//! What is treated otherwise, told together where it is alike.

use std::collections::HashMap;

use serde::Serialize;

use super::compare::{Difference, Verdict};
use super::log::{Log, Stray};
use super::question::Question;
use super::sides::Place;
use super::treatment::{Aspect, Treatment};

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
    /// What its case is called.
    pub case: Option<String>,
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
    /// The first of them, ten at most; of a log one.
    pub examples: Vec<Example>,
    /// What is otherwise.
    pub changes: Vec<AspectChange>,
    /// Which of several ways it is depends on these conditions, of which a log says nothing.
    pub conditions: Vec<String>,
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
    /// So many cases are bytes on the wire, which only a proxy can be asked.
    pub unasked: u64,
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

/// How many examples are kept.
const EXAMPLES: usize = 10;

/// A request, how often it was made, and what is known of its origin.
#[derive(Clone, Copy)]
pub(super) struct Asked<'q, 'a> {
    pub(super) place: usize,
    pub(super) question: &'q Question<'a>,
    pub(super) count: u64,
    pub(super) line: Option<u64>,
    /// The name of its case.
    pub(super) case: Option<&'q str>,
}

/// Collects verdicts.
pub(super) struct Collector<'p> {
    places: &'p [Place],
    report: Report,
    /// What the requests of each group have in common.
    heads: Vec<Head>,
    /// Where groups are, by place and kind of difference: few have the same of both.
    groups: HashMap<(usize, usize), Vec<usize>>,
    depends: HashMap<String, usize>,
    unknown_hosts: u64,
}

/// What the requests of a group have in common.
struct Head {
    place: usize,
    method: String,
    authority: String,
    case: Option<String>,
    kind: String,
}

impl Head {
    fn is_of(&self, asked: &Asked<'_, '_>) -> bool {
        self.method == asked.question.method
            && self.authority == asked.question.authority
            && self.case.as_deref() == asked.case
    }
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
            unasked: 0,
            log: None,
        };
        let (heads, groups, depends) = (Vec::new(), HashMap::new(), HashMap::new());
        Collector { places, report, heads, groups, depends, unknown_hosts: 0 }
    }

    /// Requests for a host that neither side has are treated alike.
    pub(super) fn unknown_host(&mut self, count: u64) {
        self.report.requests += count;
        self.report.same += count;
        self.unknown_hosts += count;
    }

    pub(super) fn take(&mut self, asked: Asked<'_, '_>, verdict: Verdict) {
        self.report.requests += asked.count;
        match verdict {
            Verdict::Same => self.report.same += asked.count,
            Verdict::Otherwise(difference) => {
                self.report.otherwise += asked.count;
                let groups = self.groups.entry((asked.place, difference.number)).or_default();
                let is_known = |at: &&usize| self.heads.get(**at).is_some_and(|head| head.is_of(&asked));
                let known = groups.iter().find(is_known).copied();
                match known.and_then(|at| self.report.differences.get_mut(at)) {
                    Some(group) => group.add(&asked),
                    None => {
                        groups.push(self.heads.len());
                        self.heads.push(Head {
                            place: asked.place,
                            method: asked.question.method.to_owned(),
                            authority: asked.question.authority.to_owned(),
                            case: asked.case.map(str::to_owned),
                            kind: difference.kind.clone(),
                        });
                        let group = Group::new(&asked, self.listener(asked.place), &difference);
                        self.report.differences.push(group);
                    }
                }
            }
            Verdict::Depends(conditions) => self.depends(&asked, conditions),
        }
    }

    fn depends(&mut self, asked: &Asked<'_, '_>, conditions: Vec<String>) {
        self.report.undecided += asked.count;
        let Question { method, authority, .. } = asked.question;
        let one = Undecided {
            listener: self.listener(asked.place),
            method: (*method).to_owned(),
            url: asked.question.url(),
            several: false,
            count: asked.count,
            line: asked.line,
            conditions,
        };
        let key = format!("{}\n{method}\n{authority}\n{}", asked.place, one.conditions.join("\n"));
        self.add_undecided(key, one);
    }

    fn add_undecided(&mut self, key: String, one: Undecided) {
        let next = self.report.depends.len();
        let index = *self.depends.entry(key).or_insert(next);
        match self.report.depends.get_mut(index) {
            Some(known) => {
                known.count += one.count;
                known.line = earliest(known.line, one.line);
                shorten(&mut known.url, &mut known.several, &one.url);
                known.several |= one.several;
            }
            None => self.report.depends.push(one),
        }
    }

    fn listener(&self, at: usize) -> String {
        self.places.get(at).map_or(String::new(), |place| place.name.clone())
    }

    /// Takes what another has collected of what came later.
    pub(super) fn merge(&mut self, other: Collector<'p>) {
        let Report { requests, same, otherwise, undecided, differences, depends, .. } = other.report;
        let report = &mut self.report;
        (report.requests, report.same) = (report.requests + requests, report.same + same);
        (report.otherwise, report.undecided) = (report.otherwise + otherwise, report.undecided + undecided);
        self.unknown_hosts += other.unknown_hosts;
        let key = |head: &Head| {
            (head.place, head.method.clone(), head.authority.clone(), head.case.clone(), head.kind.clone())
        };
        let known: HashMap<_, usize> = self.heads.iter().enumerate().map(|(at, head)| (key(head), at)).collect();
        for (group, head) in differences.into_iter().zip(other.heads) {
            match known.get(&key(&head)).and_then(|at| self.report.differences.get_mut(*at)) {
                Some(group_here) => group_here.merge(group),
                None => {
                    self.report.differences.push(group);
                    self.heads.push(head);
                }
            }
        }
        let mut keys: Vec<(String, usize)> = other.depends.into_iter().collect();
        keys.sort_unstable_by_key(|(_, at)| *at);
        for ((key, _), one) in keys.into_iter().zip(depends) {
            self.add_undecided(key, one);
        }
    }

    pub(super) fn finish(self) -> Report {
        let Collector { mut report, .. } = self;
        if report.from == From::Log {
            report.differences.sort_by_key(|group| std::cmp::Reverse(group.count));
        }
        report.depends.sort_by_key(|group| std::cmp::Reverse(group.count));
        let all = report.requests.max(1) as f64;
        report.differences.iter_mut().for_each(|group| group.percent = group.count as f64 * 100.0 / all);
        report
    }

    pub(super) fn unknown_hosts(&self) -> u64 {
        self.unknown_hosts
    }
}

impl Group {
    fn new(asked: &Asked<'_, '_>, listener: String, difference: &Difference) -> Group {
        let Difference { treatments, changes, conditions, .. } = difference;
        Group {
            listener,
            method: asked.question.method.to_owned(),
            url: asked.question.url(),
            several: false,
            count: asked.count,
            percent: 0.0,
            line: asked.line,
            examples: vec![asked.example()],
            changes: changes.clone(),
            conditions: conditions.clone(),
            before: treatments.old.clone(),
            after: treatments.new.clone(),
        }
    }

    fn add(&mut self, asked: &Asked<'_, '_>) {
        self.count += asked.count;
        self.line = earliest(self.line, asked.line);
        if asked.line.is_none() && self.examples.len() < EXAMPLES {
            self.examples.push(asked.example());
        }
        if !self.several || !asked.question.is_below(&self.url) {
            shorten(&mut self.url, &mut self.several, &asked.question.url());
        }
    }

    fn merge(&mut self, other: Group) {
        self.count += other.count;
        self.line = earliest(self.line, other.line);
        let room = if self.line.is_none() { EXAMPLES.saturating_sub(self.examples.len()) } else { 0 };
        self.examples.extend(other.examples.into_iter().take(room));
        shorten(&mut self.url, &mut self.several, &other.url);
        self.several |= other.several;
    }
}

impl Asked<'_, '_> {
    fn example(&self) -> Example {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let headers = self.question.headers.iter().map(|(name, value)| (text(name), text(value))).collect();
        Example {
            case: self.case.map(str::to_owned),
            method: self.question.method.to_owned(),
            url: self.question.url(),
            headers,
        }
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
