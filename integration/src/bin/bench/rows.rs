//! The rows of the table, and the bars that some of them have to reach.

use crate::setup::{Match, Setup};
use crate::sides::Side;

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

fn bar(side: Side, base: Side, most: Most, target: Option<f64>) -> Bar {
    Bar { side, base, most, target }
}

/// Suite to native.
fn ratio(most: f64) -> Vec<Bar> {
    vec![bar(Side::Suite, Side::Native, Most::Ratio(most), None)]
}

/// All rows.
pub fn rows() -> Vec<Row> {
    use Side::{Floor, Modules, Native, OneRoute, Suite, SuiteStats};
    let row = |name: &str, quick: bool, setup: Setup, sides: &[Side], bars: Vec<Bar>| Row {
        name: name.to_owned(),
        quick,
        setup,
        sides: sides.to_vec(),
        load: Loading::Full,
        bars,
    };
    let two = [Native, Suite];
    vec![
        row(
            "10 rules, everything",
            true,
            Setup::everything(10),
            &[Native, Floor, OneRoute, Suite, SuiteStats, Modules],
            vec![
                bar(Suite, Native, Most::AboveFloor(0.12), Some(1.20)),
                bar(SuiteStats, Native, Most::AboveFloor(0.25), Some(1.35)),
                bar(SuiteStats, Modules, Most::Ratio(0.75), None),
            ],
        ),
        row("500 prefix rules, last", true, Setup::plain(500, Match::Prefix), &two, ratio(1.0)),
        row("5,000 prefix rules, last", false, Setup::plain(5_000, Match::Prefix), &two, ratio(0.4)),
        row("10,000 prefix rules, last", true, Setup::plain(10_000, Match::Prefix), &two, ratio(0.15)),
        row("5,000 regex rules, last", false, Setup::plain(5_000, Match::Regex), &two, ratio(0.1)),
    ]
}
