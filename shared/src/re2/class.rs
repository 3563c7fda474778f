//! `[...]`, `\d` and the escapes both inside and outside of classes.

use super::cursor::Cursor;
use super::error::{Kind, Re2Error};
use super::ranges::Ranges;

const DIGIT: &[(u32, u32)] = &[(0x30, 0x39)];
const SPACE: &[(u32, u32)] = &[(0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20)];
const WORD: &[(u32, u32)] = &[(0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)];

/// The classes of `[[:name:]]`.
fn named(name: &str) -> Option<&'static [(u32, u32)]> {
    Some(match name {
        "alnum" => &[(0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)],
        "alpha" => &[(0x41, 0x5A), (0x61, 0x7A)],
        "ascii" => &[(0x00, 0x7F)],
        "blank" => &[(0x09, 0x09), (0x20, 0x20)],
        "cntrl" => &[(0x00, 0x1F), (0x7F, 0x7F)],
        "digit" => DIGIT,
        "graph" => &[(0x21, 0x7E)],
        "lower" => &[(0x61, 0x7A)],
        "print" => &[(0x20, 0x7E)],
        "punct" => &[(0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)],
        // Has the vertical tab, which `\s` has not.
        "space" => &[(0x09, 0x0D), (0x20, 0x20)],
        "upper" => &[(0x41, 0x5A)],
        "word" => WORD,
        "xdigit" => &[(0x30, 0x39), (0x41, 0x46), (0x61, 0x66)],
        _ => return None,
    })
}

fn set_of(ranges: &[(u32, u32)], negated: bool, fold: bool) -> Ranges {
    let mut set = Ranges::of(ranges);
    // In this order: under `(?i)`, `\W` leaves out the long s because `\w` has it.
    if fold {
        set.fold();
    }
    if negated {
        set.negate();
    }
    set
}

/// Reads `\d`, `\s`, `\w` or the negation of one, if that comes next.
pub(super) fn perl_class(input: &mut Cursor<'_>, fold: bool) -> Option<Ranges> {
    let (ranges, negated) = match input.rest().get(..2)? {
        r"\d" => (DIGIT, false),
        r"\D" => (DIGIT, true),
        r"\s" => (SPACE, false),
        r"\S" => (SPACE, true),
        r"\w" => (WORD, false),
        r"\W" => (WORD, true),
        _ => return None,
    };
    input.bump();
    input.bump();
    Some(set_of(ranges, negated, fold))
}

/// Reads `\p{Greek}` or the like, if that comes next, to refuse it.
pub(super) fn unicode_class(input: &mut Cursor<'_>) -> Result<(), Re2Error> {
    let start = input.position();
    if !(input.eat(r"\p") || input.eat(r"\P")) {
        return Ok(());
    }
    if input.bump() == Some('{') {
        input.eat_until("}");
    }
    Err(Re2Error::new(Kind::UnicodeClass, input.since(start), input.column(start)))
}

/// Reads `[...]`.
pub(super) fn bracket(input: &mut Cursor<'_>, fold: bool) -> Result<Ranges, Re2Error> {
    let start = input.position();
    let column = input.column(start);
    let whole = input.rest();
    let unclosed = || Re2Error::new(Kind::Bracket, whole, column);
    input.eat("[");
    let negated = input.eat("^");
    let mut class = Ranges::default();
    let mut first = true;
    loop {
        match input.peek() {
            None => return Err(unclosed()),
            // One in front is no end: `[]a]`.
            Some(']') if !first => {
                input.bump();
                break;
            }
            Some(_) => {}
        }
        first = false;
        if let Some(set) = posix_class(input, fold)? {
            class.add_all(set);
            continue;
        }
        unicode_class(input)?;
        if let Some(set) = perl_class(input, fold) {
            class.add_all(set);
            continue;
        }
        let begin = input.position();
        let lo = character(input)?.ok_or_else(unclosed)?;
        let mut hi = lo;
        let mut ahead = input.clone();
        if ahead.eat("-") && ahead.peek().is_some_and(|c| c != ']') {
            hi = character(&mut ahead)?.ok_or_else(unclosed)?;
            *input = ahead;
            if hi < lo {
                return Err(Re2Error::new(Kind::Range, input.since(begin), input.column(begin)));
            }
        }
        class.add_all(set_of(&[(lo, hi)], false, fold));
    }
    if negated {
        class.negate();
    }
    Ok(class)
}

/// Reads `[:alpha:]` or `[:^alpha:]`, if that comes next.
fn posix_class(input: &mut Cursor<'_>, fold: bool) -> Result<Option<Ranges>, Re2Error> {
    let start = input.position();
    let mut ahead = input.clone();
    if !ahead.eat("[:") {
        return Ok(None);
    }
    // As in RE2: without `:]` anywhere behind, the bracket is a character of the class.
    let Some(name) = ahead.eat_until(":]") else { return Ok(None) };
    let (negated, name) = match name.strip_prefix('^') {
        Some(name) => (true, name),
        None => (false, name),
    };
    let Some(ranges) = named(name) else {
        return Err(Re2Error::new(Kind::ClassName, ahead.since(start), ahead.column(start)));
    };
    *input = ahead;
    Ok(Some(set_of(ranges, negated, fold)))
}

/// Reads a character of a class, which may be escaped.
fn character(input: &mut Cursor<'_>) -> Result<Option<u32>, Re2Error> {
    if input.peek() == Some('\\') {
        return escape(input).map(Some);
    }
    Ok(input.bump().map(u32::from))
}

/// Reads an escape that stands for one character.
pub(super) fn escape(input: &mut Cursor<'_>) -> Result<u32, Re2Error> {
    let start = input.position();
    input.eat("\\");
    let Some(c) = input.bump() else {
        return Err(Re2Error::new(Kind::TrailingBackslash, "\\", input.column(start)));
    };
    let point = match c {
        'a' => Some(0x07),
        'f' => Some(0x0C),
        'n' => Some(0x0A),
        'r' => Some(0x0D),
        't' => Some(0x09),
        'v' => Some(0x0B),
        'x' => hexadecimal(input),
        '0'..='7' => octal(c, input),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
        _ => None,
    };
    point.ok_or_else(|| Re2Error::new(Kind::Escape, input.since(start), input.column(start)))
}

/// Up to three digits. One alone, unless it is 0, would be a reference to a group, which RE2 does not have.
fn octal(first: char, input: &mut Cursor<'_>) -> Option<u32> {
    let mut point = first.to_digit(8)?;
    let mut digits = 1;
    while digits < 3
        && let Some(digit) = input.peek().and_then(|c| c.to_digit(8))
    {
        input.bump();
        point = point * 8 + digit;
        digits += 1;
    }
    (digits > 1 || first == '0').then_some(point)
}

/// `7f` or `{7f}`.
fn hexadecimal(input: &mut Cursor<'_>) -> Option<u32> {
    if !input.eat("{") {
        let high = input.bump()?.to_digit(16)?;
        let low = input.bump()?.to_digit(16)?;
        return Some(high * 16 + low);
    }
    let mut point = input.bump()?.to_digit(16)?;
    while !input.eat("}") {
        point = point * 16 + input.bump()?.to_digit(16)?;
        if point > 0x0010_FFFF {
            return None;
        }
    }
    Some(point)
}
