//! Hosts that two VirtualServices claim in the mesh, and hosts that no Gateway serves (istioctl's
//! `ConflictingMeshGatewayHostsAnalyzer` and `GatewayAnalyzer`).

use super::Findings;
use crate::finding::{Code, Origin, Report, Severity};
use crate::load::{Node, Value};
use crate::model::read::{Path, shorten};
use crate::model::{Gateway, Resource, Resources, VirtualService};
use crate::names::{self, MESH};
use crate::{Map, Names};

const CONFLICT: (Severity, Origin, Code) =
    (Severity::Error, Origin::Analysis, Code::ConflictingMeshGatewayVirtualServiceHosts);
const NOT_SERVED: (Severity, Origin, Code) =
    (Severity::Warning, Origin::Analysis, Code::VirtualServiceHostNotFoundInGateway);

pub(super) fn check(set: &Resources, report: &mut Report) {
    mesh(set, report);
    let gateways: Map<&Resource<Gateway>> =
        set.gateways.iter().map(|gateway| (gateway.meta.full_name(), gateway)).collect();
    for service in &set.virtual_services {
        served(service, &gateways, report);
    }
}

/// Istio does not merge VirtualServices of the mesh: one of them takes the host.
fn mesh(set: &Resources, report: &mut Report) {
    let mut claims: Map<Vec<(&Resource<VirtualService>, usize)>> = Map::new();
    for service in set.virtual_services.iter().filter(|service| !service.gaps.touch("spec.gateways")) {
        if names::binds(&service.spec.gateways, service.meta.namespace(), MESH) {
            for (index, host) in service.spec.hosts.iter().enumerate() {
                let host = names::resolve_host(host, service.meta.namespace()).to_ascii_lowercase();
                claims.change(host, |claims| claims.push((service, index)));
            }
        }
    }
    wildcards(&claims, report);
    for (host, claims) in claims.iter().filter(|(_, claims)| claims.len() > 1) {
        for (service, index) in claims {
            let others = claims.iter().filter(|(other, _)| other.meta.full_name() != service.meta.full_name());
            let others = others.filter(|(other, _)| share(&exports(service), &exports(other)));
            let oldest = others.clone().map(|(other, _)| *other).min_by(|a, b| a.meta.age().cmp(&b.meta.age()));
            let names: Names = others.take(5).map(|(other, _)| other.meta.full_name()).collect();
            if names.is_empty() {
                continue;
            }
            let names: Vec<String> = names.names().map(|name| format!("`{name}`")).collect();
            let spec = Path::Key(&Path::Root, "spec");
            let hosts = Path::Key(&spec, "hosts");
            let message = format!("the host `{host}` is also claimed by {} in the mesh", names.join(", "));
            let hint =
                format!("merge them into one VirtualService: Istio takes one alone, and {}", winner(service, oldest));
            Findings::new(*service, report).push(CONFLICT, &Path::Index(&hosts, *index), message, hint);
        }
    }
}

/// Hosts of VirtualServices that some namespaces see, in wildcards of those that all see, and the other way round: of
/// such istioctl says the same, though Istio takes the longer one.
fn wildcards(claims: &Map<Vec<(&Resource<VirtualService>, usize)>>, report: &mut Report) {
    let exported: Vec<bool> = claims.iter().map(|(_, own)| own.iter().any(|(one, _)| exports(one).is_some())).collect();
    if !exported.contains(&true) {
        return;
    }
    for ((host, own), _) in claims.iter().zip(exported).filter(|(_, exported)| *exported) {
        let wide =
            claims.iter().filter(|(other, _)| *other != host && (host.starts_with('*') || other.starts_with('*')));
        for (other, theirs) in wide.filter(|(other, _)| names::intersection(host, other).is_some()) {
            for (one, index) in own.iter().filter(|(one, _)| exports(one).is_some()) {
                for (two, at) in theirs.iter().filter(|(two, _)| exports(two).is_none()) {
                    for (claims, host, from, index) in [(*one, host, *two, *index), (*two, other, *one, *at)] {
                        let spec = Path::Key(&Path::Root, "spec");
                        let hosts = Path::Key(&spec, "hosts");
                        let message =
                            format!("the host `{host}` overlaps with one of `{}` in the mesh", from.meta.full_name());
                        let hint = "the longer host is taken before the other";
                        Findings::new(claims, report).push(CONFLICT, &Path::Index(&hosts, index), message, hint);
                    }
                }
            }
        }
    }
}

