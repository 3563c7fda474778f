//! A DestinationRule by itself (Istio's `ValidateDestinationRule`).

use std::time::Duration;

use super::name::{is_label, wildcard_domain};
use super::rule::not_a_label;
use super::{Findings, connection_pool, matches, outlier_detection};
use crate::Names;
use crate::finding::Code;
use crate::model::DestinationRule;
use crate::model::destination_rule::{
    ConnectionPoolSettings, LoadBalancerSettings, OutlierDetection, SimpleLb, TrafficPolicy,
};
use crate::model::read::{Path, shorten};
use crate::model::values::GoDuration;

pub(super) fn check(rule: &DestinationRule, findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    if let Err(wrong) = wildcard_domain(&rule.host) {
        findings.invalid(&Path::Key(&spec, "host"), wrong, "");
    }
    if let Some(policy) = &rule.traffic_policy {
        traffic_policy(policy, &Path::Key(&spec, "trafficPolicy"), findings);
    }
    let subsets = Path::Key(&spec, "subsets");
    let mut names = Names::new();
    for (index, subset) in rule.subsets.iter().enumerate() {
        let here = Path::Index(&subsets, index);
        if !is_label(&subset.name) {
            findings.invalid(&Path::Key(&here, "name"), not_a_label(&subset.name), "");
        } else if !names.add(&subset.name) {
            let message = format!("the subset `{}` is already defined", shorten(&subset.name));
            findings.invalid(&Path::Key(&here, "name"), message, "give one of them another name");
        }
        matches::labels(&subset.labels, &Path::Key(&here, "labels"), findings);
        if let Some(policy) = &subset.traffic_policy {
            traffic_policy(policy, &Path::Key(&here, "trafficPolicy"), findings);
        }
    }
}

fn traffic_policy(policy: &TrafficPolicy, path: &Path<'_>, findings: &mut Findings<'_>) {
    const BLOCKS: [&str; 8] = [
        "loadBalancer",
        "connectionPool",
        "outlierDetection",
        "tls",
        "portLevelSettings[0]",
        "tunnel",
        "proxyProtocol",
        "retryBudget",
    ];
    if !BLOCKS.iter().any(|name| findings.has(&format!("{path}.{name}"))) {
        findings.invalid(path, "expected at least one setting in a traffic policy, found none", "");
    }
    blocks(
        (policy.load_balancer.as_ref(), policy.connection_pool.as_ref(), policy.outlier_detection.as_ref()),
        path,
        findings,
    );
    let ports = Path::Key(path, "portLevelSettings");
    for (index, settings) in policy.port_level_settings.iter().enumerate() {
        let here = Path::Index(&ports, index);
        if settings.port.is_none() {
            findings.invalid(&here, "`port` is missing", "write `port: {number: 80}`");
        }
        if !BLOCKS.iter().take(4).any(|name| findings.has(&format!("{here}.{name}"))) {
            findings.invalid(&here, "expected at least one setting for a port, found none", "");
        }
        blocks(
            (settings.load_balancer.as_ref(), settings.connection_pool.as_ref(), settings.outlier_detection.as_ref()),
            &here,
            findings,
        );
    }
}

/// What a policy and the settings of a port have in common.
type Blocks<'a> = (Option<&'a LoadBalancerSettings>, Option<&'a ConnectionPoolSettings>, Option<&'a OutlierDetection>);

fn blocks((balancer, pool, outlier): Blocks<'_>, path: &Path<'_>, findings: &mut Findings<'_>) {
    if balancer.is_some_and(|balancer| balancer.simple == Some(SimpleLb::LeastConn)) {
        let path = Path::Key(path, "loadBalancer");
        let hint = "write `LEAST_REQUEST`, which is the same";
        findings.warn(Code::Deprecated, &Path::Key(&path, "simple"), "`LEAST_CONN` is deprecated", hint);
    }
    if let Some(pool) = pool {
        connection_pool::check(pool, &Path::Key(path, "connectionPool"), findings);
    }
    if let Some(outlier) = outlier {
        outlier_detection::check(outlier, &Path::Key(path, "outlierDetection"), findings);
    }
}

/// Istio's `ValidateDuration`.
pub(super) fn duration(duration: Option<GoDuration>, path: &Path<'_>, findings: &mut Findings<'_>) {
    if let Some(GoDuration(duration)) = duration
        && (duration < Duration::from_millis(1) || duration.subsec_nanos() % 1_000_000 != 0)
    {
        let message =
            format!("expected a duration of whole milliseconds, at least `1ms`, found `{}`", GoDuration(duration));
        findings.invalid(path, message, "");
    }
}
