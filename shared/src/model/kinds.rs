//! The kinds of resources that Sailcloth reads, one row each, and the set that holds them.

use super::read::{Path, Place, Read, Reader};
use super::{
    DestinationRule, EndpointSlice, Gaps, Gateway, MeshConfig, Meta, Pod, Restriction, Service, ServiceEntry, Sidecar,
    VirtualService, WorkloadEntry,
    restriction::{self, Asked},
};
use crate::finding::{About, Code, Finding, Origin, Report, Severity};
use crate::load::{Entry, Mark, Node, Value};
use crate::names::DEFAULT_NAMESPACE;

/// A resource: what it says about itself, what it asks for, and the text it came from.
#[derive(Clone, Debug)]
pub struct Resource<T> {
    /// `metadata`.
    pub meta: Meta,
    /// The `spec` (for the kinds without one, all of it).
    pub spec: T,
    /// The kind's name.
    pub kind: &'static str,
    /// The file that it came from, as it was named on the command line.
    pub file: Option<String>,
    /// The document, to find the place of a field path in it.
    pub tree: Node,
    /// What could not be read of it; the tree is without that.
    pub gaps: Gaps,
}

impl<T> Resource<T> {
    /// A finding about the field at `path` (empty: about the resource).
    pub fn finding(
        &self,
        rule: (Severity, Origin, Code),
        path: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Finding {
        self.head().finding(rule, path.into(), message.into(), hint.into())
    }

    fn head(&self) -> Head<'_> {
        Head { meta: &self.meta, kind: self.kind, file: self.file.as_ref(), tree: &self.tree, gaps: &self.gaps }
    }
}

/// All of a resource but its spec: what needs no more is the same for all kinds.
#[derive(Clone, Copy)]
struct Head<'a> {
    meta: &'a Meta,
    kind: &'static str,
    file: Option<&'a String>,
    tree: &'a Node,
    gaps: &'a Gaps,
}

impl Head<'_> {
    fn finding(
        self,
        (severity, origin, code): (Severity, Origin, Code),
        path: String,
        message: String,
        hint: String,
    ) -> Finding {
        let Mark { line, column } = self.tree.mark_of(&path);
        let path = self.gaps.original(path);
        Finding {
            severity,
            origin,
            code,
            kind: self.kind.into(),
            namespace: self.meta.namespace().into(),
            name: self.meta.name.clone(),
            path,
            file: self.file.cloned(),
            line,
            column,
            message,
            hint,
        }
    }
}

mod unreadable;

use unreadable::{Unreadable, unread, unreadable};

