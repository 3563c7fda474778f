//! Who gets copies of a rule's requests, and of which share of them.

use super::parts::{In, Parts};
use crate::model::http_route::{Destination, HttpMirrorPolicy};
use crate::model::values::Percent;

/// What a rule asks for: destinations and their shares in a million, those of 0 left out.
pub fn asked<'r>(rule: Parts<'r>) -> impl Iterator<Item = (In<'r, Destination>, u32)> {
    let single = rule.mirror().map(|destination| {
        // The deprecated percentage is a whole number, and counts only where the newer one is absent.
        let old = || rule.mirror_percent().map(|percent| percent.saturating_mul(10_000).min(Percent::ALL.ppm()));
        let ppm = rule.mirror_percentage().map(|percent| percent.0.ppm()).or_else(old).unwrap_or(Percent::ALL.ppm());
        (destination, ppm)
    });
    let share = |mirror: &HttpMirrorPolicy| mirror.percentage.map_or(Percent::ALL, |percent| percent.0).ppm();
    let In { it: mirrors, namespace } = rule.mirrors();
    let several = mirrors.iter().map(move |it| (In { it: &it.destination, namespace }, share(it)));
    single.into_iter().chain(several).filter(|(_, ppm)| *ppm > 0)
}
