//! The resources that a module is told, from the documents that people wrote.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value, json};
use shared::load::{self, Node};
use shared::model::{Meta, Resource, Resources};
use shared::names;
use shared::plan::guard::{Detector, detected};

/// What `kubectl apply` leaves behind: the whole resource once more, as text.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The resources of a set that modules act on, as JSON: without status, and without endpoints, which are Envoy's. Where
/// modules carry `outlierDetection` out, they are told the endpoints of the services that it takes.
pub fn resources(set: &Resources, detector: Detector) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(set.virtual_services.iter().map(document));
    all.extend(set.destination_rules.iter().map(document));
    all.extend(set.gateways.iter().map(document));
    let needed = detected(set, detector).into_iter().filter(|destination| destination.listed);
    let hosts: BTreeSet<String> = needed.map(|destination| destination.host).collect();
    let is_detected = |host: &str, meta: &Meta| hosts.contains(&names::resolve_host(host, meta.namespace()));
    // Namespaces in which WorkloadEntries and Pods stand for a ServiceEntry, or EndpointSlices and Pods for a Service.
    let (mut selected, mut sliced) = (BTreeSet::new(), BTreeSet::new());
    all.extend(set.service_entries.iter().map(|entry| {
        let mut told = document(entry);
        if !entry.spec.hosts.iter().any(|host| is_detected(host, &entry.meta)) {
            if let Some(Value::Object(spec)) = told.get_mut("spec") {
                spec.remove("endpoints");
            }
        } else if entry.spec.workload_selector.is_some() {
            selected.insert(entry.meta.namespace());
        }
        told
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
    all.extend(slices.map(|it| Value::Object(picked(it, &["endpoints", "ports"]))));
    let near = |meta: &Meta| selected.contains(meta.namespace()) || sliced.contains(meta.namespace());
    all.extend(set.pods.iter().filter(|pod| near(&pod.meta)).map(|pod| {
        let mut told = picked(pod, &[]);
        let ip = pod.spec.status.as_ref().and_then(|status| status.pod_i_p.as_ref());
        told.insert("status".to_owned(), json!({"podIP": ip}));
        let containers = pod.spec.spec.iter().flat_map(|spec| &spec.containers);
        let ports = containers.flat_map(|container| &container.ports);
        let ports: Vec<_> =
            ports.map(|port| json!({"name": port.name, "containerPort": port.container_port.get()})).collect();
        told.insert("spec".to_owned(), json!({"containers": [{"ports": ports}]}));
        Value::Object(told)
    }));
    all
}

fn document<T>(resource: &Resource<T>) -> Value {
    Value::Object(picked(resource, &["spec"]))
}

/// What identifies a resource, and these parts of it.
fn picked<T>(resource: &Resource<T>, parts: &[&str]) -> Map<String, Value> {
    let mut document = Map::new();
    for key in ["apiVersion", "kind"].iter().chain(parts) {
        if let Some(node) = resource.tree.get(key) {
            document.insert((*key).to_owned(), json(node));
        }
    }
    let mut meta = Map::new();
    for key in ["name", "namespace", "labels", "annotations", "creationTimestamp"] {
        if let Some(node) = resource.tree.get("metadata").and_then(|meta| meta.get(key)) {
            meta.insert(key.to_owned(), json(node));
        }
    }
    if let Some(Value::Object(annotations)) = meta.get_mut("annotations") {
        annotations.remove(LAST_APPLIED);
    }
    document.insert("metadata".to_owned(), Value::Object(meta));
    document
}

/// A tree as JSON. A number that JSON does not have becomes null, which the model refuses with a finding.
fn json(node: &Node) -> Value {
    match &node.value {
        load::Value::Null => Value::Null,
        load::Value::Bool(value) => Value::Bool(*value),
        load::Value::Integer(value) => Value::from(*value),
        load::Value::Float(value) => Number::from_f64(*value).map_or(Value::Null, Value::Number),
        load::Value::Text(text) => Value::String(text.clone()),
        load::Value::List(_) | load::Value::Later(_) => {
            Value::Array(node.items().into_iter().flatten().map(|item| json(&item)).collect())
        }
        load::Value::Map(entries) => {
            Value::Object(entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect())
        }
    }
}
