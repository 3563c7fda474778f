//! Numbers, in whichever way they are spelt.
//!
//! proto3's JSON takes a string that holds a number for the number, and so does Istio. Envoy's YAML reader makes such
//! strings of the fractions in a `Struct`, and of whole numbers beyond 32 bits.

use std::ops::RangeInclusive;

use super::{Place, Read, Reader, shorten};
use crate::finding::Code;
use crate::load::{self, Value};

/// A number in one of the ways that JSON has.
#[derive(Clone, Copy)]
pub enum Number {
    /// A whole number.
    Integer(i64),
    /// Any other.
    Float(f64),
}

impl Number {
    /// The number that somebody wrote there, in quotes or not.
    pub fn written(value: &Value) -> Option<Number> {
        number(value, true)
    }

    /// As a double.
    pub fn get(self) -> f64 {
        match self {
            Number::Integer(value) => value as f64,
            Number::Float(value) => value,
        }
    }
}

/// What to say of a number in quotes, and what to write.
pub fn in_quotes(text: &str) -> (String, &'static str) {
    let message = format!("the number `{}` is in quotes: Istio takes it, Kubernetes refuses it", shorten(text));
    (message, "write it without quotes")
}

/// A whole number in `range`; a protobuf `Struct` knows only doubles, so that `80.0` is one, too.
pub fn whole(place: Place<'_>, reader: &mut Reader<'_>, range: RangeInclusive<i64>) -> Option<i64> {
    let value = match number(&place.node.value, is_quoted(place)) {
        Some(Number::Integer(value)) => Some(value),
        // Where somebody wrote a string, Istio takes nothing but digits.
        Some(Number::Float(value)) if value.fract() == 0.0 && value.abs() < 9.0e15 && !is_quoted(place) => {
            Some(value as i64)
        }
        _ => None,
    };
    match value {
        Some(value) if range.contains(&value) => {
            warn_of_quotes(place, reader);
            Some(value)
        }
        _ => {
            reader.expected(place, &format!("a whole number from {} to {}", range.start(), range.end()));
            None
        }
    }
}

impl Read for u32 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        whole(place, reader, 0..=i64::from(u32::MAX)).and_then(|value| u32::try_from(value).ok())
    }
}

impl Read for i32 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        whole(place, reader, i64::from(i32::MIN)..=i64::from(i32::MAX)).and_then(|value| i32::try_from(value).ok())
    }
}

impl Read for f64 {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        match number(&place.node.value, is_quoted(place)) {
            Some(value) => {
                warn_of_quotes(place, reader);
                Some(value.get())
            }
            None => {
                reader.expected(place, "a number");
                None
            }
        }
    }
}

/// The number that stands there; in quotes only as JSON spells it.
fn number(value: &Value, quoted: bool) -> Option<Number> {
    match value {
        Value::Integer(value) => Some(Number::Integer(*value)),
        Value::Float(value) => Some(Number::Float(*value)),
        Value::Text(text) if quoted => json(text),
        Value::Text(text) => json(&as_json(text)?),
        _ => None,
    }
}

fn json(text: &str) -> Option<Number> {
    match load::json(text.as_bytes()).ok()?.value {
        Value::Integer(value) => Some(Number::Integer(value)),
        Value::Float(value) => Some(Number::Float(value)),
        _ => None,
    }
}

/// Whether somebody wrote a string there: what a module is told has no place, and may be Envoy's doing.
fn is_quoted(place: Place<'_>) -> bool {
    cfg!(feature = "yaml") && matches!(place.node.value, Value::Text(_)) && place.node.mark.line > 0
}

fn warn_of_quotes(place: Place<'_>, reader: &mut Reader<'_>) {
    if let Value::Text(text) = &place.node.value
        && is_quoted(place)
    {
        let (message, hint) = in_quotes(text);
        reader.warn(Code::NumberInQuotes, place, message, hint);
    }
}

