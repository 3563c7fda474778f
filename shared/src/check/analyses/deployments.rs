//! Deployments and Pods (istioctl's `ServiceAssociationAnalyzer`, `ApplicationUIDAnalyzer`).

use super::world::{Item, World, carries, get, list, pairs, proxy_image, text, whole};
use crate::Map;
use crate::finding::{Code, Report, Severity};
use crate::load::Node;

/// Istio's own.
const PROXY_USER: i64 = 1337;

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    for (kind, spec) in [("Pod", "spec"), ("Deployment", "spec.template.spec")] {
        for item in world.of(kind).iter().filter(|item| !is_control_plane(item)) {
            user(item, spec, report);
        }
    }
    for deployment in world.of("Deployment") {
        services(world, deployment, report);
    }
}

/// Parts of Istio itself.
pub(super) fn is_control_plane(item: &Item<'_>) -> bool {
    let labels = item.labels();
    get(&labels, "istio").is_some() || get(&labels, "release") == Some("istio")
}

/// Who runs as Istio's proxy does is not captured.
fn user(item: &Item<'_>, path: &str, report: &mut Report) {
    let Some(spec) = item.tree.at(path) else { return };
    let runs = |node: &Node| whole(node.at("securityContext.runAsUser")) == Some(PROXY_USER);
    let own = |one: &Node| ["istio-proxy", "istio-operator"].contains(&one.text("name").unwrap_or_default());
    let containers = list(spec.get("containers")).iter().enumerate();
    let container =
        containers.filter(|(_, one)| !own(one) && runs(one)).map(|(index, _)| format!("{path}.containers[{index}]"));
    let at = runs(spec).then(|| path.to_owned()).into_iter().chain(container).next();
    if let Some(at) = at {
        let message = format!("the user {PROXY_USER} is that of Istio's proxy: what runs as it is not captured");
        let path = format!("{at}.securityContext.runAsUser");
        item.findings(report).analysis(Severity::Warning, Code::InvalidApplicationUID, &path, message, "take another");
    }
}

/// Services that say different things of one port.
fn services(world: &World<'_>, deployment: &Item<'_>, report: &mut Report) {
    let template = deployment.tree.at("spec.template");
    let labels = pairs(template.and_then(|node| node.at("metadata.labels")));
    let annotations = pairs(template.and_then(|node| node.at("metadata.annotations")));
    let spec = template.and_then(|node| node.get("spec"));
    let own = deployment.labels();
    let waypoint = get(&own, "gateway.istio.io/managed") == Some("istio.io-mesh-controller");
    let proxy = proxy_image(spec, false);
    if waypoint || !world.is_in_mesh(deployment.namespace, &labels, &annotations, proxy) {
        return;
    }
    let mut protocols: Map<Vec<(String, String)>> = Map::new();
    let mut targets: Map<Vec<(i64, String)>> = Map::new();
    for service in world.of("Service").iter().filter(|service| service.namespace == deployment.namespace) {
        let selector = pairs(service.tree.at("spec.selector"));
        if selector.is_empty() || !carries(&labels, &selector) {
            continue;
        }
        for port in service.list("spec.ports") {
            let number = whole(port.get("port")).unwrap_or_default();
            let protocol = match text(port.get("protocol")) {
                "" => "TCP",
                word => word,
            };
            protocols.change(number.to_string(), |list| list.push((protocol.to_owned(), service.name.to_owned())));
            let target = match (text(port.get("targetPort")), whole(port.get("targetPort"))) {
                (name, _) if !name.is_empty() => name.to_owned(),
                (_, Some(target)) if target != 0 => target.to_string(),
                _ => number.to_string(),
            };
            targets.change(target, |list| list.push((number, service.name.to_owned())));
        }
    }
    let mut findings = deployment.findings(report);
    for (port, said) in protocols.iter() {
        if said.iter().any(|(protocol, _)| said.iter().any(|(other, _)| other != protocol)) {
            let message = format!("Services give port {port} of these Pods several protocols: {}", names(said));
            let code = Code::DeploymentAssociatedToMultipleServices;
            findings.analysis(Severity::Warning, code, "metadata.name", message, "give it one protocol");
        }
    }
    for (target, said) in targets.iter() {
        if said.iter().any(|(port, _)| said.iter().any(|(other, _)| other != port)) {
            let message = format!("Services lead several ports to {target} of these Pods: {}", names(said));
            let code = Code::DeploymentConflictingPorts;
            findings.analysis(Severity::Warning, code, "metadata.name", message, "let them be the same port");
        }
    }
}

fn names<T>(said: &[(T, String)]) -> String {
    let mut names: Vec<&str> = said.iter().map(|(_, name)| name.as_str()).collect();
    names.dedup();
    format!("`{}`", names.join("`, `"))
}
