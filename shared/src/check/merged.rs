//! Rules that no request comes to, since another VirtualService for the same hosts has them before.
//!
//! At a gateway istiod puts the rules of all VirtualServices for a host one behind the other: the oldest one's first, of
//! equally old ones the one's whose name comes first; then those that take everything to the end (`SortVHostRoutes`). In
//! the mesh it puts nothing together, which is for [`hosts`](super::hosts).

use super::Findings;
use super::unreachable::{Earlier, is_for_all};
use crate::finding::{Code, Origin, Report, Severity};
use crate::model::read::{Path, shorten};
use crate::model::{Gateway, Resource, Resources, VirtualService};
use crate::names::{self, MESH};
use crate::resolve::matching::is_catch_all;
use crate::{Map, order};

/// What becomes of one rule.
#[derive(Clone, Default)]
struct Fate {
    /// For how many hosts of gateways no request comes to it.
    dead: usize,
    /// The first of these, and the place of the VirtualService that is before it.
    first: Option<(String, usize)>,
}

/// A VirtualService, and what becomes of it.
struct Bound<'a> {
    service: &'a Resource<VirtualService>,
    /// For how many hosts of gateways, or of the mesh, it is there.
    hosts: usize,
    fates: Vec<Fate>,
}

pub(super) fn check(set: &Resources, report: &mut Report) {
    let mut services: Vec<_> = set.virtual_services.iter().collect();
    order::sort_by(&mut services, |a, b| a.meta.age().cmp(&b.meta.age()));
    let bound = |service| Bound { service, hosts: 0, fates: Vec::new() };
    let mut all: Vec<Bound<'_>> = services.into_iter().map(bound).collect();
    let gateways: Map<&Resource<Gateway>> =
        set.gateways.iter().map(|gateway| (gateway.meta.full_name(), gateway)).collect();
    // By gateway and host the places of the VirtualServices, oldest first.
    let mut domains: Map<Vec<usize>> = Map::new();
    for (place, one) in all.iter_mut().enumerate() {
        let service = one.service;
        if names::binds(&service.spec.gateways, service.meta.namespace(), MESH) {
            one.hosts += 1;
        }
        for name in service.spec.gateways.iter().filter(|name| *name != MESH) {
            let name = names::resolve_gateway(name, service.meta.namespace());
            let gateway = gateways.get(&name).copied();
            for host in &service.spec.hosts {
                let host = names::resolve_host(host, service.meta.namespace());
                for domain in served(gateway, service.meta.namespace(), &host) {
                    domains.change([&name, " ", &domain.to_ascii_lowercase()].concat(), |places| {
                        if places.last() != Some(&place) {
                            places.push(place);
                            one.hosts += 1;
                        }
                    });
                }
            }
        }
    }
    for (domain, places) in domains.into_sorted().iter().filter(|(_, places)| places.len() > 1) {
        let host = domain.split_once(' ').map_or(domain.as_str(), |(_, host)| host);
        merge(host, places, &mut all);
    }
    for one in &all {
        say(one, &all, report);
    }
}

/// Of which hosts a gateway takes this one; one that is not in the set takes all.
fn served(gateway: Option<&Resource<Gateway>>, namespace: &str, host: &str) -> Vec<String> {
    let Some(gateway) = gateway else { return vec![host.to_owned()] };
    let http = gateway.spec.servers.iter().filter(|server| server.port.protocol.is_http());
    let mut all = Vec::new();
    for entry in http.flat_map(|server| &server.hosts) {
        let (from, pattern) = match entry.split_once('/') {
            None => ("*", entry.as_str()),
            Some((".", pattern)) => (gateway.meta.namespace(), pattern),
            Some((from, pattern)) => (from, pattern),
        };
        if (from == "*" || from == namespace)
            && let Some(domain) = names::intersection(pattern, host)
            && !all.iter().any(|known| known == domain)
        {
            all.push(domain.to_owned());
        }
    }
    all
}

/// Goes through the rules for a host as they come.
fn merge(host: &str, places: &[usize], all: &mut [Bound<'_>]) {
    let mut earlier: Earlier<'_, usize> = Earlier::default();
    let mut takes_all: Option<usize> = None;
    for place in places {
        let Some(Bound { service, fates, .. }) = all.get_mut(*place) else { continue };
        fates.resize(service.spec.http.len(), Fate::default());
        let mut own_takes_all = false;
        // What stands behind a match that takes everything, be it for some ports only, may not be there.
        let mut cut = false;
        let mut own = Vec::new();
        for (rule, fate) in service.spec.http.iter().zip(fates) {
            let taken = |one| if is_catch_all(one) { takes_all } else { earlier.find(one).map(|found| found.whose()) };
            let before = match rule.r#match.as_slice() {
                [] => takes_all,
                some => some.iter().map(taken).reduce(|a, b| b.and(a)).flatten(),
            };
            if let Some(before) = before {
                fate.dead += 1;
                fate.first.get_or_insert_with(|| (host.to_owned(), before));
            }
            own_takes_all = rule.r#match.is_empty();
            for one in &rule.r#match {
                match is_catch_all(one) {
                    true => own_takes_all |= is_for_all(one),
                    false if cut => {}
                    false => own.push(one),
                }
                cut |= is_catch_all(one);
            }
            if own_takes_all {
                break;
            }
        }
        own.into_iter().for_each(|one| earlier.add(*place, one));
        takes_all = takes_all.or(own_takes_all.then_some(*place));
    }
}

fn say(one: &Bound<'_>, all: &[Bound<'_>], report: &mut Report) {
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    for (index, fate) in one.fates.iter().enumerate() {
        let Some((host, before)) = &fate.first else { continue };
        let Some(other) = all.get(*before) else { continue };
        let (own, other) = (&one.service.meta, &other.service.meta);
        let why =
            if own.creation_timestamp == other.creation_timestamp { "its name comes first" } else { "it is older" };
        let (severity, whose) = match fate.dead == one.hosts {
            true => (Severity::Warning, String::new()),
            false => (Severity::Info, format!("for `{}` ", shorten(host))),
        };
        let message = format!(
            "{whose}no request comes to this rule: at a gateway the rules of `{}` for the same host come before it, since \
             {why}, and take all of its requests",
            other.full_name()
        );
        let hint = "put both into one VirtualService, in the order that is meant";
        let rule = (severity, Origin::Sailcloth, Code::OvershadowedRule);
        Findings::new(one.service, report).push(rule, &Path::Index(&http, index), message, hint);
    }
}
