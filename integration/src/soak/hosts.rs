//! One client that names another host in every request, of a gateway and of the mesh in turn: what Envoy keeps of them is
//! bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::{TOLD_EVERY, Verdict};
use crate::echo::Echo;
use crate::envoy::Envoy;
use crate::metrics;
use crate::runtime;
use crate::sail::{Sail, for_each_configuration, routed};

/// How many hosts and how long.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many hosts, each with one request.
    pub hosts: u64,
    /// How long the requests may take.
    pub within: Duration,
    /// Envoy's workers.
    pub workers: u32,
    /// The `maxSeries` of each worker's module, 1,000 by default. Envoy takes milliseconds to make the metrics of one.
    pub series: u32,
}

/// Connections of the client.
const CONNECTIONS: usize = 16;

/// What Envoy may grow by after that, in kB, however many hosts follow: allocators and V8's garbage come and go.
const GROWTH: u64 = 16 * 1024;

/// What a series takes of `/stats/prometheus`, in kB: 30 lines with 25 labels each. And what is there beside series.
const SERIES: u64 = 30;
const REST: u64 = 500;

/// A listener, and what it answers to a host that nobody knows.
type Front = (SocketAddr, u16);

/// Runs it. `tell` gets a line of progress every two seconds.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&str)) -> Verdict {
    let echo = Echo::start();
    // Nothing matches, so that the host is all that is known.
    let rule = "- match: [{uri: {exact: /echo}}]\n  route: [{destination: {host: echo}}]";
    let most = json!({"maxSeries": plan.series});
    let sail = Sail::new(routed(echo.port(), rule)).mesh().workers(plan.workers).adjust(move |bootstrap| {
        for_each_configuration(bootstrap, &mut |configuration| configuration["stats"] = most.clone());
    });
    let envoy = sail.start();
    let fronts = [("gateway-80", 404), ("mesh", 404)].map(|(name, status)| (envoy.listener(name), status));
    let began = envoy.memory_kb();
    // When so many have been named, every worker has all the series that it may have.
    let full = 4 * u64::from(plan.series) * u64::from(plan.workers);
    let mut verdict = Verdict::default();

    let started = Instant::now();
    let mut sent = Sent { hosts: 0, wrong: 0 };
    let mut before = None;
    for until in [full.min(plan.hosts), plan.hosts] {
        let flood = Flood::start(fronts, sent.hosts, until);
        let mut told = Instant::now();
        while flood.running() {
            if told.elapsed() >= TOLD_EVERY {
                told = Instant::now();
                let (seconds, done) = (started.elapsed().as_secs_f64(), flood.at());
                let rate = done as f64 / seconds;
                let memory = envoy.memory_kb() / 1024;
                tell(&format!("{seconds:6.1} s  {done} of {} hosts, {rate:.0}/s, Envoy {memory} MiB", plan.hosts));
            }
            if started.elapsed() > plan.within {
                flood.stop();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        sent = sent.and(flood.sent());
        before.get_or_insert(envoy.memory_kb());
    }
    let (before, after) = (before.unwrap_or(began), envoy.memory_kb());

    let seconds = started.elapsed().as_secs_f64();
    verdict.told.push(format!("{} hosts in {seconds:.1} s, {:.0}/s", sent.hosts, sent.hosts as f64 / seconds));
    verdict
        .told
        .push(format!("Envoy had {began} kB at the start, {before} kB after {full} hosts, {after} kB at the end"));
    verdict.hold(sent.hosts == plan.hosts, || format!("{} of {} hosts were named", sent.hosts, plan.hosts));
    verdict.hold(sent.wrong == 0, || format!("{} requests were answered otherwise", sent.wrong));
    let grown = after.saturating_sub(before);
    verdict.hold(grown < GROWTH, || format!("Envoy grew by {grown} kB; {GROWTH} kB are its bound"));
    judge_metrics(&envoy, plan, sent.hosts, &mut verdict);
    verdict
}

fn judge_metrics(envoy: &Envoy, plan: &Plan, hosts: u64, verdict: &mut Verdict) {
    // Panics at whatever Prometheus would not take.
    let text = envoy.prometheus();
    let series = metrics::series(&text, "istio_requests_total");
    // In the mesh a tenth, and one for the hosts beyond that; at the gateway all are one.
    let most = u64::from(plan.series.div_ceil(10)) * u64::from(plan.workers) + 2;
    let size = text.len() as u64 / 1024;
    verdict.told.push(format!("{} series of istio_requests_total, {size} kB of metrics", series.len()));
    verdict.hold(series.len() as u64 <= most, || format!("{} series, {most} are the most", series.len()));
    let largest = most * SERIES + REST;
    verdict.hold(size <= largest, || format!("{size} kB of metrics, {largest} are the most"));
    let warnings = envoy.log().lines().filter(|line| line.contains("stats, maxSeries")).count();
    verdict.hold(warnings <= plan.workers as usize, || format!("{warnings} warnings, each VM says it once"));
    let counted: f64 = series.values().sum();
    verdict.hold(counted == hosts as f64, || format!("{counted} requests of {hosts} are counted"));
    let reloads = envoy.vm_reloads();
    verdict.hold(reloads == 0, || format!("VMs were loaded again {reloads} times"));
}

/// How many hosts were named, and how many of the answers were wrong.
#[derive(Clone, Copy, Debug)]
struct Sent {
    hosts: u64,
    wrong: u64,
}

impl Sent {
    fn and(self, other: Sent) -> Sent {
        Sent { hosts: self.hosts + other.hosts, wrong: self.wrong + other.wrong }
    }
}

struct Flood {
    next: Arc<AtomicU64>,
    until: u64,
    tasks: Vec<JoinHandle<Sent>>,
}

impl Flood {
    fn start(fronts: [Front; 2], from: u64, until: u64) -> Flood {
        let next = Arc::new(AtomicU64::new(from));
        let fronts = fronts.into_iter().cycle().take(CONNECTIONS);
        let tasks = fronts.map(|front| runtime().spawn(flood(front, Arc::clone(&next), until))).collect();
        Flood { next, until, tasks }
    }

    fn running(&self) -> bool {
        self.tasks.iter().any(|task| !task.is_finished())
    }

    fn stop(&self) {
        self.next.store(self.until, Ordering::Relaxed);
    }

    fn at(&self) -> u64 {
        self.next.load(Ordering::Relaxed).min(self.until)
    }

    fn sent(self) -> Sent {
        let ended = self.tasks.into_iter().map(|task| runtime().block_on(task).expect("no connection panics"));
        ended.fold(Sent { hosts: 0, wrong: 0 }, Sent::and)
    }
}

async fn flood((address, expected): Front, next: Arc<AtomicU64>, until: u64) -> Sent {
    let mut sent = Sent { hosts: 0, wrong: 0 };
    let mut open: Option<http1::SendRequest<Empty<Bytes>>> = None;
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= until {
            return sent;
        }
        sent.hosts += 1;
        let status = match ask(&mut open, address, number).await {
            Ok(status) => status,
            Err(_) => {
                open = None;
                0
            }
        };
        sent.wrong += u64::from(status != expected);
    }
}

async fn ask(
    open: &mut Option<http1::SendRequest<Empty<Bytes>>>,
    address: SocketAddr,
    number: u64,
) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let sender = match open {
        Some(sender) => sender,
        None => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(async move { drop(connection.await) });
            open.insert(sender)
        }
    };
    sender.ready().await?;
    let request = hyper::Request::get("/").header("host", format!("host-{number}.example")).body(Empty::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    Ok(status)
}
