//! What is asked: a request as a client would send it.

use std::net::IpAddr;

use http::{HeaderValue, Method, Uri};
use shared::model::read::shorten;
use shared::names::is_header;
use shared::plan::format::Fact;
use shared::simulate::Incoming;

/// What the connection alone would tell; the name stands for what is not known without one.
const OF_CONNECTION: &[Fact] = &[
    Fact::DownstreamRemoteAddress,
    Fact::DownstreamRemoteAddressWithoutPort,
    Fact::DownstreamRemotePort,
    Fact::DownstreamLocalAddress,
    Fact::DownstreamLocalAddressWithoutPort,
    Fact::DownstreamLocalPort,
    Fact::RequestedServerName,
    Fact::DownstreamTlsVersion,
    Fact::DownstreamPeerSubject,
    Fact::DownstreamLocalSubject,
    Fact::DownstreamPeerUriSan,
    Fact::DownstreamLocalUriSan,
    Fact::DownstreamPeerFingerprint,
    Fact::ConnectionId,
    Fact::FilterChainName,
    Fact::UniqueId,
];

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// As the client sends it.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// As the client sends it, in any case, with the port that it names.
    pub authority: String,
    /// With the query.
    pub path: String,
    /// Names as they were written.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The client's address, where somebody said it.
    pub source: Option<IpAddr>,
}

impl Asked {
    /// From what people write for curl; nothing for the method is `GET`.
    ///
    /// # Errors
    /// With what is wrong, and what to write.
    pub fn new(method: Option<&str>, url: &str, headers: &[String]) -> Result<Asked, String> {
        let method = method.unwrap_or("GET");
        Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("`{}` is no method: expected one word, such as `-X POST`", shorten(method)))?;
        let (scheme, mut authority, path) = parts(url)?;
        let mut all = Vec::new();
        for line in headers {
            let (name, value) = header(line)?;
            match name.eq_ignore_ascii_case("host") {
                true => authority = host(&value)?,
                false => all.push((name, value)),
            }
        }
        Ok(Asked { method: method.to_owned(), scheme, authority, path, headers: all, source: None })
    }

    /// The host without its port, in lower case.
    pub fn host(&self) -> String {
        let pairs: [(&[u8], &[u8]); 1] = [(b":authority", self.authority.as_bytes())];
        String::from_utf8_lossy(shared::decide::Request::new(&pairs).host()).to_ascii_lowercase()
    }

    /// The port that it names.
    pub fn port(&self) -> Option<u16> {
        let pairs: [(&[u8], &[u8]); 1] = [(b":authority", self.authority.as_bytes())];
        shared::decide::Request::new(&pairs).port()
    }

    /// The URL, with the host that is asked for.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme, self.authority, self.path)
    }

    /// The request as a proxy's filters see it. At the edge a client's word on the scheme counts for nothing, nor does
    /// what it says of its address; in the mesh both do.
    pub fn incoming(&self, edge: bool, now: u64) -> Incoming {
        let headers = self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        let headers = headers.filter(|(name, _)| !(edge && name.eq_ignore_ascii_case(b"x-forwarded-proto")));
        let incoming = Incoming::new(&self.method, &self.scheme, &self.authority, &self.path, headers);
        let unknown = OF_CONNECTION.iter().map(|fact| (*fact, format!("%{}%", fact.name()).into_bytes()));
        let source = self.source.map(|source| source.to_string().into_bytes());
        let source = source.or_else(|| if edge { None } else { self.forwarded_for() });
        let facts = incoming.facts.iter().cloned().chain(unknown).collect();
        Incoming { source, facts, time: Some(now), ..incoming }
    }

    /// The last entry of `x-forwarded-for`.
    fn forwarded_for(&self) -> Option<Vec<u8>> {
        let named = |(name, _): &&(String, Vec<u8>)| name.eq_ignore_ascii_case("x-forwarded-for");
        let (_, value) = self.headers.iter().rfind(named)?;
        let last = value.rsplit(|byte| *byte == b',').next()?.trim_ascii();
        std::str::from_utf8(last).ok()?.parse::<IpAddr>().ok().map(|ip| ip.to_string().into_bytes())
    }
}

/// Scheme, authority and path of a URL.
fn parts(url: &str) -> Result<(String, String, String), String> {
    let shown = shorten(url);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(match url.starts_with(['/', '?']) || url.is_empty() {
            true => format!("`{shown}` has no host: write the whole URL, such as `http://shop.example.com{shown}`"),
            false => format!("`{shown}` has no scheme: write `http://{shown}`"),
        });
    };
    let scheme = scheme.to_ascii_lowercase();
    if !["http", "https"].contains(&scheme.as_str()) {
        return Err(format!("`{shown}`: routes are for `http` and `https`, not for `{scheme}`: write `http://{rest}`"));
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#', ':']) {
        let path = rest.trim_start_matches(|c| c == ':' || char::is_ascii_digit(&c));
        return Err(format!("`{shown}` has no host: write one, such as `{scheme}://shop.example.com{path}`"));
    }
    let uri: Uri = url.parse().map_err(|error| {
        let blank = if url.contains(char::is_whitespace) { "; a blank is `%20` in a URL" } else { "" };
        format!("`{shown}` is no URL: {error}{blank}")
    })?;
    let authority = uri.authority().map_or("", http::uri::Authority::as_str);
    if let Some((_, host)) = authority.rsplit_once('@') {
        return Err(format!(
            "`{shown}`: clients send what stands before `@` in a header: write `{scheme}://{host}` and `-H 'authorization: ...'`"
        ));
    }
    if uri.host().is_some_and(|host| host.len() < authority.len()) && uri.port_u16().is_none() {
        return Err(format!("`{shown}` is no URL: `{authority}` has no number of a port behind its colon"));
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((scheme, authority.to_owned(), format!("{slash}{path}")))
}

