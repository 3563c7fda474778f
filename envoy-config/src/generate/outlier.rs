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
    match detector {
        Detector::Envoy => vec![
            "outlierDetection: the clusters' `outlier_detection` carries it out, endpoint by endpoint, and counts in"
                .into(),
            "cluster.NAME.outlier_detection.*; the filters leave it alone (`outlierDetection: envoy`).".into(),
        ],
        Detector::Module => {
            let all = detected(set);
            let named: Vec<&str> = all.iter().take(NAMED).map(|it| it.cluster.as_str()).collect();
            let more = all.len().saturating_sub(NAMED);
            let of = match (named.as_slice(), more) {
                ([], _) => "no destination here, since that takes `maxEjectionPercent: 100`, no `minHealthPercent`, and endpoints\n\
                            that the resources list by address."
                    .to_owned(),
                (_, 0) => named.join(", "),
                (_, more) => format!("{}, and {more} more", named.join(", ")),
            };
            let text = format!(
                "outlierDetection: single endpoints are ejected by `outlier_detection` in your clusters; no filter can do that.\n\
                 While all of them would be, the filters answer 503 (`outlierDetection: module`; `envoy` turns it off) for\n{of}"
            );
            text.lines().map(str::to_owned).collect()
        }
    }
}

#[cfg(test)]
mod tests;
