//! HTTP/2, by hyper: several clients share a connection.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::ask::Ask;

/// A share in a connection.
#[derive(Clone)]
pub struct Stream {
    sender: SendRequest<Full<Bytes>>,
    request: Request<Full<Bytes>>,
}

impl Stream {
    /// Opens a connection whose streams will always ask the same.
    pub async fn open(address: SocketAddr, ask: &Ask) -> Result<Stream, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let handshake = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(1 << 24)
            .handshake(TokioIo::new(stream));
        let (sender, connection) = handshake.await.map_err(|error| format!("{address}: {error}"))?;
        // It ends with its senders, and whoever asks hears of its errors.
        tokio::spawn(connection);
        let uri = Uri::builder().scheme("http").authority(ask.authority.as_str()).path_and_query(ask.path.as_str());
        let mut request = Request::builder().method(ask.method).uri(uri.build().map_err(|error| error.to_string())?);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        let body = Full::new(Bytes::from(vec![b'.'; ask.body]));
        Ok(Stream { sender, request: request.body(body).map_err(|error| error.to_string())? })
    }

    /// Asks, and looks at the answer.
    pub async fn exchange(&mut self, ask: &Ask) -> Result<(), String> {
        self.sender.ready().await.map_err(|error| format!("asking failed: {error}"))?;
        let response = self.sender.send_request(self.request.clone()).await;
        let mut response = response.map_err(|error| format!("no answer: {error}"))?;
        let headers = response.headers();
        ask.judge(response.status().as_u16(), |name| headers.get(name).map(|value| value.as_bytes()))?;
        let mut body = 0;
        while let Some(frame) = response.frame().await {
            let frame = frame.map_err(|error| format!("half an answer: {error}"))?;
            body += frame.data_ref().map_or(0, Bytes::len);
        }
        ask.judge_length(body)
    }
}
