//! Whom policies select: nobody, the same workload twice, or a gateway that asks for `targetRefs` (istioctl's
//! `sidecar.SelectorAnalyzer`, `telemetry.SelectorAnalyzer` and `DefaultSelectorAnalyzer`,
//! `AuthorizationPoliciesAnalyzer`, `k8sgateway.SelectorAnalyzer`, `JWTClaimRouteAnalyzer`).

use super::world::{Item, Pairs, Workload, World, carries, get, list, pairs, proxy_image, shown, text};
use crate::finding::{Code, Report, Severity};
use crate::load::{Node, Value};
use crate::model::read::shorten;
use crate::names::{self, MESH, ROOT_NAMESPACE};

const NOT_FOUND: Code = Code::ReferencedResourceNotFound;

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    overlaps(world, &SIDECARS, report);
    overlaps(world, &TELEMETRIES, report);
    for policy in world.of("AuthorizationPolicy") {
        authorization(world, policy, report);
    }
    for kind in ["AuthorizationPolicy", "RequestAuthentication", "Telemetry", "WasmPlugin"] {
        for policy in world.of(kind) {
            gateway_api(world, policy, report);
        }
    }
    for service in world.of("VirtualService") {
        claims(world, service, report);
    }
}

/// A kind of which one is for a workload.
struct Kind {
    name: &'static str,
    selector: &'static str,
    labels: &'static str,
    overlapping: Code,
    without: Code,
}

const SIDECARS: Kind = Kind {
    name: "Sidecar",
    selector: "spec.workloadSelector",
    labels: "spec.workloadSelector.labels",
    overlapping: Code::ConflictingSidecarWorkloadSelectors,
    without: Code::MultipleSidecarsWithoutWorkloadSelectors,
};

const TELEMETRIES: Kind = Kind {
    name: "Telemetry",
    selector: "spec.selector",
    labels: "spec.selector.matchLabels",
    overlapping: Code::ConflictingTelemetryWorkloadSelectors,
    without: Code::MultipleTelemetriesWithoutWorkloadSelectors,
};

fn overlaps(world: &World<'_>, kind: &Kind, report: &mut Report) {
    let all = world.of(kind.name);
    let selectors: Vec<Pairs<'_>> = all.iter().map(|item| pairs(item.tree.at(kind.labels))).collect();
    for (item, selector) in all.iter().zip(&selectors) {
        let mut findings = item.findings(report);
        // A Telemetry with an empty selector is neither.
        let is_without = match kind.name {
            "Telemetry" => item.tree.at(kind.selector).is_none_or(|node| node.value == Value::Null),
            _ => selector.is_empty(),
        };
        if is_without {
            without(world, kind, item, all, &selectors, &mut findings);
        }
        if selector.is_empty() {
            continue;
        }
        let here: Vec<&Workload<'_>> =
            world.selected(selector).filter(|workload| workload.namespace == item.namespace).collect();
        if here.is_empty() {
            nobody(world, kind.labels, selector, &mut findings);
        }
        for workload in here {
            if kind.name == "Sidecar" && is_ambient(workload) {
                let message = format!("`{}` is in ambient mode, and has no sidecar", workload.name);
                findings.analysis(Severity::Warning, Code::IneffectivePolicy, kind.selector, message, "");
                break;
            }
            let others = all.iter().zip(&selectors).filter(|(other, theirs)| {
                other.namespace == item.namespace && !theirs.is_empty() && carries(&workload.labels, theirs)
            });
            let names: Vec<&str> = others.map(|(other, _)| other.name).filter(|name| *name != item.name).collect();
            if !names.is_empty() {
                let message = format!("`{}` selects `{}` as well", names.join("`, `"), workload.name);
                let hint = "which of them acts is not defined; make them one";
                findings.analysis(Severity::Error, kind.overlapping, kind.selector, message, hint);
                break;
            }
        }
    }
}

