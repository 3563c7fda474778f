//! The scenes of the tour, in the order of CatCatGo's walkthrough: each puts a piece of YAML in force and sends the
//! requests that show it.

mod canary;
mod fault;
mod limits;
mod metrics;
mod mirror;
mod published;

use integration::client::Request;

use crate::crowd::{Answer, Share, by, count, tally};
use crate::proxy::Finding;
use crate::stage::{Stage, Way};
use crate::table::{Row, Table};

/// A scene, or why there is none.
pub type Scene = fn(&mut Stage) -> Result<Table, String>;

/// All scenes.
pub const ALL: &[Scene] = &[
    published::scene,
    canary::by_weight,
    canary::by_user_agent,
    fault::aborts,
    fault::delays,
    limits::scene,
    mirror::scene,
    // Last, for it is about all that the others sent.
    metrics::scene,
];

/// How often a request is sent whose answer is always the same.
const TIMES: usize = 20;

/// What the ui asks the backend for.
const SEARCH: &str = "/api/v1.0/search/kitten";

/// A request that always has one of these answers, and each of them in its turn.
fn always(stage: &mut Stage, what: &str, way: Way, request: &Request, who: &[&str]) -> Result<Row, String> {
    let answers = stage.send(way, 1, TIMES, request)?;
    Ok(Row::new(what, who.join(" and "), tally(&answers), by(&answers, who)))
}

/// A request of which a share is answered in this way; whether the others are fine as well is for the scene to say.
fn share(
    what: &str,
    name: &str,
    percent: f64,
    answers: &[Answer],
    hit: impl Fn(&Answer) -> bool,
    fine: impl Fn(&Answer) -> bool,
) -> Row {
    let share = Share { of: answers.len(), percent };
    let good = share.has(count(answers, &hit)) && answers.iter().all(|answer| hit(answer) || fine(answer));
    Row::new(what, format!("{name} for {}", share.short()), tally(answers), good)
}

/// What `sailcloth` says of a file that it takes: one warning, which says what to write.
fn warned(findings: &[Finding], hint: &str) -> Row {
    let said: Vec<&Finding> = findings.iter().filter(|finding| finding.severity != "info").collect();
    let good = matches!(said.as_slice(), [only] if only.severity == "warning" && only.hint.contains(hint));
    let said: Vec<String> = said.into_iter().map(Finding::short).collect();
    Row::new("sailcloth check", "a warning that says what to write", said.join("; "), good)
}
