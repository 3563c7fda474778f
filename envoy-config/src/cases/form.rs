//! The form of case files. `docs/cases.md` says what each key means, with an example.

mod either;
mod expect;

pub use expect::{Expect, HeaderExpect};

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use shared::load::{Mark, Node};

/// One document of a case file: resources, the proxy that they are put on, and what is asked of it.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What the proxy is told.
    pub resources: Vec<ResourceSource>,
    /// Who the proxy is; nothing where that is left to what is asked.
    pub proxy: Option<ProxyFields>,
    /// The number of Envoy's workers; the first scene of a file decides.
    pub workers: Option<u32>,
    /// Where the generated routes lead when a module is alone that names no cluster.
    pub alone_to: Option<String>,
    /// Why Istio's webhook refuses one of the resources, where it does: `istiod` is asked past it.
    pub unvalidated: Option<String>,
    /// Which engines run the cases.
    pub engines: Engines,
    /// Whether clusters have their `outlier_detection`. Each engine then has an Envoy of its own, for what one of them does
    /// to its upstreams must not show at another; so it is for a whole file as soon as one scene says it.
    pub outlier_detection: bool,
    /// The rows.
    pub cases: Vec<Case>,
    /// Where it begins.
    pub mark: Mark,
}

/// Where resources come from.
#[derive(Clone, Debug)]
pub enum ResourceSource {
    /// A file or folder, relative to the case file.
    Path(String, Mark),
    /// A resource, as it stands.
    Inline(Node),
}

/// A scene, apart from its resources and its cases.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    #[serde(rename = "resources", default)]
    _resources: IgnoredAny,
    #[serde(rename = "cases", default)]
    _cases: IgnoredAny,
    pub proxy: Option<ProxyFields>,
    pub workers: Option<u32>,
    pub alone_to: Option<String>,
    pub unvalidated: Option<String>,
    #[serde(default)]
    pub engines: Engines,
    #[serde(default)]
    pub outlier_detection: bool,
}

/// Who the proxy is, as in a module's configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
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

impl From<&ProxyFields> for crate::Proxy {
    fn from(fields: &ProxyFields) -> crate::Proxy {
        crate::Proxy {
            namespace: fields.namespace.clone().unwrap_or_else(|| shared::names::DEFAULT_NAMESPACE.to_owned()),
            gateways: fields.gateways.clone(),
            labels: fields.labels.clone(),
            port: fields.port,
        }
    }
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

/// Who does not run something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Excluded {
    /// The core alone: what the modules decide, without a proxy.
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
}

/// Why an engine does not run something.
#[derive(Clone, Debug)]
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

impl Exclusion {
    /// Why.
    pub fn why(&self) -> &str {
        match self {
            Exclusion::Always(why) | Exclusion::Before { why, .. } => why,
        }
    }
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
    /// Where it begins.
    #[serde(skip)]
    pub mark: Mark,
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
    /// The client's address, as a proxy before this one names it in `x-forwarded-for`.
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

/// No proxy takes headers that are as long.
const LONGEST: usize = 1 << 20;

/// A header's value: text, or bytes that are no text.
#[derive(Clone, Debug)]
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
    pub latin1: String,
    /// So many times; absent is once.
    #[serde(default = "once")]
    pub times: u32,
}

impl Bytes {
    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Bytes::Text(text) => text.clone().into_bytes(),
            Bytes::Other(other) => latin1(&other.latin1).repeat(other.times as usize),
        }
    }

    /// Whether it would fill the memory of whoever writes it down.
    pub(super) fn is_too_long(&self) -> bool {
        match self {
            Bytes::Text(text) => text.len() > LONGEST,
            Bytes::Other(other) => other.latin1.len().saturating_mul(other.times as usize) > LONGEST,
        }
    }

    /// The first character that is no byte, where there is one.
    pub(super) fn beyond_latin1(&self) -> Option<char> {
        match self {
            Bytes::Text(_) => None,
            Bytes::Other(other) => beyond_latin1(&other.latin1),
        }
    }
}

/// The first character of a text that is no byte in Latin-1.
pub(super) fn beyond_latin1(text: &str) -> Option<char> {
    text.chars().find(|c| u8::try_from(*c).is_err())
}

/// The bytes of a text in Latin-1; reading has refused characters beyond it.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect()
}