fn nobody(world: &World<'_>, path: &str, selector: &[(&str, &str)], findings: &mut super::Findings<'_>) {
    let message = format!("no workload of this namespace has the labels `{}`", shorten(&shown(selector)));
    let severity = if world.knows_workloads { Severity::Error } else { Severity::Info };
    findings.analysis(severity, NOT_FOUND, path, message, "");
}

/// Several without a selector in one namespace.
fn without(
    world: &World<'_>,
    kind: &Kind,
    item: &Item<'_>,
    all: &[Item<'_>],
    selectors: &[Pairs<'_>],
    findings: &mut super::Findings<'_>,
) {
    let labels = world.namespace(item.namespace).map(Item::labels).unwrap_or_default();
    let has = |key: &str| get(&labels, key).unwrap_or_default();
    let ambient = has("istio.io/dataplane-mode") == "ambient"
        && has("istio-injection") != "enabled"
        && has("istio.io/rev").is_empty();
    if kind.name == "Sidecar" && ambient {
        let message = format!("the namespace `{}` is in ambient mode, and has no sidecars", item.namespace);
        findings.analysis(Severity::Warning, Code::IneffectivePolicy, "spec", message, "");
        return;
    }
    let names: Vec<&str> = all
        .iter()
        .zip(selectors)
        .filter(|(other, theirs)| {
            let none = other.tree.at(kind.selector).is_none_or(|node| node.value == Value::Null);
            other.namespace == item.namespace
                && other.name != item.name
                && theirs.is_empty()
                && (none || kind.name == "Sidecar")
        })
        .map(|(other, _)| other.name)
        .collect();
    if !names.is_empty() {
        let message = format!("`{}` is for the whole namespace as well", names.join("`, `"));
        let hint = "which of them acts is not defined; make them one, or give them selectors";
        findings.analysis(Severity::Error, kind.without, "spec", message, hint);
    }
}

fn is_ambient(workload: &Workload<'_>) -> bool {
    get(&workload.annotations, "ambient.istio.io/redirection") == Some("enabled")
}

fn authorization(world: &World<'_>, policy: &Item<'_>, report: &mut Report) {
    let selector = policy.tree.at("spec.selector").filter(|node| node.value != Value::Null);
    let labels = pairs(selector.and_then(|selector| selector.field("matchLabels")));
    let everywhere = policy.namespace == world.root_namespace;
    let is_there = |workload: &Workload<'_>| {
        let proxy = proxy_image(workload.spec, true);
        let meshed = || world.is_in_mesh(workload.namespace, &workload.labels, &workload.annotations, proxy);
        let known = workload.pod.is_some() || workload.spec.is_some();
        known && (everywhere || workload.namespace == policy.namespace) && (meshed() || is_ambient(workload))
    };
    let mut findings = policy.findings(report);
    let of_all = everywhere && selector.is_none();
    if !of_all && !world.selected(&labels).any(is_there) {
        // Who has a whole namespace in mind asks for nobody in particular, and its Pods are seldom all in the set.
        let asks = selector.is_some() && world.knows_workloads;
        let severity = if asks { Severity::Warning } else { Severity::Info };
        let message = match labels.is_empty() {
            true => format!("the namespace `{}` has no workload of the mesh in this set", policy.namespace),
            false => format!("no workload of the mesh has the labels `{}`", shorten(&shown(&labels))),
        };
        let path = if selector.is_some() { "spec.selector" } else { "spec" };
        findings.analysis(severity, Code::NoMatchingWorkloadsFound, path, message, "");
    }
    for (rule, node) in policy.list("spec.rules").iter().enumerate() {
        for (from, node) in list(node.field("from")).iter().enumerate() {
            let source = node.field("source");
            for field in ["namespaces", "notNamespaces"] {
                for (index, name) in list(source.and_then(|source| source.field(field))).iter().enumerate() {
                    let name = text(Some(name));
                    if name.is_empty()
                        || world.of("Namespace").iter().any(|one| is_meant(one.name, name))
                        || name == "*"
                    {
                        continue;
                    }
                    let known = !world.of("Namespace").is_empty();
                    let severity = if known { Severity::Error } else { Severity::Info };
                    let path = format!("spec.rules[{rule}].from[{from}].source.{field}[{index}]");
                    let message = format!("there is no Namespace `{}` in this set", shorten(name));
                    findings.analysis(severity, NOT_FOUND, &path, message, "");
                }
            }
        }
    }
}

fn is_meant(name: &str, pattern: &str) -> bool {
    if let Some(end) = pattern.strip_prefix('*') {
        name.ends_with(end)
    } else if let Some(start) = pattern.strip_suffix('*') {
        name.starts_with(start)
    } else {
        name.eq_ignore_ascii_case(pattern)
    }
}

/// Pods of the Gateway API are reached by `targetRefs` alone.
fn gateway_api(world: &World<'_>, policy: &Item<'_>, report: &mut Report) {
    const GATEWAY: &str = "gateway.networking.k8s.io/gateway-name";
    let Some(selector) = policy.tree.at("spec.selector").filter(|node| node.value != Value::Null) else { return };
    if policy.tree.at("spec.targetRef").is_some() {
        return;
    }
    let labels = pairs(selector.field("matchLabels"));
    let gateway = world.selected(&labels).find_map(|workload| {
        let gateway = get(&workload.labels, GATEWAY)?;
        (workload.namespace == policy.namespace && workload.pod.is_some()).then_some(gateway)
    });
    if let Some(gateway) = gateway {
        let message = format!("the selector has no effect on the Gateway `{gateway}` of the Gateway API");
        let hint = "name it with `targetRefs`";
        policy.findings(report).analysis(Severity::Warning, Code::IneffectiveSelector, "spec.selector", message, hint);
    }
}

/// Matches on claims of a token that nobody has verified.
fn claims(world: &World<'_>, service: &Item<'_>, report: &mut Report) {
    let rules = service.list("spec.http").iter();
    let Some(claim) = rules.flat_map(|rule| list(rule.field("match"))).find_map(claim_of) else { return };
    for (index, gateway) in service.list("spec.gateways").iter().enumerate() {
        let name = names::resolve_gateway(text(Some(gateway)), service.namespace);
        let Some((namespace, name)) = name.split_once('/').filter(|_| name != MESH) else { continue };
        let Some(gateway) = world.find("Gateway", namespace, name) else { continue };
        let selector = pairs(gateway.tree.at("spec.selector"));
        let unverified = world.selected(&selector).find(|workload| {
            !world.of("RequestAuthentication").iter().any(|policy| {
                let labels = pairs(policy.tree.at("spec.selector.matchLabels"));
                [ROOT_NAMESPACE, workload.namespace].contains(&policy.namespace) && carries(&workload.labels, &labels)
            })
        });
        if let Some(workload) = unverified {
            let message = format!(
                "`{}` is a claim that no RequestAuthentication verifies at `{}`",
                shorten(claim),
                workload.name
            );
            let path = format!("spec.gateways[{index}]");
            let code = Code::JwtClaimBasedRoutingWithoutRequestAuthN;
            service.findings(report).analysis(Severity::Error, code, &path, message, "add a RequestAuthentication");
        }
    }
}

/// A claim that a match asks for.
fn claim_of(at: &Node) -> Option<&str> {
    ["headers", "withoutHeaders"].into_iter().find_map(|field| match at.field(field).map(|node| &node.value) {
        Some(Value::Map(entries)) => entries.iter().map(|entry| entry.key.as_str()).find(|key| is_claim(key)),
        _ => None,
    })
}

/// `@request.auth.claims.NAME` or `@request.auth.claims[NAME]`.
fn is_claim(header: &str) -> bool {
    const PREFIX: &str = "@request.auth.claims";
    let (Some(head), Some(rest)) = (header.get(..PREFIX.len()), header.get(PREFIX.len()..)) else { return false };
    let named = |start: char, end: &str| rest.starts_with(start) && rest.ends_with(end) && rest.len() > 1 + end.len();
    head.eq_ignore_ascii_case(PREFIX) && (named('.', "") || named('[', "]"))
}
