//! What a case can be asked of: five ways to carry out the same resources.
//!
//! | engine | what it is |
//! |---|---|
//! | [`core`] | the decision code of the modules, natively and without a proxy |
//! | suite | real Envoy with all behaviours in one module, as `generate bootstrap` sets it up |
//! | modules | real Envoy with one module a behaviour |
//! | native | real Envoy without a module, on routes that the [twin](crate::native) makes of the resources |
//! | istiod | real Envoy without a module, on what Istio's own [control plane](crate::istiod) sends |
//! | a module alone | real Envoy that loads a single module, where a row asks for it |
//!
//! What an engine cannot know it does not say ([`Answer`] has holes), and nobody compares it.

pub mod core;
mod crowd;
mod istiod;
mod listener;
pub mod proxy;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use envoy_config::filter::{MODULES, Module};
use serde::Deserialize;

use crate::corpus::case::RequestFields;
use crate::metrics::Labels;

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The core alone.
    Core,
    /// All behaviours in one module.
    Suite,
    /// One module a behaviour.
    Modules,
    /// No module: Envoy's own routes.
    Native,
    /// No module: what Istio's own control plane sends.
    Istiod,
    /// One module, without the other five.
    Alone(Behaviour),
}

/// What has a module of its own, in the order of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Behaviour {
    Stats,
    Fault,
    Canary,
    CircuitBreaker,
    Mirror,
    Router,
}

impl Behaviour {
    /// All of them.
    pub const ALL: [Behaviour; 6] = [
        Behaviour::Stats,
        Behaviour::Fault,
        Behaviour::Canary,
        Behaviour::CircuitBreaker,
        Behaviour::Mirror,
        Behaviour::Router,
    ];

    /// Its module.
    pub fn module(self) -> Module {
        MODULES[self as usize]
    }
}

impl Kind {
    /// Those that run every row, unless it excludes them.
    pub const WHOLE: [Kind; 5] = [Kind::Core, Kind::Suite, Kind::Modules, Kind::Native, Kind::Istiod];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Kind> {
        Kind::WHOLE.into_iter().chain(Behaviour::ALL.map(Kind::Alone))
    }

    /// Its name, in case files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Alone(behaviour) => behaviour.module().name,
            Kind::Core => "core",
            Kind::Suite => "suite",
            Kind::Modules => "modules",
            Kind::Native => "native",
            Kind::Istiod => "istiod",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Alone(_) => write!(f, "{} alone", self.name()),
            _ => f.pad(self.name()),
        }
    }
}

/// Carries out requests.
pub trait Engine {
    /// Sends the request once. `key` is unique to the row, the engine and the repetition, for upstreams that count.
    /// Upstreams are given time to see `at_least` so many requests: mirrors may get theirs after the client its answer.
    fn ask(&mut self, request: &RequestFields, key: &str, at_least: usize) -> Answer;

    /// Every series of `istio_requests_total`, once all requests so far are counted; nothing where nobody counts.
    fn counts(&mut self) -> Option<BTreeMap<Labels, f64>> {
        None
    }
}

/// Headers in order: names in lower case, values as bytes.
pub type Headers = Vec<(String, Vec<u8>)>;

/// What came of a request, as far as the engine knows.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The status.
    pub status: Option<u16>,
    /// How many clients got which status, where several asked at the same time.
    pub statuses: Option<BTreeMap<u16, u32>>,
    /// The most requests that upstreams were answering at any time.
    pub most_at_once: Option<u32>,
    /// The response headers.
    pub headers: Option<Headers>,
    /// The response trailers.
    pub trailers: Option<Headers>,
    /// The body.
    pub body: Option<Vec<u8>>,
    /// What upstreams saw, in order.
    pub upstream: Option<Vec<Upstream>>,
    /// Whether `upstream` holds every attempt; without a proxy there is one.
    pub all_attempts: bool,
    /// Headers that are added on the way and that the engine knows nothing of.
    pub unknown_headers: &'static [&'static str],
    /// How long it took.
    pub took: Option<Duration>,
}

/// A request as it reached an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The cluster.
    pub cluster: String,
    /// The path, query included.
    pub path: String,
    /// The authority.
    pub authority: String,
    /// The method.
    pub method: String,
    /// `HTTP/1.1` or `HTTP/2.0`, where there is a wire.
    pub version: Option<String>,
    /// Headers without pseudo headers; values as [`shown`].
    pub headers: Vec<(String, String)>,
}

/// Headers that a request carries beside those that the case names: the upstream's counters want a key of their own.
fn extra_headers(request: &RequestFields, key: &str) -> Headers {
    let mut extra = Vec::new();
    if request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-echo-status-first")) {
        extra.push(("x-echo-key".to_owned(), key.as_bytes().to_vec()));
    }
    if let Some(source) = &request.source {
        extra.push(("x-forwarded-for".to_owned(), source.as_bytes().to_vec()));
    }
    extra
}

/// Every header of the request, extra ones included.
fn headers(request: &RequestFields, key: &str) -> Headers {
    let own = request.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.bytes()));
    own.chain(extra_headers(request, key)).collect()
}

/// Bytes as the [`Echo`](crate::echo::Echo) shows them: text where they are UTF-8, else one character a byte.
pub fn shown(bytes: &[u8]) -> String {
    let latin1 = || bytes.iter().map(|&byte| char::from(byte)).collect();
    std::str::from_utf8(bytes).map_or_else(|_| latin1(), str::to_owned)
}
