//! A request as the wire gave it: bytes, not strings.

use std::borrow::Cow;

/// A view of a request's headers, pseudo headers included.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    headers: &'a [(&'a [u8], &'a [u8])],
    method: &'a [u8],
    scheme: &'a [u8],
    authority: &'a [u8],
    path: &'a [u8],
    /// Where the path's query begins.
    query: usize,
}

impl<'a> Request<'a> {
    /// A view of header pairs; names are in lower case, as Envoy keeps them. Pseudo headers that are absent are empty.
    #[inline]
    pub fn new(headers: &'a [(&'a [u8], &'a [u8])]) -> Request<'a> {
        let mut request = Request { headers, method: b"", scheme: b"", authority: b"", path: b"", query: 0 };
        for (name, value) in headers {
            match *name {
                b":method" => request.method = value,
                b":scheme" => request.scheme = value,
                b":authority" => request.authority = value,
                b":path" => request.path = value,
                _ => {}
            }
        }
        request.query = request.path.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(request.path.len());
        request
    }

    /// All headers, pseudo headers included.
    pub fn headers(&self) -> &'a [(&'a [u8], &'a [u8])] {
        self.headers
    }

    /// `:method`.
    pub fn method(&self) -> &'a [u8] {
        self.method
    }

    /// `:scheme`.
    pub fn scheme(&self) -> &'a [u8] {
        self.scheme
    }

    /// `:authority`, as the client sent it: any case, with its port.
    pub fn authority(&self) -> &'a [u8] {
        self.authority
    }

    /// `:path`, query included.
    pub fn path_and_query(&self) -> &'a [u8] {
        self.path
    }

    /// The path alone.
    #[inline]
    pub fn path(&self) -> &'a [u8] {
        self.path.get(..self.query).unwrap_or(self.path)
    }

    /// The authority without its port.
    #[inline]
    pub fn host(&self) -> &'a [u8] {
        split_port(self.authority).0
    }

    /// The authority up to its last colon, whatever is behind that, unless it is inside brackets: so Envoy cuts it where
    /// `ignore_port_in_host_matching` is set. What a client puts there must not lead past a host's rules.
    #[inline]
    pub fn host_of_any_port(&self) -> &'a [u8] {
        host_of_any_port(self.authority)
    }

    /// The port that the authority names.
    #[inline]
    pub fn port(&self) -> Option<u16> {
        let digits = split_port(self.authority).1;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// The values of a header, each by itself.
    pub fn values(&self, name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(key, _)| *key == name).map(|(_, value)| *value)
    }

    /// A header's value; several are joined with commas.
    #[inline]
    pub fn header(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        let mut values = self.values(name);
        let first = values.next()?;
        let Some(second) = values.next() else { return Some(Cow::Borrowed(first)) };
        let mut all = first.to_vec();
        for value in std::iter::once(second).chain(values) {
            all.push(b',');
            all.extend_from_slice(value);
        }
        Some(Cow::Owned(all))
    }

    /// The first value of a query parameter, as it stands in the URL; a parameter without `=` is empty.
    #[inline]
    pub fn query(&self, name: &[u8]) -> Option<&'a [u8]> {
        let start = self.path.iter().position(|byte| *byte == b'?')?;
        let query = self.path.get(start + 1..)?;
        query.split(|byte| *byte == b'&').find_map(|parameter| match parameter.iter().position(|byte| *byte == b'=') {
            Some(at) => (parameter.get(..at) == Some(name)).then(|| parameter.get(at + 1..).unwrap_or_default()),
            None => (parameter == name).then_some(&b""[..]),
        })
    }

    /// Whether the client came by https, as Envoy's `require_tls` sees it.
    #[inline]
    pub fn is_https(&self) -> bool {
        let mut values = self.values(b"x-forwarded-proto");
        match (values.next(), values.next()) {
            (None, _) => self.scheme == b"https",
            (Some(value), None) => value == b"https",
            // Joined, they have a comma in between.
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether this is a gRPC request, by its content type.
    #[inline]
    pub fn is_grpc(&self) -> bool {
        self.header(b"content-type").is_some_and(|value| is_grpc(&value))
    }
}

/// Whether this is the content type of a gRPC request.
#[inline]
pub(crate) fn is_grpc(content_type: &[u8]) -> bool {
    match content_type.strip_prefix(b"application/grpc") {
        Some(rest) => rest.is_empty() || rest.starts_with(b"+"),
        None => false,
    }
}

/// The same of an authority by itself.
#[inline]
pub fn host_of_any_port(authority: &[u8]) -> &[u8] {
    let end = authority.iter().rposition(|byte| matches!(byte, b':' | b']'));
    match end.and_then(|at| authority.split_at_checked(at)) {
        Some((host, [b':', ..])) => host,
        _ => authority,
    }
}

/// Host and port of an authority; the port is empty where there is none. `[::1]:80` keeps its brackets.
#[inline]
pub fn split_port(authority: &[u8]) -> (&[u8], &[u8]) {
    if let Some(colon) = authority.iter().rposition(|byte| *byte == b':')
        && let Some((host, port)) = authority.split_at_checked(colon)
        && let Some(digits) = port.get(1..)
        && !digits.is_empty()
        && digits.iter().all(u8::is_ascii_digit)
        // A bare IPv6 address has colons of its own.
        && (host.last() == Some(&b']') || !host.contains(&b':'))
    {
        return (host, digits);
    }
    (authority, b"")
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn an_authority_has_a_host_and_maybe_a_port() {
        for (authority, host, port) in [
            ("a.com", "a.com", None),
            ("a.com:8080", "a.com", Some(8080)),
            ("[::1]:80", "[::1]", Some(80)),
            ("[::1]", "[::1]", None),
            ("::1", "::1", None),
            ("a.com:", "a.com:", None),
            ("a.com:x", "a.com:x", None),
            ("a.com:99999", "a.com", None),
            ("", "", None),
        ] {
            let headers: &[(&[u8], &[u8])] = &[(b":authority", authority.as_bytes())];
            let request = Request::new(headers);
            assert_eq!((request.host(), request.port()), (host.as_bytes(), port), "{authority}");
        }
    }

    #[test]
    fn a_host_is_found_whatever_its_port_looks_like() {
        for (authority, host) in [
            ("a.com", "a.com"),
            ("a.com:8080", "a.com"),
            ("a.com:", "a.com"),
            ("a.com:x", "a.com"),
            ("a.com:80:90", "a.com:80"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("[::1]:x", "[::1]"),
            ("", ""),
            (":", ""),
        ] {
            let headers: &[(&[u8], &[u8])] = &[(b":authority", authority.as_bytes())];
            assert_eq!(Request::new(headers).host_of_any_port(), host.as_bytes(), "{authority}");
        }
    }

    #[test]
    fn query_parameters_are_taken_as_they_stand() {
        let headers: &[(&[u8], &[u8])] = &[(b":path", b"/p?a=1&b&a=2&c=x=y&d=%20#f")];
        let request = Request::new(headers);
        assert_eq!(request.path(), b"/p");
        assert_eq!(request.query(b"a"), Some(&b"1"[..]));
        assert_eq!(request.query(b"b"), Some(&b""[..]));
        assert_eq!(request.query(b"c"), Some(&b"x=y"[..]));
        assert_eq!(request.query(b"e"), None);
    }

    #[test]
    fn https_is_what_the_proxy_before_says_or_else_the_scheme() {
        let proto = |value: &'static [u8]| (&b"x-forwarded-proto"[..], value);
        for (headers, https) in [
            (vec![(&b":scheme"[..], &b"https"[..])], true),
            (vec![(b":scheme", b"http")], false),
            (vec![(b":scheme", b"http"), proto(b"https")], true),
            (vec![(b":scheme", b"https"), proto(b"http")], false),
            (vec![proto(b"https"), proto(b"https")], false),
            (Vec::new(), false),
        ] {
            assert_eq!(Request::new(&headers).is_https(), https, "{headers:?}");
        }
    }

    #[test]
    fn values_of_one_header_are_joined() {
        let headers: &[(&[u8], &[u8])] = &[(b"x", b"1"), (b"y", b"2"), (b"x", b"3")];
        assert_eq!(Request::new(headers).header(b"x").as_deref(), Some(&b"1,3"[..]));
        assert_eq!(Request::new(headers).header(b"z"), None);
    }
}
