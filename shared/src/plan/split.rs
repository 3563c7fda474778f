//! Destinations and their shares.

use std::sync::Arc;

use super::header_ops::HeaderOps;

/// Who may answer a rule's requests.
#[derive(Debug)]
pub struct Destination {
    /// Envoy's cluster, as Istio names it.
    pub cluster: Arc<str>,
    /// How many before it in the rule, those of weight 0 included, have the same cluster.
    pub twin: u32,
    /// What guards it, by its index in the plan.
    pub(super) guard: Option<u32>,
    /// Its part of the sum of all weights of the rule; at least 1.
    pub weight: u32,
    /// Authority that its requests carry instead of the client's.
    pub authority: Option<Box<[u8]>>,
    /// Header operations of this destination alone.
    pub request_headers: HeaderOps,
    /// Header operations on the way back.
    pub response_headers: HeaderOps,
}

/// A rule's destinations: at least one, those of weight 0 left out.
#[derive(Debug)]
pub struct Split {
    destinations: Box<[Destination]>,
    total: u64,
    weighted: bool,
}

impl Split {
    /// Of destinations that take anything. `weighted` is whether the rule has more than one, those of weight 0 included.
    pub fn new(destinations: Vec<Destination>, weighted: bool) -> Split {
        let total = destinations.iter().map(|it| u64::from(it.weight)).sum();
        Split { destinations: destinations.into(), total, weighted }
    }

    /// All destinations.
    pub fn destinations(&self) -> &[Destination] {
        &self.destinations
    }

    pub(super) fn destinations_mut(&mut self) -> &mut [Destination] {
        &mut self.destinations
    }

    /// One destination.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&Destination> {
        self.destinations.get(index as usize)
    }

    /// Whether the rule has more than one, be it of weight 0. Header operations of weighted destinations come before
    /// those of the rule, those of a single one after.
    #[inline]
    pub fn is_weighted(&self) -> bool {
        self.weighted
    }

    /// Chooses by weight. `draw` gives a uniform 64-bit number and is asked only when there is a choice.
    pub fn choose(&self, draw: impl FnOnce() -> u64) -> u32 {
        if self.destinations.len() < 2 {
            return 0;
        }
        // Integers alone, so that native and wasm choose alike; the error of the scaling is below 2^-32.
        let mut at = ((u128::from(draw()) * u128::from(self.total)) >> 64) as u64;
        for (index, destination) in (0u32..).zip(&self.destinations) {
            match at.checked_sub(u64::from(destination.weight)) {
                Some(rest) => at = rest,
                None => return index,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn split(weights: &[u32]) -> Split {
        let destination = |weight: &u32| Destination {
            cluster: "".into(),
            twin: 0,
            guard: None,
            weight: *weight,
            authority: None,
            request_headers: HeaderOps::default(),
            response_headers: HeaderOps::default(),
        };
        Split::new(weights.iter().map(destination).collect(), weights.len() > 1)
    }

    #[test]
    fn draws_fall_into_shares_by_weight() {
        let thirds = split(&[1, 2]);
        let third = u64::MAX / 3;
        assert_eq!(thirds.choose(|| 0), 0);
        assert_eq!(thirds.choose(|| third), 0);
        assert_eq!(thirds.choose(|| third + 1), 1);
        assert_eq!(thirds.choose(|| u64::MAX), 1);
        let large = split(&[i32::MAX as u32, i32::MAX as u32]);
        assert_eq!(large.choose(|| u64::MAX / 2), 0);
        assert_eq!(large.choose(|| u64::MAX / 2 + 1), 1);
    }

    #[test]
    fn one_destination_needs_no_draw() {
        assert_eq!(split(&[5]).choose(|| panic!("nobody asks")), 0);
    }
}
