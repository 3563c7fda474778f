//! The hosts of gateways.

use super::{Builder, Domains, Route, bound_to};
use crate::model::gateway;
use crate::model::{Gateway, Port, Resource, VirtualService};
use crate::{Map, Names, names, order};

/// What one server of a Gateway serves.
struct Server {
    /// Hosts as they are written, and the namespace that VirtualServices must come from.
    hosts: Vec<(String, Option<String>)>,
    /// Whether it has a `tls` block.
    tls: bool,
    /// Whether http is sent to https.
    https_redirect: bool,
}

impl Server {
    fn new(server: &gateway::Server, own: &str) -> Server {
        let host = |host: &String| match host.split_once('/') {
            Some(("*", host)) => (host.to_owned(), None),
            Some((".", host)) => (host.to_owned(), Some(own.to_owned())),
            Some((from, host)) => (host.to_owned(), Some(from.to_owned())),
            None => (host.clone(), None),
        };
        let mut hosts: Vec<_> = server.hosts.iter().map(host).collect();
        // istiod puts `*` in place of all hosts of a server that has this one.
        if server.hosts.iter().any(|host| host == "*/*") {
            hosts = vec![("*".to_owned(), None)];
        }
        let https_redirect = server.tls.as_ref().is_some_and(|tls| tls.https_redirect);
        Server { hosts, tls: server.tls.is_some(), https_redirect }
    }

    /// Whether none of its hosts is among the known ones, to which they are added then. Of servers with `tls` on one
    /// port istiod leaves those out that have a host, written alike, of one before (`CheckDuplicates`).
    fn is_new(&self, known: &mut Names) -> bool {
        let name = |(host, from): &(String, Option<String>)| match from {
            Some(from) => [from, "/", host].concat(),
            None => host.clone(),
        };
        let hosts: Vec<String> = self.hosts.iter().map(name).collect();
        let new = hosts.iter().all(|host| !known.contains(host));
        if new {
            hosts.iter().for_each(|host| _ = known.add(host));
        }
        new
    }

    /// What it serves of a VirtualService's hosts. Envoy asks no more about capitals, istiod does.
    fn domains_of(&self, service: &Resource<VirtualService>) -> Names {
        let (namespace, mut served) = (service.meta.namespace(), Names::new());
        for host in &service.spec.hosts {
            let host = names::resolve_host(host, namespace);
            for (name, from) in &self.hosts {
                if from.as_deref().is_none_or(|from| from == namespace)
                    && let Some(domain) = names::intersection(name, &host)
                {
                    served.add(&domain.to_ascii_lowercase());
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
        let mut known = Names::new();
        for gateway in gateways {
            let mut servers = self.servers(gateway, port);
            servers.retain(|server| !server.tls || server.is_new(&mut known));
            let mut compiled: Map<Vec<Route>> = Map::new();
            for server in &servers {
                for service in self.services.clone() {
                    if !bound_to(service, gateway) {
                        continue;
                    }
                    let served = server.domains_of(service);
                    if served.is_empty() {
                        continue;
                    }
                    let name = service.meta.full_name();
                    // Of several servers with the same VirtualService the first one's `tls` counts.
                    compiled.insert_new(&name, || self.routes(service, gateway, port, server.tls));
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
                if server.https_redirect {
                    // Of a host with a namespace istiod makes a domain with that in it, which nobody asks for.
                    for (host, _) in server.hosts.iter().filter(|(_, from)| from.is_none()) {
                        domains.0.change(host.to_ascii_lowercase(), |domain| domain.https_redirect = true);
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
        let named = |gateway: &&Resource<Gateway>| gateway.meta.full_name() == name;
        let Some(gateway) = self.set.gateways.iter().find(named) else {
            return vec![Server { hosts: vec![("*".into(), None)], tls: false, https_redirect: false }];
        };
        let servers = gateway.spec.servers.iter().filter(|server| server.port.number.0 == Some(port));
        servers.map(|server| Server::new(server, gateway.meta.namespace())).collect()
    }
}
