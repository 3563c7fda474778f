//! Every document of a set by its kind, and the workloads that they make known.

use super::super::{About, Findings};
use crate::Map;
use crate::finding::Report;
use crate::load::{Node, Value};
use crate::model::read::Number;
use crate::model::{Resource, Resources};

/// One document.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    about: &'a dyn About,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) tree: &'a Node,
}

/// Labels or annotations.
pub(super) type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// A Pod, or what a Deployment and its like make Pods of.
pub(super) struct Workload<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) labels: Pairs<'a>,
    pub(super) annotations: Pairs<'a>,
    /// The `spec` of the Pod.
    pub(super) spec: Option<&'a Node>,
    /// The Pod itself; none for a template, and for the gateway that Istio's own installation has.
    pub(super) pod: Option<Item<'a>>,
}

/// A set of documents.
pub(super) struct World<'a> {
    by_kind: Map<Vec<Item<'a>>>,
    /// MeshConfig's `rootNamespace`.
    pub(super) root_namespace: &'a str,
    pub(super) workloads: Vec<Workload<'a>>,
    /// Whether the set says anything about who runs. Else it says nothing that a selector selects nobody.
    pub(super) knows_workloads: bool,
}

/// The workload behind `istio: ingressgateway`, which is there without being in any set.
const INGRESS: (&str, &str, &[(&str, &str)]) = ("istio-system", "istio-ingressgateway", &[("istio", "ingressgateway")]);

/// Namespaces of Kubernetes itself, into which istioctl does not look.
const IGNORED: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

impl<'a> World<'a> {
    pub(super) fn new(set: &'a Resources) -> World<'a> {
        let mut by_kind: Map<Vec<Item<'a>>> = Map::new();
        let mut add = |kind: &str, item: Item<'a>| {
            let namespace = if kind == "Namespace" { item.name } else { item.namespace };
            if !IGNORED.contains(&namespace) {
                by_kind.change(kind.to_owned(), |items| items.push(item));
            }
        };
        set.virtual_services.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.destination_rules.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.gateways.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.service_entries.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.workload_entries.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.services.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.pods.iter().for_each(|it| add(it.kind, Item::of(it)));
        set.sidecars.iter().for_each(|it| add(it.kind, Item::of(it)));
        for it in &set.restrictions {
            let about = &it.about;
            add(&about.kind, Item { about: it, namespace: &about.namespace, name: &about.name, tree: &it.tree });
        }
        for it in &set.others {
            let about = &it.about;
            let of_gateway_api = it.group() == "gateway.networking.k8s.io" && about.kind == "Gateway";
            let kind = if of_gateway_api { "KubernetesGateway" } else { &about.kind };
            add(kind, Item { about: it, namespace: &about.namespace, name: &about.name, tree: &it.tree });
        }
        let root_namespace = set.mesh.root_namespace.as_str();
        let mut world = World { by_kind, root_namespace, workloads: Vec::new(), knows_workloads: false };
        world.workloads = world.all_workloads();
        world.knows_workloads = !world.workloads.is_empty();
        let (namespace, name, labels) = INGRESS;
        world.workloads.push(Workload {
            namespace,
            name,
            labels: labels.to_vec(),
            annotations: Vec::new(),
            spec: None,
            pod: None,
        });
        world
    }

    /// All of this kind.
    pub(super) fn of(&self, kind: &str) -> &[Item<'a>] {
        self.by_kind.get(kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn find(&self, kind: &str, namespace: &str, name: &str) -> Option<&Item<'a>> {
        self.of(kind).iter().find(|item| item.namespace == namespace && item.name == name)
    }

    /// The Namespace of this name.
    pub(super) fn namespace(&self, name: &str) -> Option<&Item<'a>> {
        self.of("Namespace").iter().find(|item| item.name == name)
    }

