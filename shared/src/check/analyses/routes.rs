//! Where VirtualServices lead (istioctl's `DestinationHostAnalyzer`, `DestinationRuleAnalyzer`, `GatewayAnalyzer`), as
//! far as [`references`](super::super::references) does not say it: `tcp` and `tls` rules, what `exportTo` hides, what a
//! gateway's requests miss.

use super::super::partly::Partly;
use super::super::{Findings, references};
use super::visible::Visible;
use super::world::{Item, World, list, text, whole};
use crate::Names;
use crate::finding::{Code, Report, Severity};
use crate::load::Node;
use crate::model::read::shorten;
use crate::names::{self, MESH};
use crate::registry::Registry;

const NOT_FOUND: Code = Code::ReferencedResourceNotFound;

pub(super) fn check(world: &World<'_>, visible: &Visible, registry: &Registry, partly: &Partly, report: &mut Report) {
    let mut subsets = Names::new();
    let known: Names = world.of("Gateway").iter().map(Item::full_name).collect();
    for rule in world.of("DestinationRule") {
        let host = names::resolve_host(rule.text("spec.host"), rule.namespace);
        for subset in rule.list("spec.subsets") {
            subsets.add(&format!("{host} {}", text(subset.get("name"))));
        }
        if registry.answering(&host).is_some_and(|service| service.host != "*") && visible.find(&host, rule).is_none() {
            let message = format!(
                "the service `{}` is not visible from `{}`: its `exportTo` hides it",
                shorten(&host),
                rule.namespace
            );
            rule.findings(report).analysis(
                Severity::Warning,
                Code::UnknownDestinationRuleHost,
                "spec.host",
                message,
                "",
            );
        }
    }
    for service in world.of("VirtualService") {
        let findings = &mut service.findings(report);
        for kind in ["tcp", "tls", "http"] {
            let rules = service.tree.get("spec").and_then(|spec| spec.get(kind));
            for (index, rule) in list(rules).iter().enumerate() {
                let mut look = |destination: Option<&Node>, path: &dyn Fn() -> String| {
                    if let Some(destination) = destination {
                        destination_of(
                            service,
                            kind,
                            path,
                            destination,
                            (visible, registry, partly, &subsets),
                            findings,
                        );
                    }
                };
                for (at, way) in list(rule.get("route")).iter().enumerate() {
                    look(way.get("destination"), &|| format!("spec.{kind}[{index}].route[{at}].destination"));
                }
                look(rule.get("mirror"), &|| format!("spec.{kind}[{index}].mirror"));
                for (at, mirror) in list(rule.get("mirrors")).iter().enumerate() {
                    look(mirror.get("destination"), &|| format!("spec.{kind}[{index}].mirrors[{at}].destination"));
                }
            }
        }
        gateways(&known, service, findings);
    }
    mesh_alone(world, report);
}

fn destination_of(
    service: &Item<'_>,
    kind: &str,
    path: &dyn Fn() -> String,
    destination: &Node,
    (visible, registry, partly, subsets): (&Visible, &Registry, &Partly, &Names),
    findings: &mut Findings<'_>,
) {
    let said = text(destination.get("host"));
    let host = names::resolve_host(said, service.namespace);
    if said.is_empty() {
        return;
    }
    let Some(ports) = visible.find(said, service) else {
        // A ServiceEntry for `*` is refused, so it answers for nobody.
        let exists = registry.answering(&host).is_some_and(|service| service.host != "*");
        // `references` has said it of HTTP where nobody at all is called so.
        if exists {
            let message = format!("the service `{}` is not visible from `{}`", shorten(&host), service.namespace);
            let hint = "its `exportTo` hides it";
            findings.analysis(Severity::Error, NOT_FOUND, &format!("{}.host", path()), message, hint);
        } else if kind != "http" {
            let message = format!("no service of this set is called `{}`", shorten(said));
            let hint = references::similar(said, service.namespace, registry);
            findings.analysis(Severity::Error, NOT_FOUND, &format!("{}.host", path()), message, &hint);
        }
        return;
    };
    // Of ports that are none to a proxy `references` knows nothing.
    let knows = |service: &crate::registry::MeshService| !service.ports.is_empty() || service.external_name.is_some();
    if partly.service(&host) || kind == "http" && registry.answering(&host).is_some_and(knows) {
        return;
    }
    let list = || ports.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    match destination.get("port").map(|port| whole(port.get("number")).unwrap_or_default()) {
        None if ports.len() > 1 => {
            let code = Code::VirtualServiceDestinationPortSelectorRequired;
            let message = format!("`{}` has several ports: {}", shorten(said), list());
            findings.analysis(Severity::Error, code, &path(), message, "add `port: {number: ...}`");
        }
        // Of a service without ports it is said where that is.
        Some(port) if !ports.is_empty() && !ports.contains(&port) => {
            let message = format!("`{}` has no port {port}", shorten(said));
            let path = format!("{}.port.number", path());
            findings.analysis(Severity::Error, NOT_FOUND, &path, message, &format!("its ports are {}", list()));
        }
        _ => {}
    }
    let subset = text(destination.get("subset"));
    if kind != "http" && !subset.is_empty() && !subsets.contains(&format!("{host} {subset}")) {
        let message = format!("no DestinationRule defines the subset `{}` of `{}`", shorten(subset), shorten(said));
        let hint = "add it to the DestinationRule of the host";
        findings.analysis(Severity::Error, NOT_FOUND, &format!("{}.subset", path()), message, hint);
    }
}

