//! Which proxy is asked.

use std::collections::BTreeMap;

use shared::model::read::{nearest, shorten};
use shared::model::{Gateway, Resource, Resources};
use shared::names::{self, DEFAULT_NAMESPACE, MESH};
use shared::registry::{Registry, View};

use super::request::Asked;
use crate::filter::Proxy;
use crate::listener::{Front, fronts, only_namespace};

/// Below these, and so many above, a Gateway's port is where `run` listens.
const MOVED: (u16, u16) = (1024, 8000);

/// Whom somebody wants to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Whom {
    /// The listeners that `run` would write decide.
    #[default]
    Anybody,
    /// A Gateway, as it was written.
    Gateway(String),
    /// The mesh, as a proxy there sees it.
    From(From),
}

/// A proxy of the mesh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct From {
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The proxy.
    pub proxy: Proxy,
    /// Whether clients are outside of the mesh.
    pub edge: bool,
    /// Whether hosts that nobody knows are answered, as by the mesh's listener of `run`.
    pub answers_unknown: bool,
    /// Why this one, in a few words.
    pub because: String,
}

impl From {
    /// `NS` or `NS,key=value,...`.
    ///
    /// # Errors
    /// With what is wrong, and what to write.
    pub fn parse(text: &str) -> Result<From, String> {
        let expected = "expected a namespace and maybe labels, such as `shop` or `shop,app=web,version=v1`";
        let mut parts = text.split(',');
        let namespace = parts.next().unwrap_or_default();
        if namespace.is_empty() || namespace.contains('=') {
            return Err(format!("there is no namespace before the labels: {expected}"));
        }
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if namespace.len() > 63 || !namespace.bytes().all(fits) {
            return Err(format!("`{}` is no namespace's name: {expected}", shorten(namespace)));
        }
        let mut labels = BTreeMap::new();
        for part in parts {
            let (key, value) = part
                .split_once('=')
                .filter(|(key, _)| !key.trim().is_empty())
                .ok_or_else(|| format!("`{}` is no label, which is `key=value`: {expected}", shorten(part)))?;
            if labels.insert(key.trim().to_owned(), value.trim().to_owned()).is_some() {
                return Err(format!("the label `{}` stands twice", shorten(key)));
            }
        }
        Ok(From { namespace: namespace.to_owned(), labels })
    }
}

/// Who is asked; `port` is the one that Istio would see.
///
/// # Errors
/// When a Gateway is not there, or has not the port.
pub fn place(set: &Resources, whom: &Whom, port: Option<u16>, asked: &Asked) -> Result<Place, String> {
    match whom {
        Whom::Gateway(name) => {
            let gateway = gateway(set, name)?;
            let (port, why) = port_of(gateway, port, asked)?;
            Ok(at_gateway(set, gateway, port, why))
        }
        Whom::From(from) => {
            Ok(in_mesh(from.namespace.clone(), from.labels.clone(), port, "as `--from` says".to_owned()))
        }
        Whom::Anybody => anybody(set, port, asked),
    }
}

/// A Gateway by its name.
fn gateway<'s>(set: &'s Resources, name: &str) -> Result<&'s Resource<Gateway>, String> {
    if name == MESH {
        return Err("`--gateway mesh`: `mesh` is no Gateway; `--from NAMESPACE` asks a proxy of the mesh".to_owned());
    }
    let full = names::resolve_gateway(name, DEFAULT_NAMESPACE);
    if let Some(found) = set.gateways.iter().find(|gateway| gateway.meta.full_name() == full) {
        return Ok(found);
    }
    let known = || set.gateways.iter().map(|gateway| gateway.meta.full_name());
    // In another namespace, or spelt like it.
    let bare = full.split_once('/').map_or(full.as_str(), |(_, name)| name);
    let elsewhere = set.gateways.iter().find(|gateway| gateway.meta.name == bare).map(|it| it.meta.full_name());
    let hint = match elsewhere.or_else(|| nearest(&full, known())) {
        Some(near) => format!("did you mean `--gateway {near}`?"),
        None if set.gateways.is_empty() => {
            "there is none in these resources; `--from NAMESPACE` asks the mesh".to_owned()
        }
        None => format!("there is {}", listed(known())),
    };
    Err(format!("`--gateway {}`: there is no Gateway `{}`; {hint}", shorten(name), shorten(&full)))
}

