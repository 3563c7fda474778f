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

use envoy_config::cases;
pub use envoy_config::cases::{Answer, Behaviour, Headers, Upstream, shown};
use envoy_config::filter::{MODULES, Module};

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

/// The module of a behaviour.
pub fn module(behaviour: Behaviour) -> Module {
    MODULES[behaviour as usize]
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
            Kind::Alone(behaviour) => module(behaviour).name,
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

/// Every header of the request, with what the upstream's counters want: a key of their own.
fn headers(request: &RequestFields, key: &str) -> Headers {
    let mut headers = cases::headers(request);
    if headers.iter().any(|(name, _)| name == "x-echo-status-first") {
        headers.push(("x-echo-key".to_owned(), key.as_bytes().to_vec()));
    }
    headers
}
