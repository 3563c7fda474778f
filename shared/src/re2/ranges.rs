//! Sets of characters, and how they are written for the regex crate.

use super::fold;

/// A set of code points, surrogates included, as RE2 has them.
#[derive(Clone, Default)]
pub(super) struct Ranges(Vec<(u32, u32)>);

/// A set has some surrogates but not all, which cannot be written.
pub(super) struct SomeSurrogates;

const LAST: u32 = 0x0010_FFFF;
const SURROGATES: (u32, u32) = (0xD800, 0xDFFF);

/// Everything from U+0080 on. RE2 compiles that set, and so `.` and most negated classes, to these bytes, among which
/// are overlong forms and surrogates (`Add_80_10ffff` in its compile.cc); it is also smaller than the exact form.
const BEYOND_ASCII: &str = r"(?-u:(?:[\xC2-\xDF]|(?:[\xE0-\xEF]|[\xF0-\xF4][\x80-\xBF])[\x80-\xBF])[\x80-\xBF])";

/// All surrogates, in the bytes RE2 matches them by.
const SURROGATE_BYTES: &str = r"(?-u:\xED[\xA0-\xBF][\x80-\xBF])";

impl Ranges {
    pub(super) fn of(ranges: &[(u32, u32)]) -> Self {
        Ranges(ranges.to_vec())
    }

    /// `.`, without or with the line feed.
    pub(super) fn dot(line_feed: bool) -> Self {
        if line_feed { Ranges::of(&[(0, LAST)]) } else { Ranges::of(&[(0, 9), (11, LAST)]) }
    }

    pub(super) fn add_all(&mut self, other: Ranges) {
        self.0.extend(other.0);
    }

    /// Adds every other case of what is in the set.
    pub(super) fn fold(&mut self) {
        let mut more = Vec::new();
        for &(lo, hi) in &self.0 {
            for &(first, last, _) in fold::rows(lo, hi) {
                for point in first.max(lo)..=last.min(hi) {
                    let mut other = fold::next(point);
                    while other != point {
                        more.push((other, other));
                        other = fold::next(other);
                    }
                }
            }
        }
        self.0.extend(more);
        self.tidy();
    }

    pub(super) fn negate(&mut self) {
        self.tidy();
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut next = 0;
        for &(lo, hi) in &self.0 {
            if next < lo {
                gaps.push((next, lo - 1));
            }
            next = hi + 1;
        }
        if next <= LAST {
            gaps.push((next, LAST));
        }
        self.0 = gaps;
    }

    /// Brings the ranges in order and joins those that touch.
    fn tidy(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|later, earlier| {
            let touches = later.0 <= earlier.1 + 1;
            if touches {
                earlier.1 = earlier.1.max(later.1);
            }
            touches
        });
    }

    /// Writes the set to the end of a pattern for the regex crate, as one thing that can be repeated.
    pub(super) fn write(mut self, out: &mut String) -> Result<(), SomeSurrogates> {
        self.tidy();
        if let &[(lo, hi)] = self.0.as_slice()
            && lo == hi
        {
            push_literal(char::from_u32(lo).ok_or(SomeSurrogates)?, out);
            return Ok(());
        }
        let mut extra: Vec<&str> = Vec::new();
        if let Some(last) = self.0.pop_if(|last| last.0 <= 0x80 && last.1 == LAST) {
            extra.push(BEYOND_ASCII);
            if last.0 < 0x80 {
                self.0.push((last.0, 0x7F));
            }
        }
        let mut class = String::new();
        for (lo, hi) in self.0 {
            if hi < SURROGATES.0 || lo > SURROGATES.1 {
                push_range(lo, hi, &mut class)?;
            } else if lo <= SURROGATES.0 && hi >= SURROGATES.1 {
                push_range(lo, SURROGATES.0 - 1, &mut class)?;
                push_range(SURROGATES.1 + 1, hi, &mut class)?;
                extra.push(SURROGATE_BYTES);
            } else {
                return Err(SomeSurrogates);
            }
        }
        match (class.as_str(), extra.as_slice()) {
            ("", []) => out.push_str("[a&&b]"),
            ("", &[only]) => out.push_str(only),
            (class, []) => {
                out.push('[');
                out.push_str(class);
                out.push(']');
            }
            (class, extra) => {
                out.push_str("(?:");
                if !class.is_empty() {
                    out.push('[');
                    out.push_str(class);
                    out.push_str("]|");
                }
                out.push_str(&extra.join("|"));
                out.push(')');
            }
        }
        Ok(())
    }
}

fn push_range(lo: u32, hi: u32, class: &mut String) -> Result<(), SomeSurrogates> {
    if lo > hi {
        return Ok(());
    }
    push_literal(char::from_u32(lo).ok_or(SomeSurrogates)?, class);
    if lo < hi {
        class.push('-');
        push_literal(char::from_u32(hi).ok_or(SomeSurrogates)?, class);
    }
    Ok(())
}

/// Writes a character so that it means itself, in a class and outside.
fn push_literal(c: char, out: &mut String) {
    if matches!(
        c,
        '\\' | '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' | '#' | '&' | '-' | '~'
    ) {
        out.push('\\');
    }
    out.push(c);
}
