//! The seam on real Envoy: waits, replies, panics, and decisions handed from module to module.

use std::time::{Duration, Instant};

use integration::client::{Connection, Raw, Request};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, TO_ECHO, for_each_object, replace, routed};
use serde_json::{Value, json};

/// The name of the only gateway's listener.
fn gateway(envoy: &Envoy) -> std::net::SocketAddr {
    envoy.listener("gateway-80")
}

#[test]
fn a_request_waits_and_goes_on_from_a_tick() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).module("test_filter").start();
    let started = Instant::now();
    let request = Request::get("/").header("x-test-wait-ms", "200").header("x-test-waits", "2");
    let response = request.send(gateway(&envoy));
    assert_eq!(response.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(400), "it waited {:?}", started.elapsed());
    // The router has had its turn after the waits.
    assert_eq!(echo.take().len(), 1);
    assert_eq!(envoy.vm_reloads(), 0);
}

/// Envoy resumes streams one inside the other: a thousand in one tick would overflow V8's stack and kill the VM.
#[test]
fn a_thousand_requests_wait_at_once_and_all_go_on() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).module("test_filter").workers(1).start();
    let address = gateway(&envoy);
    let mut waiting: Vec<Raw> = (0..1000)
        .map(|_| {
            let mut raw = Raw::connect(address);
            raw.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-test-wait-ms: 1500\r\nconnection: close\r\n\r\n").unwrap();
            raw
        })
        .collect();
    for raw in &mut waiting {
        assert!(raw.head().starts_with(b"HTTP/1.1 200"));
    }
    assert_eq!(envoy.vm_reloads(), 0);
    assert_eq!(echo.take().len(), 1000);
}

#[test]
fn a_client_that_leaves_while_it_waits_leaves_nothing_behind() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).module("test_filter").workers(1).start();
    for _ in 0..50 {
        let mut raw = Raw::connect(gateway(&envoy));
        raw.write(b"GET / HTTP/1.1\r\nhost: a\r\nx-test-wait-ms: 300\r\n\r\n").unwrap();
    }
    // Those that come after them wait their own time and are answered.
    let started = Instant::now();
    let response = Request::get("/").header("x-test-wait-ms", "600").send(gateway(&envoy));
    assert_eq!(response.status, 200);
    assert!(started.elapsed() >= Duration::from_millis(600));
    assert_eq!(echo.take().len(), 1, "those who left were never forwarded");
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn a_reply_of_any_behaviour_has_the_rules_response_operations() {
    let rule = "\
- headers: {response: {set: {x-set: by-rule, x-test: overwritten}, remove: [x-gone]}}
  route:
  - destination: {host: echo}
    headers: {response: {add: {x-agent: '%REQ(user-agent)%'}}}";
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), rule)).module("test_filter").start();
    let request = Request::get("/").header("x-test-reply", "418").header("user-agent", "tester");
    let response = request.send(gateway(&envoy));
    assert_eq!(response.status, 418);
    assert_eq!(response.text(), "by test");
    assert_eq!(response.header("x-set"), Some("by-rule"));
    assert_eq!(response.header("x-test"), Some("overwritten"));
    // No destination was chosen yet, so a destination's operations do not apply.
    assert_eq!(response.header("x-agent"), None);
    assert!(echo.take().is_empty());
}

