//! The hosts of gateways.

use super::{Builder, Domains, Route, bound_to};
use crate::model::{Port, Resource, VirtualService};
use crate::{Map, Names, names, order};

/// What one server of a Gateway serves.
struct Server {
    /// Hosts in lower case, and the namespace that VirtualServices must come from.
    hosts: Vec<(String, Option<String>)>,
    /// Whether http is sent to https.
    https_redirect: bool,
}

impl Server {
    /// What it serves of a VirtualService's hosts.
    fn domains_of(&self, service: &Resource<VirtualService>) -> Names {
        let (namespace, mut served) = (service.meta.namespace(), Names::new());
        for host in &service.spec.hosts {
            let host = names::resolve_host(host, namespace);
            for (name, from) in &self.hosts {
                if from.as_deref().is_none_or(|from| from == namespace)
                    && let Some(domain) = names::intersection(name, &host)
                {
                    served.add(domain);
                }
            }
        }
        served
    }
}

impl Builder<'_> {
    /// The hosts of the gateways' servers on this port, and the rules of all VirtualServices bound to them: by gateway,
    /// then by server, then by age, as istiod's `buildGatewayHTTPRouteConfig` goes through them.
    pub(super) fn gateway_hosts(&mut self, gateways: &[String], port: Port, domains: &mut Domains) {
        for gateway in gateways {
            let servers = self.servers(gateway, port);
            let mut compiled: Map<Vec<Route>> = Map::new();
            for server in &servers {
                if server.https_redirect {
                    for (host, _) in &server.hosts {
                        domains.0.change(host.clone(), |domain| domain.https_redirect = true);
                    }
                }
                for service in self.services.clone() {
                    if !bound_to(service, gateway) {
                        continue;
                    }
                    let served = server.domains_of(service);
                    if served.is_empty() {
                        continue;
                    }
                    let name = service.meta.full_name();
                    compiled.insert_new(&name, || self.routes(service, gateway, port));
                    let routes = compiled.get(&name).map_or(&[][..], Vec::as_slice);
                    let Some(first) = routes.first() else { continue };
                    for (domain, ()) in served.into_sorted() {
                        domains.0.change(domain, |domain| {
                            domain.https_redirect |= server.https_redirect;
                            // Two servers may have the same host: what is there already would be tried again in vain.
                            if servers.len() == 1 || !domain.routes.contains(first) {
                                domain.routes.extend(routes);
                            }
                        });
                    }
                }
            }
        }
        for domain in domains.0.values_mut() {
            order::sort_by(&mut domain.routes, |a, b| a.2.cmp(&b.2));
        }
    }

    /// The servers of a gateway on a port. A gateway that is not in the set, as on an Envoy that somebody else
    /// configures, serves everything.
    fn servers(&self, name: &str, port: Port) -> Vec<Server> {
        let Some(gateway) = self.set.gateways.iter().find(|gateway| gateway.meta.full_name() == name) else {
            return vec![Server { hosts: vec![("*".into(), None)], https_redirect: false }];
        };
        let servers = gateway.spec.servers.iter().filter(|server| server.port.number.0 == Some(port));
        let servers = servers.map(|server| {
            let hosts = server.hosts.iter().map(|host| match host.split_once('/') {
                Some(("*", host)) => (host.to_ascii_lowercase(), None),
                Some((".", host)) => (host.to_ascii_lowercase(), Some(gateway.meta.namespace().to_owned())),
                Some((from, host)) => (host.to_ascii_lowercase(), Some(from.to_owned())),
                None => (host.to_ascii_lowercase(), None),
            });
            let https_redirect = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
            Server { hosts: hosts.collect(), https_redirect }
        });
        servers.collect()
    }
}
