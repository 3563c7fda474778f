//! A DestinationRule by itself (Istio's `ValidateDestinationRule`).

use std::collections::BTreeSet;
use std::time::Duration;

use super::name::{is_label, wildcard_domain};
use super::rule::not_a_label;
use super::{Findings, matches};
use crate::finding::Code;
use crate::model::DestinationRule;
use crate::model::destination_rule::{SimpleLb, TrafficPolicy};
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
    let mut names = BTreeSet::new();
    for (index, subset) in rule.subsets.iter().enumerate() {
        let here = Path::Index(&subsets, index);
        if !is_label(&subset.name) {
            findings.invalid(&Path::Key(&here, "name"), not_a_label(&subset.name), "");
        } else if !names.insert(&subset.name) {
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
    if let Some(balancer) = &policy.load_balancer
        && balancer.simple == Some(SimpleLb::LeastConn)
    {
        let path = Path::Key(path, "loadBalancer");
        let hint = "write `LEAST_REQUEST`, which is the same";
        findings.warn(Code::Deprecated, &Path::Key(&path, "simple"), "`LEAST_CONN` is deprecated", hint);
    }
    let Some(pool) = &policy.connection_pool else { return };
    let path = Path::Key(path, "connectionPool");
    if pool.http.is_none() && pool.tcp.is_none() {
        findings.invalid(&path, "expected `tcp` or `http` in a connection pool, found neither", "");
    }
    if let Some(GoDuration(timeout)) = pool.tcp.as_ref().and_then(|tcp| tcp.connect_timeout)
        && (timeout < Duration::from_millis(1) || timeout.subsec_nanos() % 1_000_000 != 0)
    {
        let message = format!("expected a duration of whole milliseconds, at least `1ms`, found `{timeout:?}`");
        findings.invalid(&Path::Key(&Path::Key(&path, "tcp"), "connectTimeout"), message, "");
    }
    if let Some(most) = pool.http.as_ref().and_then(|http| http.max_requests_per_connection)
        && most > i32::MAX as u32
    {
        let message = format!("expected a number up to {}, found `{most}`", i32::MAX);
        findings.invalid(&Path::Key(&Path::Key(&path, "http"), "maxRequestsPerConnection"), message, "");
    }
}
