//! All that may come of a case without a proxy, against what is expected of it.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::decide::{Found, Untraced};
use shared::plan::Plan;
use shared::simulate::{Incoming, Outcome, outcomes};

use super::answer::{Answer, answer, headers, incoming, of_destination, parts};
use super::copies::{judge_copies, take_copies};
use super::form::{Case, Engines, Excluded, Expect, RequestFields, Scene};
use super::judge::{Comparison, judge};
use super::shares::{LEAST, rounded, tolerance};
use crate::explain::normalized;

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What is not as expected.
    pub wrong: Vec<Wrong>,
    /// What is expected and only a proxy could tell.
    pub unknown: Vec<String>,
    /// Whom the request goes to, and how many of those that are sent on.
    pub destinations: Vec<(String, f64)>,
    /// What else there is to know of why it came so.
    pub notes: Vec<String>,
    /// The rule that takes the request; nothing where it was not asked.
    pub found: Option<Found>,
}

/// Something that is not as expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wrong {
    /// What.
    pub what: String,
    /// What it is.
    pub got: String,
    /// What it should be.
    pub want: String,
    /// How many of the requests it is so for, from 0 to 1.
    pub share: f64,
}

/// What came of a case, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// All is as expected.
    Passed,
    /// Something is not.
    Failed,
    /// What can be told is as expected, and not all can.
    NeedsProxy,
}

impl Judged {
    /// In a word.
    pub fn verdict(&self) -> Verdict {
        match (self.wrong.is_empty(), self.unknown.is_empty()) {
            (false, _) => Verdict::Failed,
            (true, false) => Verdict::NeedsProxy,
            (true, true) => Verdict::Passed,
        }
    }
}

/// Why a case cannot be asked at all without a proxy.
pub fn needs_proxy(scene: &Scene, case: &Case) -> Option<String> {
    let request = &case.request;
    let asks = [
        (request.raw.is_some(), "`raw`: it is about bytes on the wire"),
        (request.at_once.is_some(), "`at_once`: nobody else asks here"),
        (request.after_ms.is_some(), "`after_ms`: there is no clock here"),
        (!case.before.is_empty(), "`before`: nothing is remembered here from request to request"),
    ];
    if let Some((_, why)) = asks.into_iter().find(|(asks, _)| *asks) {
        return Some(why.to_owned());
    }
    let excluded = |engines: &Engines| engines.exclude.get(&Excluded::Core).map(|why| why.why().to_owned());
    if let Some(why) = excluded(&case.engines).or_else(|| excluded(&scene.engines)) {
        return Some(format!("`engines` excludes `core`: {why}"));
    }
    match path(request)? {
        path if path.contains('#') => Some("the path: Envoy refuses fragments".to_owned()),
        path if normalized(&path).is_none() => Some("the path: Envoy refuses it".to_owned()),
        _ => None,
    }
}

fn path(request: &RequestFields) -> Option<String> {
    parts(request.url.as_deref()?).ok().map(|(_, _, path)| path)
}

/// A request as the filters of a proxy see it: its path is what Envoy has made of it by then, and at a gateway, from which no
/// request passes through, a client's word on the scheme counts for nothing.
pub(super) fn sent(plan: &Plan, request: &RequestFields) -> Option<Incoming> {
    let mut headers = headers(request);
    headers.retain(|(name, _)| name != "x-forwarded-proto" || plan.passthrough().is_some());
    let mut incoming = incoming(request, &headers)?;
    let path = normalized(&path(request)?)?;
    let pseudo = incoming.headers.iter_mut().filter(|(name, _)| name == b":path");
    pseudo.for_each(|(_, value)| *value = path.clone().into_bytes());
    Some(incoming)
}

/// Asks a case by every way that chance may take. A cluster that is not `there` answers nothing.
pub fn ask(plan: &Plan, there: &dyn Fn(&str) -> bool, case: &Case) -> Judged {
    let Some(incoming) = sent(plan, &case.request) else { return Judged::default() };
    let upstream = |cluster: &str| of_destination(&incoming, there(cluster));
    let ways = outcomes(plan, &incoming, upstream, &mut Untraced);
    let mut tally = Tally::new(&case.expect);
    ways.iter().for_each(|way| tally.take(way, &incoming, there));
    let mut judged = tally.judged();
    judged.found = ways.first().map(|way| way.simulated.decision.found);
    if !case.expect.counted.is_empty() {
        judged.unknown.push("counted".to_owned());
    }
    judged
}

/// What came of each way so far.
struct Tally<'a> {
    expect: &'a Expect,
    /// Of each difference, how many requests have it.
    wrong: Vec<((String, String, String), f64)>,
    unknown: Vec<String>,
    clusters: BTreeMap<String, f64>,
    statuses: BTreeMap<u16, f64>,
    copies: BTreeMap<String, f64>,
    sent: f64,
    absent: Vec<String>,
}

