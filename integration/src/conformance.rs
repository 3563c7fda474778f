//! Istio's own cases as data, run through `sailcloth check`: `scripts/conformance.sh FOLDER`.
//!
//! | folder | a case passes when |
//! |---|---|
//! | `validation` | `check` refuses what Istio's webhook refuses, and nothing else |
//! | `analyzers` | it gives the codes of the analyzer to the resources that the analyzer gives them to |
//! | `api-crd` | it refuses what Istio's CustomResourceDefinitions refuse |
//! | `samples`, `proto-examples`, `kiali` | every resource is taken |

mod analyzers;
mod validation;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::input::{Source, loaded};
use serde_yaml::Value;
use shared::Finding;

/// What came of a case.
pub struct Outcome {
    /// `validation/TestValidateSidecar.yaml#3 bad egress host 1`.
    pub case: String,
    /// Why it failed; none if it passed.
    pub failure: Option<String>,
}

/// The folders that are run, in this order.
pub const FOLDERS: [&str; 6] = ["validation", "analyzers", "api-crd", "samples", "proto-examples", "kiali"];

/// Runs what is in a folder of that name.
///
/// # Panics
/// If the folder cannot be read or holds something else.
pub fn run(root: &Path, folder: &str) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let at = root.join(folder);
    match folder {
        "validation" => validation::run(&at, &mut outcomes),
        "analyzers" => analyzers::run(&at, &mut outcomes),
        "api-crd" => resources(&at, folder, true, &mut outcomes),
        _ => resources(&at, folder, false, &mut outcomes),
    }
    outcomes
}

/// Reasons why cases are expected to fail, by case.
///
/// # Panics
/// If the text is no mapping of strings.
pub fn exceptions(text: &str) -> BTreeMap<String, String> {
    serde_yaml::from_str::<Option<_>>(text).expect("exceptions are a mapping of cases to reasons").unwrap_or_default()
}

/// Everything that `check` says of a text.
fn findings(text: String) -> Vec<Finding> {
    loaded(vec![Source { name: "case.yaml".to_owned(), text }]).findings
}

fn refusals(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.stops()).map(ToString::to_string).collect()
}

fn files(at: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(at).unwrap_or_else(|error| panic!("{}: {error}", at.display())) {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_some_and(|end| end == "yaml") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn name(folder: &str, at: &Path, file: &Path) -> String {
    format!("{folder}/{}", file.strip_prefix(at).unwrap_or(file).display())
}

/// Files of resources; where a document says `_err`, it has to be refused.
fn resources(at: &Path, folder: &str, each: bool, outcomes: &mut Vec<Outcome>) {
    for file in files(at) {
        let name = name(folder, at, &file);
        let text = read(&file);
        if !each {
            let refused = refusals(&findings(text));
            outcomes.push(Outcome { case: name, failure: refused.first().map(|why| format!("refused: {why}")) });
            continue;
        }
        for (index, document) in text.split("\n---").enumerate() {
            let wanted = document.lines().find_map(|line| line.strip_prefix("_err:")).map(str::trim);
            let lines = document.lines().filter(|line| !line.starts_with("_err:") && *line != "---");
            let document: String = lines.map(|line| format!("{line}\n")).collect();
            if document.trim().is_empty() {
                continue;
            }
            let called = document.lines().find_map(|line| line.strip_prefix("  name: ")).unwrap_or_default().to_owned();
            let refused = refusals(&findings(document));
            let failure = match (wanted, refused.first()) {
                (Some(why), None) => Some(format!("taken, expected {why}")),
                (None, Some(why)) => Some(format!("refused: {why}")),
                _ => None,
            };
            outcomes.push(Outcome { case: format!("{name}#{index} {called}"), failure });
        }
    }
}

/// What holds a value that the data could not resolve.
fn is_unresolved(value: &Value) -> bool {
    match value {
        Value::Mapping(map) => map.iter().any(|(key, value)| key == "$go" || is_unresolved(value)),
        Value::Sequence(items) => items.iter().any(is_unresolved),
        _ => false,
    }
}
