//! Request targets that hyper refuses: an Envoy that rewrites paths may send `GET cats HTTP/1.1`, or no target at all.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The header that holds such a target while hyper sees `/` in its place.
pub(super) const TARGET: &str = "x-echo-target";

/// A connection whose request heads hyper can read, whatever their targets are.
///
/// Envoy sends a request of HTTP/1.1 once the one before it is answered. So a head is what comes first, and what comes
/// first after anything was written.
pub(super) struct AnyTarget<S> {
    stream: S,
    /// Whether the next bytes are the begin of a head.
    at_head: bool,
    /// Read from the stream, and not by hyper so far.
    ahead: Vec<u8>,
}

impl<S> AnyTarget<S> {
    pub(super) fn new(stream: S) -> AnyTarget<S> {
        AnyTarget { stream, at_head: true, ahead: Vec::new() }
    }
}

/// The same bytes, with a target that hyper refuses in a header.
fn readable(bytes: &[u8]) -> Option<Vec<u8>> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = bytes.split_at(end);
    let line = line.strip_suffix(b" HTTP/1.1")?;
    let (method, target) = line.split_at(line.iter().position(|byte| *byte == b' ')?);
    let target = &target[1..];
    if target.starts_with(b"/") || method == b"CONNECT" || method == b"OPTIONS" {
        return None;
    }
    let header = [&b"\r\n"[..], TARGET.as_bytes(), b": ", target].concat();
    Some([method, b" / HTTP/1.1", &header, rest].concat())
}

impl<S: AsyncRead + Unpin> AsyncRead for AnyTarget<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            if !self.at_head {
                return Pin::new(&mut self.stream).poll_read(context, into);
            }
            let mut bytes = vec![0; 64 * 1024];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut read))?;
            self.at_head = read.filled().is_empty();
            self.ahead = readable(read.filled()).unwrap_or_else(|| read.filled().to_vec());
        }
        let length = self.ahead.len().min(into.remaining());
        into.put_slice(&self.ahead[..length]);
        self.ahead.drain(..length);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for AnyTarget<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.at_head = true;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.at_head = true;
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_without_a_slash_becomes_a_header() {
        for (sent, read) in [
            ("GET cats HTTP/1.1\r\nhost: a\r\n\r\n", Some("GET / HTTP/1.1\r\nx-echo-target: cats\r\nhost: a\r\n\r\n")),
            ("GET  HTTP/1.1\r\nhost: a\r\n\r\n", Some("GET / HTTP/1.1\r\nx-echo-target: \r\nhost: a\r\n\r\n")),
            ("GET ?a b HTTP/1.1\r\n\r\n", Some("GET / HTTP/1.1\r\nx-echo-target: ?a b\r\n\r\n")),
            ("GET /cats HTTP/1.1\r\n\r\n", None),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", None),
            ("OPTIONS * HTTP/1.1\r\n\r\n", None),
            ("CONNECT a:80 HTTP/1.1\r\n\r\n", None),
            ("any body", None),
            ("", None),
        ] {
            let made = readable(sent.as_bytes()).map(|bytes| String::from_utf8(bytes).expect("text stays text"));
            assert_eq!(made.as_deref(), read, "{sent:?}");
        }
    }
}
