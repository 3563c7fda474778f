//! A traffic policy (Istio's `validateTrafficPolicy`): what it says beside what the model reads.

use super::super::Findings;
use super::super::name::{domain, is_address};
use super::at::At;
use super::{balancer, schema, tls};
use crate::model::read::shorten;

pub(super) fn check(policy: &At<'_>, namespace: &str, findings: &mut Findings<'_>) {
    schema::check(policy, schema::TRAFFIC_POLICY, findings);
    blocks(policy, namespace, findings);
    let (tunnel, proxy_protocol) = (policy.field("tunnel"), policy.field("proxyProtocol"));
    if tunnel.is() {
        if proxy_protocol.is() {
            findings.invalid(&proxy_protocol.path, "cannot stand beside `tunnel`", "keep one of them");
        }
        tunnel_settings(&tunnel, findings);
    }
    for settings in policy.field("portLevelSettings").items() {
        schema::check(&settings, schema::TRAFFIC_POLICY, findings);
        blocks(&settings, namespace, findings);
    }
}

/// What a policy and the settings of a port have in common.
fn blocks(policy: &At<'_>, namespace: &str, findings: &mut Findings<'_>) {
    balancer::check(&policy.field("loadBalancer"), policy.field("outlierDetection").is(), findings);
    tls::client(&policy.field("tls"), namespace, findings);
}

/// `validateTunnelSettings`.
fn tunnel_settings(tunnel: &At<'_>, findings: &mut Findings<'_>) {
    let protocol = tunnel.field("protocol");
    if !["", "CONNECT", "POST"].contains(&protocol.text()) {
        let message = format!("expected `CONNECT` or `POST`, found `{}`", shorten(protocol.text()));
        findings.invalid(&protocol.path, message, "");
    }
    let host = tunnel.field("targetHost");
    if host.is() && domain(host.text()).is_err() && !is_address(host.text()) {
        let message = format!("`{}` is neither an IP address nor a host", shorten(host.text()));
        findings.invalid(&host.path, message, "");
    }
    let port = tunnel.field("targetPort");
    if port.is() && !(1.0..=65_535.0).contains(&port.number()) {
        findings.invalid(&port.path, "expected a port from 1 to 65535", "");
    }
}
