//! What a client says of itself, which keeps it at its version of a sticky split.

use std::borrow::Cow;

use super::Request;
use crate::plan::sticky::Sticky;

/// The client's key; nothing where it says nothing of itself. `source_ip` is asked only where it matters.
pub fn client_key<'a>(
    sticky: &Sticky,
    request: &Request<'a>,
    source_ip: impl FnOnce() -> Option<Vec<u8>>,
) -> Option<Cow<'a, [u8]>> {
    let key = match sticky {
        Sticky::Cookie(name) => Cow::Borrowed(request.values(b"cookie").find_map(|header| cookie(header, name))?),
        Sticky::Header(name) => request.header(name)?,
        Sticky::Query(name) => Cow::Borrowed(request.query(name)?),
        Sticky::SourceIp => Cow::Owned(source_ip()?),
    };
    Some(key).filter(|key| !key.is_empty())
}

/// A cookie's value in a `cookie` header (RFC 6265, in bytes); nothing when it is absent or empty.
fn cookie<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    header.split(|byte| *byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"=")?;
        (!value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        assert_eq!(cookie(b"a=1; user=x=y;b=2", b"user"), Some(&b"x=y"[..]));
        assert_eq!(cookie(b"user=1", b"user"), Some(&b"1"[..]));
        for none in [&b"superuser=1"[..], b"user", b"user=", b"users=1", b"", b"\xff\xfe;=;;"] {
            assert_eq!(cookie(none, b"user"), None);
        }
    }

    #[test]
    fn an_empty_key_is_none() {
        let headers: [(&[u8], &[u8]); 2] = [(b"x-user", b""), (b":path", b"/?id=&b=1")];
        let request = Request::new(&headers);
        let key = |text: &str| client_key(&Sticky::parse(text).unwrap(), &request, || Some(b"10.0.0.7".to_vec()));
        for none in ["header=x-user", "header=x-absent", "query=id", "query=c", "cookie=x"] {
            assert_eq!(key(none), None, "{none}");
        }
        assert_eq!(key("query=b").as_deref(), Some(&b"1"[..]));
        assert_eq!(key("source-ip").as_deref(), Some(&b"10.0.0.7"[..]));
    }
}
