//! Splits that keep a client at its version: the annotation `sailcloth.dev/sticky` of a VirtualService.
//!
//! Weighted rendezvous hashing: every destination has a score from the client's key and its own cluster's name, and
//! the best score over weight takes the client. A client's scores never change, so raising one version's weight can
//! only move clients to it; versions that come, go or change places move nobody else. Of destinations with the same
//! cluster, which only headers tell apart, the second and later ones are known by their places among each other.

use super::Split;
use crate::names::{is_header, is_internal_header};

/// The annotation.
pub const ANNOTATION: &str = "sailcloth.dev/sticky";

/// What tells clients apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sticky {
    /// A cookie, which is made for clients without one.
    Cookie(Box<[u8]>),
    /// A request header, in lower case.
    Header(Box<[u8]>),
    /// A query parameter.
    Query(Box<[u8]>),
    /// The client's address, as Envoy has it.
    SourceIp,
}

impl Sticky {
    /// Reads the annotation's value: `cookie=NAME`, `header=NAME`, `query=NAME` or `source-ip`.
    pub fn parse(text: &str) -> Option<Sticky> {
        if text == "source-ip" {
            return Some(Sticky::SourceIp);
        }
        let (by, name) = text.split_once('=')?;
        if !is_header(name) || (by == "header" && is_internal_header(name)) {
            return None;
        }
        match by {
            "cookie" => Some(Sticky::Cookie(name.as_bytes().into())),
            "header" => Some(Sticky::Header(name.to_ascii_lowercase().into_bytes().into())),
            "query" => Some(Sticky::Query(name.as_bytes().into())),
            _ => None,
        }
    }
}

impl Split {
    /// The destination that a client with this key belongs to.
    #[inline]
    pub fn stick(&self, key: &[u8]) -> u32 {
        let mut best: Option<(u32, u64, u32)> = None;
        for (index, destination) in (0u32..).zip(self.destinations()) {
            let score = minus_log2(hash(key, destination.cluster.as_bytes(), destination.twin));
            // score / weight is smaller, without a division. Of equal ones, which 2^-50 of all clients have, the first.
            let better = best.is_none_or(|(_, other, other_weight)| {
                u128::from(score) * u128::from(other_weight) < u128::from(other) * u128::from(destination.weight)
            });
            if better {
                best = Some((index, score, destination.weight));
            }
        }
        best.map_or(0, |(index, ..)| index)
    }
}

