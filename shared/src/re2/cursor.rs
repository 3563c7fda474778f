//! A place in a pattern, which moves forward a byte at a time, as to RE2 a byte is a character.

/// What is left to read of a pattern.
#[derive(Clone)]
pub(super) struct Cursor<'p> {
    whole: &'p str,
    rest: &'p [u8],
}

impl<'p> Cursor<'p> {
    pub(super) fn new(whole: &'p str) -> Self {
        Cursor { whole, rest: whole.as_bytes() }
    }

    pub(super) fn rest(&self) -> &'p [u8] {
        self.rest
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(super) fn bump(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// Steps over `text` if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text.as_bytes()) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Steps over everything before the next `end` and over `end`, and returns what was before it.
    pub(super) fn eat_until(&mut self, end: &str) -> Option<&'p [u8]> {
        let length = self.rest.windows(end.len()).position(|part| part == end.as_bytes())?;
        let (before, after) = self.rest.split_at_checked(length)?;
        self.rest = after.strip_prefix(end.as_bytes())?;
        Some(before)
    }

    /// The character whose last byte was read last.
    pub(super) fn last_character(&self) -> Option<char> {
        self.whole.get(..self.position())?.chars().next_back()
    }

    /// The character that comes next.
    pub(super) fn peek_character(&self) -> Option<char> {
        self.whole.get(self.position()..)?.chars().next()
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.whole.len() - self.rest.len()
    }

    /// What was read since `position`, with the whole of the characters that it has a part of.
    pub(super) fn since(&self, position: usize) -> &'p str {
        let start = self.whole.floor_char_boundary(position);
        self.whole.get(start..self.whole.ceil_char_boundary(self.position())).unwrap_or_default()
    }

    /// What is left to read, with the whole of its first character.
    pub(super) fn ahead(&self) -> &'p str {
        self.whole.get(self.whole.floor_char_boundary(self.position())..).unwrap_or_default()
    }

    /// Characters before the one at `position`, as people count columns from 0.
    pub(super) fn column(&self, position: usize) -> usize {
        self.whole.get(..self.whole.floor_char_boundary(position)).unwrap_or_default().chars().count()
    }
}
