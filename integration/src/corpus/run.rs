//! Runs case files: every row on every engine that is not excluded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{panic, thread};

use envoy_config::Proxy;
use envoy_config::cases::{judge_copies, take_copies};

use super::case::{Case, Expect, Scene, excluded};
use super::load::{CaseFile, Read};
use super::report::{Table, Tally};
use super::{Comparison, judge, judge_counted, judge_shares};
use crate::engine::core::Core;
use crate::engine::proxy::{Bench, Placed};
use crate::engine::{Behaviour, Engine, Kind};
use crate::{envoy, istiod, paths};

/// How many files run at the same time; Envoy and its upstreams fill a core each.
const AT_ONCE: usize = 2;

/// What Envoy logs when a module, or Envoy itself, is in trouble.
const FATAL: &[&str] =
    &["[critical]", "panicked at", "Wasm VM failed", "Plugin configured to fail", "Function: proxy_on"];

/// A row that takes longer is named, so that the whole stays short.
const SLOW: Duration = Duration::from_secs(2);

/// Repetitions of a row that are wrong beyond these are not printed.
const MOST_WRONG: usize = 3;

/// Runs the files, prints the table, and panics with every failure there was. Says how many rows each engine ran.
pub fn run_all(files: &[CaseFile]) -> BTreeMap<Kind, u32> {
    let next = AtomicUsize::new(0);
    let tallies: Mutex<Vec<(usize, Tally)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((index, file)) = take(files, &next) {
                    let tally = panic::catch_unwind(|| run(file)).unwrap_or_else(|why| broken(file, &*why));
                    tallies.lock().expect("nobody panics with it").push((index, tally));
                }
            });
        }
    });
    let mut tallies = tallies.into_inner().expect("nobody panics with it");
    tallies.sort_by_key(|(index, _)| *index);
    let tallies: Vec<Tally> = tallies.into_iter().map(|(_, tally)| tally).collect();
    for failure in tallies.iter().flat_map(|tally| &tally.failures) {
        println!("{failure}");
    }
    let table = Table::new(&tallies);
    println!("{table}");
    if istiod::program().is_none() {
        println!("no row ran on istiod: scripts/istiod.sh has built none");
    }
    assert!(!tallies.is_empty(), "no case file");
    let failed: usize = tallies.iter().map(|tally| tally.failures.len()).sum();
    assert_eq!(failed, 0, "failures are above");
    table.ran().clone()
}

fn take<'a>(files: &'a [CaseFile], next: &AtomicUsize) -> Option<(usize, &'a CaseFile)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    files.get(index).map(|file| (index, file))
}

/// A file that could not be run at all.
fn broken(file: &CaseFile, why: &(dyn std::any::Any + Send)) -> Tally {
    let why = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
    let failure = format!("{}: cannot be run: {}", file.name, why.unwrap_or("it panics"));
    Tally { name: file.name.clone(), failures: vec![failure], ..Tally::default() }
}

/// Runs one file: the engines that run every row share an Envoy, unless its clusters detect outliers; each module alone
/// has one that loads no other.
pub fn run(file: &CaseFile) -> Tally {
    let before = Instant::now();
    let mut tally = Tally { name: file.name.clone(), ..Tally::default() };
    for Read { scene, .. } in &file.scenes {
        tally.rows += count(scene.cases.iter());
        // Who is not there excludes nothing.
        for kind in Kind::WHOLE.into_iter().filter(|kind| *kind != Kind::Istiod || istiod::program().is_some()) {
            tally.excluded += count(scene.cases.iter().filter(|case| !runs(scene, case, kind)));
        }
    }
    match detects(file) {
        true => Kind::WHOLE.iter().for_each(|kind| run_on(file, &[*kind], &mut tally)),
        false => run_on(file, &Kind::WHOLE, &mut tally),
    }
    for behaviour in Behaviour::ALL {
        run_on(file, &[Kind::Alone(behaviour)], &mut tally);
    }
    tally.took = before.elapsed();
    tally
}

