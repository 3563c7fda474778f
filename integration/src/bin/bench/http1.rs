//! As much of HTTP/1.1 as a load and its upstreams need, on bare sockets: whatever they cost is missing elsewhere.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ask::Ask;

/// The end of a head, behind its empty line.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// The value of a header, by its name in lower case, as Envoy and the load write it.
pub fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut lines = head.split(|byte| *byte == b'\n').skip(1);
    lines.find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
        Some(value.trim_ascii())
    })
}

/// The path of a request.
pub fn path(head: &[u8]) -> Option<&[u8]> {
    head.split(|byte| *byte == b' ').nth(1)
}

/// The body's length; absent is 0.
pub fn length(head: &[u8]) -> Option<usize> {
    let Some(value) = header(head, "content-length") else { return Some(0) };
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// The status of a response.
fn status(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

/// A connection that one client has to itself.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    request: Vec<u8>,
}

impl Connection {
    /// Opens one that will always ask the same.
    pub async fn open(address: SocketAddr, ask: &Ask) -> Result<Connection, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Connection { stream, buffer: Vec::with_capacity(80 * 1024), request: request(ask) })
    }

    /// Asks, and looks at the answer.
    pub async fn exchange(&mut self, ask: &Ask) -> Result<(), String> {
        self.stream.write_all(&self.request).await.map_err(|error| format!("asking failed: {error}"))?;
        let end = loop {
            if let Some(end) = head_end(&self.buffer) {
                break end;
            }
            self.read().await?;
        };
        let head = self.buffer.get(..end).unwrap_or_default();
        ask.judge(status(head).unwrap_or(0), |name| header(head, name))?;
        let body = length(head).ok_or("an answer has no length")?;
        ask.judge_length(body)?;
        let all = end + body;
        while self.buffer.len() < all {
            self.read().await?;
        }
        self.buffer.drain(..all);
        Ok(())
    }

    async fn read(&mut self) -> Result<(), String> {
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => Err("the proxy closed a connection".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("no answer: {error}")),
        }
    }
}

/// A request in bytes.
fn request(ask: &Ask) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", ask.method, ask.path, ask.authority);
    for (name, value) in &ask.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if ask.body > 0 {
        head.push_str(&format!("content-length: {}\r\n", ask.body));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.resize(bytes.len() + ask.body, b'.');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read() {
        let text = b"HTTP/1.1 503 Service Unavailable\r\nx-a: b\r\ncontent-length: 12\r\n\r\nhello";
        let end = head_end(text).unwrap();
        assert_eq!((status(text), length(&text[..end]), &text[end..]), (Some(503), Some(12), &b"hello"[..]));
        assert_eq!((header(text, "x-a"), header(text, "x")), (Some(&b"b"[..]), None));
        assert_eq!((head_end(b"GET / HTTP/1.1\r\n"), length(b"GET / HTTP/1.1\r\n\r\n")), (None, Some(0)));
    }
}
