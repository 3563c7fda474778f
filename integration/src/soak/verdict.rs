//! What must hold when all is over.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Plan;
use super::asked::KINDS;
use super::changes::{Changes, SPOILT};
use super::load;
use super::mesh::Settings;
use super::tally::{Outcome, Tally};
use crate::client::Request;
use crate::envoy::Envoy;
use crate::{metrics, under_way};

/// What came of a soak.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// What happened, for people.
    pub told: Vec<String>,
    /// Why it failed; empty when it did not.
    pub failures: Vec<String>,
}

impl Verdict {
    pub(super) fn hold(&mut self, holds: bool, why: impl FnOnce() -> String) {
        if !holds {
            self.failures.push(why());
        }
    }
}

/// From so many requests on each kind must have ended in each way that is common.
const MANY: u64 = 10_000;

/// How long what is under way may take to end: copies take a second at most.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);

pub(super) fn judge(plan: &Plan, envoy: &Envoy, changes: &mut Changes<'_>, tally: Tally, took: Duration) -> Verdict {
    let mut verdict = Verdict::default();
    let rate = tally.total() as f64 / took.as_secs_f64();
    verdict.told.push(format!("{} requests in {:.1} s, {rate:.0}/s", tally.total(), took.as_secs_f64()));
    verdict.told.extend(tally.lines());

    verdict.hold(tally.total() == plan.requests, || {
        format!("{} of {} requests were sent within {:?}", tally.total(), plan.requests, plan.within)
    });
    verdict.hold(tally.wrong == 0, || format!("{} requests ended as none may, the first of them:", tally.wrong));
    verdict.failures.extend(tally.described.iter().cloned());
    for (at, kind) in KINDS.iter().enumerate().filter(|_| tally.total() >= MANY) {
        for outcome in kind.common {
            verdict.hold(tally.of(at, *outcome) > 0, || {
                format!("no request of the kind {} ended by {outcome}", kind.name)
            });
        }
    }
    verdict.hold(tally.all_of(Outcome::Left) > 0 || tally.total() < MANY, || "no client left".to_owned());
    verdict.failures.append(&mut changes.wrong);

    let left = under_way::settle(envoy, SETTLED_WITHIN);
    verdict.hold(left.is_empty(), || format!("after {SETTLED_WITHIN:?} gauges are not 0: {}", left.join(", ")));
    disconnected(envoy, &tally, &mut verdict);
    counted(envoy, &mut verdict);
    slots(envoy, changes, &mut verdict);
    let reloads = envoy.stats(r"^wasm\..*vm_reload");
    verdict.hold(reloads.values().sum::<u64>() == 0, || format!("a VM died: {reloads:?}"));
    let log = envoy.log();
    let complaints: Vec<&str> = log.lines().filter(|line| complaint(line)).collect();
    verdict.hold(complaints.is_empty(), || {
        format!("Envoy's log complains:\n{}", complaints[..complaints.len().min(20)].join("\n"))
    });
    verdict.told.push(format!(
        "{} configurations were taken; Envoy has {} MiB",
        changes.taken(),
        envoy.memory_kb() / 1024
    ));
    verdict
}

/// How many connections Envoy has ended by its codec's error.
pub(super) fn codec_errors(envoy: &Envoy) -> u64 {
    envoy.stats(r"^http\.gateway.*\.downstream_cx_protocol_error$").values().sum()
}

/// Envoy ends a connection over HTTP/2 now and then whose client resets streams, with "codec_error:
/// The_user_callback_function_failed" (envoyproxy/envoy#30882, #36387). It counts them, which the requests must agree
/// with, and there are few. It does so without any module too (`scripts/soak.sh --control`).
fn disconnected(envoy: &Envoy, tally: &Tally, verdict: &mut Verdict) {
    let errors = codec_errors(envoy);
    let requests = tally.all_of(Outcome::Disconnected);
    if errors > 0 {
        verdict
            .told
            .push(format!("Envoy ended {errors} connections by its codec's error, {requests} requests with them"));
    }
    // Those that were on it, and the next of each client where it has not seen the end yet.
    verdict.hold(requests <= errors * u64::from(2 * load::ON_EACH), || {
        format!("{requests} requests were disconnected, though Envoy ended only {errors} connections")
    });
    let most = 2 + tally.total() / CODEC_ERROR_EVERY;
    verdict
        .hold(errors <= most, || format!("Envoy ended {errors} connections by a codec's error; {most} are the most"));
}

/// One came in 80,000 to 200,000 requests where this was measured.
const CODEC_ERROR_EVERY: u64 = 20_000;

/// Every request that Envoy saw is counted once, whichever configuration it met.
fn counted(envoy: &Envoy, verdict: &mut Verdict) {
    let all = envoy.stats(r"^http\..*\.downstream_rq_total$");
    let seen: u64 = all.iter().filter(|(name, _)| !name.starts_with(under_way::ADMIN)).map(|(_, value)| value).sum();
    let counted: f64 = metrics::series(&envoy.prometheus(), "istio_requests_total").values().sum();
    verdict
        .hold(counted == seen as f64, || format!("Envoy saw {seen} requests, istio_requests_total counts {counted}"));
}

/// With so many slots and nobody in them, as many requests at once are all let through, and one more where one may wait.
fn slots(envoy: &Envoy, changes: &mut Changes<'_>, verdict: &mut Verdict) {
    let wide = 12;
    changes.end_with(envoy, Settings { active: wide, waiting: 1, wide, ..Settings::FIRST });
    let address = envoy.listener("gateway-80");
    if !in_use(address, changes.number()) {
        verdict.failures.push("the last configuration is not in use on all workers".to_owned());
        return;
    }
    for (path, most) in [("/narrow", wide + 1), ("/wide", wide)] {
        // One that waits for another has half of its timeout left.
        let request = Request::get(path).header("x-echo-delay-ms", "200");
        let asking: Vec<_> = (0..most)
            .map(|_| {
                let request = request.clone();
                std::thread::spawn(move || request.try_send(address).map_or(0, |response| response.status))
            })
            .collect();
        let statuses: Vec<u16> = asking.into_iter().map(|thread| thread.join().unwrap_or(0)).collect();
        let fine = statuses.iter().filter(|status| **status == 200).count();
        verdict.hold(fine == most as usize, || format!("of {most} places of {path} {fine} are left: {statuses:?}"));
    }
    let left = under_way::settle(envoy, SETTLED_WITHIN);
    verdict.hold(left.is_empty(), || format!("after the last requests gauges are not 0: {}", left.join(", ")));
}

/// Waits until forty connections in a row meet this configuration: of three workers one is missing among them once in
/// ten million times.
fn in_use(address: SocketAddr, number: u32) -> bool {
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut row = 0;
    while row < 40 && Instant::now() < deadline {
        let answer = Request::get("/split").try_send(address);
        let number = number.to_string();
        let met = answer.is_ok_and(|answer| answer.header("x-configuration") == Some(number.as_str()));
        row = if met { row + 1 } else { 0 };
    }
    row == 40
}

/// Lines that should not be there. Of a configuration that is none the module, Envoy's loader and its subscription say
/// that it is none.
fn complaint(line: &str) -> bool {
    let serious = ["[critical]", "[error]"].iter().any(|level| line.contains(level));
    let about_spoilt = [SPOILT, "Failed to configure base Wasm plugin", "failed to load"];
    serious && !about_spoilt.iter().any(|words| line.contains(words))
}
