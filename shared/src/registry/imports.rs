//! The hosts that a Sidecar's listener imports: `egress[].hosts` (istiod's `hostClassification`).

use crate::Map;
use crate::names;

/// Every namespace.
const ANY: &str = "*";

/// The hosts that a listener imports, by the namespace that they must come from.
#[derive(Clone, Debug, Default)]
pub struct Imports(Map<Hosts>);

/// Hosts of a namespace, or of any.
#[derive(Clone, Debug, Default)]
struct Hosts {
    named: Vec<String>,
    excluded: Vec<String>,
}

impl Hosts {
    /// Whether a service of this name is among them: a wildcard takes it, or it is named itself.
    fn takes(&self, host: &str) -> bool {
        self.named.iter().any(|named| names::covers(named, host))
    }

    /// Whether a VirtualService's host is: of two patterns either may take the other.
    fn meets(&self, host: &str) -> bool {
        self.named.iter().any(|named| names::intersection(named, host).is_some())
    }

    fn excludes(&self, host: &str) -> bool {
        self.excluded.iter().any(|excluded| names::covers(excluded, host))
    }
}

impl Imports {
    /// Of the words of a Sidecar that applies in `namespace`.
    pub fn of<'a>(words: impl IntoIterator<Item = &'a String>, namespace: &str) -> Imports {
        let mut all = Map::<Hosts>::new();
        for text in words {
            // Istio's webhook refuses what has none or several, and istiod passes it over.
            let Some((from, host)) = text.split_once('/').filter(|(_, host)| !host.contains('/')) else { continue };
            let (excluded, from) = match from.strip_prefix('~') {
                Some("") => (true, ANY),
                Some(from) => (true, from),
                None => (false, from),
            };
            let from = if from == "." { namespace } else { from };
            all.change(from.to_owned(), |hosts| {
                if excluded { &mut hosts.excluded } else { &mut hosts.named }.push(host.to_owned());
            });
        }
        Imports(all)
    }

    fn from(&self, namespace: &str) -> impl Iterator<Item = &Hosts> {
        self.0.get(namespace).into_iter().chain(self.0.get(ANY))
    }

    /// Whether a service of `namespace` is imported.
    pub fn service(&self, namespace: &str, host: &str) -> bool {
        self.from(namespace).any(|hosts| hosts.takes(host)) && !self.from(namespace).any(|hosts| hosts.excludes(host))
    }

    /// Whether a VirtualService of `namespace` is imported, by one of its hosts, which are full names.
    pub fn virtual_service<'h>(&self, namespace: &str, mut hosts: impl Iterator<Item = &'h str>) -> bool {
        hosts.any(|host| {
            self.from(namespace).any(|hosts| hosts.meets(host))
                && !self.from(namespace).any(|hosts| hosts.excludes(host))
        })
    }
}
