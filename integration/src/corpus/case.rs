//! The form of a case file. What is misspelt in one is an error that says where.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::engine::{Behaviour, Kind};
use crate::metrics::Labels;

/// One document of a case file: resources, the proxy that they are put on, and what is asked of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// What the proxy is told.
    pub resources: Vec<ResourceSource>,
    /// Who the proxy is.
    #[serde(default)]
    pub proxy: ProxyFields,
    /// The number of Envoy's workers; the first scene of a file decides.
    pub workers: Option<u32>,
    /// Where the generated routes lead when a module is alone that names no cluster.
    pub alone_to: Option<String>,
    /// Why Istio's webhook refuses one of the resources, where it does: `istiod` is asked past it.
    pub unvalidated: Option<String>,
    /// Which engines run the cases.
    #[serde(default)]
    pub engines: Engines,
    /// Whether clusters have their `outlier_detection`. Each engine then has an Envoy of its own, for what one of them does
    /// to its upstreams must not show at another; so it is for a whole file as soon as one scene says it.
    #[serde(default)]
    pub outlier_detection: bool,
    /// The rows.
    pub cases: Vec<Case>,
}

/// Where resources come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ResourceSource {
    /// A file or folder, relative to the case file.
    Path(String),
    /// A resource, as it stands.
    Inline(Value),
}

/// Who the proxy is, as in a module's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProxyFields {
    /// Its namespace; absent is `default`.
    pub namespace: Option<String>,
    /// The Gateways that it serves, and `mesh`.
    #[serde(default)]
    pub gateways: Vec<String>,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The port that Istio would see.
    pub port: Option<u16>,
}

/// Which engines run something.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Engines {
    /// Those that do not, each with its reason.
    #[serde(default)]
    pub exclude: BTreeMap<Excluded, Exclusion>,
    /// Modules that run it too, each without the others; of a row in place of its scene's.
    pub alone: Option<Vec<Behaviour>>,
}

impl Engines {
    /// Whether the engine is excluded where Envoy is of this version.
    pub fn excluded(&self, kind: Kind, envoy: &str) -> bool {
        self.exclude.iter().any(|(excluded, exclusion)| {
            let now = match exclusion {
                Exclusion::Always(_) => true,
                Exclusion::Before { before, .. } => numbers(envoy) < numbers(before),
            };
            now && excluded.holds(kind)
        })
    }
}

/// Who does not run something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Excluded {
    /// The core alone.
    Core,
    /// All behaviours in one module.
    Suite,
    /// One module a behaviour.
    Modules,
    /// Envoy without a module, whoever wrote its routes: both `native` and `istiod`.
    Native,
    /// The native twin, which does not know what istiod does.
    Twin,
    /// What Istio's control plane sends.
    Istiod,
}

impl Excluded {
    fn holds(self, kind: Kind) -> bool {
        match self {
            Excluded::Core => kind == Kind::Core,
            Excluded::Suite => kind == Kind::Suite,
            Excluded::Modules => kind == Kind::Modules,
            Excluded::Native => matches!(kind, Kind::Native | Kind::Istiod),
            Excluded::Twin => kind == Kind::Native,
            Excluded::Istiod => kind == Kind::Istiod,
        }
    }
}

/// Why an engine does not run something.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Exclusion {
    /// It never does.
    Always(String),
    /// It does not in an older Envoy.
    Before {
        /// The first version in which it does, such as `1.39`.
        before: String,
        /// Why.
        why: String,
    },
}

/// The parts of a version. Panics at what is none, which is a mistake in the case file.
pub fn numbers(version: &str) -> Vec<u32> {
    let number = |part: &str| {
        // "1.41.0-dev"
        let digits = part.split_once('-').map_or(part, |(digits, _)| digits);
        digits.parse().unwrap_or_else(|_| panic!("`{version}` is not a version like 1.39"))
    };
    version.split('.').map(number).collect()
}

/// A row.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in words.
    pub name: String,
    /// Why it is expected so, where that does not go without saying.
    pub why: Option<String>,
    /// Engines that do not run this row.
    #[serde(default)]
    pub engines: Engines,
    /// What is asked first, whatever the answers.
    #[serde(default)]
    pub before: Vec<RequestFields>,
    /// What is asked.
    pub request: RequestFields,
    /// What must come of it.
    pub expect: Expect,
}

