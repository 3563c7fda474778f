//! Identifies a configuration, however Envoy ordered its keys: modules with the same configuration get the same
//! number in any build, so that a decision can be handed over as indices.

use crate::load::{Entry, Node, Value};

/// FNV-1a, 64 bits, over the canonical form of the tree: mappings by sorted keys, whole numbers as integers.
pub fn fingerprint(node: &Node) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    walk(node, &mut hash);
    hash.0
}

struct Fnv(u64);

impl Fnv {
    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    /// A kind and a length before the bytes keep neighbours apart.
    fn part(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes(&[kind]);
        self.bytes(&(bytes.len() as u64).to_le_bytes());
        self.bytes(bytes);
    }
}

fn walk(node: &Node, hash: &mut Fnv) {
    match &node.value {
        Value::Null => hash.part(0, b""),
        Value::Bool(value) => hash.part(1, &[u8::from(*value)]),
        Value::Integer(value) => hash.part(2, &value.to_le_bytes()),
        // A protobuf Struct knows only doubles; what was a whole number is one again.
        Value::Float(value) if value.fract() == 0.0 && value.abs() < 9.0e15 => {
            hash.part(2, &(*value as i64).to_le_bytes());
        }
        Value::Float(value) => hash.part(3, &value.to_bits().to_le_bytes()),
        Value::Text(text) => hash.part(4, text.as_bytes()),
        Value::List(_) | Value::Later(_) => {
            let items = node.items();
            hash.part(5, &(items.as_ref().map_or(0, ExactSizeIterator::len) as u64).to_le_bytes());
            items.into_iter().flatten().for_each(|item| walk(&item, hash));
        }
        Value::Map(entries) => {
            let mut sorted: Vec<&Entry> = entries.iter().collect();
            crate::order::sort_by(&mut sorted, |a, b| a.key.cmp(&b.key));
            hash.part(6, &(sorted.len() as u64).to_le_bytes());
            for Entry { key, value, .. } in sorted {
                hash.part(7, key.as_bytes());
                walk(value, hash);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::fingerprint;
    use crate::load::json;

    fn of(text: &str) -> u64 {
        fingerprint(&json(text.as_bytes()).unwrap())
    }

    #[test]
    fn key_order_and_number_spelling_do_not_count() {
        assert_eq!(of(r#"{"a": 80, "b": [1, "x"]}"#), of(r#"{"b": [1.0, "x"], "a": 80.0}"#));
        assert_ne!(of(r#"{"a": ["x", "y"]}"#), of(r#"{"a": ["y", "x"]}"#));
        assert_ne!(of(r#"["ab", "c"]"#), of(r#"["a", "bc"]"#));
        assert_ne!(of("1"), of("\"1\""));
    }

    /// Frozen: modules of different versions compare these. The values were worked out apart from this code, from the
    /// bytes that the canonical form has.
    #[test]
    fn golden() {
        assert_eq!(of("null"), 0xe604_823a_2490_29bf);
        assert_eq!(of(r#"{"a": 1}"#), 0x909d_c066_3dae_a0fe);
    }
}
