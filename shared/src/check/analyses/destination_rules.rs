//! DestinationRules whose TLS verifies nobody, and whose subsets are of nobody (istioctl's `CaCertificateAnalyzer`,
//! `PodNotSelectedAnalyzer`).

use super::visible::Visible;
use super::world::{Item, World, list, pairs, text};
use crate::finding::{Code, Report, Severity};
use crate::load::Node;
use crate::model::read::shorten;
use crate::names;
use crate::registry::Registry;

pub(super) fn check(world: &World<'_>, visible: &Visible, registry: &Registry, report: &mut Report) {
    for rule in world.of("DestinationRule") {
        subsets(world, rule, visible, registry, report);
        let selects = rule.tree.at("spec.workloadSelector").is_some();
        let policy = rule.tree.at("spec.trafficPolicy");
        let mut findings = rule.findings(report);
        if let Some(mode) = unverified(policy, selects) {
            let message = format!("the mode `{mode}` without `caCertificates` verifies no certificate of the service");
            let code = Code::NoServerCertificateVerificationDestinationLevel;
            let hint = "name the file with `caCertificates`";
            findings.analysis(Severity::Warning, code, "spec.trafficPolicy.tls", message, hint);
        }
        let ports = list(policy.and_then(|policy| policy.field("portLevelSettings")));
        for (index, settings) in ports.iter().enumerate() {
            if let Some(mode) = unverified(Some(settings), selects) {
                let message =
                    format!("the mode `{mode}` without `caCertificates` verifies no certificate of the service");
                let path = format!("spec.trafficPolicy.portLevelSettings[{index}].tls");
                let code = Code::NoServerCertificateVerificationPortLevel;
                findings.analysis(Severity::Warning, code, &path, message, "name the file with `caCertificates`");
            }
        }
    }
}

/// The mode of TLS that asks for verification, where nothing says by whom.
fn unverified(policy: Option<&Node>, selects: bool) -> Option<&str> {
    let tls = policy?.field("tls")?;
    let mode = text(tls.field("mode"));
    let has = |name: &str| !text(tls.field(name)).is_empty();
    let verifies = has("caCertificates") || (has("credentialName") && selects);
    (["SIMPLE", "MUTUAL"].contains(&mode) && !verifies).then_some(mode)
}

/// Subsets of a service of which the set has no endpoint at all; of others `references` says it.
fn subsets(world: &World<'_>, rule: &Item<'_>, visible: &Visible, registry: &Registry, report: &mut Report) {
    let host = names::resolve_host(rule.text("spec.host"), rule.namespace);
    let known = registry.get(&host).is_some_and(|service| !service.endpoints.is_empty());
    if known || visible.find(rule.text("spec.host"), rule).is_none() {
        return;
    }
    for (index, subset) in rule.list("spec.subsets").iter().enumerate() {
        let labels = pairs(subset.get("labels"));
        // Those labels come from the nodes.
        let by_node = labels.iter().any(|(key, _)| key.starts_with("topology.") || key.starts_with("kubernetes.io/"));
        let mut here = world.selected(&labels).filter(|one| one.pod.is_some() || one.spec.is_some());
        if by_node || here.next().is_some() {
            continue;
        }
        let severity = if world.knows_workloads { Severity::Error } else { Severity::Info };
        let name = shorten(text(subset.get("name")));
        let message = format!("no workload of this set has the labels of the subset `{name}` of `{}`", shorten(&host));
        let path = format!("spec.subsets[{index}].labels");
        let code = Code::DestinationRuleSubsetNotSelectPods;
        rule.findings(report).analysis(severity, code, &path, message, "requests to it are answered with 503");
    }
}