/// A number in YAML's spelling (`.5`, `+05.5`, `5.`) in JSON's; nothing where it is no number in any.
fn as_json(text: &str) -> Option<String> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => ("-", text),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !begins_with_digit(text.strip_prefix('.').unwrap_or(text)) {
        return None;
    }
    let text = text.trim_start_matches('0');
    let zero = if begins_with_digit(text) { "" } else { "0" };
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let point = if rest.is_empty() || rest.starts_with(['e', 'E']) { "" } else { "." };
    Some(format!("{sign}{zero}{whole}{point}{rest}"))
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::finding::{About, Report};
    use crate::load::{Mark, Node};
    use crate::model::read::Path;

    fn read<T: Read>(node: &Node) -> (Option<T>, Vec<Code>) {
        let (about, mut report) = (About::default(), Report::new());
        let value = T::read(Place { node, path: &Path::Root }, &mut Reader::new(&about, &mut report));
        (value, report.findings().iter().map(|finding| finding.code).collect())
    }

    /// As a module is told it.
    fn told(text: &str) -> Node {
        Node::unplaced(Value::Text(text.into()))
    }

    /// As somebody wrote it, which only the command reads.
    fn written(text: &str) -> Option<Node> {
        let mark = Mark { line: 1, column: 1 };
        cfg!(feature = "yaml").then(|| Node { value: Value::Text(text.into()), mark })
    }

    #[test]
    fn a_string_that_holds_a_number_is_the_number() {
        let fractions = [("50", 50.0), ("0.5", 0.5), ("1e-3", 0.001), ("-0.0001", -0.0001), ("12.5", 12.5), ("0", 0.0)];
        for (text, value) in fractions {
            assert_eq!(read::<f64>(&told(text)), (Some(value), vec![]), "{text}");
            if let Some(node) = written(text) {
                assert_eq!(read::<f64>(&node), (Some(value), vec![Code::NumberInQuotes]), "{text}");
            }
        }
        for (text, value) in [("0", 0), ("80", 80), ("4294967295", u32::MAX)] {
            assert_eq!(read::<u32>(&told(text)), (Some(value), vec![]), "{text}");
            if let Some(node) = written(text) {
                assert_eq!(read::<u32>(&node), (Some(value), vec![Code::NumberInQuotes]), "{text}");
            }
        }
    }

    /// Nobody takes these in quotes.
    #[test]
    fn envoy_leaves_yamls_spelling_as_it_is() {
        for (text, value) in [
            (".5", 0.5),
            ("+.5", 0.5),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("05.50", 5.5),
            ("+1.5", 1.5),
            ("5.e2", 500.0),
            ("00.5e1", 5.0),
        ] {
            assert_eq!(read::<f64>(&told(text)), (Some(value), vec![]), "{text}");
            if let Some(node) = written(text) {
                assert_eq!(read::<f64>(&node), (None, vec![Code::SchemaValidationError]), "{text}");
            }
        }
        for (text, value) in [("80.0", 80), ("8e1", 80)] {
            assert_eq!(read::<u32>(&told(text)), (Some(value), vec![]), "{text}");
            if let Some(node) = written(text) {
                assert_eq!(read::<u32>(&node), (None, vec![Code::SchemaValidationError]), "{text}");
            }
        }
    }

    #[test]
    fn anything_else_is_none() {
        let refused = || vec![Code::SchemaValidationError];
        let none = [
            "", ".", "+", "-", "e5", "x", "0x", "1_0", "1.5.1", "5e", "NaN", "Infinity", "null", "true", "[1]", "\"1\"",
        ];
        for text in none.into_iter().chain(["..5", "5..", ".e5", "++5", "1 2", "é", "5\u{7f}"]) {
            for node in [told(text)].into_iter().chain(written(text)) {
                assert_eq!(read::<f64>(&node), (None, refused()), "{text}");
                assert_eq!(read::<u32>(&node), (None, refused()), "{text}");
            }
        }
        for text in ["-1", "0.5", "4294967296"] {
            assert_eq!(read::<u32>(&told(text)), (None, refused()), "{text}");
        }
    }
}
