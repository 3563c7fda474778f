//! What came of a request, in the words of a case; and how a request is put without a proxy.

use std::collections::BTreeMap;
use std::time::Duration;

use shared::decide::Request;
use shared::plan::format::Fact;
use shared::plan::sticky::Sticky;
use shared::simulate::{self, Incoming, Simulated, Stuck};

use super::form::RequestFields;

/// Headers in order: names in lower case, values as bytes.
pub type Headers = Vec<(String, Vec<u8>)>;

/// What came of a request, as far as whoever carried it out knows: what is absent is not known.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: Option<u16>,
    /// How many clients got which status, where several asked at the same time.
    pub statuses: Option<BTreeMap<u16, u32>>,
    /// The most requests that upstreams were answering at any time.
    pub most_at_once: Option<u32>,
    /// The response headers.
    pub headers: Option<Headers>,
    /// The response trailers.
    pub trailers: Option<Headers>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// What upstreams saw, in order.
    pub upstream: Option<Vec<Upstream>>,
    /// Whether `upstream` holds every attempt; without a proxy there is one.
    pub all_attempts: bool,
    /// Headers that are added on the way and of which nothing is known.
    pub unknown_headers: &'static [&'static str],
    /// How long it took.
    pub took: Option<Duration>,
}

/// A request as it reached an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The cluster.
    pub cluster: String,
    /// The path, query included.
    pub path: String,
    /// The authority.
    pub authority: String,
    /// The method.
    pub method: String,
    /// `HTTP/1.1` or `HTTP/2.0`, where there is a wire.
    pub version: Option<String>,
    /// Headers without pseudo headers; values as [`shown`].
    pub headers: Vec<(String, String)>,
}

/// Bytes for people: text where they are UTF-8, else one character a byte.
pub fn shown(bytes: &[u8]) -> String {
    let latin1 = || bytes.iter().map(|&byte| char::from(byte)).collect();
    std::str::from_utf8(bytes).map_or_else(|_| latin1(), str::to_owned)
}

/// What Envoy adds to requests and responses by itself.
const OF_ENVOY: &[&str] = &[
    "date",
    "grpc-status",
    "server",
    "content-length",
    "content-type",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// The request header by which a destination is told with which headers to answer.
const ECHOED: &[u8] = b"x-echo-headers";

/// Request headers that make the destination answer other than 200, or late.
const STEERING: &[&[u8]] =
    &[b"x-echo-status", b"x-echo-status-first", b"x-echo-delay-ms", b"x-echo-reset", b"x-echo-grpc-status"];

/// Scheme, authority and path of a URL; the error says what is wrong with it.
pub(super) fn parts(url: &str) -> Result<(&str, &str, String), &'static str> {
    if url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("blanks and control characters are escaped in a URL, such as `%20`");
    }
    let (scheme, rest) = url.split_once("://").ok_or("a URL begins with `http://` or `https://`")?;
    if scheme != "http" && scheme != "https" {
        return Err("a URL begins with `http://` or `https://`");
    }
    let (authority, path) = rest.split_at_checked(rest.find(['/', '?']).unwrap_or(rest.len())).unwrap_or((rest, ""));
    if authority.is_empty() {
        return Err("the host is missing, as in `http://shop.example/path`");
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((scheme, authority, format!("{slash}{path}")))
}

/// The request as Envoy gives it to filters, with all of its headers; nothing where it cannot be put as a URL.
pub fn incoming(fields: &RequestFields, headers: &Headers) -> Option<Incoming> {
    let (scheme, authority, path) = parts(fields.url.as_deref()?).ok()?;
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
    let mut incoming = Incoming::new(fields.method.as_deref().unwrap_or("GET"), scheme, authority, &path, headers);
    incoming.source = Some(fields.source.as_deref().unwrap_or("127.0.0.1").as_bytes().to_vec());
    if fields.http2 {
        incoming.facts.retain(|(fact, _)| *fact != Fact::Protocol);
        incoming.facts.push((Fact::Protocol, b"HTTP/2".to_vec()));
    }
    Some(incoming)
}

