//! The table that people read, and the JSON that programs read.

use serde_json::{Value, json};

use crate::cpu::Cores;
use crate::judge::{Verdict, ratio};
use crate::rows::{Loading, Most, Row};
use crate::run::{Measured, Timing};
use crate::sample::{Sample, Spread, pooled_p99, spread};

/// The head of the table.
pub fn print_head() {
    println!(
        "{:<34} {:<14} {:>7} {:>22} {:>8} {:>7} {:>7} {:>7} {:>7}",
        "row", "side", "CPU µs", "ratio (quartiles)", "req/s", "p50 ms", "p99 ms", "MB", "start s"
    );
}

/// One row, a line for each side, and its bars.
pub fn print_row(row: &Row, measured: &Measured, verdicts: &[Verdict<'_>]) {
    let mut name = row.name.as_str();
    for one in &measured.sides {
        let middle = |figures: &[f64]| spread(figures.iter().copied()).map_or(f64::NAN, |it| it.median);
        let median = |of: fn(&Sample) -> f64| middle(&one.samples.iter().map(of).collect::<Vec<_>>());
        let base = row.sides.first().copied().unwrap_or(one.side);
        let ratio = ratio(measured, one.side, base)
            .filter(|_| one.side != base)
            .map_or_else(String::new, |it| format!("{:.2} ({:.2}-{:.2})", it.median, it.low, it.high));
        println!(
            "{name:<34} {:<14} {:>7.1} {ratio:>22} {:>8.0} {:>7.2} {:>7.2} {:>7.0} {:>7.2}",
            one.side,
            median(|it| it.cpu_us),
            median(|it| it.rate),
            median(|it| it.p50_ms),
            if one.latencies.is_empty() { median(|it| it.p99_ms) } else { pooled_p99(&one.latencies) },
            middle(&one.memory_kb) / 1000.0,
            middle(&one.starts),
        );
        name = "";
    }
    for verdict in verdicts {
        println!("{:<34} {}", "", sentence(verdict));
    }
}

/// A verdict in words.
pub fn sentence(verdict: &Verdict<'_>) -> String {
    let (bar, unit) = (verdict.bar, verdict.unit());
    let target = bar.target.map_or_else(String::new, |target| format!(", target {target:.2}"));
    let word = if verdict.holds() { "ok" } else { "SHORT" };
    let Spread { median, low, high } = verdict.figure;
    let relation = if matches!(bar.most, Most::AddedP99(_)) { "p99 beyond that of" } else { "to" };
    format!(
        "{word}: {} {relation} {} {median:.2}{unit} ({low:.2} to {high:.2}), at most {:.2}{unit}{target}",
        bar.side, bar.base, verdict.most
    )
}

/// One row with its raw samples.
pub fn row_json(row: &Row, measured: &Measured, verdicts: &[Verdict<'_>], cores: &Cores) -> Value {
    let sides = measured.sides.iter().map(|one| {
        let windows = |sitting: &[Sample]| {
            let windows = sitting.iter().map(|it| {
                json!({"requests": it.requests, "cpu_us": it.cpu_us, "rate": it.rate, "p50_ms": it.p50_ms, "p99_ms": it.p99_ms})
            });
            windows.collect::<Value>()
        };
        let each = (one.samples.len() / one.starts.len().max(1)).max(1);
        json!({
            "side": one.side.to_string(),
            "starts_s": one.starts,
            "memory_kb": one.memory_kb,
            "windows_by_start": one.samples.chunks(each).map(windows).collect::<Value>(),
            "pooled_p99_ms": Some(pooled_p99(&one.latencies)).filter(|_| !one.latencies.is_empty()),
            "ratio": row.sides.first().and_then(|base| ratio(measured, one.side, *base)).map(|it| {
                json!({"median": it.median, "low": it.low, "high": it.high})
            }),
        })
    });
    let bars = verdicts.iter().map(|it| {
        json!({
            "side": it.bar.side.to_string(), "base": it.bar.base.to_string(), "figure": it.figure.median,
            "low": it.figure.low, "high": it.figure.high, "most": it.most, "target": it.bar.target, "holds": it.holds(),
        })
    });
    json!({
        "row": row.name,
        "load": match row.load {
            Loading::Full => "full",
            Loading::Half => "half",
        },
        "setup": format!("{:?}", row.setup),
        "processors": cores.json(),
        "sides": sides.collect::<Value>(),
        "bars": bars.collect::<Value>(),
    })
}

/// What was measured how.
pub fn head_json(timing: Timing, envoy: &str) -> Value {
    json!({
        "envoy": envoy,
        "window_ms": u64::try_from(timing.window.as_millis()).unwrap_or(0),
        "sittings": timing.sittings,
        "rounds": timing.rounds,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
    })
}
