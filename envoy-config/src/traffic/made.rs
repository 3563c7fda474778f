//! Requests made from rules: for each condition of each match one that just meets it and one that just misses it.

use std::collections::{HashMap, HashSet};

use shared::model::http_route::{CorsPolicy, HttpMatchRequest, HttpRoute};
use shared::model::{Resource, Resources, StringMatch, VirtualService};
use shared::names::{self, MESH};
use shared::registry::{MeshPort, Registry, View};

use super::question::Question;
use super::sides::{Both, Place};
use crate::example;

mod texts;

/// So many are made at most, those of VirtualServices that have changed first.
pub(super) const MOST: usize = 100_000;
/// Under so many of its hosts a VirtualService is asked.
const HOSTS: usize = 4;
/// Where any host will do.
const ANY_HOST: &str = "any.example";

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Made {
    /// Where it comes in.
    pub(super) place: usize,
    method: String,
    scheme: Option<String>,
    authority: String,
    path: String,
    headers: Vec<(String, String)>,
}

/// All that were made.
#[derive(Default)]
pub(super) struct Requests {
    pub(super) all: Vec<Made>,
    seen: HashSet<Made>,
    /// For so many matches nobody could think of one.
    pub(super) unthinkable: usize,
    most: usize,
    /// Whether there would have been more.
    pub(super) cut: bool,
}

/// A request in parts.
#[derive(Clone, Default)]
struct Parts {
    method: String,
    scheme: Option<String>,
    authority: Option<String>,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
}

impl Made {
    pub(super) fn question(&self, place: Option<&Place>) -> Question<'_> {
        let scheme = if place.is_some_and(|place| place.opens_tls) { "https" } else { "http" };
        Question {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            scheme: Some(self.scheme.as_deref().unwrap_or(scheme)),
            headers: self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect(),
            absent: Vec::new(),
            complete: true,
            source: None,
        }
    }
}

/// Makes them from the VirtualServices of both sides, and one for each service of the mesh; so many at most.
pub(super) fn requests(sets: Both<&Resources>, places: &[Place], most: usize) -> Requests {
    let mut made = Requests { most, ..Requests::default() };
    let namespace = places.iter().find(|place| !place.edge).map(|place| place.front.proxy.namespace.clone());
    let registries =
        sets.map(|set| namespace.as_deref().map(|namespace| Registry::of(set, View::of_sidecar(namespace))));
    let of = |set: &Resources| -> HashMap<String, usize> {
        set.virtual_services.iter().enumerate().map(|(at, it)| (it.meta.full_name(), at)).collect()
    };
    let (old, new) = (of(sets.old), of(sets.new));
    let is_as = |service: &Resource<VirtualService>, set: &Resources, index: &HashMap<String, usize>| {
        let other = index.get(&service.meta.full_name()).and_then(|at| set.virtual_services.get(*at));
        other.is_some_and(|other| other.spec == service.spec)
    };
    let (same, changed): (Vec<_>, Vec<_>) =
        sets.new.virtual_services.iter().partition(|service| is_as(service, sets.old, &old));
    let gone = sets.old.virtual_services.iter().filter(|service| !is_as(service, sets.new, &new));
    let sides = changed.into_iter().map(|it| (it, true)).chain(gone.map(|it| (it, false)));
    for (service, is_new) in sides.chain(same.into_iter().map(|it| (it, true))) {
        let (set, registry) = if is_new { (sets.new, &registries.new) } else { (sets.old, &registries.old) };
        for (at, place) in places.iter().enumerate().filter(|(_, place)| binds(service, place)) {
            let side = Side { set, index: if is_new { &new } else { &old }, registry: registry.as_ref() };
            made.of_service(side, service, (at, place));
        }
    }
    let namespace = namespace.unwrap_or_default();
    for registry in registries.iter().flatten() {
        for (at, _) in places.iter().enumerate().filter(|(_, place)| !place.edge) {
            for service in registry.iter().filter(|it| !it.host.starts_with('*')) {
                let named = |port: &MeshPort| example::authority(&service.host, &namespace, port.number.get());
                for authority in service.routed_ports().map(named) {
                    made.add(at, &authority, Parts::get("/"));
                }
            }
        }
    }
    made
}

/// Whether a VirtualService may have rules there.
fn binds(service: &Resource<VirtualService>, place: &Place) -> bool {
    let namespace = service.meta.namespace();
    let mut blocks = service.spec.http.iter().flat_map(|rule| &rule.r#match).flat_map(|block| &block.gateways);
    let is_here = |name: &str| (name == MESH) != place.edge;
    if service.spec.gateways.is_empty() && !place.edge {
        return true;
    }
    service.spec.gateways.iter().any(|name| is_here(&names::resolve_gateway(name, namespace)))
        || blocks.any(|name| is_here(&names::resolve_gateway(name, namespace)))
}

/// Where a VirtualService comes from.
#[derive(Clone, Copy)]
struct Side<'s> {
    set: &'s Resources,
    /// VirtualServices by their full names.
    index: &'s HashMap<String, usize>,
    registry: Option<&'s Registry>,
}

