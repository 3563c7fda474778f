//! How many endpoints are ejected, and when nobody is left: a table of 1 to 10 endpoints and of percentages, in native
//! Envoy, in the suite on the same clusters, and in the circuit breaker on clusters that detect nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use envoy_config::{Proxy, to_json};
use integration::client::Connection;
use integration::echo::Echo;
use integration::native;
use integration::sail::for_each_object;
use serde_json::Value;
use shared::finding::Report;
use shared::model::Resources;

/// More of them than any row has.
const MOST: usize = 10;

/// So many 5xx in a row eject.
const ENOUGH: usize = 2;

/// Which endpoints fail, in what order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failing {
    /// The first alone.
    First,
    /// All but the last.
    AllButOne,
    /// All at the same time.
    All,
    /// One after the other, from the last to the first.
    InTurn,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    endpoints: usize,
    percent: Option<usize>,
    health: Option<usize>,
    failing: Failing,
}

/// What is seen when all that fails has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    /// Whether clients hear that nobody is left.
    out: bool,
    /// How many endpoints still get requests.
    used: usize,
}

impl Row {
    fn all() -> Vec<Row> {
        let mut all = Vec::new();
        for endpoints in 1..=MOST {
            let row = |percent, health, failing| Row { endpoints, percent, health, failing };
            for percent in [None, Some(10), Some(50), Some(100)] {
                all.push(row(percent, None, Failing::First));
                all.push(row(percent, None, Failing::All));
            }
            all.push(row(Some(50), None, Failing::InTurn));
            all.push(row(Some(100), None, Failing::InTurn));
            all.push(row(Some(100), None, Failing::AllButOne));
            all.push(row(Some(100), Some(1), Failing::All));
            all.push(row(Some(100), Some(50), Failing::AllButOne));
        }
        all
    }

    fn host(&self) -> String {
        let number = |it: Option<usize>| it.map_or("x".to_owned(), |it| it.to_string());
        let failing = format!("{:?}", self.failing).to_lowercase();
        format!("n{}-p{}-h{}-{failing}.example", self.endpoints, number(self.percent), number(self.health))
    }

    /// Those that fail, phase by phase: what has begun to fail goes on failing.
    fn phases(&self) -> Vec<Vec<usize>> {
        let all: Vec<usize> = (0..self.endpoints).collect();
        match self.failing {
            Failing::First => vec![vec![0]],
            Failing::AllButOne => vec![all[..self.endpoints - 1].to_vec()],
            Failing::All => vec![all],
            Failing::InTurn => (0..self.endpoints).rev().map(|from| (from..self.endpoints).collect()).collect(),
        }
    }

    /// Of so many that fail, by Envoy's arithmetic: one more is ejected as long as no more than the percentage are ejected
    /// with it.
    fn ejected_of(&self, failing: usize) -> usize {
        failing.min(self.endpoints * self.percent.unwrap_or(10) / 100)
    }

    fn ejected(&self) -> usize {
        self.ejected_of(self.phases().last().map_or(0, Vec::len))
    }

    fn expected(&self) -> Outcome {
        let left = self.endpoints - self.ejected();
        let panics = self.health.is_some_and(|health| left * 100 < health * self.endpoints);
        let used = if panics { self.endpoints } else { left };
        Outcome { out: used == 0, used }
    }

    fn yaml(&self, echoes: &[Echo]) -> String {
        let host = self.host();
        let mut outlier = format!("consecutive5xxErrors: {ENOUGH}, baseEjectionTime: 600s");
        self.percent.into_iter().for_each(|it| write!(outlier, ", maxEjectionPercent: {it}").unwrap());
        self.health.into_iter().for_each(|it| write!(outlier, ", minHealthPercent: {it}").unwrap());
        let endpoint = |echo: &Echo| format!("{{address: 127.0.0.1, ports: {{http: {}}}}}", echo.port());
        let endpoints: Vec<String> = echoes[..self.endpoints].iter().map(endpoint).collect();
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{host}]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints: [{}]\n\
             ---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec:\n  \
             host: {host}\n  trafficPolicy: {{loadBalancer: {{simple: ROUND_ROBIN}}, outlierDetection: {{{outlier}}}}}\n\
             ---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{host}]\n  gateways: [gw]\n  http: [{{retries: {{attempts: 0}}, route: [{{destination: {{host: {host}}}}}]}}]\n",
            endpoints.join(", "),
            name = host.replace('.', "-"),
        )
    }
}

fn cluster(row: &Row) -> String {
    format!("outbound|80||{}", row.host())
}

/// Envoy's own routes and no module, for the same resources.
pub(super) fn natively(yaml: &str) -> Sail {
    let mut report = Report::new();
    let set = Resources::read(shared::load::text(yaml, None, &mut report), &mut report);
    let proxy = Proxy {
        namespace: "default".into(),
        gateways: vec!["default/gw".into()],
        labels: BTreeMap::new(),
        port: Some(80),
    };
    let routes = to_json(&native::route_config(&set, &proxy));
    Sail::new(yaml).adjust(move |bootstrap| {
        for_each_object(bootstrap, &mut |object| {
            if object.contains_key("http_filters") {
                object.insert("http_filters".into(), Value::Array(native::http_filters()));
                object.insert("route_config".into(), routes.clone());
            }
        });
    })
}

