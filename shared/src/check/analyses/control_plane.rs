//! Istio's own installation, where a set holds parts of it (istioctl's `webhook.Analyzer`,
//! `ExternalControlPlaneAnalyzer`, `BlockedCIDRsAnalyzer`, `CRDVersionAnalyzer`, `FieldAnalyzer`, `ProviderAnalyzer`).

use super::super::name::is_address;
use super::world::{Item, World, carries, get, list, pairs, text};
use crate::finding::{Code, Report, Severity};
use crate::load::{Node, Value};
use crate::model::read::shorten;

const REVISION: &str = "istio.io/rev";

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    webhooks(world, report);
    external(world, report);
    tokens(world, report);
    for definition in world.of("CustomResourceDefinition") {
        definitions(definition, report);
    }
    for sidecar in
        world.of("Sidecar").iter().filter(|one| one.tree.at("spec.outboundTrafficPolicy.egressProxy").is_some())
    {
        let path = "spec.outboundTrafficPolicy.egressProxy";
        sidecar.findings(report).analysis(Severity::Warning, Code::Deprecated, path, "`egressProxy` is deprecated", "");
    }
    for telemetry in world.of("Telemetry") {
        for (index, logging) in telemetry.list("spec.accessLogging").iter().enumerate() {
            let disabled = logging.get("disabled").is_some_and(|node| node.value == Value::Bool(true));
            if !disabled && list(logging.get("providers")).is_empty() {
                let message = "without `providers` nothing is logged, where the mesh has none by default";
                let path = format!("spec.accessLogging[{index}]");
                let hint = "write `providers: [{name: envoy}]`";
                let code = Code::InvalidTelemetryProvider;
                telemetry.findings(report).analysis(Severity::Warning, code, &path, message, hint);
            }
        }
    }
}

/// Whether a `labelSelector` takes these labels; none takes all.
pub(super) fn selects(selector: Option<&Node>, labels: &[(&str, &str)]) -> bool {
    let Some(selector) = selector.filter(|node| node.value != Value::Null) else { return true };
    carries(labels, &pairs(selector.get("matchLabels")))
        && list(selector.get("matchExpressions")).iter().all(|expression| {
            let value = get(labels, text(expression.get("key")));
            let listed = |value: &str| list(expression.get("values")).iter().any(|one| text(Some(one)) == value);
            match text(expression.get("operator")) {
                "In" => value.is_some_and(listed),
                "NotIn" => !value.is_some_and(listed),
                "Exists" => value.is_some(),
                "DoesNotExist" => value.is_none(),
                _ => false,
            }
        })
}

/// Labels that something may carry: none, either word of a key, and each with each revision.
fn probes<'a>(key: &'a str, revisions: &[&'a str]) -> Vec<Vec<(&'a str, &'a str)>> {
    let words = if key == "istio-injection" { ["enabled", "disabled"] } else { ["true", "false"] };
    let mut plain: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
    plain.extend(words.map(|word| vec![(key, word)]));
    let mut all = plain.clone();
    for revision in revisions {
        all.extend(plain.iter().map(|labels| labels.iter().copied().chain([(REVISION, *revision)]).collect()));
    }
    all
}

/// A webhook of a resource.
struct Hook<'a> {
    of: &'a Item<'a>,
    index: usize,
    node: &'a Node,
}

fn webhooks(world: &World<'_>, report: &mut Report) {
    let mut revisions: Vec<&str> = Vec::new();
    let mut hooks: Vec<Hook<'_>> = Vec::new();
    for item in world.of("MutatingWebhookConfiguration") {
        let own = item.list("webhooks");
        let labels = item.labels();
        let mut here: Vec<&str> = get(&labels, REVISION).into_iter().collect();
        for selector in
            own.iter().flat_map(|hook| [hook.get("namespaceSelector"), hook.get("objectSelector")]).flatten()
        {
            here.extend(get(&pairs(selector.get("matchLabels")), REVISION));
            let about = list(selector.get("matchExpressions")).iter().filter(|one| text(one.get("key")) == REVISION);
            here.extend(about.flat_map(|one| list(one.get("values"))).map(|value| text(Some(value))));
        }
        if here.is_empty() && !own.iter().any(|hook| text(hook.get("name")).ends_with("istio.io")) {
            continue;
        }
        revisions.extend(here);
        hooks.extend(own.iter().enumerate().map(|(index, node)| Hook { of: item, index, node }));
    }
    let (namespaces, objects) = (probes("istio-injection", &revisions), probes("sidecar.istio.io/inject", &revisions));
    let mut overlapping: Vec<bool> = hooks.iter().map(|_| false).collect();
    for namespace in &namespaces {
        for object in &objects {
            let fits = |hook: &Hook<'_>| {
                selects(hook.node.get("namespaceSelector"), namespace)
                    && selects(hook.node.get("objectSelector"), object)
            };
            if hooks.iter().filter(|hook| fits(hook)).count() > 1 {
                for (hook, overlaps) in hooks.iter().zip(&mut overlapping) {
                    *overlaps |= fits(hook);
                }
            }
        }
    }
    for (hook, overlaps) in hooks.iter().zip(overlapping) {
        let mut findings = hook.of.findings(report);
        let path = format!("webhooks[{}]", hook.index);
        if overlaps {
            let message = "another webhook of Istio's takes some of its Pods as well: they get two sidecars";
            findings.analysis(Severity::Error, Code::InvalidWebhook, &path, message, "keep them apart by labels");
        }
        if let Some(service) = hook.node.at("clientConfig.service") {
            let (namespace, name) = (text(service.get("namespace")), text(service.get("name")));
            if world.find("Service", namespace, name).is_none() {
                let message = format!("there is no Service `{namespace}/{name}` in this set");
                let path = format!("{path}.clientConfig.service");
                findings.analysis(Severity::Error, Code::InvalidWebhook, &path, message, "");
            }
        }
    }
}

