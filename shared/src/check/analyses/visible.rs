//! Which services are seen from where, by `exportTo` (istioctl's `util.GetDestinationHost`).

use super::world::{Item, World, get, text, whole};
use crate::Map;
use crate::names;

/// Services by host, each with its ports and the namespaces that see it (`*` for all).
pub(super) struct Visible {
    services: Map<Vec<(String, Vec<i64>)>>,
    wild: Vec<(String, String)>,
}

impl Visible {
    pub(super) fn new(world: &World<'_>) -> Visible {
        let mut services: Map<Vec<(String, Vec<i64>)>> = Map::new();
        // Of several that one namespace sees the last counts, and a Service before them all.
        let mut add = |host: String, scope: &str, ports: &Vec<i64>| {
            services.change(host, |seen| {
                seen.retain(|(known, _)| known != scope);
                seen.push((scope.to_owned(), ports.clone()));
            });
        };
        for entry in world.of("ServiceEntry") {
            let ports: Vec<i64> =
                entry.list("spec.ports").iter().filter_map(|port| whole(port.get("number"))).collect();
            let scopes = entry.exports();
            let scopes = if scopes.is_empty() { vec!["*"] } else { scopes };
            for host in entry.list("spec.hosts") {
                let host = names::resolve_host(text(Some(host)), entry.namespace);
                for scope in &scopes {
                    add(host.clone(), scope, &ports);
                }
            }
        }
        for service in world.of("Service") {
            let ports: Vec<i64> =
                service.list("spec.ports").iter().filter_map(|port| whole(port.get("port"))).collect();
            let annotations = service.annotations();
            let scopes = get(&annotations, "networking.istio.io/exportTo").filter(|scopes| !scopes.is_empty());
            let host = format!("{}.{}.svc.{}", service.name, service.namespace, names::DOMAIN);
            for scope in scopes.unwrap_or("*").split(',').map(str::trim) {
                let scope = if scope == "." { service.namespace } else { scope };
                add(host.clone(), scope, &ports);
            }
        }
        let wild = services.iter().filter(|(host, _)| host.starts_with('*'));
        let wild = wild.flat_map(|(host, seen)| seen.iter().map(|(scope, _)| (scope.clone(), host.clone()))).collect();
        Visible { services, wild }
    }

    /// The ports of a service that a resource names.
    pub(super) fn find(&self, host: &str, from: &Item<'_>) -> Option<&Vec<i64>> {
        let full = names::resolve_host(host, from.namespace);
        let at = |scope: &str, host: &str| {
            self.services.get(host)?.iter().find(|(known, _)| known == scope).map(|(_, ports)| ports)
        };
        if self.services.get(&full).is_some() {
            if let Some(ports) = at("*", &full) {
                return Some(ports);
            }
            let scopes = from.exports();
            let scopes = if from.list("spec.exportTo").is_empty() { vec![from.namespace] } else { scopes };
            if let Some(ports) = scopes.iter().find_map(|scope| at(scope, &full)) {
                return Some(ports);
            }
        }
        let said = host.strip_prefix('*').unwrap_or(host);
        let (scope, wild) = self.wild.iter().find(|(scope, wild)| {
            (scope == "*" || scope == from.namespace) && said.ends_with(wild.strip_prefix('*').unwrap_or(wild))
        })?;
        at(scope, wild)
    }
}
