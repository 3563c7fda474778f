//! What is there once and not for each request: start-up, memory, and the size of the modules.

use std::time::{Duration, Instant};

use integration::paths;
use serde_json::{Value, json};

use crate::cpu::{self, Clock};
use crate::run::Measured;
use crate::sample::spread;
use crate::setup::{Match, Setup};
use crate::sides::{self, Side};

/// A figure that stands for itself.
pub struct Fact {
    /// What it is.
    pub name: String,
    /// The figure.
    pub figure: f64,
    /// Its unit.
    pub unit: &'static str,
    /// The most that it may be, where there is a bar.
    pub most: Option<f64>,
}

impl Fact {
    /// Whether its bar is reached.
    pub fn holds(&self) -> bool {
        self.most.is_none_or(|most| self.figure <= most)
    }

    /// In words.
    pub fn sentence(&self) -> String {
        let most = self.most.map_or_else(String::new, |most| format!(", at most {most} {}", self.unit));
        let word = if self.holds() { "" } else { "SHORT: " };
        format!("{word}{} {:.3} {}{most}", self.name, self.figure, self.unit)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({"fact": self.name, "figure": self.figure, "unit": self.unit, "most": self.most, "holds": self.holds()})
    }
}

/// How often what is a matter of time is tried, in full and with `--quick`.
const TRIES: [usize; 2] = [5, 3];
/// Workers of the larger of two Envoys: what they have beyond those of the other is what VMs cost.
const MANY: u32 = 4;

/// Sizes, start-up, and what plans of 10,000 rules take.
pub fn facts(quick: bool, wanted: impl Fn(&str) -> bool, mut found: impl FnMut(Fact)) -> Result<(), String> {
    if wanted("size") {
        sizes()?.into_iter().for_each(&mut found);
    }
    if wanted("start") {
        let tries = TRIES[usize::from(quick)];
        for (side, most) in [(Side::Native, None), (Side::SuiteStats, Some(0.6))] {
            let setup = Setup::everything(10);
            let starts = (0..tries).map(|_| started(side, &setup).map(|it| it.start.as_secs_f64()));
            let starts: Vec<f64> = starts.collect::<Result<_, _>>()?;
            let name = format!("start of {side} with 10 rules");
            let figure = spread(starts).map_or(f64::NAN, |it| it.median);
            found(Fact { name, figure, unit: "s", most });
        }
    }
    if wanted("plan") {
        let kinds =
            [("prefix", Match::Prefix), ("exact", Match::Exact), ("header", Match::Header), ("regex", Match::Regex)];
        let few = vm(&Setup::plain(10, Match::Prefix))?;
        for (word, matches) in kinds.into_iter().take(if quick { 1 } else { kinds.len() }) {
            const RULES: usize = 10_000;
            let many = vm(&Setup::plain(RULES, matches))?;
            let (time, memory) = if matches == Match::Regex { (None, None) } else { (Some(1.0), Some(1.0)) };
            let name = format!("plan of {RULES} {word} rules, a VM's processor time until it is ready");
            found(Fact { name, figure: many.cpu.as_secs_f64(), unit: "s", most: time });
            let name = format!("plan of {RULES} {word} rules, a VM's memory for each");
            found(Fact { name, figure: (many.kb - few.kb) / RULES as f64, unit: "kB", most: memory });
        }
    }
    Ok(())
}

fn sizes() -> Result<Vec<Fact>, String> {
    let names = envoy_config::filter::MODULES.iter().chain([&envoy_config::filter::SUITE]);
    let size = |module: &envoy_config::filter::Module| {
        let file = paths::modules().join(module.file);
        let bytes = std::fs::metadata(&file).map_err(|error| format!("{}: {error}", file.display()))?.len();
        let most = if *module == envoy_config::filter::SUITE { 600.0 } else { 480.0 };
        Ok(Fact {
            name: format!("size of {}", module.file),
            figure: bytes as f64 / 1000.0,
            unit: "kB",
            most: Some(most),
        })
    };
    names.map(size).collect()
}

fn started(side: Side, setup: &Setup) -> Result<sides::Running, String> {
    let set = sides::resources(setup)?;
    let (clusters, _) = sides::clusters(setup, &set)?;
    sides::start(side, setup, &set, &clusters)
}

/// What one VM takes.
struct Vm {
    cpu: Duration,
    kb: f64,
}

/// What a worker's VM takes: the difference between Envoys that have more and fewer workers, shared out.
fn vm(setup: &Setup) -> Result<Vm, String> {
    let with = |workers: u32| -> Result<(Duration, f64), String> {
        let one = started(Side::Suite, &Setup { workers, ..setup.clone() })?;
        let cpu = settled(one.envoy.pid())?;
        let kb = cpu::resident_kb(one.envoy.pid()).ok_or("Envoy has no memory")?;
        Ok((cpu, kb as f64))
    };
    let (few, many) = (with(1)?, with(1 + MANY)?);
    Ok(Vm { cpu: many.0.saturating_sub(few.0) / MANY, kb: (many.1 - few.1) / f64::from(MANY) })
}

/// What a process has run when it has come to rest: workers may still be at their plans when Envoy is ready.
fn settled(pid: u32) -> Result<Duration, String> {
    let clock = Clock::of(pid)?;
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut before = clock.now()?;
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = clock.now()?;
        if now - before < Duration::from_millis(10) {
            return Ok(now);
        }
        if Instant::now() > deadline {
            return Err("Envoy does not come to rest".to_owned());
        }
        before = now;
    }
}

/// What the metrics cost: reported by themselves, for stock Envoy has no equivalent.
pub fn metrics(row: &str, measured: &Measured) -> Option<Fact> {
    let pairs = measured.samples(Side::SuiteStats).iter().zip(measured.samples(Side::Suite));
    let figure = spread(pairs.map(|(with, without)| with.cpu_us - without.cpu_us))?.median;
    Some(Fact { name: format!("metrics, {row}: processor time of a request"), figure, unit: "µs", most: None })
}
