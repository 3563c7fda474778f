//! What metrics say about the proxy itself and about the services behind a rule's destinations.

use super::Proxy;
use super::proxy::{NodeMetadata, StatsConfig};
use super::{Action, Rule};
use crate::registry::Registry;
use crate::{Map, names};

/// Istio's labels of HTTP metrics, in Istio's order: those of the source, then those of the destination and the request.
pub const LABELS: [&str; 25] = [
    "reporter",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_service_name",
    "destination_service_namespace",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
];

/// How many of [`LABELS`] are the source's.
pub const SOURCE_LABELS: usize = 9;

/// How many series a VM keeps, unless its configuration says otherwise: 25 MB of `/stats/prometheus`, with the buckets
/// that `generate` writes.
pub const MAX_SERIES: u32 = 1000;

/// Who a request comes from, as Istio labels it. Absent is empty; metrics show `unknown`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its name, such as a Deployment's.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its canonical service.
    pub canonical_service: String,
    /// The revision of that; absent is `latest` in metrics.
    pub canonical_revision: String,
    /// Its label `app`.
    pub app: String,
    /// Its label `version`.
    pub version: String,
    /// The cluster (of Kubernetes) that it runs in.
    pub cluster: String,
}

impl Workload {
    /// From the labels of whoever runs it (Istio's `CanonicalServiceLabels` and their fallbacks).
    pub fn from_labels(labels: &Map<String>, name: &str, namespace: &str, cluster: &str) -> Workload {
        let first = |keys: &[&str]| {
            let values = keys.iter().filter_map(|key| labels.get(key));
            values.into_iter().find(|value| !value.is_empty()).cloned().unwrap_or_default()
        };
        let name = if name.is_empty() { first(&["service.istio.io/workload-name"]) } else { name.to_owned() };
        let mut canonical_service = first(&["service.istio.io/canonical-name", "app.kubernetes.io/name", "app"]);
        if canonical_service.is_empty() {
            canonical_service.clone_from(&name);
        }
        Workload {
            canonical_service,
            canonical_revision: first(&["service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"]),
            app: first(&["app"]),
            version: first(&["version"]),
            namespace: namespace.to_owned(),
            cluster: cluster.to_owned(),
            name,
        }
    }

    /// As endpoints of generated clusters carry it: `workload;namespace;service;revision;cluster`, which is istiod's
    /// form, and behind it `;app;version`, which istiod leaves out.
    pub fn encode(&self) -> String {
        let parts = [
            &self.name,
            &self.namespace,
            &self.canonical_service,
            &self.canonical_revision,
            &self.cluster,
            &self.app,
            &self.version,
        ];
        // A semicolon would shift everything behind it.
        parts.map(|part| part.replace(';', "_")).join(";")
    }

    /// Reads istiod's form and ours. Where it does not say app and version they are the canonical ones, which fall back
    /// to just these labels.
    pub fn decode(text: &str) -> Workload {
        let mut parts = text.split(';').map(str::to_owned);
        let mut next = || parts.next().unwrap_or_default();
        let (name, namespace, canonical_service, canonical_revision, cluster) =
            (next(), next(), next(), next(), next());
        let (app, version) = match (parts.next(), parts.next()) {
            (Some(app), Some(version)) => (app, version),
            _ => (canonical_service.clone(), canonical_revision.clone()),
        };
        Workload { name, namespace, canonical_service, canonical_revision, app, version, cluster }
    }
}

/// A service that requests go to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetService {
    /// Its host in the mesh.
    pub host: String,
    /// Its name.
    pub name: String,
    /// Its namespace; empty when nobody knows.
    pub namespace: String,
}

impl TargetService {
    /// By its host: what the registry knows of it, else what the host itself says.
    pub fn of_host(host: &str, registry: &Registry) -> TargetService {
        let mut service = TargetService::named(host);
        if let Some(known) = registry.answering(host) {
            service.namespace.clone_from(&known.namespace);
        }
        service
    }

    /// By its host alone: `backend.prod.svc.cluster.local` is `backend` in `prod`, anything else has its host as name.
    pub fn named(host: &str) -> TargetService {
        let inside = host.strip_suffix(names::DOMAIN).and_then(|rest| rest.strip_suffix(".svc."));
        let (name, namespace) = inside.and_then(|rest| rest.split_once('.')).unwrap_or((host, ""));
        TargetService { host: host.to_owned(), name: name.to_owned(), namespace: namespace.to_owned() }
    }
}

/// What a plan knows for metrics.
#[derive(Clone, Debug, Default)]
pub struct Telemetry {
    /// This proxy.
    pub source: Workload,
    /// Whether requests are counted.
    pub enabled: bool,
    /// How many series a VM keeps.
    pub max_series: u32,
    /// Whether a request that went nowhere is counted by the host that it asked for, as Istio's `stats` filter does
    /// unless it is told `disable_host_header_fallback`: istiod tells it so at gateways, where hosts are for clients to
    /// make up.
    pub host_header_fallback: bool,
    services: Vec<TargetService>,
    /// The service of each destination of each rule, as indices.
    by_rule: Vec<Box<[u32]>>,
}

