//! Shares as people write them.

/// How much a share may be off what is written: where three decimals or more are written, half a unit of the last one, so
/// that `0.333` is a third; with fewer they are meant as they stand, but for what adding up fractions loses.
pub fn tolerance(written: f64) -> f64 {
    let text = written.to_string();
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = if decimals < 3 { 0.0 } else { 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX)) };
    half.max(LEAST)
}

/// Nobody sees what one request in a million runs into; more than that is a difference.
pub const LEAST: f64 = 1e-6 * (1.0 + 1e-6);

/// What is wrong with shares that are all of something together.
pub fn wrong_sum<'s>(shares: impl Iterator<Item = &'s f64> + Clone) -> Option<String> {
    if let Some(share) = shares.clone().find(|share| !(0.0..=1.0).contains(*share)) {
        return Some(format!("a share is a number from 0 to 1, found `{share}`"));
    }
    let sum: f64 = shares.clone().sum();
    let allowed: f64 = shares.map(|share| tolerance(*share)).sum();
    ((sum - 1.0).abs() > allowed).then(|| format!("the shares sum up to {}, not to 1", rounded(sum)))
}

/// A computed share, without the noise of floating point: `0.333333`.
pub fn rounded(share: f64) -> String {
    let text = format!("{share:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text.is_empty() { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_decimals_may_be_rounded_and_two_are_meant() {
        let third = 1.0_f64 / 3.0;
        assert!((third - 0.333).abs() <= tolerance(0.333));
        assert!((third - 0.33333).abs() <= tolerance(0.33333));
        assert!((third - 0.33).abs() > tolerance(0.33), "33 of 100 is another split");
        assert!((0.4996_f64 - 0.5).abs() > tolerance(0.5) && (0.1 + 0.2_f64 - 0.3).abs() <= tolerance(0.3));
        assert!((0.3336_f64 - 0.333).abs() > tolerance(0.333));
    }

    #[test]
    fn shares_sum_up_to_all() {
        for fine in [&[1.0][..], &[0.5, 0.5], &[0.333, 0.333, 0.333], &[0.1; 10], &[0.0, 1.0]] {
            assert_eq!(wrong_sum(fine.iter()), None, "{fine:?}");
        }
        assert_eq!(wrong_sum([0.9, 0.2].iter()).as_deref(), Some("the shares sum up to 1.1, not to 1"));
        assert_eq!(wrong_sum([0.33, 0.33, 0.33].iter()).as_deref(), Some("the shares sum up to 0.99, not to 1"));
        assert_eq!(wrong_sum([50.0, 50.0].iter()).as_deref(), Some("a share is a number from 0 to 1, found `50`"));
        assert!(wrong_sum([f64::NAN].iter()).is_some());
    }

    #[test]
    fn a_share_is_said_in_six_decimals() {
        let said = |share: f64| rounded(share);
        assert_eq!([said(1.0), said(0.0), said(0.5), said(2.0 / 3.0)], ["1", "0", "0.5", "0.666667"]);
    }
}
