//! EnvoyFilters, as far as they do not depend on Envoy's own messages (Istio's `ValidateEnvoyFilter`).

use super::super::Findings;
use super::at::At;
use super::selection;
use crate::re2;

const CONNECTION_MANAGERS: [&str; 2] =
    ["envoy.filters.network.http_connection_manager", "envoy.http_connection_manager"];

pub(super) fn check(spec: &At<'_>, findings: &mut Findings<'_>) {
    let message = "an EnvoyFilter depends on what is within Istio's proxies, and may cease to work with the next";
    findings.doubtful(&spec.path, message, "");
    let (selector, targets) = (spec.field("workloadSelector"), spec.field("targetRefs"));
    selection::labels(&selector, "labels", findings);
    if selector.is() && targets.is() {
        findings.invalid(&targets.path, "cannot stand beside `workloadSelector`", "keep one of them");
    }
    for patch in spec.field("configPatches").items() {
        check_patch(&patch, findings);
    }
}

fn check_patch(entry: &At<'_>, findings: &mut Findings<'_>) {
    let (what, matches, patch) = (entry.field("applyTo"), entry.field("match"), entry.field("patch"));
    let waypoint = matches.field("context").text() == "WAYPOINT";
    let objects = ["listener", "routeConfiguration", "cluster", "waypoint"];
    let object = objects.into_iter().find(|name| matches.field(name).is());
    if matches.is() && waypoint != (object == Some("waypoint")) {
        findings.invalid(&matches.path, "`waypoint` and the context `WAYPOINT` go together", "");
    }
    let port = matches.field("waypoint");
    let port = port.field("portNumber");
    if port.is() && !(1.0..=65_535.0).contains(&port.number()) {
        findings.invalid(&port.path, "expected a port from 1 to 65535", "");
    }
    if waypoint {
        return;
    }
    let operation = patch.field("operation");
    let missing = if ["", "INVALID"].contains(&what.text()) {
        Some("applyTo")
    } else if !patch.is() {
        Some("patch")
    } else if ["", "INVALID"].contains(&operation.text()) {
        Some("patch.operation")
    } else if operation.text() != "REMOVE" && !patch.field("value").is() {
        Some("patch.value")
    } else {
        None
    };
    if let Some(missing) = missing {
        findings.invalid(&entry.path, format!("`{missing}` is missing"), "");
        return;
    }
    let proxy = matches.field("proxy");
    let version = proxy.field("proxyVersion");
    if version.text().len() > 1024 {
        findings.doubtful(&version.path, "a pattern of more than 1024 characters is passed over", "");
    } else if !version.text().is_empty() && re2::Re2::new(version.text()).is_err() {
        findings.invalid(&version.path, "expected a regular expression", "");
        return;
    }
    let wanted = match what.text() {
        "LISTENER" | "FILTER_CHAIN" | "NETWORK_FILTER" | "HTTP_FILTER" => "listener",
        "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE" => "routeConfiguration",
        "CLUSTER" => "cluster",
        _ => return,
    };
    if let Some(other) = object.filter(|object| *object != wanted) {
        let message = format!("`{}` is found by `{wanted}`, not by `{other}`", what.text());
        findings.invalid(&matches.field(other).path, message, "");
        return;
    }
    let listener = matches.field("listener");
    let chain = listener.field("filterChain");
    filter(&chain.field("filter"), what.text(), findings);
}

fn filter(filter: &At<'_>, what: &str, findings: &mut Findings<'_>) {
    if !filter.is() {
        return;
    }
    if what == "LISTENER" || what == "FILTER_CHAIN" {
        findings.doubtful(&filter.path, format!("a filter has no meaning for `{what}`"), "");
    }
    let (name, sub) = (filter.field("name"), filter.field("subFilter"));
    if name.text().is_empty() {
        findings.invalid(&filter.path, "`name` is missing", "");
    } else if sub.is() && what != "HTTP_FILTER" {
        findings.invalid(&sub.path, "`subFilter` is for `applyTo: HTTP_FILTER`", "");
    } else if sub.is() && !CONNECTION_MANAGERS.contains(&name.text()) {
        let message = format!("`subFilter` is in `{}` alone", CONNECTION_MANAGERS.first().copied().unwrap_or_default());
        findings.invalid(&sub.path, message, "");
    } else if sub.is() && sub.field("name").text().is_empty() {
        findings.invalid(&sub.path, "`name` is missing", "");
    }
}
