//! The located tree: what JSON and YAML both are once read, with the place of every value kept for findings.

use super::{Items, Later};

/// Where something stands in its text. Lines and columns count from 1; 0 means that the place is not known, as for
/// resources that a module receives from Envoy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

/// One value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What stands there.
    pub value: Value,
    /// Where it begins.
    pub mark: Mark,
}

/// A value of JSON's data model.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing at all.
    Null,
    /// `true` or `false`; in YAML also the words that Kubernetes reads so (`yes`, `off`, ...).
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// A sequence.
    List(Vec<Node>),
    /// A long sequence in a module's configuration, of which each item is read when it is asked for.
    Later(Later),
    /// A mapping, in the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub mark: Mark,
    /// What it maps to.
    pub value: Node,
}

impl Node {
    /// A value whose place is not known.
    pub fn unplaced(value: Value) -> Node {
        Node { value, mark: Mark::default() }
    }

    /// The value under `key`, when this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The value of a field, under its name or in proto's spelling.
    pub fn field(&self, name: &str) -> Option<&Node> {
        self.entry(name).or_else(|| self.spelt_otherwise(name)).map(|entry| &entry.value)
    }

    /// The string under `key`, when there is one.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key).map(|node| &node.value) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The items, when this is a list.
    pub fn items(&self) -> Option<Items<'_>> {
        Items::of(&self.value)
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The value that a field path such as `spec.http[0].route[1].weight` leads to.
    ///
    /// Keys that hold dots or brackets stand in the path as `["key"]`; a field is found in proto's spelling too
    /// (`direct_response` for `directResponse`).
    pub fn at(&self, path: &str) -> Option<&Node> {
        match self.walk(path) {
            (node, _, true) => Some(node),
            _ => None,
        }
    }

    /// The place of a field path: the key where there is one, else the item; where the path leads to something absent,
    /// the nearest thing above it that is there.
    pub fn mark_of(&self, path: &str) -> Mark {
        self.walk(path).1
    }

    /// As far as the path leads, and whether that is all of it.
    fn walk(&self, path: &str) -> (&Node, Mark, bool) {
        let (mut node, mut mark) = (self, self.mark);
        for step in steps(path) {
            match step {
                Step::Key(key) => match node.entry(&key).or_else(|| node.spelt_otherwise(&key)) {
                    Some(entry) => (node, mark) = (&entry.value, entry.mark),
                    None => return (node, mark, false),
                },
                Step::Index(index) => match &node.value {
                    Value::List(items) => match items.get(index) {
                        Some(item) => (node, mark) = (item, item.mark),
                        None => return (node, mark, false),
                    },
                    _ => return (node, mark, false),
                },
            }
        }
        (node, mark, true)
    }

    /// The entry under the proto spelling of `key`.
    fn spelt_otherwise(&self, key: &str) -> Option<&Entry> {
        let letters = |text: &str| text.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
        match &self.value {
            Value::Map(entries) => {
                entries.iter().filter(|entry| entry.key.contains('_')).find(|entry| letters(&entry.key) == letters(key))
            }
            _ => None,
        }
    }
}

/// A part of a field path.
pub(crate) enum Step {
    /// The key of a mapping.
    Key(String),
    /// The place in a list.
    Index(usize),
}

/// The parts of a field path.
pub(crate) fn steps(path: &str) -> Vec<Step> {
    let mut out = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix("[\"") {
            let Some((key, after)) = quoted.split_once("\"]") else { break };
            out.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(index) = rest.strip_prefix('[') {
            let Some((number, after)) = index.split_once(']') else { break };
            let Ok(number) = number.parse() else { break };
            out.push(Step::Index(number));
            rest = after;
        } else {
            let key = rest.strip_prefix('.').unwrap_or(rest);
            let end = key.find(['.', '[']).unwrap_or(key.len());
            let (name, after) = key.split_at_checked(end).unwrap_or((key, ""));
            if name.is_empty() {
                break;
            }
            out.push(Step::Key(name.to_owned()));
            rest = after;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn at(line: u32, value: Value) -> Node {
        Node { value, mark: Mark { line, column: 1 } }
    }

    fn entry(line: u32, key: &str, value: Node) -> Entry {
        Entry { key: key.into(), mark: Mark { line, column: 1 }, value }
    }

    #[test]
    fn a_path_leads_to_the_key_or_the_nearest_thing_above() {
        let weight = at(4, Value::Map(vec![entry(4, "weight", at(4, Value::Integer(-1)))]));
        let tree = at(
            1,
            Value::Map(vec![
                entry(2, "route", at(3, Value::List(vec![weight]))),
                entry(7, "a.b", at(7, Value::Map(vec![entry(8, "c", at(8, Value::Null))]))),
            ]),
        );
        assert_eq!(tree.mark_of("route[0].weight").line, 4);
        assert_eq!(tree.mark_of("route[0].destination").line, 4);
        assert_eq!(tree.mark_of("route[1]").line, 2);
        assert_eq!(tree.mark_of("[\"a.b\"].c").line, 8);
        assert_eq!(tree.mark_of("nothing").line, 1);
        assert_eq!(tree.mark_of("..[[").line, 1);
        assert_eq!(tree.at("route[0].weight").map(|node| &node.value), Some(&Value::Integer(-1)));
        assert_eq!(tree.at("route[1]"), None);
    }

    #[test]
    fn fields_are_found_in_protos_spelling() {
        let tree = at(1, Value::Map(vec![entry(2, "direct_response", at(2, Value::Bool(true)))]));
        assert_eq!(tree.mark_of("directResponse").line, 2);
        assert_eq!(tree.at("directresponse2"), None);
    }
}
