//! One row: its Envoys are started, then visited in turn in short windows, so that whatever drifts hits all alike. That
//! is done several times: Envoys of one and the same configuration differ by some hundredths for as long as they run, by
//! where their memory happens to lie.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use shared::model::Resources;
use tokio::runtime::Runtime;

use crate::cpu::{self, Clock, Cores};
use crate::load::{Load, Pace};
use crate::rows::{Loading, Row};
use crate::sample::Sample;
use crate::setup::{Mirror, Setup, Split};
use crate::sides::{self, Running, Side};
use crate::upstream::Upstream;

/// How long rows are measured.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// One window.
    pub window: Duration,
    /// How often all Envoys are started anew.
    pub sittings: usize,
    /// How often each side is visited in a sitting.
    pub rounds: usize,
}

impl Timing {
    /// In words.
    pub fn sentence(&self) -> String {
        let times = if self.sittings == 1 { "once".to_owned() } else { format!("{} times", self.sittings) };
        format!("each side is started {times} and has {} windows of {} ms then", self.rounds, self.window.as_millis())
    }
}

/// How long each side is warmed up.
const WARM_UP: Duration = Duration::from_millis(150);

/// What a row came to.
pub struct Measured {
    /// By side, in the row's order.
    pub sides: Vec<MeasuredSide>,
}

/// What one side came to.
pub struct MeasuredSide {
    /// Which.
    pub side: Side,
    /// How long its starts took, in seconds.
    pub starts: Vec<f64>,
    /// Resident memory at the end of each sitting, in kB.
    pub memory_kb: Vec<f64>,
    /// Windows, by round.
    pub samples: Vec<Sample>,
    /// What each answer took in them, in ns, where the row is about latency.
    pub latencies: Vec<Vec<u64>>,
}

impl MeasuredSide {
    fn new(side: Side) -> MeasuredSide {
        MeasuredSide { side, starts: Vec::new(), memory_kb: Vec::new(), samples: Vec::new(), latencies: Vec::new() }
    }
}

impl Measured {
    /// The samples of a side; none where it did not take part.
    pub fn samples(&self, side: Side) -> &[Sample] {
        self.side(side).map_or(&[], |one| &one.samples)
    }

    /// The latencies of a side; none where it did not take part or the row is not about them.
    pub fn latencies(&self, side: Side) -> &[Vec<u64>] {
        self.side(side).map_or(&[], |one| &one.latencies)
    }

    fn side(&self, side: Side) -> Option<&MeasuredSide> {
        self.sides.iter().find(|one| one.side == side)
    }
}

/// A window, and what each of its answers took, in ns.
type Window = (Sample, Vec<u64>);

/// How many times as many rounds there are where the figure is about one answer in a hundred.
const MORE_FOR_LATENCY: usize = 3;

/// Measures a row. An error where an answer was not what it should be.
pub fn run(row: &Row, timing: Timing, cores: &Cores) -> Result<Measured, String> {
    let set = sides::resources(&row.setup)?;
    let mut sides: Vec<_> = row.sides.iter().map(|side| MeasuredSide::new(*side)).collect();
    for _ in 0..timing.sittings {
        sit(row, timing, cores, &set, &mut sides)?;
    }
    Ok(Measured { sides })
}

fn sit(row: &Row, timing: Timing, cores: &Cores, set: &Resources, sides: &mut [MeasuredSide]) -> Result<(), String> {
    let (clusters, upstreams) = sides::clusters(&row.setup, set)?;
    let mut running = Vec::new();
    for side in &row.sides {
        let one = sides::start(*side, &row.setup, set, &clusters)?;
        cpu::pin_process(one.envoy.pid(), &cores.proxy)?;
        running.push(one);
    }
    // A thread of its own, so that nothing but the load and its upstreams is kept on their processor.
    let windows = std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            cpu::pin_thread(cores.load)?;
            let mut builder = tokio::runtime::Builder::new_current_thread();
            // Sockets are looked at often, for the sake of answers that a paced load waits for.
            let runtime = builder.enable_all().event_interval(8).build().map_err(|error| error.to_string())?;
            rounds(row, timing, &running, upstreams, &runtime)
        });
        load.join().unwrap_or_else(|_| Err("the load panicked".to_owned()))
    })?;
    for ((one, windows), side) in running.iter().zip(windows).zip(sides) {
        let (samples, latencies): (Vec<_>, Vec<_>) = windows.into_iter().unzip();
        side.starts.push(one.start.as_secs_f64());
        side.memory_kb.extend(cpu::resident_kb(one.envoy.pid()).map(|kb| kb as f64));
        side.samples.extend(samples);
        if row.load == Loading::Half {
            side.latencies.extend(latencies);
        }
    }
    Ok(())
}

