//! Access logs: which requests were made, how often, and what their lines do not say.
//!
//! Lines are read as they come, by several threads, and the same requests are counted together at once: a day's log is
//! longer than memory.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};
use std::sync::Mutex;
use std::sync::mpsc;
use std::thread;

use serde::Serialize;

mod json;
mod tally;
mod text;

use tally::{Tally, tally};

/// As much is read at once, up to the end of a line.
const BLOCK: usize = 1 << 22;
/// A longer line is none of an access log.
const LONGEST: usize = 1 << 24;
/// More threads would wait for memory.
const MOST_THREADS: usize = 4;
/// So many lines that are no request are shown.
const SHOWN: usize = 3;

/// What a log says of a request's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Logged<'a> {
    /// Nothing: it may have been there or not.
    #[default]
    Unknown,
    /// It was not there.
    Absent,
    /// Its value.
    Value(&'a str),
}

/// A request as a log has it. What nobody asks for is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The method.
    pub method: &'a str,
    /// The host, port included.
    pub authority: &'a str,
    /// With its query.
    pub path: &'a str,
    /// `http` or `https`, where the line says it.
    pub scheme: Option<&'a str>,
    /// The port at which it came in.
    pub port: Option<u16>,
    /// The headers that somebody asks for, in the order in which they were asked for.
    pub headers: Vec<Logged<'a>>,
}

/// A request, and how often it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its parts, a line each.
    key: Box<str>,
    /// How often.
    pub count: u64,
    /// The line of the first of them.
    pub line: u64,
}

/// A line that is no request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stray {
    /// The line, from 1.
    pub line: u64,
    /// Its beginning.
    pub text: String,
    /// What is missing in it.
    pub why: String,
}

/// What a log says.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The requests, the most frequent first.
    pub requests: Vec<Counted>,
    /// How many lines are requests.
    pub count: u64,
    /// How many lines are of the side of the server, where no rules are looked at.
    pub inbound: u64,
    /// How many are of connections that are not HTTP.
    pub connections: u64,
    /// How many are something else.
    pub strays: u64,
    /// The first of those.
    pub shown: Vec<Stray>,
}

/// A line, read.
enum Line<'a> {
    Request(Fields<'a>),
    Inbound,
    Connection,
    /// And what is missing.
    Stray(Cow<'static, str>),
}

/// What is known of a request; the headers in the order in which they are asked for.
#[derive(Default)]
struct Fields<'a> {
    method: Option<Cow<'a, str>>,
    authority: Option<Cow<'a, str>>,
    path: Option<Cow<'a, str>>,
    scheme: Option<Cow<'a, str>>,
    local: Option<Cow<'a, str>>,
    cluster: Option<Cow<'a, str>>,
    server_name: Option<Cow<'a, str>>,
    /// None is unknown, some none absent.
    headers: Vec<Option<Option<Cow<'a, str>>>>,
    /// Whether there is anything of a request in it at all.
    any: bool,
}

/// Why there is no log.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// It could not be read on.
    Unreadable(io::Error),
    /// It has no lines.
    Empty,
    /// None of its lines is a request.
    Unknown(Vec<Stray>),
    /// A line that has no end.
    Endless(u64),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LogError::Unreadable(error) => write!(f, "cannot read it: {error}"),
            LogError::Empty => f.write_str("there are no lines in it"),
            LogError::Endless(line) => {
                write!(f, "line {line} is longer than {} MiB: is it an access log?", LONGEST >> 20)
            }
            LogError::Unknown(shown) => {
                f.write_str("no line of it is a request that somebody could make again")?;
                for Stray { line, text, why } in shown {
                    write!(f, "\n  line {line}: {why}: {text}")?;
                }
                f.write_str(
                    "\nexpected an access log of Envoy, Istio or `sailcloth run --access-log`: a JSON object a line with \
                     `method`, `path` and `authority`, or their text format; or cases, as `sailcloth test` takes them",
                )
            }
        }
    }
}

impl std::error::Error for LogError {}

/// Reads a log to its end; `wanted` are the headers that somebody asks for, in lower case.
///
/// # Errors
/// When it cannot be read, or no line is a request.
pub fn read(mut from: impl Read, wanted: &[String]) -> Result<Log, LogError> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
    let (send, receive) = mpsc::sync_channel::<(u64, Vec<u8>)>(threads);
    let receive = Mutex::new(receive);
    let (read, tallies) = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| tally(&receive, wanted))).collect();
        let read = blocks(&mut from, |line, block| send.send((line, block)).is_ok());
        drop(send);
        let tallies = workers.into_iter().map(|it| it.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        (read, tallies.collect::<Vec<_>>())
    });
    read?;
    let mut all = Tally::default();
    tallies.into_iter().for_each(|tally| all.add(tally));
    all.finish()
}

/// Cuts what is read into blocks of whole lines, each with the number of its first line.
fn blocks(from: &mut impl Read, mut take: impl FnMut(u64, Vec<u8>) -> bool) -> Result<(), LogError> {
    let (mut line, mut rest) = (1, Vec::new());
    loop {
        let mut block = std::mem::take(&mut rest);
        let before = block.len();
        let read = from.take(BLOCK as u64).read_to_end(&mut block).map_err(LogError::Unreadable)?;
        if read == 0 {
            if !block.is_empty() {
                take(line, block);
            }
            return Ok(());
        }
        let end = block.iter().skip(before).rposition(|byte| *byte == b'\n').map(|at| before + at + 1);
        match end {
            Some(end) => rest = block.split_off(end),
            None if block.len() > LONGEST => return Err(LogError::Endless(line)),
            None => {
                rest = block;
                continue;
            }
        }
        let lines = block.iter().filter(|byte| **byte == b'\n').count();
        if !take(line, block) {
            return Ok(());
        }
        line += lines as u64;
    }
}

impl Logged<'_> {
    fn of(part: &str) -> Logged<'_> {
        match part.split_at_checked(1) {
            Some(("=", value)) => Logged::Value(value),
            Some(_) => Logged::Absent,
            None => Logged::Unknown,
        }
    }
}

impl Counted {
    /// The request.
    pub fn entry(&self) -> Entry<'_> {
        let mut parts = self.key.split('\n');
        let mut next = || parts.next().unwrap_or_default();
        let [method, authority, path, scheme, port] = [next(), next(), next(), next(), next()];
        let mut headers: Vec<Logged<'_>> = parts.map(Logged::of).collect();
        // Every part has its end, the last as well.
        headers.pop();
        let scheme = Some(scheme).filter(|scheme| !scheme.is_empty());
        Entry { method, authority, path, scheme, port: port.parse().ok(), headers }
    }
}

impl<'a> Fields<'a> {
    /// A request, when all is there that makes one.
    fn line(self) -> Line<'a> {
        let inbound =
            |cluster: &Cow<'_, str>| cluster.starts_with("inbound|") || cluster == "InboundPassthroughCluster";
        if self.cluster.as_ref().is_some_and(inbound) {
            return Line::Inbound;
        }
        let missing = [("method", &self.method), ("path", &self.path), ("authority", &self.authority)];
        let missing: Vec<&str> = missing.into_iter().filter(|(_, it)| it.is_none()).map(|(name, _)| name).collect();
        match missing.as_slice() {
            [] => Line::Request(self),
            [_, _, _] if self.any => Line::Connection,
            _ => {
                let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
                Line::Stray(format!("without {}", names.join(", ")).into())
            }
        }
    }
}

#[cfg(test)]
mod tests;
