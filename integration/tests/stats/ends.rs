//! Requests that end in a response, with all of their labels.

use super::*;
use integration::client::Request;

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
    let dead = &[
        ("destination_service", "dead.example.com"),
        ("destination_service_name", "dead.example.com"),
        ("destination_service_namespace", "cats"),
    ];
    let nowhere =
        &[("destination_service", "nowhere.example.com"), ("destination_service_name", "nowhere.example.com")];
    let flags = |flags: &'static str| [("response_flags", flags)];
    let mut rows = vec![
        row("routed", "/echo", 200, &[TO_ECHO, BY_ECHO]),
        row("both versions of a canary", "/canary", 200, &[TO_ECHO, BY_ECHO]),
        row("nothing matches", "/nothing", 404, &[&flags("NR")]),
        row("nobody listens", "/dead", 503, &[dead, &flags("URX,UF")]),
        row("nobody listens, and nothing is tried again", "/dead/once", 503, &[dead, &flags("UF")]),
        row("no such cluster", "/nowhere", 503, &[nowhere, &flags("NC")]),
        row("timeout", "/slow", 504, &[TO_ECHO, BY_ECHO, &flags("UT")]),
        row("retries are used up", "/again", 503, &[TO_ECHO, BY_ECHO, &flags("URX")]),
    ];
    for row in &mut rows {
        let request = row.request.clone();
        row.request = match row.name {
            "retries are used up" => request.header("x-echo-status", "503"),
            "timeout" => request.header("x-echo-delay-ms", "1000"),
            _ => request,
        };
    }
    rows
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
    let envoy = sail(Kind::Separate, &resources(echo.port(), DEAD_PORT))
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

/// The order of several flags is Envoy's own.
#[test]
fn flags_are_spelt_as_envoy_spells_them() {
    let echo = Echo::start();
    let envoy = sail(Kind::Suite, &resources(echo.port(), DEAD_PORT))
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
