//! References that lead nowhere: gateways, hosts, ports and subsets that nobody defines (istioctl's
//! `virtualservice.GatewayAnalyzer`, `DestinationHostAnalyzer`, `DestinationRuleAnalyzer`).

use super::Findings;
use super::clusters::{self, Listeners};
use super::partly::Partly;
use crate::finding::{Code, Origin, Report, Severity};
use crate::model::http_route::Destination;
use crate::model::read::{Path, nearest, shorten};
use crate::model::{DestinationRule, Resource, Resources, ServiceEntry, VirtualService};
use crate::names::{self, MESH};
use crate::registry::{MeshService, Registry};
use crate::{Map, Names};

const NOT_FOUND: (Severity, Origin, Code) = (Severity::Error, Origin::Analysis, Code::ReferencedResourceNotFound);
const PORT_NEEDED: (Severity, Origin, Code) =
    (Severity::Error, Origin::Analysis, Code::VirtualServiceDestinationPortSelectorRequired);
const UNKNOWN_HOST: (Severity, Origin, Code) = (Severity::Warning, Origin::Analysis, Code::UnknownDestinationRuleHost);

const NOBODY_SELECTED: (Severity, Origin, Code) =
    (Severity::Error, Origin::Analysis, Code::DestinationRuleSubsetNotSelectPods);

/// So many names are compared with one that nobody defines.
const MOST_COMPARED: usize = 200;

/// The subsets of each host.
type Subsets = Map<Names>;

pub(super) fn check(set: &Resources, registry: &Registry, report: &mut Report) {
    let gateways: Names = set.gateways.iter().map(|gateway| gateway.meta.full_name()).collect();
    let partly = Partly::of(set);
    let mut subsets = Subsets::new();
    for rule in &set.destination_rules {
        let host = names::resolve_host(&rule.spec.host, rule.meta.namespace());
        if registry.answering(&host).is_none() && !registry.iter().any(|service| names::covers(&host, &service.host)) {
            let path = Path::Key(&Path::Root, "spec");
            let message = format!("no service of this set is called `{host}`");
            let hint = similar(&rule.spec.host, rule.meta.namespace(), registry);
            Findings::new(rule, report).push(UNKNOWN_HOST, &Path::Key(&path, "host"), message, hint);
        }
        if let Some(service) = registry.get(&host) {
            if let Some(name) = &service.external_name {
                let message = format!("this rule has no effect: requests to `{host}` go to the cluster of `{name}`");
                let path = Path::Key(&Path::Root, "spec");
                let hint = format!("write `host: {name}`");
                Findings::new(rule, report).warn(Code::NoCluster, &Path::Key(&path, "host"), message, hint);
            }
            check_namespace(rule, service, &set.mesh.root_namespace, report);
            if !partly.service(&host) {
                check_endpoints(&rule.spec, service, &mut Findings::new(rule, report));
            }
        }
        subsets.change(host, |names| {
            rule.spec.subsets.iter().for_each(|subset| _ = names.add(&subset.name));
        });
    }
    let mut empty = Names::new();
    for entry in &set.service_entries {
        check_capitals(entry, &mut Findings::new(entry, report));
    }
    for service in &set.virtual_services {
        let mut findings = Findings::new(service, report);
        check_gateways(service, &gateways, &mut findings);
        let spec = Path::Key(&Path::Root, "spec");
        let http = Path::Key(&spec, "http");
        let listeners = Listeners::of(service, set, registry);
        for (index, rule) in service.spec.http.iter().enumerate() {
            let here = Path::Index(&http, index);
            let namespace = service.meta.namespace();
            let mut check = |destination: &Destination, path: &Path<'_>| {
                if check_destination(destination, namespace, registry, &partly, path, &mut findings) {
                    listeners.check(rule, destination, namespace, path, &mut findings);
                    clusters::check_endpoints(destination, namespace, registry, &mut empty, path, &mut findings);
                }
                if !partly.subsets(&names::resolve_host(&destination.host, namespace)) {
                    check_subset(destination, namespace, registry, &subsets, path, &mut findings);
                }
            };
            let route = Path::Key(&here, "route");
            for (index, way) in rule.route.iter().enumerate() {
                let here = Path::Index(&route, index);
                check(&way.destination, &Path::Key(&here, "destination"));
            }
            if let Some(destination) = &rule.mirror {
                check(destination, &Path::Key(&here, "mirror"));
            }
            let mirrors = Path::Key(&here, "mirrors");
            for (index, mirror) in rule.mirrors.iter().enumerate() {
                check(&mirror.destination, &Path::Key(&Path::Index(&mirrors, index), "destination"));
            }
        }
    }
}