fn detects(file: &CaseFile) -> bool {
    file.scenes.iter().any(|read| read.scene.outlier_detection)
}

fn count<'a>(cases: impl Iterator<Item = &'a Case>) -> u32 {
    u32::try_from(cases.count()).expect("a file has few rows")
}

/// Runs the rows of these engines on one Envoy, where there are any.
fn run_on(file: &CaseFile, kinds: &[Kind], tally: &mut Tally) {
    let proxies = proxies(file);
    let mut placed = placed(file, &proxies);
    for scene in &mut placed {
        scene.engines.retain(|kind| kinds.contains(kind));
    }
    if placed.iter().all(|scene| scene.engines.is_empty()) {
        return;
    }
    let workers = file.scenes.iter().find_map(|read| read.scene.workers).unwrap_or(2);
    let start = if detects(file) { Bench::detecting } else { Bench::start };
    let bench = start(&placed, workers);
    for (index, (Read { scene, set, .. }, placed)) in file.scenes.iter().zip(&placed).enumerate() {
        for kind in placed.engines.iter().copied() {
            let mut engine: Box<dyn Engine + '_> = match kind {
                Kind::Core => Box::new(Core::new(set, placed.proxy)),
                _ => Box::new(bench.engine(index, kind)),
            };
            for case in scene.cases.iter().filter(|case| runs(scene, case, kind)) {
                *tally.ran.entry(kind).or_default() += 1;
                let compared = row(case, kind, engine.as_mut());
                tally.compared += u64::from(compared.compared);
                if compared.compared == 0 {
                    tally.failures.push(format!("{}: {kind}: `{}`: nothing could be compared", file.name, case.name));
                }
                if !compared.wrong.is_empty() {
                    tally.failures.push(failure(file, kind, case, &compared));
                }
            }
        }
    }
    if bench.vm_reloads() > 0 {
        tally.failures.push(format!("{}: a module died and was loaded again", file.name));
    }
    let log = bench.log();
    for line in log.lines().filter(|line| FATAL.iter().any(|word| line.contains(word))) {
        tally.failures.push(format!("{}: in Envoy's log: {line}", file.name));
    }
}

/// One row on one engine, as often as it says.
fn row(case: &Case, kind: Kind, engine: &mut dyn Engine) -> Comparison {
    let mut all = Comparison::default();
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut statuses: BTreeMap<u16, u32> = BTreeMap::new();
    let started = Instant::now();
    for (index, request) in case.before.iter().enumerate() {
        for repetition in 0..request.repeat {
            engine.ask(request, &format!("{kind}-{}-before-{index}-{repetition}", case.name), 0);
        }
    }
    let before = if case.expect.counted.is_empty() { None } else { engine.counts() };
    for repetition in 0..case.request.repeat {
        let key = format!("{kind}-{}-{repetition}", case.name);
        let mirrors = case.expect.mirrors.len();
        let at_least = if mirrors == 0 { 0 } else { case.expect.attempts.unwrap_or(1) + mirrors };
        let mut answer = engine.ask(&case.request, &key, at_least);
        let copies = take_copies(&case.expect, &mut answer);
        let mut one = judge(&case.expect, &answer);
        answer.status.into_iter().for_each(|status| *statuses.entry(status).or_default() += 1);
        // The draw is one a request: retries stay with its cluster.
        let mut upstream = answer.upstream.iter().flatten().map(|request| &request.cluster);
        if let Some(drawn) = upstream.next() {
            *counts.entry(drawn.clone()).or_default() += 1;
            let others = upstream.filter(|cluster| *cluster != drawn);
            one.wrong.extend(others.map(|other| ("cluster of a retry".to_owned(), other.clone(), drawn.clone())));
        }
        judge_copies(&case.expect, &copies, &answer, &mut one);
        all.compared += one.compared;
        all.wrong.append(&mut one.wrong);
        if all.wrong.len() >= MOST_WRONG {
            break;
        }
    }
    if let Some((before, after)) = before.and_then(|before| Some((before, engine.counts()?))) {
        let requests = case.request.repeat * case.request.at_once.unwrap_or(1);
        judge_counted(&case.expect, &before, &after, requests, &mut all);
    }
    if started.elapsed() > SLOW {
        println!("slow: {kind}: `{}` takes {:?}", case.name, started.elapsed());
    }
    let Expect { shares, status_shares, .. } = &case.expect;
    if !shares.is_empty() {
        judge_shares(shares, (&counts, counts.values().sum()), &mut all);
    }
    if !status_shares.is_empty() && !statuses.is_empty() {
        judge_shares(status_shares, (&statuses, statuses.values().sum()), &mut all);
    }
    all
}

