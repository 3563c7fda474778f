//! Field by field: what is said of fields that have no words of their own.

use serde_json::Value;

use super::lists::{self, Pairing};
use super::{Fact, RuleAt, What, flow};

/// Two values of one field, and how it is called on either side.
#[derive(Clone)]
pub(super) struct Field<'a> {
    pub(super) old: Option<&'a Value>,
    pub(super) new: Option<&'a Value>,
    /// The paths in the documents.
    pub(super) paths: (String, String),
    /// The field in words: its path below the resource or the rule, or below an item with a name of its own, which ends
    /// with a blank.
    pub(super) words: String,
    pub(super) rule: Option<&'a RuleAt>,
}

impl<'a> Field<'a> {
    /// A field of both.
    pub(super) fn child(&self, key: &str) -> Field<'a> {
        let get = |value: Option<&'a Value>| value.and_then(|value| value.get(key));
        let below = |path: &str| format!("{path}{}", step(path, key));
        Field {
            old: get(self.old),
            new: get(self.new),
            paths: (below(&self.paths.0), below(&self.paths.1)),
            words: below(&self.words),
            rule: self.rule,
        }
    }

    /// Items of both lists, by their indices.
    pub(super) fn item(&self, old: Option<usize>, new: Option<usize>, words: String) -> Field<'a> {
        let get = |value: Option<&'a Value>, index: Option<usize>| value.and_then(|value| value.get(index?));
        let below = |path: &str, index: Option<usize>| index.map_or(String::new(), |index| format!("{path}[{index}]"));
        Field {
            old: get(self.old, old),
            new: get(self.new, new),
            paths: (below(&self.paths.0, old), below(&self.paths.1, new)),
            words,
            rule: self.rule,
        }
    }

    /// This is otherwise, in these words.
    pub(super) fn fact(&self, words: String) -> Fact {
        let what = match (self.old, self.new) {
            (None, _) => What::Added,
            (_, None) => What::Removed,
            _ => What::Changed,
        };
        let value = |value: Option<&Value>| value.cloned().unwrap_or_default();
        Fact {
            rule: self.rule.cloned(),
            what,
            paths: (self.old.map(|_| self.paths.0.clone()), self.new.map(|_| self.paths.1.clone())),
            values: (value(self.old), value(self.new)),
            words,
        }
    }

    /// The keys of both sides, sorted.
    pub(super) fn keys(&self) -> Vec<&'a str> {
        let sides = [self.old, self.new].into_iter().flatten().filter_map(Value::as_object);
        let mut all: Vec<&str> = sides.flat_map(|entries| entries.keys().map(String::as_str)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// The last word of what it is called.
    fn key(&self) -> &str {
        self.paths.1.rsplit('.').next().unwrap_or_default()
    }
}

/// A key behind a path.
fn step(path: &str, key: &str) -> String {
    match key.contains(['.', '[', ']', '/', ' ']) {
        true if path.ends_with(' ') => key.to_owned(),
        true => format!("[\"{key}\"]"),
        false if path.is_empty() || path.ends_with(' ') => key.to_owned(),
        false => format!(".{key}"),
    }
}

/// Everything that is otherwise in a field.
pub(super) fn compare(field: &Field<'_>, out: &mut Vec<Fact>) {
    match (field.old, field.new) {
        (old, new) if old == new => {}
        (None | Some(Value::Null), Some(value)) => {
            out.push(field.fact(format!("+ {} {}", flow::bare(&field.words), flow::value(value))));
        }
        (Some(value), None | Some(Value::Null)) => {
            out.push(field.fact(format!("- {} {}", flow::bare(&field.words), flow::value(value))));
        }
        (Some(Value::Object(_)), Some(Value::Object(_))) => {
            field.keys().into_iter().for_each(|key| compare(&field.child(key), out));
        }
        (Some(Value::Array(old)), Some(Value::Array(new))) => compare_lists(field, old, new, out),
        (Some(old), Some(new)) => {
            let words = format!("{} {} -> {}", flow::bare(&field.words), flow::value(old), flow::value(new));
            out.push(field.fact(words));
        }
        (None, None) => {}
    }
}

fn compare_lists(field: &Field<'_>, old: &[Value], new: &[Value], out: &mut Vec<Fact>) {
    match lists::pairing(field.key(), old, new) {
        Pairing::Set { added, removed } if added.is_empty() && removed.is_empty() => {}
        Pairing::Set { added, removed } => {
            let list = |sign: &str, items: &[&Value]| {
                items.iter().map(|item| format!("{sign} {}", flow::value(item))).collect::<Vec<_>>()
            };
            let said = [list("+", &added), list("-", &removed)].concat().join(", ");
            out.push(field.fact(format!("{} {said}", flow::bare(&field.words))));
        }
        Pairing::Order => {
            let words = format!("{}: the same in another order", flow::bare(&field.words));
            out.push(Fact { what: What::Moved, ..field.fact(words) });
        }
        Pairing::Pairs(pairs) => {
            for (was, is, name) in pairs {
                let words = match (&name, was, is) {
                    (Some(name), ..) => format!("{name} "),
                    (None, _, Some(index)) | (None, Some(index), None) => format!("{}[{index}]", field.words),
                    (None, None, None) => continue,
                };
                let item = field.item(was, is, words);
                match (&name, item.old, item.new) {
                    (Some(name), None, Some(_)) => out.push(item.fact(format!("{} added", flow::bare(name)))),
                    (Some(name), Some(_), None) => out.push(item.fact(format!("{} removed", flow::bare(name)))),
                    _ => compare(&item, out),
                }
            }
        }
    }
}
