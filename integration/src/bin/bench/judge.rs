//! Figures held against their bars.

use crate::rows::{Bar, Most, Row};
use crate::run::Measured;
use crate::sample::{Spread, added_p99, spread};
use crate::sides::Side;

/// A bar, and what came of it.
pub struct Verdict<'a> {
    /// The bar.
    pub bar: &'a Bar,
    /// The figure, with quartiles.
    pub figure: Spread,
    /// The most that it may be.
    pub most: f64,
}

impl Verdict<'_> {
    /// Whether it is reached.
    pub fn holds(&self) -> bool {
        self.figure.median <= self.most
    }

    /// How far it is from the bar, as a share of the bar: what is above 0 falls short.
    pub fn short_by(&self) -> f64 {
        self.figure.median / self.most - 1.0
    }

    /// What the figure is.
    pub fn unit(&self) -> &'static str {
        if matches!(self.bar.most, Most::AddedP99(_)) { " ms" } else { "" }
    }
}

/// Processor time of one side for that of another, by the pairs of each round.
pub fn ratio(measured: &Measured, side: Side, base: Side) -> Option<Spread> {
    spread(measured.samples(side).iter().zip(measured.samples(base)).map(|(one, other)| one.cpu_us / other.cpu_us))
}

/// The bars of a row. One for which there are no figures is not reached.
pub fn verdicts<'a>(row: &'a Row, measured: &Measured) -> Vec<Verdict<'a>> {
    const NOTHING: Spread = Spread { median: f64::NAN, low: f64::NAN, high: f64::NAN };
    let verdict = |bar: &'a Bar| {
        let Bar { side, base, .. } = *bar;
        let figure = match bar.most {
            Most::Ratio(_) | Most::AboveFloor(_) => ratio(measured, side, base),
            Most::AddedP99(_) => added_p99(measured.latencies(side), measured.latencies(base)),
        };
        let most = match bar.most {
            Most::Ratio(most) | Most::AddedP99(most) => most,
            Most::AboveFloor(above) => ratio(measured, Side::Floor, base).unwrap_or(NOTHING).median + above,
        };
        Verdict { bar, figure: figure.unwrap_or(NOTHING), most }
    };
    row.bars.iter().map(verdict).collect()
}
