//! Istio's metrics on real Envoy: what Prometheus reads is what Istio's proxies would say.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use envoy_config::{Proxy, to_json};
use integration::client::{Connection, Raw, Request, raw};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::metrics::{Labels, series};
use integration::native;
use integration::sail::{Sail, gateway_and_echo, replace};
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;

const REQUESTS: &str = "istio_requests_total";

/// Rules for every way in which a request can end; nothing matches `/nothing`.
const RULES: &str = "\
- match: [{uri: {prefix: /redirect}}]
  redirect: {uri: /elsewhere}
- match: [{uri: {prefix: /direct}}]
  directResponse: {status: 418, body: {string: teapot}}
- match: [{uri: {prefix: /dead}}]
  route: [{destination: {host: dead.example.com}}]
- match: [{uri: {prefix: /nowhere}}]
  route: [{destination: {host: nowhere.example.com, port: {number: 80}}}]
- match: [{uri: {prefix: /slow}}]
  timeout: 0.1s
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /cors}}]
  corsPolicy: {allowOrigins: [{exact: 'http://a.example'}], allowMethods: [GET]}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /canary}}]
  rewrite: {authority: rewritten.example, uri: /c}
  route:
  - {destination: {host: echo, subset: v1}, weight: 50}
  - {destination: {host: echo, subset: all}, weight: 50}
- match: [{uri: {prefix: /cats.}}]
  route: [{destination: {host: grpc.cats.svc.cluster.local}}]
- match: [{uri: {prefix: /again}}]
  retries: {attempts: 2, retryOn: 5xx}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /echo}}]
  route: [{destination: {host: echo}}]";

fn resources(echo: u16, dead: u16) -> String {
    let entry = |name: &str, host: &str, protocol: &str, port: u16, labels: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}, namespace: cats}}\nspec:\n  \
             hosts: [{host}]\n  resolution: STATIC\n  ports: [{{number: 80, name: p, protocol: {protocol}}}]\n  \
             endpoints: [{{address: 127.0.0.1, ports: {{p: {port}}}, labels: {labels}}}]\n---\n"
        )
    };
    let rules: String = RULES.lines().map(|line| format!("  {line}\n")).collect();
    let labels = "labels: {app: echo, version: v1, service.istio.io/workload-name: echo-v1}";
    let base = gateway_and_echo(echo).replace(&format!("http: {echo}}}}}"), &format!("http: {echo}}}, {labels}}}"));
    format!(
        "{base}{}{}apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: echo}}\nspec:\n  host: \
         echo\n  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: all}}]\n---\napiVersion: \
         networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  hosts: ['*']\n  gateways: \
         [gw]\n  http:\n{rules}",
        entry("dead", "dead.example.com", "HTTP", dead, "{}"),
        entry("grpc", "grpc.cats.svc.cluster.local", "GRPC", echo, "{}"),
    )
}

/// Who the proxy is, and metrics without delay.
fn observed(bootstrap: &mut Value) {
    bootstrap["stats_flush_interval"] = json!("0.1s");
    bootstrap["node"]["metadata"] = json!({
        "WORKLOAD_NAME": "ingress-1", "CLUSTER_ID": "client-cluster", "NAMESPACE": "ignored",
        "LABELS": {"app": "ingress", "version": "v7", "service.istio.io/canonical-revision": "version-7"},
    });
}

/// The HTTP connection managers of a bootstrap.
fn managers(bootstrap: &mut Value) -> impl Iterator<Item = &mut Value> {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut().into_iter().flatten();
    listeners.filter_map(|listener| listener.pointer_mut("/filter_chains/0/filters/0/typed_config"))
}

/// How the stats are packaged.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Suite,
    Separate,
    /// The stats in front of Envoy's own routes, without any other module.
    Alone,
}

fn sail(kind: Kind, yaml: &str) -> Sail {
    let sail = Sail::new(yaml).adjust(observed);
    match kind {
        Kind::Suite => sail,
        Kind::Separate => sail.separate(),
        Kind::Alone => {
            let mut report = Report::new();
            let set = Resources::read(shared::load::text(yaml, None, &mut report), &mut report);
            let proxy = Proxy {
                namespace: "default".into(),
                gateways: vec!["default/gw".into()],
                labels: BTreeMap::new(),
                port: Some(80),
            };
            let routes = native::route_config(&set, &proxy);
            sail.module("stats").adjust(move |bootstrap| {
                for manager in managers(bootstrap) {
                    let stats = manager["http_filters"][0].clone();
                    let filters = native::http_filters();
                    let filters = std::iter::once(stats).chain(filters.as_array().cloned().unwrap_or_default());
                    manager["http_filters"] = filters.collect();
                    manager["route_config"] = to_json(&routes);
                }
            })
        }
    }
}

