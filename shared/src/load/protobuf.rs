//! A `google.protobuf.Struct` in protobuf's wire format: what Envoy really hands to a module whose `configuration` is a
//! Struct. (Its API documentation promises JSON; Envoy 1.36 to 1.40 pass the message's bytes.)

use std::sync::Arc;

use crate::order;

use super::later::{self, FEW, Form, Whole};
use super::{Entry, MAX_DEPTH, Mark, Node, Value};

/// Decodes a Struct; nothing when the bytes are none.
pub fn protobuf_struct(bytes: &[u8]) -> Option<Node> {
    structure(bytes, 0, None)
}

/// Decodes a Struct, of which long lists stay bytes; nothing when the bytes are none.
pub fn protobuf_later(bytes: &Arc<Vec<u8>>) -> Option<Node> {
    let whole = Whole::new(Arc::clone(bytes), Form::Struct);
    structure(bytes, 0, Some(&whole))
}

/// One value of a text that has been read before.
pub(super) fn item(bytes: &[u8], whole: Option<&Whole>) -> Option<Node> {
    any(bytes, 0, whole)
}

/// `map<string, Value> fields = 1`.
fn structure(bytes: &[u8], depth: usize, whole: Option<&Whole>) -> Option<Node> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut message = Message(bytes);
    while let Some(field) = message.next()? {
        let (1, Wire::Bytes(entry)) = field else { return None };
        let (mut key, mut value) = (String::new(), Node::unplaced(Value::Null));
        let mut parts = Message(entry);
        while let Some(part) = parts.next()? {
            match part {
                (1, Wire::Bytes(text)) => key = String::from_utf8(text.to_vec()).ok()?,
                (2, Wire::Bytes(inner)) => value = any(inner, depth, whole)?,
                _ => return None,
            }
        }
        entries.push(Entry { key, mark: Mark::default(), value });
    }
    // Envoy's map has no order; with one, messages about it are the same every time.
    order::sort_by(&mut entries, |a, b| a.key.cmp(&b.key));
    Some(Node::unplaced(Value::Map(entries)))
}

/// `oneof kind`: null 1, number 2, string 3, bool 4, struct 5, list 6.
fn any(bytes: &[u8], depth: usize, whole: Option<&Whole>) -> Option<Node> {
    if depth > MAX_DEPTH {
        return None;
    }
    let mut value = Value::Null;
    let mut message = Message(bytes);
    while let Some(field) = message.next()? {
        value = match field {
            (1, Wire::Varint(_)) => Value::Null,
            (2, Wire::Fixed64(bits)) => number(f64::from_bits(bits)),
            (3, Wire::Bytes(text)) => Value::Text(String::from_utf8(text.to_vec()).ok()?),
            (4, Wire::Varint(truth)) => Value::Bool(truth != 0),
            (5, Wire::Bytes(inner)) => structure(inner, depth + 1, whole)?.value,
            (6, Wire::Bytes(inner)) => list(inner, depth + 1, whole)?,
            _ => return None,
        };
    }
    Some(Node::unplaced(value))
}

/// `repeated Value values = 1`.
fn list(bytes: &[u8], depth: usize, whole: Option<&Whole>) -> Option<Value> {
    let below = whole.and_then(Whole::below);
    let (mut items, mut places) = (Vec::new(), Vec::new());
    let mut list = Message(bytes);
    while let Some(item) = list.next()? {
        let (1, Wire::Bytes(item)) = item else { return None };
        let node = any(item, depth, below.as_ref())?;
        if let Some(whole) = whole {
            places.push(whole.place(item)?);
        }
        if places.len() <= FEW {
            items.push(node);
        } else {
            items.clear();
        }
    }
    Some(match whole {
        Some(whole) if places.len() > FEW => later::later(whole, places),
        _ => Value::List(items),
    })
}

/// A Struct knows only doubles; what was a whole number is one again.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9.0e15 { Value::Integer(value as i64) } else { Value::Float(value) }
}

struct Message<'a>(&'a [u8]);

enum Wire<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
}

impl<'a> Message<'a> {
    /// The next field; `Some(None)` at the end, `None` when this is no message.
    #[expect(clippy::option_option, reason = "malformed, at the end, and a field are three things")]
    fn next(&mut self) -> Option<Option<(u64, Wire<'a>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let (bits, rest) = self.0.split_first_chunk::<8>()?;
                self.0 = rest;
                Wire::Fixed64(u64::from_le_bytes(*bits))
            }
            2 => {
                let size = usize::try_from(self.varint()?).ok()?;
                let (bytes, rest) = self.0.split_at_checked(size)?;
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return None,
        };
        Some(Some((tag >> 3, wire)))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::load::json;

    /// Made with Python's `google.protobuf`: `Struct` of `{"a": [1, -1.5, "x", true, None, {"b": {}}]}`.
    const BYTES: &[u8] = b"\n7\n\x01a\x12220\n\t\x11\x00\x00\x00\x00\x00\x00\xf0?\n\t\x11\x00\x00\x00\x00\x00\x00\xf8\xbf\n\x03\x1a\x01x\n\x02 \x01\n\x02\x08\x00\n\x0b*\t\n\x07\n\x01b\x12\x02*\x00";

    #[test]
    fn says_what_the_json_would_say() {
        let expected = json(br#"{"a": [1, -1.5, "x", true, null, {"b": {}}]}"#).unwrap();
        assert_eq!(protobuf_struct(BYTES), Some(expected));
        assert_eq!(protobuf_struct(b""), Some(Node::unplaced(Value::Map(Vec::new()))));
    }

    #[test]
    fn anything_else_is_nothing() {
        assert_eq!(protobuf_struct(b"\n{\"a\": 1}"), None);
        assert_eq!(protobuf_struct(b"{}"), None);
        for at in 0..BYTES.len() {
            let cut = protobuf_struct(&BYTES[..at]);
            assert!(cut.is_none() || at == 0, "{at}");
            let mut broken = BYTES.to_vec();
            broken[at] ^= 0xff;
            // Whatever comes of it, it comes without a panic.
            let _ = protobuf_struct(&broken);
        }
        let deep = (0..200).fold(Vec::new(), |inner: Vec<u8>, _| {
            let size = |n: usize| if n < 128 { vec![n as u8] } else { vec![(n & 0x7f) as u8 | 0x80, (n >> 7) as u8] };
            let value = [&[0x2a][..], &size(inner.len()), &inner].concat();
            let entry = [&[0x12][..], &size(value.len()), &value].concat();
            [&[0x0a][..], &size(entry.len()), &entry].concat()
        });
        assert_eq!(protobuf_struct(&deep), None);
    }
}
