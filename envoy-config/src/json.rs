//! JSON that people can read and every reader takes: lines of a width, and escapes for all that is not printable.

use std::fmt::Write;

use serde_json::Value;

use crate::yaml::quoted;

/// A value that fits into so many bytes stands on one line.
const WIDTH: usize = 100;

/// `value` as a JSON document without a line's end at its end.
///
/// Only printable characters are in it, so that it can stand in YAML as it is.
pub fn json(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0);
    out
}

/// Whether terminals show a character, and YAML takes it, as what it is.
pub(crate) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Writes a value in as many lines as it takes.
fn block(out: &mut String, value: &Value, depth: usize) {
    let begin = out.len();
    let start_of_line = out.rfind('\n').map_or(0, |at| at + 1);
    if line(out, value, start_of_line + WIDTH) {
        return;
    }
    match value {
        Value::Array(items) if !items.is_empty() => {
            out.truncate(begin);
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                next_line(out, index > 0, depth + 1);
                block(out, item, depth + 1);
            }
            next_line(out, false, depth);
            out.push(']');
        }
        Value::Object(entries) if !entries.is_empty() => {
            out.truncate(begin);
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                next_line(out, index > 0, depth + 1);
                quoted(out, key);
                out.push_str(": ");
                block(out, item, depth + 1);
            }
            next_line(out, false, depth);
            out.push('}');
        }
        // What cannot be broken stands on one line, however long that is.
        _ => {}
    }
}

fn next_line(out: &mut String, comma: bool, depth: usize) {
    // Writing to a string cannot fail, here and below.
    let _ = write!(out, "{}\n{:indent$}", if comma { "," } else { "" }, "", indent = depth * 2);
}

/// Writes a value on one line; false, and only a part of it, where the line would go beyond `end` with a comma behind it.
fn line(out: &mut String, value: &Value, end: usize) -> bool {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                if !line(out, item, end) {
                    return false;
                }
            }
            out.push(']');
        }
        Value::Object(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                quoted(out, key);
                out.push_str(": ");
                if !line(out, item, end) {
                    return false;
                }
            }
            out.push('}');
        }
        Value::String(text) => quoted(out, text),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            let _ = write!(out, "{value}");
        }
    }
    out.len() < end
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::json;

    #[test]
    fn what_fits_stands_on_a_line() {
        let word = "w".repeat(40);
        let value = json!({"a": [], "list": [word, word], "map": {"long": [word, word, word]}, "n": [0.5, null, true]});
        let expected = format!(
            "{{
  \"a\": [],
  \"list\": [\"{word}\", \"{word}\"],
  \"map\": {{
    \"long\": [
      \"{word}\",
      \"{word}\",
      \"{word}\"
    ]
  }},
  \"n\": [0.5, null, true]
}}"
        );
        assert_eq!(json(&value), expected);
        assert_eq!(json(&json!({"a": {}})), "{\"a\": {}}");
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut everything: String = (0..=0x2100).chain(0xd000..=0x1_0010).filter_map(char::from_u32).collect();
        everything.push_str("\u{1f600}\u{10ffff}");
        let long = "x".repeat(1000);
        for value in [json!(everything), json!({&everything: [&everything]}), json!([[[long]]]), json!(1e-3), json!({})]
        {
            let text = json(&value);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
            assert!(text.chars().all(|c| c == '\n' || super::is_printable(c)));
        }
    }
}
