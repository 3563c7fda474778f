//! What all roles share: listening, the rules for every request, health, and a stop that lets requests finish.

use std::convert::Infallible;
use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body, Bytes};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// A response with all of its body.
pub type Answer = Response<Full<Bytes>>;

/// Says who answered: `backend v1`, or `ui v1, backend v2` when the ui asked the backend.
pub const VERSION_HEADER: HeaderName = HeaderName::from_static("x-catcatgo-version");
/// Names a request in the logs of proxies; every role repeats it in its answer.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long requests in flight may take when the program stops.
const GRACE: Duration = Duration::from_secs(5);

/// One of the programs in this program.
pub trait Role: Send + Sync + 'static {
    /// Its name, as in the command.
    const NAME: &'static str;
    /// What can be asked for, for people who asked for something else.
    const ROUTES: &'static [&'static str];

    /// The answer to a GET or HEAD, or none if there is nothing at its path.
    fn answer(&self, request: &Parts) -> impl Future<Output = Option<Answer>> + Send;
}

/// The version that a role says it is, fit for headers and pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(String);

impl Version {
    /// The version as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is `v1`, which behaves as CatCatGo did first. Every other version is the new one.
    pub fn is_first(&self) -> bool {
        self.0 == "v1"
    }
}

impl FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if (1..=32).contains(&text.len()) && text.chars().all(fits) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a version is up to 32 letters, digits, dots, dashes and underscores, as in v1")
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Serves a role at this address until SIGTERM or SIGINT. Port 0 takes a free one; the ready line says which.
///
/// # Errors
/// The address cannot be had, or standard output is closed before the ready line.
pub async fn serve<R: Role>(role: R, version: &Version, address: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(address).await.map_err(|error| cannot_listen(address, &error))?;
    // Before the ready line: whoever reads it may send a signal at once.
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let who = format!("{} {version}", R::NAME);
    let mut stdout = io::stdout();
    writeln!(stdout, "catcatgo {who} listens on {}", listener.local_addr()?)?;
    stdout.flush()?;

    let desk = Arc::new(Desk { role, who: HeaderValue::from_str(&who).map_err(io::Error::other)? });
    // No header timeout: in hyper it would also close idle connections, which proxies keep in their pools.
    let server = auto::Builder::new(TokioExecutor::new());
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = term.recv() => break,
            _ = int.recv() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, most likely: those that come next need the pause.
                eprintln!("catcatgo {who}: cannot accept a connection: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let desk = Arc::clone(&desk);
        let service = service_fn(move |request: Request<_>| {
            let desk = Arc::clone(&desk);
            async move { Ok::<_, Infallible>(desk.answer(request.into_parts().0).await) }
        });
        let connection = server.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = connections.watch(connection);
        // Errors here are those of clients (gone, or not speaking HTTP): nothing that an operator could act on.
        tokio::spawn(async move { connection.await.ok() });
    }
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shutdown()).await.is_err() {
        eprintln!("catcatgo {who}: stops with requests in flight, {} s after the signal", GRACE.as_secs());
    }
    Ok(())
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> io::Error {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let port = address.port();
            format!("port {port} is in use by another program (--listen {}:0 takes a free one)", address.ip())
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("cannot listen on {address}: {what}"))
}

/// Where requests arrive: a role and the rules that hold for all of them.
struct Desk<R> {
    role: R,
    who: HeaderValue,
}

impl<R: Role> Desk<R> {
    async fn answer(&self, request: Parts) -> Answer {
        let mut answer = self.route(&request).await;
        let headers = answer.headers_mut();
        // The answer of another role names that one; this one asked it, and comes first.
        let who = headers.get(VERSION_HEADER).map(|behind| [self.who.as_bytes(), b", ", behind.as_bytes()].concat());
        let who = who.and_then(|who| HeaderValue::from_bytes(&who).ok()).unwrap_or_else(|| self.who.clone());
        headers.insert(VERSION_HEADER, who);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // With a canary, the next answer may be another version's.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(id) = request.headers.get(REQUEST_ID) {
            headers.insert(REQUEST_ID, id.clone());
        }
        if request.method == Method::HEAD { without_body(answer) } else { answer }
    }

    async fn route(&self, request: &Parts) -> Answer {
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut answer = problem(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are answered");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        let path = request.uri.path();
        if path == "/healthz" {
            return text("text/plain; charset=utf-8", "ok\n".to_owned());
        }
        match self.role.answer(request).await {
            Some(answer) => answer,
            // The path as it arrived: a proxy may have rewritten it.
            None => json(
                StatusCode::NOT_FOUND,
                &NotFound { error: format!("there is nothing at {path}"), routes: R::ROUTES },
            ),
        }
    }
}

/// What a HEAD gets. hyper leaves the body out by itself in HTTP/1 only.
fn without_body(mut answer: Answer) -> Answer {
    let length = answer.body().size_hint().lower();
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *answer.body_mut() = Full::default();
    answer
}

#[derive(Serialize)]
struct NotFound {
    error: String,
    routes: &'static [&'static str],
}

#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
}

/// A 200 with this text.
pub fn text(content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::from(body));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_string(body) {
        Ok(body) => {
            let mut answer = text("application/json", body + "\n");
            *answer.status_mut() = status;
            answer
        }
        Err(error) => {
            let mut answer = text("text/plain; charset=utf-8", format!("{error}\n"));
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
    }
}

/// An error, in JSON: `{"error": "..."}`.
pub fn problem(status: StatusCode, error: &str) -> Answer {
    json(status, &Problem { error })
}
