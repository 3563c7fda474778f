//! Verdicts, told together where they are alike.

use hashbrown::HashMap;

use super::compare::{Conditions, Difference, Verdict};
use super::question::Question;
use super::report::{Example, From, Group, Report, Undecided};
use super::sides::Place;

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
    /// Where undecided ones are, by place and conditions.
    depends: HashMap<(usize, usize), Vec<usize>>,
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
            Verdict::Depends(conditions) => self.depends(&asked, &conditions),
        }
    }

    fn depends(&mut self, asked: &Asked<'_, '_>, conditions: &Conditions) {
        self.report.undecided += asked.count;
        let Question { method, authority, .. } = asked.question;
        let known = self.depends.entry((asked.place, conditions.number)).or_default();
        let is_known = |at: &&usize| {
            let one = self.report.depends.get(**at);
            one.is_some_and(|one| one.method == *method && one.authority == *authority)
        };
        let found = known.iter().find(is_known).copied();
        if let Some(one) = found.and_then(|at| self.report.depends.get_mut(at)) {
            one.count += asked.count;
            one.line = earliest(one.line, asked.line);
            if !one.several || !asked.question.is_below(&one.url) {
                shorten(&mut one.url, &mut one.several, &asked.question.url());
            }
            return;
        }
        known.push(self.report.depends.len());
        self.report.depends.push(Undecided {
            listener: self.listener(asked.place),
            method: (*method).to_owned(),
            authority: (*authority).to_owned(),
            url: asked.question.url(),
            several: false,
            count: asked.count,
            line: asked.line,
            conditions: conditions.words.clone(),
        });
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
        let key =
            |one: &Undecided| (one.listener.clone(), one.method.clone(), one.authority.clone(), one.conditions.clone());
        let known: HashMap<_, usize> = self.report.depends.iter().enumerate().map(|(at, one)| (key(one), at)).collect();
        for one in depends {
            match known.get(&key(&one)).and_then(|at| self.report.depends.get_mut(*at)) {
                Some(known) => {
                    known.count += one.count;
                    known.line = earliest(known.line, one.line);
                    shorten(&mut known.url, &mut known.several, &one.url);
                    known.several |= one.several;
                }
                None => self.report.depends.push(one),
            }
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
