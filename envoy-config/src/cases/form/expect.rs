//! What must come of a request.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Bytes;

/// What must come of a request. What is absent is not looked at, except that a request whose `cluster` or `shares` are
/// not given must reach no upstream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status; absent is 200.
    pub status: Option<u16>,
    /// The shares of the requests that get a status, where a fault aborts some.
    #[serde(default)]
    pub status_shares: BTreeMap<u16, f64>,
    /// How many of the clients that ask at the same time get which status.
    #[serde(default)]
    pub statuses: BTreeMap<u16, u32>,
    /// The most requests that upstreams were answering at any time.
    pub most_at_once: Option<u32>,
    /// The cluster that the request goes to.
    pub cluster: Option<String>,
    /// The shares that clusters get of the requests that are sent on.
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
    /// The shares of the requests sent on of which clusters get a copy, where it is not all.
    #[serde(default)]
    pub mirror_shares: BTreeMap<String, f64>,
    /// Labels of the one series of `istio_requests_total` that counts the request.
    #[serde(default)]
    pub counted: BTreeMap<String, String>,
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
