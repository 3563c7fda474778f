//! Sidecars (Istio's `ValidateSidecar`).

use super::super::Findings;
use super::super::connection_pool;
use super::super::name::{domain, is_address, is_label, is_partial_wildcard, socket_path, wildcard_domain};
use super::at::At;
use super::{selection, tls};
use crate::Names;
use crate::finding::About;
use crate::model::destination_rule::ConnectionPoolSettings;
use crate::model::read::{Place, Read, Reader, shorten};

pub(super) fn check(spec: &At<'_>, about: &About, findings: &mut Findings<'_>) {
    selection::labels(&spec.field("workloadSelector"), "labels", findings);
    let (ingress, egress) = (spec.field("ingress"), spec.field("egress"));
    let (outside, pool) = (spec.field("outboundTrafficPolicy"), spec.field("inboundConnectionPool"));
    let listens = ingress.items().next().is_some() || egress.items().next().is_some();
    if !listens && !outside.is() && !pool.is() {
        findings.invalid(&spec.path, "a Sidecar that says nothing", "write `egress: [{hosts: ['./*']}]`");
        return;
    }
    let mut ports = Names::new();
    for listener in ingress.items() {
        ingress_listener(&listener, about, &mut ports, findings);
    }
    connections(&pool, about, findings);
    let mut ports = Names::new();
    let last = egress.items().count().saturating_sub(1);
    for (index, listener) in egress.items().enumerate() {
        if !listener.field("port").is() && index != last {
            let message = "a listener without `port` takes all that no other does, and stands last";
            findings.invalid(&listener.path, message, "move it to the end");
        }
        egress_listener(&listener, &mut ports, findings);
        hosts(&listener, &about.namespace, findings);
    }
    outbound(&outside, findings);
}

fn ingress_listener(listener: &At<'_>, about: &About, ports: &mut Names, findings: &mut Findings<'_>) {
    let port = listener.field("port");
    if !port.is() {
        return;
    }
    name_and_protocol(&port, findings);
    if !is_port(&port.field("number")) {
        findings.invalid(&port.path, "expected a `number` from 1 to 65535", "");
    }
    address(&listener.field("bind"), findings);
    unique(&port, ports, findings);
    let endpoint = listener.field("defaultEndpoint");
    if let Err(wrong) = default_endpoint(endpoint.text()) {
        findings.invalid(&endpoint.path, wrong, "write `127.0.0.1:8080`, `:8080` or `unix:///path`");
    }
    let settings = listener.field("tls");
    if settings.is() {
        for name in ["subjectAltNames", "httpsRedirect", "credentialName", "credentialNames", "tlsCertificates"] {
            let field = settings.field(name);
            if !field.text().is_empty() || field.flag() || field.items().next().is_some() {
                findings.invalid(&field.path, format!("`{name}` has no meaning in a Sidecar"), "remove it");
            }
        }
        let mode = settings.field("mode");
        if ["ISTIO_MUTUAL", "AUTO_PASSTHROUGH"].contains(&mode.text()) {
            findings.invalid(&mode.path, format!("the mode `{}` is not for a Sidecar", mode.text()), "");
        }
        let protocol = port.field("protocol");
        if !["HTTPS", "TLS"].contains(&protocol.text().to_ascii_uppercase().as_str()) {
            let message = format!("TLS needs the protocol `HTTPS` or `TLS`, found `{}`", shorten(protocol.text()));
            findings.invalid(&settings.path, message, "");
        }
        tls::server(&settings, findings);
    }
    let pool = listener.field("connectionPool");
    connections(&pool, about, findings);
    let http = ["HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"];
    let protocol = port.field("protocol").text().to_ascii_uppercase();
    if pool.field("http").is() && !http.contains(&protocol.as_str()) {
        let message = format!("has no effect on a port that speaks `{}`", shorten(&protocol));
        findings.doubtful(&pool.field("http").path, message, "");
    }
}

fn connections(pool: &At<'_>, about: &About, findings: &mut Findings<'_>) {
    let Some(node) = pool.node else { return };
    let place = Place { node, path: &pool.path };
    if let Some(settings) = ConnectionPoolSettings::read(place, &mut Reader::new(about, findings.report)) {
        connection_pool::check(&settings, &pool.path, findings);
    }
}

fn egress_listener(listener: &At<'_>, ports: &mut Names, findings: &mut Findings<'_>) {
    let (port, bind) = (listener.field("port"), listener.field("bind"));
    if !port.is() {
        return;
    }
    name_and_protocol(&port, findings);
    let number = port.field("number");
    if number.number() == 0.0 {
        let capture = listener.field("captureMode");
        match bind.text().strip_prefix("unix://") {
            None => findings.invalid(&port.path, "port 0 is for a socket", "write `bind: unix:///path`"),
            Some(path) => {
                if let Err(wrong) = socket_path(path) {
                    findings.invalid(&bind.path, wrong, "");
                }
            }
        }
        if !["", "DEFAULT", "NONE"].contains(&capture.text()) {
            findings.invalid(&capture.path, "a socket is captured by `DEFAULT` or `NONE`", "");
        }
        if !ports.add(bind.text()) {
            findings.invalid(&listener.path, "another listener has the same socket", "");
        }
        return;
    }
    if !is_port(&number) {
        findings.invalid(&number.path, "expected a port from 1 to 65535", "");
    }
    address(&bind, findings);
    unique(&port, ports, findings);
}

/// What Istio knows; nothing at all is found out by proxies.
const PROTOCOLS: [&str; 13] =
    ["", "HTTP", "HTTPS", "HTTP2", "HTTP_PROXY", "GRPC", "GRPC-WEB", "TCP", "TLS", "UDP", "MONGO", "MYSQL", "REDIS"];