/// The headers that a request carries: those that the case names, and its source as a proxy before this one names it.
pub fn headers(fields: &RequestFields) -> Headers {
    let own = fields.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.bytes()));
    let source = fields.source.iter().map(|source| ("x-forwarded-for".to_owned(), source.as_bytes().to_vec()));
    own.chain(source).collect()
}

/// What a destination answers to this request: 200, with the headers that it is asked for; nobody does where its cluster
/// is not there.
pub fn of_destination(incoming: &Incoming, there: bool) -> simulate::Answer {
    if !there {
        return simulate::Answer::of_proxy(503);
    }
    let asked = incoming.headers.iter().find(|(name, _)| name == ECHOED);
    let asked = asked.map(|(_, value)| text(value)).unwrap_or_default();
    let pairs = asked.split(';').filter_map(|pair| pair.split_once('='));
    let headers = pairs.map(|(name, value)| (name.to_ascii_lowercase().into_bytes(), value.as_bytes().to_vec()));
    simulate::Answer::of_destination(200, headers.collect())
}

/// What came of a request without a proxy, as far as it is known there. A cluster, or a mirror, that is not `there` gets
/// nothing.
pub fn answer(simulated: &Simulated<'_>, incoming: &Incoming, there: impl Fn(&str) -> bool) -> Answer {
    let answered = &simulated.answer;
    let steered = incoming.headers.iter().any(|(name, _)| STEERING.contains(&name.as_slice()));
    let pairs = incoming.pairs();
    let request = Request::new(&pairs);
    // Envoy words its own replies otherwise to gRPC clients.
    let worded = request.is_grpc() && !answered.by_destination;
    let told = if answered.by_destination { !steered } else { !worded };
    let status = u16::try_from(answered.status).ok().filter(|_| told);
    let body = simulated.reply.as_ref().filter(|_| !worded);
    let body = body.map(|reply| if request.method() == b"HEAD" { Vec::new() } else { reply.body.to_vec() });
    let mirrors = simulated.mirrors.iter().map(|mirror| mirror.cluster.as_str());
    let to = simulated.cluster.into_iter().chain(mirrors).filter(|cluster| there(cluster));
    let headers = answered.headers.iter().map(|(name, value)| (text(name), value.clone()));
    Answer {
        status,
        body,
        upstream: Some(to.map(|cluster| sent(cluster, &simulated.request)).collect()),
        headers: Some(headers.chain(new_cookie(simulated)).collect()),
        // What a destination was not told to refuse is asked once.
        all_attempts: answered.by_destination && !steered,
        unknown_headers: OF_ENVOY,
        // Nothing else takes time here.
        took: Some(simulated.delay.unwrap_or_default()).filter(|_| !steered),
        ..Answer::default()
    }
}

/// The cookie of a new client, whose value is left open here.
fn new_cookie(simulated: &Simulated<'_>) -> Option<(String, Vec<u8>)> {
    match &simulated.sticky {
        Some(Stuck { by: Sticky::Cookie(name), key: None, new: true }) => {
            Some(("set-cookie".to_owned(), [name.as_ref(), b"=..."].concat()))
        }
        _ => None,
    }
}

/// The request at an upstream.
fn sent(cluster: &str, headers: &simulate::Headers) -> Upstream {
    let pseudo = |name: &[u8]| headers.iter().find(|(key, _)| key == name).map(|(_, value)| text(value));
    let others = headers.iter().filter(|(name, _)| !name.starts_with(b":"));
    Upstream {
        cluster: cluster.to_owned(),
        path: pseudo(b":path").unwrap_or_default(),
        authority: pseudo(b":authority").unwrap_or_default(),
        version: None,
        method: pseudo(b":method").unwrap_or_default(),
        headers: others.map(|(name, value)| (text(name), shown(value))).collect(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
