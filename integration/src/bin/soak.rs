//! A long load of everything at once on real Envoy; `scripts/soak.sh` builds what it needs and starts it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use integration::judged;
use integration::soak::{self, Verdict, control, hosts};

const HELP: &str = "\
Sends a million requests through the suite on a stock Envoy: clients and upstreams that break off, waits, timeouts,
delays, aborts, copies, and a configuration that is replaced all the while. Ends with 1 and the reasons if anything is
left afterwards, a VM died, or a request ended as none may.

Usage: scripts/soak.sh [--requests N] [--minutes M] [--seed S] [--workers W] [--control | --hosts N [--series N]
                                                                             | --istiod [--area A] [--mesh N]]

  --requests N  how many requests (1000000)
  --minutes M   the most that they may take (30)
  --seed S      what all that is random follows from; a new one each time, which is printed
  --workers W   Envoy's worker threads (3)
  --control     the same load on an Envoy without a module, for what Envoy does by itself
  --hosts N     another load: one client that names N distinct hosts, at a gateway and in the mesh; what Envoy keeps of
                them is measured
  --series N    with --hosts, the series that each worker may have (1000)
  --istiod      another load: generated meshes, whose requests the suite has to answer as a stock Envoy does on what
                Istio's control plane sends; what differs is printed, with the resources
  --area A      with --istiod, the kind of meshes: routes, time, pools, listeners, services, wire or formats (all)
  --mesh N      with --istiod, the first mesh (0); each disagreement names its seed and mesh

Examples:
  scripts/soak.sh --requests 100000
  scripts/soak.sh --hosts 1000000
  scripts/soak.sh --istiod --area time --requests 10000
";

struct Options {
    plan: soak::Plan,
    control: bool,
    hosts: Option<u64>,
    series: u32,
    istiod: bool,
    area: String,
    mesh: usize,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    // A panic of the harness says why by itself.
    let Ok(verdict) = catch_unwind(AssertUnwindSafe(|| soaked(&options))) else { return ExitCode::FAILURE };
    for line in &verdict.told {
        println!("{line}");
    }
    for failure in &verdict.failures {
        eprintln!("failed: {failure}");
    }
    if verdict.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn soaked(options: &Options) -> Verdict {
    let plan = &options.plan;
    let mut tell = |line: &str| eprintln!("{line}");
    match options.hosts {
        Some(hosts) => hosts::run(
            &hosts::Plan { hosts, within: plan.within, workers: plan.workers, series: options.series },
            &mut tell,
        ),
        None if options.istiod => by_istiod(options, &mut tell),
        None if options.control => control::run(plan, &mut tell),
        None => {
            eprintln!("seed {}: to repeat this, --requests {} --seed {0}", plan.seed, plan.requests);
            soak::run(plan, &mut tell)
        }
    }
}

/// Generated meshes beside Istio's control plane.
fn by_istiod(options: &Options, tell: &mut dyn FnMut(&str)) -> Verdict {
    let soak::Plan { seed, requests, within, .. } = options.plan;
    eprintln!("seed {seed}: to repeat this, --istiod --requests {requests} --seed {seed}");
    let plan = judged::Plan {
        seed,
        requests: requests as usize,
        per_mesh: 400,
        first: options.mesh,
        within,
        area: &options.area,
    };
    let verdict = judged::run(&plan, tell);
    let told = format!(
        "{} requests of {} meshes ({:?}), {} more refused by both, {} disagreements",
        verdict.requests(),
        verdict.meshes,
        verdict.asked,
        verdict.refused,
        verdict.disagreements.len()
    );
    // They have been told.
    let mut failures = match verdict.disagreements.len() {
        0 => Vec::new(),
        count => vec![format!("{count} disagreements")],
    };
    if failures.is_empty() && verdict.asked.iter().map(|(_, count)| count).sum::<usize>() < plan.requests {
        failures.push(format!("only {told} within {within:?}"));
    }
    Verdict { told: vec![told], failures }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_secs());
    let mut options = Options {
        plan: soak::Plan { seed, ..soak::Plan::default() },
        control: false,
        hosts: None,
        series: 1000,
        istiod: false,
        area: String::new(),
        mesh: 0,
    };
    while let Some(word) = words.next() {
        if word == "--area" {
            let area = words.next().ok_or("`--area` wants a value")?;
            let known: Vec<&str> = judged::AREAS.iter().map(|area| area.name).collect();
            if !known.contains(&area.as_str()) {
                return Err(format!("`--area` wants one of {}, found `{area}`", known.join(", ")));
            }
            options.area = area;
            continue;
        }
        let mut number = |least: u64| {
            let value = words.next().ok_or(format!("`{word}` wants a value"))?;
            let number = value.parse().ok().filter(|number| *number >= least);
            number.ok_or(format!("`{word}` wants a whole number from {least}, found `{value}`"))
        };
        match word.as_str() {
            "--requests" => options.plan.requests = number(1)?,
            "--minutes" => options.plan.within = Duration::from_secs(60 * number(1)?),
            "--seed" => options.plan.seed = number(0)?,
            "--workers" => options.plan.workers = number(1)?.min(64) as u32,
            "--control" => options.control = true,
            "--istiod" => options.istiod = true,
            "--mesh" => options.mesh = number(0)? as usize,
            "--hosts" => options.hosts = Some(number(1)?),
            "--series" => options.series = number(1)?.min(1_000_000) as u32,
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option `{word}`")),
        }
    }
    Ok(Some(options))
}
