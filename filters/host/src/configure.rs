//! From the configuration's text to a configured module.

use shared::Map;
use shared::finding::{Report, Severity};
use shared::plan::ModuleConfig;
use shared::plan::proxy::NodeMetadata;

use crate::abi;
use crate::behaviour::Chain;
use crate::headers;
use crate::module::Configured;

/// Reads the configuration that Envoy has for this root context; nothing when it is refused. Envoy's log has the
/// findings.
pub(crate) fn configure<C: Chain>(name: &str, size: usize) -> Option<Configured<C>> {
    let mut report = Report::new();
    let config = ModuleConfig::read(abi::configuration(size), node_metadata(), &mut report);
    for finding in report.into_sorted() {
        match finding.severity {
            Severity::Error => log::error!("{finding}"),
            Severity::Warning => log::warn!("{finding}"),
            Severity::Info => log::info!("{finding}"),
        }
    }
    Some(Configured::new(name, config?.plan()))
}

/// What Envoy knows of the proxy, as Istio fills its node metadata.
fn node_metadata() -> NodeMetadata {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let namespace = abi::property("xds\0node\0metadata\0NAMESPACE").and_then(|bytes| text(&bytes));
    let labels = abi::property("xds\0node\0metadata\0LABELS").unwrap_or_default();
    let mut all = Map::new();
    for (name, value) in headers::pairs(&labels) {
        if let (Some(name), Some(value)) = (text(name), text(value)) {
            all.insert(name, value);
        }
    }
    let one = |path| abi::property(path).and_then(|bytes| text(&bytes)).filter(|text| !text.is_empty());
    NodeMetadata {
        namespace: namespace.filter(|text| !text.is_empty()),
        labels: all,
        workload: one("xds\0node\0metadata\0WORKLOAD_NAME"),
        cluster: one("xds\0node\0metadata\0CLUSTER_ID"),
    }
}
