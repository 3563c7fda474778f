//! Reads case files and the resources that they name.

use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::cases;
use envoy_config::input::{self, Purpose, Source, Texts};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::load::{Node, Value as Tree};
use shared::model::Resources;

use super::case::{Excluded, Exclusion, ResourceSource, Scene, numbers};
use crate::engine::Behaviour;

/// A case file.
#[derive(Debug)]
pub struct CaseFile {
    /// Its name, without folder and ending.
    pub name: String,
    /// Its scenes.
    pub scenes: Vec<Read>,
}

/// A scene with its resources read.
#[derive(Debug)]
pub struct Read {
    /// The scene.
    pub scene: Scene,
    /// Its resources.
    pub set: Resources,
    /// The same as documents, whatever their kind: what Istio is told.
    pub documents: Vec<Value>,
}

/// Every case file in `folder` whose name holds `filter`, by name.
///
/// Panics at a file that is not in the form of one, and says where.
pub fn files(folder: &Path, filter: &str) -> Vec<CaseFile> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a folder can be read to its end").path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    paths.sort();
    let name = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    paths.iter().filter(|path| name(path).contains(filter)).map(|path| file(path, name(path))).collect()
}

fn file(path: &Path, name: String) -> CaseFile {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = cases::read(&path.display().to_string(), &text).unwrap_or_else(|errors| panic!("{}", said(&errors)));
    let read = |(index, scene): (usize, Scene)| {
        let (set, documents) = resources(path, &scene.resources);
        check(&scene, &format!("{name}, scene {index}"));
        Read { scene, set, documents }
    };
    let scenes = file.scenes.into_iter().enumerate().map(read).collect();
    CaseFile { name, scenes }
}

fn said(problems: &[impl std::fmt::Display]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

fn resources(case_file: &Path, from: &[ResourceSource]) -> (Resources, Vec<Value>) {
    let folder = case_file.parent().unwrap_or(Path::new("."));
    let mut sources = Vec::new();
    let mut inline = Vec::new();
    for source in from {
        match source {
            ResourceSource::Path(path, _) => {
                let read = input::sources(&[folder.join(path)]);
                sources.extend(read.unwrap_or_else(|error| panic!("{}: {error}", case_file.display())));
            }
            ResourceSource::Inline(resource) => inline.push(resource.clone()),
        }
    }
    let documents = documents(&sources, inline.iter().map(value));
    let file = format!("{} (inline)", case_file.display());
    let inline = inline.into_iter().map(|node| (Some(file.clone()), node)).collect();
    let texts = Texts { sources, documents: inline, ..Texts::default() };
    let loaded = input::checked(texts, Purpose::default());
    let stops: Vec<_> = loaded.findings.iter().filter(|finding| finding.stops()).collect();
    assert!(!loaded.stops(), "{}: {}", case_file.display(), said(&stops));
    (loaded.set, documents)
}

/// A resource as JSON has it.
fn value(node: &Node) -> Value {
    match &node.value {
        Tree::Null => Value::Null,
        Tree::Bool(it) => json!(it),
        Tree::Integer(it) => json!(it),
        Tree::Float(it) => json!(it),
        Tree::Text(it) => json!(it),
        Tree::List(items) => items.iter().map(value).collect(),
        Tree::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), value(&entry.value))).collect(),
        Tree::Later(_) => panic!("a case file is read at once"),
    }
}

