//! Documents as they are compared: without what makes no difference to anybody.
//!
//! Keys are in JSON's spelling and sorted, durations in their shortest form, whole numbers without quotes; `null` and
//! empty lists are as good as absent.

use serde_json::{Map, Number, Value};
use shared::finding::{About, Report};
use shared::load::{Entry, Node, Value as Tree};
use shared::model::read::{Path, Place, Read, Reader, camel};
use shared::model::values::GoDuration;

/// Fields whose keys are not Istio's words but people's.
const NAMED: &[&str] = &[
    "headers",
    "withoutHeaders",
    "queryParams",
    "set",
    "add",
    "labels",
    "annotations",
    "selector",
    "matchLabels",
    "sourceLabels",
    "data",
];

/// Fields that hold durations.
const DURATIONS: &[&str] = &[
    "timeout",
    "perTryTimeout",
    "backoff",
    "fixedDelay",
    "exponentialDelay",
    "maxAge",
    "connectTimeout",
    "maxConnectionDuration",
    "idleTimeout",
    "time",
    "interval",
    "baseEjectionTime",
    "ttl",
    "warmupDurationSecs",
    "duration",
];

/// Fields in which a number is text.
const TEXTS: &[&str] = &["exact", "prefix", "regex", "string"];

/// What a document's part says.
pub(super) fn canonical(node: &Node) -> Value {
    value(node, "", false)
}

/// `named` is whether this stands under a key that is somebody's own word.
fn value(node: &Node, key: &str, named: bool) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Bool(value) => Value::Bool(*value),
        Tree::Integer(value) => Value::from(*value),
        Tree::Float(value) => float(*value),
        Tree::Text(text) => scalar(text, key, named),
        Tree::List(_) | Tree::Later(_) => {
            node.items().into_iter().flatten().map(|item| value(&item, key, named)).collect()
        }
        Tree::Map(entries) => Value::Object(mapping(entries, NAMED.contains(&key))),
    }
}

fn mapping(entries: &[Entry], names: bool) -> Map<String, Value> {
    let mut out = Map::new();
    for Entry { key, value: node, .. } in entries {
        let key = if !names && key.contains('_') { camel(key) } else { key.clone() };
        let value = value(node, &key, names);
        if !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty()) {
            out.insert(key, value);
        }
    }
    out
}

fn float(value: f64) -> Value {
    let whole = value as i64;
    if whole as f64 == value { Value::from(whole) } else { Number::from_f64(value).map_or(Value::Null, Value::Number) }
}

fn scalar(text: &str, key: &str, named: bool) -> Value {
    if !named && DURATIONS.contains(&key) {
        return Value::String(duration(text).unwrap_or_else(|| text.to_owned()));
    }
    let number = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
    match number.filter(|_| !named && !TEXTS.contains(&key)) {
        Some(number) => Value::from(number),
        None => Value::String(text.to_owned()),
    }
}

/// A duration in the largest unit of which it has one.
fn duration(text: &str) -> Option<String> {
    let node = Node::unplaced(Tree::Text(text.to_owned()));
    let (about, mut report) = (About::default(), Report::new());
    let place = Place { node: &node, path: &Path::Root };
    GoDuration::read(place, &mut Reader::new(&about, &mut report)).map(|duration| duration.to_string())
}

/// Whether two documents say the same, word by word: what most pairs do, and what costs little to see.
pub(super) fn identical(a: &Node, b: &Node) -> bool {
    match (&a.value, &b.value) {
        (Tree::List(a), Tree::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b)),
        (Tree::Map(a), Tree::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.key == b.key && identical(&a.value, &b.value))
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared::load;

    use super::*;

    fn read(text: &str) -> Value {
        let mut report = Report::new();
        let documents = load::text(text, None, &mut report);
        assert!(report.findings().is_empty(), "{:?}", report.findings());
        canonical(&documents[0].1)
    }

    #[test]
    fn spellings_of_one_thing_are_one() {
        for (one, other) in [
            ("{timeout: 3s}", "{timeout: 3000ms}"),
            ("{retries: {per_try_timeout: 1m30s, attempts: 2}}", "{retries: {attempts: '2', perTryTimeout: 90s}}"),
            ("{weight: 50.0, match: null, hosts: []}", "{weight: 50}"),
            ("{fault: {delay: {fixedDelay: 0.5s}}}", "{fault: {delay: {fixed_delay: 500ms}}}"),
        ] {
            assert_eq!(read(one), read(other), "{one}");
        }
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        for (one, other) in [
            ("{headers: {x_a: {exact: a}}}", "{headers: {xA: {exact: a}}}"),
            ("{set: {timeout: 3s}}", "{set: {timeout: 3000ms}}"),
            ("{exact: '01'}", "{exact: '1'}"),
            ("{name: '1.0'}", "{name: '1'}"),
            ("{match: [{}]}", "{}"),
        ] {
            assert_ne!(read(one), read(other), "{one}");
        }
        assert_eq!(read("{uri: {exact: '1'}, port: '80'}"), json!({"uri": {"exact": "1"}, "port": 80}));
    }
}
