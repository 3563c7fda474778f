//! `Re2` and `Substitution` against the regex crate, in the syntax on which the two agree.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a pattern that does not compile is a failure of its test")]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use regex::bytes::{Regex, RegexBuilder};
use shared::re2::{Re2, Substitution};

/// Patterns that mean the same to RE2, in its Latin-1 mode, and to the regex crate without Unicode.
fn pattern() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(&[
        "a",
        "b",
        "ab",
        "abba",
        "/",
        ".",
        ".*",
        ".+",
        ".*?",
        "[ab]",
        "[^a/]",
        "[0-9]",
        r"\w",
        r"\W",
        "(?s:.)",
        "(?i:aB)",
        r"\x00",
        r"\xff",
        r"[\x80-\xff]",
        "",
        "()",
        "^",
        "$",
        r"\A",
        r"\z",
        r"\b",
        r"\B",
        "(?m:^)",
        "(?m:$)",
    ])
    .prop_map(str::to_owned);
    let pattern = atom.prop_recursive(5, 40, 4, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..4);
        let repetition = prop::sample::select(&[
            "*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}", "{3,20}", "*?", "+?", "??", "{0,2}?", "{1,}?", "{2,5}?",
        ]);
        let flags = prop::sample::select(&["(?:", "(?:", "(?i:", "(?s:", "(?m:", "(?U:"]);
        prop_oneof![
            4 => many.clone().prop_map(|parts| parts.concat()),
            2 => (flags, many).prop_map(|(flags, parts)| format!("{flags}{})", parts.join("|"))),
            2 => inner.clone().prop_map(|part| format!("({part})")),
            3 => (inner, repetition).prop_map(|(part, repetition)| format!("(?:{part}){repetition}")),
        ]
    });
    (prop::sample::select(&["", "", "", "^"]), pattern, prop::sample::select(&["", "", "", "$"]))
        .prop_map(|(start, pattern, end)| [start, &pattern, end].concat())
}

/// Bytes that the patterns tell apart, and any others.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![9 => prop::sample::select(b"aaabbb//AB0 \n\x00\xff".as_slice()), 1 => any::<u8>()];
    prop_oneof![9 => 0..14_usize, 1 => 14..90_usize].prop_flat_map(move |length| vec![byte.clone(); length])
}

fn regex(pattern: &str) -> Regex {
    RegexBuilder::new(pattern).unicode(false).build().unwrap()
}

/// Patterns of each of the tests, and how many values each is given.
const PATTERNS: u32 = 2_500;
const VALUES: usize = 10;

/// The same ones each time.
fn config() -> ProptestConfig {
    let rng_seed = RngSeed::Fixed(20_261_126);
    ProptestConfig { cases: PATTERNS, rng_seed, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn matches_what_the_regex_crate_matches(pattern in pattern(), values in prop::collection::vec(value(), VALUES)) {
        let oracle = regex(&format!(r"\A(?:{pattern})\z"));
        let re2 = Re2::new(&pattern).unwrap();
        // The first values are matched by one engine and the others by another.
        for value in values.iter().cycle().take(4 * VALUES) {
            let matches = re2.is_full_match(value);
            prop_assert_eq!(matches, oracle.is_match(value), "{} on {:?}", pattern, value);
            if matches {
                prop_assert!(value.starts_with(re2.prefix()), "{}: {:?}", pattern, re2.prefix());
            }
            if let Some(literal) = re2.literal() {
                prop_assert_eq!(matches, value == literal, "{}", pattern);
            }
            if re2.takes_any_line() && !value.contains(&b'\n') {
                prop_assert!(matches, "{}", pattern);
            }
        }
    }

    #[test]
    fn replaces_what_the_regex_crate_replaces(pattern in pattern(), values in prop::collection::vec(value(), VALUES)) {
        let oracle = regex(&pattern);
        let (rewrite, replacement) = match oracle.captures_len() {
            1 => (r"<\0>", "<${0}>"),
            2 => (r"<\0,\1>", "<${0},${1}>"),
            _ => (r"<\0,\1,\2>", "<${0},${1},${2}>"),
        };
        let substitution = Substitution::new(&pattern, rewrite).unwrap();
        for value in values.iter().cycle().take(2 * VALUES) {
            let replaced = oracle.replace_all(value, replacement.as_bytes());
            prop_assert_eq!(substitution.apply(value), replaced, "{} on {:?}", pattern, value);
        }
    }
}

/// Values that lack a text in the midst of a pattern never get to its engine; those that have it do.
#[test]
fn what_is_in_the_midst_is_looked_for() {
    for (pattern, matches, does_not) in [
        ("/v[0-9]+/cats/.*", "/v1/cats/x", "/v1/dogs/x"),
        ("/v[0-9]+/cats/.*", "/v1/cats/cats/", "/cats/v1/"),
        ("[a-z]+ab[a-z]+abc[a-z]?", "xabyabc", "xabyab"),
        ("(?i)/V[0-9]+/CATS/.*", "/v1/cats/x", "/v1/dogs/x"),
        (r"[a-z]+-\bcat[a-z]*-x+", "a-cat-x", "a-dog-x"),
        ("[a-z]+(?:/a)?/[0-9]+b", "a/1b", "a1b"),
        ("[a-z]*(?:cat){2}[0-9]+", "catcat1", "cat1"),
    ] {
        let re2 = Re2::new(pattern).unwrap();
        assert!(re2.is_full_match(matches.as_bytes()), "{pattern}");
        assert!(!re2.is_full_match(does_not.as_bytes()), "{pattern}");
    }
}

#[test]
fn a_pattern_tells_what_it_begins_with() {
    for (pattern, prefix, literal, any) in [
        ("/items/[0-9]+", "/items/", None, false),
        ("^/items/(?:a|b)$", "/items/", None, false),
        (r"(/v1)(/a\.b(c.*))", "/v1/a.bc", None, false),
        ("/a|/b", "/", None, false),
        ("/ab|/ac|d", "", None, false),
        ("(?:a){0}abba", "", None, false),
        ("/a?", "/", None, false),
        ("(?i)/a", "/", None, false),
        (r"^/index\.html$", "/index.html", Some("/index.html"), false),
        ("", "", Some(""), false),
        (r"\Q.*\E", ".*", Some(".*"), false),
        (r"a\b", "a", None, false),
        (".*", "", None, true),
        ("^(?s)(.*)$", "", None, true),
        ("(?s:.)*", "", None, true),
        (".+", "", None, false),
        (".*a", "", None, false),
    ] {
        let re2 = Re2::new(pattern).unwrap();
        let got = (re2.prefix(), re2.literal(), re2.takes_any_line());
        assert_eq!(got, (prefix.as_bytes(), literal.map(str::as_bytes), any), "{pattern}");
    }
}
