//! Destinations that are left alone.

use super::*;
use integration::client::Connection;
use integration::echo::Echo;
use serde_json::Value;

/// Without Envoy's own detection, so that what is seen is the filter's.
fn without_envoys_own(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(without_envoys_own),
        Value::Object(object) => {
            object.remove("outlier_detection");
            object.values_mut().for_each(without_envoys_own);
        }
        _ => {}
    }
}

const RULES: &str =
    "- retries: {attempts: 0}\n  headers: {response: {set: {x-rule: applied}}}\n  route: [{destination: {host: echo}}]";

#[test]
fn a_destination_that_fails_is_left_alone_then_probed() {
    let echo = Echo::start();
    let policy = "{outlierDetection: {consecutive5xxErrors: 3, interval: 100ms, baseEjectionTime: 1s}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).workers(4).adjust(without_envoys_own).start();
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
    let opened = Instant::now();
    echo.take();
    let refused = good.send(address);
    assert_eq!((refused.status, refused.text().as_str()), (503, "no healthy upstream"));
    assert_eq!(refused.header("x-rule"), Some("applied"));
    assert_eq!(refused.header("x-envoy-overloaded"), None);
    // On every worker.
    let answers = crowd(address, 8, 5, &good);
    assert_eq!(count(&answers, 503), 40);
    assert!(echo.take().is_empty());
    // One probe, which fails: twice as long.
    until("it is probed", Duration::from_secs(3), || bad.send(address).status == 500);
    assert!(opened.elapsed() >= Duration::from_millis(900), "{:?}", opened.elapsed());
    let again = Instant::now();
    until("it closes", Duration::from_secs(5), || good.send(address).status == 200);
    assert!(again.elapsed() >= Duration::from_millis(1900), "{:?}", again.elapsed());
    assert_eq!(echo.take().len(), 2);
    let answers = crowd(address, 4, 5, &good);
    assert_eq!(count(&answers, 200), 20);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn there_is_one_probe_at_a_time() {
    let echo = Echo::start();
    let policy = "{outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 500ms}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).workers(2).adjust(without_envoys_own).start();
    let address = gateway(&envoy);
    assert_eq!(Request::get("/").header("x-echo-status", "503").send(address).status, 503);
    std::thread::sleep(Duration::from_millis(600));
    echo.take();
    let answers = crowd(address, 10, 1, &Request::get("/").header("x-echo-delay-ms", "500"));
    assert_eq!((count(&answers, 200), count(&answers, 503)), (1, 9));
    assert_eq!(echo.take().len(), 1);
}

#[test]
fn own_refusals_do_not_count_and_a_dead_upstream_does() {
    let echo = Echo::start();
    let policy = "{connectionPool: {tcp: {maxConnections: 1}, http: {http2MaxRequests: 1}}, \
                  outlierDetection: {consecutive5xxErrors: 5, baseEjectionTime: 60s}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).workers(2).adjust(without_envoys_own).start();
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

#[test]
fn the_first_alpha_schema_counts() {
    let echo = Echo::start();
    let policy = "{outlierDetection: {http: {consecutiveErrors: 1, interval: 1s, baseEjectionTime: 1m, maxEjectionPercent: 100}}}";
    let envoy = Sail::new(guarded(echo.port(), RULES, policy)).start();
    let address = gateway(&envoy);
    assert_eq!(Request::get("/").send(address).status, 200);
    assert_eq!(Request::get("/").header("x-echo-status", "500").send(address).status, 500);
    assert_eq!(Request::get("/").send(address).text(), "no healthy upstream");
}
