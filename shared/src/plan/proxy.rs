//! Who this proxy is, and the configuration of a module: `{proxy: {...}, resources: [...], outlierDetection: module,
//! unknownHosts: passthrough, mesh: {...}, accessLog: false, stats: {...}}`.

use std::sync::Arc;

use super::Plan;
use super::fingerprint::fingerprint;
use super::guard::Detector;
use crate::finding::{About, Code, Finding, Origin, Report, Severity};
use crate::load::{self, Node, Value};
use crate::model::Resources;
use crate::model::mesh_config::MeshForModules;
use crate::model::read::{Path, Place, Read, Reader, whole};
use crate::resolve::Proxy;
use crate::{Map, check, object, words};

object! {
    /// What is said about metrics.
    #[derive(Default)]
    pub struct StatsConfig {
        /// Whether requests are counted. Absent: they are.
        enabled: Option<bool>,
        /// How many series each of Envoy's threads keeps; the rest is counted together. Nothing ever frees a series.
        max_series: Option<SeriesLimit>,
    }
}

/// How many series there may be: enough memory for them is somebody else's promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeriesLimit(pub u32);

impl Read for SeriesLimit {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        whole(place, reader, 1..=1_000_000).and_then(|value| u32::try_from(value).ok()).map(SeriesLimit)
    }
}

words! {
    /// What becomes of requests to hosts that nobody in the mesh knows.
    pub enum UnknownHosts {
        /// They go where their connection was meant to go, as with Istio's `ALLOW_ANY`.
        PassThrough = "passthrough",
        /// They are answered 404, where nobody can tell where that was.
        Answer = "answer",
    } any_case false
}

/// A module's configuration.
#[derive(Debug)]
pub struct ModuleConfig {
    /// Who this proxy is.
    pub proxy: Proxy,
    /// The resources.
    pub resources: Resources,
    /// Who carries `outlierDetection` out. Absent: modules do, where they know the endpoints.
    pub detector: Detector,
    /// What is said about metrics.
    pub stats: StatsConfig,
    /// Whether hosts that nobody knows are answered, or left to where a connection was meant to go.
    pub unknown_hosts: UnknownHosts,
    /// Whether an access log asks why requests went where they went.
    pub access_log: bool,
    /// What Envoy knows of the proxy.
    pub node: NodeMetadata,
    /// Identifies the configuration.
    pub fingerprint: u64,
}

/// What findings about the configuration itself are about.
const ABOUT: &str = "ModuleConfiguration";

impl ModuleConfig {
    /// Reads and checks a configuration; what is wrong with it goes to `report`. There is none when it cannot be used.
    ///
    /// `node` is what Envoy knows of the proxy (`node.metadata`), for what the configuration leaves open.
    pub fn read(text: Vec<u8>, node: NodeMetadata, report: &mut Report) -> Option<ModuleConfig> {
        let about = About { kind: ABOUT.into(), ..About::default() };
        // A JSON text may begin with the byte that a Struct begins with; then only one of the two can be read.
        let text = Arc::new(text);
        let structure = Some(&text).filter(|text| text.starts_with(b"\n")).and_then(load::protobuf_later);
        let tree = match structure.map_or_else(|| load::json_later(&text), Ok) {
            Ok(tree) => tree,
            Err(error) => {
                let message = format!("expected a JSON object with `proxy` and `resources`: {error}");
                report.push(not_json(message));
                return None;
            }
        };
        let mut tree = tree;
        // What only the metrics are told does not keep modules from handing decisions over.
        let told_to_stats = take(&mut tree, "stats");
        let access_log = take(&mut tree, "accessLog");
        let fingerprint = fingerprint(&tree) ^ node.fingerprint();
        let mut reader = Reader::new(&about, report);
        let root = Place { node: &tree, path: &Path::Root };
        let Value::Map(entries) = &tree.value else {
            reader.expected(root, "a mapping with `proxy`, `resources` and `stats`");
            return None;
        };
        let proxy = optional(tree.get("proxy"), "proxy", Proxy::default(), &mut reader);
        let detector = optional(tree.get("outlierDetection"), "outlierDetection", Detector::Module, &mut reader);
        let unknown_hosts = optional(tree.get("unknownHosts"), "unknownHosts", UnknownHosts::PassThrough, &mut reader);
        let mesh = optional(tree.get("mesh"), "mesh", MeshForModules::default(), &mut reader);
        let access_log = optional(access_log.as_ref(), "accessLog", false, &mut reader);
        let stats = optional(told_to_stats.as_ref(), "stats", StatsConfig::default(), &mut reader);
        const KNOWN: [&str; 5] = ["proxy", "resources", "outlierDetection", "unknownHosts", "mesh"];
        for entry in entries.iter().filter(|entry| !KNOWN.contains(&entry.key.as_str())) {
            let place = Place { node: &entry.value, path: &Path::Key(&Path::Root, &entry.key) };
            reader.warn(
                Code::ModuleConfiguration,
                place,
                "unknown field, which has no effect",
                "known are `proxy`, `resources`, `outlierDetection`, `unknownHosts`, `mesh`, `accessLog` and `stats`",
            );
        }
        if let Some(node) = tree.get("resources")
            && !matches!(node.value, Value::List(_) | Value::Later(_) | Value::Null)
        {
            reader.expected(Place { node, path: &Path::Key(&Path::Root, "resources") }, "a list of resources");
        }
        let documents = take(&mut tree, "resources").unwrap_or(Node::unplaced(Value::Null));
        let documents = documents.items().into_iter().flatten();
        let mut resources = Resources::read(documents.map(|node| (None, node.into_owned())), report);
        check::validate(&resources, report);
        resources.restrictions.iter().for_each(|it| report.push(it.unread()));
        resources.forget_trees();
        let (mut proxy, detector, stats, unknown_hosts, access_log) =
            (proxy?, detector?, stats?, unknown_hosts?, access_log?);
        node.clone().complete(&mut proxy);
        resources.mesh = mesh?.into();
        let config = ModuleConfig { proxy, resources, detector, stats, unknown_hosts, access_log, node, fingerprint };
        (!report.stops()).then_some(config)
    }

