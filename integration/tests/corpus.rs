//! The case corpus on every engine.
//!
//! `SAILCLOTH_CORPUS=redirect cargo test -p integration --test corpus -- --nocapture` runs the files whose name holds
//! that word, and prints the table.

use integration::corpus::{self, load};
use integration::engine::Kind;
use integration::istiod;

#[test]
fn corpus() {
    let filter = std::env::var("SAILCLOTH_CORPUS").unwrap_or_default();
    let ran = corpus::run_all(&load::files(&corpus::folder(), &filter));
    if filter.is_empty() {
        let there = |kind: &Kind| *kind != Kind::Istiod || istiod::program().is_some();
        for kind in Kind::all().filter(there) {
            let least = if Kind::WHOLE.contains(&kind) { 1 } else { 10 };
            assert!(ran.get(&kind).is_some_and(|rows| *rows >= least), "{kind} ran less than {least} rows");
        }
    }
}
