//! Kinds that Sailcloth does not act on, each held against the schema of its CustomResourceDefinition and against what
//! Istio's webhook asks of it.

use super::super::{About, Findings};
use super::at::At;
use super::schema::{self, SELECTION};
use super::{SPEC, authentication, authorization, envoy_filter, extension, sidecar, telemetry};
use crate::finding::{self, Code, Finding, Origin, Report, Severity};
use crate::load::{Mark, Node, Value};
use crate::model::gaps::{Gaps, NO_GAPS};
use crate::model::read::Path;
use crate::model::{Document, Resources, Restriction};

pub(super) fn check(set: &Resources, report: &mut Report) {
    for one in &set.restrictions {
        check_one(&one.about, one, report);
    }
    for one in &set.others {
        check_one(&one.about, one, report);
    }
    for one in &set.sidecars {
        let about = finding::About {
            kind: one.kind.to_owned(),
            namespace: one.meta.namespace().to_owned(),
            name: one.meta.name.clone(),
            file: one.file.clone(),
        };
        check_one(&about, one, report);
    }
}

fn check_one(about: &finding::About, document: &dyn About, report: &mut Report) {
    let findings = &mut Findings::new(document, report);
    let spec = At::of(document.tree(), SPEC);
    let mut held = |tables: &[&[schema::Row]]| {
        let empty = spec.node.is_none() && !tables.is_empty();
        let is_mapping = spec.node.is_none_or(|node| matches!(node.value, Value::Map(_)));
        if empty || !is_mapping {
            let wrong = document.tree().get("spec").is_some();
            if wrong {
                findings.invalid(&spec.path, "expected a mapping", "");
            }
        }
        schema::check_all(&spec, tables, findings);
        is_mapping
    };
    let fits = match about.kind.as_str() {
        "AuthorizationPolicy" => held(&[SELECTION, schema::AUTHORIZATION_POLICY]),
        "PeerAuthentication" => held(&[schema::PEER_AUTHENTICATION]),
        "RequestAuthentication" => held(&[SELECTION, schema::REQUEST_AUTHENTICATION]),
        "Sidecar" => held(&[schema::SIDECAR]),
        "Telemetry" => held(&[SELECTION, schema::TELEMETRY]),
        "ProxyConfig" => held(&[schema::PROXY_CONFIG]),
        "WorkloadGroup" => held(&[schema::WORKLOAD_GROUP]),
        "WasmPlugin" => held(&[SELECTION, schema::WASM_PLUGIN]),
        "TrafficExtension" => held(&[SELECTION, schema::TRAFFIC_EXTENSION]),
        "EnvoyFilter" => held(&[schema::ENVOY_FILTER]),
        _ => return,
    };
    annotations(&about.kind, &spec, document.tree(), findings);
    if !fits {
        return;
    }
    match about.kind.as_str() {
        "AuthorizationPolicy" => authorization::check(&spec, findings),
        "PeerAuthentication" => authentication::peer(&spec, findings),
        "RequestAuthentication" => authentication::request(&spec, findings),
        "Sidecar" => sidecar::check(&spec, about, findings),
        "Telemetry" => telemetry::check(&spec, findings),
        "ProxyConfig" => telemetry::proxy_config(&spec, findings),
        "WorkloadGroup" => telemetry::workload_group(&spec, findings),
        "WasmPlugin" => extension::plugin(&spec, findings),
        "TrafficExtension" => extension::extension(&spec, findings),
        _ => envoy_filter::check(&spec, findings),
    }
}

/// `istio.io/dry-run` is for AuthorizationPolicies that allow or deny.
fn annotations(kind: &str, spec: &At<'_>, tree: &Node, findings: &mut Findings<'_>) {
    if kind != "AuthorizationPolicy" {
        super::annotations(tree, findings);
        return;
    }
    let metadata = Path::Key(&Path::Root, "metadata");
    let metadata = At::of(tree, metadata);
    let all = metadata.field("annotations");
    let dry = all.field("istio.io/dry-run");
    let words = ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
    if dry.is() && !["", "ALLOW", "DENY"].contains(&spec.field("action").text()) {
        findings.invalid(&dry.path, "a dry run is for the actions `ALLOW` and `DENY`", "remove the annotation");
    } else if dry.is() && !words.contains(&dry.text()) {
        findings.invalid(&dry.path, "expected `true` or `false`, in quotes", "");
    }
}

impl About for Restriction {
    fn finding(&self, rule: (Severity, Origin, Code), path: String, message: String, hint: String) -> Finding {
        finding_of(&self.about, &self.tree, rule, path, message, hint)
    }

    fn tree(&self) -> &Node {
        &self.tree
    }

    fn gaps(&self) -> &Gaps {
        &NO_GAPS
    }
}

impl About for Document {
    fn finding(&self, rule: (Severity, Origin, Code), path: String, message: String, hint: String) -> Finding {
        finding_of(&self.about, &self.tree, rule, path, message, hint)
    }

    fn tree(&self) -> &Node {
        &self.tree
    }

    fn gaps(&self) -> &Gaps {
        &NO_GAPS
    }
}

fn finding_of(
    about: &finding::About,
    tree: &Node,
    (severity, origin, code): (Severity, Origin, Code),
    path: String,
    message: String,
    hint: String,
) -> Finding {
    let Mark { line, column } = tree.mark_of(&path);
    let finding::About { kind, namespace, name, file } = about.clone();
    Finding { severity, origin, code, kind, namespace, name, path, file, line, column, message, hint }
}
