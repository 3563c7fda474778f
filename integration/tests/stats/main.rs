//! Istio's metrics on real Envoy: what Prometheus reads is what Istio's proxies would say.

mod ends;
mod grpc;
mod others;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use envoy_config::{Proxy, to_json};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::metrics::{Labels, series};
use integration::native;
use integration::sail::{Sail, gateway_and_echo, replace};
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;

const REQUESTS: &str = "istio_requests_total";

/// The corpus has more ways in which a request can end; these are the ones that all labels are looked at of, and those
/// that take an endpoint that nobody answers at. Nothing matches `/nothing`.
const RULES: &str = "\
- match: [{uri: {prefix: /dead/once}}]
  retries: {attempts: 0}
  route: [{destination: {host: dead.example.com}}]
- match: [{uri: {prefix: /dead}}]
  route: [{destination: {host: dead.example.com}}]
- match: [{uri: {prefix: /nowhere}}]
  route: [{destination: {host: nowhere.example.com, port: {number: 80}}}]
- match: [{uri: {prefix: /slow}}]
  timeout: 0.1s
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /canary}}]
  route:
  - {destination: {host: echo, subset: v1}, weight: 50}
  - {destination: {host: echo, subset: all}, weight: 50}
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
        "{base}{}apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: echo}}\nspec:\n  host: \
         echo\n  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: all}}]\n---\napiVersion: \
         networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web}}\nspec:\n  hosts: ['*']\n  gateways: \
         [gw]\n  http:\n{rules}",
        entry("dead", "dead.example.com", "HTTP", dead, "{}"),
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
                    let filters = std::iter::once(stats).chain(native::http_filters());
                    manager["http_filters"] = filters.collect();
                    manager["route_config"] = to_json(&routes);
                }
            })
        }
    }
}

/// Labels of a request from that proxy: what is not given is as it is for a request whose destination nobody knows. What
/// the client asked for is no label of it, since the proxy is a gateway.
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
        ("destination_service", "unknown"),
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

/// A port that nobody listens on: TCPMUX's, which is out of use. One that is free now another test may take.
const DEAD_PORT: u16 = 1;

fn start(kind: Kind) -> (Echo, Envoy, SocketAddr) {
    let echo = Echo::start();
    let envoy = sail(kind, &resources(echo.port(), DEAD_PORT)).start();
    let address = envoy.listener("gateway-80");
    (echo, envoy, address)
}
