//! Who listens where: a listener for each port of the Gateways, and one for the mesh.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use shared::finding::{Code, Origin, Report, Severity};
use shared::model::gateway::{Protocol, Server};
use shared::model::{Gateway, Resource, Resources};
use shared::names::{self, DEFAULT_NAMESPACE, MESH};

use crate::filter::Proxy;

/// Where the mesh's listener is unless somebody says otherwise: Istio's port for outbound traffic.
pub const MESH_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 15001);

/// Ports below this need privileges, so they move up by [`PRIVILEGED_OFFSET`].
const UNPRIVILEGED: u16 = 1024;
const PRIVILEGED_OFFSET: u16 = 8000;

/// A place where requests come in, and who the proxy is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// The listener's name.
    pub name: String,
    /// Where it listens.
    pub at: SocketAddr,
    /// Whether clients are outside of the mesh.
    pub edge: bool,
    /// Who the proxy is there.
    pub proxy: Proxy,
}

impl Front {
    /// Where a browser on this machine finds it.
    pub fn url(&self) -> String {
        let ip = match self.at.ip() {
            ip if !ip.is_unspecified() => ip,
            _ => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        format!("http://{}", SocketAddr::new(ip, self.at.port()))
    }
}

/// `gateway default/web: port 80 listens on http://127.0.0.1:8080 and all other addresses`.
impl fmt::Display for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.proxy.port {
            Some(port) => {
                write!(f, "gateway {}: port {port} listens on {}", self.proxy.gateways.join(", "), self.url())?;
            }
            None => write!(f, "mesh, as seen from namespace {}: listens on {}", self.proxy.namespace, self.url())?,
        }
        if self.at.ip().is_unspecified() { f.write_str(" and all other addresses") } else { Ok(()) }
    }
}

/// Why listeners cannot be placed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenError {
    /// `--listen` names a port that no Gateway has.
    UnknownPort(u16, Vec<u16>),
    /// Two listeners at one place.
    Taken(String, String, SocketAddr),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ListenError::UnknownPort(port, known) if known.is_empty() => {
                write!(f, "`--listen {port}=...`: no Gateway has an HTTP server in these resources")
            }
            ListenError::UnknownPort(port, known) => {
                let known: Vec<_> = known.iter().map(u16::to_string).collect();
                write!(
                    f,
                    "`--listen {port}=...`: no Gateway has an HTTP server on port {port}; there is {}",
                    known.join(", ")
                )
            }
            ListenError::Taken(first, second, at) => {
                write!(
                    f,
                    "{first} and {second} would both listen on {at}; place one of them elsewhere with \
                     `--listen PORT=[ADDR:]PORT`, `--mesh-listen ADDR:PORT` or `--admin ADDR:PORT`"
                )
            }
        }
    }
}

impl std::error::Error for ListenError {}

/// Every front of `set`: the Gateways' ports in order, then the mesh. `listen` places a Gateway's port elsewhere;
/// `namespace` is where the mesh's proxy lives, by itself the only namespace there is, else `default`.
///
/// # Errors
/// When `listen` names a port that no Gateway has, or two would listen at one place.
pub fn fronts(
    set: &Resources,
    namespace: Option<&str>,
    listen: &BTreeMap<u16, SocketAddr>,
    mesh: Option<SocketAddr>,
    admin: Option<SocketAddr>,
) -> Result<Vec<Front>, ListenError> {
    let ports = gateway_ports(set, is_http);
    if let Some(unknown) = listen.keys().find(|port| !ports.contains_key(port)) {
        return Err(ListenError::UnknownPort(*unknown, ports.into_keys().collect()));
    }
    let fronts = wherever(set, namespace, listen, mesh, is_http);
    let mut taken: Vec<(&str, SocketAddr)> = Vec::new();
    let all =
        fronts.iter().map(|front| (front.name.as_str(), front.at)).chain(admin.map(|at| ("Envoy's admin page", at)));
    for (name, at) in all {
        if let Some((other, _)) = taken.iter().find(|(_, other)| collide(*other, at)) {
            return Err(ListenError::Taken((*other).to_owned(), name.to_owned(), at));
        }
        taken.push((name, at));
    }
    Ok(fronts)
}