/// Webhooks that lead to a control plane elsewhere.
fn external(world: &World<'_>, report: &mut Report) {
    let validating = world.of("ValidatingWebhookConfiguration").iter();
    let validating =
        validating.filter(|one| one.name == "istiod-default-validator" || one.name.starts_with("istio-validator"));
    let mutating = world.of("MutatingWebhookConfiguration").iter();
    let mutating = mutating.filter(|one| one.name.starts_with("istio-sidecar-injector"));
    for item in validating.chain(mutating) {
        for (index, hook) in item.list("webhooks").iter().enumerate() {
            let path = format!("webhooks[{index}].clientConfig.url");
            let mut findings = item.findings(report);
            let url = hook.at("clientConfig.url").filter(|url| url.value != Value::Null);
            let host = url.and_then(|url| host_of(text(Some(url))));
            match (url, host) {
                (None, _) if hook.at("clientConfig.service").is_none() => {
                    let message = "it leads to no control plane: expected `url` or `service`";
                    findings.analysis(Severity::Warning, Code::InvalidExternalControlPlaneConfig, &path, message, "");
                }
                (Some(url), None) => {
                    let message = format!("`{}` is not a URL", shorten(text(Some(url))));
                    findings.analysis(Severity::Warning, Code::InvalidExternalControlPlaneConfig, &path, message, "");
                }
                (Some(_), Some(host)) if is_address(host) => {
                    let message =
                        format!("`{host}` is an address: the control plane can be found no more once it moves");
                    let code = Code::ExternalControlPlaneAddressIsNotAHostname;
                    findings.analysis(Severity::Info, code, &path, message, "write a name");
                }
                _ => {}
            }
        }
    }
}

/// The host of a URL; nothing where it is none that can be read.
fn host_of(url: &str) -> Option<&str> {
    if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') || url.starts_with(':') {
        return None;
    }
    let authority =
        url.split_once("://").map_or("", |(_, rest)| rest).split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => {
            let (host, port) = host.split_once(':').unwrap_or((host, ""));
            port.bytes().all(|byte| byte.is_ascii_digit()).then_some(host)
        }
    }
}

/// A control plane that fetches keys from wherever a RequestAuthentication says.
fn tokens(world: &World<'_>, report: &mut Report) {
    let count = world.of("RequestAuthentication").len();
    if count == 0 {
        return;
    }
    for istiod in world.of("Deployment").iter().filter(|one| get(&one.labels(), "app") == Some("istiod")) {
        let containers = list(istiod.tree.at("spec.template.spec.containers"));
        let bounded = containers.iter().flat_map(|one| list(one.get("env"))).any(|variable| {
            text(variable.get("name")) == "BLOCKED_CIDRS_IN_JWKS_URIS" && !text(variable.get("value")).is_empty()
        });
        if !bounded {
            let message = format!("the keys of {count} RequestAuthentications are fetched from any address");
            let hint = "set `BLOCKED_CIDRS_IN_JWKS_URIS`";
            let (code, path) = (Code::JwksUriFetchUnrestricted, "spec.template.spec.containers");
            istiod.findings(report).analysis(Severity::Warning, code, path, message, hint);
        }
    }
}

/// Kinds of the Gateway API with the version that Istio asks for.
const OLDEST: [(&str, [u32; 3]); 4] = [
    ("grpcroutes.gateway.networking.k8s.io", [1, 1, 0]),
    ("backendtlspolicies.gateway.networking.k8s.io", [1, 4, 0]),
    ("tlsroutes.gateway.networking.k8s.io", [1, 5, 0]),
    ("tcproutes.gateway.networking.k8s.io", [1, 6, 0]),
];

fn definitions(definition: &Item<'_>, report: &mut Report) {
    const VERSION: &str = "gateway.networking.k8s.io/bundle-version";
    let mut findings = definition.findings(report);
    let (group, kind) = (definition.text("spec.group"), definition.text("spec.names.kind"));
    if group == "rbac.istio.io"
        && ["ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding"].contains(&kind)
    {
        let message = format!("Istio has no `{kind}` any more");
        findings.analysis(
            Severity::Warning,
            Code::Deprecated,
            "spec.names.kind",
            message,
            "write an AuthorizationPolicy",
        );
    }
    let annotations = definition.annotations();
    let Some((_, oldest)) = OLDEST.iter().find(|(name, _)| *name == definition.name) else { return };
    let Some(version) = get(&annotations, VERSION) else { return };
    let numbers = version.trim_start_matches('v').split(['-', '+']).next().unwrap_or_default();
    let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
    let mut next = || parts.next().unwrap_or(Some(0));
    if let (Some(major), Some(minor), Some(patch)) = (next(), next(), next())
        && [major, minor, patch] < *oldest
    {
        let [major, minor, patch] = oldest;
        let message =
            format!("Istio passes over this kind in the version {version}: it asks for {major}.{minor}.{patch}");
        let path = format!("metadata.annotations[\"{VERSION}\"]");
        findings.analysis(Severity::Warning, Code::GatewayAPICRDVersionBelowMinimum, &path, message, "");
    }
}
