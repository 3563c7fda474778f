//! What is said at the end of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::engine::{Behaviour, Kind, module};

/// The numbers of one case file.
#[derive(Debug, Default)]
pub struct Tally {
    /// The file.
    pub name: String,
    /// Its rows.
    pub rows: u32,
    /// How many rows each engine ran.
    pub ran: BTreeMap<Kind, u32>,
    /// How many rows are left out, over all engines but those with one module.
    pub excluded: u32,
    /// Single values that were compared.
    pub compared: u64,
    /// How long it took.
    pub took: Duration,
    /// What failed, ready to be read.
    pub failures: Vec<String>,
}

/// All files, as a table with a closing line.
pub struct Table<'a> {
    tallies: &'a [Tally],
    all: Tally,
}

impl<'a> Table<'a> {
    /// Sums up.
    pub fn new(tallies: &'a [Tally]) -> Table<'a> {
        let mut all = Tally { name: "all".to_owned(), ..Tally::default() };
        for tally in tallies {
            all.rows += tally.rows;
            all.excluded += tally.excluded;
            all.took += tally.took;
            all.failures.extend(tally.failures.iter().cloned());
            for (kind, count) in &tally.ran {
                *all.ran.entry(*kind).or_default() += count;
            }
        }
        Table { tallies, all }
    }

    /// How many rows each engine ran.
    pub fn ran(&self) -> &BTreeMap<Kind, u32> {
        &self.all.ran
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.tallies.iter().map(|tally| tally.name.len()).max().unwrap_or(0).max(5);
        write!(f, "{:width$}  {:>5}", "file", "rows")?;
        for kind in Kind::WHOLE {
            write!(f, "  {:>7}", kind.name())?;
        }
        writeln!(f, "  {:>7}  {:>8}  {:>6}  {:>7}", "alone", "excluded", "failed", "seconds")?;
        for tally in self.tallies.iter().chain([&self.all]) {
            line(f, width, tally)?;
        }
        let rows_of = |kind: Kind| self.all.ran.get(&kind).copied().unwrap_or_default();
        let each =
            Behaviour::ALL.map(|behaviour| format!("{} {}", module(behaviour).name, rows_of(Kind::Alone(behaviour))));
        writeln!(f, "rows on one module, without the other five: {}", each.join(", "))?;
        let whole = Kind::WHOLE.into_iter().filter(|kind| rows_of(*kind) > 0);
        let (engines, comparisons) = (whole.count(), self.all.ran.values().sum::<u32>());
        let alone = alone(&self.all);
        write!(
            f,
            "corpus: {} rows times {engines} engines, and {alone} on one module = {comparisons} comparisons",
            self.all.rows
        )?;
        match self.all.excluded {
            0 => Ok(()),
            excluded => write!(f, " ({excluded} excluded, each with its reason)"),
        }
    }
}

/// How many rows ran on a module without the others, over all modules.
fn alone(tally: &Tally) -> u32 {
    tally.ran.iter().filter(|(kind, _)| matches!(kind, Kind::Alone(_))).map(|(_, count)| count).sum()
}

fn line(f: &mut fmt::Formatter<'_>, width: usize, tally: &Tally) -> fmt::Result {
    write!(f, "{:width$}  {:>5}", tally.name, tally.rows)?;
    for kind in Kind::WHOLE {
        write!(f, "  {:>7}", tally.ran.get(&kind).copied().unwrap_or_default())?;
    }
    let (alone, failed, seconds) = (alone(tally), tally.failures.len(), tally.took.as_secs_f64());
    writeln!(f, "  {alone:>7}  {:>8}  {failed:>6}  {seconds:>7.1}", tally.excluded)
}
