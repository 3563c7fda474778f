//! Destinations that are left alone by the modules, in an Envoy whose clusters do not detect outliers.

use super::*;
use integration::client::Connection;
use integration::echo::Echo;
use serde_json::json;

const RULES: &str =
    "- retries: {attempts: 0}\n  headers: {response: {set: {x-rule: applied}}}\n  route: [{destination: {host: echo}}]";

/// How many times a destination was left alone, and came back, and how many are now.
fn turns(envoy: &Envoy) -> [u64; 3] {
    ["ejections", "returns", "ejected"].map(|name| envoy.stat(&format!("wasmcustom.sailcloth.circuit-breaker.{name}")))
}

fn lines(envoy: &Envoy, what: &str) -> usize {
    envoy.log().lines().filter(|line| line.contains(what)).count()
}

#[test]
fn a_destination_whose_endpoint_is_ejected_is_left_alone_for_so_long() {
    let echo = Echo::start();
    let policy =
        "{outlierDetection: {consecutive5xxErrors: 3, interval: 100ms, baseEjectionTime: 1s, maxEjectionPercent: 100}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).workers(4).modules_detect().start();
    let address = gateway(&envoy);
    let good = Request::get("/");
    let bad = Request::get("/").header("x-echo-status", "500");
    // A good answer in between begins the count anew.
    for request in [&bad, &bad, &good, &bad, &bad] {
        request.send(address);
    }
    assert_eq!(good.send(address).status, 200);
    for _ in 0..3 {
        assert_eq!(bad.send(address).status, 500);
    }
    let ejected = Instant::now();
    echo.take();
    let refused = good.send(address);
    assert_eq!((refused.status, refused.text().as_str()), (503, "no healthy upstream"));
    assert_eq!(refused.header("x-rule"), Some("applied"));
    assert_eq!(refused.header("x-envoy-overloaded"), None);
    // On every worker, and it is said and counted once.
    let answers = crowd(address, 8, 5, &good);
    assert_eq!(count(&answers, 503), 40);
    assert!(echo.take().is_empty());
    assert_eq!(turns(&envoy), [1, 0, 1]);
    assert_eq!(lines(&envoy, "outbound|80||echo.default.svc.cluster.local is left alone for 1"), 1, "{}", envoy.log());
    assert_eq!(lines(&envoy, &format!("are ejected: {}", echo.address())), 1, "{}", envoy.log());
    // It returns for all, and though nobody asks: no request is a probe.
    until("it has returned", Duration::from_secs(3), || turns(&envoy) == [1, 1, 0]);
    let after = ejected.elapsed();
    assert!((900..1600).contains(&after.as_millis()), "{after:?}");
    assert_eq!(lines(&envoy, "echo.default.svc.cluster.local is not left alone any more"), 1, "{}", envoy.log());
    let answers = crowd(address, 8, 1, &bad);
    assert!(count(&answers, 500) >= 3, "{answers:?}");
    // Twice as long.
    until("it is left alone again", Duration::from_secs(1), || turns(&envoy) == [2, 1, 1]);
    let again = Instant::now();
    until("it has returned again", Duration::from_secs(5), || good.send(address).status == 200);
    let after = again.elapsed();
    assert!((1800..2700).contains(&after.as_millis()), "{after:?}");
    assert_eq!(turns(&envoy), [2, 2, 0]);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn own_refusals_do_not_count_and_a_dead_upstream_does() {
    let echo = Echo::start();
    let policy = "{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}, \
                  outlierDetection: {consecutive5xxErrors: 5, baseEjectionTime: 60s, maxEjectionPercent: 100}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).workers(2).modules_detect().start();
    let address = gateway(&envoy);
    let answers = crowd(address, 6, 10, &Request::get("/").header("x-echo-delay-ms", "10"));
    assert!(count(&answers, 503) > 10);
    let mut connection = Connection::open(address);
    assert_eq!(connection.send(&Request::get("/")).status, 200);
    drop(echo);
    for _ in 0..5 {
        let failed = connection.send(&Request::get("/"));
        assert_ne!(failed.text(), "no healthy upstream");
        assert_eq!(failed.status, 503);
    }
    assert_eq!(connection.send(&Request::get("/")).text(), "no healthy upstream");
}

/// Whoever answers the last request of `bad` ones, and `good` ones after them.
fn after(envoy: &Envoy, bad: usize) -> String {
    let address = gateway(envoy);
    for _ in 0..bad {
        assert_eq!(Request::get("/").header("x-echo-status", "500").send(address).status, 500);
    }
    let last = Request::get("/").send(address);
    if last.status == 200 { "answered".to_owned() } else { last.text() }
}

/// Where nobody lists the endpoints, or other ones than those that answer, nothing is known.
#[test]
fn destinations_whose_endpoints_nobody_knows_are_never_left_alone() {
    let (echo, other) = (Echo::start(), Echo::start());
    let policy = "{outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}}";
    let yaml = guarded(echo.port(), RULES, policy);
    let listed = Sail::new(yaml.clone()).modules_detect().start();
    assert_eq!(after(&listed, 1), "no healthy upstream");
    let by_dns = Sail::new(yaml.replace("resolution: STATIC", "resolution: DNS")).modules_detect().start();
    assert_eq!(after(&by_dns, 9), "answered");
    // The only listed endpoint, and one that is not: as soon as that one has been seen, all may not be ejected.
    let port = other.port();
    let more = Sail::new(yaml.clone()).modules_detect().workers(1).adjust(move |bootstrap| {
        let clusters = bootstrap["static_resources"]["clusters"].as_array_mut().unwrap();
        for cluster in clusters.iter_mut().filter(|cluster| cluster["name"].as_str().unwrap().contains("echo")) {
            cluster["lb_policy"] = json!("ROUND_ROBIN");
            let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array_mut().unwrap();
            let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": port}});
            endpoints.push(json!({"endpoint": {"address": address}}));
        }
    });
    let more = more.start();
    for _ in 0..4 {
        Request::get("/").send(gateway(&more));
    }
    assert!(!other.seen().is_empty());
    assert_eq!(after(&more, 9), "answered");
    // A percentage of one that is none, and a share of healthy ones to keep.
    for policy in [
        "{outlierDetection: {consecutive5xxErrors: 1}}",
        "{outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 99}}",
        "{outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100, minHealthPercent: 1}}",
    ] {
        let envoy = Sail::new(guarded(echo.port(), RULES, policy)).modules_detect().start();
        assert_eq!(after(&envoy, 9), "answered", "{policy}");
    }
}

/// It is honoured also where clusters detect outliers, which the modules leave to them otherwise.
#[test]
fn the_first_alpha_schema_counts() {
    let echo = Echo::start();
    let policy = "{outlierDetection: {http: {consecutiveErrors: 1, interval: 1s, baseEjectionTime: 1m, maxEjectionPercent: 100}}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).start();
    assert_eq!(after(&envoy, 1), "no healthy upstream");
    assert_eq!(turns(&envoy), [1, 0, 1]);
    let today = policy.replace("http: {consecutiveErrors", "consecutive5xxErrors").replace("}}}", "}}");
    let envoy = Sail::new(guarded(echo.port(), RULES, &today)).start();
    // Envoy's main thread does it in a moment.
    after(&envoy, 1);
    until("Envoy has ejected it", Duration::from_secs(3), || after(&envoy, 0) == "no healthy upstream");
    assert_eq!(turns(&envoy), [0, 0, 0]);
}

/// What was left alone under a configuration that is replaced returns, for under the next one maybe nobody asks for it.
#[test]
fn an_ejection_ends_with_its_configuration() {
    use integration::discovery::{Discovery, Made};

    let echo = Echo::start();
    let policy = "{outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 60s, maxEjectionPercent: 100}}";
    let discovery = Discovery::new();
    let envoy = discovery.follow(Sail::new(guarded(echo.port(), RULES, policy)).modules_detect()).start();
    assert_eq!(after(&envoy, 1), "no healthy upstream");
    assert_eq!(turns(&envoy), [1, 0, 1]);
    let next = Sail::new(guarded(echo.port(), RULES, "{loadBalancer: {simple: RANDOM}}")).modules_detect();
    assert_eq!(discovery.replace(&envoy, &next), Made::InUse);
    until("it has returned", Duration::from_secs(5), || turns(&envoy) == [1, 1, 0]);
    assert_eq!(after(&envoy, 3), "answered");
}
