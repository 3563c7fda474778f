//! The rows of the table, and the bars that some of them have to reach.

use std::path::Path;

use crate::setup::{Cors, Fault, Hit, Limits, Match, Mirror, Setup, Split};
use crate::sides::Side::{
    self, Floor, FloorCalls, FloorOneRoute, MatcherTree, Modules, ModulesStats, Native, Suite, SuiteStats,
};

/// One comparison.
pub struct Row {
    /// What it is called.
    pub name: String,
    /// Whether it is among the rows of `--quick`.
    pub quick: bool,
    /// What it is about.
    pub setup: Setup,
    /// Who takes part; the first is what the others are compared with.
    pub sides: Vec<Side>,
    /// How it is loaded.
    pub load: Loading,
    /// What has to be reached.
    pub bars: Vec<Bar>,
}

impl Row {
    /// The most that a request may cost of what it costs with the modules of an earlier build.
    const BEFORE: f64 = 1.03;

    /// Beside each side with modules, the same with those of an earlier build.
    pub fn beside(&mut self, before: &Path) {
        self.setup.before = Some(before.to_owned());
        let pairs: Vec<_> = self.sides.iter().filter_map(|now| Some((*now, now.before()?))).collect();
        for (now, before) in pairs {
            self.sides.push(before);
            self.bars.push(bar(now, before, Most::Ratio(Row::BEFORE), None));
        }
    }
}

/// How a row is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loading {
    /// As much as there can be.
    Full,
    /// Half of what the slowest side takes, at a steady rate: what latency is measured at.
    Half,
}

/// Something to reach.
pub struct Bar {
    /// Whose figure it is.
    pub side: Side,
    /// What that is divided by, or what is taken off it.
    pub base: Side,
    /// The most that it may be.
    pub most: Most,
    /// What is aimed at, where that is less.
    pub target: Option<f64>,
}

/// A bound.
#[derive(Clone, Copy, Debug)]
pub enum Most {
    /// Of the ratio of processor time.
    Ratio(f64),
    /// Of the ratio of processor time: that of the floor and so much.
    AboveFloor(f64),
    /// Of the added p99, in ms.
    AddedP99(f64),
}

/// All rows. In short, some have fewer sides.
pub fn rows(short: bool) -> Vec<Row> {
    let mut all = vec![everything("10 rules, all behaviours", true, short, |_| {})];
    let sides: &[Side] = if short { &[Native, Suite] } else { &[Native, Floor, FloorCalls, Suite] };
    all.push(Row {
        load: Loading::Half,
        bars: vec![bar(Suite, Native, Most::AddedP99(0.3), None)],
        ..row("10 rules, all behaviours, half load", true, Setup::everything(10), sides)
    });
    all.push(everything("10 rules, all behaviours, 2 workers", false, short, |setup| setup.workers = 2));
    all.push(everything("10 rules, all behaviours, HTTP/2", false, short, |setup| setup.http2 = true));
    all.push(everything("10 rules, all behaviours, 64 kB", false, short, |setup| setup.body = 64 * 1024));
    all.extend(by_number(short));
    all.extend(by_kind());
    all.extend(by_late_difference());
    all.extend(by_place());
    all.extend(by_behaviour());
    all
}

fn row(name: impl Into<String>, quick: bool, setup: Setup, sides: &[Side]) -> Row {
    Row { name: name.into(), quick, setup, sides: sides.to_vec(), load: Loading::Full, bars: Vec::new() }
}

fn bar(side: Side, base: Side, most: Most, target: Option<f64>) -> Bar {
    Bar { side, base, most, target }
}

/// All behaviours, on all sides.
fn everything(name: &str, quick: bool, short: bool, change: fn(&mut Setup)) -> Row {
    let mut setup = Setup::everything(10);
    change(&mut setup);
    let bars = vec![
        bar(Suite, Native, Most::AboveFloor(0.12), Some(1.20)),
        bar(SuiteStats, Native, Most::AboveFloor(0.25), Some(1.35)),
        bar(SuiteStats, ModulesStats, Most::Ratio(0.75), None),
    ];
    let mut sides = vec![Native, Floor, Suite, SuiteStats, ModulesStats];
    if !short {
        sides.splice(2..2, REFERENCES);
    }
    Row { bars, ..row(name, quick, setup, &sides) }
}

/// What the suite may cost beside the native side, where there is a bar.
fn most(rules: usize, matches: Match) -> Vec<Bar> {
    let most = match (rules, matches) {
        (500, Match::Prefix) => 1.0,
        (5_000, Match::Prefix) => 0.4,
        (10_000, Match::Prefix) => 0.15,
        (5_000, Match::Regex) => 0.1,
        _ => return Vec::new(),
    };
    vec![bar(Suite, Native, Most::Ratio(most), None)]
}

/// Beside a bar, the least that any module can come to, for which no rule is looked; and what one on the stock SDK comes
/// to that makes the suite's calls to Envoy.
const REFERENCES: [Side; 2] = [FloorOneRoute, FloorCalls];

