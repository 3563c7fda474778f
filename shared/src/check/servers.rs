//! Gateways' servers beside each other: what Istio makes of their hosts that nobody would expect.

use super::Findings;
use crate::finding::{Code, Report};
use crate::model::gateway::Server;
use crate::model::read::{Path, shorten};
use crate::model::{Gateway, Resource, Resources};
use crate::{Map, names, order};

pub(super) fn check(set: &Resources, report: &mut Report) {
    let mut gateways: Vec<_> = set.gateways.iter().collect();
    order::sort_by(&mut gateways, |one, other| one.meta.age().cmp(&other.meta.age()));
    let mut known: Map<String> = Map::new();
    for gateway in gateways {
        let mut findings = Findings::new(gateway, report);
        let spec = Path::Key(&Path::Root, "spec");
        let servers = Path::Key(&spec, "servers");
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let here = Path::Index(&servers, index);
            duplicates(gateway, server, &here, &mut known, &mut findings);
            redirects(gateway, server, &Path::Key(&here, "hosts"), set, &mut findings);
        }
    }
}

/// The namespace that an entry of a server's `hosts` asks for, if any, and the host.
fn split<'a>(entry: &'a str, gateway: &'a Resource<Gateway>) -> (Option<&'a str>, &'a str) {
    match entry.split_once('/') {
        None => (None, entry),
        Some(("*", host)) => (None, host),
        Some((".", host)) => (Some(gateway.meta.namespace()), host),
        Some((namespace, host)) => (Some(namespace), host),
    }
}

/// Of servers with `tls` for the same proxies on one port, those with a host of one before (istiod's `CheckDuplicates`).
fn duplicates(
    gateway: &Resource<Gateway>,
    server: &Server,
    path: &Path<'_>,
    known: &mut Map<String>,
    findings: &mut Findings<'_>,
) {
    let (Some(_), Some(port)) = (&server.tls, server.port.number.0) else { return };
    let mut place = port.to_string();
    let bind = findings.resource.tree().at(&format!("{path}.bind")).map(|bind| format!("{:?}", bind.value));
    place.extend(bind);
    let selector = gateway.spec.selector.iter().flat_map(|(name, value)| [",", name, "=", value]);
    place.extend(selector);
    // As istiod has them: `host` or `namespace/host`.
    let name = |entry: &String| match split(entry, gateway) {
        (Some(namespace), host) => [namespace, "/", host].concat(),
        (None, host) => host.to_owned(),
    };
    let key = |name: &str| [&place, "|", name].concat();
    for (index, entry) in server.hosts.iter().enumerate() {
        let name = name(entry);
        let Some(other) = known.get(&key(&name)) else { continue };
        let message = format!(
            "this server is left out, with all of its hosts: the Gateway `{other}` has `{}` on port {port} already, and \
             `tls` as well",
            shorten(&name)
        );
        let hosts = Path::Key(path, "hosts");
        let hint = "keep the host in one of them";
        return findings.warn(Code::NeverMatches, &Path::Index(&hosts, index), message, hint);
    }
    for entry in &server.hosts {
        known.insert_new(&key(&name(entry)), || gateway.meta.full_name());
    }
}

/// Hosts with a namespace that nobody is redirected for, since istiod keeps that in the domain.
fn redirects(
    gateway: &Resource<Gateway>,
    server: &Server,
    path: &Path<'_>,
    set: &Resources,
    findings: &mut Findings<'_>,
) {
    if !server.tls.as_ref().is_some_and(|tls| tls.https_redirect) {
        return;
    }
    let name = gateway.meta.full_name();
    for (index, entry) in server.hosts.iter().enumerate() {
        let (Some(namespace), host) = split(entry, gateway) else { continue };
        let mut services = set.virtual_services.iter().filter(|service| service.meta.namespace() == namespace);
        // A VirtualService for all that the server has there brings the redirect with it.
        let whole = services.any(|service| {
            let covers = |name: &String| names::covers(&names::resolve_host(name, namespace), host);
            let bound = |gateway: &String| names::resolve_gateway(gateway, namespace) == name;
            service.spec.hosts.iter().any(covers) && service.spec.gateways.iter().any(bound)
        });
        if whole {
            continue;
        }
        let message = format!(
            "with `{}`, `httpsRedirect` holds for hosts that a VirtualService of the namespace `{namespace}` has at this \
             Gateway, and for no others: these are answered with 404, or by another server",
            shorten(entry)
        );
        let hint = format!("`{}` is redirected whatever VirtualServices there are", shorten(host));
        findings.warn(Code::NeverMatches, &Path::Index(path, index), message, hint);
    }
}
