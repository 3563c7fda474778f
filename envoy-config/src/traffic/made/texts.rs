//! Texts that a `StringMatch` just takes, and texts that it just does not take.

use regex_syntax::hir::{Class, Hir, HirKind};
use shared::model::StringMatch;

/// Whether it takes a text.
pub(super) fn takes(wanted: &StringMatch, text: &str) -> bool {
    match wanted {
        StringMatch::Exact(exact) => exact == text,
        StringMatch::Prefix(prefix) => text.starts_with(prefix.as_str()),
        StringMatch::Regex(re2) => re2.is_full_match(text.as_bytes()),
        StringMatch::Present => true,
    }
}

/// Texts that it takes; none where nobody can think of one.
pub(super) fn hits(wanted: &StringMatch) -> Vec<String> {
    let all = match wanted {
        StringMatch::Exact(text) => vec![text.clone()],
        StringMatch::Prefix(text) => vec![text.clone(), format!("{text}0")],
        StringMatch::Regex(re2) => of_regex(re2.pattern()),
        StringMatch::Present => vec!["x".to_owned()],
    };
    all.into_iter().filter(|text| takes(wanted, text) && is_plain(text)).collect()
}

/// Texts that it does not take, as near as can be: one is enough.
pub(super) fn misses(wanted: &StringMatch) -> Vec<String> {
    let near = hits(wanted).into_iter().next().unwrap_or_default();
    let shorter: String = near.chars().take(near.chars().count().saturating_sub(1)).collect();
    let all = match wanted {
        StringMatch::Exact(text) => vec![format!("{text}0")],
        StringMatch::Prefix(_) => vec![shorter],
        StringMatch::Regex(_) => {
            vec![format!("{near}0"), format!("{near}~"), shorter, format!("0{near}"), "~".to_owned()]
        }
        StringMatch::Present => Vec::new(),
    };
    all.into_iter().filter(|text| !takes(wanted, text) && is_plain(text)).take(1).collect()
}

/// Whether a header can hold it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && text == text.trim()
}

/// The shortest texts of a pattern, and ones that take each part that may be absent once. RE2's syntax is nearly that of
/// the parser here; who knows RE2 has the last word.
fn of_regex(pattern: &str) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let mut all = Vec::new();
    for optional in [0, 1] {
        let mut text = String::new();
        if write(&hir, optional, &mut text).is_some() && !all.contains(&text) {
            all.push(text);
        }
    }
    all
}

/// Longer than that it is no example.
const LONGEST: usize = 2000;

fn write(hir: &Hir, optional: u32, out: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => out.push(one_of(class)?),
        HirKind::Repetition(repetition) => {
            let times = repetition.min.max(repetition.max.map_or(optional, |max| max.min(optional)));
            for _ in 0..times {
                write(&repetition.sub, optional, out)?;
                if out.len() > LONGEST {
                    return None;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, optional, out)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, optional, out))?,
        // The last where the first was taken before.
        HirKind::Alternation(parts) => {
            let part = if optional == 0 { parts.first() } else { parts.last() };
            write(part?, optional, out)?;
        }
    }
    Some(())
}

/// A letter or a digit if there is one.
fn one_of(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect()
        }
    };
    let has = |c: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&c));
    let mut liked = "axAX01".chars().chain('b'..='z').chain('2'..='9').chain('B'..='Z').chain('!'..='~');
    liked.find(|c| has(*c)).or_else(|| ranges.first().map(|(start, _)| *start))
}

#[cfg(test)]
mod tests {
    use shared::re2::Re2;

    use super::*;

    fn regex(pattern: &str) -> StringMatch {
        StringMatch::Regex(Re2::new(pattern).unwrap())
    }

    #[test]
    fn a_regex_has_texts_that_it_takes_and_one_that_it_does_not() {
        for (pattern, expected) in [
            ("/api/v[12]/.*", vec!["/api/v1/", "/api/v1/a"]),
            ("(a|bc)+", vec!["a", "bc"]),
            (r"\d{3}-x?", vec!["000-", "000-x"]),
            ("^/users/[^/]+$", vec!["/users/a"]),
            (r"(?i)Chrome", vec!["chrome"]),
        ] {
            let wanted = regex(pattern);
            assert_eq!(hits(&wanted), expected, "{pattern}");
            let [miss] = misses(&wanted).try_into().unwrap();
            assert!(!takes(&wanted, &miss), "{pattern}: {miss}");
        }
        assert_eq!(misses(&regex(".*")), [""; 0]);
        // What no header can hold is no example.
        assert_eq!(hits(&regex("\\n")), [""; 0]);
    }

    #[test]
    fn the_others_too() {
        let text = |text: &str| text.to_owned();
        let exact = StringMatch::Exact(text("/a"));
        assert_eq!((hits(&exact), misses(&exact)), (vec![text("/a")], vec![text("/a0")]));
        let prefix = StringMatch::Prefix(text("/a"));
        assert_eq!((hits(&prefix), misses(&prefix)), (vec![text("/a"), text("/a0")], vec![text("/")]));
        assert_eq!(misses(&StringMatch::Present), [""; 0]);
    }
}