/// FNV-1a over both, a byte that no cluster's name has between them, and splitmix64's last steps, since FNV leaves the
/// high bits of short keys much alike. A destination's index is never part of it; its place among those with the same
/// cluster is, where it is not the first, since all of them would have the same score.
#[inline]
fn hash(key: &[u8], cluster: &[u8], twin: u32) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |byte: &u8| hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    key.iter().chain(&[0xff]).chain(cluster).for_each(&mut mix);
    if twin > 0 {
        [0xff].iter().chain(&twin.to_le_bytes()).for_each(&mut mix);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// How many bits of the logarithm's fraction are worked out.
const FRACTION: u32 = 44;

/// `-log2((hash + 1) / 2^64)` in 2^-44ths, in integers alone, so that every build chooses alike. For a uniform hash it
/// is distributed exponentially, which is what makes shares follow weights.
#[inline]
fn minus_log2(hash: u64) -> u64 {
    let value = u128::from(hash) + 1;
    let whole = 127 - value.leading_zeros();
    // The mantissa, from 1 to below 2, with 63 bits behind the point; squaring it shifts out one bit of the logarithm.
    let mut mantissa = (value << (127 - whole)) >> 64;
    let mut log = u64::from(whole);
    for _ in 0..FRACTION {
        mantissa = (mantissa * mantissa) >> 63;
        let bit = mantissa >> 64;
        mantissa >>= bit;
        log = log << 1 | bit as u64;
    }
    (64 << FRACTION) - log
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::plan::Destination;
    use crate::plan::header_ops::HeaderOps;

    fn split(weights: &[u32]) -> Split {
        let destination = |(index, weight): (usize, &u32)| Destination {
            cluster: format!("outbound|80|v{index}|web.default.svc.cluster.local").into(),
            twin: 0,
            guard: None,
            weight: *weight,
            authority: None,
            request_headers: HeaderOps::default(),
            response_headers: HeaderOps::default(),
        };
        Split::new(weights.iter().enumerate().map(destination).collect(), true)
    }

    /// One cluster several times.
    fn twins(weights: &[u32]) -> Split {
        let mut split = split(weights);
        for (twin, destination) in (0..).zip(split.destinations_mut()) {
            (destination.cluster, destination.twin) = ("outbound|80||web.default.svc.cluster.local".into(), twin);
        }
        split
    }

    #[test]
    fn the_annotation_has_four_forms() {
        assert_eq!(Sticky::parse("cookie=user"), Some(Sticky::Cookie(b"user"[..].into())));
        assert_eq!(Sticky::parse("header=X-User"), Some(Sticky::Header(b"x-user"[..].into())));
        assert_eq!(Sticky::parse("query=u"), Some(Sticky::Query(b"u"[..].into())));
        assert_eq!(Sticky::parse("source-ip"), Some(Sticky::SourceIp));
        for bad in [
            "header=X-Sailcloth-Cluster",
            "",
            "cookie",
            "cookie=",
            "cookie=a b",
            "cookie=a;b",
            "Cookie=a",
            "source-ip=1",
            "param=a",
        ] {
            assert_eq!(Sticky::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_logarithm_is_exact_at_powers_of_two() {
        assert_eq!(minus_log2(u64::MAX), 0);
        assert_eq!(minus_log2(0), 64 << FRACTION);
        assert_eq!(minus_log2((1 << 63) - 1), 1 << FRACTION);
        assert_eq!(minus_log2((1 << 10) - 1), 54 << FRACTION);
        // log2(3/4) = -0.41503749927884376, from any table of logarithms.
        let three_quarters = minus_log2((3 << 62) - 1) as f64 / (1u64 << FRACTION) as f64;
        assert!((three_quarters - 0.415_037_499_278_843_76).abs() < 1e-12, "{three_quarters}");
    }

    /// Frozen: a client must stay where it is over releases, in every build. The hashes were worked out apart from this
    /// code.
    #[test]
    fn golden() {
        assert_eq!(hash(b"", b"", 0), 0x4f2d_b50f_1240_40cd);
        let cluster = b"outbound|80|v1|web.default.svc.cluster.local";
        assert_eq!(hash(b"elena", cluster, 0), 0x7f3f_2950_7b38_67aa);
        assert_eq!(hash(b"elena", cluster, 1), 0x51e0_a2d7_4842_f1d3);
    }

    #[test]
    fn shares_follow_weights() {
        let weights = [9, 90, 1];
        for split in [split(&weights), twins(&weights)] {
            let mut counts = [0u32; 3];
            for client in 0..100_000 {
                counts[split.stick(format!("client-{client}").as_bytes()) as usize] += 1;
            }
            // The keys are fixed, so this cannot fail by chance; the bounds are five standard deviations.
            for (count, share) in counts.into_iter().zip([0.09_f64, 0.90, 0.01]) {
                let deviation = (100_000.0 * share * (1.0 - share)).sqrt();
                assert!((f64::from(count) - 100_000.0 * share).abs() < 5.0 * deviation, "{counts:?}");
            }
        }
    }

    /// For several numbers of versions: whoever moves when one weight grows moves to that version.
    #[test]
    fn raising_a_share_moves_nobody_away() {
        for versions in 2..7usize {
            let before: Vec<u32> = (0..versions as u32).map(|version| 10 + version * 7).collect();
            for raised in 0..versions {
                let mut after = before.clone();
                after[raised] += 40;
                let (before, after) = (split(&before), split(&after));
                let mut moved = 0;
                for client in 0..2000u32 {
                    let key = client.to_le_bytes();
                    let (from, to) = (before.stick(&key), after.stick(&key));
                    assert!(from == to || to as usize == raised, "{versions} versions, {raised} raised");
                    moved += u32::from(from != to);
                }
                assert!(moved > 0);
            }
        }
    }
}
