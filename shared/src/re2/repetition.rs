//! `*`, `+`, `?` and `{n,m}`.

use super::cursor::Cursor;

pub(super) struct Repetition {
    /// Where it begins in the pattern.
    pub(super) at: usize,
    pub(super) least: u32,
    /// Without one there is no end to it.
    pub(super) most: Option<u32>,
    pub(super) lazy: bool,
    /// Whether it is one of `*`, `+` and `?`.
    pub(super) is_sign: bool,
}

impl Repetition {
    /// Reads a repetition, if one comes next. A brace that is not one means itself: `{`, `{,3}`, `{01}`.
    pub(super) fn read(input: &mut Cursor<'_>) -> Option<Self> {
        let at = input.position();
        let mut ahead = input.clone();
        let sign = ahead.bump()?;
        let (least, most) = match sign {
            b'*' => (0, None),
            b'+' => (1, None),
            b'?' => (0, Some(1)),
            b'{' => counts(&mut ahead)?,
            _ => return None,
        };
        let lazy = ahead.eat("?");
        *input = ahead;
        Some(Repetition { at, least, most, lazy, is_sign: sign != b'{' })
    }

    /// Copies that are made of what is repeated; `*`, `+` and `?` make none beside it.
    pub(super) fn copies(&self) -> u32 {
        self.most.unwrap_or(self.least).max(1)
    }
}

fn counts(input: &mut Cursor<'_>) -> Option<(u32, Option<u32>)> {
    let least = integer(input)?;
    let most = if !input.eat(",") {
        Some(least)
    } else if input.peek() == Some(b'}') {
        None
    } else {
        Some(integer(input)?)
    };
    input.eat("}").then_some((least, most))
}

/// Without leading zeros, as in RE2. More than nine digits, which there are none, are a number to Istio's webhook, and too
/// large.
fn integer(input: &mut Cursor<'_>) -> Option<u32> {
    let start = input.position();
    while input.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        input.bump();
    }
    let digits = input.since(start);
    let plain = !digits.is_empty() && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().unwrap_or(u32::MAX))
}