macro_rules! kinds {
    ($($(#[$doc:meta])* $field:ident: $Spec:ident, $group:literal, [$($version:literal),+], $root:ident;)+) => {
        /// A set of resources, by kind.
        #[derive(Clone, Debug, Default)]
        pub struct Resources {
            $($(#[$doc])* pub $field: Vec<Resource<$Spec>>,)+
            /// What holds for the whole mesh.
            pub mesh: MeshConfig,
            /// What restricts requests, and is not carried out.
            pub restrictions: Vec<Restriction>,
            /// What only `check` looks at.
            #[cfg(feature = "yaml")]
            pub others: Vec<super::Document>,
            seen: Seen,
            /// How many there were of each kind that is other people's.
            #[cfg(feature = "yaml")]
            pub foreign: crate::Map<usize>,
        }

        /// `(kind, apiVersion)` of everything that Sailcloth reads.
        const KINDS: &[(&str, &[&str])] = &[$((stringify!($Spec), &[$(concat!($group, $version)),+]),)+];

        impl Resources {
            /// How many there are.
            pub fn len(&self) -> usize {
                self.restrictions.len() $(+ self.$field.len())+
            }

            /// Lets go of the texts, when nothing is to be found out about places in them any more.
            pub(crate) fn forget_trees(&mut self) {
                $(self.$field.iter_mut().for_each(|it| it.tree = Node::unplaced(Value::Null));)+
                self.restrictions.clear();
                #[cfg(feature = "yaml")]
                self.others.clear();
            }

            /// Hands on what resources say in an annotation, with `KIND NAMESPACE/NAME`.
            #[cfg(feature = "yaml")]
            pub fn annotated(&self, annotation: &str, take: &mut dyn FnMut(String, &str)) {
                $(for it in &self.$field {
                    if let Some(text) = it.meta.annotations.get(annotation) {
                        take(format!("{} {}", it.kind, it.meta.full_name()), text);
                    }
                })+
                let restrictions = self.restrictions.iter().map(|it| (&it.about, &it.tree));
                let others = self.others.iter().map(|it| (&it.about, &it.tree));
                for (About { kind, namespace, name, .. }, tree) in restrictions.chain(others) {
                    let all = tree.get("metadata").and_then(|meta| meta.get("annotations"));
                    if let Some(text) = all.and_then(|all| all.text(annotation)) {
                        take(format!("{kind} {namespace}/{name}"), text);
                    }
                }
            }

            fn take(&mut self, about: &About, node: Node, report: &mut Report) {
                match about.kind.as_str() {
                    $(stringify!($Spec) => {
                        let head = (stringify!($Spec), kinds!(@root $root));
                        put((&mut self.$field, &mut self.seen), head, about, node, report);
                    })+
                    _ => self.restrictions.push(Restriction { about: about.clone(), tree: node }),
                }
            }
        }
    };
    (@root spec) => { Some("spec") };
    (@root document) => { None };
}

kinds! {
    /// Which requests go where.
    virtual_services: VirtualService, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// The versions of services.
    destination_rules: DestinationRule, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// Where traffic enters.
    gateways: Gateway, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// Who answers, outside a cluster.
    service_entries: ServiceEntry, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// Endpoints of ServiceEntries that select by labels.
    workload_entries: WorkloadEntry, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// What workloads' proxies see of the mesh.
    sidecars: Sidecar, "networking.istio.io/", ["v1", "v1beta1", "v1alpha3"], spec;
    /// Who answers, in Kubernetes' words.
    services: Service, "", ["v1"], spec;
    /// The endpoints of Services.
    endpoint_slices: EndpointSlice, "discovery.k8s.io/", ["v1", "v1beta1"], document;
    /// The labels and addresses behind endpoints.
    pods: Pod, "", ["v1"], document;
}

impl Resources {
    /// Reads documents in the order given; a `List` counts as its items. Problems go to the report, and what could be
    /// read is there all the same.
    ///
    /// The same kind, namespace and name in a later file takes the earlier one's place, as with `kubectl apply`; twice
    /// in one file is an error.
    pub fn read(documents: impl IntoIterator<Item = (Option<String>, Node)>, report: &mut Report) -> Resources {
        let mut set = Resources::default();
        for (file, node) in documents {
            set.document(file, node, report, 0);
        }
        set
    }

    /// Reads what restricts requests.
    pub fn restrictions(&self, report: &mut Report) -> Vec<Resource<Asked>> {
        let (mut all, mut seen) = (Vec::new(), Seen::default());
        for Restriction { about, tree } in &self.restrictions {
            if let Some((kind, _)) = restriction::KINDS.iter().find(|(known, _)| *known == about.kind) {
                put((&mut all, &mut seen), (kind, Some("spec")), about, tree.clone(), report);
            }
        }
        all
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn document(&mut self, file: Option<String>, mut node: Node, report: &mut Report, depth: usize) {
        if node.value == Value::Null {
            return;
        }
        let kind = node.text("kind").unwrap_or_default().to_owned();
        let version = node.text("apiVersion").unwrap_or_default().to_owned();
        if kind.ends_with("List")
            && depth < 4
            && let Some(items) = take_items(&mut node)
        {
            for item in items.items().into_iter().flatten() {
                self.document(file.clone(), item.into_owned(), report, depth + 1);
            }
            return;
        }
        let meta = node.get("metadata");
        let word = |key| meta.and_then(|meta| meta.text(key)).filter(|text| !text.is_empty());
        let about = About {
            namespace: word("namespace").unwrap_or(DEFAULT_NAMESPACE).to_owned(),
            name: word("name").unwrap_or_default().to_owned(),
            kind,
            file,
        };
        match unreadable(&about.kind, &version, &node) {
            Some(problem) => {
                self.leave_out(problem, &about, &node, report);
                #[cfg(feature = "yaml")]
                if super::Document::is_kept(&about.kind, &version, &about.name) {
                    self.others.push(super::Document { about, tree: node });
                }
            }
            None => self.take(&about, node, report),
        }
    }

    fn leave_out(&mut self, problem: Unreadable, about: &About, node: &Node, report: &mut Report) {
        #[cfg(feature = "yaml")]
        if super::document::holds_mesh_config(&about.kind, &about.name, node) {
            return;
        }
        #[cfg(feature = "yaml")]
        if problem.is_foreign {
            let count = self.foreign.get(&about.kind).copied().unwrap_or_default();
            self.foreign.insert(about.kind.clone(), count + 1);
            return;
        }
        report.push(problem.finding(about, node));
    }
}

/// The list of items, or an empty one; nothing where something else stands in its place.
fn take_items(node: &mut Node) -> Option<Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    let items = entries.iter_mut().find(|entry| entry.key == "items")?;
    let is_list = matches!(items.value.value, Value::List(_) | Value::Later(_) | Value::Null);
    is_list.then(|| Node::unplaced(std::mem::replace(&mut items.value.value, Value::Null)))
}

impl Restriction {
    /// That it is not read.
    pub fn unread(&self) -> Finding {
        unread(&self.about.kind).finding(&self.about, &self.tree)
    }
}

/// Reads a resource and puts it among the others, in place of the one that it replaces.
fn put<T: Read>(
    (list, seen): (&mut Vec<Resource<T>>, &mut Seen),
    (kind, root): (&'static str, Option<&str>),
    about: &About,
    mut tree: Node,
    report: &mut Report,
) {
    let once = |tree: &Node, report: &mut Report| {
        let mut spec = None;
        let meta = read(root, about, tree, report, &mut |place, reader| spec = T::read(place, reader));
        meta.zip(spec)
    };
    let Some(((meta, spec), gaps)) = Gaps::read(&mut tree, report, once) else { return };
    let resource = Resource { meta, spec, kind, file: about.file.clone(), tree, gaps };
    let same = |old: &&mut Resource<T>| {
        old.kind == kind && old.meta.name == about.name && old.meta.namespace() == about.namespace
    };
    let known = !seen.add(&[kind, &about.namespace, &about.name]);
    match list.iter_mut().take(if known { usize::MAX } else { 0 }).find(same) {
        Some(old) => {
            report.push(again(old.head(), resource.head()));
            *old = resource;
        }
        None => list.push(resource),
    }
}

/// Hashes of the resources so far: whoever's is not there is new, which is so of nearly all.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Zero is a free slot.
    slots: Vec<u32>,
    taken: usize,
}

impl Seen {
    /// Adds one; false when it may have been there before.
    fn add(&mut self, words: &[&str]) -> bool {
        let bytes = words.iter().flat_map(|word| word.bytes().chain([0]));
        let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)).max(1);
        if (self.taken + 1) * 2 > self.slots.len() {
            let before = std::mem::take(&mut self.slots);
            self.slots = vec![0; (before.len() * 2).max(16)];
            before.into_iter().filter(|hash| *hash != 0).for_each(|hash| _ = self.place(hash));
        }
        let is_new = self.place(hash);
        self.taken += usize::from(is_new);
        is_new
    }

    fn place(&mut self, hash: u32) -> bool {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get_mut(at) {
            if *slot == hash {
                return false;
            }
            if *slot == 0 {
                *slot = hash;
                return true;
            }
            at = (at + 1) & mask;
        }
        false
    }
}

/// Reads the metadata, and hands on the place of the rest.
fn read(
    root: Option<&str>,
    about: &About,
    tree: &Node,
    report: &mut Report,
    spec: &mut dyn FnMut(Place<'_>, &mut Reader<'_>),
) -> Option<Meta> {
    let mut reader = Reader::new(about, report);
    let document = Place { node: tree, path: &Path::Root };
    let meta = match tree.get("metadata") {
        Some(node) => Meta::read(Place { node, path: &Path::Key(document.path, "metadata") }, &mut reader),
        None => {
            reader.invalid(document, "`metadata` is missing", "a resource needs at least `metadata: {name: ...}`");
            None
        }
    };
    let empty = Node { value: Value::Map(Vec::new()), mark: tree.mark };
    match root {
        Some(key) => {
            other_fields(document, key, &mut reader);
            let node = tree.get(key).filter(|node| node.value != Value::Null).unwrap_or(&empty);
            spec(Place { node, path: &Path::Key(document.path, key) }, &mut reader);
        }
        None => spec(document, &mut reader),
    }
    meta
}

/// What stands beside `spec` and should not: usually a spec that was indented too little.
fn other_fields(document: Place<'_>, root: &str, reader: &mut Reader<'_>) {
    let Value::Map(entries) = &document.node.value else { return };
    for Entry { key, mark, .. } in entries {
        if !["apiVersion", "kind", "metadata", "status", root].contains(&key.as_str()) {
            let node = Node { value: Value::Null, mark: *mark };
            let place = Place { node: &node, path: &Path::Key(document.path, key) };
            let hint = format!("does it belong under `{root}`?");
            reader.warn(Code::UnknownField, place, format!("unknown field `{key}`, which has no effect"), hint);
        }
    }
}

/// The same resource a second time.
fn again(old: Head<'_>, new: Head<'_>) -> Finding {
    let place = |resource: Head<'_>| {
        let Mark { line, .. } = resource.tree.mark;
        match (resource.file, line) {
            (Some(file), 0) => file.clone(),
            (Some(file), line) => format!("{file}:{line}"),
            (None, _) => "the same configuration".into(),
        }
    };
    if old.file == new.file {
        let rule = (Severity::Error, Origin::Validation, Code::Duplicate);
        let message = format!("this resource is already defined at {}", place(old));
        new.finding(rule, "metadata.name".into(), message, "give one of them another name".into())
    } else {
        let rule = (Severity::Info, Origin::Sailcloth, Code::Replaced);
        let message = format!("{} takes the place of {}", place(new), place(old));
        new.finding(rule, "metadata.name".into(), message, String::new())
    }
}