fn references(bars: &[Bar]) -> impl Iterator<Item = Side> {
    REFERENCES.into_iter().filter(|_| !bars.is_empty())
}

/// Prefix rules, from one to many, on one host.
fn by_number(short: bool) -> Vec<Row> {
    let mut all = Vec::new();
    for rules in [1, 10, 100, 500, 1_000, 5_000, 10_000] {
        let quick = [10, 500, 10_000].contains(&rules);
        let mut sides = vec![Native, MatcherTree, Suite];
        let bars = most(rules, Match::Prefix);
        if !short {
            sides.extend(references(&bars));
            // Six plans in each VM take their time.
            sides.push(Modules);
        }
        let setup = Setup::plain(rules, Match::Prefix);
        all.push(Row { bars, ..row(format!("{rules} prefix rules, last"), quick, setup, &sides) });
    }
    let setup = Setup { workers: 2, ..Setup::plain(10_000, Match::Prefix) };
    all.push(row("10000 prefix rules, last, 2 workers", false, setup, &[Native, Suite]));
    let setup = Setup { http2: true, ..Setup::plain(10_000, Match::Prefix) };
    all.push(row("10000 prefix rules, last, HTTP/2", false, setup, &[Native, Suite]));
    all
}

/// What else rules match on.
fn by_kind() -> Vec<Row> {
    let mut all = Vec::new();
    for (word, matches) in [("exact", Match::Exact), ("regex", Match::Regex), ("header", Match::Header)] {
        for rules in [1, 10, 100, 500, 1_000, 5_000, 10_000] {
            let mut sides = vec![Native, Suite];
            if matches == Match::Exact {
                sides.insert(1, MatcherTree);
            }
            if [10, 1_000].contains(&rules) {
                sides.push(Modules);
            }
            let bars = most(rules, matches);
            sides.extend(references(&bars));
            all.push(Row {
                bars,
                ..row(format!("{rules} {word} rules, last"), false, Setup::plain(rules, matches), &sides)
            });
        }
    }
    all
}

/// Regexes that no index tells apart.
fn by_late_difference() -> Vec<Row> {
    let one = |rules| {
        let setup = Setup::plain(rules, Match::RegexOfOnePrefix);
        row(format!("{rules} regexes of one prefix, last"), false, setup, &[Native, Suite])
    };
    [100, 1_000, 5_000].map(one).into()
}

/// Which rule is hit, and whether rules have hosts of their own.
fn by_place() -> Vec<Row> {
    let mut all = Vec::new();
    for rules in [500, 10_000] {
        for (word, hit) in [("first", Hit::First), ("middle", Hit::Middle)] {
            let setup = Setup { hit, ..Setup::plain(rules, Match::Prefix) };
            all.push(row(format!("{rules} prefix rules, {word}"), false, setup, &[Native, Suite]));
        }
    }
    for rules in [10, 500, 10_000] {
        let setup = Setup { many_hosts: true, ..Setup::plain(rules, Match::Prefix) };
        all.push(row(format!("{rules} hosts of one rule, last"), false, setup, &[Native, Suite]));
    }
    all
}

/// Each behaviour by itself at 10 rules: written but never firing, then firing at each request.
fn by_behaviour() -> Vec<Row> {
    let plain = || Setup::plain(10, Match::Prefix);
    let silent = [
        ("faults at 0 %", Setup { fault: Fault::Never, ..plain() }),
        ("faults at 0.0001 %", Setup { fault: Fault::Rarely, ..plain() }),
        ("mirrors at 0.0001 %", Setup { mirror: Mirror::Rarely, ..plain() }),
        ("CORS, same origin", Setup { cors: Cors::SameOrigin, ..plain() }),
        ("split by weight", Setup { split: Split::Weights, ..plain() }),
        ("limits far away", Setup { limits: Limits::Far, ..plain() }),
    ];
    let firing = [
        ("abort", Setup { fault: Fault::Abort, ..plain() }),
        ("delay of 5 ms", Setup { fault: Fault::Delay, ..plain() }),
        ("mirror", Setup { mirror: Mirror::Always, ..plain() }),
        ("CORS, other origin", Setup { cors: Cors::OtherOrigin, ..plain() }),
        ("CORS preflight", Setup { cors: Cors::Preflight, ..plain() }),
        ("sticky split", Setup { split: Split::Sticky, ..plain() }),
        ("waiting for a connection", Setup { limits: Limits::Near, ..plain() }),
        ("headers and rewrite", Setup { changes: true, ..plain() }),
    ];
    let mut all: Vec<Row> = Vec::new();
    for (what, setup) in silent {
        all.push(row(format!("on: {what}"), false, setup, &[Native, Suite]));
    }
    for (what, setup) in firing {
        all.push(row(format!("fires: {what}"), false, setup, &[Native, Suite]));
    }
    all.push(row("fires: metrics", false, plain(), &[Native, Suite, SuiteStats]));
    all
}
