//! JSON that people can read and every reader takes: lines of a width, and escapes for all that is not printable.

use std::fmt::Write;

use serde_json::{Number, Value};
use shared::load::{self, Entry, Node};

use crate::yaml::quoted;

/// JSON that is yet to be written. What stands in documents is not copied for it.
#[derive(Clone, Debug)]
pub enum Json<'a> {
    /// Part of a document. A number that JSON does not have becomes null, which the model refuses with a finding.
    Node(&'a Node),
    /// Any other value.
    Value(Value),
    /// An object.
    Object(Vec<(&'a str, Json<'a>)>),
    /// An array.
    Array(Vec<Json<'a>>),
}

impl<'a> Json<'a> {
    /// A mapping of a document without these keys; nothing where it is none.
    pub fn without(node: &'a Node, left_out: &[&str]) -> Option<Json<'a>> {
        let load::Value::Map(entries) = &node.value else { return None };
        let kept = entries.iter().filter(|entry| !left_out.contains(&entry.key.as_str()));
        Some(Json::Object(kept.map(|Entry { key, value, .. }| (key.as_str(), Json::Node(value))).collect()))
    }
}

impl From<Json<'_>> for Value {
    fn from(json: Json<'_>) -> Value {
        match json {
            Json::Value(value) => value,
            Json::Array(items) => Value::Array(items.into_iter().map(Value::from).collect()),
            Json::Node(Node { value, .. }) => match value {
                load::Value::Null => Value::Null,
                load::Value::Bool(value) => Value::Bool(*value),
                load::Value::Integer(value) => Value::from(*value),
                load::Value::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
                load::Value::Text(text) => Value::String(text.clone()),
                load::Value::List(items) => Value::Array(items.iter().map(|item| Json::Node(item).into()).collect()),
                // Only modules read lists later.
                load::Value::Later(_) => Value::Null,
                load::Value::Map(entries) => {
                    entries.iter().map(|entry| (entry.key.clone(), Value::from(Json::Node(&entry.value)))).collect()
                }
            },
            Json::Object(fields) => {
                Value::Object(fields.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect())
            }
        }
    }
}

/// A value that fits into so many bytes stands on one line.
const WIDTH: usize = 100;

/// `value` as a JSON document without a line's end at its end.
///
/// Only printable characters are in it, so that it can stand in YAML as it is.
pub fn json(value: &Json<'_>) -> String {
    let mut out = String::new();
    block(&mut out, View::Json(value), 0);
    out
}

/// Whether terminals show a character, and YAML takes it, as what it is.
pub(crate) fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// A value that is looked at.
#[derive(Clone, Copy)]
enum View<'a> {
    Json(&'a Json<'a>),
    Node(&'a Node),
    Value(&'a Value),
}

/// What a value is made of; fields by name.
enum Parts<'a> {
    Items(Vec<View<'a>>),
    Fields(Vec<(&'a str, View<'a>)>),
    Scalar(Scalar<'a>),
}

enum Scalar<'a> {
    Text(&'a str),
    Null,
    Bool(bool),
    Integer(i64),
    Other(Value),
}

impl<'a> View<'a> {
    fn parts(self) -> Parts<'a> {
        match self {
            View::Json(Json::Node(node)) => View::Node(node).parts(),
            View::Json(Json::Value(value)) => View::Value(value).parts(),
            View::Json(Json::Array(items)) => Parts::Items(items.iter().map(View::Json).collect()),
            View::Json(Json::Object(fields)) => {
                sorted(fields.iter().map(|(key, value)| (*key, View::Json(value))).collect())
            }
            View::Node(Node { value, .. }) => match value {
                load::Value::Map(entries) => {
                    sorted(entries.iter().map(|entry| (entry.key.as_str(), View::Node(&entry.value))).collect())
                }
                load::Value::List(items) => Parts::Items(items.iter().map(View::Node).collect()),
                load::Value::Text(text) => Parts::Scalar(Scalar::Text(text)),
                load::Value::Bool(value) => Parts::Scalar(Scalar::Bool(*value)),
                load::Value::Integer(value) => Parts::Scalar(Scalar::Integer(*value)),
                // Only modules read lists later.
                load::Value::Null | load::Value::Later(_) => Parts::Scalar(Scalar::Null),
                load::Value::Float(value) => {
                    Parts::Scalar(Number::from_f64(*value).map_or(Scalar::Null, |it| Scalar::Other(Value::Number(it))))
                }
            },
            View::Value(Value::Array(items)) => Parts::Items(items.iter().map(View::Value).collect()),
            View::Value(Value::Object(entries)) => {
                Parts::Fields(entries.iter().map(|(key, value)| (key.as_str(), View::Value(value))).collect())
            }
            View::Value(Value::String(text)) => Parts::Scalar(Scalar::Text(text)),
            View::Value(value) => Parts::Scalar(Scalar::Other(value.clone())),
        }
    }
}

fn sorted<'a>(mut fields: Vec<(&'a str, View<'a>)>) -> Parts<'a> {
    fields.sort_by_key(|(key, _)| *key);
    Parts::Fields(fields)
}

impl Scalar<'_> {
    fn write(&self, out: &mut String) {
        // Writing to a string cannot fail, here and below.
        let _ = match self {
            Scalar::Text(text) => {
                quoted(out, text);
                Ok(())
            }
            Scalar::Null => out.write_str("null"),
            Scalar::Bool(value) => write!(out, "{value}"),
            Scalar::Integer(value) => write!(out, "{value}"),
            Scalar::Other(value) => write!(out, "{value}"),
        };
    }
}

/// Writes a value in as many lines as it takes.
fn block(out: &mut String, value: View<'_>, depth: usize) {
    let begin = out.len();
    let start_of_line = out.rfind('\n').map_or(0, |at| at + 1);
    if line(out, value, start_of_line + WIDTH) {
        return;
    }
    match value.parts() {
        Parts::Items(items) if !items.is_empty() => {
            out.truncate(begin);
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                next_line(out, index > 0, depth + 1);
                block(out, item, depth + 1);
            }
            next_line(out, false, depth);
            out.push(']');
        }
        Parts::Fields(fields) if !fields.is_empty() => {
            out.truncate(begin);
            out.push('{');
            for (index, (key, item)) in fields.into_iter().enumerate() {
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
    let _ = write!(out, "{}\n{:indent$}", if comma { "," } else { "" }, "", indent = depth * 2);
}

/// Writes a value on one line; false, and only a part of it, where the line would go beyond `end` with a comma behind it.
fn line(out: &mut String, value: View<'_>, end: usize) -> bool {
    match value.parts() {
        Parts::Items(items) => {
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                if !line(out, item, end) {
                    return false;
                }
            }
            out.push(']');
        }
        Parts::Fields(fields) => {
            out.push('{');
            for (index, (key, item)) in fields.into_iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                quoted(out, key);
                out.push_str(": ");
                if !line(out, item, end) {
                    return false;
                }
            }
            out.push('}');
        }
        Parts::Scalar(scalar) => scalar.write(out),
    }
    out.len() < end
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Json;

    fn json(value: &Value) -> String {
        super::json(&Json::Value(value.clone()))
    }

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
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
            assert!(text.chars().all(|c| c == '\n' || super::is_printable(c)));
        }
    }
}
