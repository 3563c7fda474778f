//! Telemetries, ProxyConfigs and WorkloadGroups (Istio's `ValidateTelemetry`, `ValidateProxyConfig`,
//! `ValidateWorkloadGroup`).

use super::super::Findings;
use super::super::name::label;
use super::at::At;
use super::{cel, selection};
use crate::load::Value;

pub(super) fn check(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::policy(spec, findings);
    for logging in spec.field("accessLogging").items() {
        let expression = logging.field("filter");
        let expression = expression.field("expression");
        if expression.is()
            && let Err(wrong) = cel::parse(expression.text())
        {
            findings.invalid(&expression.path, format!("expected an expression in CEL: {wrong}"), "");
        }
    }
    let tracing = spec.field("tracing");
    if tracing.items().nth(1).is_some() {
        findings.doubtful(&tracing.path, "of several only the first has an effect", "keep one of them");
    }
    for one in tracing.items() {
        let providers = one.field("providers");
        if providers.items().nth(1).is_some() {
            findings.doubtful(&providers.path, "of several providers only the first has an effect", "keep one of them");
        }
        for tag in one.field("customTags").entries() {
            if tag.key().is_empty() {
                findings.invalid(&tag.path, "expected a tag's name, found an empty string", "");
            }
            null(&tag, findings);
        }
    }
    for metrics in spec.field("metrics").items() {
        for change in metrics.field("overrides").items() {
            for tag in change.field("tagOverrides").entries() {
                tag_override(&tag, findings);
            }
        }
    }
}

fn tag_override(tag: &At<'_>, findings: &mut Findings<'_>) {
    if tag.key().is_empty() {
        findings.doubtful(&tag.path, "expected a tag's name, found an empty string", "");
    }
    null(tag, findings);
    if tag.node.is_none_or(|node| node.value == Value::Null) {
        return;
    }
    let (operation, value) = (tag.field("operation"), tag.field("value"));
    let removes = operation.text() == "REMOVE";
    if removes && !value.text().is_empty() {
        findings.invalid(&value.path, "what is removed has no value", "remove `value`");
    }
    if !removes && value.text().is_empty() {
        findings.invalid(&tag.path, "`value` is missing", "or write `operation: REMOVE`");
    }
}

fn null(at: &At<'_>, findings: &mut Findings<'_>) {
    if at.node.is_none_or(|node| node.value == Value::Null) {
        findings.invalid(&at.path, "expected a mapping, found nothing", "");
    }
}

pub(super) fn proxy_config(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::labels(&spec.field("selector"), "matchLabels", findings);
}

pub(super) fn workload_group(spec: &At<'_>, findings: &mut Findings<'_>) {
    if !spec.field("template").is() {
        findings.invalid(&spec.path, "`template` is missing", "an empty one is `template: {}`");
    }
    let metadata = spec.field("metadata");
    for at in metadata.field("labels").entries() {
        if let Err(wrong) = label(at.key(), at.text()) {
            findings.invalid(&at.path, wrong, "");
        }
    }
    let probe = spec.field("probe");
    if !probe.is() {
        return;
    }
    let methods = ["httpGet", "tcpSocket", "exec"];
    if !methods.iter().any(|name| probe.field(name).is()) {
        findings.invalid(&probe.path, "expected `httpGet`, `tcpSocket` or `exec`", "");
    }
    for name in ["httpGet", "tcpSocket"] {
        let method = probe.field(name);
        let port = method.field("port");
        if port.is() && !(1.0..=65_535.0).contains(&port.number()) {
            findings.invalid(&port.path, "expected a port from 1 to 65535", "");
        }
    }
    let get = probe.field("httpGet");
    let scheme = get.field("scheme");
    if !["", "HTTP", "HTTPS"].contains(&scheme.text()) {
        findings.invalid(&scheme.path, "expected `HTTP` or `HTTPS`", "");
    }
    for header in get.field("httpHeaders").items() {
        let name = header.field("name");
        if name.text().is_empty() || !name.text().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            findings.invalid(if name.is() { &name.path } else { &header.path }, "expected a header's name", "");
        }
    }
    let exec = probe.field("exec");
    let command = exec.field("command");
    if command.is() && command.items().next().is_none() {
        findings.invalid(&command.path, "expected a command, found an empty list", "");
    }
}
