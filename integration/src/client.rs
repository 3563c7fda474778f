//! A blocking HTTP client that sends header values as bytes and waits for nothing longer than its timeout.
//!
//! ```no_run
//! # let address = ([127, 0, 0, 1], 80).into();
//! use integration::client::{Connection, Request};
//! let response = Request::get("http://cat.example/api?q=1").header("cookie", "a=1").send(address);
//! assert_eq!(response.status, 200);
//! let mut connection = Connection::open(address);
//! for _ in 0..2000 {
//!     connection.send(&Request::get("http://cat.example/"));
//! }
//! ```

use std::future::Future;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use std::{error, fmt};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::echo::Seen;
use crate::runtime;

/// How long a connection attempt, and then each whole exchange, may take unless [`Request::timeout`] says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no response: no connection, a reset, a timeout, or a request that HTTP cannot express.
#[derive(Debug)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl error::Error for Error {}

/// A request, which can be sent any number of times.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
    http2: bool,
    timeout: Duration,
}

impl Request {
    /// A request without a body, over HTTP/1.1. The URL gives path and authority (`http://cat.example/x`); of a path
    /// alone, the authority is the address that it is sent to.
    pub fn new(method: &str, url_or_path: &str) -> Request {
        Request {
            method: method.to_owned(),
            url: url_or_path.to_owned(),
            headers: Vec::new(),
            body: Bytes::new(),
            http2: false,
            timeout: TIMEOUT,
        }
    }

    /// The same with method GET.
    pub fn get(url_or_path: &str) -> Request {
        Request::new("GET", url_or_path)
    }

    /// Adds a header; names may repeat. A `host` takes the place of the URL's authority, also over HTTP/2.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into().into();
        self
    }

    /// Whether [`send`](Request::send) speaks HTTP/2 with prior knowledge.
    pub fn http2(mut self, http2: bool) -> Request {
        self.http2 = http2;
        self
    }

    /// How long the exchange may take, until the last byte of the answer.
    pub fn timeout(mut self, timeout: Duration) -> Request {
        self.timeout = timeout;
        self
    }

    /// Sends it over a new connection. Panics where no response comes.
    pub fn send(&self, address: SocketAddr) -> Response {
        self.try_send(address).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends it over a new connection.
    pub fn try_send(&self, address: SocketAddr) -> Result<Response, Error> {
        Connection::try_open(address, self.http2)?.try_send(self)
    }

    fn to_hyper(&self, address: SocketAddr, http2: bool) -> Result<hyper::Request<Full<Bytes>>, Error> {
        let wrong = |what: String| Error(format!("{} {}: {what} (client::raw sends anything)", self.method, self.url));
        let (scheme, authority, path) = match self.url.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
                (scheme, authority.to_owned(), path)
            }
            None => ("http", address.to_string(), self.url.as_str()),
        };
        let slash = if path.is_empty() || path.starts_with('?') { "/" } else { "" };
        let path = format!("{slash}{path}");

        let mut request = hyper::Request::new(Full::new(self.body.clone()));
        *request.method_mut() =
            Method::from_bytes(self.method.as_bytes()).map_err(|error| wrong(format!("the method: {error}")))?;
        let mut host =
            HeaderValue::from_str(&authority).map_err(|error| wrong(format!("authority {authority}: {error}")))?;
        for (name, value) in &self.headers {
            let key: HeaderName = name.parse().map_err(|error| wrong(format!("header name {name}: {error}")))?;
            let value = HeaderValue::from_bytes(value).map_err(|error| wrong(format!("header {name}: {error}")))?;
            if key == HOST {
                host = value;
            } else {
                request.headers_mut().append(key, value);
            }
        }
        let uri = if http2 {
            Uri::builder().scheme(scheme).authority(host.as_bytes()).path_and_query(path).build()
        } else {
            request.headers_mut().insert(HOST, host);
            path.parse().map_err(Into::into)
        };
        *request.uri_mut() = uri.map_err(|error: hyper::http::Error| wrong(error.to_string()))?;
        Ok(request)
    }
}

/// One connection for many requests, one after the other. Where the server has closed it in good order, as a draining
/// listener does, the next request opens another; a request that has been sent is never sent again.
pub struct Connection {
    address: SocketAddr,
    http2: bool,
    sender: Sender,
    opened: u32,
}

