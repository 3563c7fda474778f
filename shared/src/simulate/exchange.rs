//! A request on its way and its answer on the way back: changes are applied to whichever it is, and written down.

use std::borrow::Cow;

use crate::act::{Changes, INTERNAL_HEADERS, Reply};
use crate::names::is_internal_header;
use crate::plan::format::{Clock, Fact, Source};

/// Names, in lower case, and values, in order; a name may be there several times.
pub type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// A request as the filters of a proxy see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incoming {
    /// All headers, pseudo headers included.
    pub headers: Headers,
    /// The client's address without its port, where it is known.
    pub source: Option<Vec<u8>>,
    /// What else the proxy knows, for format strings.
    pub facts: Vec<(Fact, Vec<u8>)>,
    /// When it came, in nanoseconds since 1970, where format strings may ask for that.
    pub time: Option<u64>,
}

impl Incoming {
    /// A request over HTTP/1.1. `host` among the headers replaces the authority, and their names may have capitals.
    pub fn new<'h>(
        method: &str,
        scheme: &str,
        authority: &str,
        path: &str,
        headers: impl IntoIterator<Item = (&'h [u8], &'h [u8])>,
    ) -> Incoming {
        let pseudo = [
            (":method", method),
            (":scheme", scheme),
            (":authority", authority),
            (":path", path),
            ("x-forwarded-proto", scheme),
        ];
        let mut all: Headers = pseudo.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec())).into();
        for (name, value) in headers {
            let name = name.to_ascii_lowercase();
            // What the client says of the scheme counts for nothing at a gateway; here it is asked on purpose.
            let single: &[u8] = if name == b"host" { b":authority" } else { &name };
            match all.iter_mut().find(|(known, _)| known == single && is_single(known)) {
                Some((_, known)) => *known = value.to_vec(),
                None => all.push((name, value.to_vec())),
            }
        }
        let facts = vec![(Fact::Protocol, b"HTTP/1.1".to_vec())];
        Incoming { headers: all, source: None, facts, time: None }
    }

    /// The headers as a [`Request`](crate::decide::Request) views them.
    pub fn pairs(&self) -> Vec<(&[u8], &[u8])> {
        self.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect()
    }
}

/// Whether a header has one value alone.
fn is_single(name: &[u8]) -> bool {
    name.starts_with(b":") || name == b"x-forwarded-proto"
}

/// What a destination, or whoever answers in its place, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u32,
    /// Its headers, without pseudo headers.
    pub headers: Headers,
    /// Whether a destination has given it; none has where its cluster is not there.
    pub by_destination: bool,
}

impl Answer {
    /// A destination's.
    pub fn of_destination(status: u32, headers: Headers) -> Answer {
        Answer { status, headers, by_destination: true }
    }

    /// The proxy's own, in place of a destination.
    pub fn of_proxy(status: u32) -> Answer {
        Answer { status, headers: Vec::new(), by_destination: false }
    }
}

/// A change of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// In place of all values.
    Set(Vec<u8>, Vec<u8>),
    /// Beside the values.
    Add(Vec<u8>, Vec<u8>),
    /// All values are gone.
    Remove(Vec<u8>),
}

impl Change {
    /// Of which header.
    pub fn name(&self) -> &[u8] {
        let (Change::Set(name, _) | Change::Add(name, _) | Change::Remove(name)) = self;
        name
    }
}

/// Both ways of one request.
pub(super) struct Exchange<'i> {
    incoming: &'i Incoming,
    request: Way,
    answer: Option<Answered>,
}

#[derive(Default)]
struct Way {
    headers: Headers,
    changes: Vec<Change>,
}

/// The way back.
struct Answered {
    way: Way,
    status: u32,
    by_destination: bool,
    /// Of the cluster that answered, for format strings.
    cluster: Option<Vec<u8>>,
    details: Option<&'static str>,
}

