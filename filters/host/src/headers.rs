//! Envoy's serialized header maps: the number of pairs, the sizes of all names and values (each a little-endian u32),
//! then the names and values, each with a NUL behind it.

/// A header: name and value.
pub(crate) type Pair<'a> = (&'a [u8], &'a [u8]);

/// The pairs of a serialized map, in place. Whatever is malformed ends the list.
pub(crate) fn pairs(map: &[u8]) -> Vec<Pair<'_>> {
    let count = number(map, 0).unwrap_or(0);
    // Every pair takes ten bytes at least, which bounds what a wrong count could make us allocate.
    let mut out = Vec::with_capacity(count.min(map.len() / 10));
    let Some(mut at) = count.checked_mul(8).and_then(|sizes| sizes.checked_add(4)) else { return out };
    for index in 0..count {
        let sizes = 4 + index * 8;
        let (Some(name_size), Some(value_size)) = (number(map, sizes), number(map, sizes + 4)) else { break };
        let Some(name) = slice(map, at, name_size) else { break };
        at += name_size + 1;
        let Some(value) = slice(map, at, value_size) else { break };
        at += value_size + 1;
        out.push((name, value));
    }
    out
}

fn number(map: &[u8], at: usize) -> Option<usize> {
    let bytes: [u8; 4] = map.get(at..at.checked_add(4)?)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(bytes)).ok()
}

fn slice(map: &[u8], at: usize, size: usize) -> Option<&[u8]> {
    map.get(at..at.checked_add(size)?)
}

/// Serializes a map.
pub(crate) fn serialize<'a>(pairs: impl Iterator<Item = Pair<'a>> + Clone) -> Vec<u8> {
    let mut out = Vec::new();
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
    out.extend_from_slice(&u32::try_from(pairs.clone().count()).unwrap_or(u32::MAX).to_le_bytes());
    for (name, value) in pairs.clone() {
        out.extend_from_slice(&size(name));
        out.extend_from_slice(&size(value));
    }
    for (name, value) in pairs {
        for bytes in [name, value] {
            out.extend_from_slice(bytes);
            out.push(0);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_serialized_is_read_back() {
        let headers: [Pair<'_>; 3] = [(b":path", b"/"), (b"x", b""), (b"bytes", b"\xff\x00\xe9")];
        assert_eq!(pairs(&serialize(headers.into_iter())), headers);
        assert_eq!(pairs(&serialize([].into_iter())), []);
    }

    #[test]
    fn malformed_maps_end_early() {
        let whole = serialize([(&b"a"[..], &b"1"[..]), (b"b", b"2")].into_iter());
        for cut in 0..whole.len() {
            assert!(pairs(&whole[..cut]).len() <= 2);
        }
        assert_eq!(pairs(&[0xff; 64]), []);
        assert_eq!(pairs(b""), []);
    }
}
