//! The MeshConfig of a set: what a file says that was named for it, or else the ConfigMap `istio` among the resources.

use shared::finding::{About, Code, Finding, Origin, Report, Severity};
use shared::load::{self, Mark, Node, Value};
use shared::model::read::{Path, Place, Reader};
use shared::model::{Document, MeshConfig, Resources};
use shared::names::ROOT_NAMESPACE;

use super::Source;
use super::documents::move_marks;

/// Where MeshConfig is in a ConfigMap.
const KEY: &str = "data.mesh";

/// What findings about a file with nothing but MeshConfig are about.
const KIND: &str = "MeshConfig";

/// Reads it; `file` comes before any ConfigMap.
pub(super) fn mesh(file: Option<&Source>, set: &Resources, sources: &[Source], report: &mut Report) -> MeshConfig {
    let mut maps: Vec<&Document> = set.others.iter().filter(|document| document.is_mesh_config()).collect();
    // Of one that stands twice the later counts, as with apply; else Istio's own namespace comes first.
    maps.sort_by_key(|map| map.about.namespace == ROOT_NAMESPACE);
    let chosen = if file.is_some() { None } else { maps.pop() };
    let counts = match (file, chosen) {
        (Some(file), _) => format!("`{}`", file.name),
        (None, Some(map)) => format!("that of the ConfigMap `{}/{}`", map.about.namespace, map.about.name),
        (None, None) => return MeshConfig::default(),
    };
    for map in maps {
        let message = format!("this MeshConfig is not read: {counts} takes its place");
        report.push(note(&map.about, map.tree.mark_of(KEY), message));
    }
    match (file, chosen) {
        (None, Some(Document { about, tree })) => {
            let source = sources.iter().find(|source| about.file.as_ref() == Some(&source.name));
            of_config_map(about, tree, source, report)
        }
        (file, _) => file.map_or_else(MeshConfig::default, |file| of_file(file, report)),
    }
}

fn note(about: &About, Mark { line, column }: Mark, message: String) -> Finding {
    let About { kind, namespace, name, file } = about.clone();
    let (severity, origin, code, hint) = (Severity::Info, Origin::Sailcloth, Code::Replaced, String::new());
    let path = KEY.to_owned();
    Finding { severity, origin, code, kind, namespace, name, path, file, line, column, message, hint }
}

/// MeshConfig itself, or a ConfigMap with it.
fn of_file(source: &Source, report: &mut Report) -> MeshConfig {
    let mut documents = load::text(&source.text, Some(&source.name), report).into_iter().map(|(_, tree)| tree);
    let Some(first) = documents.next() else { return MeshConfig::default() };
    let all: Vec<Node> = std::iter::once(first).chain(documents).collect();
    let kind = |tree: &Node| tree.text("kind").unwrap_or_default().to_owned();
    let map = all.iter().find(|tree| kind(tree) == "ConfigMap" && tree.at(KEY).is_some());
    if let Some(tree) = map {
        let word = |path| match tree.at(path).map(|node| &node.value) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        let (namespace, name) = (word("metadata.namespace"), word("metadata.name"));
        let about = About { kind: "ConfigMap".to_owned(), namespace, name, file: Some(source.name.clone()) };
        return of_config_map(&about, tree, Some(source), report);
    }
    let about = About { kind: KIND.to_owned(), file: Some(source.name.clone()), ..About::default() };
    let Some(tree) = all.into_iter().next() else { return MeshConfig::default() };
    let kind = kind(&tree);
    if kind.is_empty() {
        return MeshConfig::read(tree, "", &about, report);
    }
    let message = format!("expected MeshConfig, or a ConfigMap with it in `{KEY}`, found the kind `{kind}`");
    let hint = "such as `kubectl get configmap istio -n istio-system -o yaml` prints";
    let place = Place { node: &tree, path: &Path::Root };
    Reader::new(&about, report).invalid(place, message, hint);
    MeshConfig::default()
}

/// YAML within YAML: places are those in the outer text where it stands there line by line, else that of the key.
fn of_config_map(about: &About, map: &Node, source: Option<&Source>, report: &mut Report) -> MeshConfig {
    let (Some(node), mark) = (map.at(KEY), map.mark_of(KEY)) else { return MeshConfig::default() };
    let Value::Text(text) = &node.value else {
        let path = Path::Key(&Path::Key(&Path::Root, "data"), "mesh");
        Reader::new(about, report).expected(Place { node, path: &path }, "a string: MeshConfig as YAML");
        return MeshConfig::default();
    };
    let is_block = source.is_some_and(|source| is_literal(&source.text, mark));
    // A block's own place is that of its first line with anything on it.
    let blank = text.bytes().take_while(|byte| *byte == b'\n').count();
    let first = node.mark.line.saturating_sub(u32::try_from(blank).unwrap_or(u32::MAX));
    let place = |inner: &mut Mark| {
        *inner = match is_block {
            true => Mark { line: first + inner.line.max(1) - 1, column: node.mark.column + inner.column.max(1) - 1 },
            false => mark,
        };
    };
    let mut found = Report::new();
    let documents = load::text(text, about.file.as_deref(), &mut found);
    for mut finding in found.into_sorted() {
        let mut mark = Mark { line: finding.line, column: finding.column };
        place(&mut mark);
        let About { kind, namespace, name, .. } = about.clone();
        (finding.kind, finding.namespace, finding.name, finding.path) = (kind, namespace, name, KEY.to_owned());
        (finding.line, finding.column) = (mark.line, mark.column);
        report.push(finding);
    }
    let Some((_, mut tree)) = documents.into_iter().next() else { return MeshConfig::default() };
    move_marks(&mut tree, &place);
    MeshConfig::read(tree, KEY, about, report)
}

/// Whether a literal block scalar follows the key that stands at `mark`, so that each of its lines is one of the text.
fn is_literal(text: &str, mark: Mark) -> bool {
    let number = |number: u32| usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = text.lines().nth(number(mark.line)).unwrap_or_default();
    let behind: String = line.chars().skip(number(mark.column)).collect();
    behind.split_whitespace().nth(1).is_some_and(|header| ["|", "|-", "|+"].contains(&header))
}
