//! The hosts of gateways.

use super::{Domain, Listener, Place, Reason, Resolver, Root, Route};
use crate::model::gateway;
use crate::model::{Gateway, Port, Resource, VirtualService};
use crate::registry::Registry;
use crate::{Map, Names, names, order};

/// What one server of a Gateway serves.
struct Server {
    /// Hosts as they are written.
    said: Vec<String>,
    /// Hosts, and the namespace that VirtualServices must come from.
    hosts: Vec<(String, Option<String>)>,
    /// Whether it speaks plain HTTP.
    http: bool,
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
        let (said, http) = (server.hosts.clone(), server.port.protocol.is_http());
        Server { said, hosts, http, tls: server.tls.is_some(), https_redirect }
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

impl<'r, L: Listener> Resolver<'r, '_, L> {
    /// The hosts of the gateways' servers on this port, and the rules of all VirtualServices bound to them: by gateway,
    /// then by server, then by age, as istiod's `buildGatewayHTTPRouteConfig` goes through them.
    pub(super) fn gateway_hosts(
        &mut self,
        gateways: &[String],
        port: Port,
        registry: &Registry,
        domains: &mut Map<Domain>,
    ) {
        let mut known = Names::new();
        let mut all: Vec<(&String, Vec<Server>)> = Vec::with_capacity(gateways.len());
        for gateway in gateways {
            let mut servers = self.servers(gateway, port);
            servers.retain(|server| !server.tls || server.is_new(&mut known));
            all.push((gateway, servers));
        }
        // What shares a port with plain HTTP and is none comes by other connections, if at all.
        let plain = all.iter().flat_map(|(_, servers)| servers).any(|server| server.http);
        for (gateway, mut servers) in all {
            servers.retain(|server| server.http || !plain);
            let roots: &'r [Root<'r>] = self.roots;
            let bound: Vec<&Root<'r>> = roots.iter().filter(|root| root.is_bound_to(gateway)).collect();
            let mut resolved: Map<Vec<Route>> = Map::new();
            for server in &servers {
                for root in &bound {
                    let served = server.domains_of(root.service);
                    if served.is_empty() {
                        continue;
                    }
                    // Of several servers with the same VirtualService the first one's `tls` counts.
                    let place = Place { gateway, port, tls: server.tls, registry };
                    resolved.insert_new(&root.name, || self.routes(root, place));
                    let routes = resolved.get(&root.name).map_or(&[][..], Vec::as_slice);
                    let Some(first) = routes.first() else { continue };
                    for (domain, ()) in served.into_sorted() {
                        domains.change(domain, |domain| {
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
                        domains.change(host.to_ascii_lowercase(), |domain| domain.https_redirect = true);
                    }
                }
            }
            for root in bound.into_iter().filter(|root| !resolved.contains(&root.name)) {
                let hosts: Vec<String> = servers.iter().flat_map(|server| &server.said).cloned().collect();
                self.omit(root, None, None, port, Reason::NotServed { gateway, hosts: &hosts });
            }
        }
        for domain in domains.values_mut() {
            order::sort_by(&mut domain.routes, |a, b| a.catch_all.cmp(&b.catch_all));
        }
    }

    /// The servers of a gateway on a port. A gateway that is not in the set, as on an Envoy that somebody else
    /// configures, serves everything.
    fn servers(&self, name: &str, port: Port) -> Vec<Server> {
        let named = |gateway: &&Resource<Gateway>| gateway.meta.full_name() == name;
        let Some(gateway) = self.set.gateways.iter().find(named) else {
            let hosts = vec![("*".into(), None)];
            return vec![Server { said: Vec::new(), hosts, http: true, tls: false, https_redirect: false }];
        };
        let servers = gateway.spec.servers.iter().filter(|server| server.port.number.0 == Some(port));
        servers.map(|server| Server::new(server, gateway.meta.namespace())).collect()
    }
}
