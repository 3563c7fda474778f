//! The decision as modules hand it to each other: the filter-state property `sailcloth`, which clients cannot forge
//! and upstreams never see.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | version, 3 |
//! | 8 | fingerprint of the configuration |
//! | 4, 4, 4 | virtual host, rule, match block; `u32::MAX` for none |
//! | 4 | the chosen destination; `u32::MAX` for none |
//! | 1 | the reason of an own reply, 0 for none; the highest bit says that a fault has delayed the request |
//! | 1 | the mirrors that get a copy, one bit each, the lowest for the first of the rule |
//! | 4 | for how many milliseconds the request has waited for a slot, which its timeout does not give it again |
//!
//! Numbers are little-endian.

use std::time::Duration;

use shared::decide::{Decision, Found, OwnReply};

/// The property's name: one path element, since Envoy cannot read back a path of several.
pub(crate) const PROPERTY: &str = "sailcloth";

const VERSION: u8 = 3;
const NONE: u32 = u32::MAX;
const SIZE: usize = 31;

/// What stands in the property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    /// A decision of a module with the same configuration, and how long the request has waited.
    Decision(Decision, Duration),
    /// Of a module with another configuration or of another version. The request may be rewritten already, so nobody
    /// decides it anew.
    Foreign,
}

/// Writes a decision, and how long the request has waited.
pub(crate) fn encode(fingerprint: u64, decision: &Decision, waited: Duration) -> [u8; SIZE] {
    let (host, rule, matched) = match decision.found {
        Found::Rule { host, rule, matched } => (host, rule, matched),
        Found::Host(host) => (host, NONE, NONE),
        Found::Nothing => (NONE, NONE, NONE),
    };
    let mut out = [0; SIZE];
    let numbers = [host, rule, matched, decision.destination.unwrap_or(NONE)];
    let bytes = std::iter::once(VERSION)
        .chain(fingerprint.to_le_bytes())
        .chain(numbers.into_iter().flat_map(u32::to_le_bytes))
        .chain([decision.reply.map_or(0, |reply| reply as u8) | u8::from(decision.delayed) << 7, decision.mirrors])
        .chain(u32::try_from(waited.as_millis()).unwrap_or(u32::MAX).to_le_bytes());
    for (place, byte) in out.iter_mut().zip(bytes) {
        *place = byte;
    }
    out
}

/// Reads what another module wrote.
pub(crate) fn decode(fingerprint: u64, bytes: &[u8]) -> Handed {
    read(fingerprint, bytes).map_or(Handed::Foreign, |(decision, waited)| Handed::Decision(decision, waited))
}

fn read(fingerprint: u64, bytes: &[u8]) -> Option<(Decision, Duration)> {
    let (&VERSION, rest) = bytes.split_first()? else { return None };
    let (theirs, rest) = rest.split_first_chunk::<8>()?;
    let (host, rest) = rest.split_first_chunk::<4>()?;
    let (rule, rest) = rest.split_first_chunk::<4>()?;
    let (matched, rest) = rest.split_first_chunk::<4>()?;
    let (destination, rest) = rest.split_first_chunk::<4>()?;
    let (&[reply, mirrors], waited) = rest.split_first_chunk::<2>()?;
    let waited = Duration::from_millis(u32::from_le_bytes(waited.try_into().ok()?).into());
    if u64::from_le_bytes(*theirs) != fingerprint {
        return None;
    }
    let some = |bytes: &[u8; 4]| Some(u32::from_le_bytes(*bytes)).filter(|number| *number != NONE);
    let found = match (some(host), some(rule), some(matched)) {
        (Some(host), Some(rule), Some(matched)) => Found::Rule { host, rule, matched },
        (Some(host), None, None) => Found::Host(host),
        (None, None, None) => Found::Nothing,
        _ => return None,
    };
    let (delayed, reply) = (reply >> 7 == 1, reply & 0x7f);
    let reply = if reply == 0 { None } else { Some(OwnReply::from_number(reply)?) };
    Some((Decision { found, destination: some(destination), reply, delayed, mirrors }, waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECISIONS: [Decision; 4] = [
        Decision {
            found: Found::Rule { host: 1, rule: 2, matched: 3 },
            destination: Some(4),
            reply: None,
            delayed: false,
            mirrors: 0b101,
        },
        Decision {
            found: Found::Rule { host: 1, rule: 2, matched: 0 },
            destination: None,
            reply: Some(OwnReply::Preflight),
            delayed: true,
            mirrors: 0,
        },
        Decision {
            found: Found::Host(7),
            destination: None,
            reply: Some(OwnReply::NotFound),
            delayed: false,
            mirrors: 0,
        },
        Decision { found: Found::Nothing, destination: None, reply: None, delayed: true, mirrors: 0 },
    ];

    #[test]
    fn what_was_handed_over_is_taken() {
        for decision in DECISIONS {
            for waited in [Duration::ZERO, Duration::from_millis(1234)] {
                assert_eq!(decode(42, &encode(42, &decision, waited)), Handed::Decision(decision, waited));
            }
        }
    }

    /// Modules of different builds read each other's bytes.
    #[test]
    fn golden() {
        let expected = [
            &[3][..],
            &[42, 0, 0, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0],
            &[2, 0, 0, 0],
            &[3, 0, 0, 0],
            &[4, 0, 0, 0],
            &[0, 5],
            &[1, 1, 0, 0],
        ];
        assert_eq!(encode(42, &DECISIONS[0], Duration::from_millis(257)).as_slice(), expected.concat());
    }

    #[test]
    fn anything_else_is_foreign() {
        let bytes = encode(42, &DECISIONS[0], Duration::ZERO);
        assert_eq!(decode(43, &bytes), Handed::Foreign);
        for cut in 0..bytes.len() {
            assert_eq!(decode(42, &bytes[..cut]), Handed::Foreign);
        }
        let other_version = [&[1], &bytes[1..]].concat();
        assert_eq!(decode(42, &other_version), Handed::Foreign);
        let unknown_reply = [&bytes[..25], &[99, 0, 0, 0, 0, 0]].concat();
        assert_eq!(decode(42, &unknown_reply), Handed::Foreign);
    }
}
