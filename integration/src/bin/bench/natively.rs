//! The core by itself, without a proxy: what a decision takes, and the plan that it is made by.

use std::hint::black_box;
use std::time::{Duration, Instant};

use envoy_config::filter::{self, StringValue};
use shared::decide::{Request, Untraced, decide};
use shared::finding::Report;
use shared::plan::guard::Detector;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};

use crate::sample::spread;
use crate::setup::{Match, Setup};
use crate::sides;
use crate::startup::Fact;

/// How often each figure is taken.
const TRIES: usize = 51;
/// Decisions in one of them: few, so that most have the processor to themselves all through.
const DECISIONS: u32 = 1_000;
/// Most µs of a decision, by the number of rules.
const MOST_US: [(usize, f64); 2] = [(10, 0.5), (10_000, 2.0)];
/// Most ms of a plan of 10,000 rules.
const MOST_PLAN_MS: f64 = 150.0;

/// Decisions among few and many rules of each kind, and the plan of many.
pub fn facts(mut found: impl FnMut(Fact)) -> Result<(), String> {
    let kinds =
        [("prefix", Match::Prefix), ("exact", Match::Exact), ("regex", Match::Regex), ("header", Match::Header)];
    for (word, matches) in kinds {
        for (rules, most) in MOST_US {
            let setup = Setup::plain(rules, matches);
            let config = configuration(&setup)?;
            let plan = config.plan();
            let name = format!("core: a decision at {rules} {word} rules");
            found(Fact { name, figure: decision_us(&setup, &plan)?, unit: "µs", most: Some(most) });
            if (rules, matches) == (10_000, Match::Prefix) {
                let name = format!("core: a plan of {rules} {word} rules");
                let figure = median(|| timed(|| config.plan()).as_secs_f64() * 1e3);
                found(Fact { name, figure, unit: "ms", most: Some(MOST_PLAN_MS) });
            }
        }
    }
    Ok(())
}

/// The configuration that the suite is given, read as it reads it.
fn configuration(setup: &Setup) -> Result<ModuleConfig, String> {
    let set = sides::resources(setup)?;
    let StringValue { value } = StringValue::json(&filter::configuration(&sides::proxy(), &set, Detector::Envoy));
    let mut report = Report::new();
    let config = ModuleConfig::read(value.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
    config.ok_or_else(|| format!("the core refuses the bench's own resources: {:?}", report.findings().first()))
}

/// Of the request that proxies are asked.
fn decision_us(setup: &Setup, plan: &Plan) -> Result<f64, String> {
    let ask = setup.ask();
    let mut pairs: Vec<(&[u8], &[u8])> = vec![
        (b":method", ask.method.as_bytes()),
        (b":scheme", b"http"),
        (b":authority", ask.authority.as_bytes()),
        (b":path", ask.path.as_bytes()),
        (b"x-forwarded-proto", b"http"),
        (b"x-request-id", b"5f0c2b1e-8a4d-4f7e-9f43-0c5b2a7d6e10"),
    ];
    pairs.extend(ask.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    let decided = || decide(plan, &Request::new(black_box(&pairs)), || 7, &mut Untraced);
    let cluster = decided().cluster(plan).map(str::to_owned);
    if cluster.as_ref() != ask.served_by.first() {
        return Err(format!("the core sends {} to {cluster:?}, not {:?}", ask.path, ask.served_by));
    }
    let all = || {
        for _ in 0..DECISIONS {
            black_box(decided());
        }
    };
    Ok(median(|| timed(all).as_secs_f64() * 1e6 / f64::from(DECISIONS)))
}

fn median(figure: impl Fn() -> f64) -> f64 {
    spread((0..TRIES).map(|_| figure())).map_or(f64::NAN, |it| it.median)
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let began = Instant::now();
    let result = run();
    let took = began.elapsed();
    drop(result);
    took
}
