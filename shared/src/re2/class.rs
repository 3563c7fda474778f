//! `[...]`, `\d` and the escapes both inside and outside of classes.

use super::bytes::Bytes;
use super::cursor::Cursor;
use super::error::{Kind, Re2Error};
use super::unicode;

const DIGIT: &[(u8, u8)] = &[(b'0', b'9')];
const SPACE: &[(u8, u8)] = &[(b'\t', b'\n'), (0x0C, b'\r'), (b' ', b' ')];
const WORD: &[(u8, u8)] = &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')];

/// The classes of `[[:name:]]`.
fn named(name: &[u8]) -> Option<&'static [(u8, u8)]> {
    Some(match name {
        b"alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        b"alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        b"ascii" => &[(0x00, 0x7F)],
        b"blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        b"cntrl" => &[(0x00, 0x1F), (0x7F, 0x7F)],
        b"digit" => DIGIT,
        b"graph" => &[(b'!', b'~')],
        b"lower" => &[(b'a', b'z')],
        b"print" => &[(b' ', b'~')],
        b"punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        // Has the vertical tab, which `\s` has not.
        b"space" => &[(b'\t', b'\r'), (b' ', b' ')],
        b"upper" => &[(b'A', b'Z')],
        b"word" => WORD,
        b"xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return None,
    })
}

/// A set as it is written: folded, and then negated.
pub(super) fn set_of(set: Bytes, negated: bool, fold: bool) -> Bytes {
    // In this order: under `(?i)`, `[[:^upper:]]` has no letter at all.
    let set = if fold { set.folded() } else { set };
    if negated { set.negated() } else { set }
}

/// Reads `\d`, `\s`, `\w` or the negation of one, if that comes next.
pub(super) fn perl_class(input: &mut Cursor<'_>, fold: bool) -> Option<Bytes> {
    let (ranges, negated) = match input.rest().get(..2)? {
        br"\d" => (DIGIT, false),
        br"\D" => (DIGIT, true),
        br"\s" => (SPACE, false),
        br"\S" => (SPACE, true),
        br"\w" => (WORD, false),
        br"\W" => (WORD, true),
        _ => return None,
    };
    input.bump();
    input.bump();
    Some(set_of(Bytes::of(ranges), negated, fold))
}

/// Reads `[...]`.
pub(super) fn bracket(input: &mut Cursor<'_>, fold: bool) -> Result<Bytes, Re2Error> {
    let opening = input.clone();
    let unclosed = || Re2Error::new(Kind::Bracket, opening.ahead(), opening.column(opening.position()));
    input.eat("[");
    let negated = input.eat("^");
    let mut class = Bytes::default();
    let mut first = true;
    loop {
        match input.peek() {
            None => return Err(unclosed()),
            // One in front is no end: `[]a]`.
            Some(b']') if !first => {
                input.bump();
                break;
            }
            Some(_) => {}
        }
        first = false;
        if let Some(set) = posix_class(input, fold)? {
            class.add(set);
            continue;
        }
        if let Some(set) = unicode::class(input, fold)? {
            class.add(set);
            continue;
        }
        if let Some(set) = perl_class(input, fold) {
            class.add(set);
            continue;
        }
        let begin = input.position();
        let lo = character(input)?.ok_or_else(unclosed)?;
        let mut hi = lo;
        let mut ahead = input.clone();
        if ahead.eat("-") && ahead.peek().is_some_and(|byte| byte != b']') {
            let (before, behind) = (input.last_character(), ahead.peek_character());
            hi = character(&mut ahead)?.ok_or_else(unclosed)?;
            *input = ahead;
            // By bytes `[é-à]` is a range. Istio's webhook asks for one of characters.
            let written = input.since(begin).starts_with(before.unwrap_or('\\'));
            if hi < lo || (written && before.zip(behind).is_some_and(|(lo, hi)| !hi.is_ascii() && hi < lo)) {
                return Err(Re2Error::new(Kind::Range, input.since(begin), input.column(begin)));
            }
        }
        class.add(set_of(Bytes::of(&[(lo, hi)]), false, fold));
    }
    Ok(if negated { class.negated() } else { class })
}

/// Reads `[:alpha:]` or `[:^alpha:]`, if that comes next.
fn posix_class(input: &mut Cursor<'_>, fold: bool) -> Result<Option<Bytes>, Re2Error> {
    let start = input.position();
    let mut ahead = input.clone();
    if !ahead.eat("[:") {
        return Ok(None);
    }
    // As in RE2: without `:]` anywhere behind, the bracket is a character of the class.
    let Some(name) = ahead.eat_until(":]") else { return Ok(None) };
    let (negated, name) = match name.strip_prefix(b"^") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let Some(ranges) = named(name) else {
        return Err(Re2Error::new(Kind::ClassName, ahead.since(start), ahead.column(start)));
    };
    *input = ahead;
    Ok(Some(set_of(Bytes::of(ranges), negated, fold)))
}

/// Reads a character of a class, which may be escaped.
fn character(input: &mut Cursor<'_>) -> Result<Option<u8>, Re2Error> {
    if input.peek() == Some(b'\\') {
        return escape(input).map(Some);
    }
    Ok(input.bump())
}

/// Reads an escape that stands for one character.
pub(super) fn escape(input: &mut Cursor<'_>) -> Result<u8, Re2Error> {
    let start = input.position();
    input.eat("\\");
    let Some(byte) = input.bump() else {
        return Err(Re2Error::new(Kind::TrailingBackslash, "\\", input.column(start)));
    };
    let point = match byte {
        b'a' => Some(0x07),
        b'f' => Some(0x0C),
        b'n' => Some(0x0A),
        b'r' => Some(0x0D),
        b't' => Some(0x09),
        b'v' => Some(0x0B),
        b'x' => hexadecimal(input),
        b'0'..=b'7' => octal(byte, input),
        _ if byte.is_ascii() && !byte.is_ascii_alphanumeric() => Some(u32::from(byte)),
        _ => None,
    };
    let kind = match point.map(u8::try_from) {
        Some(Ok(byte)) => return Ok(byte),
        Some(Err(_)) => Kind::BeyondBytes,
        None => Kind::Escape,
    };
    Err(Re2Error::new(kind, input.since(start), input.column(start)))
}

fn digit(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

/// Up to three digits. One alone, unless it is 0, would be a reference to a group, which RE2 does not have.
fn octal(first: u8, input: &mut Cursor<'_>) -> Option<u32> {
    let mut point = digit(first, 8)?;
    let mut digits = 1;
    while digits < 3
        && let Some(digit) = input.peek().and_then(|byte| digit(byte, 8))
    {
        input.bump();
        point = point * 8 + digit;
        digits += 1;
    }
    (digits > 1 || first == b'0').then_some(point)
}

/// `7f` or `{7f}`.
fn hexadecimal(input: &mut Cursor<'_>) -> Option<u32> {
    if !input.eat("{") {
        let high = digit(input.bump()?, 16)?;
        let low = digit(input.bump()?, 16)?;
        return Some(high * 16 + low);
    }
    let mut point = digit(input.bump()?, 16)?;
    while !input.eat("}") {
        point = point.saturating_mul(16).saturating_add(digit(input.bump()?, 16)?);
    }
    Some(point)
}
