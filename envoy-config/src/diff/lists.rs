//! Which items of two lists are the same thing.

use std::collections::HashMap;

use serde_json::Value;

use super::flow;

/// Which items belong together.
pub(super) enum Pairing<'a> {
    /// Order and number do not count, only what is there.
    Set { added: Vec<&'a Value>, removed: Vec<&'a Value> },
    /// The same words in another order, which counts.
    Order,
    /// Indices on either side, and what such an item is called, where it has a name of its own.
    Pairs(Vec<(Option<usize>, Option<usize>, Option<String>)>),
}

/// Lists of words whose order says nothing.
const SETS: &[&str] = &[
    "hosts",
    "gateways",
    "exportTo",
    "addresses",
    "subjectAltNames",
    "remove",
    "allowOrigin",
    "allowMethods",
    "allowHeaders",
    "exposeHeaders",
    "clusterIPs",
    "paths",
    "methods",
    "namespaces",
    "principals",
    "values",
];

/// What items are known by, and what such an item is called. The first that is different for all items of a list counts.
const KEYS: &[(&str, &[&str], &str)] = &[
    ("subsets", &["name"], "subset"),
    ("servers", &["port.number", "name", "port.name"], "server"),
    ("ports", &["number", "port", "name"], "port"),
    ("portLevelSettings", &["port.number"], "port"),
    ("endpoints", &["address", "targetRef.name", "addresses"], "endpoint"),
    ("containers", &["name"], "container"),
    ("egress", &["port.number"], "egress port"),
    ("ingress", &["port.number"], "ingress port"),
];

/// Pairs the items of lists under `field`.
pub(super) fn pairing<'a>(field: &str, old: &'a [Value], new: &'a [Value]) -> Pairing<'a> {
    let words = |items: &[Value]| items.iter().all(|item| !item.is_object() && !item.is_array());
    if words(old) && words(new) {
        let (added, removed) = (without(new, old), without(old, new));
        return match added.is_empty() && removed.is_empty() && !SETS.contains(&field) {
            true => Pairing::Order,
            false => Pairing::Set { added, removed },
        };
    }
    let known = KEYS
        .iter()
        .filter(|(name, ..)| *name == field)
        .flat_map(|(_, keys, word)| keys.iter().map(move |key| (key, word)));
    for (key, word) in known {
        if let (Some(was), Some(is)) = (by_key(old, key), by_key(new, key)) {
            return Pairing::Pairs(by_name(&was, &is, word));
        }
    }
    Pairing::Pairs(by_content(old, new))
}

fn without<'a>(items: &'a [Value], others: &[Value]) -> Vec<&'a Value> {
    let others: std::collections::HashSet<String> = others.iter().map(Value::to_string).collect();
    items.iter().filter(|item| !others.contains(&item.to_string())).collect()
}

/// The keys of all items; nothing where one has none, or two have the same.
fn by_key(items: &[Value], path: &str) -> Option<Vec<String>> {
    let key = |item: &Value| {
        let found = path.split('.').try_fold(item, |value, key| value.get(key))?;
        match found {
            Value::Array(items) if items.len() == 1 => Some(flow::value(items.first()?)),
            Value::Object(_) | Value::Array(_) | Value::Null => None,
            found => Some(flow::value(found)),
        }
    };
    let keys: Vec<String> = items.iter().map(key).collect::<Option<_>>()?;
    let unique: std::collections::HashSet<&String> = keys.iter().collect();
    (unique.len() == keys.len()).then_some(keys)
}

type Named = (Option<usize>, Option<usize>, Option<String>);

fn by_name(old: &[String], new: &[String], word: &str) -> Vec<Named> {
    let places: HashMap<&String, usize> = old.iter().enumerate().map(|(at, key)| (key, at)).collect();
    let named = |key: &String| Some(format!("{word} {key}"));
    let mut pairs: Vec<_> =
        new.iter().enumerate().map(|(at, key)| (places.get(key).copied(), Some(at), named(key))).collect();
    let kept: std::collections::HashSet<&String> = new.iter().collect();
    let gone = old.iter().enumerate().filter(|(_, key)| !kept.contains(key));
    pairs.extend(gone.map(|(at, key)| (Some(at), None, named(key))));
    pairs
}

/// Equal items belong together, and of what is left the first with the first.
fn by_content(old: &[Value], new: &[Value]) -> Vec<Named> {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (at, item) in old.iter().enumerate().rev() {
        places.entry(item.to_string()).or_default().push(at);
    }
    let mut equal: Vec<Option<usize>> =
        new.iter().map(|item| places.get_mut(&item.to_string()).and_then(Vec::pop)).collect();
    let taken: std::collections::HashSet<usize> = equal.iter().flatten().copied().collect();
    let mut left = (0..old.len()).filter(|at| !taken.contains(at));
    for place in equal.iter_mut().filter(|place| place.is_none()) {
        *place = left.next();
    }
    let mut pairs: Vec<_> = equal.into_iter().enumerate().map(|(at, old)| (old, Some(at), None)).collect();
    pairs.extend(left.map(|at| (Some(at), None, None)));
    pairs
}
