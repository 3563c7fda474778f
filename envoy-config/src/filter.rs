//! HTTP filters: Sailcloth's WebAssembly modules with their configuration, and Envoy's router at the end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use shared::model::mesh_config::OutboundMode;
use shared::model::{MeshConfig, Resources};
use shared::plan::guard::Detector;

use crate::json::{self, Json};
use crate::wire::{Any, Message};

mod resources;

pub use resources::resources;

/// The modules of a chain, in its order.
pub const MODULES: &[Module] = &[
    Module { name: "stats", file: "stats.wasm" },
    Module { name: "fault", file: "fault.wasm" },
    Module { name: "canary", file: "canary.wasm" },
    Module { name: "circuit_breaker", file: "circuit_breaker.wasm" },
    Module { name: "mirror", file: "mirror.wasm" },
    Module { name: "router", file: "router.wasm" },
];

/// All of them in one.
pub const SUITE: Module = Module { name: "suite", file: "suite.wasm" };

/// A WebAssembly module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module {
    /// What it is called in filter names, root ids and VM ids.
    pub name: &'static str,
    /// Its file in the folder of modules.
    pub file: &'static str,
}

/// Whether a proxy runs all behaviours in one module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packaging {
    /// All in one module and one context: the fast default.
    #[default]
    Suite,
    /// One module for each.
    Separate,
}

impl Packaging {
    /// The modules of a chain packaged like this, in its order.
    pub fn modules(self) -> &'static [Module] {
        match self {
            Packaging::Suite => std::slice::from_ref(&SUITE),
            Packaging::Separate => MODULES,
        }
    }

    /// Where the modules are in `folder`, each with whether it is there.
    pub fn files(self, folder: &Path) -> impl Iterator<Item = (PathBuf, bool)> {
        self.modules().iter().map(|module| folder.join(module.file)).map(|file| (file.clone(), file.is_file()))
    }
}

/// Who a listener is: the `proxy` of its modules' configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proxy {
    /// The namespace that it lives in.
    pub namespace: String,
    /// The Gateways that it serves, and `mesh` for a sidecar's.
    pub gateways: Vec<String>,
    /// Its labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The port that Istio would see; absent where the request's authority says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

impl From<&Proxy> for shared::plan::Proxy {
    fn from(proxy: &Proxy) -> Self {
        shared::plan::Proxy {
            namespace: Some(proxy.namespace.clone()),
            gateways: proxy.gateways.clone(),
            labels: proxy.labels.clone().into_iter().collect(),
            port: proxy.port.and_then(shared::model::Port::new),
            explain: None,
        }
    }
}

/// An HTTP filter; the name is free.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpFilter {
    /// Its name.
    pub name: String,
    /// What it is told.
    pub typed_config: FilterConfig,
}

/// What a filter is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum FilterConfig {
    /// A WebAssembly module.
    Wasm(Any<Wasm>),
    /// Envoy's router, which sends the request on.
    Router(Any<Router>),
}

/// `envoy.extensions.filters.http.router.v3.Router`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Router {}

impl Message for Router {
    const NAME: &'static str = "envoy.extensions.filters.http.router.v3.Router";
}

/// `envoy.extensions.filters.http.wasm.v3.Wasm`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wasm {
    /// What is run, and how.
    pub config: PluginConfig,
}

impl Message for Wasm {
    const NAME: &'static str = "envoy.extensions.filters.http.wasm.v3.Wasm";
}

/// `envoy.extensions.wasm.v3.PluginConfig`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PluginConfig {
    /// What Envoy's statistics and log call it.
    pub name: String,
    /// Which behaviour of the module it is.
    pub root_id: String,
    /// The machine that runs it.
    pub vm_config: VmConfig,
    /// What happens when the module dies.
    pub failure_policy: FailurePolicy,
    /// The module's own configuration.
    pub configuration: Any<StringValue>,
}

/// What happens when a module dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FailurePolicy {
    /// It is loaded again; Envoy's default would answer 503 for ever.
    FailReload,
}

/// `envoy.extensions.wasm.v3.VmConfig`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmConfig {
    /// Modules with the same id and code share a machine, and die together: each module has its own.
    pub vm_id: String,
    /// Who runs it.
    pub runtime: String,
    /// The module.
    pub code: Code,
}

/// `envoy.config.core.v3.AsyncDataSource`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Code {
    /// On the proxy's own disk.
    pub local: File,
}

/// `envoy.config.core.v3.DataSource`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Its path.
    pub filename: PathBuf,
}

/// `google.protobuf.StringValue`, whose text a module receives as it is. A `Struct` costs Envoy three times as much, and
/// Envoy's YAML reader makes strings of the fractions in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StringValue {
    /// The text, which all modules of a proxy share.
    #[serde(serialize_with = "text")]
    pub value: Arc<str>,
}

