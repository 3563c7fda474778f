//! Copies of requests for version v2 of the ui.

use std::time::{Duration, Instant};

use integration::client::Request;

use crate::crowd::{by, tally};
use crate::stage::{Stage, Way};
use crate::table::{REQUESTS, Row, Table};

pub fn scene(stage: &mut Stage) -> Result<Table, String> {
    stage.replace("mirror.yaml")?;
    let before = copies(stage)?;
    let answers = stage.send(Way::Gateway, 4, 25, &Request::get("/"))?;
    let wanted = answers.len() as u64;
    // Nobody waits for copies: some may still be under way.
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut got = copies(stage)? - before;
    while got < wanted && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
        got = copies(stage)? - before;
    }
    Ok(Table {
        title: "A mirror (legacy/mirror.yaml)",
        says: &["Everything is answered by version v1 of the ui. Version v2 gets a copy of each request."],
        heads: REQUESTS,
        rows: vec![
            Row::new("GET /", "ui v1", tally(&answers), by(&answers, &["ui v1"])),
            Row::new("copies", format!("ui v2 ×{wanted}"), format!("ui v2 ×{got}"), got == wanted),
        ],
    })
}

/// How many requests version v2 of the ui has answered well, as Envoy's cluster counts them: copies are among them.
fn copies(stage: &Stage) -> Result<u64, String> {
    let stats = stage.proxy.ask("/stats?filter=upstream_rq_200$")?;
    let name = "cluster.outbound|80|v2|ui.default.svc.cluster.local.upstream_rq_200: ";
    // Envoy makes it when there is something to count.
    Ok(stats.lines().find_map(|line| line.strip_prefix(name)?.parse().ok()).unwrap_or_default())
}
