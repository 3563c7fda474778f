//! An upstream that answers with what it was asked, and remembers it.
//!
//! It speaks HTTP/1.1 and HTTP/2 (prior knowledge) on one port. The body of every answer is a [`Seen`] as JSON, and the
//! request's own headers steer the rest:
//!
//! | request header | answer |
//! |---|---|
//! | `x-echo-status: 503` | that status |
//! | `x-echo-status-first: 503x2` | that status for the first 2 requests with the same `x-echo-key` (absent counts as one key), 200 after |
//! | `x-echo-status-of: b=500;c=503` | that status, where the echo has that name |
//! | `x-echo-headers: a=1;b=2` | these response headers, added |
//! | `x-echo-delay-ms: 200` | after this many milliseconds |
//! | `x-echo-body-bytes: 1000` | a body of this many `x` in place of the JSON |
//! | `x-echo-break-bytes: 1000` | a body of this many `x`, and then none of the rest: closed or reset as below |
//! | `x-echo-reset: 1` | none: the connection is closed (HTTP/1.1) or the stream reset (HTTP/2) |
//! | `content-type: application/grpc` | the JSON as one gRPC message, and the trailer `grpc-status: 0` |
//! | `x-echo-grpc-status: 14` | with the above: no message, this status in the headers ("trailers-only", as servers send errors) |
//! | `x-echo-grpc-trailer: 14` | with the above: this status in the trailer |
//! | `upgrade: websocket` | 101, and from then on every byte comes back as it is (HTTP/1.1; no frames are parsed) |
//!
//! A steering header with a value that means nothing is answered 400 and a text that says which.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::{io, str};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::runtime;

mod broken;
mod steering;
mod target;

use steering::Steering;

/// How many requests an [`Echo`] remembers; the oldest go first.
pub const REMEMBERED: usize = 20_000;

/// The longest request body, in bytes, that comes back in [`Seen::body`].
pub const SHORT_BODY: usize = 16 * 1024;

/// A request as it reached an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The name of the [`Echo`] that saw it.
    pub server: String,
    /// The method.
    pub method: String,
    /// The request target as it was sent, query included.
    pub path: String,
    /// `:authority`, or the `host` header of HTTP/1.1; empty where there is none.
    pub authority: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Headers in order, names in lower case. A value that is not UTF-8 has each byte as the character of that number
    /// (Latin-1), so 0xE9 is `é`.
    pub headers: Vec<(String, String)>,
    /// The length of the body in bytes.
    pub body_bytes: u64,
    /// The body, where it is UTF-8 and no longer than [`SHORT_BODY`].
    pub body: Option<String>,
}

impl Seen {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A running upstream on 127.0.0.1; it stops when this is dropped, with all its connections.
#[derive(Debug)]
pub struct Echo {
    address: SocketAddr,
    state: Arc<State>,
    /// Dropping the sender tells every task of this server to end.
    stop: Option<watch::Sender<()>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    name: String,
    seen: Mutex<VecDeque<Seen>>,
    /// How many requests came with each `x-echo-key`.
    counts: Mutex<HashMap<Vec<u8>, u32>>,
    load: Mutex<Load>,
}

/// How many requests are being answered.
#[derive(Clone, Copy, Debug, Default)]
struct Load {
    now: u32,
    most: u32,
}

/// A request that is being answered, until this is dropped, however that comes.
struct Visit(Arc<State>);

impl Visit {
    fn new(state: &Arc<State>) -> Visit {
        let mut load = lock(&state.load);
        load.now += 1;
        load.most = load.most.max(load.now);
        drop(load);
        Visit(Arc::clone(state))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        lock(&self.0.load).now -= 1;
    }
}

impl State {
    fn remember(&self, seen: Seen) {
        let mut list = lock(&self.seen);
        if list.len() == REMEMBERED {
            list.pop_front();
        }
        list.push_back(seen);
    }
}

impl Echo {
    /// Starts one named `echo` on a free port.
    pub fn start() -> Echo {
        Echo::named("echo")
    }

