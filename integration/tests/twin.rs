//! The suite answers as its native twin does, and as Envoy on what Istio's control plane sends, in every header: not
//! only in those that a row of the corpus names.

use integration::corpus::{self, load, twin};

#[test]
fn the_suite_answers_as_envoy_without_a_module() {
    let filter = std::env::var("SAILCLOTH_CORPUS").unwrap_or_default();
    let files = load::files(&corpus::folder(), &filter);
    let (mut differences, mut rows) = (Vec::new(), 0);
    for file in &files {
        let (more, compared) = twin::differences(file);
        differences.extend(more);
        rows += compared;
    }
    println!("twin: {rows} comparisons of rows of {} files in full", files.len());
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(rows > 0, "no row was compared");
}
