//! The path as Envoy's listeners make it before any filter sees it (`normalize_path`, Istio's `BASE`): dots are resolved,
//! a backslash is a slash, and what need not be escaped is not.

use shared::model::mesh_config::PathNormalization;

/// The path as filters see it where MeshConfig's `pathNormalization` is this one; nothing where Envoy answers 400.
pub(super) fn normalized_as(path: &str, how: PathNormalization) -> Option<String> {
    let (decodes, merges) = match how {
        PathNormalization::None => return Some(path.to_owned()),
        PathNormalization::Default | PathNormalization::Base => (false, false),
        PathNormalization::MergeSlashes => (false, true),
        PathNormalization::DecodeAndMergeSlashes => (true, true),
    };
    let parted = |path: &str| {
        let end = path.find(['?', '#']).unwrap_or(path.len());
        let (before, query) = path.split_at_checked(end).unwrap_or((path, ""));
        (before.to_owned(), query.to_owned())
    };
    let (mut before, query) = parted(path);
    if decodes {
        let escapes = ["%2F", "%2f", "%5C", "%5c"];
        before = escapes.into_iter().fold(before, |path, escape| path.replace(escape, "/"));
    }
    let (mut before, query) = parted(&normalized(&(before + &query))?);
    while merges && before.contains("//") {
        before = before.replace("//", "/");
    }
    Some(before + &query)
}

/// The path as filters see it by Istio's default, the query as it was; nothing where Envoy answers 400, as for an escaped zero byte.
pub(crate) fn normalized(path: &str) -> Option<String> {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let (before, query) = path.split_at_checked(end)?;
    if !before.starts_with('/') {
        return Some(path.to_owned());
    }
    let mut out: Vec<u8> = Vec::with_capacity(path.len());
    let mut rest = before.as_bytes();
    while let [first, behind @ ..] = rest {
        if let Some(after) = dot(rest) {
            rest = if out.last() == Some(&b'/') { resolve(after, &mut out) } else { plain(b'.', after, &mut out) };
            continue;
        }
        rest = match (first, escape(rest)) {
            (b'\\', _) => plain(b'/', behind, &mut out),
            (b'%', Some((0, _))) => return None,
            (b'%', Some((byte, after))) if is_unreserved(byte) => plain(byte, after, &mut out),
            (b'%', Some((_, after))) => {
                out.extend(rest.get(..3).unwrap_or_default());
                after
            }
            (byte, _) if *byte == b'%' || is_kept(*byte) => plain(*byte, behind, &mut out),
            (byte, _) => {
                out.extend(format!("%{byte:02X}").bytes());
                behind
            }
        };
    }
    // Only bytes of ASCII were written.
    Some(String::from_utf8_lossy(&out).into_owned() + query)
}

fn plain<'r>(byte: u8, after: &'r [u8], out: &mut Vec<u8>) -> &'r [u8] {
    out.push(byte);
    after
}

/// What stands behind a dot, be it escaped.
fn dot(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] => Some(after),
        _ => None,
    }
}

/// Behind a slash and a dot: this folder, the one above, or a name that begins with a dot.
fn resolve<'r>(after: &'r [u8], out: &mut Vec<u8>) -> &'r [u8] {
    let ends = |text: &'r [u8]| match text {
        [] => Some(text),
        [b'/' | b'\\', rest @ ..] => Some(rest),
        _ => None,
    };
    if let Some(rest) = ends(after) {
        return rest;
    }
    match dot(after).and_then(ends) {
        Some(rest) => {
            let above = out.iter().rev().skip(1).position(|byte| *byte == b'/');
            out.truncate(above.map_or(1, |passed| out.len() - 1 - passed));
            rest
        }
        None => plain(b'.', after, out),
    }
}

/// The byte that an escape stands for, and what stands behind it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, after @ ..] => Some((digit(high)? << 4 | digit(low)?, after)),
        _ => None,
    }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_~".contains(&byte)
}

fn is_kept(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"#<>?^`{|}".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{PathNormalization, normalized, normalized_as};

    /// What Envoy 1.40 does with them, of which the corpus (`hostile`) has some.
    #[test]
    fn paths_are_made_as_envoy_makes_them() {
        for (path, expected) in [
            ("/a/b?x=/../y", "/a/b?x=/../y"),
            ("/ok/../secret", "/secret"),
            ("/ok/%2e%2E/secret", "/secret"),
            ("/ok\\..\\secret", "/secret"),
            ("/ok%2f..%2fsecret", "/ok%2f..%2fsecret"),
            ("/../../../ok", "/ok"),
            ("/a/./b/.", "/a/b/"),
            ("/a/b/..", "/a/"),
            ("/a/.b/..c/d.e", "/a/.b/..c/d.e"),
            ("//a//b", "//a//b"),
            ("/%61%2D%7e%20%C3%a9", "/a-~%20%C3%a9"),
            ("/a%zz%4", "/a%zz%4"),
            ("/a|b{c}é", "/a%7Cb%7Bc%7D%C3%A9"),
            ("*", "*"),
        ] {
            assert_eq!(normalized(path).as_deref(), Some(expected), "{path}");
        }
        assert_eq!(normalized("/ok%00"), None);
    }

    /// As the rows of the corpus (`mesh-config`) have it of Envoy.
    #[test]
    fn a_mesh_may_want_more_or_less_of_it() {
        use PathNormalization::{Base, DecodeAndMergeSlashes, MergeSlashes, None};
        for (how, path, expected) in [
            (None, "/x/../a//b%2Fc", "/x/../a//b%2Fc"),
            (Base, "/x/../a//b%2Fc", "/a//b%2Fc"),
            (MergeSlashes, "/x/../a///b%2Fc?d//e", "/a/b%2Fc?d//e"),
            (DecodeAndMergeSlashes, "/x%2F..%5Ca//b%2fc?d%2Fe", "/a/b/c?d%2Fe"),
        ] {
            assert_eq!(normalized_as(path, how).as_deref(), Some(expected), "{how:?} {path}");
        }
    }
}
