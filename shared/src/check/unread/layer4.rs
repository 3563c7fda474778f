//! `tls` and `tcp` rules of a VirtualService (Istio's `validateTLSRoute`, `validateTCPRoute`).

use super::super::name::{is_address, is_label, is_sni_of_istio, label, wildcard_domain};
use super::super::{Findings, virtual_service};
use super::at::At;
use super::service::subnet;
use crate::model::VirtualService;
use crate::model::read::shorten;
use crate::names::{MESH, covers};

pub(super) fn check(service: &VirtualService, spec: &At<'_>, findings: &mut Findings<'_>) {
    for (field, needs_match) in [("tls", true), ("tcp", false)] {
        for rule in spec.field(field).items() {
            let matches = rule.field("match");
            if needs_match && matches.items().next().is_none() {
                findings.invalid(
                    &rule.path,
                    "a `tls` rule needs at least one match",
                    "write `match: [{sniHosts: [...]}]`",
                );
            }
            for block in matches.items() {
                if needs_match {
                    names(service, &block, findings);
                }
                client(&block, findings);
            }
            destinations(&rule, findings);
        }
    }
}

fn names(service: &VirtualService, block: &At<'_>, findings: &mut Findings<'_>) {
    let hosts = block.field("sniHosts");
    if hosts.items().next().is_none() {
        findings.invalid(&block.path, "a match of a `tls` rule needs `sniHosts`", "");
    }
    for at in hosts.items() {
        let host = at.text();
        let of_istio = !service.gateways.iter().any(|name| name == MESH) && is_sni_of_istio(host);
        match wildcard_domain(host) {
            Err(_) if of_istio => {}
            Err(_) if is_address(host) => continue,
            Err(wrong) => {
                findings.invalid(&at.path, wrong, "");
                continue;
            }
            Ok(()) => {}
        }
        if !service.hosts.iter().any(|all| covers(all, host)) {
            let message = format!("`{}` is none of the VirtualService's hosts", shorten(host));
            findings.invalid(&at.path, message, "add it to `hosts`");
        }
    }
}

/// What `tls` and `tcp` matches ask of the client and of where it wanted to go.
fn client(block: &At<'_>, findings: &mut Findings<'_>) {
    for at in block.field("destinationSubnets").items() {
        if let Err(wrong) = subnet(at.text()) {
            findings.invalid(&at.path, wrong, "");
        }
    }
    let port = block.field("port");
    if port.number() > 65_535.0 {
        findings.invalid(&port.path, "expected a port from 1 to 65535", "");
    }
    for at in block.field("sourceLabels").entries() {
        if let Err(wrong) = label(at.key(), at.text()) {
            findings.invalid(&at.path, wrong, "");
        }
    }
    let gateways = block.field("gateways");
    let all: Vec<String> = gateways.items().map(|at| at.text().to_owned()).collect();
    virtual_service::gateways(&all, &gateways.path, findings);
}

/// `validateRouteDestinations`.
fn destinations(rule: &At<'_>, findings: &mut Findings<'_>) {
    let route = rule.field("route");
    if route.items().next().is_none() {
        findings.invalid(&rule.path, "the rule does nothing: expected `route`", "");
    }
    let mut total = 0.0;
    for way in route.items() {
        let destination = way.field("destination");
        let host = destination.field("host");
        let wrong = if host.text() == "*" {
            Err("the host `*` cannot be a destination".to_owned())
        } else {
            wildcard_domain(host.text())
        };
        if let (true, Err(wrong)) = (destination.is(), wrong) {
            findings.invalid(&host.path, wrong, "");
        }
        let subset = destination.field("subset");
        if !subset.text().is_empty() && !is_label(subset.text()) {
            findings.invalid(&subset.path, super::super::rule::not_a_label(subset.text()), "");
        }
        let port = destination.field("port");
        if port.is() && !(1.0..=65_535.0).contains(&port.field("number").number()) {
            findings.invalid(&port.path, "expected a port from 1 to 65535", "write `port: {number: 80}`");
        }
        let weight = way.field("weight");
        if weight.number() < 0.0 {
            findings.invalid(&weight.path, "expected a weight of 0 or more", "");
        }
        total += weight.number();
    }
    if route.items().nth(1).is_some() && total == 0.0 {
        findings.invalid(&route.path, "no destination has a weight", "write `weight` beside each `destination`");
    }
}
