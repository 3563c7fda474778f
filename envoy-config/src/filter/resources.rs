//! The resources that a module is told, from the documents that people wrote.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::model::{Meta, Resource, Resources};
use shared::names;
use shared::plan::guard::{Detector, detected};

use crate::json::Json;

/// What `kubectl apply` leaves behind: the whole resource once more, as text.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The resources of a set that modules act on, as JSON: without status, and without endpoints, which are Envoy's. Where
/// modules carry `outlierDetection` out, they are told the endpoints of the services that it takes.
pub fn resources(set: &Resources, detector: Detector) -> Vec<Value> {
    told(set, detector).into_iter().map(Value::from).collect()
}

/// The same, before it is written.
pub(super) fn told(set: &Resources, detector: Detector) -> Vec<Json<'_>> {
    let mut all = Vec::new();
    all.extend(set.virtual_services.iter().map(document));
    all.extend(set.destination_rules.iter().map(document));
    all.extend(set.gateways.iter().map(document));
    all.extend(set.sidecars.iter().map(document));
    let needed = detected(set, detector).into_iter().filter(|destination| destination.listed);
    let hosts: BTreeSet<String> = needed.map(|destination| destination.host).collect();
    let is_detected = |host: &str, meta: &Meta| hosts.contains(&names::resolve_host(host, meta.namespace()));
    // Namespaces in which WorkloadEntries and Pods stand for a ServiceEntry, or EndpointSlices and Pods for a Service.
    let (mut selected, mut sliced) = (BTreeSet::new(), BTreeSet::new());
    all.extend(set.service_entries.iter().map(|entry| {
        let mut left_out: &[&str] = &[];
        if !entry.spec.hosts.iter().any(|host| is_detected(host, &entry.meta)) {
            left_out = &["endpoints"];
        } else if entry.spec.workload_selector.is_some() {
            selected.insert(entry.meta.namespace());
        }
        let mut told = picked(entry, &[]);
        if let Some(spec) = entry.tree.get("spec") {
            told.push(("spec", Json::without(spec, left_out).unwrap_or(Json::Node(spec))));
        }
        Json::Object(told)
    }));
    for service in &set.services {
        all.push(document(service));
        if is_detected(&service.meta.name, &service.meta) {
            sliced.insert(service.meta.namespace());
        }
    }
    let workloads = set.workload_entries.iter().filter(|it| selected.contains(it.meta.namespace()));
    all.extend(workloads.map(document));
    let slices = set.endpoint_slices.iter().filter(|it| sliced.contains(it.meta.namespace()));
    all.extend(slices.map(|it| Json::Object(picked(it, &["endpoints", "ports"]))));
    let near = |meta: &Meta| selected.contains(meta.namespace()) || sliced.contains(meta.namespace());
    all.extend(set.pods.iter().filter(|pod| near(&pod.meta)).map(|pod| {
        let mut told = picked(pod, &[]);
        let ip = pod.spec.status.as_ref().and_then(|status| status.pod_i_p.as_ref());
        told.push(("status", Json::Value(json!({"podIP": ip}))));
        let containers = pod.spec.spec.iter().flat_map(|spec| &spec.containers);
        let ports = containers.flat_map(|container| &container.ports);
        let ports: Vec<_> =
            ports.map(|port| json!({"name": port.name, "containerPort": port.container_port.get()})).collect();
        told.push(("spec", Json::Value(json!({"containers": [{"ports": ports}]}))));
        Json::Object(told)
    }));
    all
}

fn document<T>(resource: &Resource<T>) -> Json<'_> {
    Json::Object(picked(resource, &["spec"]))
}

/// What identifies a resource, and these parts of it.
fn picked<'a, T>(resource: &'a Resource<T>, parts: &[&'static str]) -> Vec<(&'a str, Json<'a>)> {
    let tops = ["apiVersion", "kind"].iter().chain(parts);
    let mut document: Vec<(&str, Json<'_>)> =
        tops.filter_map(|key| Some((*key, Json::Node(resource.tree.get(key)?)))).collect();
    let mut meta = Vec::new();
    for key in ["name", "namespace", "labels", "annotations", "creationTimestamp"] {
        if let Some(node) = resource.tree.get("metadata").and_then(|meta| meta.get(key)) {
            let kept = if key == "annotations" { Json::without(node, &[LAST_APPLIED]) } else { None };
            meta.push((key, kept.unwrap_or(Json::Node(node))));
        }
    }
    document.push(("metadata", Json::Object(meta)));
    document
}
