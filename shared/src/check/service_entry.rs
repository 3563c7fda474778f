//! A ServiceEntry or a WorkloadEntry by itself (Istio's `ValidateServiceEntry`, `validateWorkloadEntry`).

use super::name::{domain, is_address, is_label, is_partial_wildcard, socket_path, wildcard_domain};
use super::rule::not_a_label;
use super::{Findings, matches};
use crate::Names;
use crate::model::read::{Path, shorten};
use crate::model::service_entry::Resolution;
use crate::model::{ServiceEntry, WorkloadEntry};

const PROTOCOLS: [&str; 12] =
    ["tcp", "udp", "grpc", "grpc-web", "http", "http_proxy", "http2", "https", "tls", "mongo", "redis", "mysql"];

/// Protocols that carry a host's name, so that hosts can share a port (`IsHTTP`, `IsTLS`).
const NAMED: [&str; 7] = ["http", "http2", "http_proxy", "grpc", "grpc-web", "https", "tls"];

pub(super) fn check(entry: &ServiceEntry, findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let resolution = entry.resolution.unwrap_or(Resolution::None);
    hosts(entry, resolution, &Path::Key(&spec, "hosts"), findings);
    ports(entry, resolution, &spec, findings);
    endpoints(entry, resolution, &spec, findings);
}

fn hosts(entry: &ServiceEntry, resolution: Resolution, path: &Path<'_>, findings: &mut Findings<'_>) {
    if resolution == Resolution::DynamicDns && findings.has("spec.addresses[0]") {
        let message = "`addresses` cannot stand beside the resolution `DYNAMIC_DNS`";
        findings.invalid(&Path::Key(&Path::Key(&Path::Root, "spec"), "addresses"), message, "remove them");
    }
    if entry.hosts.is_empty() {
        findings.invalid(path, "a ServiceEntry needs at least one host", "");
    }
    for (index, host) in entry.hosts.iter().enumerate() {
        let here = Path::Index(path, index);
        if host == "*" {
            findings.invalid(
                &here,
                "the host `*` is not allowed in a ServiceEntry",
                "write `*.suffix`, or name the hosts",
            );
        } else if let Err(wrong) = wildcard_domain(host) {
            findings.invalid(&here, wrong, "");
        } else if resolution == Resolution::DynamicDns && !host.starts_with('*') {
            let message = format!("`DYNAMIC_DNS` needs hosts that begin with `*`, found `{host}`");
            findings.invalid(&here, message, "for one host use `resolution: DNS`");
        } else if matches!(resolution, Resolution::Dns | Resolution::DnsRoundRobin)
            && entry.endpoints.is_empty()
            && domain(host).is_err()
        {
            let message = format!("`{host}` cannot be asked of DNS, and there are no endpoints");
            findings.invalid(&here, message, "add `endpoints`, or use `resolution: DYNAMIC_DNS`");
        } else if resolution != Resolution::DynamicDns && is_partial_wildcard(host) {
            let message = format!("`{host}` matches nothing: `*` stands for whole labels, as in `*.example.com`");
            findings.doubtful(&here, message, "");
        }
    }
}

fn ports(entry: &ServiceEntry, resolution: Resolution, spec: &Path<'_>, findings: &mut Findings<'_>) {
    let path = Path::Key(spec, "ports");
    let (mut names, mut numbers) = (Names::new(), Names::new());
    for (index, port) in entry.ports.iter().enumerate() {
        let here = Path::Index(&path, index);
        if !is_label(&port.name) {
            findings.invalid(&Path::Key(&here, "name"), not_a_label(&port.name), "");
        } else if !names.add(&port.name) {
            let message = format!("the port name `{}` is already defined", port.name);
            findings.invalid(&Path::Key(&here, "name"), message, "give each port its own name");
        }
        if !numbers.add(&port.number.to_string()) {
            let message = format!("the port {} is already defined", port.number);
            findings.invalid(&Path::Key(&here, "number"), message, "");
        }
        let protocol = port.protocol.as_deref().unwrap_or_default().to_ascii_lowercase();
        let here = Path::Key(&here, "protocol");
        if !protocol.is_empty() && !PROTOCOLS.contains(&protocol.as_str()) {
            let message = format!("`{}` is not a protocol", shorten(port.protocol.as_deref().unwrap_or_default()));
            findings.invalid(
                &here,
                message,
                "use one of HTTP, HTTP2, GRPC, GRPC-WEB, HTTPS, TLS, TCP, MONGO, REDIS, MYSQL",
            );
        } else if resolution == Resolution::DynamicDns && !["http", "tls", "grpc", "http2"].contains(&protocol.as_str())
        {
            findings.invalid(&here, "`DYNAMIC_DNS` needs the protocol HTTP, HTTP2, GRPC or TLS", "");
        } else if resolution != Resolution::None && entry.hosts.len() > 1 && !NAMED.contains(&protocol.as_str()) {
            let message = "several hosts cannot share a port that speaks neither HTTP nor TLS";
            findings.invalid(&here, message, "make a ServiceEntry for each host");
        }
    }
}

