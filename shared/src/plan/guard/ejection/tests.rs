#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::super::Guards;
use super::*;
use crate::model::Resources;
use crate::registry::Registry;
use crate::{Report, load};

const API: &str = "outbound|80||api.default.svc.cluster.local";

/// An endpoint of a ServiceEntry.
const ONE: &str = r#"{"address": "10.0.0.1", "labels": {"version": "v1"}}"#;

/// `resolution` and `endpoints` of a ServiceEntry.
fn entry(resolution: &str, endpoints: &str) -> String {
    format!(
        r#"{{"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {{"name": "api"}}, "spec": {{
        "hosts": ["api.default.svc.cluster.local"], "resolution": "{resolution}",
        "ports": [{{"number": 80, "name": "http", "targetPort": 8080}}], "endpoints": [{endpoints}]}}}}"#
    )
}

/// When `cluster` is left alone, with this `outlierDetection` and these other resources.
fn ejection(cluster: &str, outlier: &str, detector: Detector, others: &[String]) -> Option<Ejection> {
    let rule = format!(
        r#"{{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {{"name": "x"}}, "spec": {{
        "host": "api", "trafficPolicy": {{"outlierDetection": {outlier}}},
        "subsets": [{{"name": "v1", "labels": {{"version": "v1"}}}}, {{"name": "v2", "labels": {{"version": "v2"}}}}]}}}}"#
    );
    let mut report = Report::new();
    let documents = others.iter().chain([&rule]).map(|text| (None, load::json(text.as_bytes()).unwrap()));
    let set = Resources::read(documents, &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    let guard = Guards::compile(&set, &Registry::new(&set), detector).get(cluster)?;
    guard.ejection.map(|ejection| Ejection::clone(&ejection))
}

/// The endpoints that have to be ejected, as one text.
fn endpoints(cluster: &str, others: &[String]) -> Option<String> {
    match ejection(cluster, r#"{"maxEjectionPercent": 100}"#, Detector::Module, others)?.endpoints {
        Endpoints::Listed(all) => {
            let texts: Vec<_> = all.names().map(String::as_str).collect();
            Some(texts.join(" "))
        }
        Endpoints::Seen(_) => None,
    }
}

