//! Istio's metrics of everything that the other scenes sent.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::ledger::{Counts, counted};
use crate::stage::Stage;
use crate::table::{Row, Table};

const PROMETHEUS: &str = "/stats/prometheus";

pub fn scene(stage: &mut Stage) -> Result<Table, String> {
    let sent = stage.ledger.sent();
    // A request is counted when it has ended, which may be a moment after its client has the answer.
    let deadline = Instant::now() + Duration::from_secs(5);
    let mut all = counted(&stage.proxy.ask(PROMETHEUS)?);
    while all != *sent && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
        all = counted(&stage.proxy.ask(PROMETHEUS)?);
    }
    Ok(Table {
        title: "What Envoy has counted (istio_requests_total in /stats/prometheus)",
        says: &[
            "Every request through the Gateway and through the mesh is counted by where it went and what came of it. The",
            "flags are Envoy's: NR no rule, FI aborted, DI delayed, UO more than the destination takes. What Envoy itself",
            "answers has no version; copies are not counted.",
        ],
        heads: ["destination  destination_version  response_code  response_flags", "sent", "counted"],
        rows: rows(sent, &all),
    })
}

fn rows(sent: &Counts, all: &Counts) -> Vec<Row> {
    let keys: BTreeSet<_> = sent.keys().chain(all.keys()).collect();
    let number = |counts: &Counts, key| counts.get(key).copied().unwrap_or_default();
    let row = |key| {
        let (sent, all) = (number(sent, key), number(all, key));
        let crate::ledger::Key { service, version, code, flags } = key;
        let labels = format!("{service:11}  {version:19}  {code:13}  {flags}");
        Row::new(labels, sent.to_string(), all.to_string(), sent == all)
    };
    keys.into_iter().map(row).collect()
}
