//! A place in a pattern, which moves forward a character at a time.

use std::str::Chars;

/// What is left to read of a pattern.
#[derive(Clone)]
pub(super) struct Cursor<'p> {
    whole: &'p str,
    chars: Chars<'p>,
}

impl<'p> Cursor<'p> {
    pub(super) fn new(whole: &'p str) -> Self {
        Cursor { whole, chars: whole.chars() }
    }

    pub(super) fn rest(&self) -> &'p str {
        self.chars.as_str()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.chars.clone().next()
    }

    pub(super) fn bump(&mut self) -> Option<char> {
        self.chars.next()
    }

    /// Steps over `text` if it comes next.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest().strip_prefix(text) {
            Some(rest) => {
                self.chars = rest.chars();
                true
            }
            None => false,
        }
    }

    /// Steps over everything before the next `end` and over `end`, and returns what was before it.
    pub(super) fn eat_until(&mut self, end: &str) -> Option<&'p str> {
        let (before, after) = self.rest().split_once(end)?;
        self.chars = after.chars();
        Some(before)
    }

    /// Bytes read so far.
    pub(super) fn position(&self) -> usize {
        self.whole.len() - self.rest().len()
    }

    /// What was read since `position`.
    pub(super) fn since(&self, position: usize) -> &'p str {
        self.whole.get(position..self.position()).unwrap_or_default()
    }

    /// Characters before `position`, as people count columns from 0.
    pub(super) fn column(&self, position: usize) -> usize {
        self.whole.get(..position).unwrap_or_default().chars().count()
    }
}
