//! `Re2` against what RE2 itself says: `data/re2.json`, which `data/re2_oracle.py` writes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a table that does not read is a failure of its test"
)]

use std::borrow::Cow;

use serde_json::Value;
use shared::re2::{Re2, Substitution};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn table(name: &str) -> Vec<Vec<Value>> {
    let table: Value = serde_json::from_str(include_str!("data/re2.json")).unwrap();
    let rows = table[name].as_array().unwrap();
    rows.iter().map(|row| row.as_array().unwrap().clone()).collect()
}

/// A value of the table, which is `{"hex": ".."}` where it is not UTF-8.
fn bytes(value: &Value) -> Cow<'_, [u8]> {
    match value.get("hex") {
        None => value.as_str().unwrap().as_bytes().into(),
        Some(hex) => {
            let hex = hex.as_str().unwrap();
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        }
    }
}

/// More than once, as the first few values are matched in another way.
fn is_full_match(re2: &Re2, value: &[u8]) -> bool {
    let first = re2.is_full_match(value);
    assert!((0..10).all(|_| re2.is_full_match(value) == first), "{re2:?} cannot decide on {value:?}");
    first
}

#[test]
fn matches_what_re2_matches() {
    let rows = table("matches");
    assert!(rows.len() >= 800);
    let mut wrong = Vec::new();
    for row in rows {
        let pattern = row[0].as_str().unwrap();
        match (Re2::new(pattern), &row[2]) {
            (Ok(re2), Value::Bool(want)) if is_full_match(&re2, &bytes(&row[1])) == *want => {}
            (Err(error), Value::String(_)) => {
                assert!(error.offset() <= pattern.chars().count(), "`{pattern}`: {error}")
            }
            (got, want) => wrong.push(format!("`{pattern}` on {}: want {want}, got {got:?}", row[1])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn replaces_what_re2_replaces() {
    let mut wrong = Vec::new();
    for row in table("substitutions") {
        let (pattern, rewrite) = (row[0].as_str().unwrap(), row[1].as_str().unwrap());
        match Substitution::new(pattern, rewrite) {
            Err(_) if row[3] == "refused" && row[2].is_null() => {}
            Ok(substitution) if !row[2].is_null() => {
                let value = bytes(&row[2]);
                let got = substitution.apply(&value);
                if got != bytes(&row[3]) {
                    let got = String::from_utf8_lossy(&got);
                    wrong.push(format!("`{pattern}` to `{rewrite}` on {}: want {}, got {got:?}", row[2], row[3]));
                }
            }
            got => wrong.push(format!("`{pattern}` to `{rewrite}`: want {}, got {got:?}", row[3])),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn refuses_what_is_not_supported_and_says_so() {
    for row in table("unsupported") {
        let error = Re2::new(row[0].as_str().unwrap()).expect_err(row[1].as_str().unwrap());
        assert!(error.is_unsupported(), "{}: {error}", row[1]);
    }
}

#[test]
fn refuses_what_istio_refuses() {
    for row in table("not_istio") {
        // A module does not count instructions.
        if !cfg!(feature = "re2-sizes") && row[1].as_str().unwrap().contains("instructions") {
            continue;
        }
        let error = Re2::new(row[0].as_str().unwrap()).expect_err(row[1].as_str().unwrap());
        assert!(!error.is_unsupported(), "{}: {error}", row[1]);
    }
}

/// The stack of a module is small.
#[test]
fn the_deepest_patterns_match() {
    // What branches begin with in common makes a tree deeper than its groups are.
    let common = |count: usize| (1..=count).map(|length| "b".repeat(length)).collect::<Vec<_>>().join("|");
    let [few, many] = [4, 32].map(|count| format!("(?:{}", common(count)));
    for (open, close, depth) in [
        ("(", ")", 249),
        ("(?:b|", ")", 249),
        ("(?:b?|c", "|)*", 249),
        ("(?:b", "?){1}", 249),
        ("(x|a*", "){0,1}", 249),
        (&few, "){0,1}", 249),
        (&many, ")", 100),
    ] {
        let pattern = [&open.repeat(depth), "a", &close.repeat(depth)].concat();
        let (first, second) = (Re2::new(&pattern).unwrap(), Re2::new(&pattern).unwrap());
        assert_eq!(first, second);
        is_full_match(&first, b"bcaab");
        Substitution::new(&pattern, r"<\0>").unwrap().apply(b"bcaab");
    }
}

#[test]
fn values_do_not_grow_without_bound() {
    let longer = Substitution::new("/", &"x".repeat(1000)).unwrap();
    assert_eq!(longer.apply(&b"/".repeat(1000)), b"x".repeat(1_000_000).as_slice());
    let many = b"/".repeat(60_000);
    assert_eq!(longer.apply(&many), many.as_slice());
}

#[test]
fn errors_name_the_part_at_fault_and_its_place() {
    for (pattern, message, offset) in [
        ("é{1001}", "`{1001}`: repetition of more than 1000", 1),
        ("x**", "`**`: repetition of a repetition, expected a group around the inner one", 1),
        ("ab(c", "`(c`: group without its closing `)`", 2),
        ("a)", "`)`: closing parenthesis without a group to close", 1),
        ("a[b", "`[b`: character class without its closing `]`", 1),
        ("[z-a]", "`z-a`: range that ends before it begins", 1),
        (r"a\p{Greeek}b", r"`\p{Greeek}`: unknown class, expected one like `\pL` or `\p{Greek}`", 1),
        (r"a\Cb", r"`\C`: any byte, which Istio does not take; write `(?s:.)`", 1),
        ("é[é-à]", "`é-à`: range that ends before it begins", 2),
        (r"é\x{20ac}", r"`\x{20ac}`: beyond `\xff`, the last byte; for a character write the character itself", 1),
        (r"é\400", r"`\400`: beyond `\xff`, the last byte; for a character write the character itself", 1),
        // The parts at fault begin and end amid a character.
        (r"é[é-b]", "`é-b`: range that ends before it begins", 2),
        (r"é\é", r"`\é`: unknown escape, expected one like `\d`, `\n` or `\x7f`, or a punctuation mark", 1),
        ("é(?é", "`(?é`: unknown group or flag, expected `(?:`, `(?P<name>`, or flags of `imsU`", 1),
        ("é[é", "`[é`: character class without its closing `]`", 1),
        ("a|*", "`*`: repetition of nothing, expected something before it", 2),
        ("(?x)a", "`(?x`: unknown group or flag, expected `(?:`, `(?P<name>`, or flags of `imsU`", 0),
        (&"(".repeat(251), "`(`: nested more than 250 deep", 250),
    ] {
        let error = Re2::new(pattern).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.offset()), (message, offset), "{pattern}");
    }
    if cfg!(feature = "re2-sizes") {
        let error = Re2::new(&"a{1000}".repeat(33)).unwrap_err().to_string();
        assert!(error.ends_with("more than the 32768 instructions that Istio's proxies take, it has 33004"), "{error}");
    }
    for (rewrite, message, offset) in [
        (r"é\2", r"`\2`: group that the pattern does not have, its last is `\1`", 1),
        (r"a\", r"`\`: backslash at the end, expected a digit or `\` after it", 1),
        (r"\d", r"`\d`: unknown escape, expected `\0` to `\9` or `\\`", 0),
    ] {
        let error = Substitution::new("(a)", rewrite).unwrap_err();
        assert!(error.is_in_rewrite());
        assert_eq!((error.to_string().as_str(), error.offset()), (message, offset), "{rewrite}");
    }
}

/// Random patterns and values.
#[cfg(not(target_arch = "wasm32"))]
mod properties {
    use proptest::prelude::*;
    use shared::re2::{Re2, Substitution};

    /// Pieces of which RE2's syntax is made, and some that are of no syntax.
    fn pattern() -> impl Strategy<Value = String> {
        const PIECES: &[&str] = &[
            "a",
            "b",
            "k",
            "é",
            "😀",
            "0",
            " ",
            "\n",
            "\0",
            "-",
            ",",
            ":",
            "<",
            ">",
            "=",
            "&&",
            "~~",
            "--",
            "^",
            "$",
            ".",
            "|",
            "(",
            ")",
            "(?",
            "(?:",
            "(?i)",
            "(?i:",
            "(?-i)",
            "(?m)",
            "(?s)",
            "(?U)",
            "(?P<n>",
            "(?<m>",
            "*",
            "+",
            "?",
            "{",
            "}",
            "{2}",
            "{1,3}",
            "{2,}",
            "{,3}",
            "{1000}",
            "[",
            "]",
            "[^",
            "[]",
            "[[:alpha:]]",
            "[:",
            ":]",
            "a-z",
            "\\",
            "\\d",
            "\\D",
            "\\w",
            "\\W",
            "\\s",
            "\\S",
            "\\b",
            "\\B",
            "\\A",
            "\\z",
            "\\Q",
            "\\E",
            "\\x",
            "\\x{",
            "\\x{c3}",
            "\\x{100}",
            "\\xff",
            "\\377",
            "\\pN",
            "(?s:.)",
            "\\1",
            "\\07",
            "\\é",
        ];
        prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_value_panics(
            pattern in pattern(),
            rewrite in r"[a\\0-9é]{0,6}",
            value in prop::collection::vec(prop::sample::select(b"abk0 \n-\xc3\xa9\xff\xf0".as_slice()), 0..16),
        ) {
            match Re2::new(&pattern) {
                Err(error) => prop_assert!(error.offset() <= pattern.chars().count()),
                Ok(re2) => {
                    super::is_full_match(&re2, &value);
                    if let Ok(substitution) = Substitution::new(&pattern, &rewrite) {
                        substitution.apply(&value);
                    }
                }
            }
        }

        #[test]
        fn no_text_panics(pattern in r"\PC*", value in r"\PC*") {
            if let Ok(re2) = Re2::new(&pattern) {
                re2.is_full_match(value.as_bytes());
            }
        }
    }
}
