//! EnvoyFilters that may not be applied (istioctl's `EnvoyPatchAnalyzer`).

use super::world::{World, list, text, whole};
use crate::finding::{Code, Report, Severity};
use crate::load::Node;

const ERROR: Severity = Severity::Error;
const RELATIVE: &str = "what it stands beside may not be there yet; write `priority`, or `INSERT_FIRST`";

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    // Filters that a patch before names together with a version of the proxy.
    let mut versioned: Vec<String> = Vec::new();
    for filter in world.of("EnvoyFilter") {
        let priority = whole(filter.tree.at("spec.priority")).unwrap_or_default();
        let mut findings = filter.findings(report);
        for (index, entry) in filter.list("spec.configPatches").iter().enumerate() {
            let Some(patch) = entry.field("patch") else { break };
            let (operation, target) = (text(patch.field("operation")), text(entry.field("applyTo")));
            let name = instance(entry, patch);
            let path = format!("spec.configPatches[{index}].patch.operation");
            let routes = ["ROUTE_CONFIGURATION", "HTTP_ROUTE"].contains(&target);
            let replaced = ["NETWORK_FILTER", "HTTP_FILTER", "VIRTUAL_HOST"].contains(&target);
            let wrong = match operation {
                "ADD" if routes => Some(Code::EnvoyFilterUsesAddOperationIncorrectly),
                "REMOVE" if routes => Some(Code::EnvoyFilterUsesRemoveOperationIncorrectly),
                "REPLACE" if !replaced => Some(Code::EnvoyFilterUsesReplaceOperationIncorrectly),
                _ => None,
            };
            if let Some(code) = wrong {
                let message = format!("`{operation}` has no effect with `applyTo: {target}`");
                findings.analysis(ERROR, code, &path, message, "");
            } else if priority == 0 && ["REMOVE", "REPLACE", "INSERT_BEFORE", "INSERT_AFTER"].contains(&operation) {
                let (code, message) = match versioned.contains(&name) {
                    true => (
                        Code::EnvoyFilterUsesRelativeOperationWithProxyVersion,
                        format!(
                            "`{operation}` without `priority`, of a filter that another patch has by `proxyVersion`"
                        ),
                    ),
                    false => (Code::EnvoyFilterUsesRelativeOperation, format!("`{operation}` without `priority`")),
                };
                findings.analysis(Severity::Warning, code, &path, message, RELATIVE);
            }
            if !text(entry.at("match.proxy.proxyVersion")).is_empty() {
                versioned.push(name);
            }
        }
    }
}

/// The filter that a patch is about, or none.
fn instance(entry: &Node, patch: &Node) -> String {
    let Some(value) = patch.field("value").filter(|value| !list_is_empty(value)) else { return String::new() };
    match value.get("name") {
        Some(name) => text(Some(name)).to_owned(),
        None => text(entry.at("match.listener.filterChain.filter.name")).to_owned(),
    }
}

fn list_is_empty(value: &Node) -> bool {
    list(Some(value)).is_empty() && value.value == crate::load::Value::Map(Vec::new())
}
