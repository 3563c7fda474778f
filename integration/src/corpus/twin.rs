//! The suite beside its native twin, in full: each row's request goes to both, and everything that comes of it must be
//! the same, not only what the row names. So nothing is silently added or lost on the way.

use std::collections::BTreeMap;

use super::case::{Case, Scene};
use super::load::CaseFile;
use super::run::{placed, proxies, runs};
use crate::engine::proxy::Bench;
use crate::engine::{Answer, Engine, Kind, shown};

/// Headers that no two requests have alike.
const OWN_TO_EACH: &[&str] = &[
    "date",
    // Rows that count want a key for each engine.
    "x-echo-key",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

/// Rows name headers so whose values no two requests have alike, but which look alike.
const LOOKS_ALIKE: &str = "x-each-";

/// What is left of a timeout at the second attempt and later, to the millisecond.
const TIME_LEFT: &str = "x-envoy-expected-rq-timeout-ms";

/// What differs between the two, row by row, and how many rows were compared.
pub fn differences(file: &CaseFile) -> (Vec<String>, u32) {
    let proxies = proxies(file);
    let mut placed = placed(file, &proxies);
    // A copy arrives when it arrives, so of rows with mirrors the corpus itself compares each request; so it does of rows
    // that take more than one.
    let both = |scene: &Scene, case: &Case| {
        let one = case.before.is_empty() && case.request.at_once.is_none() && case.expect.mirrors.is_empty();
        one && runs(scene, case, Kind::Suite) && runs(scene, case, Kind::Native)
    };
    let compared = |scene: &Scene| scene.cases.iter().any(|case| both(scene, case));
    for (place, (scene, _)) in placed.iter_mut().zip(&file.scenes) {
        place.engines = if compared(scene) { vec![Kind::Suite, Kind::Native] } else { Vec::new() };
    }
    let bench = Bench::start(&placed, 1);
    let (mut differences, mut rows) = (Vec::new(), 0);
    for (index, (scene, _)) in file.scenes.iter().enumerate().filter(|(_, (scene, _))| compared(scene)) {
        let [mut suite, mut native] = [Kind::Suite, Kind::Native].map(|kind| bench.engine(index, kind));
        for case in scene.cases.iter().filter(|case| both(scene, case)) {
            rows += 1;
            let key = |kind: Kind| format!("twin-{kind}-{}", case.name);
            let ours = describe(case, &suite.ask(&case.request, &key(Kind::Suite), 0));
            let theirs = describe(case, &native.ask(&case.request, &key(Kind::Native), 0));
            let names: Vec<&String> =
                ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name))).collect();
            for name in names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)) {
                let say = |all: &BTreeMap<String, String>| all.get(name).cloned().unwrap_or_else(|| "none".to_owned());
                let (ours, theirs) = (say(&ours), say(&theirs));
                let place = format!("{}: `{}`", file.name, case.name);
                differences.push(format!("{place}: {name}: the suite has {ours}, the native twin {theirs}"));
            }
        }
    }
    (differences, rows)
}

/// Everything about an answer, by name.
fn describe(case: &Case, answer: &Answer) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut put = |name: String, value: String| {
        let list: &mut String = all.entry(name).or_default();
        list.push_str(&format!("`{value}` "));
    };
    put("status".to_owned(), answer.status.unwrap_or_default().to_string());
    let upstream = answer.upstream.as_deref().unwrap_or_default();
    for (name, value) in answer.headers.iter().flatten() {
        // An upstream's body tells its headers, ids among them.
        let length = name == "content-length" && !upstream.is_empty();
        if !length && !OWN_TO_EACH.contains(&name.as_str()) {
            put(format!("response header {name}"), compared(name, shown(value)));
        }
    }
    if upstream.is_empty() {
        put("body".to_owned(), shown(answer.body.as_deref().unwrap_or_default()));
    }
    put("attempts".to_owned(), upstream.len().to_string());
    for (attempt, request) in upstream.iter().enumerate() {
        if case.expect.shares.is_empty() {
            put(format!("cluster of attempt {attempt}"), request.cluster.clone());
        }
        put(format!("path of attempt {attempt}"), request.path.clone());
        put(format!("authority of attempt {attempt}"), request.authority.clone());
        put(format!("method of attempt {attempt}"), request.method.clone());
        let alike = |name: &str| !OWN_TO_EACH.contains(&name) && (attempt == 0 || name != TIME_LEFT);
        for (name, value) in request.headers.iter().filter(|(name, _)| alike(name)) {
            put(format!("header {name} of attempt {attempt}"), compared(name, value.clone()));
        }
    }
    all
}

/// A value as it is compared: of one that every request has for itself, what it looks like.
fn compared(name: &str, value: String) -> String {
    if !name.starts_with(LOOKS_ALIKE) {
        return value;
    }
    let mut looks: Vec<char> =
        value.chars().map(|c| if c.is_ascii_digit() || ('a'..='f').contains(&c) { '0' } else { c }).collect();
    looks.dedup_by(|one, other| one == other && *one == '0');
    looks.into_iter().collect()
}
