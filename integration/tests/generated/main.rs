//! Generated rules and requests through the suite and through its native twin, on real Envoy: whatever the number of
//! rules, both answer with the rule that trying all in order finds.
//!
//! `SAILCLOTH_SEED=7 cargo test -p integration --test generated` takes other rules and requests than those of always.

mod reference;
mod requests;
mod rules;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use envoy_config::Proxy;
use integration::engine::proxy::{Bench, Placed, ProxyEngine};
use integration::engine::{Kind, shown};
use integration::random::Random;
use reference::Reference;
use serde_json::Value;
use shared::finding::Report;
use shared::model::Resources;

const SEED: u64 = 20_261_123;

/// Requests for each number of rules.
const REQUESTS: usize = 2_000;

/// Disagreements that are printed.
const MOST_PRINTED: usize = 10;

#[test]
fn ten_rules() {
    agree(10, 5);
}

#[test]
fn a_thousand_rules() {
    agree(1_000, 300);
}

#[test]
fn ten_thousand_rules() {
    agree(10_000, 600);
}

fn read(resources: &[Value]) -> Resources {
    let mut report = Report::new();
    let node = |resource: &Value| shared::load::json(resource.to_string().as_bytes()).expect("it is JSON");
    let set = Resources::read(resources.iter().map(|resource| (None, node(resource))), &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    set
}

/// What an engine answers: the name of the rule, or none; anything else is a word for itself.
fn answer(engine: &mut ProxyEngine<'_>, request: &integration::corpus::case::RequestFields) -> Option<String> {
    let answer = engine.exchange(request, "", 0);
    match (answer.status, shown(&answer.body.unwrap_or_default())) {
        (Some(200), name) => Some(name),
        (Some(404), empty) if empty.is_empty() => None,
        other => Some(format!("{other:?}")),
    }
}

/// Both agree with the reference for all requests, which find at least `hit` different rules.
fn agree(count: usize, hit: usize) {
    let began = Instant::now();
    let seed = std::env::var("SAILCLOTH_SEED").map_or(SEED, |seed| seed.parse().expect("a seed is a number"));
    let mut random = Random::of(seed, count as u64);
    let (resources, blocks) = rules::generate(&mut random, count);
    let set = read(&resources);
    let proxy = Proxy {
        namespace: "default".to_owned(),
        gateways: vec!["default/gw".to_owned()],
        labels: BTreeMap::new(),
        port: Some(80),
    };
    let reference = Reference::new(&set, &proxy);
    let placed = Placed {
        set: &set,
        documents: &resources,
        unvalidated: false,
        proxy: &proxy,
        alone_to: None,
        engines: vec![Kind::Suite, Kind::Native],
    };
    let bench = Bench::start(&[placed], 2);
    let [mut suite, mut native] = [Kind::Suite, Kind::Native].map(|kind| bench.engine(0, kind));
    let started = began.elapsed();

    let (mut wrong, mut rules_hit) = (Vec::new(), BTreeSet::new());
    let (mut none, mut several) = (0, 0);
    for number in 0..REQUESTS {
        let wants = requests::generate(&mut random, &blocks, count);
        let request = requests::fields(&wants, number % 4 == 3);
        let found = reference.find(&wants);
        let answers = [answer(&mut suite, &request), answer(&mut native, &request), found.by_index];
        if answers.iter().any(|answer| *answer != found.in_order) {
            let [suite, native, index] = answers.map(|answer| answer.unwrap_or_else(|| "none".to_owned()));
            wrong.push(format!(
                "suite {suite}, native {native}, index {index}, in order {}: {}",
                found.in_order.as_deref().unwrap_or("none"),
                requests::curl(&wants)
            ));
        }
        none += usize::from(found.in_order.is_none());
        several += usize::from(found.contested);
        rules_hit.extend(found.in_order);
    }
    println!(
        "{count} rules, {} blocks: {REQUESTS} requests, {} rules hit, {none} hit none, {several} would be taken by \
         several; started in {started:.1?}, done in {:.1?}",
        blocks.len(),
        rules_hit.len(),
        began.elapsed()
    );
    let printed = wrong.len().min(MOST_PRINTED);
    assert!(
        wrong.is_empty(),
        "{} of {REQUESTS} disagree at {count} rules, SAILCLOTH_SEED={seed}:\n{}",
        wrong.len(),
        wrong[..printed].join("\n")
    );
    assert_eq!(bench.vm_reloads(), 0, "{}", bench.log());
    // Or the requests would say little about order.
    assert!(rules_hit.len() >= hit, "requests hit {} rules of {count}", rules_hit.len());
    assert!(several * 5 >= REQUESTS, "the order mattered to {several} requests alone");
    assert!(none > 0, "every request found a rule");
}