/// Labels of a request from that proxy: what is not given is as it is for a request whose destination nobody knows.
fn labels(given: &[(&str, &str)]) -> Labels {
    let mut all: Labels = [
        ("reporter", "source"),
        ("source_workload", "ingress-1"),
        ("source_canonical_service", "ingress"),
        ("source_canonical_revision", "version-7"),
        ("source_workload_namespace", "default"),
        ("source_principal", "unknown"),
        ("source_app", "ingress"),
        ("source_version", "v7"),
        ("source_cluster", "client-cluster"),
        ("destination_workload", "unknown"),
        ("destination_workload_namespace", "unknown"),
        ("destination_principal", "unknown"),
        ("destination_app", "unknown"),
        ("destination_version", "unknown"),
        ("destination_service", "cats.example"),
        ("destination_canonical_service", "unknown"),
        ("destination_canonical_revision", "latest"),
        ("destination_service_name", "unknown"),
        ("destination_service_namespace", "unknown"),
        ("destination_cluster", "unknown"),
        ("request_protocol", "http"),
        ("response_code", "200"),
        ("grpc_response_status", ""),
        ("response_flags", "-"),
        ("connection_security_policy", "unknown"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for (key, value) in given {
        assert!(all.insert((*key).to_owned(), (*value).to_owned()).is_some(), "no label {key}");
    }
    all
}

const TO_ECHO: &[(&str, &str)] = &[
    ("destination_service", "echo.default.svc.cluster.local"),
    ("destination_service_name", "echo"),
    ("destination_service_namespace", "default"),
];
const BY_ECHO: &[(&str, &str)] = &[
    ("destination_workload", "echo-v1"),
    ("destination_workload_namespace", "default"),
    ("destination_app", "echo"),
    ("destination_version", "v1"),
    ("destination_canonical_service", "echo"),
    ("destination_canonical_revision", "v1"),
];

struct Row {
    name: &'static str,
    request: Request,
    status: u16,
    labels: Labels,
}

fn row(name: &'static str, path: &str, status: u16, given: &[&[(&str, &str)]]) -> Row {
    let request = Request::get(path).header("host", "cats.example").header("x-row", name);
    let code = status.to_string();
    let all = [&[("response_code", code.as_str())], given.concat().as_slice()].concat();
    Row { name, request, status, labels: labels(&all) }
}

fn rows() -> Vec<Row> {
    let dead = &[("destination_service", "dead.example.com"), ("destination_service_name", "dead.example.com")];
    let nowhere =
        &[("destination_service", "nowhere.example.com"), ("destination_service_name", "nowhere.example.com")];
    let grpc = &[
        ("destination_service", "grpc.cats.svc.cluster.local"),
        ("destination_service_name", "grpc"),
        ("destination_service_namespace", "cats"),
        ("request_protocol", "grpc"),
    ];
    let cats = ("destination_service_namespace", "cats");
    let mut rows = vec![
        row("routed", "/echo", 200, &[TO_ECHO, BY_ECHO]),
        row("an error of the destination", "/echo", 500, &[TO_ECHO, BY_ECHO]),
        row("both versions of a canary", "/canary", 200, &[TO_ECHO, BY_ECHO]),
        row("nothing matches", "/nothing", 404, &[&[("response_flags", "NR")]]),
        row("redirect", "/redirect", 301, &[]),
        row("direct response", "/direct", 418, &[]),
        row("preflight", "/cors", 200, &[TO_ECHO]),
        row("nobody listens", "/dead", 503, &[dead, &[cats, ("response_flags", "URX,UF")]]),
        row("no such cluster", "/nowhere", 503, &[nowhere, &[("response_flags", "NC")]]),
        row("timeout", "/slow", 504, &[TO_ECHO, BY_ECHO, &[("response_flags", "UT")]]),
        row("retries are used up", "/again", 503, &[TO_ECHO, BY_ECHO, &[("response_flags", "URX")]]),
        row("gRPC", "/cats.Search/Find", 200, &[grpc, &[("grpc_response_status", "0")]]),
        row("a gRPC error", "/cats.Search/Find", 200, &[grpc, &[("grpc_response_status", "5")]]),
        row(
            "gRPC that nothing matches",
            "/nothing",
            200,
            &[&[("request_protocol", "grpc"), ("grpc_response_status", "12"), ("response_flags", "NR")]],
        ),
    ];
    for row in &mut rows {
        let mut request = row.request.clone();
        request = match row.name {
            "an error of the destination" => request.header("x-echo-status", "500"),
            "retries are used up" => request.header("x-echo-status", "503"),
            "timeout" => request.header("x-echo-delay-ms", "1000"),
            "preflight" => Request::new("OPTIONS", "/cors")
                .header("host", "cats.example")
                .header("origin", "http://a.example")
                .header("access-control-request-method", "GET"),
            _ => request,
        };
        if row.labels["request_protocol"] == "grpc" {
            let path = if row.name.contains("nothing") { "/nothing" } else { "/cats.Search/Find" };
            request = Request::new("POST", path).header("host", "cats.example").http2(true);
            request = request.header("content-type", "application/grpc").header("te", "trailers");
            if row.name == "a gRPC error" {
                request = request.header("x-echo-grpc-status", "5");
            }
        }
        row.request = request;
    }
    rows
}

/// Waits until the counter's series are these; a client has its response before Envoy has counted it.
fn expect(envoy: &Envoy, expected: &BTreeMap<Labels, f64>, what: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let text = envoy.prometheus();
        let got = series(&text, REQUESTS);
        if got == *expected {
            return text;
        }
        if Instant::now() > deadline {
            let only = |a: &BTreeMap<Labels, f64>, b: &BTreeMap<Labels, f64>| {
                a.iter()
                    .filter(|(key, value)| b.get(*key) != Some(value))
                    .map(|it| format!("{it:?}\n"))
                    .collect::<String>()
            };
            panic!("{what}: Envoy alone says\n{}the test alone says\n{}", only(&got, expected), only(expected, &got));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// A port that nobody listens on.
fn dead_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("there is a free port").port()
}

fn start(kind: Kind) -> (Echo, Envoy, SocketAddr) {
    let echo = Echo::start();
    let envoy = sail(kind, &resources(echo.port(), dead_port())).start();
    let address = envoy.listener("gateway-80");
    (echo, envoy, address)
}

fn every_row(kind: Kind) {
    let (_echo, envoy, address) = start(kind);
    let mut expected: BTreeMap<Labels, f64> = BTreeMap::new();
    for row in rows() {
        assert_eq!(row.request.send(address).status, row.status, "{kind:?}: {}", row.name);
        *expected.entry(row.labels).or_default() += 1.0;
        expect(&envoy, &expected, &format!("{kind:?}: {}", row.name));
    }
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn the_suite_labels_every_end_of_a_request_as_istio_does() {
    every_row(Kind::Suite);
}

#[test]
fn separate_modules_say_the_same() {
    every_row(Kind::Separate);
}

/// No other module is loaded, and Envoy's own routes do what the resources say.
#[test]
fn the_stats_alone_say_the_same() {
    every_row(Kind::Alone);
}

/// A module behind the stats replies: its reason is in no flag of Envoy's, but in the decision as it is at the end.
#[test]
fn replies_of_later_modules_have_the_flags_that_envoys_own_would_have() {
    let echo = Echo::start();
    let envoy = sail(Kind::Separate, &resources(echo.port(), dead_port()))
        .adjust(|bootstrap| {
            for filters in managers(bootstrap).filter_map(|manager| manager["http_filters"].as_array_mut()) {
                let mut finder = filters[filters.len() - 2].clone();
                replace(&mut finder, "router.wasm", "test_finder.wasm");
                replace(&mut finder, "sailcloth.router", "sailcloth.test_finder");
                filters.insert(1, finder);
            }
        })
        .start();
    let address = envoy.listener("gateway-80");
    let mut expected = BTreeMap::new();
    for (reason, flags) in [("6", "DI,FI"), ("7", "DI,UO"), ("8", "DI,UH")] {
        let request = Request::get("/canary").header("host", "cats.example").header("x-test-reason", reason);
        assert_eq!(request.send(address).status, 503);
        // Both destinations of the rule belong to one service, so that it is known before anybody chose.
        let given = [TO_ECHO, &[("response_code", "503"), ("response_flags", flags)]].concat();
        expected.insert(labels(&given), 1.0);
        expect(&envoy, &expected, flags);
    }
    assert_eq!(envoy.vm_reloads(), 0);
}

/// What the mesh does not know it lets pass, and Istio has a name for where that goes.
#[test]
fn hosts_outside_of_the_mesh_are_passed_through() {
    let echo = Echo::start();
    let yaml = resources(echo.port(), dead_port()).replace("gateways: [gw]", "gateways: [mesh, gw]");
    for kind in [Kind::Suite, Kind::Separate] {
        let envoy =
            sail(kind, &yaml.replace("hosts: ['*']\n  gateways: [mesh", "hosts: [a.example]\n  gateways: [mesh"))
                .start();
        let address = envoy.listener("mesh");
        Request::get("/").header("host", "dogs.example").send(address);
        let deadline = Instant::now() + Duration::from_secs(5);
        let all = loop {
            let all = series(&envoy.prometheus(), REQUESTS);
            if !all.is_empty() || Instant::now() > deadline {
                break all;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let (labels, _) = all.first_key_value().expect("it is counted");
        assert_eq!(labels["destination_service"], "dogs.example", "{kind:?}");
        assert_eq!(labels["destination_service_name"], "PassthroughCluster", "{kind:?}");
        assert_eq!(labels["destination_service_namespace"], "unknown", "{kind:?}");
    }
}

/// The order of several flags is Envoy's own.
#[test]
fn flags_are_spelt_as_envoy_spells_them() {
    let echo = Echo::start();
    let envoy = sail(Kind::Suite, &resources(echo.port(), dead_port()))
        .adjust(|bootstrap| {
            for manager in managers(bootstrap) {
                let header = json!({"key": "x-flags", "value": "%RESPONSE_FLAGS%"});
                manager["route_config"]["response_headers_to_add"] = json!([{"header": header}]);
            }
        })
        .start();
    let address = envoy.listener("gateway-80");
    for row in rows().iter().filter(|row| row.labels["response_flags"] != "NR") {
        if let Some(flags) = row.request.send(address).header("x-flags") {
            assert_eq!(flags, row.labels["response_flags"], "{}", row.name);
        }
    }
}

#[test]
fn a_client_that_leaves_is_counted_without_a_response() {
    for kind in [Kind::Suite, Kind::Separate, Kind::Alone] {
        let (echo, envoy, address) = start(kind);
        let mut client = Raw::connect(address);
        client.write(b"GET /echo HTTP/1.1\r\nhost: cats.example\r\nx-echo-delay-ms: 3000\r\n\r\n").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while echo.seen().is_empty() {
            assert!(Instant::now() < deadline, "the request does not arrive");
            thread::sleep(Duration::from_millis(5));
        }
        drop(client);
        let left = [TO_ECHO, BY_ECHO, &[("response_code", "0"), ("response_flags", "DC")]].concat();
        expect(&envoy, &BTreeMap::from([(labels(&left), 1.0)]), &format!("{kind:?}"));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// What Envoy refuses before it asks any filter is counted too, since filters are told of the end: without a host,
/// which nobody has read.
#[test]
fn what_never_reaches_the_chain_is_counted() {
    for kind in [Kind::Suite, Kind::Separate] {
        let (_echo, envoy, address) = start(kind);
        for refused in [&b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"[..], b"nonsense\r\n\r\n"] {
            let answer = raw(address, refused);
            assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
        }
        let of =
            |flags| labels(&[("destination_service", "unknown"), ("response_code", "400"), ("response_flags", flags)]);
        expect(&envoy, &BTreeMap::from([(of("-"), 1.0), (of("DPE"), 1.0)]), &format!("{kind:?}"));
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn histograms_count_and_sum_what_was_counted() {
    let (_echo, envoy, address) = start(Kind::Suite);
    // Two workers have parts of each series.
    let mut connections: Vec<Connection> = (0..8).map(|_| Connection::open(address)).collect();
    let request = Request::new("POST", "/echo").header("host", "cats.example").header("x-echo-body-bytes", "3000");
    let request = request.header("x-echo-delay-ms", "30").body(vec![b'x'; 2000]);
    for connection in &mut connections {
        for _ in 0..5 {
            assert_eq!(connection.send(&request).status, 200);
        }
    }
    let key = labels(&[TO_ECHO, BY_ECHO].concat());
    expect(&envoy, &BTreeMap::from([(key.clone(), 40.0)]), "requests");
    let deadline = Instant::now() + Duration::from_secs(5);
    let of = |text: &str, name: &str| series(text, name).get(&key).copied().unwrap_or_default();
    let text = loop {
        let text = envoy.prometheus();
        if of(&text, "istio_response_bytes_count") == 40.0 {
            break text;
        }
        assert!(Instant::now() < deadline, "no histogram");
        thread::sleep(Duration::from_millis(20));
    };
    for (name, least, most) in [
        ("istio_request_duration_milliseconds", 30.0, 1000.0),
        ("istio_request_bytes", 2000.0, 3000.0),
        ("istio_response_bytes", 3000.0, 4000.0),
    ] {
        assert_eq!(of(&text, &format!("{name}_count")), 40.0, "{name}");
        let mean = of(&text, &format!("{name}_sum")) / 40.0;
        assert!((least * 0.95..=most).contains(&mean), "{name}: {mean}");
        let buckets: Vec<f64> = series(&text, &format!("{name}_bucket"))
            .into_keys()
            .filter(|labels| key.iter().all(|(name, value)| labels.get(name) == Some(value)))
            .filter_map(|labels| labels["le"].parse().ok().filter(|end: &f64| end.is_finite()))
            .collect();
        assert_eq!(buckets.len(), envoy_config::stats::BUCKETS.len(), "{name}");
        assert!(envoy_config::stats::BUCKETS.iter().all(|end| buckets.contains(end)), "{name}: {buckets:?}");
    }
    assert_eq!(envoy.vm_reloads(), 0);
}