/// What the texts hold, one by one: lists taken apart, and of what is there twice the later, as `kubectl apply` does.
fn documents(sources: &[Source], inline: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    let mut add = |document: Value| match document.get("items").and_then(Value::as_array) {
        Some(items) => all.extend(items.iter().cloned()),
        None if document.is_null() => {}
        None => all.push(document),
    };
    for source in sources {
        // JSON may hold characters that the YAML reader refuses.
        if let Ok(document) = serde_json::from_str(&source.text) {
            add(document);
            continue;
        }
        for document in serde_yaml::Deserializer::from_str(&source.text) {
            add(Value::deserialize(document).unwrap_or_else(|error| panic!("{}: {error}", source.name)));
        }
    }
    inline.for_each(add);
    let name = |document: &Value| {
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or("default");
        format!("{}/{namespace}/{}", document["kind"], document["metadata"]["name"])
    };
    let names: Vec<String> = all.iter().map(name).collect();
    let replaced = |index: usize| names[index + 1..].contains(&names[index]);
    let kept = all.into_iter().enumerate().filter(|(index, _)| !replaced(*index));
    kept.map(|(_, document)| document).collect()
}

/// What the types cannot say.
fn check(scene: &Scene, place: &str) {
    let exclusions = scene.cases.iter().flat_map(|case| &case.engines.exclude).chain(&scene.engines.exclude);
    for (engine, exclusion) in exclusions {
        let reason = match exclusion {
            Exclusion::Always(reason) => reason,
            Exclusion::Before { before, why } => {
                assert!(*engine != Excluded::Core, "{place}: core has no Envoy to be older than {before}");
                numbers(before);
                why
            }
        };
        assert!(!reason.trim().is_empty(), "{place}: {engine:?} is excluded without a reason");
    }
    let mesh = scene.proxy.as_ref().is_some_and(|proxy| proxy.gateways.iter().any(|gateway| gateway == "mesh"));
    for case in &scene.cases {
        let place = format!("{place}, `{}`", case.name);
        assert!(
            case.request.source.is_none() || mesh,
            "{place}: `source` is for mesh proxies, as gateways trust nobody"
        );
        let shared = !case.expect.mirror_shares.is_empty();
        assert!(
            !shared,
            "{place}: `mirror_shares` is for `sailcloth test`: on a wire nobody knows which copy is the last"
        );
        let alone = case.engines.alone.as_ref().or(scene.engines.alone.as_ref());
        let led = alone.is_some_and(|all| all.iter().any(|one| matches!(one, Behaviour::Fault | Behaviour::Mirror)));
        assert!(!led || scene.alone_to.is_some(), "{place}: `alone_to` says where it goes without a router");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::case;
    use crate::engine::Kind;

    fn scenes(text: &str) -> Result<Vec<Scene>, String> {
        let text = format!("{text}cases: [{{name: a, request: {{url: \"http://a/\"}}, expect: {{status: 200}}}}]\n");
        cases::read("", &text).map(|file| file.scenes).map_err(|errors| said(&errors))
    }

    #[test]
    fn an_engine_may_be_excluded_in_older_envoys() {
        let text = "resources: []\nengines: {exclude: {core: why, native: {before: '1.39', why: why}}}\n";
        let engines = &scenes(text).expect("no typo")[0].engines;
        for (envoy, excluded) in [("1.9.0", true), ("1.38.2", true), ("1.39.0", false), ("1.41.0-dev", false)] {
            assert_eq!(case::excluded(engines, Kind::Native, envoy), excluded, "{envoy}");
            assert_eq!(case::excluded(engines, Kind::Istiod, envoy), excluded, "{envoy}, as it has no module either");
            assert!(case::excluded(engines, Kind::Core, envoy) && !case::excluded(engines, Kind::Suite, envoy));
        }
        assert!(scenes(&text.replace("before", "until")).is_err());
        let engine = "engines: {exclude: {envoy: why}}\n";
        assert!(scenes(engine).expect_err("no such engine").contains("found `envoy`"));
    }

    #[test]
    fn modules_alone_are_asked_for_by_name() {
        let text = "resources: []\nengines: {alone: [circuit_breaker]}\n";
        assert_eq!(scenes(text).expect("no typo")[0].engines.alone, Some(vec![Behaviour::CircuitBreaker]));
        assert!(scenes(&text.replace("circuit_", "")).is_err());
    }
}
