//! A long load of everything at once on the suite, after which nothing may be left: `scripts/soak.sh`, and a short form
//! among the tests.
//!
//! | file | what |
//! |---|---|
//! | `mesh` | the resources, and what changes in them while the load runs |
//! | `asked` | the kinds of request, and what may come of each |
//! | `load` | the clients |
//! | `tally` | what came of every request |
//! | `changes` | configurations that are replaced meanwhile |
//! | `verdict` | what must hold when all is over |
//! | `hosts` | another load: one client, any number of hosts |
//! | `control` | the same load without a module |
//!
//! What a request is, whether its client leaves and when follow from the seed and the request's number alone; what comes
//! of it depends on the machine as well.

mod asked;
mod changes;
pub mod control;
pub mod hosts;
mod load;
mod mesh;
mod tally;
mod verdict;

use std::time::{Duration, Instant};

use crate::discovery::Discovery;
use crate::echo::Echo;
use crate::envoy::Envoy;
use crate::sail::Sail;
use changes::Changes;
use load::Load;
use mesh::{Ports, Settings};
pub use verdict::Verdict;

/// How long and how hard.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many requests.
    pub requests: u64,
    /// How long they may take.
    pub within: Duration,
    /// What all that is random follows from.
    pub seed: u64,
    /// Envoy's workers.
    pub workers: u32,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan { requests: 1_000_000, within: Duration::from_secs(30 * 60), seed: 1, workers: 3 }
    }
}

/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_secs(2);

/// What upstreams there are.
struct Upstreams {
    v1: Echo,
    v2: Echo,
    busy: Echo,
    shadow: Echo,
}

impl Upstreams {
    fn start() -> Upstreams {
        let [v1, v2, busy, shadow] = ["v1", "v2", "busy", "shadow"].map(Echo::named);
        Upstreams { v1, v2, busy, shadow }
    }

    fn ports(&self) -> Ports {
        Ports { v1: self.v1.port(), v2: self.v2.port(), busy: self.busy.port(), shadow: self.shadow.port() }
    }
}

/// Runs it. `tell` gets a line of progress every two seconds.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&str)) -> Verdict {
    let upstreams = Upstreams::start();
    let discovery = Discovery::new();
    let sail = Sail::new(mesh::resources(upstreams.ports(), &Settings::FIRST)).workers(plan.workers);
    let envoy = discovery.follow(sail).start();
    let address = envoy.listener("gateway-80");
    let mut changes = Changes::new(&discovery, upstreams.ports(), plan.seed);

    let started = Instant::now();
    let deadline = started + plan.within;
    let mut told = started;
    let load = Load::start(address, plan);
    while load.running() {
        if Instant::now() > deadline {
            load.stop();
        }
        changes.go_on(&envoy);
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            tell(&progress(plan, &envoy, load.done(), &changes, started));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    tell(&progress(plan, &envoy, load.done(), &changes, started));
    let took = started.elapsed();
    let tally = load.tally();
    verdict::judge(plan, &envoy, &mut changes, tally, took)
}

fn progress(plan: &Plan, envoy: &Envoy, done: u64, changes: &Changes<'_>, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let gauge = |name: &str| envoy.stat(&format!("wasmcustom.sailcloth.circuit-breaker.{name}"));
    format!(
        "{seconds:6.1} s  {done} of {} requests, {:.0}/s, {} configurations, {} active, {} waiting, Envoy {} MiB",
        plan.requests,
        done as f64 / seconds,
        changes.taken(),
        gauge("active"),
        gauge("waiting"),
        envoy.memory_kb() / 1024,
    )
}
