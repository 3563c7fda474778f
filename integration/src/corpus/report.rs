//! What is said at the end of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::engine::Kind;

/// The numbers of one case file.
#[derive(Debug, Default)]
pub struct Tally {
    /// The file.
    pub name: String,
    /// Its rows.
    pub rows: u32,
    /// How many rows each engine ran.
    pub ran: BTreeMap<Kind, u32>,
    /// How many rows are left out, over all engines.
    pub excluded: u32,
    /// Single values that were compared.
    pub compared: u64,
    /// How long it took.
    pub took: Duration,
    /// What failed, ready to be read.
    pub failures: Vec<String>,
}

/// All files, as a table with a closing line.
pub struct Table<'a>(pub &'a [Tally]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|tally| tally.name.len()).max().unwrap_or(0).max(5);
        write!(f, "{:width$}  {:>5}", "file", "rows")?;
        for kind in Kind::ALL {
            write!(f, "  {:>7}", kind.name())?;
        }
        writeln!(f, "  {:>8}  {:>6}  {:>7}", "excluded", "failed", "seconds")?;
        let mut all = Tally { name: "all".to_owned(), ..Tally::default() };
        let mut failed = 0;
        for tally in self.0 {
            line(f, width, tally, tally.failures.len())?;
            all.rows += tally.rows;
            all.excluded += tally.excluded;
            all.took += tally.took;
            failed += tally.failures.len();
            for (kind, count) in &tally.ran {
                *all.ran.entry(*kind).or_default() += count;
            }
        }
        line(f, width, &all, failed)?;
        let (engines, comparisons) = (all.ran.len(), all.ran.values().sum::<u32>());
        write!(f, "corpus: {} rows times {engines} engines = {comparisons} comparisons", all.rows)?;
        let possible = all.rows * u32::try_from(engines).unwrap_or_default();
        if possible > comparisons {
            write!(f, " ({} excluded, each with its reason)", possible - comparisons)
        } else {
            Ok(())
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, width: usize, tally: &Tally, failed: usize) -> fmt::Result {
    write!(f, "{:width$}  {:>5}", tally.name, tally.rows)?;
    for kind in Kind::ALL {
        write!(f, "  {:>7}", tally.ran.get(&kind).copied().unwrap_or_default())?;
    }
    writeln!(f, "  {:>8}  {failed:>6}  {:>7.1}", tally.excluded, tally.took.as_secs_f64())
}
