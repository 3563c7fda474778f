//! Generated meshes with planted mistakes: whatever `istioctl validate` and `istioctl analyze` say of one, `check` says
//! too, by the same code and of the same resource.
//!
//! `SAILCLOTH_SEED=7 SAILCLOTH_SETS=3000 cargo test -p integration --test planted -- --nocapture` takes other sets, and so
//! many.

mod planted_mistakes;

use std::collections::{BTreeMap, BTreeSet};

use envoy_config::input::{Source, loaded};
use integration::istioctl::{self, Said, Verdict};
use integration::random::Random;
use planted_mistakes::{BASE, MISTAKES, plant};
use serde_json::Value;

/// What istioctl says and `check` does not, each with the reason. `docs/istioctl.md` says the same to people.
fn is_left_out(said: &Said, yaml: &str, verdict: &Verdict, ours: &BTreeSet<Said>) -> bool {
    let (code, resource) = said;
    let kind = resource.split(' ').next().unwrap_or_default();
    let has = |code: &str| ours.contains(&(code.to_owned(), resource.clone()));
    let refused = verdict.refused.iter().any(|(refused, _)| refused == resource);
    match (code.as_str(), kind) {
        // The same as IST0134, beside which it stands.
        ("IST0133", "ServiceEntry") if has("IST0134") => true,
        // A Deployment's template says which Pods there will be.
        ("IST0101", "Sidecar" | "Telemetry") | ("IST0127", _) if yaml.contains("kind: Deployment") => true,
        // A name in the old form, which has its own warning, leads to the Gateway all the same.
        ("IST0101" | "IST0132", "VirtualService") if has("IST0133") && yaml.contains("gw.a.svc") => true,
        // The ports of a Service of type ExternalName are nothing to who asks for it.
        ("IST0101", "VirtualService") if yaml.contains("ExternalName") => true,
        // Nothing more is said of what a field that cannot be read is about.
        _ => refused && has("IST0106"),
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

fn set(seed: u64, number: u64) -> (String, Vec<&'static str>) {
    let random = &mut Random::of(seed, number);
    let mut documents: Vec<Value> =
        serde_yaml::Deserializer::from_str(BASE).map(|one| serde::Deserialize::deserialize(one).unwrap()).collect();
    // A mesh has only some of them.
    documents.retain(|document| !random.percent(if document["kind"] == "Pod" { 10 } else { 4 }));
    let mut planted = Vec::new();
    for _ in 0..random.between(1, 4) {
        let mistake = random.pick(MISTAKES);
        if plant(mistake, &mut documents, random) {
            planted.push(mistake.0);
        }
    }
    let texts: Vec<String> = documents.iter().map(|one| serde_yaml::to_string(one).unwrap()).collect();
    (texts.join("---\n"), planted)
}

/// What `check` says: codes of Istio's by resource, and what it refuses.
fn ours(yaml: &str) -> BTreeSet<Said> {
    let findings = loaded(vec![Source { name: "set.yaml".into(), text: yaml.to_owned() }]).findings;
    findings.iter().map(|finding| (finding.code.as_str().to_owned(), finding.resource())).collect()
}

#[test]
fn check_says_what_istioctl_says() {
    if istioctl::program().is_none() {
        println!("skipped: scripts/istiod.sh --judge has built no istioctl");
        return;
    }
    let (seed, count) = (number("SAILCLOTH_SEED", 20_261_127), number("SAILCLOTH_SETS", 300));
    let sets: Vec<_> = (0..count).map(|number| set(seed, number)).collect();
    let mut next = sets.iter();
    let (mut missing, mut codes) = (Vec::new(), BTreeMap::<String, usize>::new());
    istioctl::ask_all(sets.iter().map(|(yaml, _)| yaml.clone()), &mut |yaml, verdict| {
        let (_, planted) = next.next().expect("one answer for each");
        let ours = ours(yaml);
        let said = |code: &str, resource: &str| ours.contains(&(code.to_owned(), resource.to_owned()));
        for one in &verdict.codes {
            *codes.entry(one.0.clone()).or_default() += 1;
            if !ours.contains(one) && !is_left_out(one, yaml, &verdict, &ours) {
                missing.push(format!("{} {} with {planted:?}:\n{yaml}", one.0, one.1));
            }
        }
        for (resource, why) in &verdict.refused {
            *codes.entry("refused".to_owned()).or_default() += 1;
            // Kubernetes prunes what no schema has, and names of ports are what IST0118 is about.
            let fits =
                ["IST0106", "IST0118", "IST0150", "SC0004", "SC0002", "SC0001"].iter().any(|code| said(code, resource));
            if !fits {
                missing.push(format!("refused {resource} with {planted:?}: {why}\n{yaml}"));
            }
        }
    });
    println!("planted: {count} sets, {codes:?}");
    for one in missing.iter().take(number("SAILCLOTH_PRINTED", 3) as usize) {
        println!("{one}\n");
    }
    let short: BTreeSet<&str> = missing.iter().filter_map(|one| one.lines().next()).collect();
    assert!(missing.is_empty(), "{} that check does not say: {short:#?}", missing.len());
    assert!(count < 300 || codes.len() > 30, "{codes:?}");
}
