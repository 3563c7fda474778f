//! Ports of Services and ServiceEntries (istioctl's `PortNameAnalyzer`, `ProtocolAddressesAnalyzer`,
//! `ConflictingServiceEntryProtocolAnalyzer`).

use super::deployments::is_control_plane;
use super::world::{Item, World, get, text, whole};
use crate::Map;
use crate::finding::{Code, Report, Severity};
use crate::load::Value;
use crate::model::read::shorten;

/// Of mail, names, MySQL and MongoDB, which are known to be no HTTP.
const WELL_KNOWN: [i64; 4] = [25, 53, 3306, 27_017];

const PROTOCOLS: [&str; 12] =
    ["tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql"];

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    for service in world.of("Service").iter().filter(|service| !is_control_plane(service)) {
        ports(service, report);
    }
    for entry in world.of("ServiceEntry") {
        addresses(entry, report);
    }
    protocols(world, report);
}

fn ports(service: &Item<'_>, report: &mut Report) {
    let labels = service.labels();
    let managed = get(&labels, "gateway.istio.io/managed").unwrap_or_default();
    if ["istio.io-gateway-controller", "istio.io-mesh-controller", "istio.io-eastwest-controller"].contains(&managed) {
        return;
    }
    let leads_elsewhere = service.text("spec.type") == "ExternalName";
    for (index, port) in service.list("spec.ports").iter().enumerate() {
        let (name, said) = (text(port.get("name")), text(port.get("appProtocol")));
        let unnamed = text(port.get("protocol")) != "UDP"
            && !is_protocol(name, said)
            && !WELL_KNOWN.contains(&whole(port.get("port")).unwrap_or_default());
        let path = format!("spec.ports[{index}]");
        let mut findings = service.findings(report);
        if leads_elsewhere && (unnamed || name == "tcp") {
            let message = "the name of this port keeps what is no HTTP from where the Service leads";
            let code = Code::ExternalNameServiceTypeInvalidPortName;
            findings.analysis(Severity::Warning, code, &path, message, "name it after its protocol: `http`, `tcp-db`");
        } else if unnamed {
            let message = format!("the name `{}` says no protocol, which Istio's proxies then find out", shorten(name));
            let code = Code::PortNameIsNotUnderNamingConvention;
            findings.analysis(Severity::Info, code, &path, message, "name it after its protocol: `http`, `grpc-api`");
        }
    }
}

/// Whether a port's `appProtocol`, else its name, says what is spoken.
fn is_protocol(name: &str, said: &str) -> bool {
    if ["kubernetes.io/h2c", "kubernetes.io/ws", "kubernetes.io/wss"].contains(&said) {
        return true;
    }
    let name = if said.is_empty() { name } else { said }.to_ascii_lowercase();
    name.starts_with("grpc-web") || PROTOCOLS.contains(&name.split('-').next().unwrap_or_default())
}

/// TCP without addresses of its own.
fn addresses(entry: &Item<'_>, report: &mut Report) {
    let has = |path: &str| match entry.tree.at(path).map(|node| &node.value) {
        Some(Value::List(items)) => !items.is_empty(),
        _ => false,
    };
    if has("spec.addresses") || has("status.addresses") {
        return;
    }
    for (index, port) in entry.list("spec.ports").iter().enumerate() {
        let protocol = text(port.get("protocol"));
        if protocol.is_empty() || protocol.eq_ignore_ascii_case("TCP") {
            let message = "a port of TCP is told from others by an address, and this entry has none";
            let path = format!("spec.ports[{index}]");
            let code = Code::ServiceEntryAddressesRequired;
            let hint = "add `addresses`, unless proxies give them out themselves";
            entry.findings(report).analysis(Severity::Warning, code, &path, message, hint);
        }
    }
}

/// One host and port, and several protocols.
fn protocols(world: &World<'_>, report: &mut Report) {
    let mut index: Map<Vec<(String, &Item<'_>)>> = Map::new();
    for entry in world.of("ServiceEntry") {
        let scopes = entry.exports();
        let scopes = if scopes.is_empty() { vec!["*"] } else { scopes };
        for scope in scopes {
            for host in entry.list("spec.hosts") {
                for port in entry.list("spec.ports") {
                    let number = whole(port.get("number")).unwrap_or_default();
                    let protocol = text(port.get("protocol")).to_ascii_uppercase();
                    let key = format!("{scope}/{}/{number}", text(Some(host)));
                    index.change(key, |list| list.push((protocol, entry)));
                }
            }
        }
    }
    let mut said: Vec<String> = Vec::new();
    for (key, own) in index.iter() {
        let Some((scope, rest)) = key.split_once('/') else { continue };
        let everywhere = index.get(&format!("*/{rest}")).filter(|_| scope != "*");
        let all: Vec<_> = own.iter().chain(everywhere.into_iter().flatten()).collect();
        let Some((first, _)) = all.first() else { continue };
        if all.iter().all(|(protocol, _)| protocol == first) {
            continue;
        }
        for (_, entry) in &all {
            let name = entry.full_name();
            if said.contains(&name) {
                continue;
            }
            let mut others: Vec<String> = all.iter().map(|(_, other)| other.full_name()).collect();
            others.retain(|other| *other != name);
            others.dedup();
            let (host, port) = rest.rsplit_once('/').unwrap_or_default();
            let message = match others.is_empty() {
                true => format!("port {port} of `{}` has several protocols here", shorten(host)),
                false => {
                    format!("port {port} of `{}` has another protocol in `{}`", shorten(host), others.join("`, `"))
                }
            };
            let code = Code::ConflictingServiceEntryProtocol;
            entry.findings(report).analysis(Severity::Warning, code, "metadata.name", message, "give it one protocol");
            said.push(name);
        }
    }
}
