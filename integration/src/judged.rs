//! Generated meshes and requests, judged by Istio's own control plane: the suite and a stock Envoy on what that sends
//! answer alike, in everything that comes of a request.
//!
//! | area | what its meshes have |
//! |---|---|
//! | [`routes`] | every kind of match and of action of an HTTP rule |
//! | [`time`] | timeouts, per-try timeouts, retries and delays, on upstreams that are slow, fail, or break off |
//! | [`pools`] | limits of connections and requests, for clients that come at the same time |
//! | [`listeners`] | several Gateways, servers, ports and VirtualServices for the same hosts, of several ages |
//! | [`services`] | ServiceEntries of every resolution, wildcards, WorkloadEntries, Kubernetes Services, in the mesh |
//! | [`visible`] | `exportTo`, Sidecars and delegates |
//! | [`wire`] | paths and headers of every byte, HTTP/2, gRPC, websockets |
//! | [`formats`] | format strings of every operator |
//!
//! A mesh follows from the seed and its number alone, so a disagreement can be had again.

pub mod formats;
pub mod listeners;
pub mod pools;
pub mod routes;
pub mod services;
pub mod time;
pub mod visible;
pub mod wire;
pub mod write;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use envoy_config::Proxy;
use serde_json::Value;
use shared::finding::Report;
use shared::model::Resources;

use crate::corpus::case::RequestFields;
use crate::difference::{between, describe};
use crate::engine::proxy::{Bench, Placed, ProxyEngine};
use crate::engine::{Answer, Kind};
use crate::istiod;
use crate::random::Random;

/// Resources, a proxy, and what is asked of it.
pub struct Mesh {
    /// The resources, as people write them.
    pub documents: Vec<Value>,
    /// Who the proxy is.
    pub proxy: Proxy,
    /// The requests.
    pub asks: Vec<Ask>,
}

/// A request, and how its answers are compared.
pub struct Ask {
    /// The request.
    pub request: RequestFields,
    /// Whether each engine draws a destination for itself.
    pub drawn: bool,
    /// Whether both take the same time.
    pub timed: bool,
}

impl Ask {
    /// A request whose answer is compared in everything but its time.
    pub fn new(request: RequestFields) -> Ask {
        Ask { request, drawn: false, timed: false }
    }
}

/// Kinds of mesh.
#[derive(Clone, Copy)]
pub struct Area {
    /// Its name.
    pub name: &'static str,
    /// Makes a mesh of so many requests. The number is in the names of its services, for meshes that share upstreams.
    pub make: fn(&mut Random, usize, usize) -> Mesh,
}

/// All of them.
pub const AREAS: &[Area] = &[
    Area { name: "routes", make: routes::mesh },
    Area { name: "time", make: time::mesh },
    Area { name: "pools", make: pools::mesh },
    Area { name: "listeners", make: listeners::mesh },
    Area { name: "services", make: services::mesh },
    Area { name: "visible", make: visible::mesh },
    Area { name: "wire", make: wire::mesh },
    Area { name: "formats", make: formats::mesh },
];

/// How much is asked.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// What all that is random follows from.
    pub seed: u64,
    /// The number of the first mesh.
    pub first: usize,
    /// How many requests, at least.
    pub requests: usize,
    /// How many of them a mesh gets.
    pub per_mesh: usize,
    /// The most time that it may take; what is not asked by then is not asked.
    pub within: Duration,
    /// Areas whose name holds this; all, where it is empty.
    pub area: &'a str,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// How many requests both sides answered, by area.
    pub asked: Vec<(&'static str, usize)>,
    /// How many meshes there were.
    pub meshes: usize,
    /// How many more meshes both sides refused.
    pub refused: usize,
    /// What differs, ready to be read.
    pub disagreements: Vec<String>,
}

impl Verdict {
    /// How many requests both sides answered.
    pub fn requests(&self) -> usize {
        self.asked.iter().map(|(_, count)| count).sum()
    }

    fn add(&mut self, found: Found) {
        for area in found.asked {
            if let Some((_, count)) = self.asked.iter_mut().find(|(name, _)| *name == area) {
                *count += 1;
            }
        }
        self.disagreements.extend(found.disagreements);
    }
}

/// Meshes that share an Envoy.
const AT_ONCE: usize = 12;

/// Both sides may take so much longer or shorter than the other.
const TOLERANCE: Duration = Duration::from_millis(200);

/// Asked so often before a difference counts in what depends on the machine: time, and what a timeout cuts off.
const TRIES: usize = 3;

/// Disagreements after which a mesh is left.
const MOST_OF_A_MESH: usize = 2;

/// Runs it. `tell` gets each disagreement when it is found, and a line after every Envoy.
pub fn run(plan: &Plan<'_>, tell: &mut dyn FnMut(&str)) -> Verdict {
    let began = Instant::now();
    let areas: Vec<Area> = AREAS.iter().copied().filter(|area| area.name.contains(plan.area)).collect();
    assert!(!areas.is_empty(), "no area's name holds `{}`", plan.area);
    let mut verdict = Verdict { asked: areas.iter().map(|area| (area.name, 0)).collect(), ..Verdict::default() };
    while verdict.requests() < plan.requests && began.elapsed() < plan.within {
        let (first, known) = (plan.first + verdict.meshes, verdict.disagreements.len());
        let batch: Vec<(usize, Area, Mesh)> = (first..first + AT_ONCE)
            .map(|number| {
                let area = areas[number % areas.len()];
                (number, area, (area.make)(&mut Random::of(plan.seed, number as u64), number, plan.per_mesh))
            })
            .collect();
        verdict.meshes += batch.len();
        let batch: Vec<Numbered> = batch.into_iter().filter_map(|one| accepted(plan.seed, one, &mut verdict)).collect();
        match attempt(plan.seed, &batch) {
            Ok(found) => verdict.add(found),
            Err(why) => {
                // Whatever each of them comes to alone, together they could not be run.
                let these = format!("seed {}, meshes {first} to {}", plan.seed, first + AT_ONCE - 1);
                verdict.disagreements.push(format!("{these} cannot be run together: {why}"));
                for one in &batch {
                    match attempt(plan.seed, std::slice::from_ref(one)) {
                        Ok(found) => verdict.add(found),
                        Err(why) => {
                            verdict.disagreements.push(format!("{} cannot be run: {why}", one.title(plan.seed)));
                        }
                    }
                }
            }
        }
        verdict.disagreements.iter().skip(known).for_each(|disagreement| tell(disagreement));
        tell(&format!(
            "{} requests of {} meshes, {} disagreements",
            verdict.requests(),
            verdict.meshes,
            verdict.disagreements.len()
        ));
    }
    verdict
}