/// Gateways that Istio makes for itself, and hosts at a Gateway that is not there.
fn gateways(known: &Names, service: &Item<'_>, findings: &mut Findings<'_>) {
    for (index, gateway) in service.list("spec.gateways").iter().enumerate() {
        let said = text(Some(gateway));
        let path = format!("spec.gateways[{index}]");
        if said == MESH {
            continue;
        }
        let short = said.split_once('/').map_or(said, |(_, name)| name);
        if short.contains(names::INTERNAL_GATEWAY) {
            let message = format!("`{}` is made by Istio itself, and may be called otherwise tomorrow", shorten(said));
            let hint = "write an HTTPRoute for that Gateway";
            findings.analysis(Severity::Warning, Code::ReferencedInternalGateway, &path, message, hint);
            continue;
        }
        let full = names::resolve_gateway(said, service.namespace);
        if !known.contains(&full) {
            let message = "its hosts are served by nobody, since there is no such Gateway in this set";
            let code = Code::VirtualServiceHostNotFoundInGateway;
            findings.analysis(Severity::Warning, code, &path, message, "");
        }
    }
}

/// A VirtualService at a gateway that leads to a host whole, of which another VirtualService leads to subsets: that one
/// is not asked on the way.
fn mesh_alone(world: &World<'_>, report: &mut Report) {
    let mut split: crate::Map<String> = crate::Map::new();
    for service in world.of("VirtualService") {
        let hosts = service.list("spec.hosts");
        each_route(service, &mut |host, subset, _, _| {
            if !subset.is_empty() && hosts.iter().any(|own| text(Some(own)) == host) {
                split.insert(host.to_owned(), service.full_name());
            }
        });
    }
    if split.is_empty() {
        return;
    }
    for service in world.of("VirtualService").iter().filter(|one| !one.list("spec.gateways").is_empty()) {
        each_route(service, &mut |host, subset, index, at| {
            if let Some(name) = split.get(host).filter(|_| subset.is_empty()) {
                let path = format!("spec.http[{index}].route[{at}].destination");
                let message = format!(
                    "requests go to all of `{}`: the rules of `{name}` are not asked on this way",
                    shorten(host)
                );
                let hint = "write the subsets here as well, or put the gateway there";
                let code = Code::IngressRouteRulesNotAffected;
                service.findings(report).analysis(Severity::Warning, code, &path, message, hint);
            }
        });
    }
}

/// Host and subset of each destination of HTTP, with the rule's number and its own.
fn each_route(service: &Item<'_>, take: &mut dyn FnMut(&str, &str, usize, usize)) {
    for (index, rule) in service.list("spec.http").iter().enumerate() {
        for (at, way) in list(rule.get("route")).iter().enumerate() {
            if let Some(destination) = way.get("destination") {
                take(text(destination.get("host")), text(destination.get("subset")), index, at);
            }
        }
    }
}
