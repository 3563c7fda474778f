//! The case corpus: rows of resources, a request, and what must come of it, asked of every [engine](crate::engine).
//!
//! The form of the files is in `docs/cases.md`, and what engines make of it in `integration/corpus/README.md`.

pub mod case;
mod judge;
pub mod load;
mod report;
mod run;
pub mod twin;

pub use envoy_config::cases::{Comparison, judge};
pub use judge::{judge_counted, judge_shares};
pub use report::Tally;
pub use run::{run, run_all};

use std::path::PathBuf;

/// The folder of the case files.
pub fn folder() -> PathBuf {
    crate::paths::root().join("integration/corpus")
}
