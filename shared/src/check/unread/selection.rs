//! Which workloads a policy is for (Istio's `validateOneOfSelectorType`, `validateWorkloadSelector`,
//! `validatePolicyTargetReference`, and `ValidateAlphaWorkloadSelector` of the older kinds).

use super::super::Findings;
use super::at::At;
use crate::model::read::shorten;

/// What a `targetRef` may name.
const TARGETS: [(&str, &str); 4] = [
    ("", "Service"),
    ("networking.istio.io", "ServiceEntry"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "GatewayClass"),
];

/// `selector`, `targetRef` and `targetRefs`.
pub(super) fn policy(spec: &At<'_>, findings: &mut Findings<'_>) {
    let (selector, target, targets) = (spec.field("selector"), spec.field("targetRef"), spec.field("targetRefs"));
    let several = targets.items().next().is_some();
    if usize::from(selector.is()) + usize::from(target.is()) + usize::from(several) > 1 {
        let other = if selector.is() { &selector } else { &target };
        findings.invalid(
            &other.path,
            "a policy has one of `selector`, `targetRef` and `targetRefs`",
            "keep one of them",
        );
    }
    labels(&selector, "matchLabels", findings);
    if target.is() {
        reference(&target, findings);
    }
    for target in targets.items() {
        reference(&target, findings);
    }
}

/// The labels of a selector, which stand under this name.
pub(super) fn labels(selector: &At<'_>, name: &str, findings: &mut Findings<'_>) {
    let labels = selector.field(name);
    for label in labels.entries() {
        if label.key().is_empty() {
            findings.invalid(&label.path, "expected a label's key, found an empty string", "");
        }
        if label.key().contains('*') || label.text().contains('*') {
            let message = format!("`*` has no meaning in the label `{}`", shorten(label.key()));
            findings.invalid(&label.path, message, "write the whole key and value");
        }
    }
    if selector.is() && labels.entries().next().is_none() {
        let message = "a selector without labels selects everything in the namespace";
        findings.doubtful(&selector.path, message, "leave the selector out, or name labels");
    }
}

fn reference(target: &At<'_>, findings: &mut Findings<'_>) {
    let namespace = target.field("namespace");
    if !namespace.text().is_empty() {
        findings.invalid(&namespace.path, "a policy is for its own namespace alone", "remove `namespace`");
    }
    let (group, kind) = (target.field("group"), target.field("kind"));
    let group = if group.text() == "core" { "" } else { group.text() };
    if !TARGETS.contains(&(group, kind.text())) {
        let message = format!("`{}` of the group `{group}` cannot be named here", shorten(kind.text()));
        let hint = "name a Service, a ServiceEntry (networking.istio.io), a Gateway or a GatewayClass \
                    (gateway.networking.k8s.io)";
        findings.invalid(&target.path, message, hint);
    }
}
