//! A VirtualService by itself (Istio's `ValidateVirtualService`).

use super::name::{domain, is_address, is_label, is_sni_of_istio, wildcard_domain};
use super::{Findings, rule};
use crate::Map;
use crate::finding::{Code, Origin, Severity};
use crate::load::Node;
use crate::model::read::{Path, shorten};
use crate::model::{Resource, VirtualService};
use crate::names::{MESH, is_internal_header};
use crate::plan::sticky::{self, Sticky};

pub(super) fn check(resource: &Resource<VirtualService>, findings: &mut Findings<'_>) {
    let service = &resource.spec;
    let spec = Path::Key(&Path::Root, "spec");
    let is_delegate = service.hosts.is_empty() && !resource.gaps.touch("spec.hosts");
    if is_delegate {
        for field in ["gateways", "tls", "tcp"] {
            if findings.has(&format!("spec.{field}[0]")) {
                let message = format!("a VirtualService without `hosts` is a delegate and cannot have `{field}`");
                findings.invalid(&Path::Key(&spec, field), message, "write `hosts`, or remove this field");
            }
        }
    }
    annotations(resource, findings);
    gateways(&service.gateways, &Path::Key(&spec, "gateways"), findings);
    hosts(service, &Path::Key(&spec, "hosts"), findings);
    if service.http.is_empty() && !findings.has("spec.tls[0]") && !findings.has("spec.tcp[0]") {
        findings.invalid(&spec, "no rules: expected `http`, `tls` or `tcp`", "");
    }
    // Istio asks whether any gateway but the mesh is meant, and calls that `appliesToGateway`.
    let on_gateway = !service.gateways.is_empty() && !service.gateways.iter().any(|name| name == MESH);
    let http = Path::Key(&spec, "http");
    for (index, rule) in service.http.iter().enumerate() {
        rule::check(rule, &Path::Index(&http, index), rule::Context { is_delegate, on_gateway }, findings);
    }
}

/// `validateGatewayNames`.
pub(super) fn gateways(names: &[String], path: &Path<'_>, findings: &mut Findings<'_>) {
    for (index, name) in names.iter().enumerate() {
        let here = Path::Index(path, index);
        match name.split_once('/') {
            None => {
                if let Err(wrong) = domain(name) {
                    let message = wrong.replace("a host", "a gateway");
                    findings.invalid(&here, message, "a gateway is named `namespace/name` or `name`");
                } else if let Some((gateway, rest)) = name.split_once('.') {
                    let namespace = rest.split('.').next().unwrap_or(rest);
                    let hint = format!("write `{namespace}/{gateway}`");
                    findings.doubtful(&here, format!("`{name}` is the old form of a name"), hint);
                }
                // Behind a name without a namespace the webhook looks at no more of them.
                return;
            }
            // `resolveGatewayName` understands `./name`, the webhook does not.
            Some((namespace, gateway)) if !is_label(namespace) || !is_label(gateway) => {
                let message = format!("`{name}` is not a gateway, which is named `namespace/name` or `name`");
                let hint = if namespace == "." { format!("write `{gateway}`") } else { String::new() };
                findings.invalid(&here, message, hint);
            }
            Some(_) => {}
        }
    }
}

/// Annotations under `sailcloth.dev/` are ours alone, so whatever is not known there is a mistake.
fn annotations(resource: &Resource<VirtualService>, findings: &mut Findings<'_>) {
    let metadata = Path::Key(&Path::Root, "metadata");
    let all = Path::Key(&metadata, "annotations");
    for (name, value) in resource.meta.annotations.iter().filter(|(name, _)| name.starts_with("sailcloth.dev/")) {
        let path = Path::Key(&all, name);
        let rule = (Severity::Error, Origin::Sailcloth, Code::BadAnnotation);
        if name != sticky::ANNOTATION {
            let hint = format!("known is `{}`", sticky::ANNOTATION);
            findings.push(rule, &path, format!("unknown annotation `{name}`, which has no effect"), hint);
        } else if let Some(header) = value.strip_prefix("header=").filter(|header| is_internal_header(header)) {
            super::headers::internal(header, &path, findings);
        } else if Sticky::parse(value).is_none() {
            let expected = "`cookie=NAME`, `header=NAME`, `query=NAME` or `source-ip`";
            let message = format!("expected {expected}, found `{}`; it has no effect", shorten(value));
            findings.push(rule, &path, message, "");
        }
    }
}

fn hosts(service: &VirtualService, path: &Path<'_>, findings: &mut Findings<'_>) {
    let for_mesh = service.gateways.is_empty() || service.gateways.iter().any(|name| name == MESH);
    let for_sni = !for_mesh && has_sni(findings.resource.tree());
    let mut all_valid = true;
    for (index, host) in service.hosts.iter().enumerate() {
        let wrong = match wildcard_domain(host) {
            Err(_) if for_sni && is_sni_of_istio(host) => continue,
            Err(wrong) if !is_address(host) => wrong,
            Ok(()) if for_mesh && host == "*" => "the host `*` is not allowed for sidecars".into(),
            _ => continue,
        };
        let hint = match host.as_str() {
            "*" => "name the hosts, or set `gateways` to the Gateway that is meant",
            text if text.contains("://") || text.contains('/') => "write the host alone, without scheme and path",
            text if text.contains(':') => "write the host without its port",
            _ => "",
        };
        findings.invalid(&Path::Index(path, index), wrong, hint);
        all_valid = false;
    }
    if all_valid {
        overlapping(&service.hosts, path, findings);
    }
}

/// Whether there is a `tls` rule for names that clients ask for (`isSniHost`).
fn has_sni(tree: &Node) -> bool {
    let matches = |rule: &Node| {
        let has_names =
            |block: &Node| block.field("sniHosts").and_then(Node::items).is_some_and(|names| names.len() > 0);
        rule.field("match").and_then(Node::items).is_some_and(|mut blocks| blocks.any(|block| has_names(&block)))
    };
    let rules = tree.at("spec.tls").and_then(Node::items);
    rules.is_some_and(|mut rules| rules.any(|rule| matches(&rule)))
}

/// Hosts of one VirtualService that take the same requests: the same name twice, or `*.com` beside `a.com`.
fn overlapping(hosts: &[String], path: &Path<'_>, findings: &mut Findings<'_>) {
    // Backwards, so that the names below a suffix stand together; wildcards without their `*`.
    let mut backwards: Map<&str> = Map::new();
    let mut suffixes: Map<&str> = Map::new();
    for (index, host) in hosts.iter().enumerate() {
        let (tail, is_wild) = host.strip_prefix('*').map_or((host.as_str(), false), |tail| (tail, true));
        let reversed: String = tail.chars().rev().collect();
        let ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]).skip(usize::from(!is_wild));
        let above = ends.filter_map(|at| suffixes.get(tail.get(at..)?)).next();
        let below = || {
            let (name, host) = backwards.at_or_after(&reversed)?;
            if is_wild { name.starts_with(&reversed) } else { *name == reversed }.then_some(host)
        };
        if let Some(other) = above.or_else(below) {
            let message = if other == host {
                format!("the host `{host}` stands twice")
            } else {
                format!("the hosts `{host}` and `{other}` overlap")
            };
            findings.invalid(&Path::Index(path, index), message, "keep one of them, or make two VirtualServices");
        }
        backwards.insert(reversed, host);
        if is_wild {
            suffixes.insert(tail.to_owned(), host);
        }
    }
}