fn endpoints(entry: &ServiceEntry, resolution: Resolution, spec: &Path<'_>, findings: &mut Findings<'_>) {
    let path = Path::Key(spec, "endpoints");
    if entry.workload_selector.is_some() {
        if !entry.endpoints.is_empty() {
            findings.invalid(&path, "cannot stand beside `workloadSelector`", "keep one of them");
        }
        selector(entry, resolution, &Path::Key(spec, "workloadSelector"), findings);
    }
    if entry.endpoints.is_empty() {
        return;
    }
    match resolution {
        Resolution::None => {
            let message = "endpoints have no effect with the resolution `NONE`, which is the default";
            return findings.invalid(&path, message, "add `resolution: STATIC`, or `DNS` for names");
        }
        Resolution::DynamicDns => {
            return findings.invalid(&path, "endpoints have no effect with the resolution `DYNAMIC_DNS`", "");
        }
        Resolution::DnsRoundRobin if entry.endpoints.len() > 1 => {
            findings.invalid(&path, "`DNS_ROUND_ROBIN` takes one endpoint", "use `resolution: DNS`");
        }
        Resolution::DnsRoundRobin | Resolution::Dns | Resolution::Static => {}
    }
    let names: Names = entry.ports.iter().map(|port| port.name.clone()).collect();
    for (index, endpoint) in entry.endpoints.iter().enumerate() {
        workload(endpoint, Some(&names), resolution != Resolution::Static, &Path::Index(&path, index), findings);
    }
}

/// `ValidateAlphaWorkloadSelector`.
fn selector(entry: &ServiceEntry, resolution: Resolution, path: &Path<'_>, findings: &mut Findings<'_>) {
    let labels = entry.workload_selector.iter().flat_map(|selector| &selector.labels);
    let here = Path::Key(path, "labels");
    for (key, value) in labels {
        let wrong = match (key.as_str(), value) {
            ("", _) => "expected a label's key, found an empty string".to_owned(),
            (key, value) if key.contains('*') || value.contains('*') => {
                format!("`*` has no meaning in the label `{}`", shorten(key))
            }
            _ => continue,
        };
        findings.invalid(&Path::Key(&here, key), wrong, "");
    }
    if entry.workload_selector.as_ref().is_some_and(|selector| selector.labels.is_empty()) {
        findings.doubtful(path, "a selector without labels selects everything in the namespace", "");
    }
    if resolution == Resolution::None {
        let message = "`workloadSelector` has no effect with the resolution `NONE`, which is the default";
        findings.doubtful(path, message, "add `resolution: STATIC`");
    }
}

/// A WorkloadEntry, which some ServiceEntry may select.
pub(super) fn check_workload(entry: &WorkloadEntry, findings: &mut Findings<'_>) {
    workload(entry, None, true, &Path::Key(&Path::Root, "spec"), findings);
}

fn workload(
    endpoint: &WorkloadEntry,
    names: Option<&Names>,
    names_allowed: bool,
    path: &Path<'_>,
    findings: &mut Findings<'_>,
) {
    let address = endpoint.address.as_deref().unwrap_or_default();
    let here = Path::Key(path, "address");
    if address.is_empty() {
        // With a network it stands for that network's gateway, whose address no DNS is asked for.
        if (names_allowed && names.is_some()) || !findings.says(&format!("{path}.network")) {
            findings.invalid(path, "`address` is missing", "");
        }
    } else if let Some(socket) = address.strip_prefix("unix://") {
        if let Err(wrong) = socket_path(socket) {
            findings.invalid(&here, wrong, "");
        } else if names_allowed && names.is_some() {
            findings.invalid(&here, "a socket needs the resolution `STATIC`", "");
        }
        // Kubernetes asks whether they are there, and not what is in them.
        if findings.has(&format!("{path}.ports")) {
            findings.invalid(&Path::Key(path, "ports"), "a socket has no ports", "");
        }
        if names.is_some_and(|names| names.len() != 1) {
            findings.invalid(&here, "a socket needs a ServiceEntry with exactly one port", "");
        }
    } else if !is_address(address) {
        if !names_allowed {
            let message = format!("expected an IP address with the resolution `STATIC`, found `{}`", shorten(address));
            findings.invalid(&here, message, "use `resolution: DNS` for names");
        } else if domain(address).is_err() {
            let message = format!("`{}` is neither an IP address nor a host", shorten(address));
            findings.invalid(&here, message, "");
        }
    }
    let ports = Path::Key(path, "ports");
    for name in endpoint.ports.names() {
        let here = Path::Key(&ports, name);
        if names.is_some_and(|names| !names.contains(name.as_str())) {
            let known = names.into_iter().flat_map(Names::names).cloned();
            let hint = crate::model::read::nearest(name, known).map(|name| format!("did you mean `{name}`?"));
            let message = format!("the ServiceEntry has no port called `{}`", shorten(name));
            findings.invalid(&here, message, hint.unwrap_or_default());
        } else if !is_label(name) {
            findings.invalid(&here, not_a_label(name), "");
        }
    }
    matches::labels(&endpoint.labels, &Path::Key(path, "labels"), findings);
}
