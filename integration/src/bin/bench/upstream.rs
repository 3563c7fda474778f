//! Upstreams: one for each cluster, each answering the same bytes for ever, with the cluster's name in a header. They
//! cost little and run on the load's processor, so that the proxy has its own to itself.

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
    response: Arc<[u8]>,
}

impl Upstream {
    /// For a cluster, with a body of so many bytes.
    pub fn bind(cluster: &str, body: usize) -> Result<Upstream, String> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| {
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, listener))
        });
        let (address, listener) = bound.map_err(|error| format!("an upstream has no port: {error}"))?;
        let mut response =
            format!("HTTP/1.1 200 OK\r\n{SERVED_BY}: {cluster}\r\ncontent-length: {body}\r\n\r\n").into_bytes();
        response.resize(response.len() + body, b'.');
        let (cluster, answered) = (cluster.to_owned(), Arc::default());
        Ok(Upstream { cluster, answered, listener, address, response: response.into() })
    }

    /// Answers as long as the runtime lives that this is called in.
    pub fn run(self) -> Result<(), String> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(|error| error.to_string())?;
        let (response, answered) = (self.response, self.answered);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (response, answered) = (Arc::clone(&response), Arc::clone(&answered));
                // A connection that the proxy closes is no error.
                tokio::spawn(async move { serve(stream, &response, &answered).await });
            }
        });
        Ok(())
    }
}

async fn serve(mut stream: TcpStream, response: &[u8], answered: &AtomicU64) -> std::io::Result<()> {
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
        let all = end + http1::length(&buffer[..end]).unwrap_or(0);
        while buffer.len() < all {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.drain(..all);
        answered.fetch_add(1, Ordering::Relaxed);
        stream.write_all(response).await?;
    }
}
