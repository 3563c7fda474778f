//! Faults on the way from the ui to the backend.

use std::time::Duration;

use integration::client::Request;

use super::{SEARCH, share, warned};
use crate::crowd::{Answer, Share, by, count};
use crate::stage::{Stage, Way};
use crate::table::{REQUESTS, Row, Table};

/// Who answers a search that nothing happens to.
const FINE: &str = "ui v1, backend v1";

pub fn aborts(stage: &mut Stage) -> Result<Table, String> {
    let findings = stage.replace("fault-abort-percent.yaml")?;
    let answers = stage.send(Way::Mesh, 4, 100, &Request::get(SEARCH))?;
    let fine = |answer: &Answer| answer.is(200) && answer.who.as_deref() == Some(FINE);
    let rows = vec![
        warned(&findings, "`percentage: {value: 75}`"),
        share("the ui's own search, by the mesh", "500", 75.0, &answers, |answer| answer.is(500), fine),
    ];
    Ok(Table {
        title: "Aborts (legacy/fault-abort-percent.yaml)",
        says: &[
            "Of the requests for the host backend in the mesh 75 % are answered with 500, by Envoy in the backend's",
            "place; the others come from version v1.",
        ],
        heads: REQUESTS,
        rows,
    })
}

pub fn delays(stage: &mut Stage) -> Result<Table, String> {
    const DELAY: Duration = Duration::from_secs(3);
    let findings = stage.replace("fault-delay-percent.yaml")?;
    stage.ledger.delays(Some(DELAY));
    // All at once, for nobody wants to wait for them one after the other.
    let answers = stage.send(Way::Mesh, 100, 1, &Request::get(SEARCH))?;
    stage.ledger.delays(None);
    let share = Share { of: answers.len(), percent: 50.0 };
    let delayed = count(&answers, |answer| answer.took >= DELAY);
    let others = answers.iter().map(|answer| answer.took).filter(|took| *took < DELAY).max().unwrap_or_default();
    let came = format!("3 s or longer ×{delayed}, {} ms at most ×{}", others.as_millis(), answers.len() - delayed);
    let rows = vec![
        warned(&findings, "`percentage: {value: 50}`"),
        Row::new(
            "the ui's own search, 100 at once",
            format!("3 s for {}", share.short()),
            came,
            share.has(delayed) && by(&answers, &[FINE]),
        ),
    ];
    Ok(Table {
        title: "Delays (legacy/fault-delay-percent.yaml)",
        says: &[
            "Of the requests for the host backend in the mesh 50 % wait for 3 s before they are sent on. All are",
            "answered by version v1 in the end.",
        ],
        heads: REQUESTS,
        rows,
    })
}
