//! Reads case files and the resources that they name.

use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::input::{self, Loaded, Source};
use serde::Deserialize;
use serde_json::{Value, json};
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
    let scenes = scenes(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let read = |(index, scene): (usize, Scene)| {
        let (set, documents) = resources(path, &scene.resources);
        check(&scene, &format!("{name}, scene {index}"));
        Read { scene, set, documents }
    };
    let scenes = scenes.into_iter().enumerate().map(read).collect();
    CaseFile { name, scenes }
}

/// The documents of a case file.
///
/// # Errors
/// What is not in the form of one, with its line and column.
pub fn scenes(text: &str) -> Result<Vec<Scene>, String> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Scene::deserialize(document).map_err(|error| error.to_string()))
        .collect()
}

fn resources(case_file: &Path, from: &[ResourceSource]) -> (Resources, Vec<Value>) {
    let folder = case_file.parent().unwrap_or(Path::new("."));
    let mut sources = Vec::new();
    let mut inline = Vec::new();
    for source in from {
        match source {
            ResourceSource::Path(path) => {
                let read = input::sources(&[folder.join(path)]);
                sources.extend(read.unwrap_or_else(|error| panic!("{}: {error}", case_file.display())));
            }
            ResourceSource::Inline(resource) => inline.push(resource.clone()),
        }
    }
    if !inline.is_empty() {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": inline});
        sources.push(Source { name: format!("{} (inline)", case_file.display()), text: list.to_string() });
    }
    let documents = documents(&sources);
    let loaded = input::loaded(sources);
    assert!(!loaded.stops(), "{}: {}", case_file.display(), said(&loaded));
    (loaded.set, documents)
}

/// What the texts hold, one by one: lists taken apart, and of what is there twice the later, as `kubectl apply` does.
fn documents(sources: &[Source]) -> Vec<Value> {
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
    let name = |document: &Value| {
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or("default");
        format!("{}/{namespace}/{}", document["kind"], document["metadata"]["name"])
    };
    let names: Vec<String> = all.iter().map(name).collect();
    let replaced = |index: usize| names[index + 1..].contains(&names[index]);
    let kept = all.into_iter().enumerate().filter(|(index, _)| !replaced(*index));
    kept.map(|(_, document)| document).collect()
}

fn said(loaded: &Loaded) -> String {
    loaded.findings.iter().filter(|finding| finding.stops()).map(|finding| format!("\n  {finding}")).collect()
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
    let mesh = scene.proxy.gateways.iter().any(|gateway| gateway == "mesh");
    for case in &scene.cases {
        let place = format!("{place}, `{}`", case.name);
        let (request, expect) = (&case.request, &case.expect);
        assert!(request.url.is_some() != request.raw.is_some(), "{place}: a request has either `url` or `raw`");
        assert!(request.source.is_none() || mesh, "{place}: `source` is for mesh proxies");
        let crowd = request.at_once.is_some();
        assert!(
            crowd || expect.routed() || expect.status.is_some(),
            "{place}: neither `status` nor `cluster` nor `shares`"
        );
        assert!(crowd != expect.statuses.is_empty(), "{place}: `statuses` are of those who ask `at_once`");
        let alone = case.engines.alone.as_ref().or(scene.engines.alone.as_ref());
        let led = alone.is_some_and(|all| all.iter().any(|one| matches!(one, Behaviour::Fault | Behaviour::Mirror)));
        assert!(!led || scene.alone_to.is_some(), "{place}: `alone_to` says where it goes without a router");
        assert!(expect.cluster.is_none() || expect.shares.is_empty(), "{place}: `cluster` beside `shares`");
        assert!(expect.mirrors.is_empty() || expect.routed(), "{place}: `mirrors` of a request that goes nowhere");
        let sum: f64 = expect.shares.values().sum();
        assert!(expect.shares.is_empty() || (sum - 1.0).abs() < 1e-6, "{place}: the shares sum up to {sum}");
    }
    let mut names: Vec<&str> = scene.cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        panic!("{place}: two rows are called `{}`", twice[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Kind;

    #[test]
    fn a_typo_is_an_error_with_its_place() {
        let text = "resources: []\ncases:\n- name: a\n  request: {url: http://a/}\n  expect: {stats: 200}\n";
        let error = scenes(text).expect_err("a misspelt field");
        assert!(error.contains("unknown field `stats`") && error.contains("line 5"), "{error}");
        let right = scenes(&text.replace("stats", "status")).expect("no typo");
        assert_eq!(right[0].cases[0].expect.status, Some(200));
        let engine = "resources: []\nengines: {exclude: {envoy: why}}\ncases: []\n";
        assert!(scenes(engine).expect_err("no such engine").contains("unknown variant `envoy`"));
    }

    #[test]
    fn an_engine_may_be_excluded_in_older_envoys() {
        let text = "resources: []\nengines: {exclude: {core: why, native: {before: '1.39', why: why}}}\ncases: []\n";
        let engines = &scenes(text).expect("no typo")[0].engines;
        for (envoy, excluded) in [("1.9.0", true), ("1.38.2", true), ("1.39.0", false), ("1.41.0-dev", false)] {
            assert_eq!(engines.excluded(Kind::Native, envoy), excluded, "{envoy}");
            assert_eq!(engines.excluded(Kind::Istiod, envoy), excluded, "{envoy}, as it has no module either");
            assert!(engines.excluded(Kind::Core, envoy) && !engines.excluded(Kind::Suite, envoy));
        }
        assert!(scenes(&text.replace("before", "until")).is_err());
    }

    #[test]
    fn modules_alone_are_asked_for_by_name() {
        let text = "resources: []\nengines: {alone: [circuit_breaker]}\ncases: []\n";
        assert_eq!(scenes(text).expect("no typo")[0].engines.alone, Some(vec![Behaviour::CircuitBreaker]));
        assert!(scenes(&text.replace("circuit_", "")).is_err());
    }
}
