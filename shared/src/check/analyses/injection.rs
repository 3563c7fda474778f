//! Namespaces and Pods that get Istio's sidecar, or do not (istioctl's `injection.Analyzer`, `ImageAnalyzer`,
//! `ImageAutoAnalyzer`).

use super::world::{Item, World, get, list, pairs, proxy_image, text};
use crate::Map;
use crate::finding::{Code, Report, Severity};
use crate::load::{Node, Value};
use crate::names::ROOT_NAMESPACE;

const INJECTION: &str = "istio-injection";
const REVISION: &str = "istio.io/rev";
const DATAPLANE: &str = "istio.io/dataplane-mode";

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    namespaces(world, report);
    images(world, report);
    automatic(world, report);
}

fn namespaces(world: &World<'_>, report: &mut Report) {
    let mut injected: Vec<&str> = Vec::new();
    for namespace in world.of("Namespace").iter().filter(|one| one.name != ROOT_NAMESPACE) {
        let labels = namespace.labels();
        let (injection, revision) = (get(&labels, INJECTION), get(&labels, REVISION));
        let others = [(REVISION, revision), (DATAPLANE, get(&labels, DATAPLANE))];
        let said = others.iter().filter(|(_, value)| value.is_some() && injection.is_none_or(|word| word == "enabled"));
        let mut findings = namespace.findings(report);
        if usize::from(injection.is_some()) + said.count() > 1 {
            let code = Code::NamespaceMultipleInjectionLabels;
            let message = "several labels say whether sidecars are put in, and which acts is not defined";
            findings.analysis(Severity::Warning, code, "metadata.labels", message, "keep one of them");
        }
        if get(&labels, DATAPLANE) == Some("ambient") {
            continue;
        }
        if injection.unwrap_or_default().is_empty() && revision.is_none() {
            let map = injector(revision.unwrap_or_default());
            let by_default = world.of("ConfigMap").iter().find(|one| one.name == map).is_some_and(injects_by_default);
            let (code, message) = match by_default {
                true => {
                    (Code::NamespaceInjectionEnabledByDefault, "it gets sidecars, since Istio puts them in by default")
                }
                false => (Code::NamespaceNotInjected, "its Pods get no sidecar of Istio's"),
            };
            let hint = "label it `istio-injection: enabled`, or `disabled` where that is meant";
            findings.analysis(Severity::Info, code, "metadata.labels", message, hint);
            continue;
        }
        if injection == Some("enabled") {
            injected.push(namespace.name);
        }
    }
    for pod in world.of("Pod").iter().filter(|pod| injected.contains(&pod.namespace)) {
        const INJECT: &str = "sidecar.istio.io/inject";
        let (labels, annotations) = (pod.labels(), pod.annotations());
        let word = get(&labels, INJECT).or_else(|| get(&annotations, INJECT)).unwrap_or_default();
        let spec = pod.tree.get("spec");
        let on_host = spec.and_then(|spec| spec.get("hostNetwork")).is_some_and(|node| node.value == Value::Bool(true));
        if !word.eq_ignore_ascii_case("false") && !on_host && proxy_image(spec, true).is_none() {
            let message = "it has no sidecar of Istio's, though its namespace is to have them";
            let hint = "restart it";
            pod.findings(report).analysis(Severity::Warning, Code::PodMissingProxy, "metadata.name", message, hint);
        }
    }
}

fn injector(revision: &str) -> String {
    match revision {
        "" | "default" => "istio-sidecar-injector".to_owned(),
        _ => format!("istio-sidecar-injector-{revision}"),
    }
}

/// The `values` of a ConfigMap, which are JSON in a string.
fn values(map: &Item<'_>) -> Option<Node> {
    crate::load::json(map.tree.at("data")?.text("values")?.as_bytes()).ok()
}

fn injects_by_default(map: &Item<'_>) -> bool {
    let values = values(map);
    let flag = values.as_ref().and_then(|values| values.at("sidecarInjectorWebhook.enableNamespacesByDefault"));
    flag.is_some_and(|flag| flag.value == Value::Bool(true))
}

