//! The case corpus on every engine.
//!
//! `SAILCLOTH_CORPUS=redirect cargo test -p integration --test corpus -- --nocapture` runs the files whose name holds
//! that word, and prints the table.

use integration::corpus::{self, load};

#[test]
fn corpus() {
    let filter = std::env::var("SAILCLOTH_CORPUS").unwrap_or_default();
    corpus::run_all(&load::files(&corpus::folder(), &filter));
}