enum Sender {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Connects for HTTP/1.1. Panics where nobody answers.
    pub fn open(address: SocketAddr) -> Connection {
        Connection::try_open(address, false).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Connects for HTTP/2 with prior knowledge. Panics where nobody answers.
    pub fn open_http2(address: SocketAddr) -> Connection {
        Connection::try_open(address, true).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Connects.
    pub fn try_open(address: SocketAddr, http2: bool) -> Result<Connection, Error> {
        let sender = wait(TIMEOUT, &format!("a connection to {address}"), Sender::connect(address, http2))?;
        Ok(Connection { address, http2, sender, opened: 1 })
    }

    /// How many connections this one has been so far: 1 until the server closes the first.
    pub fn opened(&self) -> u32 {
        self.opened
    }

    /// Sends a request and waits for the whole response. Panics where none comes.
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Sends a request and waits for the whole response.
    pub fn try_send(&mut self, request: &Request) -> Result<Response, Error> {
        let message = request.to_hyper(self.address, self.http2)?;
        let what = format!("{} {} at {}", request.method, request.url, self.address);
        wait(request.timeout, &what, async {
            if !self.sender.ready().await {
                self.sender = Sender::connect(self.address, self.http2).await?;
                self.opened += 1;
            }
            let response = match &mut self.sender {
                Sender::One(sender) => sender.send_request(message).await?,
                Sender::Two(sender) => sender.send_request(message).await?,
            };
            Response::collect(response).await
        })
    }

    /// Sends a request so many times at once, each in a stream of this one connection over HTTP/2. Panics over HTTP/1.1,
    /// and where a response does not come.
    pub fn send_at_once(&mut self, request: &Request, times: usize) -> Vec<Response> {
        let Sender::Two(sender) = &self.sender else { panic!("HTTP/1.1 has one request at a time") };
        let all = wait(request.timeout, &format!("{times} times {} at {}", request.url, self.address), async {
            let mut asking = tokio::task::JoinSet::new();
            for _ in 0..times {
                let (mut sender, message) = (sender.clone(), request.to_hyper(self.address, true)?);
                asking.spawn(async move { Response::collect(sender.send_request(message).await?).await });
            }
            asking.join_all().await.into_iter().collect::<Result<Vec<_>, BoxError>>()
        });
        all.unwrap_or_else(|error| panic!("{error}"))
    }
}

type BoxError = Box<dyn error::Error + Send + Sync>;

impl Sender {
    async fn connect(address: SocketAddr, http2: bool) -> Result<Sender, BoxError> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        // How a connection ends is told to the requests on it.
        if http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            Ok(Sender::Two(sender))
        } else {
            let (sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            Ok(Sender::One(sender))
        }
    }

    async fn ready(&mut self) -> bool {
        match self {
            Sender::One(sender) => sender.ready().await.is_ok(),
            Sender::Two(sender) => sender.ready().await.is_ok(),
        }
    }
}

fn wait<T>(limit: Duration, what: &str, work: impl Future<Output = Result<T, BoxError>>) -> Result<T, Error> {
    match runtime().block_on(async { tokio::time::timeout(limit, work).await }) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            // hyper's own words are general; the cause is in the chain behind them.
            let mut text = format!("{what}: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            Err(Error(text))
        }
        Err(_) => Err(Error(format!("{what}: nothing within {limit:?}"))),
    }
}

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Headers in order, names in lower case, values as the bytes that came.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, decoded from chunks.
    pub body: Vec<u8>,
    /// Trailers, like headers.
    pub trailers: Vec<(String, Vec<u8>)>,
}

impl Response {
    async fn collect(response: hyper::Response<Incoming>) -> Result<Response, BoxError> {
        let (head, body) = response.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().map(pairs).unwrap_or_default();
        let body = body.to_bytes().to_vec();
        Ok(Response { status: head.status.as_u16(), headers: pairs(&head.headers), body, trailers })
    }

    /// The first header of this name (lower case). Panics where its value is not UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(key, _)| key == name)?;
        Some(std::str::from_utf8(value).unwrap_or_else(|_| panic!("header {name} is not UTF-8: {value:?}")))
    }

    /// The body as text, with U+FFFD for what is not UTF-8.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON. Panics where it is none.
    pub fn json(&self) -> serde_json::Value {
        self.parse("JSON")
    }

    /// What an [`Echo`](crate::echo::Echo) answered. Panics where it was not one that answered.
    pub fn echo(&self) -> Seen {
        self.parse("an echo's answer")
    }

    fn parse<T: serde::de::DeserializeOwned>(&self, what: &str) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not {what} ({error}): status {}, body {}", self.status, self.text()))
    }
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect()
}

/// A plain TCP connection, for bytes that no client would send; [`TIMEOUT`] on each read and write.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects. Panics where nobody answers.
    pub fn connect(address: SocketAddr) -> Raw {
        let connect = || {
            let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(TIMEOUT))?;
            stream.set_write_timeout(Some(TIMEOUT))?;
            io::Result::Ok(stream)
        };
        Raw(connect().unwrap_or_else(|error| panic!("a connection to {address}: {error}")))
    }

    /// Connects and upgrades to a WebSocket, whose raw bytes can then be written and read. Panics where the answer is
    /// not 101.
    pub fn websocket(address: SocketAddr, host: &str, path: &str) -> Raw {
        let mut raw = Raw::connect(address);
        raw.write(
            format!(
                "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            .as_bytes(),
        )
        .unwrap_or_else(|error| panic!("a WebSocket to {address}: {error}"));
        let head = raw.head();
        assert!(head.starts_with(b"HTTP/1.1 101 "), "no WebSocket: {}", String::from_utf8_lossy(&head));
        raw
    }

    /// Writes all of it.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Reads the head of one response, the empty line included; less where the peer closes before.
    pub fn head(&mut self) -> Vec<u8> {
        let (mut head, mut byte) = (Vec::new(), [0]);
        // Byte by byte, so that nothing of what follows is taken.
        while !head.ends_with(b"\r\n\r\n") && self.0.read(&mut byte).is_ok_and(|length| length == 1) {
            head.push(byte[0]);
        }
        head
    }

    /// Reads exactly this many bytes. Panics where they do not come.
    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.read_exact(&mut bytes).unwrap_or_else(|error| panic!("{length} bytes: {error}"));
        bytes
    }

    /// Reads until the peer closes or resets, or says nothing for [`TIMEOUT`].
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What came before an error stays in `bytes`.
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }
}

/// Sends these bytes over a connection of their own and gives back all that comes until the server closes, or says
/// nothing for [`TIMEOUT`]: let a request that might be answered say `connection: close`.
pub fn raw(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut raw = Raw::connect(address);
    // A server may refuse, answer and close before it has read everything.
    let _ = raw.write(bytes);
    raw.rest()
}
