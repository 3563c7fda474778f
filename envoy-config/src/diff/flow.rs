//! Values in one line, as YAML's flow style has them, at a length that a terminal bears.

use serde_json::{Map, Value};
use shared::model::read::{shorten, visible};

use super::destinations;

/// A value: bare where it is a plain word, else in backticks; destinations in words, other lists and mappings in brackets.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => quoted(text),
        Value::Object(entries) if is_destination(entries) => destinations::destination(value),
        Value::Array(_) | Value::Object(_) => shorten(&visible(&whole(value))),
        other => other.to_string(),
    }
}

/// In backticks, whatever it is: `` `/api` ``.
pub(super) fn quoted(text: &str) -> String {
    format!("`{}`", visible(text))
}

/// As it is, but for what would do something to a terminal.
pub(super) fn bare(text: &str) -> String {
    visible(text)
}

fn is_plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/*+".contains(c);
    !text.is_empty() && text.len() <= 80 && text.chars().all(plain)
}

fn is_destination(entries: &Map<String, Value>) -> bool {
    entries.contains_key("host") && entries.keys().all(|key| ["host", "subset", "port"].contains(&key.as_str()))
}

fn whole(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(whole).collect::<Vec<_>>().join(", ")),
        Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| format!("{key}: {}", whole(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) => format!("`{text}`"),
        other => other.to_string(),
    }
}