    /// Compiles it.
    pub fn plan(&self) -> Plan {
        let mut plan = Plan::build(&self.resources, &self.proxy, self.detector, self.fingerprint);
        plan.telemetry.complete(&self.proxy, &self.node, &self.stats);
        plan.access_log = self.access_log;
        if self.unknown_hosts == UnknownHosts::Answer {
            plan.answer_unknown_hosts(self.proxy.namespace());
        }
        plan
    }
}

/// What stands under a key of the configuration.
fn optional<T: Read>(node: Option<&Node>, key: &str, absent: T, reader: &mut Reader<'_>) -> Option<T> {
    match node {
        None | Some(Node { value: Value::Null, .. }) => Some(absent),
        Some(node) => T::read(Place { node, path: &Path::Key(&Path::Root, key) }, reader),
    }
}

/// Takes an entry of a mapping out of it.
fn take(tree: &mut Node, key: &str) -> Option<Node> {
    let Value::Map(entries) = &mut tree.value else { return None };
    let at = entries.iter().position(|entry| entry.key == key)?;
    Some(entries.remove(at).value)
}

fn not_json(message: String) -> Finding {
    Finding {
        severity: Severity::Error,
        origin: Origin::Validation,
        code: Code::ModuleConfiguration,
        kind: ABOUT.into(),
        namespace: String::new(),
        name: String::new(),
        path: String::new(),
        file: None,
        line: 0,
        column: 0,
        message,
        hint: String::new(),
    }
}

/// What Envoy's node metadata says, as Istio fills it: `NAMESPACE`, `LABELS`, `WORKLOAD_NAME` and `CLUSTER_ID`.
#[derive(Clone, Debug, Default)]
pub struct NodeMetadata {
    /// `NAMESPACE`.
    pub namespace: Option<String>,
    /// `LABELS`.
    pub labels: Map<String>,
    /// `WORKLOAD_NAME`, for metrics.
    pub workload: Option<String>,
    /// `CLUSTER_ID`, for metrics.
    pub cluster: Option<String>,
}

impl NodeMetadata {
    fn complete(self, proxy: &mut Proxy) {
        if proxy.namespace.is_none() {
            proxy.namespace = self.namespace;
        }
        if proxy.labels.is_empty() {
            proxy.labels = self.labels;
        }
    }

    /// The same configuration means something else to another proxy.
    fn fingerprint(&self) -> u64 {
        let text = |text: &str| Node::unplaced(Value::Text(text.to_owned()));
        let mut all = vec![text(self.namespace.as_deref().unwrap_or_default())];
        all.extend(self.labels.iter().flat_map(|(key, value)| [text(key), text(value)]));
        fingerprint(&Node::unplaced(Value::List(all)))
    }
}
