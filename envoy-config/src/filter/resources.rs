//! The resources that a module is told, from the documents that people wrote.

use serde_json::{Map, Number, Value};
use shared::load::{self, Node};
use shared::model::{Resource, Resources};

/// What `kubectl apply` leaves behind: the whole resource once more, as text.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The resources of a set that modules act on, as JSON: without status, and without endpoints, which are Envoy's.
pub fn resources(set: &Resources) -> Vec<Value> {
    let mut all = Vec::new();
    all.extend(set.virtual_services.iter().map(document));
    all.extend(set.destination_rules.iter().map(document));
    all.extend(set.gateways.iter().map(document));
    all.extend(set.service_entries.iter().map(document).map(|mut entry| {
        if let Some(Value::Object(spec)) = entry.get_mut("spec") {
            spec.remove("endpoints");
        }
        entry
    }));
    all.extend(set.services.iter().map(document));
    all
}

fn document<T>(resource: &Resource<T>) -> Value {
    let mut document = Map::new();
    for key in ["apiVersion", "kind", "spec"] {
        if let Some(node) = resource.tree.get(key) {
            document.insert(key.to_owned(), json(node));
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
    Value::Object(document)
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
