//! A Gateway by itself (Istio's `ValidateGateway`).

use super::Findings;
use super::name::{is_address, is_label, is_partial_wildcard, socket_path, wildcard_domain};
use super::rule::not_a_label;
use crate::Names;
use crate::load::Value;
use crate::model::gateway::{Protocol, Server};
use crate::model::read::{Path, shorten};
use crate::model::{Gateway, Resource};

pub(super) fn check(resource: &Resource<Gateway>, findings: &mut Findings<'_>) {
    if !is_label(&resource.meta.name) {
        let metadata = Path::Key(&Path::Root, "metadata");
        findings.invalid(&Path::Key(&metadata, "name"), not_a_label(&resource.meta.name), "");
    }
    let spec = Path::Key(&Path::Root, "spec");
    let servers = Path::Key(&spec, "servers");
    if resource.spec.servers.is_empty() {
        findings.invalid(&servers, "a Gateway needs at least one server", "");
    }
    let mut names = Names::new();
    for (index, server) in resource.spec.servers.iter().enumerate() {
        let here = Path::Index(&servers, index);
        let port = Path::Key(&here, "port");
        match server.port.name.as_deref().filter(|name| !name.is_empty()) {
            None => findings.invalid(&port, "`name` is missing", "give each port a name, such as `http`"),
            Some(name) => {
                if !names.add(name) {
                    let message = format!("the port name `{}` is already used by another server", shorten(name));
                    findings.invalid(&Path::Key(&port, "name"), message, "give each port its own name");
                }
            }
        }
        let target = findings.resource.tree().at(&format!("{port}.targetPort")).map(|node| &node.value);
        if !matches!(target, None | Some(Value::Null | Value::Integer(0))) {
            let message = "`targetPort` has no effect in a Gateway";
            findings.invalid(&Path::Key(&port, "targetPort"), message, "remove it");
        }
        bind(server, &here, findings);
        hosts(server, &Path::Key(&here, "hosts"), findings);
        tls(server, &here, findings);
    }
}

/// `validateServerPort`, `validateServerBind`.
fn bind(server: &Server, path: &Path<'_>, findings: &mut Findings<'_>) {
    let here = Path::Key(path, "bind");
    let bind = findings.resource.tree().at(&here.to_string()).map(|node| &node.value);
    let bind = if let Some(Value::Text(text)) = bind { text.clone() } else { String::new() };
    let (port, number) = (Path::Key(path, "port"), server.port.number.0);
    let port = Path::Key(&port, "number");
    match bind.strip_prefix("unix://") {
        Some(socket) => {
            if !socket.starts_with('@')
                && let Err(wrong) = socket_path(socket)
            {
                findings.invalid(&here, wrong, "");
            }
            if number.is_some() {
                findings.invalid(&port, "a socket in the file system has no port", "write `number: 0`");
            }
        }
        None => {
            if number.is_none() {
                findings.invalid(&port, "expected a whole number from 1 to 65535, found the number `0`", "");
            }
            if !bind.is_empty() && !is_address(&bind) {
                let message = format!("`{}` is not an IP address", shorten(&bind));
                findings.invalid(&here, message, "a socket in the file system is written `unix:///run/gateway.sock`");
            }
        }
    }
}

fn tls(server: &Server, path: &Path<'_>, findings: &mut Findings<'_>) {
    let here = Path::Key(path, "tls");
    let is_http = server.port.protocol.is_http();
    let is_tls = matches!(server.port.protocol, Protocol::Https | Protocol::Tls);
    match &server.tls {
        None if is_tls => {
            let message = "a server that speaks HTTPS or TLS needs `tls`";
            findings.invalid(path, message, "add `tls: {mode: SIMPLE, credentialName: ...}`");
        }
        Some(_) if is_http => {
            // Only the redirect is allowed there. An absent mode is PASSTHROUGH.
            let mode = findings.resource.tree().at(&format!("{here}.mode"));
            let opens = match mode.map(|node| &node.value) {
                Some(Value::Text(mode)) => !["PASSTHROUGH", "AUTO_PASSTHROUGH"].contains(&mode.as_str()),
                _ => false,
            };
            let certificates = ["caCertificates", "privateKey", "serverCertificate"];
            if opens || certificates.iter().any(|field| findings.says(&format!("{here}.{field}"))) {
                let message = "a server that speaks plain HTTP cannot open TLS";
                findings.invalid(&here, message, "set the port's protocol to `HTTPS`");
            }
        }
        Some(_) if !is_tls => {
            findings.invalid(&here, "a server that does not speak HTTPS or TLS cannot have `tls`", "");
        }
        _ => {}
    }
    if !is_http && server.tls.as_ref().is_some_and(|tls| tls.https_redirect) {
        let message = "`httpsRedirect` is for servers that speak plain HTTP";
        findings.doubtful(&Path::Key(&here, "httpsRedirect"), message, "");
    }
}

/// `ValidateNamespaceSlashWildcardHostname`.
fn hosts(server: &Server, path: &Path<'_>, findings: &mut Findings<'_>) {
    if server.hosts.is_empty() {
        findings.invalid(path, "a server needs at least one host", "for every host write `hosts: ['*']`");
    }
    for (index, entry) in server.hosts.iter().enumerate() {
        let here = Path::Index(path, index);
        let host = match entry.split_once('/') {
            Some((namespace, host)) => {
                if !["*", "."].contains(&namespace) && !is_label(namespace) {
                    let message = format!("`{}` is not a namespace, `*` or `.`", shorten(namespace));
                    findings.invalid(&here, message, "a host is written `namespace/host` or `host`");
                }
                host
            }
            None => entry,
        };
        if is_address(host) && host.contains('.') {
            continue;
        }
        if let Err(wrong) = wildcard_domain(host) {
            findings.invalid(&here, wrong, "");
        } else if is_partial_wildcard(host) {
            let message = format!("`{host}` is not a host: `*` stands for whole labels, as in `*.example.com`");
            findings.invalid(&here, message, "");
        } else if host != "*" && !host.contains('.') {
            let message = format!("`{host}` is a short name, expected one with a dot, or `*`");
            findings.invalid(&here, message, "");
        }
    }
}