fn rounds(
    row: &Row,
    timing: Timing,
    running: &[Running],
    upstreams: Vec<Upstream>,
    runtime: &Runtime,
) -> Result<Vec<Vec<Window>>, String> {
    runtime.block_on(async {
        let mut answered = Vec::new();
        for upstream in upstreams {
            answered.push((upstream.cluster.clone(), Arc::clone(&upstream.answered)));
            upstream.run()?;
        }
        let ask = row.setup.ask();
        let mut all = Vec::new();
        for one in running {
            let load = Load::open(one.address, &ask, row.setup.http2).await.map_err(|error| in_side(one, &error))?;
            all.push(Visited {
                one,
                clock: Clock::of(one.envoy.pid())?,
                load,
                windows: Vec::new(),
                answered: Vec::new(),
            });
        }
        let mut slowest = f64::INFINITY;
        for side in &mut all {
            side.visit(WARM_UP, Pace::Closed, &answered).await?;
            slowest = slowest.min(side.visit(WARM_UP, Pace::Closed, &answered).await?.0.rate);
        }
        let (pace, rounds) = match row.load {
            Loading::Full => (Pace::Closed, timing.rounds),
            Loading::Half => (Pace::Rate(slowest / 2.0), timing.rounds * MORE_FOR_LATENCY),
        };
        for round in 0..rounds {
            let mut turns: Vec<_> = all.iter_mut().collect();
            // There and back, so that no side always comes after the same one.
            if round % 2 == 1 {
                turns.reverse();
            }
            for side in turns {
                let window = side.visit(timing.window, pace, &answered).await?;
                side.windows.push(window);
            }
        }
        for side in &all {
            let names = answered.iter().map(|(name, _)| name.as_str());
            let answered: Vec<_> = names.zip(side.answered.iter().copied()).collect();
            whereabouts(&row.setup, side.one.side, &answered).map_err(|error| in_side(side.one, &error))?;
        }
        Ok(all.into_iter().map(|side| side.windows).collect())
    })
}

/// A side, and what has become of it so far.
struct Visited<'a> {
    one: &'a Running,
    clock: Clock,
    load: Load,
    windows: Vec<Window>,
    /// How many of its requests each cluster has answered, in the clusters' order.
    answered: Vec<u64>,
}

impl Visited<'_> {
    async fn visit(
        &mut self,
        length: Duration,
        pace: Pace,
        all: &[(String, Arc<AtomicU64>)],
    ) -> Result<Window, String> {
        let answered = || all.iter().map(|(_, count)| count.load(Ordering::Relaxed)).collect::<Vec<_>>();
        let (cpu, began, before) = (self.clock.now()?, Instant::now(), answered());
        let mut latencies = self.load.window(length, pace).await.map_err(|error| in_side(self.one, &error))?;
        let wall = began.elapsed();
        let sample = Sample::new(&mut latencies, self.clock.now()?.saturating_sub(cpu), wall);
        self.answered.resize(all.len(), 0);
        for (sum, (after, before)) in self.answered.iter_mut().zip(answered().into_iter().zip(before)) {
            *sum += after - before;
        }
        Ok((sample, latencies))
    }
}

/// Why a side's requests and copies did not go where they were due, as far as single answers cannot tell.
fn whereabouts(setup: &Setup, side: Side, answered: &[(&str, u64)]) -> Result<(), String> {
    let at = |cluster: &str| answered.iter().find(|(name, _)| *name == cluster).map_or(0, |(_, count)| *count);
    let due = setup.ask().served_by;
    let (copies, requests) = (at(&Setup::shadow()), due.iter().map(|cluster| at(cluster)).sum::<u64>());
    // What was copied last may still be on its way.
    let right = match setup.mirror {
        Mirror::Always => copies * 100 <= requests * 101 && copies * 100 >= requests * 99,
        Mirror::Off | Mirror::Never => copies == 0,
        // One of a million is due: that chance has it beyond this is as unlikely as below.
        Mirror::Rarely => copies <= 5 + requests / 100_000,
    };
    if !right {
        return Err(format!("of {requests} requests {copies} were copied"));
    }
    if let [large, small] = due.as_slice() {
        let share = at(small) as f64 / requests as f64;
        // Five standard deviations: once in a million sides, chance alone goes beyond.
        let by_chance = 5.0 * (0.1 * 0.9 / requests as f64).sqrt();
        if setup.split == Split::Weights && (share - 0.1).abs() > by_chance {
            return Err(format!("{small} beside {large} got {share:.3} of {requests} requests, not 0.1"));
        }
        if setup.split == Split::Sticky && side != Side::Native && at(small) > 0 && at(large) > 0 {
            return Err(format!("one client's requests went to {small} and to {large}"));
        }
    }
    Ok(())
}

fn in_side(one: &Running, error: &str) -> String {
    format!("side `{}`: {error}", one.side)
}
