//! The engines that are real Envoys: one process for a case file, with a listener for each scene and engine, and one
//! [`Echo`] for each cluster, which tells who got a request.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use envoy_config::cluster::{self, Cluster};
use envoy_config::stats::StatsConfig;
use envoy_config::{Proxy, to_json};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use serde_json::{Value, json};
use shared::model::Resources;

use super::istiod::{Judged, own_prefix};
use super::{Answer, Behaviour, Engine, Kind, Upstream, crowd, headers, listener, shown};
use crate::client::{Connection, Raw, Request};
use crate::corpus::case::{RequestFields, latin1};
use crate::echo::{Echo, Seen};
use crate::envoy::{Envoy, Options};
use crate::metrics::{Labels, series};

/// So many connections are used in turn, so that every worker has its share.
const CONNECTIONS: usize = 4;

/// A response header in which a rule says how many copies its requests have.
pub const COPIES: &str = "x-echo-copies";

/// How long mirrors have for their copies.
const COPIES_WITHIN: Duration = Duration::from_secs(5);

/// How long Envoy has to count a request whose answer is here.
const COUNTED_WITHIN: Duration = Duration::from_secs(5);

/// What the rows of one file run on.
pub struct Bench {
    envoy: Envoy,
    echoes: BTreeMap<String, Echo>,
    /// How many requests the stats have been shown so far, in whatever module.
    to_count: Cell<u32>,
}

/// A scene on an Envoy: its resources, its proxy, and the engines that run any of its rows.
pub struct Placed<'a> {
    /// What the proxy is told.
    pub set: &'a Resources,
    /// The same as documents, for Istio's control plane.
    pub documents: &'a [Value],
    /// Whether Istio's webhook, which refuses one of them, is passed by.
    pub unvalidated: bool,
    /// Who the proxy is.
    pub proxy: &'a Proxy,
    /// Where the generated routes lead for a module alone that names no cluster.
    pub alone_to: Option<&'a str>,
    /// Which engines there are to be.
    pub engines: Vec<Kind>,
}

