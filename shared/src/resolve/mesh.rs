//! The hosts of the mesh.

use super::rule::Rule;
use super::sidecar::Egress;
use super::{Domain, Listener, Owners, Place, Reason, Resolver, Root, Route};
use crate::model::Port;
use crate::names::{self, HTTP_PORT, MESH};
use crate::registry::{AppProtocol, MeshService, Registry};
use crate::{Map, Names};

/// Hosts that share routes (istiod's `VirtualHostWrapper`).
struct Shared<'a> {
    /// Those that are no service here.
    elsewhere: Vec<&'a str>,
    /// Services.
    here: Vec<&'a str>,
    routes: Vec<Route>,
    /// The VirtualService, where it is not a service's default route.
    root: Option<&'a Root<'a>>,
}

impl<'r, L: Listener> Resolver<'r, '_, L> {
    /// The services of the mesh on this port, each with its VirtualService or its default route, and the hosts of
    /// VirtualServices that are no service.
    pub(super) fn mesh_hosts(
        &mut self,
        egress: &Egress<'r>,
        owners: &Owners<'r>,
        port: Port,
        domains: &mut Map<Domain>,
    ) {
        let registry = &egress.registry;
        // Who listens here, in lower case as istiod has it, and whether it speaks HTTP.
        let here = |service: &MeshService| {
            let http = service.routed_port(port)?.protocol != AppProtocol::Tcp;
            Some((service.host.to_ascii_lowercase(), http))
        };
        let services: Map<bool> = registry.iter().filter_map(here).collect();
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
                self.without_hosts(owner.root, place, owners, port);
                continue;
            }
            let routes = self.routes(owner.root, Place { gateway: MESH, port, tls: false, registry });
            if !routes.is_empty() {
                all.push(Shared { elsewhere, here, routes, root: Some(owner.root) });
            }
        }
        let owned: Names = all.iter().flat_map(|shared| &shared.here).map(|host| ((*host).to_owned(), ())).collect();
        for (host, _) in services.iter().filter(|(host, http)| **http && !owned.contains(host)) {
            // What is another name of a service is named with it.
            if registry.get(host).is_some_and(|service| service.external_name.is_some()) {
                continue;
            }
            let routes = self.default_route(host, port);
            all.push(Shared { elsewhere: Vec::new(), here: vec![host], routes, root: None });
        }
        if self.listener.listens() {
            self.hosts_of_others(&all, port);
        }
        self.name_domains(all, port, registry, domains);
    }

    fn default_route(&mut self, host: &str, port: Port) -> Vec<Route> {
        let rule = self.add(Rule::of_service(host, port));
        vec![Route { rule, matched: 0, catch_all: true }]
    }

    /// Says of a VirtualService why it has no host on a port: another has them, or nobody listens there.
    fn without_hosts(&mut self, root: &'r Root<'r>, place: usize, owners: &Owners<'r>, port: Port) {
        if !self.listener.listens() {
            return;
        }
        match owners.of_hosts(place) {
            Some((host, by)) => self.omit(root, None, None, port, Reason::OlderHas { host, by }),
            None => self.omit(root, None, None, port, Reason::NoServiceOnPort),
        }
    }

    /// Says of each VirtualService which of its hosts one before it has.
    fn hosts_of_others(&mut self, all: &[Shared<'_>], port: Port) {
        for (at, shared) in all.iter().enumerate() {
            let Some(root) = shared.root else { continue };
            for host in shared.elsewhere.iter().chain(&shared.here) {
                let has = |other: &&Shared<'_>| other.elsewhere.contains(host) || other.here.contains(host);
                if let Some(by) = all.iter().take(at).find(has).and_then(|other| other.root) {
                    self.omit(root, None, None, port, Reason::OlderHas { host, by: &by.name });
                }
            }
        }
    }

    /// Gives all hosts their domains. Who comes first keeps a domain that two want; a service's full name is no other
    /// service's short one (istiod's `dedupeDomains`).
    fn name_domains(&self, all: Vec<Shared<'_>>, port: Port, registry: &Registry, domains: &mut Map<Domain>) {
        let full: Names = all.iter().flat_map(|shared| &shared.here).map(|host| ((*host).to_owned(), ())).collect();
        for Shared { elsewhere, here, routes, .. } in all {
            let mut add = |name: &str| {
                domains.insert_new(name, || Domain { routes: routes.clone(), https_redirect: false });
            };
            elsewhere.into_iter().for_each(|host| add(&as_authority(host)));
            for host in here {
                let service = registry.get(host);
                let asked_by_address = service.is_some_and(|service| service.has_addresses_on(port));
                let headless = asked_by_address && service.is_some_and(|service| service.headless);
                let mut add_with_endpoints = |name: &str| {
                    add(name);
                    if headless {
                        add(&["*.", name].concat());
                    }
                };
                let aliases = service.into_iter().flat_map(|service| &service.aliases);
                for name in std::iter::once(host).chain(aliases.map(String::as_str)) {
                    add_with_endpoints(name);
                    let others = self.other_names(name);
                    others.iter().filter(|name| !full.contains(name)).for_each(|name| add_with_endpoints(name));
                }
                let addresses = service.filter(|_| asked_by_address).into_iter().flat_map(|service| &service.addresses);
                addresses.for_each(|address| add(&as_authority(address)));
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

/// A host as authorities write it: an address of IPv6 in brackets.
fn as_authority(host: &str) -> String {
    if host.contains(':') { ["[", host, "]"].concat() } else { host.to_owned() }
}

fn overlap(a: &str, b: &str) -> bool {
    names::covers(a, b) || names::covers(b, a)
}
