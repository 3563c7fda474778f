//! Generated meshes and requests, judged by Istio's own control plane; `scripts/soak.sh --istiod` is the long form.
//!
//! `SAILCLOTH_SEED=7 SAILCLOTH_AREA=time SAILCLOTH_REQUESTS=500 cargo test -p integration --test judged -- --nocapture`
//! takes other meshes, of one area, and so many requests; `SAILCLOTH_MESH=168` begins with that one.

use std::time::Duration;

use integration::istiod;
use integration::judged::{self, AREAS, Plan};

/// Disagreements that are printed.
const MOST_PRINTED: usize = 5;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

#[test]
fn the_suite_answers_as_istio() {
    if istiod::program().is_none() {
        println!("skipped: scripts/istiod.sh has built no control plane");
        return;
    }
    let area = std::env::var("SAILCLOTH_AREA").unwrap_or_default();
    let plan = Plan {
        seed: number("SAILCLOTH_SEED", 20_261_126),
        first: number("SAILCLOTH_MESH", 0) as usize,
        requests: number("SAILCLOTH_REQUESTS", 10_000) as usize,
        per_mesh: 60,
        within: Duration::from_secs(900),
        area: &area,
    };
    let verdict = judged::run(&plan, &mut |line| println!("{line}"));
    println!("judged: {} meshes, {:?}", verdict.meshes, verdict.asked);
    let printed = verdict.disagreements.len().min(MOST_PRINTED);
    assert!(
        verdict.disagreements.is_empty(),
        "{} disagreements:\n{}",
        verdict.disagreements.len(),
        verdict.disagreements[..printed].join("\n")
    );
    assert!(
        verdict.requests() >= plan.requests,
        "{} of {} requests within {:?}",
        verdict.requests(),
        plan.requests,
        plan.within
    );
    // Or an area would be judged by nothing.
    assert!(
        !area.is_empty() || verdict.asked.len() == AREAS.len() && verdict.asked.iter().all(|(_, count)| *count > 0)
    );
}
