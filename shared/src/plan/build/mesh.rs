//! The hosts of the mesh.

use super::{Builder, Domain, Domains, Owners, Route};
use crate::model::{Port, Resource, VirtualService};
use crate::names::{self, HTTP_PORT, MESH};
use crate::plan::rule::Rule;
use crate::registry::AppProtocol;
use crate::{Map, Names, order};

/// When a host gets its names; whoever comes first keeps one that two want. istiod goes through the VirtualServices by
/// age, each with its hosts that are no service and then its services, and through the other services at the end.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Turn<'a> {
    /// Whether no VirtualService has rules for it.
    without_rules: bool,
    /// The VirtualService's.
    age: Option<(Option<&'a str>, &'a str, &'a str)>,
    /// Whether it is a service.
    service: bool,
}

impl<'a> Turn<'a> {
    fn new(owner: Option<&'a Resource<VirtualService>>, service: bool) -> Turn<'a> {
        Turn { without_rules: owner.is_none(), age: owner.map(|owner| owner.meta.age()), service }
    }
}

impl Builder<'_> {
    /// The services of the mesh on this port, each with its VirtualService or its default route, and the hosts of
    /// VirtualServices that are no service.
    pub(super) fn mesh_hosts(&mut self, owners: &Owners<'_>, port: Port, domains: &mut Domains) {
        let mut of_service: Map<Vec<Route>> = Map::new();
        // Whoever listens here, and whether it speaks HTTP.
        let registered: Map<bool> = self
            .registry
            .iter()
            .filter_map(|service| Some((service.host.clone(), service.port(port)?.protocol != AppProtocol::Tcp)))
            .collect();
        let mut routes_of = |builder: &mut Self, service: &Resource<VirtualService>| {
            let name = service.meta.full_name();
            of_service.insert_new(&name, || builder.routes(service, MESH, port));
            of_service.get(&name).cloned().unwrap_or_default()
        };
        // VirtualServices that speak for a service here, whether they are heard or an older one is.
        let mut here = Names::new();
        let mut named = Vec::new();
        for (host, _) in registered.iter().filter(|(_, http)| **http) {
            let (mut routes, mut owner) = (Vec::new(), None);
            let speakers = owners.of(host);
            for service in &speakers {
                here.add(&service.meta.full_name());
            }
            for service in speakers {
                routes = routes_of(self, service);
                if !routes.is_empty() {
                    owner = Some(service);
                    // Where labels may make nothing of it, the next one counts as well.
                    if !self.any_source {
                        break;
                    }
                }
            }
            if routes.is_empty() {
                // What is another name of a service is named with it.
                if self.registry.get(host).is_some_and(|service| service.external_name.is_some()) {
                    continue;
                }
                routes = self.default_route(host, port);
            }
            named.push((Turn::new(owner, true), host, routes));
        }
        for (host, service) in owners.all() {
            let known = registered.contains(host)
                || (host.starts_with('*') && registered.names().any(|name| names::covers(host, name)));
            // istiod has hosts that are no service on port 80 alone, or beside one that is a service.
            let here = port == HTTP_PORT || here.contains(&service.meta.full_name());
            if known || !here {
                continue;
            }
            let routes = routes_of(self, service);
            if !routes.is_empty() {
                named.push((Turn::new(Some(service), false), host, routes));
            }
        }
        order::sort_by(&mut named, |one, other| one.0.cmp(&other.0));
        // In full they are nobody's shorter name.
        let services = named.iter().filter(|(turn, ..)| turn.service);
        let full: Names = services.map(|(_, host, _)| (*host).clone()).collect();
        for (turn, host, routes) in named {
            let mut add = |name: String| {
                domains.0.insert_new(&name, || Domain { routes: routes.clone(), https_redirect: false });
            };
            if !turn.service {
                add(host.clone());
                continue;
            }
            let aliases = self.registry.get(host).into_iter().flat_map(|service| &service.aliases);
            for host in std::iter::once(host).chain(aliases) {
                add(host.clone());
                self.other_names(host).into_iter().filter(|name| !full.contains(name)).for_each(&mut add);
            }
        }
    }

    fn default_route(&mut self, host: &str, port: Port) -> Vec<Route> {
        let rule = Rule::default_route(host, port.get());
        rule.and_then(|rule| self.push(rule)).map(|index| (index, 0, true)).into_iter().collect()
    }

    /// The other names by which this proxy may call a service: with the final dot, and shorter ones.
    fn other_names(&self, host: &str) -> Vec<String> {
        let mut names = vec![format!("{host}.")];
        if let Some(short) = host.strip_suffix(&format!(".svc.{}", names::DOMAIN)) {
            names.extend([format!("{short}.svc"), short.to_owned()]);
            if let Some((name, namespace)) = short.split_once('.')
                && namespace == self.proxy.namespace()
            {
                names.push(name.to_owned());
            }
        }
        names
    }
}
