//! Metrics stay well-formed and few, whatever clients, destinations and labels say.

mod made_up;
mod room;

use std::thread;
use std::time::{Duration, Instant};

use integration::client::{Connection, Request, raw};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::metrics::{Labels, samples, series};
use integration::sail::{Sail, TO_ECHO, for_each_configuration, gateway_and_echo, replace, routed};
use serde_json::json;

const REQUESTS: &str = "istio_requests_total";

/// With so many series in each VM.
fn limited(sail: Sail, most: u32) -> Sail {
    sail.adjust(move |bootstrap| {
        for_each_configuration(bootstrap, &mut |configuration| configuration["stats"] = json!({"maxSeries": most}));
    })
}

/// How many lines of Envoy's log say that there is no more room.
fn warnings(envoy: &Envoy) -> Vec<String> {
    envoy.log().lines().filter(|line| line.contains("stats, maxSeries")).map(str::to_owned).collect()
}

/// A service at a port of its own, of one endpoint.
fn service(name: &str, port: u16) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  \
         hosts: [{name}.example]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
         ports: [{{number: 80, name: http, protocol: HTTP}}]\n  \
         endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]\n---\n"
    )
}

/// Waits until so many requests are counted.
fn counted(envoy: &Envoy, requests: f64) -> Vec<(Labels, f64)> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let all: Vec<(Labels, f64)> = series(&envoy.prometheus(), REQUESTS).into_iter().collect();
        let sum: f64 = all.iter().map(|(_, value)| value).sum();
        if sum == requests {
            return all;
        }
        assert!(Instant::now() < deadline, "{sum} requests are counted, not {requests}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Nothing matches but `/echo`.
fn nothing_matches(echo: &Echo) -> String {
    routed(echo.port(), "- match: [{uri: {exact: /echo}}]\n  route: [{destination: {host: echo}}]")
}

#[test]
fn a_destination_that_is_known_takes_one_series_whatever_the_host() {
    let echo = Echo::start();
    let envoy = Sail::new(nothing_matches(&echo)).start();
    let mut connections: Vec<Connection> = (0..4).map(|_| Connection::open(envoy.listener("gateway-80"))).collect();
    for index in 0..200 {
        let request = Request::get("/echo").header("host", format!("host-{index}.example"));
        assert_eq!(connections[index % 4].send(&request).status, 200);
    }
    assert_eq!(counted(&envoy, 200.0).len(), 1);
}

#[test]
fn hostile_labels_and_hosts_leave_the_metrics_well_formed() {
    let echo = Echo::start();
    let port = echo.port();
    let labelled = format!("http: {port}}}, labels: {{app: marked, version: v1}}}}");
    let yaml = gateway_and_echo(port).replace(&format!("http: {port}}}}}"), &labelled);
    let rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: ['*']\n  \
                gateways: [gw]\n  http:\n  - match: [{uri: {exact: /echo}}]\n    route: [{destination: {host: echo}}]\n";
    let envoy = Sail::new(format!("{yaml}{rule}"))
        .mesh()
        .adjust(|bootstrap| {
            let name = "w\"\n;.;source_app=.=evil;.;\\";
            // What validation refuses in a resource, somebody else's control plane may still say.
            let app = "a\"b\\c\nd=.=e\u{7}\u{e9}";
            replace(bootstrap, "marked;v1", &format!("{app};{}", "v".repeat(5000)));
            bootstrap["node"]["metadata"] = json!({"WORKLOAD_NAME": name, "LABELS": {"app": "\u{0}\u{85}x"}});
        })
        .start();
    assert_eq!(Request::get("/echo").header("host", "a").send(envoy.listener("gateway-80")).status, 200);
    // A host is a label in the mesh alone.
    let address = envoy.listener("mesh");
    let mut hosts = 0;
    let mut answered = 0;
    for host in
        [&b"a\"b"[..], b"a;.;b=.=c", b"\xff\xfe", b"a\tb", b"{}", b"x;.;reporter=.=evil;.;", b"%0a", b"[::1]:80"]
    {
        let request = [b"GET / HTTP/1.1\r\nconnection: close\r\nhost: ", host, b"\r\n\r\n"].concat();
        answered += u32::from(raw(address, &request).starts_with(b"HTTP/1.1 404"));
        hosts += 1;
    }
    // Those that Envoy itself refuses are counted as well.
    let all = counted(&envoy, f64::from(hosts + 1));
    assert!(answered >= 1, "Envoy refuses all of these hosts, so this test shows nothing");
    for (labels, _) in &all {
        assert_eq!(labels.len(), 25, "{labels:?}");
        assert_eq!(labels["reporter"], "source");
        assert_eq!(labels["source_workload"], "w\"__._source_app_._evil_._\\");
        assert_eq!(labels["source_app"], "__x");
    }
    assert!(all.iter().any(|(labels, _)| labels["destination_service"] == "x_._reporter_._evil_._"), "{all:#?}");
    let (routed, _) = all.iter().find(|(labels, _)| labels["response_code"] == "200").expect("one was routed");
    assert_eq!(routed["destination_app"], "a\"b\\c_d_._e_é");
    assert_eq!(routed["destination_version"], "v".repeat(256));
    // Every other metric is well-formed as well.
    assert!(samples(&envoy.prometheus()).iter().filter(|sample| sample.name.starts_with("istio_")).count() > 1);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn a_limit_that_is_none_is_refused() {
    let echo = Echo::start();
    for wrong in [json!({"maxSeries": 0}), json!({"maxSeries": "many"}), json!([])] {
        let refused = Sail::new(nothing_matches(&echo)).adjust(move |bootstrap| {
            for_each_configuration(bootstrap, &mut |configuration| configuration["stats"] = wrong.clone());
        });
        let log = refused.try_start().expect_err("a module takes no such limit");
        assert!(log.contains("stats"), "{log}");
    }
}

/// Envoy holds each regex of `stats_tags` against the name of each metric that could match it, and a cluster has a
/// hundred. Were those of clusters among them, each cluster would take 20 ms of the start.
#[test]
fn labels_cost_clusters_nothing() {
    const SERVICES: u16 = 200;
    let entry = |number: u16| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{number}}}\nspec:\n  \
             hosts: [s{number}.example.com]\n  resolution: STATIC\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  \
             endpoints: [{{address: 127.0.0.1}}]\n---\n"
        )
    };
    let resources = (0..SERVICES).map(entry).collect::<String>() + &routed(1, TO_ECHO);
    let start = |tags: bool| {
        let sail = Sail::new(resources.clone()).adjust(move |bootstrap| {
            if !tags {
                bootstrap["stats_config"]["stats_tags"] = json!([]);
            }
        });
        let began = Instant::now();
        let envoy = sail.start();
        let took = began.elapsed();
        assert!(envoy.stat("cluster_manager.active_clusters") > SERVICES.into());
        took
    };
    // The better of two: other tests run beside this one.
    let (without, with) = (start(false).min(start(false)), start(true).min(start(true)));
    assert!(with < without * 3, "{with:?} with Istio's labels, {without:?} without");
}