fn text<S: Serializer>(text: &Arc<str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

impl Message for StringValue {
    const NAME: &'static str = "google.protobuf.StringValue";
}

impl StringValue {
    /// A module's configuration as JSON.
    pub fn json(configuration: &Value) -> StringValue {
        StringValue { value: json::json(&Json::Value(configuration.clone())).into() }
    }
}

/// What modules are told beside the resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Whether they leave in filter state which rule took a request, for an access log.
    pub access_log: bool,
    /// Whether they answer requests to hosts that nobody knows, as where a connection was meant to go is not known.
    pub unknown_hosts: bool,
    /// What a request carries whose client is told why it went where it went.
    pub explain_token: Option<&'a str>,
}

/// What modules on this proxy are told: who they are, the resources, and who carries `outlierDetection` out.
pub fn configuration(proxy: &Proxy, set: &Resources, detector: Detector) -> Value {
    told(proxy, set, detector, Asked::default()).into()
}

fn told<'a>(proxy: &Proxy, set: &'a Resources, detector: Detector, asked: Asked<'_>) -> Json<'a> {
    let word = match detector {
        Detector::Envoy => "envoy",
        Detector::Module => "module",
    };
    let mut proxy = crate::to_json(proxy);
    if let (Some(token), Value::Object(proxy)) = (asked.explain_token, &mut proxy) {
        proxy.insert("explain".into(), json!({"token": token}));
    }
    let mut entries = vec![("proxy", Json::Value(proxy)), ("outlierDetection", Json::Value(word.into()))];
    if asked.unknown_hosts {
        entries.push(("unknownHosts", Json::Value("answer".into())));
    }
    entries.extend(mesh(&set.mesh).map(|mesh| ("mesh", Json::Value(mesh))));
    if asked.access_log {
        entries.push(("accessLog", Json::Value(true.into())));
    }
    entries.push(("resources", Json::Array(resources::told(set, detector))));
    Json::Object(entries)
}

/// What modules act on of a MeshConfig, in its own words, where that is not Istio's default. What is Envoy's to do, such
/// as retries by default, is in its configuration.
fn mesh(mesh: &MeshConfig) -> Option<Value> {
    let default = MeshConfig::default();
    let mut told = serde_json::Map::new();
    if mesh.root_namespace != default.root_namespace {
        told.insert("rootNamespace".into(), json!(mesh.root_namespace));
    }
    if mesh.outbound == OutboundMode::RegistryOnly {
        told.insert("outboundTrafficPolicy".into(), json!({"mode": "REGISTRY_ONLY"}));
    }
    for (key, list, default) in [
        ("defaultServiceExportTo", &mesh.default_service_export_to, default.default_service_export_to),
        (
            "defaultVirtualServiceExportTo",
            &mesh.default_virtual_service_export_to,
            default.default_virtual_service_export_to,
        ),
        (
            "defaultDestinationRuleExportTo",
            &mesh.default_destination_rule_export_to,
            default.default_destination_rule_export_to,
        ),
    ] {
        if *list != default {
            told.insert(key.into(), json!(list));
        }
    }
    (!told.is_empty()).then_some(Value::Object(told))
}

/// The filters of one proxy: the modules from `folder` in the order of the chain, then Envoy's router.
pub fn http_filters(
    proxy: &Proxy,
    set: &Resources,
    detector: Detector,
    packaging: Packaging,
    folder: &Path,
) -> Vec<HttpFilter> {
    http_filters_for(proxy, set, detector, Asked::default(), (packaging, folder))
}

/// The same, of modules that more is asked of.
pub(crate) fn http_filters_for(
    proxy: &Proxy,
    set: &Resources,
    detector: Detector,
    asked: Asked<'_>,
    (packaging, folder): (Packaging, &Path),
) -> Vec<HttpFilter> {
    let told = StringValue { value: json::json(&told(proxy, set, detector, asked)).into() };
    let modules = packaging.modules().iter();
    let mut filters: Vec<_> = modules.map(|module| module_filter(*module, folder, told.clone())).collect();
    filters.push(router());
    filters
}

/// Envoy's router: the last filter of every chain.
pub fn router() -> HttpFilter {
    HttpFilter { name: "envoy.filters.http.router".to_owned(), typed_config: FilterConfig::Router(Any(Router {})) }
}

/// A module as a filter.
pub fn module_filter(module: Module, folder: &Path, configuration: StringValue) -> HttpFilter {
    let name = format!("sailcloth.{}", module.name);
    let config = PluginConfig {
        name: name.clone(),
        root_id: module.name.to_owned(),
        vm_config: VmConfig {
            vm_id: name.clone(),
            runtime: "envoy.wasm.runtime.v8".to_owned(),
            code: Code { local: File { filename: folder.join(module.file) } },
        },
        failure_policy: FailurePolicy::FailReload,
        configuration: Any(configuration),
    };
    HttpFilter { name, typed_config: FilterConfig::Wasm(Any(Wasm { config })) }
}