impl Bench {
    /// Starts Envoy with everything that these scenes need, but for `outlier_detection`: engines share the clusters, so what
    /// one of them did to its upstreams must not show at another.
    pub fn start(scenes: &[Placed<'_>], workers: u32) -> Bench {
        Bench::new(scenes, workers, false)
    }

    /// Starts Envoy for a single engine.
    pub fn detecting(scenes: &[Placed<'_>], workers: u32) -> Bench {
        Bench::new(scenes, workers, true)
    }

    fn new(scenes: &[Placed<'_>], workers: u32, detecting: bool) -> Bench {
        let mut clusters: BTreeMap<String, Cluster> = BTreeMap::new();
        for scene in scenes {
            let all = cluster::clusters_for(scene.set, [scene.proxy]).into_iter().chain([cluster::passthrough()]);
            clusters.extend(all.map(|cluster| (cluster.name.clone(), cluster)));
        }
        let with_istiod = scenes.iter().enumerate().filter(|(_, scene)| scene.engines.contains(&Kind::Istiod));
        let judged: Vec<(usize, Judged)> =
            with_istiod.map(|(index, scene)| (index, Judged::new(index, scene))).collect();
        let names = judged.iter().flat_map(|(_, judged)| judged.destinations().map(str::to_owned));
        let names: BTreeSet<String> = names.chain(clusters.keys().cloned()).collect();
        let echoes: BTreeMap<String, Echo> = names.iter().map(|name| (name.clone(), Echo::named(name))).collect();
        for (name, cluster) in &mut clusters {
            cluster.set_endpoints([echoes[name].address()]);
            if !detecting {
                cluster.outlier_detection = None;
            }
        }
        let mut listeners = Vec::new();
        for (index, scene) in scenes.iter().enumerate() {
            let mut engines = scene.engines.clone();
            engines.retain(|engine| !matches!(engine, Kind::Core | Kind::Istiod));
            listeners.extend(engines.into_iter().map(|engine| listener::listener(index, engine, scene)));
        }
        // `%UPSTREAM_CLUSTER%` is a cluster's name in statistics, which istiod ends so.
        let as_istiod_names_it = |cluster: &Cluster| {
            let mut json = to_json(cluster);
            json["alt_stat_name"] = json!(format!("{};", cluster.name));
            json
        };
        let mut clusters: Vec<Value> = clusters.values().map(as_istiod_names_it).collect();
        for (index, judged) in &judged {
            listeners.push(judged.listener(&listener::name(*index, Kind::Istiod)));
            clusters.extend(judged.clusters(detecting, |name| echoes[name].address()));
        }
        let bootstrap = json!({
            "node": {"id": "sailcloth", "cluster": "sailcloth"},
            "static_resources": {"listeners": listeners, "clusters": clusters},
            "stats_config": to_json(&StatsConfig::default()),
            // As in Istio's bootstrap: the native twin's patterns may be as large as Istio lets them be.
            "layered_runtime": {"layers": [
                {"name": "istio", "static_layer": {"re2.max_program_size.error_level": 32768}},
            ]},
        });
        // Seven modules compile first, for two files at a time.
        let timeout = Duration::from_secs(300);
        let envoy = Envoy::start(&bootstrap, &Options { concurrency: workers, timeout, ..Options::default() });
        Bench { envoy, echoes, to_count: Cell::new(0) }
    }

    /// One engine for one scene.
    pub fn engine(&self, scene: usize, kind: Kind) -> ProxyEngine<'_> {
        let address = self.envoy.listener(&listener::name(scene, kind));
        let counts = matches!(kind, Kind::Suite | Kind::Modules | Kind::Alone(Behaviour::Stats));
        let prefix = (kind == Kind::Istiod).then(|| own_prefix(scene));
        ProxyEngine { bench: self, address, prefix, counts, one: Turn::default(), two: Turn::default() }
    }

    /// How often a module had to be loaded again.
    pub fn vm_reloads(&self) -> u64 {
        self.envoy.vm_reloads()
    }

    /// Envoy's resident memory, in kB.
    pub fn memory_kb(&self) -> u64 {
        self.envoy.memory_kb()
    }

    /// The processor time that Envoy has had, as the scheduler has it.
    pub fn processor_time(&self) -> Duration {
        let pid = Pid::from_raw(self.envoy.pid().try_into().expect("a process's number"));
        clock_getcpuclockid(pid).and_then(ClockId::now).expect("Envoy's process has a clock").into()
    }

    /// What Envoy has logged.
    pub fn log(&self) -> String {
        self.envoy.log()
    }

    fn take(&self) -> Vec<Seen> {
        self.echoes.values().flat_map(Echo::take).collect()
    }

    /// What upstreams have seen, once it is so much; an answer does not wait for copies.
    fn take_at_least(&self, number: usize) -> Vec<Seen> {
        let mut seen = self.take();
        let deadline = Instant::now() + COPIES_WITHIN;
        while seen.len() < number && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
            seen.extend(self.take());
        }
        seen
    }
}

/// What Envoy's statistics say of requests.
fn counts(envoy: &Envoy) -> BTreeMap<Labels, f64> {
    series(&envoy.prometheus(), "istio_requests_total")
}

/// Connections that are used in turn.
#[derive(Default)]
struct Turn {
    open: Vec<Connection>,
    next: usize,
}

impl Turn {
    fn take(&mut self, address: SocketAddr, http2: bool) -> &mut Connection {
        if self.open.len() < CONNECTIONS {
            let fresh = if http2 { Connection::open_http2(address) } else { Connection::open(address) };
            self.open.push(fresh);
            return self.open.last_mut().expect("one was just opened");
        }
        self.next = (self.next + 1) % CONNECTIONS;
        &mut self.open[self.next]
    }
}

/// One listener of a [`Bench`].
pub struct ProxyEngine<'a> {
    bench: &'a Bench,
    address: SocketAddr,
    /// What its clusters' names begin with, and values of headers that name one are rid of.
    prefix: Option<String>,
    counts: bool,
    one: Turn,
    two: Turn,
}

