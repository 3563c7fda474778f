//! Mirrors: who gets copies of a rule's requests, and of which share of them.
//!
//! As in istiod, `mirror` comes before `mirrors`, a share of 0 is no mirror, and an absent share is everything. Each
//! mirror is drawn by itself.

use super::variant::MirrorSet;
use crate::model::values::Percent;

/// So many mirrors of a rule are acted on, the first; `check` names the others. Every set of them that can be drawn is
/// a route of its own in Envoy's table, so that five of them are 31 at most.
pub const MOST: usize = 5;

/// Who gets copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Envoy's cluster, as Istio names it.
    pub cluster: String,
    /// Of how many in a million requests; at least 1.
    pub ppm: u32,
}

impl Mirror {
    /// Whether it gets a copy of every request.
    pub(crate) fn takes_all(&self) -> bool {
        self.ppm >= Percent::ALL.ppm()
    }
}

/// The mirrors of a rule, [`MOST`] at most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors(Box<[Mirror]>);

impl Mirrors {
    /// Those that act.
    pub fn new(all: impl IntoIterator<Item = Mirror>) -> Mirrors {
        Mirrors(all.into_iter().filter(|mirror| mirror.ppm > 0).take(MOST).collect())
    }

    /// All of them, in their order.
    pub fn all(&self) -> &[Mirror] {
        &self.0
    }

    /// Who gets a copy of one request. `draw` gives uniform 64-bit numbers; it is asked once for each mirror that does
    /// not take everything.
    pub fn draw(&self, mut draw: impl FnMut() -> u64) -> MirrorSet {
        let all = u128::from(Percent::ALL.ppm());
        // Integers alone, so that native and wasm choose alike; the error of the scaling is below 2^-44.
        let mut hit = |mirror: &Mirror| mirror.takes_all() || (u128::from(draw()) * all) >> 64 < u128::from(mirror.ppm);
        self.bits().filter(|(_, mirror)| hit(mirror)).fold(0, |set, (bit, _)| set | bit)
    }

    /// The mirrors of a set.
    pub fn of(&self, set: MirrorSet) -> impl Iterator<Item = &Mirror> {
        self.bits().filter(move |(bit, _)| set & bit != 0).map(|(_, mirror)| mirror)
    }

    /// How many sets there are, drawn or not.
    pub fn sets(&self) -> MirrorSet {
        self.bits().fold(1, |sets, _| sets << 1)
    }

    /// Whether chance can bring this set about.
    pub fn can_be_drawn(&self, set: MirrorSet) -> bool {
        self.bits().all(|(bit, mirror)| set & bit != 0 || !mirror.takes_all())
    }

    fn bits(&self) -> impl Iterator<Item = (MirrorSet, &Mirror)> {
        self.0.iter().enumerate().map(|(index, mirror)| (1 << index, mirror))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn mirrors(shares: &[u32]) -> Mirrors {
        Mirrors::new(shares.iter().map(|ppm| Mirror { cluster: format!("c{ppm}"), ppm: *ppm }))
    }

    /// Frozen: native and wasm draw alike.
    #[test]
    fn golden_draws() {
        let one_in_a_million = mirrors(&[1]);
        let edge = u64::MAX / 1_000_000;
        assert_eq!(one_in_a_million.draw(|| 0), 1);
        assert_eq!(one_in_a_million.draw(|| edge), 1);
        assert_eq!(one_in_a_million.draw(|| edge + 1), 0);
        let half = mirrors(&[500_000]);
        assert_eq!(half.draw(|| u64::MAX / 2), 1);
        assert_eq!(half.draw(|| u64::MAX / 2 + 1), 0);
    }

    #[test]
    fn each_mirror_is_drawn_by_itself_and_everything_needs_no_draw() {
        let some = mirrors(&[500_000, 1_000_000, 250_000]);
        let mut numbers = [u64::MAX, 0].into_iter();
        assert_eq!(some.draw(|| numbers.next().unwrap()), 0b110);
        assert_eq!(numbers.next(), None);
        assert_eq!(mirrors(&[1_000_000]).draw(|| panic!("nobody asks")), 1);
        assert_eq!(some.of(0b110).map(|it| it.ppm).collect::<Vec<_>>(), [1_000_000, 250_000]);
        let drawn: Vec<_> = (0..some.sets()).filter(|set| some.can_be_drawn(*set)).collect();
        assert_eq!(drawn, [0b010, 0b011, 0b110, 0b111]);
    }

    #[test]
    fn shares_of_zero_and_mirrors_beyond_the_bound_are_left_out() {
        assert_eq!(mirrors(&[0, 1, 0, 2, 3, 4, 5, 6]).all().len(), MOST);
        assert_eq!(mirrors(&[0]).sets(), 1);
        assert_eq!(mirrors(&[1, 2, 3, 4, 5]).sets(), 32);
    }
}