/// Workers learn of an ejection at once; by itself Envoy tells them once a second at most.
pub(super) fn at_once(bootstrap: &mut Value) {
    for_each_object(bootstrap, &mut |object| {
        if let Some(common) = object.get_mut("common_lb_config") {
            common["update_merge_window"] = "0s".into();
        }
    });
}

/// Lets endpoints fail as the row says, and looks at what comes of it, and at which statuses clients get. `settle` is told
/// how many endpoints are to be ejected by now.
fn play(row: &Row, address: SocketAddr, echoes: &[Echo], settle: &dyn Fn(usize)) -> (Outcome, Vec<u16>) {
    let host = row.host();
    let mut connection = Connection::open(address);
    let phases = row.phases();
    let request = |failing: &[usize]| {
        let failing: Vec<String> = failing.iter().map(|it| format!("e{it}=500")).collect();
        let request = Request::new("GET", &format!("http://{host}/"));
        if failing.is_empty() { request } else { request.header("x-echo-status-of", failing.join(";")) }
    };
    for failing in &phases {
        // In turn over all that are left, so that each that fails is asked often enough.
        for _ in 0..(ENOUGH + 1) * row.endpoints {
            connection.send(&request(failing));
        }
        settle(row.ejected_of(failing.len()));
    }
    echoes.iter().for_each(|echo| drop(echo.take()));
    let asked = request(phases.last().expect("there is a phase"));
    let answers: Vec<Response> = (0..3 * row.endpoints).map(|_| connection.send(&asked)).collect();
    let used = echoes.iter().filter(|echo| !echo.take().is_empty()).count();
    let out = answers.iter().all(|answer| answer.text() == "no healthy upstream");
    let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    (Outcome { out, used }, statuses)
}

#[test]
fn as_many_endpoints_are_ejected_as_native_envoy_ejects() {
    let echoes: Vec<Echo> = (0..MOST).map(|it| Echo::named(&format!("e{it}"))).collect();
    let rows = Row::all();
    let services: String = rows.iter().map(|row| row.yaml(&echoes)).collect();
    let gateway_alone = integration::sail::gateway_and_echo(echoes[0].port());
    let yaml = format!("{gateway_alone}{}", services.trim_start_matches("---\n"));
    let sides = [
        ("native", natively(&yaml)),
        ("suite", Sail::new(yaml.clone())),
        ("modules that detect", Sail::new(yaml).separate().modules_detect()),
    ];
    let mut wrong = Vec::new();
    let mut native: Vec<Vec<u16>> = Vec::new();
    for (name, sail) in sides {
        let envoy = sail.workers(1).adjust(at_once).start();
        let detects = name == "modules that detect";
        let started = Instant::now();
        for (index, row) in rows.iter().enumerate() {
            let stat = |what: &str| envoy.stat(&format!("cluster.{}.outlier_detection.{what}", cluster(row)));
            // Envoy's main thread ejects some time after the answer, and then tells the workers.
            let settle = |ejected: usize| {
                let deadline = Instant::now() + Duration::from_secs(1);
                while !detects && stat("ejections_active") != ejected as u64 && Instant::now() < deadline {
                    std::thread::sleep(Duration::from_millis(2));
                }
                std::thread::sleep(Duration::from_millis(if detects { 0 } else { 15 }));
            };
            let (outcome, statuses) = play(row, gateway(&envoy), &echoes, &settle);
            let mut expected = row.expected();
            if detects && !expected.out {
                // It cannot keep a request from a single endpoint.
                expected.used = row.endpoints;
            }
            if outcome != expected {
                wrong.push(format!("{name}: {}: got {outcome:?} {statuses:?}, want {expected:?}", row.host()));
            }
            if !detects && stat("ejections_active") != row.ejected() as u64 {
                wrong.push(format!(
                    "{name}: {}: {} are ejected, not {}",
                    row.host(),
                    stat("ejections_active"),
                    row.ejected()
                ));
            }
            match native.get(index) {
                None => native.push(statuses),
                Some(native) if !detects && *native != statuses => {
                    wrong.push(format!("{name}: {}: clients got {statuses:?}, natively {native:?}", row.host()));
                }
                Some(native) if (native[0] == 503) != (statuses[0] == 503) => {
                    wrong.push(format!("{name}: {}: clients got {statuses:?}, natively {native:?}", row.host()));
                }
                Some(_) => {}
            }
        }
        if detects {
            let out = rows.iter().filter(|row| row.expected().out).count() as u64;
            let counted = ["ejections", "ejected", "returns"]
                .map(|name| envoy.stat(&format!("wasmcustom.sailcloth.circuit-breaker.{name}")));
            if counted != [out, out, 0] {
                wrong.push(format!("{name}: ejections, ejected, returns: {counted:?}, not {:?}", [out, out, 0]));
            }
        }
        assert_eq!(envoy.vm_reloads(), 0);
        eprintln!("{name}: {} rows in {:?}", rows.len(), started.elapsed());
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}
