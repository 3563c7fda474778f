//! JSON as Envoy hands it to a module: one document, without places.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use serde_json::value::RawValue;

use super::later::{self, FEW, Form, Whole};
use super::{Entry, MAX_DEPTH, Mark, Node, Value};

/// Reads one JSON document; a key twice in a mapping and nesting beyond [`MAX_DEPTH`] are errors.
///
/// # Errors
/// What serde_json says, with line and column: no JSON, trailing text, a key twice.
pub fn json(text: &[u8]) -> Result<Node, String> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let node = Seed { depth: 0, whole: None }.deserialize(&mut deserializer).map_err(|error| error.to_string())?;
    deserializer.end().map_err(|error| error.to_string())?;
    Ok(node)
}

/// Reads one JSON document, of which long lists stay text.
///
/// # Errors
/// As [`json`].
pub fn json_later(text: &Arc<Vec<u8>>) -> Result<Node, String> {
    let whole = Whole::new(Arc::clone(text), Form::Json);
    // What is wrong in an item has its place in the item; the whole text says it better.
    item(text, Some(&whole)).map_or_else(|| json(text), Ok)
}

/// One value of a text that has been read before.
pub(super) fn item(text: &[u8], whole: Option<&Whole>) -> Option<Node> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let node = Seed { depth: 0, whole }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(node)
}

#[derive(Clone, Copy)]
struct Seed<'w> {
    depth: usize,
    whole: Option<&'w Whole>,
}

impl Seed<'_> {
    fn below<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        Ok(Seed { depth: self.depth + 1, ..self })
    }
}

/// A list whose items may stay text.
fn list<'de, A: SeqAccess<'de>>(mut items: A, depth: usize, whole: &Whole) -> Result<Value, A::Error> {
    let mut places = Vec::new();
    let mut few = Vec::new();
    let below = whole.below();
    while let Some(raw) = items.next_element::<&RawValue>()? {
        let raw = raw.get().as_bytes();
        let mut deserializer = serde_json::Deserializer::from_slice(raw);
        let node = Seed { depth, whole: below.as_ref() }.deserialize(&mut deserializer).map_err(Error::custom)?;
        places.push(whole.place(raw).ok_or_else(|| Error::custom("not in the text"))?);
        if places.len() <= FEW {
            few.push(node);
        } else {
            few.clear();
        }
    }
    Ok(if places.len() <= FEW { Value::List(few) } else { later::later(whole, places) })
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::unplaced(Value::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::unplaced(Value::Bool(value)))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::unplaced(Value::Integer(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::unplaced(i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer)))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::unplaced(Value::Float(value)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::unplaced(Value::Text(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        if let Some(whole) = self.whole {
            return list(items, seed.depth, whole).map(Node::unplaced);
        }
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(seed)? {
            list.push(item);
        }
        Ok(Node::unplaced(Value::List(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let seed = self.below()?;
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(Key(key)) = items.next_key()? {
            let value = items.next_value_seed(seed)?;
            entries.push(Entry { key, mark: Mark::default(), value });
        }
        let mut keys: Vec<&str> = entries.iter().map(|entry| entry.key.as_str()).collect();
        crate::order::sort(&mut keys);
        if let Some(twice) = keys.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first()) {
            return Err(A::Error::custom(format_args!("the key `{twice}` stands twice")));
        }
        Ok(Node::unplaced(Value::Map(entries)))
    }
}

struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn reads_every_kind_of_value() {
        let node = json(br#"{"a": [1, 1.5, "x", true, null, 18446744073709551615]}"#).unwrap();
        let Some(Node { value: Value::List(items), .. }) = node.get("a") else { panic!("{node:?}") };
        let values: Vec<_> = items.iter().map(|item| &item.value).collect();
        assert_eq!(values[..4], [&Value::Integer(1), &Value::Float(1.5), &Value::Text("x".into()), &Value::Bool(true)]);
        assert_eq!(values[4..], [&Value::Null, &Value::Float(18446744073709551615.0)]);
    }

    #[test]
    fn says_what_is_wrong_and_where() {
        assert!(json(br#"{"a": 1, "a": 2}"#).unwrap_err().contains("the key `a` stands twice"));
        assert!(json(b"{").unwrap_err().contains("line 1 column"));
        assert!(json(b"{} x").unwrap_err().contains("trailing"));
        let deep = format!("{}{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
        assert!(json(deep.as_bytes()).unwrap_err().contains("nested deeper"));
    }
}