/// The reply is sent from a timer tick, outside of any callback of the stream.
#[test]
fn a_reply_may_come_after_a_wait() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).module("test_filter").workers(1).start();
    let request = Request::get("/").header("x-test-wait-ms", "100").header("x-test-reply", "418");
    for _ in 0..3 {
        let response = request.send(gateway(&envoy));
        assert_eq!((response.status, response.text().as_str()), (418, "by test"));
    }
    assert!(echo.take().is_empty());
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn a_panic_costs_its_vm_and_the_next_request_works() {
    let echo = Echo::start();
    let reload_at_once = |bootstrap: &mut Value| {
        for_each_object(bootstrap, &mut |object| {
            if object.contains_key("failure_policy") {
                let backoff = json!({"base_interval": "0.01s", "max_interval": "0.02s"});
                object.insert("reload_config".into(), json!({"backoff": backoff}));
            }
        });
    };
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).module("test_filter").workers(1).adjust(reload_at_once).start();
    let address = gateway(&envoy);
    assert_eq!(Request::get("/").send(address).status, 200);
    // One that is in the VM when it dies is lost with it; Envoy ends it when its client leaves.
    let mut lost = Raw::connect(address);
    lost.write(b"GET /lost HTTP/1.1\r\nhost: a\r\nx-test-wait-ms: 60000\r\n\r\n").unwrap();
    let panicked = Request::get("/").header("x-test-panic", "1").send(address);
    assert_eq!(panicked.status, 503);
    let deadline = Instant::now() + Duration::from_secs(10);
    while Request::get("/").send(address).status != 200 {
        assert!(Instant::now() < deadline, "the VM does not come back:\n{}", envoy.log());
    }
    assert!(envoy.vm_reloads() >= 1);
    assert!(echo.take().iter().all(|seen| seen.path != "/lost"));
}

/// The finder in front of the router, each in a VM of its own; `change` is made to the finder.
fn finder_and_router(yaml: String, change: fn(&mut Value)) -> Sail {
    Sail::new(yaml).separate().adjust(move |bootstrap| {
        for_each_object(bootstrap, &mut |object| {
            let Some(Value::Array(filters)) = object.get_mut("http_filters") else { return };
            let Some(at) = filters.iter().position(|filter| filter["name"] == "sailcloth.router") else { return };
            let mut finder = filters[at].clone();
            replace(&mut finder, "router.wasm", "test_finder.wasm");
            replace(&mut finder, "sailcloth.router", "sailcloth.test_finder");
            change(&mut finder);
            filters.insert(0, finder);
        });
    })
}

#[test]
fn a_decision_is_taken_over_by_the_next_module() {
    let rules = "\
- route:
  - {destination: {host: echo, subset: a}, weight: 50}
  - {destination: {host: echo, subset: b}, weight: 50}";
    let subsets = "\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  \
                   host: echo\n  subsets: [{name: a}, {name: b}]\n";
    let echo = Echo::start();
    let yaml = format!("{}{subsets}", routed(echo.port(), rules));
    let envoy = finder_and_router(yaml, |_| {})
        .adjust(|bootstrap| {
            for_each_object(bootstrap, &mut |object| {
                if object.contains_key("request_headers_to_remove") {
                    let header = json!({"key": "x-cluster", "value": "%UPSTREAM_CLUSTER%"});
                    object.insert("response_headers_to_add".into(), json!([{"header": header}]));
                }
            });
        })
        .start();
    let mut connection = Connection::open(gateway(&envoy));
    let mut clusters = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..64 {
        let response = connection.send(&Request::get("/"));
        assert_eq!(response.status, 200);
        // The finder told the upstream what it chose. By chance 64 draws agree once in 2^64 runs.
        let chosen = response.echo().header("x-test-chosen").expect("the finder has chosen").to_owned();
        assert_eq!(response.header("x-cluster"), Some(chosen.as_str()));
        *clusters.entry(chosen).or_default() += 1;
    }
    // Both are chosen; 64 draws of one half miss one of them once in 2^63 runs.
    assert_eq!(clusters.len(), 2, "{clusters:?}");
}

#[test]
fn a_module_with_another_configuration_stands_aside_and_counts_it() {
    let echo = Echo::start();
    let same = finder_and_router(routed(echo.port(), TO_ECHO), |_| {}).start();
    assert_eq!(Request::get("/").send(gateway(&same)).status, 200);
    assert_eq!(same.stat("wasmcustom.sailcloth.router.foreign_decisions"), 0);
    drop(same);
    echo.take();

    let other = finder_and_router(routed(echo.port(), TO_ECHO), |finder| replace(finder, "web", "another")).start();
    // Nobody names a cluster, so Envoy knows of none.
    assert_eq!(Request::get("/").send(gateway(&other)).status, 503);
    assert_eq!(other.stat("wasmcustom.sailcloth.router.foreign_decisions"), 1);
    assert!(echo.take().is_empty());
    assert_eq!(other.vm_reloads(), 0);
}
