//! The kinds of request, and what may come of each.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use hyper::body::{Body, Bytes, Frame};
use hyper::{Request, Uri};

use super::tally::Outcome;
use crate::random::Random;

/// A kind of request.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// So many of a thousand requests.
    share: u32,
    path: &'static str,
    /// Headers for one half of them, and for the other.
    headers: [&'static [(&'static str, &'static str)]; 2],
    /// The most bytes that it sends.
    upload: u32,
    /// What may come of it, and comes at least once in ten thousand requests. The rarest is an abort at 5 %, which 440
    /// requests miss once in six billion runs.
    pub(super) common: &'static [Outcome],
    /// What may come of it besides.
    pub(super) rare: &'static [Outcome],
}

use Outcome::{Broken, Status};

const ANY: [&[(&str, &str)]; 2] = [&[], &[]];
const FINE: &[Outcome] = &[Status(200)];
const NO_ROOM: &[Outcome] = &[Status(503), Status(504)];

const fn kind(name: &'static str, share: u32, path: &'static str) -> Kind {
    Kind { name, share, path, headers: ANY, upload: 0, common: FINE, rare: &[] }
}

/// All kinds; the shares add up to 1000.
pub(super) static KINDS: &[Kind] = &[
    Kind { headers: [&[], &[("cookie", "version=seven")]], ..kind("split", 400, "/split") },
    Kind { upload: 40_000, ..kind("upload", 80, "/split") },
    Kind { headers: [&[("x-echo-body-bytes", "70000")]; 2], ..kind("download", 40, "/split") },
    Kind {
        headers: [&[("x-echo-delay-ms", "3")], &[("x-echo-delay-ms", "9")]],
        upload: 2_000,
        rare: NO_ROOM,
        ..kind("narrow", 120, "/narrow")
    },
    Kind {
        headers: [&[("x-echo-delay-ms", "2")], &[("x-echo-delay-ms", "30")]],
        common: &[Status(504)],
        rare: &[Status(200), Status(503)],
        ..kind("tight", 40, "/tight")
    },
    Kind { headers: [&[("x-echo-delay-ms", "5")]; 2], rare: NO_ROOM, ..kind("wide", 40, "/wide") },
    Kind {
        headers: [&[("content-type", "application/grpc"), ("te", "trailers")]; 2],
        upload: 200,
        ..kind("grpc", 20, "/wide")
    },
    Kind {
        headers: [&[], &[("x-echo-delay-ms", "40")]],
        common: &[Status(504)],
        rare: FINE,
        ..kind("late", 40, "/late")
    },
    Kind { common: &[Status(200), Status(418)], upload: 1_000, ..kind("fault", 50, "/fault") },
    Kind { upload: 4_000, ..kind("copied", 40, "/copied") },
    Kind {
        headers: [&[], &[("x-echo-status", "500")]],
        common: &[Status(503)],
        rare: &[Status(200), Status(500), Status(504)],
        ..kind("flaky", 30, "/flaky")
    },
    Kind {
        headers: [&[("x-echo-reset", "1")], &[("x-echo-status", "503")]],
        common: &[Status(503)],
        ..kind("again", 20, "/again")
    },
    Kind { headers: [&[("x-echo-reset", "1")]; 2], common: &[Status(503)], ..kind("reset", 20, "/once") },
    // On a busy machine the upstream may not have written the beginning of its answer when it breaks off.
    Kind {
        headers: [&[("x-echo-break-bytes", "3000")]; 2],
        common: &[Broken],
        rare: &[Status(503)],
        ..kind("broken", 20, "/once")
    },
    Kind { common: &[Status(209)], ..kind("direct", 20, "/direct") },
    Kind { common: &[Status(301)], ..kind("away", 10, "/away") },
    Kind { common: &[Status(404)], ..kind("nothing", 10, "/nothing") },
];

impl Kind {
    /// Whether this may come of it.
    pub(super) fn allows(&self, outcome: &Outcome) -> bool {
        self.common.contains(outcome) || self.rare.contains(outcome)
    }
}

/// When a client leaves before all is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// It stays.
    Never,
    /// After this time, whatever there is by then.
    After(Duration),
    /// While it sends its body.
    Sending,
    /// When it has seen the first bytes of the answer's body.
    Receiving,
}

/// One request.
#[derive(Debug)]
pub(super) struct Asked {
    /// Its place in [`KINDS`].
    pub(super) kind: usize,
    pub(super) leaves: Leaves,
    half: usize,
    bytes: u32,
}

impl Asked {
    pub(super) fn draw(random: &mut Random) -> Asked {
        let mut at = random.between(0, 1000);
        let mut kind = 0;
        while at >= KINDS[kind].share {
            at -= KINDS[kind].share;
            kind += 1;
        }
        let leaves = match random.between(0, 100) {
            0..8 => Leaves::After(Duration::from_micros(u64::from(random.between(0, 12_000)))),
            8..10 => Leaves::Sending,
            10..12 => Leaves::Receiving,
            _ => Leaves::Never,
        };
        let bytes = match KINDS[kind].upload {
            0 => 0,
            most => random.between(0, most),
        };
        Asked { kind, leaves, half: random.between(0, 2) as usize, bytes }
    }

    /// As HTTP wants it.
    pub(super) fn request(&self, authority: &str, http2: bool) -> Request<Upload> {
        let kind = &KINDS[self.kind];
        let sends = self.bytes > 0 || self.leaves == Leaves::Sending;
        let mut request = Request::new(Upload { left: self.bytes, breaks: self.leaves == Leaves::Sending });
        if sends {
            *request.method_mut() = hyper::Method::POST;
        }
        let uri = if http2 {
            Uri::builder().scheme("http").authority(authority).path_and_query(kind.path).build()
        } else {
            Uri::builder().path_and_query(kind.path).build()
        };
        *request.uri_mut() = uri.expect("paths are written above");
        let headers = request.headers_mut();
        if !http2 {
            headers.insert("host", authority.parse().expect("an address is a host"));
        }
        for (name, value) in kind.headers[self.half] {
            headers.insert(*name, value.parse().expect("headers are written above"));
        }
        request
    }
}

/// A body of so many bytes.
#[derive(Debug)]
pub(super) struct Upload {
    left: u32,
    /// Whether it breaks off when they are sent, in place of ending.
    breaks: bool,
}

/// Why a body breaks off.
#[derive(Debug)]
pub(super) struct Leaving;

impl fmt::Display for Leaving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the client leaves while it sends")
    }
}

impl std::error::Error for Leaving {}

impl Body for Upload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        static BYTES: [u8; 8192] = [b'y'; 8192];
        if self.left == 0 {
            let error = self.breaks.then(|| Err(io::Error::other(Leaving)));
            return Poll::Ready(error);
        }
        let length = self.left.min(BYTES.len() as u32);
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BYTES[..length as usize])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && !self.breaks
    }
}
