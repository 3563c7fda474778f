//! What Envoy is told about metrics: Istio's labels, which modules write into metrics' names, and some of Istio's
//! buckets.
//!
//! Istio has Envoy's 19 buckets for each of its three histograms, so that one series of requests is 67 of Prometheus'.
//! With these 20 it is 30, which is what a scrape costs and what Prometheus keeps. Each is one of Istio's, so that a
//! bucket counts the same in proxies of both kinds.

use serde::Serialize;

pub use shared::plan::telemetry::LABELS;

/// From a millisecond to a minute. Durations are whole milliseconds, so that Istio's 0.5 only says how many are 0; what
/// takes minutes is a stream, and not slow. Up to 2.5 s none is more than five times the one before (at most 2.5 times
/// from 5 ms on); after that come where a timeout may be, 10 s, and where people have given up.
pub const DURATIONS: [f64; 12] = [1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 10000.0, 60000.0];

/// Headers alone, an answer of an API, a page or an image, a download: below 1 kB, 10 kB, 60 kB and 600 kB.
pub const BYTES: [f64; 4] = [1000.0, 10000.0, 60000.0, 600000.0];

/// The histograms among Istio's metrics, with their buckets' upper ends.
pub const HISTOGRAMS: [(&str, &[f64]); 3] = [
    ("istio_request_duration_milliseconds", &DURATIONS),
    ("istio_request_bytes", &BYTES),
    ("istio_response_bytes", &BYTES),
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
        let buckets = |(name, buckets): (&str, &[f64])| HistogramBucketSettings {
            r#match: Suffix { suffix: name.to_owned() },
            buckets: buckets.to_vec(),
        };
        StatsConfig {
            stats_tags: LABELS.into_iter().map(tag).collect(),
            histogram_bucket_settings: HISTOGRAMS.into_iter().map(buckets).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Istio's bounds, which are Envoy's own: its bootstrap sets none unless the annotation
    /// `sidecar.istio.io/statsHistogramBuckets` does.
    const ISTIOS: [f64; 19] = [
        0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0, 30000.0, 60000.0,
        300000.0, 600000.0, 1800000.0, 3600000.0,
    ];

    #[test]
    fn buckets_are_istios_in_their_order() {
        for (name, buckets) in HISTOGRAMS {
            assert!(buckets.is_sorted(), "{name}");
            assert!(buckets.iter().all(|end| ISTIOS.contains(end)), "{name}");
        }
    }
}
