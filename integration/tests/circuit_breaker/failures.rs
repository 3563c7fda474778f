//! Slots come back, whatever becomes of those who hold them.

use super::*;
use integration::client::Raw;
use integration::echo::Echo;
use serde_json::{Value, json};

fn reload_at_once(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(reload_at_once),
        Value::Object(object) => {
            if object.contains_key("failure_policy") {
                let backoff = json!({"base_interval": "0.01s", "max_interval": "0.02s"});
                object.insert("reload_config".into(), json!({"backoff": backoff}));
            }
            object.values_mut().for_each(reload_at_once);
        }
        _ => {}
    }
}

#[test]
fn slots_of_a_dead_vm_come_back_within_five_seconds() {
    for workers in [1, 3] {
        let echo = Echo::start();
        let envoy = two_and_one(echo.port()).module("test_filter").workers(workers).adjust(reload_at_once).start();
        let address = gateway(&envoy);
        assert_eq!(Request::get("/").send(address).status, 200);
        // Some hold slots, one waits; then every VM dies that a few panics reach.
        let mut lost: Vec<Raw> = (0..3)
            .map(|_| {
                let mut raw = Raw::connect(address);
                raw.write(b"GET /lost HTTP/1.1\r\nhost: a\r\nx-echo-delay-ms: 60000\r\n\r\n").unwrap();
                raw
            })
            .collect();
        until("two are on their way, one waits", Duration::from_secs(5), || gauges(&envoy) == (2, 1));
        for _ in 0..20 {
            Request::get("/").header("x-test-panic", "1").send(address);
        }
        let died = Instant::now();
        assert!(envoy.vm_reloads() >= 1);
        // The clients leave; dead VMs do not notice.
        lost.clear();
        until("requests have slots again", Duration::from_secs(6), || Request::get("/").send(address).status == 200);
        let took = died.elapsed();
        eprintln!("{workers} workers: back after {took:?}");
        assert!(took < Duration::from_secs(5), "{workers} workers: {took:?}");
        until("what was asked meanwhile is over", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
        free(address, 2, 1);
        until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
    }
}

/// A worker that lives waits for slots that a dead one held: nobody wakes it, it looks by itself.
#[test]
fn whoever_waits_for_the_slots_of_a_dead_vm_gets_them() {
    let echo = Echo::start();
    let envoy = two_and_one(echo.port()).module("test_filter").workers(2).adjust(reload_at_once).start();
    let address = gateway(&envoy);
    let _lost: Vec<Raw> = (0..2)
        .map(|_| {
            let mut raw = Raw::connect(address);
            raw.write(b"GET /lost HTTP/1.1\r\nhost: a\r\nx-echo-delay-ms: 60000\r\n\r\n").unwrap();
            raw
        })
        .collect();
    until("two are on their way", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
    for _ in 0..20 {
        Request::get("/").header("x-test-panic", "1").send(address);
    }
    let started = Instant::now();
    // Until the VM that died last is loaded again, Envoy answers for it; that refusal is nobody's overflow.
    let response = loop {
        let response = Request::get("/waits").send(address);
        let reloading = response.status == 503 && response.header("x-envoy-overloaded").is_none();
        if !reloading || started.elapsed() > Duration::from_secs(5) {
            break response;
        }
    };
    let took = started.elapsed();
    eprintln!("it waited {took:?}");
    assert_eq!(response.status, 200);
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn upstream_resets_and_refused_connections_free_their_slots() {
    let echo = Echo::start();
    let rules = "- retries: {attempts: 0}\n  route: [{destination: {host: echo}}]";
    let envoy = Sail::new(guarded(echo.port(), rules, TWO_AND_ONE)).start();
    let address = gateway(&envoy);
    let answers = crowd(address, 4, 20, &Request::get("/").header("x-echo-reset", "1").header("x-echo-delay-ms", "5"));
    assert_eq!(count(&answers, 503), answers.len());
    until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
    drop(echo);
    let answers = crowd(address, 4, 20, &Request::get("/"));
    assert_eq!(count(&answers, 503), answers.len());
    until("gauges are 0", Duration::from_secs(5), || gauges(&envoy) == (0, 0));
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn after_a_load_with_random_resets_nothing_is_held() {
    let echo = Echo::start();
    let rules = "- timeout: 0.3s\n  route: [{destination: {host: echo}}]";
    let policy = "{connectionPool: {tcp: {maxConnections: 3}, http: {http1MaxPendingRequests: 10}}}";
    let envoy = Sail::new(guarded(echo.port(), rules, policy)).workers(4).start();
    let address = gateway(&envoy);
    let busy: Vec<Busy> = (0..4)
        .map(|_| Busy::new(address, Request::get("/").header("x-echo-delay-ms", "10")))
        .chain((0..2).map(|_| Busy::new(address, Request::get("/").header("x-echo-reset", "1"))))
        .chain((0..2).map(|_| Busy::new(address, Request::get("/").header("x-echo-delay-ms", "400"))))
        .collect();
    let ends = Instant::now() + Duration::from_secs(6);
    let mut resets = 0u64;
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    while Instant::now() < ends {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut raw = Raw::connect(address);
        let delay = (random >> 33) % 60;
        let _ = raw.write(format!("GET / HTTP/1.1\r\nhost: a\r\nx-echo-delay-ms: {delay}\r\n\r\n").as_bytes());
        std::thread::sleep(Duration::from_millis((random >> 40) % 12));
        resets += 1;
    }
    let answers: Vec<u16> = busy.into_iter().flat_map(Busy::stop).collect();
    let of = |status| answers.iter().filter(|answer| **answer == status).count();
    eprintln!("{} answers: {} x 200, {} x 503, {} x 504; {resets} resets", answers.len(), of(200), of(503), of(504));
    assert!(of(200) > 0 && of(0) == 0, "{answers:?}");
    until("gauges are 0", Duration::from_secs(10), || gauges(&envoy) == (0, 0));
    assert_eq!(envoy.vm_reloads(), 0);
    // All three slots are there.
    echo.take_high_water();
    let answers = crowd(address, 13, 10, &Request::get("/").header("x-echo-delay-ms", "10"));
    assert_eq!((count(&answers, 200), echo.high_water()), (130, 3));
}