fn name_and_protocol(port: &At<'_>, findings: &mut Findings<'_>) {
    let (name, protocol, target) = (port.field("name"), port.field("protocol"), port.field("targetPort"));
    if !name.text().is_empty() && !is_label(name.text()) {
        findings.invalid(&name.path, format!("`{}` is not a port's name", shorten(name.text())), "");
    }
    if !PROTOCOLS.contains(&protocol.text().to_ascii_uppercase().as_str()) {
        let message = format!("`{}` is not a protocol", shorten(protocol.text()));
        findings.invalid(if protocol.is() { &protocol.path } else { &port.path }, message, "write `HTTP`, `TCP`, ...");
    }
    if target.number() > 0.0 {
        findings.invalid(&target.path, "`targetPort` has no meaning in a Sidecar", "remove it");
    }
}

fn unique(port: &At<'_>, ports: &mut Names, findings: &mut Findings<'_>) {
    let number = port.field("number").number();
    if !ports.add(&number.to_string()) {
        findings.invalid(&port.path, format!("another listener has the port {number} as well"), "");
    }
}

fn address(bind: &At<'_>, findings: &mut Findings<'_>) {
    if !bind.text().is_empty() && !is_address(bind.text()) {
        findings.invalid(&bind.path, format!("`{}` is not an IP address", shorten(bind.text())), "");
    }
}

fn is_port(number: &At<'_>) -> bool {
    (1.0..=65_535.0).contains(&number.number())
}

fn default_endpoint(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    if let Some(path) = text.strip_prefix("unix://") {
        return socket_path(path);
    }
    let Some((host, port)) = text.rsplit_once(':') else { return Err(format!("`{}` has no port", shorten(text))) };
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').ok_or_else(|| format!("`{}` has no `]`", shorten(text)))?,
        None if host.contains(':') => return Err(format!("an IPv6 address stands in brackets: `{}`", shorten(text))),
        None => host,
    };
    if !["", "127.0.0.1", "0.0.0.0", "::1", "::"].contains(&host) {
        return Err(format!("`{}` is not this machine", shorten(host)));
    }
    match port.parse::<u32>() {
        Ok(1..=65_535) => Ok(()),
        _ => Err(format!("expected a port from 1 to 65535, found `{}`", shorten(port))),
    }
}

/// `NAMESPACE/HOST`, of which none is in another.
fn hosts(listener: &At<'_>, namespace: &str, findings: &mut Findings<'_>) {
    let list = listener.field("hosts");
    if list.items().next().is_none() && list.is() {
        findings.invalid(&list.path, "expected a host at least", "write `./*`, `*/*` or `NAMESPACE/HOST`");
    }
    let (mut seen, mut namespaces) = (Names::new(), Names::new());
    for host in list.items() {
        let Some((from, name)) = host.text().split_once('/') else {
            let message = format!("expected `NAMESPACE/HOST`, found `{}`", shorten(host.text()));
            findings.invalid(&host.path, message, "write `./*`, `*/*` or `NAMESPACE/HOST`");
            continue;
        };
        if let Err(wrong) = namespace_and_host(from, name) {
            findings.invalid(&host.path, wrong, "write `./*`, `*/*` or `NAMESPACE/HOST`");
        }
        if from.starts_with('~') {
            continue;
        }
        let from = if from == "." { namespace } else { from };
        let twice = seen.contains(&format!("{from}/{name}")) || seen.contains(&format!("{from}/*"));
        let wider = name == "*" && namespaces.contains(from);
        if twice || wider {
            findings.doubtful(&host.path, format!("`{}` overlaps with another host", shorten(host.text())), "");
        }
        seen.add(&format!("{from}/{name}"));
        namespaces.add(from);
    }
    if seen.contains("*/*") && namespaces.len() > 1 {
        findings.doubtful(&list.path, "`*/*` is everything, and nothing can be added", "remove the others");
    }
}

/// `ValidateNamespaceSlashWildcardHostname` of a Sidecar.
fn namespace_and_host(namespace: &str, host: &str) -> Result<(), String> {
    let name = namespace.strip_prefix('~').unwrap_or(namespace);
    if namespace.is_empty() || !(["", "*", "."].contains(&name) || is_label(name)) {
        return Err(format!("`{}` is not a namespace, `.`, `*` or `~`", shorten(namespace)));
    }
    if host == "*" {
        return Ok(());
    }
    if is_partial_wildcard(host) {
        return Err(format!("`{}` has a `*` within a label, which a Sidecar does not know", shorten(host)));
    }
    wildcard_domain(host)
}

fn outbound(policy: &At<'_>, findings: &mut Findings<'_>) {
    let proxy = policy.field("egressProxy");
    if !proxy.is() {
        return;
    }
    if policy.field("mode").text() != "ALLOW_ANY" {
        findings.invalid(&proxy.path, "`egressProxy` is for the mode `ALLOW_ANY`", "");
        return;
    }
    let (host, port) = (proxy.field("host"), proxy.field("port"));
    if let Err(wrong) = domain(host.text()) {
        findings.invalid(if host.is() { &host.path } else { &proxy.path }, wrong, "");
    }
    if !port.is() {
        findings.invalid(&proxy.path, "`port` is missing", "write `port: {number: 80}`");
    } else if !is_port(&port.field("number")) {
        findings.invalid(&port.path, "expected a port from 1 to 65535", "");
    }
    let subset = proxy.field("subset");
    if !subset.text().is_empty() && !is_label(subset.text()) {
        findings.invalid(&subset.path, format!("`{}` is not a subset's name", shorten(subset.text())), "");
    }
}