/// A rule that stands neither beside its service nor in the root namespace: Istio asks for it on the way of few.
fn check_namespace(rule: &Resource<DestinationRule>, service: &MeshService, root: &str, report: &mut Report) {
    let (own, theirs) = (rule.meta.namespace(), service.namespace.as_str());
    if own == theirs || own == root {
        return;
    }
    let message = format!("only proxies in the namespace `{own}` see this rule: `{}` is in `{theirs}`", service.host);
    let hint = format!("for all proxies give it `namespace: {theirs}`");
    let spec = Path::Key(&Path::Root, "spec");
    let level = (Severity::Info, Origin::Sailcloth, Code::OwnNamespaceAlone);
    Findings::new(rule, report).push(level, &Path::Key(&spec, "host"), message, hint);
}

/// Hosts in capitals: istiod calls the service's clusters by them, and leads requests of the mesh to names in lower case.
fn check_capitals(entry: &Resource<ServiceEntry>, findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let path = Path::Key(&spec, "hosts");
    for (index, host) in entry.spec.hosts.iter().enumerate() {
        let lower = host.to_ascii_lowercase();
        if lower != *host {
            let message = format!(
                "requests of the mesh for `{}` are answered with 503, unless a VirtualService leads them elsewhere: they \
                 are sent to `{}`, and that is another service to Istio",
                shorten(host),
                shorten(&lower)
            );
            findings.warn(
                Code::NeverMatches,
                &Path::Index(&path, index),
                message,
                format!("write `{}`", shorten(&lower)),
            );
        }
    }
}

/// Subsets without endpoints, where the set says who the endpoints are (istioctl's `PodNotSelectedAnalyzer`).
fn check_endpoints(rule: &DestinationRule, service: &MeshService, findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let path = Path::Key(&spec, "subsets");
    for (index, subset) in rule.subsets.iter().enumerate() {
        // Those labels come from the nodes, which no set has.
        let by_node =
            subset.labels.names().any(|key| key.starts_with("topology.") || key.starts_with("kubernetes.io/"));
        if by_node || service.endpoints.is_empty() || service.endpoints.iter().any(|one| one.carries(&subset.labels)) {
            continue;
        }
        let message = format!("no endpoint of `{}` has the labels of the subset `{}`", service.host, subset.name);
        let here = Path::Index(&path, index);
        let hint = "requests to it are answered with 503";
        findings.push(NOBODY_SELECTED, &Path::Key(&here, "labels"), message, hint);
    }
}

fn check_gateways(service: &Resource<VirtualService>, known: &Names, findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let path = Path::Key(&spec, "gateways");
    for (index, name) in service.spec.gateways.iter().enumerate() {
        let full = names::resolve_gateway(name, service.meta.namespace());
        // Of Istio's own ones `analyses` says another thing.
        if full == MESH || known.contains(&full) || name.contains(names::INTERNAL_GATEWAY) {
            continue;
        }
        let own = full.rsplit('/').next().unwrap_or(&full);
        let elsewhere = known.names().take(MOST_COMPARED).find(|known| known.rsplit('/').next() == Some(own));
        let hint = match nearest(&full, known.names().take(MOST_COMPARED).cloned()) {
            _ if elsewhere.is_some() => format!("`{}` exists: write that", elsewhere.map_or("", String::as_str)),
            Some(name) => format!("did you mean `{name}`?"),
            None if known.is_empty() => "there is no Gateway in this set".into(),
            None => format!("the Gateways are {}", known.names().take(5).cloned().collect::<Vec<_>>().join(", ")),
        };
        let message = format!("the Gateway `{}` is not in this set", shorten(&full));
        findings.push(NOT_FOUND, &Path::Index(&path, index), message, hint);
    }
}

/// Whether it is fine as far as names go, and all is known of the service.
fn check_destination(
    destination: &Destination,
    namespace: &str,
    registry: &Registry,
    partly: &Partly,
    path: &Path<'_>,
    findings: &mut Findings<'_>,
) -> bool {
    let host = names::resolve_host(&destination.host, namespace);
    // A ServiceEntry for `*` is refused, so it answers for nobody.
    let Some(service) = registry.answering(&host).filter(|service| service.host != "*") else {
        let message = match host == destination.host {
            true => format!("no service of this set is called `{}`", shorten(&host)),
            false => format!("no service of this set is called `{}`, which is `{host}`", shorten(&destination.host)),
        };
        // Comparing takes its time, and a set that is wrong in so many places needs another kind of help.
        let few = findings.report.findings().len() < MOST_COMPARED;
        let hint = if few { similar(&destination.host, namespace, registry) } else { String::new() };
        findings.push(NOT_FOUND, &Path::Key(path, "host"), message, hint);
        return false;
    };
    if partly.service(&service.host) {
        return false;
    }
    let ports = || service.ports.iter().map(|port| port.number.to_string()).collect::<Vec<_>>().join(", ");
    match &destination.port {
        // Which ports a Service of type `ExternalName` lists does not matter to who names one.
        Some(port)
            if service.port(port.number).is_none() && !service.ports.is_empty() && service.external_name.is_none() =>
        {
            let message = format!("`{}` has no port {}", shorten(&destination.host), port.number);
            let here = Path::Key(path, "port");
            findings.push(NOT_FOUND, &Path::Key(&here, "number"), message, format!("its ports are {}", ports()));
            false
        }
        None if service.ports.len() > 1 => {
            let message = format!("`{}` has several ports: {}", shorten(&destination.host), ports());
            findings.push(PORT_NEEDED, path, message, "add `port: {number: ...}`");
            false
        }
        _ => true,
    }
}

