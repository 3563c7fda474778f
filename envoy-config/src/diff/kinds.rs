//! What is compared of each kind.

use serde_json::Value;
use shared::load::Node;
use shared::model::kinds::Whole;

use super::fields::{self, Field};
use super::{Fact, What, canon, destinations, flow, rules};

/// What Sailcloth looks at in the documents of Kubernetes' own kinds, which have much more.
const OF_KUBERNETES: &[(&str, &[&str])] = &[
    (
        "Service",
        &["spec.ports", "spec.type", "spec.externalName", "spec.clusterIP", "spec.clusterIPs", "spec.selector"],
    ),
    ("EndpointSlice", &["metadata.labels", "endpoints", "ports"]),
    ("Pod", &["metadata.labels", "spec.containers", "status.podIP"]),
    ("Namespace", &["metadata.labels"]),
    ("ConfigMap", &["data"]),
    ("Secret", &["type", "data"]),
];

/// What Sailcloth looks at in the items of their lists.
const OF_ITEMS: &[(&str, &[&str])] = &[
    ("EndpointSlice endpoints", &["addresses", "conditions", "targetRef"]),
    ("Pod spec.containers", &["name", "ports"]),
];

/// Annotations that mean something to Istio or to Sailcloth.
fn is_ours(annotation: &str) -> bool {
    annotation.starts_with("sailcloth.dev/") || annotation.contains("istio.io/")
}

/// What two versions of one resource have otherwise.
pub(super) fn changed(old: &Whole<'_>, new: &Whole<'_>) -> Vec<Fact> {
    let mut out = Vec::new();
    annotations(old.tree, new.tree, &mut out);
    created(old.tree, new.tree, &mut out);
    match OF_KUBERNETES.iter().find(|(kind, _)| *kind == new.kind) {
        Some((kind, parts)) => parts.iter().for_each(|part| compare(kind, part, old.tree, new.tree, &mut out)),
        None => {
            labels_of_workload(new.kind, old.tree, new.tree, &mut out);
            let [was, is] = [old, new].map(|it| it.tree.get("spec").map(canon::canonical).unwrap_or_default());
            let field = whole_field(&was, &is, "spec");
            match new.kind {
                "VirtualService" => rules::virtual_service(&field, new.namespace, &mut out),
                _ => each(&field, &["servers", "subsets", "ports", "endpoints"], &mut out),
            }
        }
    }
    out
}

/// Compares the fields of both; those named here, whose items have names of their own, last.
fn each(field: &Field<'_>, last: &[&str], out: &mut Vec<Fact>) {
    let mut all = field.keys();
    all.sort_by_key(|key| last.contains(key));
    all.into_iter().for_each(|key| fields::compare(&field.child(key), out));
}

fn whole_field<'a>(old: &'a Value, new: &'a Value, path: &str) -> Field<'a> {
    let there = |value: &'a Value| Some(value).filter(|value| !value.is_null());
    let words = if path == "spec" { String::new() } else { path.trim_start_matches("spec.").to_owned() };
    Field { old: there(old), new: there(new), paths: (path.to_owned(), path.to_owned()), words, rule: None }
}

fn compare(kind: &str, part: &str, old: &Node, new: &Node, out: &mut Vec<Fact>) {
    let kept = OF_ITEMS.iter().find(|(name, _)| *name == format!("{kind} {part}")).map(|(_, keys)| *keys);
    let [was, is] = [old, new].map(|tree| {
        let mut value = tree.at(part).map(canon::canonical).unwrap_or_default();
        if let (Some(kept), Some(items)) = (kept, value.as_array_mut()) {
            let objects = items.iter_mut().filter_map(Value::as_object_mut);
            objects.for_each(|item| item.retain(|key, _| kept.contains(&key.as_str())));
        }
        value
    });
    fields::compare(&whole_field(&was, &is, part), out);
}

/// What a resource says by annotations.
fn annotations(old: &Node, new: &Node, out: &mut Vec<Fact>) {
    let [was, is] = [old, new].map(|tree| {
        let mut all = tree.at("metadata.annotations").map(canon::canonical).unwrap_or_default();
        if let Some(all) = all.as_object_mut() {
            all.retain(|key, _| is_ours(key));
        }
        all
    });
    let mut field = whole_field(&was, &is, "metadata.annotations");
    field.words = "annotation ".to_owned();
    let nothing = Value::Object(serde_json::Map::new());
    (field.old, field.new) = (field.old.or(Some(&nothing)), field.new.or(Some(&nothing)));
    fields::compare(&field, out);
}

/// Who is older decides between VirtualServices, as far as both say it.
fn created(old: &Node, new: &Node, out: &mut Vec<Fact>) {
    let [was, is] =
        [old, new].map(|tree| tree.at("metadata.creationTimestamp").map(canon::canonical).unwrap_or_default());
    if !was.is_null() && !is.is_null() {
        fields::compare(&whole_field(&was, &is, "metadata.creationTimestamp"), out);
    }
}

/// The labels of what is selected by its labels.
fn labels_of_workload(kind: &str, old: &Node, new: &Node, out: &mut Vec<Fact>) {
    if kind == "WorkloadEntry" {
        compare(kind, "metadata.labels", old, new, out);
    }
}

/// A resource that is new or gone.
pub(super) fn whole(it: &Whole<'_>, what: What) -> Vec<Fact> {
    let spec = it.tree.get("spec").map(canon::canonical).unwrap_or_default();
    let word = if what == What::Added { "new" } else { "removed" };
    let about = about(it.kind, &spec).map_or(String::new(), |about| format!(", {about}"));
    let there = Some(String::new());
    let paths = if what == What::Added { (None, there) } else { (there, None) };
    vec![Fact {
        rule: None,
        what,
        paths,
        values: (Value::Null, Value::Null),
        words: format!("{word} {}{about}", it.kind),
    }]
}

/// The most important thing about a resource.
fn about(kind: &str, spec: &Value) -> Option<String> {
    let list = |key: &str| spec.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let words = |items: &[Value]| {
        let shown: Vec<String> = items.iter().take(3).map(flow::value).collect();
        let more = if items.len() > 3 { format!(" and {} more", items.len() - 3) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    };
    let count = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    Some(match kind {
        "VirtualService" => {
            let hosts = list("hosts");
            let of = if hosts.is_empty() { String::new() } else { format!(" for {}", words(hosts)) };
            format!("{}{of}", count(list("http").len(), "rule"))
        }
        "DestinationRule" => format!("{}, {}", destinations::host(spec), count(list("subsets").len(), "subset")),
        "ServiceEntry" => words(list("hosts")),
        "Gateway" => {
            let ports = list("servers").iter().filter_map(|it| it.get("port")?.get("number")).map(flow::value);
            let ports: Vec<String> = ports.collect();
            if ports.is_empty() { return None } else { format!("port {}", ports.join(", ")) }
        }
        _ => return None,
    })
}