/// Which of a VirtualService and the oldest of the others that claim its host has it, and why.
fn winner(service: &Resource<VirtualService>, oldest: Option<&Resource<VirtualService>>) -> String {
    let Some(other) = oldest else { return String::new() };
    let older = other.meta.creation_timestamp != service.meta.creation_timestamp;
    match (service.meta.age() < other.meta.age(), older) {
        (true, true) => "this one has it, since it is older".into(),
        (true, false) => "this one has it, since its name comes first".into(),
        (false, true) => format!("`{}` has it, which is older; the rules here have no effect", other.meta.full_name()),
        (false, false) => {
            format!("`{}` has it, whose name comes first, and the rules here have no effect", other.meta.full_name())
        }
    }
}

/// The namespaces that see a VirtualService; none stands for all.
fn exports(service: &Resource<VirtualService>) -> Option<Names> {
    let Some(Node { value: Value::List(items), .. }) = service.tree.at("spec.exportTo") else { return None };
    let names = items.iter().filter_map(|item| match &item.value {
        Value::Text(text) if text == "." => Some(service.meta.namespace().to_owned()),
        Value::Text(text) => Some(text.clone()),
        _ => None,
    });
    let names: Names = names.collect();
    (!names.is_empty() && !names.contains("*")).then_some(names)
}

fn share(a: &Option<Names>, b: &Option<Names>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.names().any(|name| b.contains(name)),
        _ => true,
    }
}

/// A Gateway that serves none of a VirtualService's hosts.
fn served(service: &Resource<VirtualService>, gateways: &Map<&Resource<Gateway>>, report: &mut Report) {
    let namespace = service.meta.namespace();
    let hosts: Vec<String> = service.spec.hosts.iter().map(|host| names::resolve_host(host, namespace)).collect();
    if hosts.is_empty() || service.gaps.touch("spec.hosts") {
        return;
    }
    let spec = Path::Key(&Path::Root, "spec");
    let path = Path::Key(&spec, "gateways");
    for (index, name) in service.spec.gateways.iter().enumerate() {
        let full = names::resolve_gateway(name, namespace);
        let Some(gateway) = gateways.get(&full).filter(|gateway| !gateway.gaps.touch("spec.servers")) else { continue };
        let served: Vec<String> = gateway
            .spec
            .servers
            .iter()
            .flat_map(|server| &server.hosts)
            .filter(|entry| match entry.split_once('/') {
                None | Some(("*", _)) => true,
                Some((".", _)) => gateway.meta.namespace() == namespace,
                Some((own, _)) => own == namespace,
            })
            .map(|entry| entry.split_once('/').map_or(entry.as_str(), |(_, host)| host).to_owned())
            .collect();
        let fits = |host: &String| served.iter().any(|pattern| names::intersection(pattern, host).is_some());
        if !hosts.iter().any(fits) {
            let list = service.spec.hosts.iter().take(3).map(|host| format!("`{}`", shorten(host)));
            let message = format!(
                "the Gateway `{}` serves none of the hosts {}",
                shorten(&full),
                list.collect::<Vec<_>>().join(", ")
            );
            let hint = match served.as_slice() {
                [] => format!("it serves no host for the namespace `{namespace}`"),
                some => format!("it serves {}", some.iter().take(5).cloned().collect::<Vec<_>>().join(", ")),
            };
            Findings::new(service, report).push(NOT_SERVED, &Path::Index(&path, index), message, hint);
        }
    }
}