/// The port of a Gateway that is asked, and why. Routes are there for HTTP and for TLS that is opened.
fn port_of(gateway: &Resource<Gateway>, port: Option<u16>, asked: &Asked) -> Result<(u16, String), String> {
    let name = gateway.meta.full_name();
    let routed = gateway.spec.servers.iter().filter(|server| {
        server.port.protocol.is_http() || server.port.protocol == shared::model::gateway::Protocol::Https
    });
    let mut ports: Vec<u16> = routed.filter_map(|server| server.port.number.0).map(|port| port.get()).collect();
    let first = ports.first().copied();
    ports.sort_unstable();
    ports.dedup();
    let Some(first) = first else {
        return Err(format!(
            "`--gateway {name}`: none of its servers takes HTTP, so no VirtualService's `http` rules are there"
        ));
    };
    if let Some(port) = port {
        let has = listed(ports.iter().map(u16::to_string));
        return match ports.contains(&port) {
            true => Ok((port, "as `--port` says".to_owned())),
            false => Err(format!("`--port {port}`: Gateway `{name}` has no HTTP server there; it has {has}")),
        };
    }
    let by_scheme = if asked.scheme == "https" { 443 } else { 80 };
    let named = asked.port().unwrap_or(by_scheme);
    let moved = named.checked_sub(MOVED.1).filter(|port| *port < MOVED.0);
    Ok(if ports.contains(&named) {
        (named, "by the URL".to_owned())
    } else if let Some(port) = moved.filter(|port| ports.contains(port)) {
        (port, format!("which `run` opens at {named}"))
    } else {
        (first, if ports.len() == 1 { "its only one".to_owned() } else { "its first".to_owned() })
    })
}

/// A Gateway's listener on a port: all Gateways that choose the same proxies share it, as in Istio.
fn at_gateway(set: &Resources, gateway: &Resource<Gateway>, port: u16, because: String) -> Place {
    let mut gateways = vec![gateway.meta.full_name()];
    for other in set.gateways.iter().filter(|other| other.spec.selector == gateway.spec.selector) {
        let here = other.spec.servers.iter().any(|server| server.port.number.0.is_some_and(|it| it.get() == port));
        let name = other.meta.full_name();
        if here && !gateways.contains(&name) {
            gateways.push(name);
        }
    }
    let labels = gateway.spec.selector.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let namespace = gateway.meta.namespace().to_owned();
    let proxy = Proxy { namespace, gateways, labels, port: Some(port) };
    Place { proxy, edge: true, answers_unknown: false, because }
}

fn in_mesh(namespace: String, labels: BTreeMap<String, String>, port: Option<u16>, because: String) -> Place {
    let proxy = Proxy { namespace, gateways: vec![MESH.to_owned()], labels, port };
    Place { proxy, edge: false, answers_unknown: false, because }
}

/// How sure a listener is that a host is one of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Knows {
    /// By a name of its own.
    Name,
    /// By `*` alone.
    Any,
}

