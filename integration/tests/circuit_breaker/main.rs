//! The circuit breaker on real Envoy: exact limits over all workers, waits, what comes back from dead VMs, and
//! destinations that are left alone.

mod alone;
mod ejection;
mod failures;
mod leaving;
mod limits;
mod outlier;
mod outlier_causes;
mod replaced;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use integration::client::{Request, Response};
use integration::envoy::Envoy;
use integration::sail::{Sail, TO_ECHO, routed};

/// What Envoy itself says when a destination takes no more.
const OVERFLOW: &str = "upstream connect error or disconnect/reset before headers. reset reason: overflow";

/// A DestinationRule for the echo with this traffic policy, behind [`routed`] rules.
fn guarded(port: u16, rules: &str, policy: &str) -> String {
    format!(
        "{}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: echo}}\nspec:\n  \
         host: echo\n  trafficPolicy: {policy}\n",
        routed(port, rules)
    )
}

/// The walkthrough's limits: two on their way, one that waits.
const TWO_AND_ONE: &str =
    "{connectionPool: {tcp: {maxConnections: 2}, http: {http1MaxPendingRequests: 1, maxRequestsPerConnection: 1}}}";

fn two_and_one(port: u16) -> Sail {
    Sail::new(guarded(port, TO_ECHO, TWO_AND_ONE))
}

fn gateway(envoy: &Envoy) -> SocketAddr {
    envoy.listener("gateway-80")
}

/// Sends `request` from so many clients without pause, each `times` times; their answers.
fn crowd(address: SocketAddr, clients: usize, times: usize, request: &Request) -> Vec<Response> {
    let running: Vec<_> = (0..clients)
        .map(|_| {
            let request = request.clone();
            std::thread::spawn(move || (0..times).map(|_| request.send(address)).collect::<Vec<_>>())
        })
        .collect();
    running.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

fn count(answers: &[Response], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

/// Just so many slots and places to wait are free: with two requests more at once, two are refused.
fn free(address: SocketAddr, slots: usize, waiting: usize) {
    let answers = crowd(address, slots + waiting + 2, 1, &Request::get("/").header("x-echo-delay-ms", "700"));
    assert_eq!((count(&answers, 200), count(&answers, 503)), (slots + waiting, 2));
}

/// Whether somebody is counted as on the way, or waiting, to any destination.
fn gauges(envoy: &Envoy) -> (u64, u64) {
    let of = |name: &str| envoy.stat(&format!("wasmcustom.sailcloth.circuit-breaker.{name}"));
    (of("active"), of("waiting"))
}

fn until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + within;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A client in a thread that asks again and again until it is told to stop.
struct Busy(Arc<AtomicBool>, std::thread::JoinHandle<Vec<u16>>);

impl Busy {
    fn new(address: SocketAddr, request: Request) -> Busy {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            while !stopped.load(Ordering::Relaxed) {
                all.push(request.try_send(address).map_or(0, |response| response.status));
            }
            all
        });
        Busy(stop, thread)
    }

    fn stop(self) -> Vec<u16> {
        self.0.store(true, Ordering::Relaxed);
        self.1.join().unwrap()
    }
}