/// A mesh that both sides take.
struct Numbered {
    number: usize,
    area: Area,
    mesh: Mesh,
    set: Resources,
}

impl Numbered {
    fn title(&self, seed: u64) -> String {
        format!("seed {seed}, mesh {} ({})", self.number, self.area.name)
    }
}

/// Reads the resources. What Sailcloth refuses Istio has to refuse as well; such a mesh is left.
fn accepted(seed: u64, (number, area, mesh): (usize, Area, Mesh), verdict: &mut Verdict) -> Option<Numbered> {
    let mut report = Report::new();
    let node = |document: &Value| shared::load::json(document.to_string().as_bytes()).expect("it is JSON");
    let set = Resources::read(mesh.documents.iter().map(|document| (None, node(document))), &mut report);
    shared::check::check(&set, &mut report);
    let one = Numbered { number, area, mesh, set };
    if !report.stops() {
        return Some(one);
    }
    verdict.refused += 1;
    if istiod::accepts(&one.mesh.documents) {
        let why: Vec<String> =
            report.findings().iter().filter(|finding| finding.stops()).map(ToString::to_string).collect();
        verdict.disagreements.push(format!("{} is refused by Sailcloth alone: {}", one.title(seed), why.join("; ")));
    }
    None
}

/// What came of the meshes on one Envoy: the area of each request, and what differs.
#[derive(Default)]
struct Found {
    asked: Vec<&'static str>,
    disagreements: Vec<String>,
}

fn attempt(seed: u64, batch: &[Numbered]) -> Result<Found, String> {
    catch_unwind(AssertUnwindSafe(|| one_envoy(seed, batch))).map_err(|why| {
        let why = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
        why.unwrap_or("it panics").to_owned()
    })
}

fn one_envoy(seed: u64, batch: &[Numbered]) -> Found {
    let mut all = Found::default();
    let placed = batch.iter().map(|one| Placed {
        set: &one.set,
        documents: &one.mesh.documents,
        unvalidated: false,
        proxy: &one.mesh.proxy,
        alone_to: None,
        engines: vec![Kind::Suite, Kind::Istiod],
    });
    let bench = Bench::start(&placed.collect::<Vec<_>>(), 1);
    for (index, one) in batch.iter().enumerate() {
        let mut engines = [Kind::Suite, Kind::Istiod].map(|kind| bench.engine(index, kind));
        let mut found = 0;
        for (position, ask) in one.mesh.asks.iter().enumerate() {
            all.asked.push(one.area.name);
            let differences = compare(&mut engines, ask, &format!("{}-{position}", one.number));
            if !differences.is_empty() {
                all.disagreements.push(told(seed, one, ask, &differences));
                found += 1;
                if found >= MOST_OF_A_MESH {
                    break;
                }
            }
        }
    }
    assert_eq!(bench.vm_reloads(), 0, "a module died: {}", bench.log());
    all
}

/// What differs, after a second and third look where the machine may have been slow.
fn compare(engines: &mut [ProxyEngine<'_>; 2], ask: &Ask, key: &str) -> Vec<String> {
    let tries = if ask.timed { TRIES } else { 1 };
    let mut differences = Vec::new();
    for attempt in 0..tries {
        let [suite, istiod] = engines;
        let ours = suite.exchange(&ask.request, &format!("{key}-{attempt}-suite"), 0);
        let theirs = istiod.exchange(&ask.request, &format!("{key}-{attempt}-istiod"), 0);
        differences = differ(ask, &ours, &theirs);
        if differences.is_empty() {
            break;
        }
    }
    differences
}

fn differ(ask: &Ask, ours: &Answer, theirs: &Answer) -> Vec<String> {
    let named = between(&describe(ours, ask.drawn), &describe(theirs, ask.drawn));
    let mut all: Vec<String> =
        named.into_iter().map(|(name, ours, theirs)| format!("{name}: suite {ours}, istiod {theirs}")).collect();
    if let (true, Some(one), Some(other)) = (ask.timed, ours.took, theirs.took)
        && one.abs_diff(other) > TOLERANCE
    {
        all.push(format!("time: suite {one:?}, istiod {other:?}"));
    }
    all
}

fn told(seed: u64, one: &Numbered, ask: &Ask, differences: &[String]) -> String {
    let yaml = |value: &Value| serde_yaml::to_string(value).unwrap_or_default();
    let documents: Vec<String> = one.mesh.documents.iter().map(yaml).collect();
    format!(
        "{}, proxy {:?}: {:?}\n    {}\n{}",
        one.title(seed),
        one.mesh.proxy,
        ask.request,
        differences.join("\n    "),
        documents.join("---\n")
    )
}
