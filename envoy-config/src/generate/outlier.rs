//! Who carries `outlierDetection` out, for people who read what `generate` prints.

use shared::model::Resources;
use shared::plan::guard::{Detector, detected};

use crate::cluster::Cluster;

/// So many destinations are named.
const NAMED: usize = 5;

/// Comments, a line each; none where no cluster asks for it.
pub(super) fn remarks(set: &Resources, detector: Detector, clusters: &[Cluster]) -> Vec<String> {
    if clusters.iter().all(|cluster| cluster.outlier_detection.is_none()) {
        return Vec::new();
    }
    let (all, alpha): (Vec<_>, Vec<_>) = detected(set, detector).into_iter().partition(|it| it.listed);
    let mut lines: Vec<String> = Vec::new();
    let mut say = |line: &str| lines.push(line.to_owned());
    match detector {
        Detector::Envoy => {
            say(
                "outlierDetection: the clusters' `outlier_detection` carries it out, endpoint by endpoint, and counts in",
            );
            say("cluster.NAME.outlier_detection.*; the filters leave it alone (`outlierDetection: envoy`).");
        }
        Detector::Module => {
            say(
                "outlierDetection: single endpoints are ejected by `outlier_detection` in your clusters; no filter can do",
            );
            say(
                "that. While all of them would be, the filters answer 503 (`outlierDetection: module`; `envoy` turns it",
            );
            let named: Vec<&str> = all.iter().take(NAMED).map(|it| it.cluster.as_str()).collect();
            match all.len().saturating_sub(NAMED) {
                _ if all.is_empty() => {
                    say(
                        "off), here for no destination: it takes `maxEjectionPercent: 100`, no `minHealthPercent`, and",
                    );
                    say("endpoints that the resources list by address.");
                }
                0 => say(&format!("off) for {}.", named.join(", "))),
                more => say(&format!("off) for {}, and {more} more.", named.join(", "))),
            }
        }
    }
    if !alpha.is_empty() {
        say("`outlierDetection.http`, of the first alpha schema, the filters carry out in any case.");
    }
    lines
}

#[cfg(test)]
mod tests;
