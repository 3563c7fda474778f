//! What Envoy is told about metrics: Istio's labels, which modules write into metrics' names, and Istio's buckets.

use serde::Serialize;

pub use shared::plan::telemetry::LABELS;

/// The histograms among Istio's metrics.
pub const HISTOGRAMS: [&str; 3] =
    ["istio_request_duration_milliseconds", "istio_request_bytes", "istio_response_bytes"];

/// Istio's buckets, which are Envoy's own; written down so that Envoy's default may change.
pub const BUCKETS: [f64; 19] = [
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0, 300000.0,
    600000.0, 1800000.0, 3600000.0,
];

/// `envoy.config.metrics.v3.StatsConfig`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatsConfig {
    /// What is a label and no part of a name.
    pub stats_tags: Vec<TagSpecifier>,
    /// The buckets of histograms.
    pub histogram_bucket_settings: Vec<HistogramBucketSettings>,
}

/// `envoy.config.metrics.v3.TagSpecifier`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TagSpecifier {
    /// The label's name.
    pub tag_name: String,
    /// The first group is taken out of the name, the second is the value.
    pub regex: String,
}

/// `envoy.config.metrics.v3.HistogramBucketSettings`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistogramBucketSettings {
    /// Which histograms.
    pub r#match: Suffix,
    /// The buckets' upper ends.
    pub buckets: Vec<f64>,
}

/// `envoy.type.matcher.v3.StringMatcher`, of a name's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Suffix {
    /// The end.
    pub suffix: String,
}

impl Default for StatsConfig {
    fn default() -> StatsConfig {
        // As Istio's bootstrap has it for such names, but for the beginning: by it Envoy knows that the names of modules'
        // metrics alone can match. Without it each cluster's start takes 20 ms more, for its own hundred metrics.
        let tag = |label: &str| TagSpecifier {
            tag_name: label.to_owned(),
            regex: format!(r"^wasmcustom\..*?({label}=\.=(.*?);\.;)"),
        };
        let buckets = |name: &str| HistogramBucketSettings {
            r#match: Suffix { suffix: name.to_owned() },
            buckets: BUCKETS.to_vec(),
        };
        StatsConfig {
            stats_tags: LABELS.into_iter().map(tag).collect(),
            histogram_bucket_settings: HISTOGRAMS.into_iter().map(buckets).collect(),
        }
    }
}
