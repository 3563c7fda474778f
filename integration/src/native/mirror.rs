//! Mirrors (istiod's `MirrorPercent`, `MirrorPercentByPolicy` and `TranslateRequestMirrorPolicy`).

use serde_json::{Value, json};
use shared::model::http_route::{Destination, HttpRoute};

/// The policies of a rule, `mirror` before `mirrors`; those that get nothing are left out.
pub fn policies(rule: &HttpRoute, cluster: impl Fn(&Destination) -> String) -> Vec<Value> {
    const ALL: u32 = 1_000_000;
    let mut all = Vec::new();
    let mut push = |destination: &Destination, ppm: u32| {
        if ppm > 0 {
            all.push(json!({
                "cluster": cluster(destination),
                "runtime_fraction": {"default_value": {"numerator": ppm, "denominator": "MILLION"}},
                "trace_sampled": false,
                "disable_shadow_host_suffix_append": true,
            }));
        }
    };
    if let Some(destination) = &rule.mirror {
        push(
            destination,
            match (rule.mirror_percentage, rule.mirror_percent) {
                (Some(percentage), _) => percentage.0.ppm(),
                (None, Some(percent)) => percent * 10_000,
                (None, None) => ALL,
            },
        );
    }
    for mirror in &rule.mirrors {
        push(&mirror.destination, mirror.percentage.map_or(ALL, |percentage| percentage.0.ppm()));
    }
    all
}