impl ProxyEngine<'_> {
    /// Sends the request and says what came back, and what upstreams saw.
    pub fn exchange(&mut self, fields: &RequestFields, key: &str, at_least: usize) -> Answer {
        if let Some(ms) = fields.after_ms {
            std::thread::sleep(Duration::from_millis(ms));
        }
        self.bench.take();
        if self.counts {
            self.bench.to_count.update(|before| before + fields.at_once.unwrap_or(1));
        }
        if let Some(clients) = fields.at_once {
            return self.crowd(fields, key, clients);
        }
        let before = Instant::now();
        let (status, headers, body, trailers) = match &fields.raw {
            Some(raw) => send_raw(self.address, &latin1(raw)),
            None => {
                let request = to_request(fields, key);
                let turn = if fields.http2 { &mut self.two } else { &mut self.one };
                match turn.take(self.address, fields.http2).try_send(&request) {
                    Ok(response) => (Some(response.status), response.headers, response.body, response.trailers),
                    // Envoy closed the connection: there is an answer to that as well, no status.
                    Err(_) => {
                        *turn = Turn::default();
                        (None, Vec::new(), Vec::new(), Vec::new())
                    }
                }
            }
        };
        let took = before.elapsed();
        let at_least = at_least.max(copies(&headers).map_or(0, |copies| 1 + copies));
        let mut upstream: Vec<Upstream> = self.bench.take_at_least(at_least).into_iter().map(upstream).collect();
        let mut headers = headers;
        if let Some(prefix) = &self.prefix {
            for (_, value) in upstream.iter_mut().flat_map(|request| &mut request.headers) {
                *value = value.replace(prefix, "");
            }
            for (_, value) in headers.iter_mut().filter(|(_, value)| value.is_ascii()) {
                *value = shown(value).replace(prefix, "").into_bytes();
            }
        }
        Answer {
            status: Some(status.unwrap_or(0)),
            statuses: None,
            most_at_once: None,
            headers: Some(headers),
            trailers: Some(trailers),
            body: Some(body),
            upstream: Some(upstream),
            all_attempts: true,
            unknown_headers: &[],
            took: Some(took),
        }
    }

    /// The same from many clients at the same time.
    fn crowd(&mut self, fields: &RequestFields, key: &str, clients: u32) -> Answer {
        let most = || self.bench.echoes.values().map(Echo::take_high_water).max();
        most();
        let before = Instant::now();
        let statuses = crowd::ask(self.address, clients, &to_request(fields, key));
        let took = Some(before.elapsed());
        let upstream = self.bench.take().into_iter().map(upstream).collect();
        let statuses = Some(statuses);
        Answer {
            statuses,
            most_at_once: most(),
            upstream: Some(upstream),
            all_attempts: true,
            took,
            ..Answer::default()
        }
    }
}

impl Engine for ProxyEngine<'_> {
    fn ask(&mut self, request: &RequestFields, key: &str, at_least: usize) -> Answer {
        self.exchange(request, key, at_least)
    }

    fn counts(&mut self) -> Option<BTreeMap<Labels, f64>> {
        let deadline = Instant::now() + COUNTED_WITHIN;
        loop {
            let all = self.counts.then(|| counts(&self.bench.envoy))?;
            if all.values().sum::<f64>() >= f64::from(self.bench.to_count.get()) || Instant::now() > deadline {
                return Some(all);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// How many copies a rule says that its requests have; they come when they come.
fn copies(headers: &super::Headers) -> Option<usize> {
    let (_, value) = headers.iter().find(|(name, _)| name == COPIES)?;
    shown(value).parse().ok()
}

fn to_request(fields: &RequestFields, key: &str) -> Request {
    let url = fields.url.as_deref().expect("a request that is not raw has a URL");
    let mut request = Request::new(fields.method.as_deref().unwrap_or("GET"), url).http2(fields.http2);
    for (name, value) in headers(fields, key) {
        request = request.header(&name, value);
    }
    match &fields.body {
        Some(body) => request.body(body.as_bytes()),
        None => request,
    }
}

fn upstream(seen: Seen) -> Upstream {
    let Seen { server, path, authority, method, version, headers, .. } = seen;
    let headers = headers.into_iter().filter(|(name, _)| name != "host").collect();
    Upstream { cluster: server, path, authority, method, version: Some(version), headers }
}

type Parsed = (Option<u16>, super::Headers, Vec<u8>, super::Headers);

/// Sends bytes and reads one response; no status where there is none. It does not wait for the connection's end, which
/// Envoy puts off by a second.
fn send_raw(address: SocketAddr, bytes: &[u8]) -> Parsed {
    let mut raw = Raw::connect(address);
    // A server may refuse, answer and close before it has read everything.
    let _ = raw.write(bytes);
    let head = shown(&raw.head());
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|status| status.parse().ok());
    let pair = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().as_bytes().to_vec()))
    };
    let headers: super::Headers = lines.filter_map(pair).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    // `HEAD` is told the length of what it does not get.
    let bare = bytes.starts_with(b"HEAD ") || matches!(status, Some(101 | 204 | 304));
    let length = length.filter(|_| !bare).and_then(|(_, value)| shown(value).parse().ok()).unwrap_or(0);
    let body = raw.read(length);
    (status, headers, body, Vec::new())
}