fn failure(file: &CaseFile, kind: Kind, case: &Case, compared: &Comparison) -> String {
    let mut text = format!("{}: {kind}: `{}`", file.name, case.name);
    if let Some(why) = &case.why {
        text.push_str(&format!(" ({why})"));
    }
    for (what, got, want) in &compared.wrong {
        text.push_str(&format!("\n    {what}: got {got}, want {want}"));
    }
    text
}

/// The version of the Envoy that all files run on.
fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| envoy::version(paths::envoy()))
}

/// Whether a row runs on an engine.
pub(super) fn runs(scene: &Scene, case: &Case, kind: Kind) -> bool {
    if let Kind::Alone(behaviour) = kind {
        let asked = case.engines.alone.as_ref().or(scene.engines.alone.as_ref());
        return asked.is_some_and(|asked| asked.contains(&behaviour));
    }
    if kind == Kind::Istiod && istiod::program().is_none() {
        return false;
    }
    let envoy = version();
    !excluded(&scene.engines, kind, envoy) && !excluded(&case.engines, kind, envoy)
}

/// The proxy of each scene, as modules are told of it.
pub(super) fn proxies(file: &CaseFile) -> Vec<Proxy> {
    file.scenes.iter().map(|read| Proxy::from(&read.scene.proxy.clone().unwrap_or_default())).collect()
}

/// The scenes as an Envoy has them.
pub(super) fn placed<'a>(file: &'a CaseFile, proxies: &'a [Proxy]) -> Vec<Placed<'a>> {
    let scenes = file.scenes.iter().zip(proxies);
    scenes
        .map(|(Read { scene, set, documents }, proxy)| Placed {
            set,
            documents,
            unvalidated: scene.unvalidated.is_some(),
            proxy,
            alone_to: scene.alone_to.as_deref(),
            engines: engines(scene),
        })
        .collect()
}

/// The engines that run any row of a scene.
fn engines(scene: &Scene) -> Vec<Kind> {
    Kind::all().filter(|kind| scene.cases.iter().any(|case| runs(scene, case, *kind))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::case::excluded;
    use crate::corpus::{folder, load};

    /// All rows on the engine that needs no Envoy.
    #[test]
    fn the_core_does_as_the_corpus_says() {
        let files = load::files(&folder(), "");
        let mut failures = Vec::new();
        let mut rows = 0;
        for (file, proxies) in files.iter().map(|file| (file, proxies(file))) {
            for (Read { scene, set, .. }, proxy) in file.scenes.iter().zip(&proxies) {
                let mut core = Core::new(set, proxy);
                let runs = |engines| !excluded(engines, Kind::Core, "1.40");
                for case in scene.cases.iter().filter(|case| runs(&scene.engines) && runs(&case.engines)) {
                    let compared = row(case, Kind::Core, &mut core);
                    rows += 1;
                    if !compared.wrong.is_empty() || compared.compared == 0 {
                        failures.push(failure(file, Kind::Core, case, &compared));
                    }
                }
            }
        }
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(rows > 500, "{rows} rows");
    }
}
