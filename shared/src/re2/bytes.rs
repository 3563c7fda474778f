//! Sets of bytes.

/// A set of bytes, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes([u32; 8]);

/// The letters among 32 bytes, of which those of `@` to `_` have the capitals and the next 32 the small ones.
const LETTERS: u32 = 0x07FF_FFFE;

impl Bytes {
    /// `\C`, and `.` where it takes the line feed.
    pub(super) const ALL: Bytes = Bytes([u32::MAX; 8]);

    /// Each from its first byte to its last.
    pub(super) fn of(ranges: &[(u8, u8)]) -> Self {
        let mut set = Bytes::default();
        for &(first, last) in ranges {
            for byte in first..=last {
                if let Some(word) = set.0.get_mut(usize::from(byte / 32)) {
                    *word |= 1 << (byte % 32);
                }
            }
        }
        set
    }

    /// `.` where it does not.
    pub(super) const LINE: Bytes =
        Bytes([!(1 << b'\n'), u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX, u32::MAX]);

    pub(super) fn add(&mut self, other: Bytes) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word |= other;
        }
    }

    /// With the other case of each letter. RE2 does so in ASCII alone here: `(?i)\xe9` is not `\xc9`.
    pub(super) fn folded(mut self) -> Self {
        let [_, _, capital, small, ..] = &mut self.0;
        let letters = (*capital | *small) & LETTERS;
        *capital |= letters;
        *small |= letters;
        self
    }

    pub(super) fn negated(self) -> Self {
        Bytes(self.0.map(|word| !word))
    }

    #[inline]
    pub(super) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte / 32)).is_some_and(|word| word >> (byte % 32) & 1 == 1)
    }

    #[inline]
    pub(super) fn has_all(&self, bytes: &[u8]) -> bool {
        match *self {
            Bytes::ALL => true,
            Bytes::LINE => !bytes.contains(&b'\n'),
            _ => bytes.iter().all(|&byte| self.has(byte)),
        }
    }

    /// The fewest ranges that make up the set, in order.
    pub(super) fn ranges(&self) -> Vec<(u8, u8)> {
        let mut ranges: Vec<(u8, u8)> = Vec::new();
        for byte in (0..=u8::MAX).filter(|&byte| self.has(byte)) {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == byte => *last = byte,
                _ => ranges.push((byte, byte)),
            }
        }
        ranges
    }
}