/// Every front of `set`, though two may want the same place, for the servers of Gateways that it `takes`.
pub(crate) fn wherever(
    set: &Resources,
    namespace: Option<&str>,
    listen: &BTreeMap<u16, SocketAddr>,
    mesh: Option<SocketAddr>,
    takes: fn(&Server) -> bool,
) -> Vec<Front> {
    let ports = gateway_ports(set, takes).into_iter();
    let mut fronts: Vec<Front> =
        ports.map(|(port, gateways)| gateway_front(port, &gateways, listen.get(&port).copied())).collect();
    if let Some(at) = mesh.or_else(|| applies_to_mesh(set).then_some(MESH_ADDRESS)) {
        let gateways = vec![MESH.to_owned()];
        let namespace = namespace.or_else(|| only_namespace(set)).unwrap_or(DEFAULT_NAMESPACE).to_owned();
        let proxy = Proxy { namespace, gateways, labels: BTreeMap::new(), port: None };
        fronts.push(Front { name: MESH.to_owned(), at, edge: false, proxy });
    }
    fronts
}

/// The namespace of all that is in the mesh, when there is just one. Gateways often live apart from what they lead to.
pub(crate) fn only_namespace(set: &Resources) -> Option<&str> {
    let virtual_services = set.virtual_services.iter().map(|it| it.meta.namespace());
    let rules = set.destination_rules.iter().map(|it| it.meta.namespace());
    let entries = set.service_entries.iter().map(|it| it.meta.namespace());
    let services = set.services.iter().map(|it| it.meta.namespace());
    let mut all = virtual_services.chain(rules).chain(entries).chain(services);
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// Port 0 is any free port, and nobody else's.
fn collide(a: SocketAddr, b: SocketAddr) -> bool {
    a.port() == b.port() && a.port() != 0 && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

fn gateway_ports(set: &Resources, takes: fn(&Server) -> bool) -> BTreeMap<u16, Vec<&Resource<Gateway>>> {
    let mut ports: BTreeMap<u16, Vec<&Resource<Gateway>>> = BTreeMap::new();
    for gateway in &set.gateways {
        for server in gateway.spec.servers.iter().filter(|server| takes(server)) {
            // A socket in the file system is no port.
            let Some(number) = server.port.number.0 else { continue };
            let here = ports.entry(number.get()).or_default();
            if !here.iter().any(|other| std::ptr::eq(*other, gateway)) {
                here.push(gateway);
            }
        }
    }
    for gateways in ports.values_mut() {
        gateways.sort_by_key(|gateway| gateway.meta.full_name());
    }
    ports
}

fn gateway_front(port: u16, gateways: &[&Resource<Gateway>], placed: Option<SocketAddr>) -> Front {
    let open = if port < UNPRIVILEGED { port + PRIVILEGED_OFFSET } else { port };
    let labels = gateways.iter().flat_map(|gateway| &gateway.spec.selector);
    let proxy = Proxy {
        namespace: gateways.first().map_or(DEFAULT_NAMESPACE, |gateway| gateway.meta.namespace()).to_owned(),
        gateways: gateways.iter().map(|gateway| gateway.meta.full_name()).collect(),
        labels: labels.map(|(key, value)| (key.clone(), value.clone())).collect(),
        port: Some(port),
    };
    let at = placed.unwrap_or_else(|| SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), open));
    Front { name: format!("gateway-{port}"), at, edge: true, proxy }
}

fn is_http(server: &Server) -> bool {
    server.port.protocol.is_http()
}

/// Whether any rule is for sidecars.
fn applies_to_mesh(set: &Resources) -> bool {
    set.virtual_services.iter().any(|service| {
        let mut matches = service.spec.http.iter().flat_map(|rule| &rule.r#match);
        names::binds(&service.spec.gateways, service.meta.namespace(), MESH)
            || matches.any(|block| block.gateways.iter().any(|name| name == MESH))
    })
}

/// Names the servers that nobody listens for.
pub fn unsupported(set: &Resources, report: &mut Report) {
    for gateway in &set.gateways {
        for (index, server) in gateway.spec.servers.iter().enumerate().filter(|(_, server)| !is_http(server)) {
            let protocol = match server.port.protocol {
                Protocol::Https => "HTTPS",
                Protocol::Tls => "TLS",
                Protocol::Mongo => "MONGO",
                _ => "TCP",
            };
            let rule = (Severity::Warning, Origin::Sailcloth, Code::Unsupported);
            let path = format!("spec.servers[{index}].port.protocol");
            let message = format!("Sailcloth does not listen for `{protocol}`; this server has no effect");
            let hint = "it listens for HTTP, HTTP2, GRPC and GRPC-WEB; let something before it open TLS";
            report.push(gateway.finding(rule, path, message, hint));
        }
    }
}

#[cfg(test)]
mod tests;