    /// Starts one on a free port; its name is in every answer, as [`Seen::server`].
    pub fn named(name: &str) -> Echo {
        Echo::at(name, (Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Starts one on this address, for what has to come back where it was.
    pub fn at(name: &str, address: SocketAddr) -> Echo {
        let listener = runtime()
            .block_on(TcpListener::bind(address))
            .unwrap_or_else(|error| panic!("echo server `{name}` cannot listen on {address}: {error}"));
        let address = listener.local_addr().expect("a bound listener has an address");
        let state = Arc::new(State {
            name: name.to_owned(),
            seen: Mutex::default(),
            counts: Mutex::default(),
            load: Mutex::default(),
        });
        let (stop, stopped) = watch::channel(());
        let accepting = runtime().spawn(accept(listener, Arc::clone(&state), stopped));
        Echo { address, state, stop: Some(stop), accepting: Some(accepting) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What it saw so far, oldest first; a request is there once its body was read, before it is answered.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state.seen).iter().cloned().collect()
    }

    /// The most requests that it was answering at one time so far.
    pub fn high_water(&self) -> u32 {
        lock(&self.state.load).most
    }

    /// The same since the start or the last `take_high_water`.
    pub fn take_high_water(&self) -> u32 {
        let mut load = lock(&self.state.load);
        let now = load.now;
        std::mem::replace(&mut load.most, now)
    }

    /// How many requests it is answering.
    pub fn in_flight(&self) -> u32 {
        lock(&self.state.load).now
    }

    /// What it saw since the start or the last `take`.
    pub fn take(&self) -> Vec<Seen> {
        lock(&self.state.seen).drain(..).collect()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(accepting) = self.accepting.take() {
            // Once this ends the port refuses connections, so that tests can count on it.
            let _ = runtime().block_on(accepting);
        }
    }
}

/// A test that failed with the lock held must not take others down with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<()>) {
    loop {
        let stream = tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                // The peer gave up before we came to it, or descriptors ran out for a moment.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    continue;
                }
            },
        };
        tokio::spawn(serve(stream, Arc::clone(&state), stopped.clone()));
    }
}

async fn serve(stream: TcpStream, state: Arc<State>, mut stopped: watch::Receiver<()>) {
    // Without it, Nagle and delayed acknowledgements add 40 ms to some answers.
    let _ = stream.set_nodelay(true);
    let upgraded = stopped.clone();
    let service = service_fn(move |request| answer(request, Arc::clone(&state), upgraded.clone()));
    let mut server = auto::Builder::new(TokioExecutor::new());
    // Envoy learns of a limit after its first streams: in a burst those beyond it would be refused.
    server.http2().max_concurrent_streams(None);
    tokio::select! {
        _ = stopped.changed() => {}
        // Its errors are peers that went away, and resets that were asked for.
        _ = server.serve_connection_with_upgrades(TokioIo::new(target::AnyTarget::new(stream)), service) => {}
    }
}

type Body = BoxBody<Bytes, io::Error>;