impl Side<'_> {
    /// The matches of a rule: those of its delegate, as far as there is one, within its own.
    fn blocks(&self, service: &Resource<VirtualService>, rule: &HttpRoute) -> Vec<HttpMatchRequest> {
        let own = rule.r#match.clone();
        let Some(delegate) = &rule.delegate else { return own };
        let namespace = delegate.namespace.as_deref().filter(|it| !it.is_empty()).unwrap_or(service.meta.namespace());
        let name = format!("{namespace}/{}", delegate.name.as_deref().unwrap_or_default());
        let found = self.index.get(&name).and_then(|at| self.set.virtual_services.get(*at));
        let theirs = found.into_iter().flat_map(|it| &it.spec.http).flat_map(|rule| &rule.r#match);
        let within = |block: &HttpMatchRequest| match own.as_slice() {
            [] => vec![block.clone()],
            own => own.iter().map(|own| merged(own, block)).collect(),
        };
        let inner: Vec<HttpMatchRequest> = theirs.flat_map(within).collect();
        // What its rules leave over comes to one without a match.
        [own.clone(), inner].concat()
    }
}

/// What both ask for; where both look at the same, the delegate's is the narrower.
fn merged(root: &HttpMatchRequest, delegate: &HttpMatchRequest) -> HttpMatchRequest {
    let mut all = delegate.clone();
    let or = |own: &Option<StringMatch>, root: &Option<StringMatch>| own.clone().or_else(|| root.clone());
    (all.uri, all.scheme) = (or(&all.uri, &root.uri), or(&all.scheme, &root.scheme));
    (all.method, all.authority) = (or(&all.method, &root.method), or(&all.authority, &root.authority));
    for (name, wanted) in root.headers.iter().filter(|(name, _)| delegate.headers.get(name).is_none()) {
        all.headers.insert(name.clone(), wanted.clone());
    }
    for (name, wanted) in root.query_params.iter().filter(|(name, _)| delegate.query_params.get(name).is_none()) {
        all.query_params.insert(name.clone(), wanted.clone());
    }
    all
}

impl Requests {
    fn of_service(&mut self, side: Side<'_>, service: &Resource<VirtualService>, (at, place): (usize, &Place)) {
        // A delegate is asked by who delegates.
        if service.spec.hosts.is_empty() {
            return;
        }
        let Side { set, registry, .. } = side;
        let empty = Registry::new(&Resources::default());
        let mut hosts: Vec<String> = example::hosts(set, &place.front, registry.unwrap_or(&empty), service)
            .into_iter()
            .map(|host| host.unwrap_or_else(|| ANY_HOST.to_owned()))
            .collect();
        if hosts.is_empty() && place.edge {
            hosts.push(ANY_HOST.to_owned());
        }
        for (number, host) in hosts.iter().enumerate().take(HOSTS) {
            for rule in &service.spec.http {
                let mut all: Vec<Parts> = Vec::new();
                match side.blocks(service, rule).as_slice() {
                    [] => all.push(Parts::get("/")),
                    blocks => blocks.iter().for_each(|block| self.of_block(block, host, &mut all)),
                }
                if let (Some(cors), Some(first)) = (&rule.cors_policy, all.first().cloned()) {
                    all.extend(of_cors(cors, &first));
                }
                // Rules are the same under every host.
                let few = if number == 0 { all.len() } else { 1 };
                for parts in all.into_iter().take(few) {
                    self.add(at, host, parts);
                }
            }
        }
        for host in hosts.iter().skip(HOSTS) {
            self.add(at, host, Parts::get("/"));
        }
    }

    fn add(&mut self, place: usize, host: &str, parts: Parts) {
        let Parts { method, scheme, authority, mut path, query, headers } = parts;
        for (number, (name, value)) in query.iter().enumerate() {
            path.extend([if number == 0 { "?" } else { "&" }, name, "=", value]);
        }
        let authority = authority.unwrap_or_else(|| host.to_owned());
        let made = Made { place, method, scheme, authority, path, headers };
        let is_whole = made.path.starts_with('/') && !made.path.contains([' ', '#']) && !made.authority.is_empty();
        if !is_whole || self.seen.contains(&made) {
            return;
        }
        if self.all.len() >= self.most {
            self.cut = true;
            return;
        }
        self.seen.insert(made.clone());
        self.all.push(made);
    }

