//! The way from the ui to the backend, directly or through the mesh.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::serve::{Answer, problem};

/// The largest answer that is passed on.
const LARGEST: usize = 4 << 20;

/// Headers of a request that go on to the backend: what proxies trace and route by. `x-b3-...` go too.
const PASSED_ON: [&str; 6] = ["x-request-id", "traceparent", "tracestate", "b3", "user-agent", "cookie"];

/// Headers of an answer that are about its connection, or that are made anew.
const LEFT_OUT: [HeaderName; 8] =
    [CONNECTION, CONTENT_LENGTH, DATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, HeaderName::from_static("keep-alive")];

/// The address of a backend: `http://HOST[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Authority);

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a backend is http://HOST:PORT, as in http://127.0.0.1:9011";
        let uri: Uri = text.parse().map_err(|_| wrong)?;
        let bare = matches!(uri.path(), "/" | "") && uri.query().is_none();
        let authority = uri.into_parts().authority.ok_or(wrong)?;
        // The parser takes ports that are no numbers, and user names.
        let port = authority.as_str().strip_prefix(authority.host()).ok_or(wrong)?;
        let sound = !authority.host().is_empty() && (port.is_empty() || authority.port_u16().is_some());
        if bare && sound && text.starts_with("http://") { Ok(Self(authority)) } else { Err(wrong) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// Asks a backend.
pub struct Forward {
    address: Address,
    host: HeaderValue,
    patience: Duration,
    failing: AtomicBool,
}

impl Forward {
    /// Asks the backend at this address, by the name of `host`, and waits for as long as `patience`.
    pub fn new(address: Address, host: HeaderValue, patience: Duration) -> Self {
        Self { address, host, patience, failing: AtomicBool::new(false) }
    }

    /// The backend's answer to this request, or a 502 that says why there is none.
    pub async fn ask(&self, request: &Parts) -> Answer {
        let answer = match tokio::time::timeout(self.patience, self.exchange(request)).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no answer within {} s", self.patience.as_secs())),
        };
        let failing = answer.is_err();
        // Said when it changes, not for each request.
        if self.failing.swap(failing, Relaxed) != failing {
            let what = answer.as_ref().err().map_or("answers again", String::as_str);
            eprintln!("catcatgo ui: backend {}: {what}", self.address);
        }
        answer.unwrap_or_else(|error| {
            problem(StatusCode::BAD_GATEWAY, &format!("the backend at {} does not answer: {error}", self.address))
        })
    }

    /// One connection a request: a pool would hide from the demo what proxies do with connections.
    async fn exchange(&self, request: &Parts) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
        let Address(authority) = &self.address;
        // An IPv6 address is in brackets in a URL only.
        let host = authority.host().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // The connection ends with its sender, and tells that one of its errors.
        tokio::spawn(connection);
        let (head, body) = sender.send_request(self.request(request)?).await?.into_parts();
        let body = Limited::new(body, LARGEST).collect().await?.to_bytes();
        let mut answer = Response::new(Full::from(body));
        *answer.status_mut() = head.status;
        *answer.headers_mut() = head.headers;
        LEFT_OUT.iter().for_each(|name| drop(answer.headers_mut().remove(name)));
        Ok(answer)
    }

    /// Always a GET: for a HEAD, `serve` leaves out the body.
    fn request(&self, request: &Parts) -> Result<Request<Empty<Bytes>>, hyper::http::Error> {
        let path = request.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut forwarded = Request::get(path).body(Empty::new())?;
        *forwarded.headers_mut() = passed_on(&request.headers);
        forwarded.headers_mut().insert(HOST, self.host.clone());
        Ok(forwarded)
    }
}

fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let passes = |name: &HeaderName| PASSED_ON.contains(&name.as_str()) || name.as_str().starts_with("x-b3-");
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for good in ["http://127.0.0.1:9011", "http://backend/", "http://[::1]:80"] {
            assert!(good.parse::<Address>().is_ok(), "{good}");
        }
        for bad in [
            "127.0.0.1:9011",
            "https://a:1",
            "http://",
            "http://a/b",
            "http://a?b",
            "http://u:p@a:1",
            "http://a:x",
            "http://a:99999",
            "http://:80",
            "",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_known_headers_are_passed_on() {
        let names = ["x-request-id", "x-b3-traceid", "cookie", "authorization", "x-sailcloth-cluster", "connection"];
        let headers = names.map(|name| (HeaderName::from_static(name), HeaderValue::from_static("1")));
        let passed = passed_on(&headers.into_iter().collect());
        let mut passed: Vec<_> = passed.keys().map(HeaderName::as_str).collect();
        passed.sort_unstable();
        assert_eq!(passed, ["cookie", "x-b3-traceid", "x-request-id"]);
    }
}