/// A request.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestFields {
    /// Absent is GET.
    pub method: Option<String>,
    /// Scheme, authority and path; not with `raw`.
    pub url: Option<String>,
    /// In order; names may repeat.
    #[serde(default)]
    pub headers: Vec<(String, Bytes)>,
    /// Absent is none.
    pub body: Option<String>,
    /// The client's address, as a proxy before this one names it in `x-forwarded-for`; on mesh proxies alone, since
    /// gateways trust nobody's word on that.
    pub source: Option<String>,
    /// How often it is asked; every answer must be as expected.
    #[serde(default = "once")]
    pub repeat: u32,
    /// How many clients ask it at the same time, each over a connection of its own.
    pub at_once: Option<u32>,
    /// So many milliseconds after what was asked before; absent is at once.
    pub after_ms: Option<u64>,
    /// Whether it comes over HTTP/2.
    #[serde(default)]
    pub http2: bool,
    /// In place of all else: the bytes on the wire, one a character (Latin-1).
    pub raw: Option<String>,
}

fn once() -> u32 {
    1
}

/// A header's value: text, or bytes that are no text.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Bytes {
    /// As UTF-8.
    Text(String),
    /// Not as text.
    Other(OtherBytes),
}

/// Bytes that cannot well be written as text.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherBytes {
    /// One byte a character.
    latin1: String,
    /// So many times; absent is once.
    #[serde(default = "once")]
    times: u32,
}

impl Bytes {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Bytes::Text(text) => text.clone().into_bytes(),
            Bytes::Other(other) => latin1(&other.latin1).repeat(other.times as usize),
        }
    }
}

/// The bytes of a text in Latin-1. Panics at a character beyond it, which is a mistake in the case file.
pub fn latin1(text: &str) -> Vec<u8> {
    let byte = |c: char| u8::try_from(c).unwrap_or_else(|_| panic!("`{c}` in `{text}` is not a byte in Latin-1"));
    text.chars().map(byte).collect()
}

/// What must come of a request. What is absent is not looked at, except that a request whose `cluster` or `shares` are
/// not given must reach no upstream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status; absent is 200.
    pub status: Option<u16>,
    /// How many of the clients that ask at the same time get which status.
    #[serde(default)]
    pub statuses: BTreeMap<u16, u32>,
    /// The most requests that upstreams were answering at any time.
    pub most_at_once: Option<u32>,
    /// The cluster that the request goes to.
    pub cluster: Option<String>,
    /// The shares of the repeated request that clusters get, within 4.5 standard deviations.
    #[serde(default)]
    pub shares: BTreeMap<String, f64>,
    /// How many requests upstreams see; absent is 1.
    pub attempts: Option<usize>,
    /// The path that the upstream sees, query included.
    pub path: Option<String>,
    /// The authority that the upstream sees.
    pub authority: Option<String>,
    /// Request headers at the upstream.
    #[serde(default)]
    pub upstream_headers: HeaderExpect,
    /// Response headers at the client.
    #[serde(default)]
    pub response_headers: HeaderExpect,
    /// The `location` of a redirect.
    pub location: Option<String>,
    /// The body of an answer that no upstream gave.
    pub body: Option<String>,
    /// Clusters that get a copy; a cluster that gets two is here twice. Nobody else gets one.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// Labels of the one series of `istio_requests_total` that counts the request.
    #[serde(default)]
    pub counted: Labels,
    /// The shortest time, in milliseconds, that the answer takes.
    pub at_least_ms: Option<u64>,
    /// The longest time.
    pub at_most_ms: Option<u64>,
}

/// What headers must be.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderExpect {
    /// All values of each header named here, in order; null is any value.
    #[serde(default)]
    pub present: Vec<(String, Option<Bytes>)>,
    /// These are not there.
    #[serde(default)]
    pub absent: Vec<String>,
}

impl HeaderExpect {
    /// Whether nothing is asked.
    pub fn is_empty(&self) -> bool {
        self.present.is_empty() && self.absent.is_empty()
    }
}

impl Expect {
    /// Whether an upstream gets the request.
    pub fn routed(&self) -> bool {
        self.cluster.is_some() || !self.shares.is_empty()
    }
}
