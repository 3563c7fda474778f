#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::{Report, load};

const MAX: u32 = u32::MAX;

/// The guard of `cluster` under a DestinationRule for `api` with this `spec`, as JSON.
fn guard(cluster: &str, spec: &str) -> Option<Guard> {
    let service = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"}, "spec": {"ports": [
        {"port": 80, "name": "http"}, {"port": 90, "name": "grpc"}, {"port": 91, "name": "http2-x"}]}}"#;
    let rule = format!(
        r#"{{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {{"name": "x"}}, "spec": {spec}}}"#
    );
    let mut report = Report::new();
    let documents = [service, &rule].map(|text| (None, load::json(text.as_bytes()).unwrap()));
    let set = Resources::read(documents, &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    Guards::compile(&set, &Registry::new(&set), Detector::Envoy, None).get(cluster)
}

fn limits(cluster: &str, spec: &str) -> Option<(u32, u32, u32)> {
    guard(cluster, spec)?.limits.map(|limits| (limits.active, limits.waiting, limits.requests))
}

const API: &str = "outbound|80||api.default.svc.cluster.local";

#[test]
fn limits_depend_on_what_is_spoken() {
    let spec = r#"{"host": "api", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 2},
        "http": {"http1MaxPendingRequests": 1, "http2MaxRequests": 5}}}}"#;
    for (cluster, expected) in [
        (API, Some((2, 1, u32::MAX))),
        ("outbound|90||api.default.svc.cluster.local", Some((5, 0, 5))),
        ("outbound|91||api.default.svc.cluster.local", Some((5, 0, 5))),
        // A port and a subset that nobody defines.
        ("outbound|1234||api.default.svc.cluster.local", Some((2, 1, u32::MAX))),
        ("outbound|80|v9|api.default.svc.cluster.local", Some((2, 1, u32::MAX))),
        ("outbound|80||other.default.svc.cluster.local", None),
        ("PassthroughCluster", None),
        ("outbound|x||api.default.svc.cluster.local", None),
    ] {
        assert_eq!(limits(cluster, spec), expected, "{cluster}");
    }
    let upgraded = r#"{"host": "api", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 2},
        "http": {"h2UpgradePolicy": "UPGRADE", "http2MaxRequests": 7}}}}"#;
    assert_eq!(limits(API, upgraded), Some((7, 0, 7)));
}

#[test]
fn zero_and_nothing_are_no_limit() {
    for pool in [
        r#"{"tcp": {"maxConnections": 0}}"#,
        r#"{"tcp": {"connectTimeout": "1s"}}"#,
        r#"{"http": {"http1MaxPendingRequests": 3}}"#,
        r#"{"http": {"http2MaxRequests": 0}}"#,
    ] {
        let spec = format!(r#"{{"host": "api", "trafficPolicy": {{"connectionPool": {pool}}}}}"#);
        assert_eq!(guard(API, &spec), None, "{pool}");
    }
    let spec = r#"{"host": "api", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}"#;
    assert_eq!(limits(API, spec), Some((1, MAX, MAX)));
}

#[test]
fn a_subsets_port_then_the_subset_then_the_port_then_the_rule() {
    let most = |n: u32| format!(r#""connectionPool": {{"tcp": {{"maxConnections": {n}}}}}"#);
    let detects = r#""outlierDetection": {"http": {}}"#;
    let spec = format!(
        r#"{{"host": "api", "trafficPolicy": {{{}, {detects}, "portLevelSettings": [{{"port": {{"number": 80}}, {}}}]}}, "subsets": [
            {{"name": "plain"}},
            {{"name": "own", "trafficPolicy": {{{}}}}},
            {{"name": "port", "trafficPolicy": {{{}, {detects}, "portLevelSettings": [{{"port": {{"number": 80}}, {}}}]}}}},
            {{"name": "own", "trafficPolicy": {{{}}}}}]}}"#,
        most(1),
        most(2),
        most(3),
        most(4),
        most(5),
        most(6)
    );
    for (subset, port, active, ejects) in [
        ("", 80, 2, false),
        ("", 81, 1, true),
        ("plain", 80, 2, false),
        ("plain", 81, 1, true),
        ("own", 80, 3, false),
        ("own", 81, 3, true),
        ("port", 80, 5, false),
        ("port", 81, 4, true),
    ] {
        let found = guard(&format!("outbound|{port}|{subset}|api.default.svc.cluster.local"), &spec).unwrap();
        assert_eq!(
            (found.limits.unwrap().active, found.ejection.is_some()),
            (active, ejects),
            "subset `{subset}`, port {port}"
        );
    }
}

#[test]
fn a_wildcard_guards_services_that_are_not_in_the_set() {
    let spec = r#"{"host": "*.example.com", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}"#;
    assert_eq!(limits("outbound|80||a.example.com", spec), Some((1, MAX, MAX)));
    assert_eq!(limits("outbound|80||example.com", spec), None);
    let exact = r#"{"host": "a.example.com", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 1}}}}"#;
    assert_eq!(limits("outbound|80||a.example.com", exact), Some((1, MAX, MAX)));
}