    /// The requests of a match: one that meets all of it, then one for each way to miss a part or to meet it otherwise.
    fn of_block(&mut self, block: &HttpMatchRequest, host: &str, out: &mut Vec<Parts>) {
        let Some(base) = base(block) else {
            self.unthinkable += 1;
            return;
        };
        out.push(base.clone());
        if let Some(uri) = &block.uri {
            let mut paths = [hits_of_path(uri), texts::misses(uri)].concat();
            if block.ignore_uri_case {
                paths.push(base.path.to_ascii_uppercase());
            }
            if matches!(uri, StringMatch::Prefix(text) if !text.ends_with('/')) {
                paths.push(format!("{}/0", base.path));
            }
            out.extend(paths.into_iter().map(|path| Parts { path, ..base.clone() }));
        }
        if let Some(method) = &block.method {
            let others = ["GET", "POST", "DELETE"].into_iter().filter(|it| !texts::takes(method, it)).take(1);
            out.extend(others.map(|method| Parts { method: method.to_owned(), ..base.clone() }));
        }
        if let Some(authority) = &block.authority {
            let near = base.authority.clone().unwrap_or_else(|| host.to_owned());
            let other = near.split_once(':').map_or_else(|| format!("{near}:8080"), |(host, _)| host.to_owned());
            let others = [vec![other, host.to_owned()], texts::misses(authority)].concat();
            let others = others.into_iter().filter(|it| !texts::takes(authority, it));
            out.extend(others.map(|authority| Parts { authority: Some(authority), ..base.clone() }));
        }
        if block.scheme.is_some() {
            let other = if base.scheme.as_deref() == Some("https") { "http" } else { "https" };
            out.push(Parts { scheme: Some(other.to_owned()), ..base.clone() });
        }
        for (name, wanted) in block.headers.iter() {
            let others = variants(&base.headers, &name.to_ascii_lowercase(), wanted);
            out.extend(others.into_iter().map(|headers| Parts { headers, ..base.clone() }));
        }
        for (name, unwanted) in block.without_headers.iter() {
            let values = texts::hits(&unwanted.0).into_iter().take(1).chain(texts::misses(&unwanted.0));
            out.extend(values.map(|value| {
                let headers = [base.headers.clone(), vec![(name.to_ascii_lowercase(), value)]].concat();
                Parts { headers, ..base.clone() }
            }));
        }
        for (name, wanted) in block.query_params.iter() {
            let others = variants(&base.query, name, wanted);
            out.extend(others.into_iter().map(|query| Parts { query, ..base.clone() }));
        }
    }
}

/// Paths that a `uri` takes; nothing stands before their slash.
fn hits_of_path(uri: &StringMatch) -> Vec<String> {
    let hits = texts::hits(uri);
    let rooted = hits.iter().map(|hit| if hit.starts_with('/') { hit.clone() } else { format!("/{hit}") });
    rooted.filter(|path| texts::takes(uri, path) && !path.contains(['?', '#', ' '])).collect()
}

/// A request that a match takes.
fn base(block: &HttpMatchRequest) -> Option<Parts> {
    let first = |wanted: &StringMatch| texts::hits(wanted).into_iter().next();
    let text = |wanted: &Option<StringMatch>| match wanted {
        Some(wanted) => first(wanted).map(Some),
        None => Some(None),
    };
    let path = match &block.uri {
        None | Some(StringMatch::Present) => "/".to_owned(),
        Some(uri) => hits_of_path(uri).into_iter().next()?,
    };
    let pairs = |map: &shared::Map<StringMatch>, lower: bool| {
        let pair = |(name, wanted): (&String, &StringMatch)| {
            let name = if lower { name.to_ascii_lowercase() } else { name.clone() };
            Some((name, first(wanted)?))
        };
        map.iter().map(pair).collect::<Option<Vec<_>>>()
    };
    Some(Parts {
        method: text(&block.method)?.unwrap_or_else(|| "GET".to_owned()),
        scheme: text(&block.scheme)?,
        authority: text(&block.authority)?,
        path,
        query: pairs(&block.query_params, false)?,
        headers: pairs(&block.headers, true)?,
    })
}

/// The same with another value under a name, and without it.
fn variants(all: &[(String, String)], name: &str, wanted: &StringMatch) -> Vec<Vec<(String, String)>> {
    let without: Vec<(String, String)> = all.iter().filter(|(known, _)| known != name).cloned().collect();
    let values = texts::hits(wanted).into_iter().skip(1).chain(texts::misses(wanted));
    let with = values.map(|value| [without.clone(), vec![(name.to_owned(), value)]].concat());
    with.chain([without.clone()]).collect()
}

/// What a page on another site asks, and what its browser asks first.
fn of_cors(cors: &CorsPolicy, base: &Parts) -> Vec<Parts> {
    let exact = cors.allow_origin.iter().cloned().map(StringMatch::Exact);
    let mut origins = cors.allow_origins.iter().cloned().chain(exact);
    let origin = origins.find_map(|wanted| texts::hits(&wanted).into_iter().next());
    let Some(origin) = origin else { return Vec::new() };
    let with = |method: &str, more: &[(&str, &str)]| {
        let mut parts = Parts { method: method.to_owned(), ..base.clone() };
        parts.headers.push(("origin".to_owned(), origin.clone()));
        parts.headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        parts
    };
    vec![with(&base.method, &[]), with("OPTIONS", &[("access-control-request-method", "GET")])]
}

impl Parts {
    fn get(path: &str) -> Parts {
        Parts { method: "GET".to_owned(), path: path.to_owned(), ..Parts::default() }
    }
}
