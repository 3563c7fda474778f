//! YAML for people to read and Envoy to take.
//!
//! Envoy's parser (yaml-cpp) guesses types its own way, YAML 1.1's: `y`, `on` or `0x1F` without quotes are no strings to
//! it, while serde_yaml, which keeps to YAML 1.2, would not quote them. So every string that is not plainly a word or a
//! path is quoted here, or, where it has lines, is a literal block (`|-`).

mod write;

use std::fmt::Write;

use serde::Serialize;

use crate::json::is_printable;

/// `message` as a YAML document, its fields in the order of the message.
pub fn yaml(message: &impl Serialize) -> String {
    let mut out = String::new();
    // Into a string nothing can fail.
    let _ = write_yaml(&mut out, message);
    out
}

/// The same, piece by piece: what a message holds is not there a second time.
///
/// # Errors
/// When `out` takes no more.
pub fn write_yaml(out: &mut dyn Write, message: &impl Serialize) -> std::fmt::Result {
    message.serialize(write::root(out)).map_err(|_| std::fmt::Error)
}

/// Whether a string has lines that can stand in YAML as they are: a literal block has no escapes, its first line says
/// how far it is indented, and spaces at a line's end do not survive editors.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.starts_with([' ', '\n'])
        && !text.ends_with('\n')
        && text.split('\n').all(|line| line.chars().all(is_printable) && !line.ends_with(' '))
}

/// A string on one line, as it may stand among others between brackets.
pub(crate) fn text(out: &mut dyn Write, text: &str) -> std::fmt::Result {
    if is_plain(text) || is_duration(text) {
        return out.write_str(text);
    }
    let mut inside = String::with_capacity(text.len() + 2);
    quoted(&mut inside, text);
    out.write_str(&inside)
}

fn is_plain(text: &str) -> bool {
    const OTHER: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null", "nan", "inf", "infinity"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./|-".contains(c))
        && !OTHER.contains(&text.to_ascii_lowercase().as_str())
}

/// `10s`, `0.025s`.
fn is_duration(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    text.strip_suffix('s').is_some_and(|number| number.splitn(2, '.').all(digits))
}

/// In double quotes, as JSON has it and YAML too. What YAML takes for the end of a line, or does not print, is escaped
/// beyond that.
pub(crate) fn quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if is_printable(c) => out.push(c),
            // All that is not printable has at most sixteen bits.
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        let texts = [
            "",
            "a",
            "y",
            "On",
            "~",
            "1",
            "0x1F",
            "1_0",
            "1:30",
            "- a",
            "a: b",
            "#",
            "a #b",
            "\u{2028}é\u{85}",
            "\t\n\"\\",
            "nan",
        ];
        let nested =
            serde_json::json!({"@type": [[1, [2.5]], [], {}, {"a": {"b": null}, "c": [{"d": true}]}], "texts": texts});
        let text = yaml(&nested);
        assert_eq!(serde_yaml::from_str::<serde_json::Value>(&text).unwrap(), nested, "{text}");
        assert!(text.contains("\"y\"") && text.contains("\"On\"") && text.contains("\"1_0\""), "{text}");
    }

    #[test]
    fn lines_are_a_literal_block() {
        let lines = "{\n  \"a\": \"é: #% \\u007f\",\n\n---\n}";
        assert_eq!(
            yaml(&serde_json::json!({"a": [lines, {"b": lines}]})),
            "a:\n- |-\n  {\n    \"a\": \"é: #% \\u007f\",\n\n  ---\n  }\n- b: |-\n    {\n      \"a\": \"é: #% \\u007f\",\n\n    ---\n    }\n"
        );
        let others = ["a\n", "\na", " a\nb", "a \nb", "a\n\tb", "a\r\nb", "a\n\u{7f}", "a\n \nb", "a\n\u{feff}", "\n"];
        for text in others.into_iter().chain([lines]) {
            for value in [serde_json::json!(text), serde_json::json!([text]), serde_json::json!({"a": {"b": text}})] {
                let written = yaml(&value);
                assert_eq!(written.contains('|'), text == lines, "{written}");
                assert_eq!(serde_yaml::from_str::<serde_json::Value>(&written).unwrap(), value, "{written}");
            }
        }
    }
}
