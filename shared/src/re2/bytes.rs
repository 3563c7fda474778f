//! Sets of bytes, and how they are written for the regex crate.

use std::fmt::Write;

/// A set of bytes: those of ASCII, a bit each, and those beyond.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Bytes(u128, u128);

/// `A` to `Z`; the small letters are 32 bits further on.
const CAPITALS: u128 = 0x07FF_FFFE << 64;

impl Bytes {
    /// `\C`, and `.` where it takes the line feed.
    pub(super) const ALL: Bytes = Bytes(u128::MAX, u128::MAX);

    /// Each from its first byte to its last.
    pub(super) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Bytes::default();
        for &(first, last) in ranges {
            for byte in first..=last {
                let half = if byte < 0x80 { &mut set.0 } else { &mut set.1 };
                *half |= 1 << (byte % 0x80);
            }
        }
        set
    }

    /// `.`, without or with the line feed.
    pub(super) fn dot(line_feed: bool) -> Self {
        if line_feed { Bytes::ALL } else { Bytes::of(&[(b'\n', b'\n')]).negated() }
    }

    pub(super) fn add(&mut self, other: Bytes) {
        self.0 |= other.0;
        self.1 |= other.1;
    }

    /// With the other case of each letter. RE2 does so in ASCII alone here: `(?i)\xe9` is not `\xc9`.
    pub(super) fn folded(self) -> Self {
        let other_case = (self.0 & CAPITALS) << 32 | (self.0 >> 32) & CAPITALS;
        Bytes(self.0 | other_case, self.1)
    }

    pub(super) fn negated(self) -> Self {
        Bytes(!self.0, !self.1)
    }

    fn has(self, byte: u8) -> bool {
        let half = if byte < 0x80 { self.0 } else { self.1 };
        half >> (byte % 0x80) & 1 == 1
    }

    /// The fewest ranges that make up the set, in order.
    fn ranges(self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|&byte| self.has(byte)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == byte => *last = byte,
                _ => ranges.push((byte, byte)),
            }
        }
        ranges
    }

    /// Writes the set to the end of a pattern for the regex crate, as one thing that can be repeated.
    pub(super) fn write(self, out: &mut String) {
        if self == Bytes::ALL {
            return out.push_str("(?s:.)");
        }
        // What has the last byte is most often the negation of something short.
        let negated = self.has(u8::MAX);
        let ranges = if negated { self.negated() } else { self }.ranges();
        match ranges.as_slice() {
            [] => out.push_str("[a&&b]"),
            &[(only, last)] if only == last && !negated => push_byte(only, out),
            ranges => {
                out.push_str(if negated { "[^" } else { "[" });
                for &(first, last) in ranges {
                    push_byte(first, out);
                    if first < last {
                        out.push('-');
                        push_byte(last, out);
                    }
                }
                out.push(']');
            }
        }
    }
}

/// Writes a byte so that it means itself, in a class and outside.
pub(super) fn push_byte(byte: u8, out: &mut String) {
    match byte {
        b'\\' | b'.' | b'+' | b'*' | b'?' | b'(' | b')' | b'|' | b'[' | b']' | b'{' | b'}' | b'^' | b'$' | b'#'
        | b'&' | b'-' | b'~' => out.extend(['\\', char::from(byte)]),
        0x80.. => {
            // Writing to a string cannot fail.
            let _ = write!(out, r"\x{byte:02X}");
        }
        _ => out.push(char::from(byte)),
    }
}
