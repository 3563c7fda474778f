//! Destinations whose cluster nobody writes, for Istio writes routes to such and says nothing; and those that have
//! nobody in it. Their requests are answered with 503.

use super::Findings;
use super::references::similar;
use crate::Names;
use crate::finding::{Code, Origin, Severity};
use crate::model::gateway::Protocol;
use crate::model::http_route::{Destination, HttpMatchRequest};
use crate::model::read::{Path, shorten};
use crate::model::service_entry::Resolution;
use crate::model::{HttpRoute, Port, Resource, Resources, VirtualService};
use crate::names::{self, HTTP_PORT, MESH};
use crate::registry::{AppProtocol, MeshService, Registry};
use crate::resolve::Seen;
use crate::resolve::parts::In;

/// The listeners that carry a VirtualService's rules.
pub(super) struct Listeners<'a>(Vec<Seen<'a>>);

impl<'a> Listeners<'a> {
    pub(super) fn of(service: &Resource<VirtualService>, set: &Resources, registry: &'a Registry) -> Listeners<'a> {
        let mut all: Vec<(bool, Port)> = Vec::new();
        let mut add = |mesh, port| {
            if !all.contains(&(mesh, port)) {
                all.push((mesh, port));
            }
        };
        let bound = |gateway: &str| names::binds(&service.spec.gateways, service.meta.namespace(), gateway);
        for gateway in set.gateways.iter().filter(|gateway| bound(&gateway.meta.full_name())) {
            let http = |protocol: Protocol| protocol.is_http() || protocol == Protocol::Https;
            let servers = gateway.spec.servers.iter().filter(|server| http(server.port.protocol));
            servers.filter_map(|server| server.port.number.0).for_each(|port| add(false, port));
        }
        if bound(MESH) {
            let mut known = false;
            for host in service.spec.hosts.iter().filter(|host| *host != "*") {
                let host = names::resolve_host(host, service.meta.namespace());
                let mut add = |it: &MeshService| {
                    for port in it.ports.iter().filter(|port| port.protocol != AppProtocol::Tcp) {
                        known = true;
                        add(true, port.number);
                    }
                };
                match host.starts_with('*') {
                    true => registry.iter().filter(|it| names::covers(&host, &it.host)).for_each(add),
                    false => registry.get(&host).into_iter().for_each(&mut add),
                }
            }
            // Hosts that are no service are there on HTTP's port alone.
            if !known {
                add(true, HTTP_PORT);
            }
        }
        Listeners(all.into_iter().map(|(mesh, port)| Seen { registry, port, mesh }).collect())
    }

    /// Names a destination of a rule that has a cluster nowhere, which is an error, or not everywhere.
    pub(super) fn check(
        &self,
        rule: &HttpRoute,
        destination: &Destination,
        namespace: &str,
        path: &Path<'_>,
        findings: &mut Findings<'_>,
    ) {
        let applies = |seen: &Seen<'_>, block: &HttpMatchRequest| {
            let here = |gateway: &String| (gateway == MESH) == seen.mesh;
            block.port.and_then(|port| port.0).is_none_or(|port| port == seen.port)
                && (block.gateways.is_empty() || block.gateways.iter().any(here))
        };
        let applies =
            |seen: &&Seen<'_>| rule.r#match.is_empty() || rule.r#match.iter().any(|block| applies(seen, block));
        let reaches = |seen: &&Seen<'_>| {
            let (port, host) = seen.target(In { it: destination, namespace }, namespace);
            written(seen.registry, &host).is_some_and(|service| service.port(port).is_some())
        };
        let here = || self.0.iter().filter(applies);
        let Some(seen) = here().find(|seen| !reaches(seen)) else { return };
        let (message, hint) = why(*seen, destination, namespace);
        let message = format!("{message}; these requests are answered with 503");
        let severity = if here().any(|seen| reaches(&seen)) { Severity::Warning } else { Severity::Error };
        findings.push((severity, Origin::Sailcloth, Code::NoCluster), &Path::Key(path, "host"), message, hint);
    }
}

/// Who has clusters by this name.
fn written<'a>(registry: &'a Registry, host: &str) -> Option<&'a MeshService> {
    registry.get(host).filter(|service| service.external_name.is_none())
}

/// Names a destination whose cluster has nobody in it, the first time that a rule leads there.
pub(super) fn check_endpoints(
    destination: &Destination,
    namespace: &str,
    registry: &Registry,
    known: &mut Names,
    path: &Path<'_>,
    findings: &mut Findings<'_>,
) {
    let host = names::resolve_host(&destination.host, namespace);
    let end = |service: &MeshService| service.external_name.clone();
    let host = registry.get(&host).and_then(end).unwrap_or(host);
    let empty = |service: &&MeshService| service.endpoints.is_empty() && service.resolution == Resolution::Static;
    let Some(service) = written(registry, &host).filter(empty).filter(|service| !service.ports.is_empty()) else {
        return;
    };
    if known.add(&service.host) {
        let rule = (Severity::Info, Origin::Sailcloth, Code::NoEndpoints);
        let message =
            format!("no endpoint of `{host}` is in this set; without one, requests to it are answered with 503");
        let hint = "add its EndpointSlices or Pods; of a ServiceEntry its `endpoints`";
        findings.push(rule, &Path::Key(path, "host"), message, hint);
    }
}

/// Why a destination that is in the set has no cluster, and what to write instead.
fn why(seen: Seen<'_>, destination: &Destination, namespace: &str) -> (String, String) {
    let registry = seen.registry;
    let (port, target) = seen.target(In { it: destination, namespace }, namespace);
    let host = names::resolve_host(&destination.host, namespace);
    let said = shorten(&destination.host);
    let Some(service) = registry.get(&host) else {
        let wild = registry.answering(&host).map_or("*", |service| &service.host);
        let hint = format!("add a ServiceEntry for `{}`, or write `host: '{wild}'`", shorten(&host));
        return (
            format!("`{said}` has no cluster of its own: the ServiceEntry for `{wild}` has one for all of its hosts"),
            hint,
        );
    };
    if service.ports.is_empty() && service.external_name.is_none() {
        return (format!("`{said}` has no ports, and a cluster is for a port"), "add `ports`".into());
    }
    let Some(name) = &service.external_name else {
        let message = format!(
            "without `port`, requests on port {port} of the mesh go to port {port} of `{said}`, which it does not have"
        );
        let other = service.ports.first().map_or(port, |port| port.number);
        return (message, format!("add `port: {{number: {other}}}`"));
    };
    if target == host {
        let message = format!(
            "`{said}` is a Service of type `ExternalName` without port {0}, which nobody follows on port {0} of the mesh",
            seen.port
        );
        return (message, format!("give `{said}` the port {}, or write `host: {name}`", seen.port));
    }
    match registry.get(name) {
        None => {
            let message = format!("`{said}` leads to `{}`, and no service of this set is called that", shorten(name));
            (message, similar(name, namespace, registry))
        }
        Some(next) if next.external_name.is_some() => {
            let message = format!(
                "`{said}` leads to `{}`, which leads elsewhere itself, where Istio does not follow",
                shorten(name)
            );
            (message, format!("write `host: {}`", shorten(name)))
        }
        Some(next) => {
            let ports: Names = next.ports.iter().map(|port| port.number.to_string()).collect();
            let ports: Vec<String> = ports.names().cloned().collect();
            let message = format!("`{said}` leads to `{}`, which has no port {port}", shorten(name));
            (message, format!("its ports are {}", ports.join(", ")))
        }
    }
}
