//! Holds many answers against what is expected of them together; each by itself is judged as `sailcloth test` does.

use std::collections::BTreeMap;
use std::fmt::Display;

use envoy_config::cases::{Comparison, Expect};

use crate::metrics::Labels;

/// How often each series was counted.
type Counts = BTreeMap<Labels, f64>;

/// How often something happened in so many answers against the shares of the row: each within 4.5 standard deviations,
/// which a right split misses once in 150,000 times.
pub fn judge_shares<K: Ord + Display>(
    shares: &BTreeMap<K, f64>,
    (counts, total): (&BTreeMap<K, u32>, u32),
    all: &mut Comparison,
) {
    for (of, share) in shares {
        let (n, got) = (f64::from(total), f64::from(counts.get(of).copied().unwrap_or_default()));
        let allowed = 4.5 * (n * share * (1.0 - share)).sqrt();
        let fits = (got - n * share).abs() <= allowed;
        let range = format!("{:.0} of {total}, give or take {allowed:.0}", n * share);
        all.check(format!("share of {of}"), if fits { range.clone() } else { format!("{got}") }, range);
    }
    let others: Vec<String> = counts.keys().filter(|of| !shares.contains_key(*of)).map(K::to_string).collect();
    all.check("others", others.join(", "), "");
}

/// What has been counted between these two, against the labels of the row: `requests` in one series.
pub fn judge_counted(expect: &Expect, before: &Counts, after: &Counts, requests: u32, all: &mut Comparison) {
    let more = after.iter().map(|(labels, value)| (labels, value - before.get(labels).copied().unwrap_or_default()));
    let more: Vec<(&Labels, f64)> = more.filter(|(_, more)| *more > 0.0).collect();
    let counts: Vec<String> = more.iter().map(|(_, more)| more.to_string()).collect();
    all.check("counted in each series", counts.join(" and "), requests.to_string());
    for (labels, _) in more {
        for (label, want) in &expect.counted {
            all.check(format!("label {label}"), labels.get(label).map_or("none", String::as_str), want);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(yaml: &str) -> Expect {
        serde_yaml::from_str(yaml).expect("an expectation")
    }

    #[test]
    fn shares_may_vary_as_chance_has_it() {
        let shares = BTreeMap::from([("a", 0.5), ("b", 0.5)]);
        let judged = |a: u32, b: u32| {
            let mut all = Comparison::default();
            judge_shares(&shares, (&BTreeMap::from([("a", a), ("b", b)]), a + b), &mut all);
            all.wrong.len()
        };
        assert_eq!((judged(1000, 1000), judged(1090, 910), judged(1110, 890)), (0, 0, 2));
    }

    #[test]
    fn requests_are_counted_in_one_series() {
        let labels = |code: &str| Labels::from([("response_code".to_owned(), code.to_owned())]);
        let before = Counts::from([(labels("200"), 4.0)]);
        let wrong = |after: &[(&str, f64)]| -> Vec<String> {
            let after = after.iter().map(|(code, count)| (labels(code), *count)).collect();
            let mut all = Comparison::default();
            judge_counted(&expect("{counted: {response_code: '200'}}"), &before, &after, 2, &mut all);
            all.wrong.into_iter().map(|(what, got, want)| format!("{what}: {got}/{want}")).collect()
        };
        assert_eq!(wrong(&[("200", 6.0)]), [""; 0]);
        assert_eq!(wrong(&[("200", 5.0)]), ["counted in each series: 1/2"]);
        assert_eq!(wrong(&[("200", 4.0), ("503", 2.0)]), ["label response_code: 503/200"]);
        assert_eq!(
            wrong(&[("200", 5.0), ("503", 1.0)]),
            ["counted in each series: 1 and 1/2", "label response_code: 503/200"]
        );
    }
}
