//! Sets of bytes, which are all the characters there are here.

/// A set of bytes, a bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Bytes([u32; 8]);

/// The letters among 32 bytes, of which those of `@` to `_` have the capitals and the next 32 the small ones.
const LETTERS: u32 = 0x07FF_FFFE;

impl Bytes {
    /// `\C`, and `.` where it takes the line feed.
    pub(super) const ALL: Bytes = Bytes([u32::MAX; 8]);

    /// `\w`.
    pub(super) const WORD: Bytes = Bytes([0, 0x03FF_0000, 0x87FF_FFFE, 0x07FF_FFFE, 0, 0, 0, 0]);

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

    /// Those that both have.
    pub(super) fn and(&self, other: &Bytes) -> Bytes {
        let mut both = *self;
        for (word, other) in both.0.iter_mut().zip(other.0) {
            *word &= other;
        }
        both
    }

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

    /// The bytes, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u8> {
        let mut words = self.0;
        let mut at = 0;
        std::iter::from_fn(move || {
            while let Some(word) = words.get_mut(at) {
                if *word != 0 {
                    let bit = word.trailing_zeros();
                    *word &= *word - 1;
                    return Some((at as u32 * 32 + bit) as u8);
                }
                at += 1;
            }
            None
        })
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