async fn answer(
    mut request: Request<Incoming>,
    state: Arc<State>,
    stopped: watch::Receiver<()>,
) -> io::Result<Response<Body>> {
    let _visit = Visit::new(&state);
    let (body_bytes, body) = read(request.body_mut()).await?;
    let seen = Seen::new(&state.name, &request, body_bytes, body);
    let json = serde_json::to_string(&seen).expect("strings and numbers are JSON");
    state.remember(seen);

    let steering = match Steering::read(request.headers(), &state) {
        Ok(steering) => steering,
        Err(why) => return Ok(plain(StatusCode::BAD_REQUEST, why)),
    };
    if !steering.delay.is_zero() {
        tokio::time::sleep(steering.delay).await;
    }
    if steering.reset {
        // hyper answers a service's error by closing the connection, or resetting the stream.
        return Err(io::Error::other("reset, as asked"));
    }
    let mut response = if let Some(protocol) = request.headers().get(UPGRADE).cloned() {
        tokio::spawn(echo_bytes(hyper::upgrade::on(&mut request), stopped));
        let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
        *response.headers_mut() =
            HeaderMap::from_iter([(CONNECTION, HeaderValue::from_static("upgrade")), (UPGRADE, protocol)]);
        response
    } else if request.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc")) {
        grpc(&json, steering.grpc_status, steering.grpc_trailer)
    } else {
        let mut response = match (steering.break_bytes, steering.body_bytes) {
            (Some(length), _) => Response::new(broken::Broken::after(length).boxed()),
            (None, Some(length)) => plain(StatusCode::OK, vec![b'x'; length]),
            (None, None) => plain(StatusCode::OK, json),
        };
        if steering.body_bytes.is_none() {
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        response
    };
    if let Some(status) = steering.status {
        *response.status_mut() = status;
    }
    response.headers_mut().extend(steering.headers);
    Ok(response)
}

impl Seen {
    fn new(server: &str, request: &Request<Incoming>, body_bytes: u64, body: Vec<u8>) -> Seen {
        let uri = request.uri();
        let (authority, path) = if request.version() == Version::HTTP_2 {
            // Over HTTP/2 the URI is put together from three pseudo headers.
            let path = uri.path_and_query().map_or("", |path| path.as_str());
            (uri.authority().map_or("", |authority| authority.as_str()).to_owned(), path.to_owned())
        } else {
            let header = |name| request.headers().get(name).map(|value| text(value.as_bytes()));
            (header(HOST.as_str()).unwrap_or_default(), header(target::TARGET).unwrap_or_else(|| uri.to_string()))
        };
        let headers = request.headers().iter().filter(|(name, _)| *name != target::TARGET);
        Seen {
            server: server.to_owned(),
            method: request.method().to_string(),
            path,
            authority,
            version: format!("{:?}", request.version()),
            headers: headers.map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
            body_bytes,
            body: if body_bytes == body.len() as u64 { String::from_utf8(body).ok() } else { None },
        }
    }
}

fn text(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| bytes.iter().map(|&byte| char::from(byte)).collect(), str::to_owned)
}

/// The length of the body, and its first [`SHORT_BODY`] bytes.
async fn read(body: &mut Incoming) -> io::Result<(u64, Vec<u8>)> {
    let (mut length, mut kept) = (0, Vec::new());
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(io::Error::other)?.into_data() {
            length += data.len() as u64;
            let room = SHORT_BODY - kept.len();
            kept.extend_from_slice(&data[..data.len().min(room)]);
        }
    }
    Ok((length, kept))
}

/// A body that comes to its end.
fn whole(body: impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send + Sync + 'static) -> Body {
    body.map_err(|never| match never {}).boxed()
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(Full::new(body.into())));
    *response.status_mut() = status;
    response
}

fn grpc(message: &str, status: u32, trailer: u32) -> Response<Body> {
    let mut response = if status == 0 {
        // A message is a zero byte (not compressed), its length in four bytes, and itself.
        let mut frame = vec![0];
        frame.extend((message.len() as u32).to_be_bytes());
        frame.extend(message.as_bytes());
        let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from(trailer))]);
        Response::new(whole(Full::from(frame).with_trailers(async { Some(Ok(trailers)) })))
    } else {
        let mut response = plain(StatusCode::OK, "");
        response.headers_mut().insert("grpc-status", HeaderValue::from(status));
        response
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

async fn echo_bytes(upgrade: hyper::upgrade::OnUpgrade, mut stopped: watch::Receiver<()>) {
    let Ok(upgraded) = upgrade.await else { return };
    let mut stream = TokioIo::new(upgraded);
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = tokio::select! {
            _ = stopped.changed() => return,
            read = stream.read(&mut buffer) => match read {
                Ok(length) if length > 0 => length,
                _ => return,
            },
        };
        if stream.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