#[test]
fn it_takes_every_endpoint_and_a_module_that_is_to_detect() {
    let one = [entry("STATIC", ONE)];
    let defaults = Ejection {
        errors: Some(5),
        gateway_errors: None,
        local_failures: None,
        split: false,
        base_ms: 30_000,
        interval_ms: 10_000,
        endpoints: Endpoints::Listed(["10.0.0.1:8080".to_owned()].into_iter().collect()),
    };
    for (outlier, expected) in [
        // 10 % of them, or 99 %, or as many as leave half of them healthy, are never all.
        ("{}", None),
        (r#"{"maxEjectionPercent": 0}"#, None),
        (r#"{"maxEjectionPercent": 99}"#, None),
        (r#"{"maxEjectionPercent": 100, "minHealthPercent": 1}"#, None),
        (r#"{"maxEjectionPercent": 100, "minHealthPercent": 0}"#, Some(defaults.clone())),
        (r#"{"maxEjectionPercent": 100}"#, Some(defaults.clone())),
        (
            r#"{"maxEjectionPercent": 100, "splitExternalLocalOriginErrors": true, "consecutiveGatewayErrors": 2}"#,
            Some(Ejection { gateway_errors: Some(2), local_failures: Some(5), split: true, ..defaults.clone() }),
        ),
        // istiod writes nothing for 0, and Envoy's own default is 5.
        (
            r#"{"maxEjectionPercent": 100, "splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 0}"#,
            Some(Ejection { local_failures: Some(5), split: true, ..defaults.clone() }),
        ),
        // Today's `consecutiveErrors` has no effect; nothing that counts ejects nothing.
        (r#"{"maxEjectionPercent": 100, "consecutiveErrors": 1}"#, Some(defaults)),
        (r#"{"maxEjectionPercent": 100, "consecutive5xxErrors": 0}"#, None),
    ] {
        assert_eq!(ejection(API, outlier, Detector::Module, &one), expected, "{outlier}");
        assert_eq!(ejection(API, outlier, Detector::Envoy, &one), None, "{outlier}");
    }
}

/// It is honoured whoever detects, and knows no more endpoints than those that answer.
#[test]
fn the_first_alpha_schema_is_an_exception() {
    for detector in [Detector::Envoy, Detector::Module] {
        let found = ejection(
            API,
            r#"{"http": {"consecutiveErrors": 1, "interval": "1s", "baseEjectionTime": "1m"}}"#,
            detector,
            &[entry("STATIC", ONE)],
        );
        let found = found.unwrap();
        assert_eq!((found.errors, found.base_ms, found.interval_ms), (Some(1), 60_000, 1000));
        assert_eq!(found.endpoints, Endpoints::Seen(None));
        let half = ejection(API, r#"{"http": {"maxEjectionPercent": 50}}"#, detector, &[]).unwrap();
        assert_eq!((half.errors, half.endpoints), (Some(5), Endpoints::Seen(Some(50))));
    }
}

#[test]
fn endpoints_are_those_that_the_resources_list() {
    let list = |endpoints: &str| vec![entry("STATIC", endpoints)];
    let two = format!(r#"{ONE}, {{"address": "10.0.0.2", "ports": {{"http": 9}}, "labels": {{"version": "v2"}}}}"#);
    for (cluster, others, expected) in [
        (API, list(&two), Some("10.0.0.1:8080 10.0.0.2:9")),
        ("outbound|80|v1|api.default.svc.cluster.local", list(&two), Some("10.0.0.1:8080")),
        ("outbound|80|v2|api.default.svc.cluster.local", list(&two), Some("10.0.0.2:9")),
        // A version that nobody has, and a port.
        ("outbound|80|v2|api.default.svc.cluster.local", list(ONE), None),
        ("outbound|81||api.default.svc.cluster.local", list(ONE), None),
        (API, list(""), None),
        // As Envoy writes it.
        (API, list(r#"{"address": "2001:DB8::1"}"#), Some("[2001:db8::1]:8080")),
        (API, list(r#"{"address": "unix:///run/api.sock"}"#), Some("/run/api.sock")),
        // Envoy asks DNS for names, and counts apart for an endpoint that stands there twice.
        (API, list(&format!(r#"{ONE}, {{"address": "api.example.com"}}"#)), None),
        (API, list(&format!("{ONE}, {ONE}")), None),
        (API, vec![entry("DNS", ONE)], None),
        (API, vec![entry("NONE", ONE)], None),
        (API, Vec::new(), None),
    ] {
        assert_eq!(endpoints(cluster, &others).as_deref(), expected, "{cluster} of {others:?}");
    }
    let many = |count: u32| {
        let all: Vec<String> =
            (0..count).map(|it| format!(r#"{{"address": "10.0.{}.{}"}}"#, it >> 8, it & 255)).collect();
        endpoints(API, &list(&all.join(", "))).map(|it| it.split(' ').count())
    };
    assert_eq!((many(256), many(257)), (Some(256), None));
}

#[test]
fn workload_entries_and_endpoint_slices_list_endpoints_too() {
    let entry = r#"{"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "api"}, "spec": {
        "hosts": ["api.default.svc.cluster.local"], "resolution": "STATIC", "workloadSelector": {"labels": {"app": "api"}},
        "ports": [{"number": 80, "name": "http"}]}}"#;
    let workload = r#"{"apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": {"name": "api-1"},
        "spec": {"address": "10.0.0.1", "labels": {"app": "api"}}}"#;
    assert_eq!(endpoints(API, &[entry.into(), workload.into()]).as_deref(), Some("10.0.0.1:80"));
    let service = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"},
        "spec": {"ports": [{"port": 80, "name": "http", "targetPort": 8080}]}}"#;
    let slice = r#"{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {"name": "api-x", "labels": {"kubernetes.io/service-name": "api"}},
        "endpoints": [{"addresses": ["10.0.0.1"], "targetRef": {"kind": "Pod", "name": "api-1"}},
            {"addresses": ["10.0.0.2"]}, {"addresses": ["10.0.0.3"], "conditions": {"ready": false}}],
        "ports": [{"name": "http", "port": 8080}]}"#;
    let pod = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "api-1", "labels": {"version": "v1"}}}"#;
    let all = [service.into(), slice.into(), pod.into()];
    assert_eq!(endpoints(API, &all).as_deref(), Some("10.0.0.1:8080 10.0.0.2:8080"));
    assert_eq!(endpoints("outbound|80|v1|api.default.svc.cluster.local", &all).as_deref(), Some("10.0.0.1:8080"));
    let elsewhere = r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "api"},
        "spec": {"type": "ExternalName", "externalName": "10.0.0.1", "ports": [{"port": 80, "name": "http"}]}}"#;
    assert_eq!(endpoints(API, &[elsewhere.into()]), None);
}
