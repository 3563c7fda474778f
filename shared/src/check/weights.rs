//! What weights come to, where they look like percentages and are none.

use super::Findings;
use crate::finding::{Code, Origin, Severity};
use crate::model::HttpRoute;
use crate::model::http_route::Weight;
use crate::model::read::Path;

/// So many parts are said.
const SAID: usize = 5;

/// Smaller weights are meant as ratios, such as 1 to 3.
const RATIO: u64 = 10;

/// What weights are made to add up to.
const SUMS: [u64; 4] = [10, 100, 1_000, 10_000];

pub(super) fn check(rules: &[HttpRoute], findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    for (index, rule) in rules.iter().enumerate() {
        let weights: Vec<u64> = rule.route.iter().map(|way| way.weight.map_or(0, |Weight(w)| u64::from(w))).collect();
        let sum: u64 = weights.iter().sum();
        // That is an error, and said.
        if sum > u64::from(u32::MAX) {
            continue;
        }
        let (message, hint) = match weights.as_slice() {
            [weight] if *weight >= RATIO && !SUMS.contains(weight) => (
                format!("the only destination of a rule gets all of its requests, whatever its weight of {weight}"),
                "",
            ),
            [_, _, ..] if weights.iter().any(|weight| *weight >= RATIO) && !SUMS.contains(&sum) => {
                let part = |weight: &u64| {
                    let tenths = (u128::from(*weight) * 2_000 / u128::from(sum)).div_ceil(2);
                    format!("{}.{} %", tenths / 10, tenths % 10)
                };
                let mut parts: Vec<String> = weights.iter().take(SAID).map(part).collect();
                if weights.len() > SAID {
                    parts.push("and so on".into());
                }
                let message = format!("the weights add up to {sum}, and not to 100: they come to {}", parts.join(", "));
                (message, "as percentages they are clearer; Istio takes any sum")
            }
            _ => continue,
        };
        let here = Path::Index(&http, index);
        let rule = (Severity::Info, Origin::Sailcloth, Code::WeightsNotHundred);
        findings.push(rule, &Path::Key(&here, "route"), message, hint);
    }
}