impl<'i> Exchange<'i> {
    pub(super) fn new(incoming: &'i Incoming) -> Exchange<'i> {
        let request = Way { headers: incoming.headers.clone(), changes: Vec::new() };
        Exchange { incoming, request, answer: None }
    }

    /// It is answered here; from now on changes are the answer's.
    pub(super) fn reply(&mut self, reply: &Reply<'_>) {
        let headers = reply.headers.iter().map(|(name, value)| (name.to_vec(), value.clone())).collect();
        let way = Way { headers, changes: Vec::new() };
        let (status, details) = (reply.status, Some(reply.details));
        self.answer = Some(Answered { way, status, by_destination: false, cluster: None, details });
    }

    /// A destination answers; from now on changes are the answer's.
    pub(super) fn answer(&mut self, cluster: &str, answer: Answer) {
        let Answer { status, headers, by_destination } = answer;
        let cluster = by_destination.then(|| cluster.as_bytes().to_vec());
        let details = by_destination.then_some("via_upstream");
        let way = Way { headers, changes: Vec::new() };
        self.answer = Some(Answered { way, status, by_destination, cluster, details });
    }

    /// The request as it reaches the destination: by then Envoy's router has taken its orders out.
    pub(super) fn sent(&mut self) -> (Headers, Vec<Change>) {
        let Way { mut headers, mut changes } = std::mem::take(&mut self.request);
        headers.retain(|(name, _)| !is_internal(name));
        changes.retain(|change| !is_internal(change.name()));
        (headers, changes)
    }

    /// The answer as it reaches the client; one that nobody gave is none of a destination.
    pub(super) fn answered(self) -> (Answer, Vec<Change>) {
        match self.answer {
            Some(Answered { way: Way { headers, changes }, status, by_destination, .. }) => {
                (Answer { status, headers, by_destination }, changes)
            }
            None => (Answer::of_proxy(404), Vec::new()),
        }
    }

    fn now(&mut self) -> &mut Way {
        self.answer.as_mut().map_or(&mut self.request, |answer| &mut answer.way)
    }
}

fn is_internal(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| INTERNAL_HEADERS.contains(&name) || is_internal_header(name))
}

impl Changes for Exchange<'_> {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let way = self.now();
        // In the place of the first value.
        let at = way.headers.iter().position(|(known, _)| known == name).unwrap_or(way.headers.len());
        way.headers.retain(|(known, _)| known != name);
        way.headers.insert(at, (name.to_vec(), value.to_vec()));
        way.changes.push(Change::Set(name.to_vec(), value.to_vec()));
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let way = self.now();
        way.headers.push((name.to_vec(), value.to_vec()));
        way.changes.push(Change::Add(name.to_vec(), value.to_vec()));
    }

    fn remove(&mut self, name: &[u8]) {
        let way = self.now();
        way.headers.retain(|(known, _)| known != name);
        way.changes.push(Change::Remove(name.to_vec()));
    }
}

impl Source for Exchange<'_> {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        first(&self.request.headers, name)
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let answer = self.answer.as_ref()?;
        if name == b":status" {
            return Some(Cow::Owned(answer.status.to_string().into_bytes()));
        }
        first(&answer.way.headers, name)
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        let answer = self.answer.as_ref();
        let found = match fact {
            Fact::DownstreamRemoteAddressWithoutPort => self.incoming.source.as_deref().map(Cow::Borrowed),
            Fact::ResponseCode => {
                let status = answer.filter(|answer| answer.by_destination).map(|answer| answer.status);
                status.map(|status| Cow::Owned(status.to_string().into_bytes()))
            }
            Fact::ResponseCodeDetails => Some(Cow::Borrowed(answer?.details?.as_bytes())),
            Fact::UpstreamCluster | Fact::UpstreamClusterRaw => answer?.cluster.as_deref().map(Cow::Borrowed),
            _ => None,
        };
        let told = || self.incoming.facts.iter().find(|(known, _)| *known == fact);
        found.or_else(|| told().map(|(_, value)| Cow::Borrowed(value.as_slice())))
    }

    fn flags(&self) -> u64 {
        0
    }

    /// Nothing takes any time here.
    fn time(&self, _: Clock) -> Option<u64> {
        self.incoming.time
    }
}

/// Of several values the first, as in Envoy.
fn first<'h>(headers: &'h Headers, name: &[u8]) -> Option<Cow<'h, [u8]>> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Borrowed(value.as_slice()))
}
