//! What Envoy has to count: every request that the scenes sent, as its answer tells.

use std::collections::BTreeMap;
use std::time::Duration;

use integration::metrics;

use crate::crowd::Answer;
use crate::stage::Way;

/// The labels of `istio_requests_total` that the tour looks at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// `destination_service_name`
    pub service: String,
    /// `destination_version`
    pub version: String,
    /// `response_code`
    pub code: String,
    /// `response_flags`
    pub flags: String,
}

/// Numbers of requests.
pub type Counts = BTreeMap<Key, u64>;

/// What was sent.
#[derive(Default)]
pub struct Ledger {
    sent: Counts,
    /// From when on an answer is one that a rule held back.
    delay: Option<Duration>,
}

impl Ledger {
    /// From now on, who waits that long was held back by a rule; with none, nobody is.
    pub fn delays(&mut self, delay: Option<Duration>) {
        self.delay = delay;
    }

    /// Enters what came back.
    pub fn enter(&mut self, way: Way, answers: &[Answer]) {
        for answer in answers {
            let Ok(code) = answer.status else { continue };
            let delayed = self.delay.is_some_and(|delay| answer.took >= delay);
            *self.sent.entry(key(way, code, answer.who.as_deref(), delayed)).or_default() += 1;
        }
    }

    /// What Envoy has to have counted.
    pub fn sent(&self) -> &Counts {
        &self.sent
    }
}

fn key(way: Way, code: u16, who: Option<&str>, delayed: bool) -> Key {
    let upstream = match way {
        Way::Gateway => who,
        // The ui names itself first, then the backend, if that has answered.
        Way::Mesh => who.and_then(|who| who.split_once(", ")).map(|(_, backend)| backend),
    };
    let (service, version) = upstream.and_then(|name| name.split_once(' ')).unwrap_or(match code {
        // No rule matches, so that there is no destination.
        404 => ("unknown", "unknown"),
        _ => ("backend", "unknown"),
    });
    let flags = match (upstream, code) {
        (None, 404) => "NR",
        (None, 500) => "FI",
        (None, 503) => "UO",
        _ if delayed => "DI",
        _ => "-",
    };
    Key { service: service.to_owned(), version: version.to_owned(), code: code.to_string(), flags: flags.to_owned() }
}

/// What Envoy has counted, from its `/stats/prometheus`.
pub fn counted(prometheus: &str) -> Counts {
    let mut counts = Counts::new();
    for (labels, value) in metrics::series(prometheus, "istio_requests_total") {
        let label = |name: &str| labels.get(name).cloned().unwrap_or_default();
        let key = Key {
            // In the mesh, a host that nobody knows is its own name.
            service: match label("destination_service_namespace").as_str() {
                "unknown" => "unknown".to_owned(),
                _ => label("destination_service_name"),
            },
            version: label("destination_version"),
            code: label("response_code"),
            flags: label("response_flags"),
        };
        *counts.entry(key).or_default() += value as u64;
    }
    counts
}