/// Of the listeners of `run` the one that the request is for: a Gateway's that serves the host, else the mesh's. Where a
/// Gateway takes any host, and the mesh knows this one, it is the mesh's.
fn anybody(set: &Resources, port: Option<u16>, asked: &Asked) -> Result<Place, String> {
    // Where they listen is nobody's concern here.
    let fronts = fronts(set, None, &BTreeMap::new(), None, None).unwrap_or_default();
    let edges: Vec<&Front> = fronts.iter().filter(|front| front.edge).collect();
    if let Some(port) = port
        && !edges.iter().any(|front| front.proxy.port == Some(port))
    {
        let ports = listed(edges.iter().filter_map(|front| front.proxy.port).map(|port| port.to_string()));
        let known = if ports.is_empty() { "there is no Gateway".to_owned() } else { format!("there is {ports}") };
        return Err(format!(
            "`--port {port}`: no Gateway has an HTTP server on that port; {known}; `--from NAMESPACE` asks the mesh"
        ));
    }
    let host = asked.host();
    let by_scheme = if asked.scheme == "https" { 443 } else { 80 };
    let named = port.or(asked.port()).unwrap_or(by_scheme);
    let rank = |front: &Front| {
        let own = front.proxy.port;
        (own != Some(named), front.at.port() != named, own != Some(80), own)
    };
    let serving = edges.iter().filter(|front| port.is_none() || front.proxy.port == port);
    let serving = serving.filter_map(|front| Some((serves(set, front, &host)?, *front)));
    let mesh_namespace = || only_namespace(set).unwrap_or(DEFAULT_NAMESPACE).to_owned();
    let found = serving.min_by_key(|(knows, front)| (*knows, rank(front)));
    match found {
        Some((Knows::Any, _)) if port.is_none() && in_the_mesh(set, &host, &mesh_namespace()) => {}
        Some((knows, front)) => {
            let because = match knows {
                Knows::Name => format!("which serves `{host}`; `--from NAMESPACE` asks the mesh"),
                Knows::Any => "which takes any host; `--from NAMESPACE` asks the mesh".to_owned(),
            };
            return Ok(Place { proxy: front.proxy.clone(), edge: true, answers_unknown: false, because });
        }
        None => {}
    }
    let because = match edges.is_empty() {
        true => "since there is no Gateway with an HTTP server".to_owned(),
        false => format!("since no Gateway serves `{host}` by name; `--gateway NS/NAME` asks one all the same"),
    };
    let place = in_mesh(mesh_namespace(), BTreeMap::new(), None, because);
    Ok(Place { answers_unknown: true, ..place })
}

/// Whether a Gateway's listener has the host.
fn serves(set: &Resources, front: &Front, host: &str) -> Option<Knows> {
    let here = set.gateways.iter().filter(|gateway| front.proxy.gateways.contains(&gateway.meta.full_name()));
    let servers = here.flat_map(|gateway| &gateway.spec.servers);
    let on_port = servers.filter(|server| server.port.number.0.map(|port| port.get()) == front.proxy.port);
    let hosts = on_port.flat_map(|server| &server.hosts);
    let bare = hosts.map(|host| host.split_once('/').map_or(host.as_str(), |(_, host)| host).to_ascii_lowercase());
    let mut found = None;
    for pattern in bare.filter(|pattern| names::covers(pattern, host)) {
        if pattern != "*" {
            return Some(Knows::Name);
        }
        found = Some(Knows::Any);
    }
    // One that takes any host knows those by name that its VirtualServices have.
    let bound = set.virtual_services.iter().filter(|service| {
        let (gateways, namespace) = (&service.spec.gateways, service.meta.namespace());
        front.proxy.gateways.iter().any(|gateway| names::binds(gateways, namespace, gateway))
    });
    let mut hosts = bound.flat_map(|service| &service.spec.hosts);
    if found.is_some() && hosts.any(|known| known != "*" && names::covers(&known.to_ascii_lowercase(), host)) {
        return Some(Knows::Name);
    }
    found
}

/// Whether the mesh knows a host, seen from a namespace: as a service's name, or from a VirtualService.
fn in_the_mesh(set: &Resources, host: &str, namespace: &str) -> bool {
    let bound = set
        .virtual_services
        .iter()
        .filter(|service| names::binds(&service.spec.gateways, service.meta.namespace(), MESH));
    let mut named = bound.flat_map(|service| {
        service.spec.hosts.iter().map(|host| names::resolve_host(host, service.meta.namespace()).to_ascii_lowercase())
    });
    let full = spellings(host, namespace);
    if named.any(|known| known != "*" && full.iter().any(|host| names::covers(&known, host))) {
        return true;
    }
    let registry = Registry::of(set, View::of_sidecar(namespace));
    full.iter().any(|host| registry.get(host).is_some())
}

/// A host, and whatever it may be short for.
pub(super) fn spellings(host: &str, namespace: &str) -> Vec<String> {
    let domain = format!("svc.{}", names::DOMAIN);
    vec![
        host.to_owned(),
        format!("{host}.{namespace}.{domain}"),
        format!("{host}.{domain}"),
        format!("{host}.{}", names::DOMAIN),
    ]
}

fn listed(all: impl Iterator<Item = String>) -> String {
    all.map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
}
