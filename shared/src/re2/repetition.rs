//! `*`, `+`, `?` and `{n,m}`.

use super::cursor::Cursor;

pub(super) struct Repetition<'p> {
    /// Where it begins in the pattern.
    pub(super) at: usize,
    /// Without the `?` that makes it lazy.
    pub(super) written: &'p str,
    /// For `{least,most}`.
    pub(super) counts: Option<(u32, Option<u32>)>,
    pub(super) lazy: bool,
}

impl<'p> Repetition<'p> {
    /// Reads a repetition, if one comes next. A brace that is not one means itself: `{`, `{,3}`, `{01}`.
    pub(super) fn read(input: &mut Cursor<'p>) -> Option<Self> {
        let at = input.position();
        let mut ahead = input.clone();
        let counts = match ahead.bump()? {
            b'*' | b'+' | b'?' => None,
            b'{' => Some(counts(&mut ahead)?),
            _ => return None,
        };
        let written = ahead.since(at);
        let lazy = ahead.eat("?");
        *input = ahead;
        Some(Repetition { at, written, counts, lazy })
    }

    /// Most copies that are certain to be made; `*` and `+` make none.
    pub(super) fn copies(&self) -> u32 {
        self.counts.map_or(1, |(least, most)| most.unwrap_or(least).max(1))
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

/// Without leading zeros and of nine digits at most, as in RE2.
fn integer(input: &mut Cursor<'_>) -> Option<u32> {
    let start = input.position();
    while input.peek().is_some_and(|byte| byte.is_ascii_digit()) {
        input.bump();
    }
    let digits = input.since(start);
    let plain = digits.len() <= 9 && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}
