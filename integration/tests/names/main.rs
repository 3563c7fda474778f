//! Generated resources whose names get in each other's way, and requests for such names: Gateways with wildcards,
//! namespaces and redirects, VirtualServices of several namespaces and ages, hosts that several resources define. Whoever
//! is found by the suite and by the native twin is found by Istio's own control plane.
//!
//! `SAILCLOTH_SEED=7 SAILCLOTH_SCENES=300 cargo test -p integration --test names` takes others than those of always, and
//! more; with `SAILCLOTH_SHOW=1` it prints the resources of what disagrees.

mod gateways;
mod scene;
mod services;

use std::time::Instant;

use integration::corpus::case::RequestFields;
use integration::engine::proxy::{Bench, Placed};
use integration::engine::{Answer, Kind, shown};
use integration::istiod;
use integration::random::Random;
use scene::Scene;
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;

const SEED: u64 = 20_261_126;

/// Each is a listener for each engine.
const SCENES: u64 = 60;

/// Requests to each.
const REQUESTS: u32 = 50;

fn read(resources: &[Value]) -> Resources {
    let mut report = Report::new();
    let node = |resource: &Value| shared::load::json(resource.to_string().as_bytes()).expect("it is JSON");
    let set = Resources::read(resources.iter().map(|resource| (None, node(resource))), &mut report);
    shared::check::validate(&set, &mut report);
    let stops: Vec<_> = report.findings().iter().filter(|finding| finding.stops()).collect();
    assert!(stops.is_empty(), "{stops:?}");
    set
}

/// Who has answered, and what.
fn outcome(answer: &Answer) -> String {
    if let Some(upstream) = answer.upstream.iter().flatten().next() {
        return format!("{} {}", upstream.cluster, upstream.path);
    }
    let location = answer.headers.iter().flatten().find(|(name, _)| name == "location");
    let location = location.map(|(_, value)| shown(value)).unwrap_or_default();
    // Envoy's own replies have texts that differ with what went wrong.
    let body = answer.body.as_deref().filter(|_| answer.status == Some(scene::DIRECT)).map(shown).unwrap_or_default();
    format!("{} {location}{body}", answer.status.unwrap_or_default())
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

#[test]
fn whoever_is_found_is_found_by_istio() {
    if istiod::program().is_none() {
        println!("names: not run, since scripts/istiod.sh has built no control plane");
        return;
    }
    let began = Instant::now();
    let (seed, scenes) = (number("SAILCLOTH_SEED", SEED), number("SAILCLOTH_SCENES", SCENES));
    let mut random = Random::of(seed, 0);
    let number = |number: u64| u32::try_from(number).expect("there are few");
    let scenes: Vec<Scene> = (0..scenes).map(|scene| Scene::generate(&mut random, number(scene))).collect();
    let sets: Vec<Resources> = scenes.iter().map(|scene| read(&scene.documents)).collect();
    let placed = scenes.iter().zip(&sets).map(|(scene, set)| Placed {
        set,
        documents: &scene.documents,
        proxy: &scene.proxy,
        unvalidated: false,
        alone_to: None,
        engines: vec![Kind::Suite, Kind::Native, Kind::Istiod],
    });
    let bench = Bench::start(&placed.collect::<Vec<_>>(), 1);
    let started = began.elapsed();

    let (mut wrong, mut asked, mut routed) = (Vec::new(), 0, 0);
    for (place, scene) in scenes.iter().enumerate() {
        let mut engines = [Kind::Suite, Kind::Native, Kind::Istiod].map(|kind| bench.engine(place, kind));
        let before = wrong.len();
        for _ in 0..REQUESTS {
            let (method, url) = (*random.pick(&["GET", "GET", "POST"]), scene.url(&mut random));
            let request = json!({"method": method, "url": url});
            let request: RequestFields = serde_json::from_value(request).expect("these are its fields");
            let [suite, native, istiod] = engines.each_mut().map(|engine| outcome(&engine.exchange(&request, "", 0)));
            asked += 1;
            routed += u32::from(istiod.starts_with("outbound"));
            if suite != istiod || native != istiod {
                let proxy = &scene.proxy;
                wrong.push(format!("{method} {url}: suite {suite}, native {native}, istiod {istiod}; at {proxy:?}"));
            }
        }
        if wrong.len() > before && std::env::var("SAILCLOTH_SHOW").is_ok() {
            let texts = scene.documents.iter().map(|document| serde_yaml::to_string(document).expect("it is YAML"));
            wrong.push(texts.collect::<Vec<_>>().join("---\n"));
        }
    }
    println!(
        "names: {asked} requests in {} scenes, {routed} of them to a service; started in {started:.1?}, done in {:.1?}",
        scenes.len(),
        began.elapsed()
    );
    assert!(wrong.is_empty(), "SAILCLOTH_SEED={seed}, {} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(bench.vm_reloads(), 0, "{}", bench.log());
    // Or the requests would say little.
    assert!(routed * 10 > asked, "{routed} requests of {asked} found a service");
}