    /// Those that carry all of these labels; without labels everybody.
    pub(super) fn selected(&self, selector: &[(&str, &str)]) -> impl Iterator<Item = &Workload<'a>> {
        self.workloads.iter().filter(move |workload| carries(&workload.labels, selector))
    }

    fn all_workloads(&self) -> Vec<Workload<'a>> {
        let mut all = Vec::new();
        for item in self.of("Pod") {
            all.push(Workload {
                namespace: item.namespace,
                name: item.name,
                labels: item.labels(),
                annotations: item.annotations(),
                spec: item.tree.get("spec"),
                pod: Some(*item),
            });
        }
        for item in ["Deployment", "StatefulSet", "DaemonSet"].into_iter().flat_map(|kind| self.of(kind)) {
            let Some(template) = item.tree.at("spec.template") else { continue };
            all.push(Workload {
                namespace: item.namespace,
                name: item.name,
                labels: pairs(template.at("metadata.labels")),
                annotations: pairs(template.at("metadata.annotations")),
                spec: template.get("spec"),
                pod: None,
            });
        }
        all
    }

    /// Whether a Pod has Istio's sidecar, as far as one can see (istioctl's `inMesh`); `proxy` is the image of one.
    pub(super) fn is_in_mesh(
        &self,
        namespace: &str,
        labels: &[(&str, &str)],
        annotations: &[(&str, &str)],
        proxy: Option<&str>,
    ) -> bool {
        let injected = |pairs: &[(&str, &str)]| get(pairs, "sidecar.istio.io/inject").map(|word| word == "true");
        if proxy.is_some() {
            return true;
        }
        injected(labels).or_else(|| injected(annotations)).unwrap_or_else(|| {
            let labels = self.namespace(namespace).map(Item::labels).unwrap_or_default();
            get(&labels, "istio-injection") == Some("enabled")
        })
    }
}

impl<'a> Item<'a> {
    fn of<T>(resource: &'a Resource<T>) -> Item<'a> {
        Item { about: resource, namespace: resource.meta.namespace(), name: &resource.meta.name, tree: &resource.tree }
    }

    pub(super) fn findings<'r>(&self, report: &'r mut Report) -> Findings<'r>
    where
        'a: 'r,
    {
        Findings::new(self.about, report)
    }

    pub(super) fn labels(&self) -> Pairs<'a> {
        pairs(self.tree.at("metadata.labels"))
    }

    pub(super) fn annotations(&self) -> Pairs<'a> {
        pairs(self.tree.at("metadata.annotations"))
    }

    /// `namespace/name`.
    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    pub(super) fn text(&self, path: &str) -> &'a str {
        text(self.tree.at(path))
    }

    pub(super) fn list(&self, path: &str) -> &'a [Node] {
        list(self.tree.at(path))
    }

    /// The namespaces that see it, of an `exportTo`; empty for all.
    pub(super) fn exports(&self) -> Vec<&'a str> {
        let names = self.list("spec.exportTo").iter().map(|name| text(Some(name)));
        let names: Vec<&str> = names.map(|name| if name == "." { self.namespace } else { name }).collect();
        if names.contains(&"*") { Vec::new() } else { names }
    }
}

/// The string there, or an empty one.
pub(super) fn text(node: Option<&Node>) -> &str {
    match node.map(|node| &node.value) {
        Some(Value::Text(text)) => text,
        _ => "",
    }
}

/// The items there, if any.
pub(super) fn list(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

/// The whole number there, if any.
pub(super) fn whole(node: Option<&Node>) -> Option<i64> {
    match node.and_then(|node| Number::written(&node.value)) {
        Some(Number::Integer(number)) => Some(number),
        _ => None,
    }
}

/// Strings by their keys.
pub(super) fn pairs(node: Option<&Node>) -> Pairs<'_> {
    let Some(Value::Map(entries)) = node.map(|node| &node.value) else { return Vec::new() };
    let text = |value: &'_ Value| matches!(value, Value::Text(_));
    entries
        .iter()
        .filter(|entry| text(&entry.value.value))
        .map(|entry| (entry.key.as_str(), self::text(Some(&entry.value))))
        .collect()
}

pub(super) fn get<'a>(pairs: &[(&str, &'a str)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| *value)
}

/// Whether `labels` holds all of `selector`.
pub(super) fn carries(labels: &[(&str, &str)], selector: &[(&str, &str)]) -> bool {
    selector.iter().all(|pair| labels.contains(pair))
}

/// As Kubernetes prints a selector: `a=b,c=d`, by key.
pub(super) fn shown(selector: &[(&str, &str)]) -> String {
    let mut parts: Vec<String> = selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
    crate::order::sort_by(&mut parts, |a, b| a.cmp(b));
    parts.join(",")
}

/// The image of Istio's proxy in a Pod; of init containers too, which native sidecars are.
pub(super) fn proxy_image(spec: Option<&Node>, init: bool) -> Option<&str> {
    let containers = list(spec.and_then(|spec| spec.get("containers")));
    let early = if init { list(spec.and_then(|spec| spec.get("initContainers"))) } else { &[] };
    let proxy = containers.iter().chain(early).find(|one| one.text("name") == Some("istio-proxy"))?;
    proxy.text("image").filter(|image| !image.is_empty())
}
