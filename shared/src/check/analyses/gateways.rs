//! Gateways: whom they select, on which ports, and what two of them have in common (istioctl's
//! `IngressGatewayPortAnalyzer`, `ConflictingGatewayAnalyzer`, `CertificateAnalyzer`).

use super::world::{Item, Pairs, World, carries, list, pairs, shown, text, whole};
use crate::Names;
use crate::finding::{Code, Report, Severity};
use crate::load::Node;
use crate::model::read::shorten;

/// What Istio's own installation offers, where the set does not say so itself.
const INGRESS_PORTS: [i64; 4] = [80, 443, 31_400, 15_443];

/// So many Gateways with one selector are compared with each other.
const MOST_COMPARED: usize = 1_000;

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    let selectors: Vec<Pairs<'_>> =
        world.of("Gateway").iter().map(|gateway| pairs(gateway.tree.at("spec.selector"))).collect();
    let texts: Vec<String> = selectors.iter().map(|selector| shown(selector)).collect();
    let gateways: Vec<(&Item<'_>, &Pairs<'_>, &str)> = world
        .of("Gateway")
        .iter()
        .zip(selectors.iter().zip(&texts))
        .map(|(gateway, (selector, text))| (gateway, selector, text.as_str()))
        .collect();
    let serving: Names =
        gateways.iter().filter(|(one, ..)| !servers(one).is_empty()).map(|(.., text)| (*text).to_owned()).collect();
    for &(gateway, selector, text) in &gateways {
        let shared = serving.contains(text);
        ports(world, gateway, selector, shared, report);
        let others = || gateways.iter().filter(|(other, ..)| other.full_name() != gateway.full_name());
        let related = others().take(MOST_COMPARED).filter(|(_, theirs, other)| {
            *other == text
                || ((other.contains(text) || text.contains(other))
                    && world.workloads.iter().any(|one| carries(&one.labels, selector) && carries(&one.labels, theirs)))
        });
        conflicts(gateway, &related.map(|(other, ..)| *other).collect::<Vec<_>>(), text, report);
        let wider = others().take(MOST_COMPARED).filter(|(_, theirs, _)| carries(theirs, selector));
        certificates(gateway, &wider.map(|(other, ..)| *other).collect::<Vec<_>>(), report);
    }
}

fn servers<'a>(gateway: &Item<'a>) -> &'a [Node] {
    gateway.list("spec.servers")
}

/// Nobody to be configured, or ports that nobody forwards to them.
fn ports(world: &World<'_>, gateway: &Item<'_>, selector: &[(&str, &str)], shared: bool, report: &mut Report) {
    let mut open: Vec<i64> = Vec::new();
    let (mut found, mut said) = (false, false);
    for workload in world.selected(selector) {
        found = true;
        let own = world.find("Service", "istio-system", "istio-ingressgateway").is_none();
        if workload.pod.is_none() && workload.spec.is_none() && own {
            open.extend(INGRESS_PORTS);
        }
        for service in world.of("Service").iter().filter(|service| service.namespace == workload.namespace) {
            if !carries(&workload.labels, &pairs(service.tree.at("spec.selector"))) {
                continue;
            }
            said = true;
            for port in service.list("spec.ports") {
                if !["", "TCP"].contains(&text(port.get("protocol"))) {
                    continue;
                }
                open.extend(whole(port.get("port")));
                open.extend(whole(port.get("targetPort")));
            }
        }
    }
    let mut findings = gateway.findings(report);
    // istioctl finds Gateways of a selector by their servers.
    if !found || (servers(gateway).is_empty() && !selector.is_empty() && !shared) {
        let message = format!("no workload has the labels of the selector, `{}`", shorten(&shown(selector)));
        let severity = if world.knows_workloads { Severity::Error } else { Severity::Info };
        let message = match found {
            false => message,
            true => "this Gateway has no servers, and nobody is configured by it".to_owned(),
        };
        let hint = "this Gateway takes effect nowhere, unless the workloads are elsewhere";
        findings.analysis(severity, Code::ReferencedResourceNotFound, "spec.selector", message, hint);
        return;
    }
    // A Service of the set has been forgotten rather than one that nobody wrote down.
    let severity = if said { Severity::Warning } else { Severity::Info };
    for (index, server) in servers(gateway).iter().enumerate() {
        let Some(number) = whole(server.at("port.number")) else { continue };
        if !open.contains(&number) {
            let message = format!("no Service forwards port {number} to the workloads of this Gateway");
            let path = format!("spec.servers[{index}].port.number");
            findings.analysis(severity, Code::GatewayPortNotDefinedOnService, &path, message, "");
        }
    }
}

/// Servers of Gateways with one selector that take the same hosts on the same port.
fn conflicts(gateway: &Item<'_>, related: &[&Item<'_>], selector: &str, report: &mut Report) {
    let mut findings = gateway.findings(report);
    for (index, server) in servers(gateway).iter().enumerate() {
        let number = whole(server.at("port.number")).unwrap_or_default();
        let hosts: Vec<&str> = list(server.get("hosts")).iter().map(|host| text(Some(host))).collect();
        let bind = text(server.get("bind"));
        let takes = |other: &&&Item<'_>| {
            // Of several servers on a port Istio looks at the last.
            let same = |server: &&Node| whole(server.at("port.number")).unwrap_or_default() == number;
            servers(other).iter().rfind(same).is_some_and(|theirs| {
                text(theirs.get("bind")) == bind
                    && list(theirs.get("hosts")).iter().any(|host| hosts.contains(&text(Some(host))))
            })
        };
        let names: Vec<String> = related.iter().filter(takes).map(|other| other.full_name()).collect();
        if !names.is_empty() {
            let message = format!(
                "`{}` has the selector, the port {number} and hosts of this server as well",
                shorten(&names.join("`, `"))
            );
            let hint = if selector.is_empty() { "give them other hosts" } else { "give them other hosts or selectors" };
            let path = format!("spec.servers[{index}]");
            findings.analysis(Severity::Error, Code::ConflictingGateways, &path, message, hint);
        }
    }
}

/// One certificate in two Gateways of the same workloads.
fn certificates(gateway: &Item<'_>, related: &[&Item<'_>], report: &mut Report) {
    let mut findings = gateway.findings(report);
    for other in related {
        let twice = servers(gateway).iter().enumerate().find(|(_, server)| {
            servers(other).iter().any(|theirs| match (server.get("tls"), theirs.get("tls")) {
                (Some(one), Some(two)) => is_same_certificate(one, two),
                _ => false,
            })
        });
        if let Some((index, _)) = twice {
            let message = format!(
                "`{}` has the same certificate: clients that keep one HTTP/2 connection for both may get a 404",
                other.full_name()
            );
            let path = format!("spec.servers[{index}].tls");
            findings.analysis(
                Severity::Warning,
                Code::GatewayDuplicateCertificate,
                &path,
                message,
                "put their servers into one Gateway",
            );
        }
    }
}

fn is_same_certificate(one: &Node, two: &Node) -> bool {
    let same = |name: &str| {
        let (one, two) = (text(one.field(name)), text(two.field(name)));
        !one.is_empty() && one == two
    };
    let neither = text(one.field("credentialName")).is_empty() && text(two.field("credentialName")).is_empty();
    same("credentialName") || (neither && same("serverCertificate") && same("privateKey"))
}