/// What the user may have meant by a host that nobody defines.
pub(super) fn similar(host: &str, namespace: &str, registry: &Registry) -> String {
    // `reviews.prod` is a name of its own, and not short for the service in that namespace.
    let full = format!("{host}.svc.{}", names::DOMAIN);
    if registry.get(&full).is_some() {
        return format!("write `{full}`");
    }
    let cut_short = format!("{host}.{}", names::DOMAIN);
    if registry.get(&cut_short).is_some() {
        return format!("write `{cut_short}`");
    }
    if !host.contains('.') && registry.get(host).is_some() {
        // A destination's name without a dot is completed; a ServiceEntry's host is not.
        let whole = names::resolve_host(host, namespace);
        return format!("a ServiceEntry's host without a dot is out of reach: there write `{whole}`");
    }
    if let Some(service) = elsewhere(host, registry) {
        let theirs = &service.namespace;
        return format!("`{}` exists: write that, or give this resource `namespace: {theirs}`", service.host);
    }
    let own = format!(".{namespace}.svc.{}", names::DOMAIN);
    let known = registry
        .iter()
        .take(MOST_COMPARED)
        .map(|service| service.host.strip_suffix(&own).unwrap_or(&service.host).to_owned());
    match nearest(host, known) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "define it with a ServiceEntry or a Service".into(),
    }
}

/// The service of this short name in another namespace.
fn elsewhere<'a>(host: &str, registry: &'a Registry) -> Option<&'a MeshService> {
    let in_cluster = |service: &&MeshService| {
        let rest = service.host.strip_prefix(host).and_then(|rest| rest.strip_prefix('.'));
        let rest = rest.and_then(|rest| rest.strip_suffix(names::DOMAIN)).and_then(|rest| rest.strip_suffix(".svc."));
        rest.is_some_and(|namespace| !namespace.is_empty() && !namespace.contains('.'))
    };
    if host.contains('.') { None } else { registry.iter().find(in_cluster) }
}

fn check_subset(
    destination: &Destination,
    namespace: &str,
    registry: &Registry,
    subsets: &Subsets,
    path: &Path<'_>,
    findings: &mut Findings<'_>,
) {
    let Some(subset) = destination.subset.as_deref().filter(|subset| !subset.is_empty()) else { return };
    let host = names::resolve_host(&destination.host, namespace);
    let leads = registry.get(&host).and_then(|service| service.external_name.clone());
    let said = leads.as_ref().unwrap_or(&destination.host);
    let host = leads.as_ref().unwrap_or(&host);
    let own = subsets.get(host);
    let wild = || subsets.iter().filter(|(pattern, _)| pattern.starts_with('*') && names::covers(pattern, host));
    if own.is_some_and(|names| names.contains(subset)) || wild().any(|(_, names)| names.contains(subset)) {
        return;
    }
    let known = || own.into_iter().flat_map(Names::names).take(MOST_COMPARED).cloned();
    let hint = match nearest(subset, known()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if own.is_none() => {
            let other = elsewhere(&destination.host, registry).filter(|_| registry.get(host).is_none());
            match other.filter(|other| subsets.get(&other.host).is_some_and(|names| names.contains(subset))) {
                Some(other) => format!("`{}` has it", other.host),
                None => format!("add a DestinationRule for `{}`", shorten(said)),
            }
        }
        None if known().next().is_none() => format!("add it to the DestinationRule of `{}`", shorten(said)),
        None => format!("its subsets are {}", known().take(10).collect::<Vec<_>>().join(", ")),
    };
    let message = format!("no DestinationRule defines the subset `{}` of `{}`", shorten(subset), shorten(said));
    findings.push(NOT_FOUND, &Path::Key(path, "subset"), message, hint);
}
