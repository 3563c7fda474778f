//! The hosts of the mesh.

use super::{Builder, Domain, Domains, Owners, Route};
use crate::model::Port;
use crate::names::{self, HTTP_PORT, MESH};
use crate::plan::rule::Rule;
use crate::registry::AppProtocol;
use crate::{Map, Names};

/// Hosts that share routes (istiod's `VirtualHostWrapper`).
struct Shared<'a> {
    /// Those that are no service here.
    elsewhere: Vec<&'a str>,
    /// Services.
    here: Vec<&'a str>,
    routes: Vec<Route>,
}

impl Builder<'_> {
    /// The services of the mesh on this port, each with its VirtualService or its default route, and the hosts of
    /// VirtualServices that are no service.
    pub(super) fn mesh_hosts(&mut self, owners: &Owners<'_>, port: Port, domains: &mut Domains) {
        // Who listens here, in lower case as istiod has it, and whether it speaks HTTP.
        let services: Map<bool> = self
            .registry
            .iter()
            .filter_map(|service| Some((service.host.to_ascii_lowercase(), service.routed_port(port)?.protocol)))
            .map(|(host, protocol)| (host, protocol != AppProtocol::Tcp))
            .collect();
        let mut all: Vec<Shared<'_>> = Vec::new();
        for (place, owner) in owners.all().iter().enumerate() {
            let (mut elsewhere, mut here): (Vec<&str>, Vec<&str>) = (Vec::new(), Vec::new());
            for host in &owner.exact {
                match services.contains(host) {
                    true => here.push(host),
                    false => elsewhere.push(host),
                }
            }
            for host in &owner.wild {
                let overlapping = || services.names().filter(|name| overlap(host, name));
                here.extend(overlapping().filter(|name| owners.of(name) == Some(place)).map(String::as_str));
                if overlapping().next().is_none() {
                    elsewhere.push(host);
                }
            }
            here.retain(|host| services.get(host) == Some(&true));
            // istiod has hosts that are no service on port 80 alone, or beside one that is a service.
            if here.is_empty() && (port != HTTP_PORT || elsewhere.is_empty()) {
                continue;
            }
            let routes = self.routes(owner.service, MESH, port, false);
            if !routes.is_empty() {
                all.push(Shared { elsewhere, here, routes });
            }
        }
        let owned: Names = all.iter().flat_map(|shared| &shared.here).map(|host| ((*host).to_owned(), ())).collect();
        for (host, _) in services.iter().filter(|(host, http)| **http && !owned.contains(host)) {
            // What is another name of a service is named with it.
            if self.registry.get(host).is_some_and(|service| service.external_name.is_some()) {
                continue;
            }
            let routes = self.default_route(host, port);
            all.push(Shared { elsewhere: Vec::new(), here: vec![host], routes });
        }
        self.name_domains(all, domains);
    }

    fn default_route(&mut self, host: &str, port: Port) -> Vec<Route> {
        let rule = Rule::default_route(host, port.get());
        rule.and_then(|rule| self.push(rule)).map(|index| (index, 0, true)).into_iter().collect()
    }

    /// Gives all hosts their domains. Who comes first keeps a domain that two want; a service's full name is no other
    /// service's short one (istiod's `dedupeDomains`).
    fn name_domains(&self, all: Vec<Shared<'_>>, domains: &mut Domains) {
        let full: Names = all.iter().flat_map(|shared| &shared.here).map(|host| ((*host).to_owned(), ())).collect();
        for Shared { elsewhere, here, routes } in all {
            let mut add = |name: &str| {
                domains.0.insert_new(name, || Domain { routes: routes.clone(), https_redirect: false });
            };
            for host in elsewhere {
                // An address of IPv6, as authorities write it.
                if host.contains(':') { add(&["[", host, "]"].concat()) } else { add(host) }
            }
            for host in here {
                let aliases = self.registry.get(host).into_iter().flat_map(|service| &service.aliases);
                for name in std::iter::once(host).chain(aliases.map(String::as_str)) {
                    add(name);
                    self.other_names(name).iter().filter(|name| !full.contains(name)).for_each(|name| add(name));
                }
            }
        }
    }

    /// The other names by which this proxy may call a service: with the final dot, and shorter ones.
    fn other_names(&self, host: &str) -> Vec<String> {
        let mut names = vec![format!("{host}.")];
        if let Some(short) = host.strip_suffix(&format!(".svc.{}", names::DOMAIN))
            && let Some((name, namespace)) = short.split_once('.')
        {
            names.extend([format!("{short}.svc"), short.to_owned()]);
            if namespace == self.proxy.namespace() {
                names.push(name.to_owned());
            }
        }
        names
    }
}

fn overlap(a: &str, b: &str) -> bool {
    names::covers(a, b) || names::covers(b, a)
}