impl Telemetry {
    /// `edge` is whether clients come from outside: it serves a Gateway.
    pub(super) fn new(rules: &[Rule], registry: &Registry, proxy: &Proxy, edge: bool) -> Telemetry {
        let mut services: Vec<TargetService> = Vec::new();
        let mut known: Map<u32> = Map::new();
        let mut index = |cluster: &str| {
            let host = host_of(cluster);
            if let Some(index) = known.get(host) {
                return *index;
            }
            let index = u32::try_from(services.len()).unwrap_or(u32::MAX);
            services.push(TargetService::of_host(host, registry));
            known.insert(host.to_owned(), index);
            index
        };
        let mut by_rule: Vec<Box<[u32]>> = Vec::new();
        for rule in rules {
            by_rule.push(match &rule.action {
                Action::Route(route) => route.destinations.destinations().iter().map(|it| index(&it.cluster)).collect(),
                _ => Box::default(),
            });
        }
        let source = Workload::from_labels(&proxy.labels, "", proxy.namespace(), "");
        let (max_series, host_header_fallback) = (MAX_SERIES, !edge);
        Telemetry { source, enabled: true, max_series, host_header_fallback, services, by_rule }
    }

    pub(super) fn complete(&mut self, proxy: &Proxy, node: &NodeMetadata, stats: &StatsConfig) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let (name, cluster) = (text(&node.workload), text(&node.cluster));
        // A listener's labels may be no more than what Gateways select by; the node's say who runs it.
        let mut labels = node.labels.clone();
        for (key, value) in &proxy.labels {
            labels.insert(key.clone(), value.clone());
        }
        self.source = Workload::from_labels(&labels, &name, proxy.namespace(), &cluster);
        self.enabled = stats.enabled.unwrap_or(true);
        self.max_series = stats.max_series.map_or(MAX_SERIES, |most| most.0);
    }

    /// The service that a destination of a rule belongs to. Without a destination it is the one that all of the rule's
    /// destinations belong to, as with the versions of a canary.
    #[inline]
    pub fn service(&self, rule: u32, destination: Option<u32>) -> Option<u32> {
        let services = self.by_rule.get(rule as usize)?;
        match destination {
            Some(destination) => services.get(destination as usize).copied(),
            None => services.first().copied().filter(|first| services.iter().all(|other| other == first)),
        }
    }

    /// A service by its index.
    #[inline]
    pub fn get(&self, index: u32) -> Option<&TargetService> {
        self.services.get(index as usize)
    }

    /// The service that one of Istio's cluster names is for.
    #[inline]
    pub fn of_cluster(&self, cluster: &str) -> Option<u32> {
        let host = cluster.starts_with("outbound|").then(|| host_of(cluster))?;
        u32::try_from(self.services.iter().position(|service| service.host == host)?).ok()
    }
}

/// The host in `outbound|80|v1|host`.
pub fn host_of(cluster: &str) -> &str {
    cluster.rsplit('|').next().unwrap_or(cluster)
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Map<String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn canonical_labels_fall_back_as_istios() {
        let of = |pairs| {
            let it = Workload::from_labels(&labels(pairs), "w-v1", "ns", "");
            (it.canonical_service, it.canonical_revision)
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of(&[]), pair("w-v1", ""));
        assert_eq!(of(&[("app", "a"), ("version", "1")]), pair("a", "1"));
        assert_eq!(
            of(&[("app", "a"), ("app.kubernetes.io/name", "b"), ("app.kubernetes.io/version", "2")]),
            pair("b", "2")
        );
        let all =
            [("app", "a"), ("service.istio.io/canonical-name", "c"), ("service.istio.io/canonical-revision", "3")];
        assert_eq!(of(&all), pair("c", "3"));
    }

    #[test]
    fn workloads_survive_an_endpoints_metadata() {
        let workload = Workload::from_labels(&labels(&[("app", "a;b"), ("version", "")]), "w", "ns", "c");
        let read = Workload::decode(&workload.encode());
        assert_eq!((read.app.as_str(), read.cluster.as_str(), read.name.as_str()), ("a_b", "c", "w"));
        let istiods = Workload::decode("ratings-v1;default;ratings;version-1;server-cluster");
        assert_eq!((istiods.app.as_str(), istiods.version.as_str()), ("ratings", "version-1"));
        assert_eq!(Workload::decode(""), Workload::default());
    }

    #[test]
    fn hosts_say_name_and_namespace() {
        let of = |host| {
            let it = TargetService::named(host);
            (it.name, it.namespace)
        };
        assert_eq!(of("a.b.svc.cluster.local"), ("a".to_owned(), "b".to_owned()));
        assert_eq!(of("api.example.com"), ("api.example.com".to_owned(), String::new()));
        assert_eq!(of(".svc.cluster.local"), (".svc.cluster.local".to_owned(), String::new()));
    }
}
