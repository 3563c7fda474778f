//! Five clients where the backend takes two at a time.

use integration::client::Request;

use super::warned;
use crate::crowd::{Answer, count, tally};
use crate::stage::{Stage, Way};
use crate::table::{REQUESTS, Row, Table};

/// What the walkthrough's `siege -b -c 5` asks for.
const TEST: &str = "/api/v1.0/search/test";

pub fn scene(stage: &mut Stage) -> Result<Table, String> {
    // One backend: what it has had at a time is what the destination has had. It takes as long as a database would, so
    // that requests meet, and its count begins here.
    stage.mesh.one_backend(20)?;
    let findings = stage.replace("outlier-detection-http.yaml")?;
    let mut rows = vec![warned(&findings, "`consecutive5xxErrors`")];
    let mut served = 0;
    for (what, way) in
        [("5 clients without pause, at the gateway", Way::Gateway), ("5 clients without pause, at the ui", Way::Mesh)]
    {
        let answers = stage.send(way, 5, 40, &Request::get(TEST))?;
        let refused = count(&answers, |answer| answer.is(503));
        let fine = count(&answers, |answer| answer.is(200));
        served += fine as u64;
        let good = fine > 0 && refused > 0 && fine + refused == answers.len();
        rows.push(Row::new(what, "200 and 503", codes(&answers), good));
    }
    let stats = stage.mesh.backend_stats()?;
    rows.push(Row::new(
        "GET /stats of the backend",
        format!("2 at a time, {served} in all"),
        format!("{} at a time, {} in all", stats.high_water, stats.requests),
        stats.high_water == 2 && stats.requests == served,
    ));
    stage.mesh.all_backends()?;
    Ok(Table {
        title: "Limits (legacy/outlier-detection-http.yaml)",
        says: &[
            "The backend takes two requests at a time and lets one wait; who comes then gets 503. A refusal is no error",
            "of the backend's, so that the outlier detection leaves it in peace.",
        ],
        heads: REQUESTS,
        rows,
    })
}

/// Who answers is of no interest here.
fn codes(answers: &[Answer]) -> String {
    let answers: Vec<Answer> = answers
        .iter()
        .map(|answer| {
            let who = answer.is(200).then(|| "200".to_owned());
            Answer { who, ..answer.clone() }
        })
        .collect();
    tally(&answers)
}
