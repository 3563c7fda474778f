//! A body that breaks off.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::Sleep;

/// Some bytes, then an error: hyper closes the connection, or resets the stream.
pub(super) struct Broken {
    bytes: Option<Bytes>,
    /// What was given to hyper is lost if the error comes before it is written.
    written: Pin<Box<Sleep>>,
}

impl Broken {
    pub(super) fn after(length: usize) -> Broken {
        Broken {
            bytes: Some(vec![b'x'; length].into()),
            written: Box::pin(tokio::time::sleep(Duration::from_millis(5))),
        }
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.written.as_mut().poll(context).map(|()| Some(Err(io::Error::other("broken off, as asked"))))
    }
}