/// Sidecars of another version than would be put in now.
fn images(world: &World<'_>, report: &mut Report) {
    let maps = world.of("ConfigMap").iter().filter(|map| map.name.starts_with("istio-sidecar-injector"));
    let maps: Map<String> = maps.map(|map| (map.name.to_owned(), image(map))).collect();
    if maps.is_empty() {
        return;
    }
    for namespace in world.of("Namespace") {
        let labels = namespace.labels();
        let revision = match (get(&labels, REVISION), get(&labels, INJECTION)) {
            (Some(revision), _) => revision,
            (None, Some("enabled")) => "default",
            _ => continue,
        };
        let Some(expected) = maps.get(&injector(revision)) else { continue };
        let other = |pod: &&Item<'_>| {
            let annotations = pod.annotations();
            let own = get(&annotations, "sidecar.istio.io/proxyImage").unwrap_or_default();
            let variant = format!("{expected}-{}", variant(world, pod));
            let spec = pod.tree.get("spec");
            let containers = |name: &str| list(spec.and_then(|spec| spec.get(name))).iter();
            let proxies = containers("containers").chain(containers("initContainers"));
            let mut images = proxies
                .filter(|one| one.text("name") == Some("istio-proxy"))
                .map(|one| one.text("image").unwrap_or_default());
            pod.namespace == namespace.name
                && own.is_empty()
                && images.any(|image| image != expected.as_str() && image != variant)
        };
        let names: Vec<&str> = world.of("Pod").iter().filter(other).map(|pod| pod.name).collect();
        if !names.is_empty() {
            let message = format!("its Pods `{}` run another sidecar than `{expected}`", names.join("`, `"));
            let code = Code::PodsIstioProxyImageMismatchInNamespace;
            namespace.findings(report).analysis(Severity::Warning, code, "metadata.name", message, "restart them");
        }
    }
}

fn image(map: &Item<'_>) -> String {
    let values = values(map);
    let word = |path: &str| text(values.as_ref().and_then(|values| values.at(path))).to_owned();
    let image = word("global.proxy.image");
    if image.contains('/') { image } else { format!("{}/{image}:{}", word("global.hub"), word("global.tag")) }
}

/// `distroless`, where a ProxyConfig or an annotation asks for it.
fn variant<'a>(world: &World<'a>, pod: &Item<'a>) -> String {
    let mut variant = "";
    let labels = pod.labels();
    let mut take = |item: &Item<'a>| {
        let word = item.text("spec.image.imageType");
        if !word.is_empty() {
            variant = word;
        }
    };
    let configs = || world.of("ProxyConfig").iter();
    let selects = |item: &Item<'a>| item.tree.at("spec.selector").is_some();
    configs().filter(|item| item.namespace == world.root_namespace).for_each(&mut take);
    configs().filter(|item| item.namespace == pod.namespace && !selects(item)).for_each(&mut take);
    let mine = |item: &&Item<'a>| {
        let wanted = pairs(item.tree.at("spec.selector.matchLabels"));
        item.namespace == pod.namespace && selects(item) && super::world::carries(&labels, &wanted)
    };
    configs().filter(mine).for_each(&mut take);
    let annotations = pod.annotations();
    let own = get(&annotations, "proxy.istio.io/config").and_then(|text| text.split_once("imageType:"));
    let own = own.map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default());
    let word = own.map_or(variant, |own| own.trim_matches(['"', '\'', '}', ',']));
    if word == "default" { String::new() } else { word.to_owned() }
}

/// `image: auto`, where nobody puts another in its place.
fn automatic(world: &World<'_>, report: &mut Report) {
    let is_auto = |spec: Option<&Node>| proxy_image(spec, false) == Some("auto");
    for pod in world.of("Pod").iter().filter(|pod| is_auto(pod.tree.get("spec"))) {
        let message = "`image: auto` was not replaced: nobody put a sidecar in";
        let code = Code::ImageAutoWithoutInjectionError;
        pod.findings(report).analysis(Severity::Error, code, "spec.containers", message, "restart it");
    }
    for deployment in world.of("Deployment").iter().filter(|one| is_auto(one.tree.at("spec.template.spec"))) {
        let labels = pairs(deployment.tree.at("spec.template.metadata.labels"));
        let namespace = world.namespace(deployment.namespace).map(Item::labels).unwrap_or_default();
        let hooks = world.of("MutatingWebhookConfiguration").iter().flat_map(|one| list(one.tree.get("webhooks")));
        let mut hooks = hooks.filter(|hook| hook.text("name").is_some_and(|name| name.ends_with("istio.io")));
        let injects = |hook: &Node| {
            super::control_plane::selects(hook.get("namespaceSelector"), &namespace)
                && super::control_plane::selects(hook.get("objectSelector"), &labels)
        };
        if !hooks.any(injects) {
            let message = "nobody replaces `image: auto`: no webhook of Istio's selects these Pods";
            let code = Code::ImageAutoWithoutInjectionWarning;
            let path = "spec.template.spec.containers";
            let hint = "label the namespace `istio-injection: enabled`";
            deployment.findings(report).analysis(Severity::Warning, code, path, message, hint);
        }
    }
}
