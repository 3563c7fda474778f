//! Upstreams: one for each cluster, each answering the same bytes for ever, with the cluster's name in a header, to
//! requests that are as they have to be. They cost little and run on the load's processor, so that the proxy has its own
//! to itself.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http1;

/// The header that says which cluster answered.
pub const SERVED_BY: &str = "x-served-by";

/// An upstream that has its port, and answers once it runs.
pub struct Upstream {
    /// Its cluster.
    pub cluster: String,
    /// How many requests it has answered.
    pub answered: Arc<AtomicU64>,
    listener: TcpListener,
    /// Where it is.
    pub address: SocketAddr,
    exchange: Arc<Exchange>,
}

/// What comes and what goes.
struct Exchange {
    /// What requests have to hold, by `:path` and headers' names.
    due: Vec<(&'static str, String)>,
    response: Vec<u8>,
}

impl Exchange {
    fn answers(&self, head: &[u8]) -> bool {
        self.due.iter().all(|(name, value)| {
            let got = if *name == ":path" { http1::path(head) } else { http1::header(head, name) };
            got == Some(value.as_bytes())
        })
    }
}

/// For requests that are not as they have to be: no row has a figure that gets it.
const WRONG: &[u8] = b"HTTP/1.1 500 Wrong request\r\ncontent-length: 0\r\n\r\n";

impl Upstream {
    /// For a cluster that gets requests with these headers, and answers with a body of so many bytes.
    pub fn bind(cluster: &str, due: Vec<(&'static str, String)>, body: usize) -> Result<Upstream, String> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = bound.map_err(|error| format!("an upstream has no port: {error}"))?;
        let mut response =
            format!("HTTP/1.1 200 OK\r\n{SERVED_BY}: {cluster}\r\ncontent-length: {body}\r\n\r\n").into_bytes();
        response.resize(response.len() + body, b'.');
        let (cluster, answered) = (cluster.to_owned(), Arc::default());
        Ok(Upstream { cluster, answered, listener, address, exchange: Arc::new(Exchange { due, response }) })
    }

    /// Answers as long as the runtime lives that this is called in.
    pub fn run(self) -> Result<(), String> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(|error| error.to_string())?;
        let (exchange, answered) = (self.exchange, self.answered);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (exchange, answered) = (Arc::clone(&exchange), Arc::clone(&answered));
                // A connection that the proxy closes is no error.
                tokio::spawn(async move { serve(stream, &exchange, &answered).await });
            }
        });
        Ok(())
    }
}

async fn serve(mut stream: TcpStream, exchange: &Exchange, answered: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(80 * 1024);
    loop {
        let end = loop {
            if let Some(end) = http1::head_end(&buffer) {
                break end;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = buffer.get(..end).unwrap_or_default();
        let answers = exchange.answers(head);
        let all = end + http1::length(head).unwrap_or(0);
        while buffer.len() < all {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.drain(..all);
        answered.fetch_add(1, Ordering::Relaxed);
        stream.write_all(if answers { &exchange.response } else { WRONG }).await?;
    }
}