/// Name and value of a header's line.
fn header(line: &str) -> Result<(String, Vec<u8>), String> {
    let shown = shorten(line);
    let expected = "expected `name: value`, such as `-H 'x-user: elena'`";
    if line.starts_with(':') {
        return Err(format!("`{shown}`: the URL and `-X` say what `:path`, `:authority` and the like are; {expected}"));
    }
    let (name, value) = line.split_once(':').ok_or_else(|| format!("`{shown}` has no colon: {expected}"))?;
    if !is_header(name) {
        let why = format!("`{}` is no header's name, which has letters, digits and `-` alone", shorten(name));
        return Err(format!("`{shown}`: {why}; {expected}"));
    }
    let value = HeaderValue::from_str(value.trim_ascii())
        .or_else(|_| HeaderValue::from_bytes(value.trim_ascii().as_bytes()))
        .map_err(|_| format!("`{}`: a header's value has no control characters", shared::model::read::visible(line)))?;
    Ok((name.to_owned(), value.as_bytes().to_vec()))
}

/// The value of `host`.
fn host(value: &[u8]) -> Result<String, String> {
    let text = String::from_utf8_lossy(value).into_owned();
    match text.parse::<http::uri::Authority>() {
        Ok(_) => Ok(text),
        Err(_) => Err(format!("`host: {}` is no host: expected a name and maybe a port", shorten(&text))),
    }
}

/// The client's address.
///
/// # Errors
/// When it is none.
pub fn source(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| match text.parse::<std::net::SocketAddr>() {
        Ok(at) => format!("expected an address without a port: write `{}`", at.ip()),
        Err(_) => "expected an IP address, such as `10.0.0.7`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: Option<&str>, url: &str, headers: &[&str]) -> Result<Asked, String> {
        let headers: Vec<String> = headers.iter().map(|line| (*line).to_owned()).collect();
        Asked::new(method, url, &headers)
    }

    #[test]
    fn a_request_is_taken_as_a_client_sends_it() {
        let it = asked(Some("PUT"), "HTTP://Shop.example:8080?a=%20#f", &["X-User:  elena ", "x-empty:"]).unwrap();
        assert_eq!((it.scheme.as_str(), it.authority.as_str()), ("http", "Shop.example:8080"));
        assert_eq!((it.path.as_str(), it.method.as_str()), ("/?a=%20", "PUT"));
        let headers = [("X-User".to_owned(), b"elena".to_vec()), ("x-empty".to_owned(), Vec::new())];
        assert_eq!(it.headers, headers);
        assert_eq!((it.host().as_str(), it.port()), ("shop.example", Some(8080)));
        let hosted = asked(None, "http://127.0.0.1:8080/x", &["Host: [::1]:81"]).unwrap();
        assert_eq!((hosted.host().as_str(), hosted.port(), hosted.headers.len()), ("[::1]", Some(81), 0));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_write() {
        for (method, url, headers, expected) in [
            (None, "/orders", &[][..], "`http://shop.example.com/orders`"),
            (None, "", &[], "has no host"),
            (None, "shop.example/orders", &[], "has no scheme: write `http://shop.example/orders`"),
            (None, "http://", &[], "has no host"),
            (None, "http:///orders", &[], "`http://shop.example.com/orders`"),
            (None, "https://:443/orders", &[], "`https://shop.example.com/orders`"),
            (None, "ftp://a.x/", &[], "not for `ftp`: write `http://a.x/`"),
            (None, "http://a.x/b c", &[], "`%20`"),
            (None, "http://u:p@a.x/", &[], "`-H 'authorization: ...'`"),
            (None, "http://a.x:port/", &[], "is no URL"),
            (Some("GE T"), "http://a.x/", &[], "`GE T` is no method"),
            (Some(""), "http://a.x/", &[], "is no method"),
            (None, "http://a.x/", &["x-user elena"], "has no colon: expected `name: value`"),
            (None, "http://a.x/", &["x user: elena"], "`x user` is no header's name"),
            (None, "http://a.x/", &["x-user : elena"], "`x-user ` is no header's name"),
            (None, "http://a.x/", &[":path: /"], "`:path`"),
            (None, "http://a.x/", &["x: a\nb: c"], "no control characters"),
            (None, "http://a.x/", &["host: a b"], "is no host"),
        ] {
            let said = asked(method, url, headers).unwrap_err();
            assert!(said.contains(expected), "{said}");
        }
        assert!(source("10.0.0.7:80").unwrap_err().contains("`10.0.0.7`"));
        assert!(source("localhost").is_err() && source("::1").is_ok());
    }

    #[test]
    fn the_edge_believes_no_client() {
        let headers = ["x-forwarded-proto: https", "x-forwarded-for: 10.0.0.1, 10.0.0.2"];
        let asked = asked(None, "http://a.x/", &headers).unwrap();
        let proto = |incoming: &Incoming| {
            let found = incoming.headers.iter().filter(|(name, _)| name == b"x-forwarded-proto");
            found.map(|(_, value)| String::from_utf8(value.clone()).unwrap()).collect::<Vec<_>>()
        };
        let (edge, mesh) = (asked.incoming(true, 0), asked.incoming(false, 0));
        assert_eq!((proto(&edge), edge.source), (vec!["http".to_owned()], None));
        assert_eq!((proto(&mesh), mesh.source), (vec!["https".to_owned()], Some(b"10.0.0.2".to_vec())));
    }
}