impl<'a> Tally<'a> {
    fn new(expect: &'a Expect) -> Tally<'a> {
        Tally {
            expect,
            wrong: Vec::new(),
            unknown: Vec::new(),
            clusters: BTreeMap::new(),
            statuses: BTreeMap::new(),
            copies: BTreeMap::new(),
            sent: 0.0,
            absent: Vec::new(),
        }
    }

    fn take(&mut self, Outcome { share, simulated }: &Outcome<'_>, incoming: &Incoming, there: &dyn Fn(&str) -> bool) {
        let mut answer = answer(simulated, incoming, there);
        if let Some(cluster) = simulated.cluster {
            *self.clusters.entry(cluster.to_owned()).or_default() += share;
            self.sent += share;
            if !there(cluster) && !self.absent.iter().any(|absent| absent == cluster) {
                self.absent.push(cluster.to_owned());
            }
        }
        match answer.status {
            Some(status) => *self.statuses.entry(status).or_default() += share,
            None if !self.expect.status_shares.is_empty() => self.unknown.push("status_shares".to_owned()),
            None => {}
        }
        let mut compared = self.compared(&mut answer, *share);
        compared.wrong.dedup();
        for wrong in compared.wrong {
            match self.wrong.iter_mut().find(|(known, _)| *known == wrong) {
                Some((_, so_far)) => *so_far += share,
                None => self.wrong.push((wrong, *share)),
            }
        }
        self.unknown.extend(compared.unknown);
    }

    fn compared(&mut self, answer: &mut Answer, share: f64) -> Comparison {
        let copies = take_copies(self.expect, answer);
        for copy in copies.iter().filter(|copy| self.expect.mirror_shares.contains_key(&copy.cluster)) {
            *self.copies.entry(copy.cluster.clone()).or_default() += share;
        }
        let mut compared = judge(self.expect, answer);
        judge_copies(self.expect, &copies, answer, &mut compared);
        compared
    }

    fn judged(self) -> Judged {
        let Tally { expect, wrong, mut unknown, clusters, statuses, copies, sent, absent } = self;
        let wrong = wrong.into_iter().filter(|(_, share)| *share > LEAST);
        let mut wrong: Vec<Wrong> =
            wrong.map(|((what, got, want), share)| Wrong { what, got, want, share: share.min(1.0) }).collect();
        let of_sent =
            |all: BTreeMap<String, f64>| all.into_iter().map(move |(of, share)| (of, (share / sent).min(1.0)));
        let destinations: Vec<(String, f64)> = of_sent(clusters).collect();
        let all: BTreeMap<String, f64> = destinations.iter().cloned().collect();
        if !expect.shares.is_empty() && sent > 0.0 {
            held("share of", &expect.shares, &all, &mut wrong);
        }
        if !expect.status_shares.is_empty() && unknown.is_empty() {
            held("share of status", &expect.status_shares, &statuses, &mut wrong);
        }
        held("share copied to", &expect.mirror_shares, &of_sent(copies).collect(), &mut wrong);
        one_of_several(expect, &destinations, &mut wrong);
        unknown.sort();
        unknown.dedup();
        let why = |cluster: &String| {
            format!(
                "`{cluster}` is not there, so that Envoy answers 503 in its place: no Service or ServiceEntry of the \
                 resources has this host and port, or no DestinationRule this subset"
            )
        };
        Judged { wrong, unknown, destinations, notes: absent.iter().map(why).collect(), found: None }
    }
}

/// Shares as computed against those that are written.
fn held<K: Ord + std::fmt::Display>(
    what: &str,
    want: &BTreeMap<K, f64>,
    got: &BTreeMap<K, f64>,
    wrong: &mut Vec<Wrong>,
) {
    let mut say = |of: &K, got: f64, want: f64| {
        let (got, want) = (rounded(got), rounded(want));
        wrong.push(Wrong { what: format!("{what} {of}"), got, want, share: 1.0 });
    };
    for (of, want) in want {
        let got = got.get(of).copied().unwrap_or_default();
        if (got - want).abs() > tolerance(*want) {
            say(of, got, *want);
        }
    }
    let others = got.iter().filter(|(of, share)| !want.is_empty() && !want.contains_key(of) && **share > LEAST);
    others.for_each(|(of, share)| say(of, *share, 0.0));
}

/// Where one destination is expected and there are several, their shares say more than one line for each of the others.
fn one_of_several(expect: &Expect, destinations: &[(String, f64)], wrong: &mut Vec<Wrong>) {
    let several = destinations.iter().filter(|(_, share)| *share > LEAST).count() > 1;
    let Some(want) = expect.cluster.as_ref().filter(|_| several) else { return };
    let at = wrong.iter().position(|it| it.what == "cluster");
    wrong.retain(|it| it.what != "cluster");
    let got: Vec<String> = destinations.iter().map(|(to, share)| format!("{to} ({})", rounded(*share))).collect();
    let (got, want) = (got.join(" and "), format!("{want} alone; of several write `shares`"));
    wrong.insert(at.unwrap_or(0), Wrong { what: "cluster".to_owned(), got, want, share: 1.0 });
}
