use serde_json::{Value, json};
use shared::finding::Report;
use shared::load;
use shared::model::Resources;

use super::{clusters, passthrough, unsupported};
use crate::cluster::{Cluster, Discovery, LbPolicy};
use crate::to_json;
use crate::wire::Address;

fn set(text: &str) -> Resources {
    let mut report = Report::new();
    let documents = load::text(text, None, &mut report);
    let set = Resources::read(documents, &mut report);
    assert!(!report.stops(), "{:#?}", report.findings());
    set
}

fn service(host: &str, rest: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: s}}, spec: {{hosts: ['{host}'], {rest}}}}}\n"
    )
}

fn rule(name: &str, host: &str, rest: &str) -> String {
    format!(
        "---\n{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}}}, spec: {{host: '{host}', {rest}}}}}\n"
    )
}

const HTTP: &str = "ports: [{number: 80, name: http, protocol: HTTP}]";
const TWO: &str = "resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], endpoints: [{address: 10.0.0.1, \
                   labels: {v: '1'}, weight: 3}, {address: 10.0.0.2, ports: {http: 8080}, labels: {v: '2'}}]";

fn one(text: &str) -> Cluster {
    let mut all = clusters(&set(text));
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

fn places(cluster: &Cluster) -> Vec<String> {
    let place = |address: &Address| match address {
        Address::SocketAddress { address, port_value } => format!("{address}:{port_value}"),
        Address::Pipe { path } => path.clone(),
    };
    cluster.addresses().map(place).collect()
}

#[test]
fn a_cluster_for_each_port_and_subset_by_name() {
    let text = service("a.x", TWO)
        + &rule("two", "a.x", "subsets: [{name: v1, labels: {v: '2'}}, {name: none, labels: {v: '3'}}]")
        + &rule("one", "a.x", "subsets: [{name: v1, labels: {v: '1'}}, {name: all}]")
        + &rule("wide", "*.x", "subsets: [{name: never}]");
    let all = clusters(&set(&text));
    let said: Vec<_> = all.iter().map(|cluster| (cluster.name.as_str(), places(cluster))).collect();
    let (first, second) = ("10.0.0.1:80".to_owned(), "10.0.0.2:8080".to_owned());
    // `one` comes before `two`, so its v1 counts; a more specific host leaves `*.x` out; no endpoint is no reason to
    // have no cluster.
    assert_eq!(
        said,
        [
            ("outbound|80|all|a.x", vec![first.clone(), second.clone()]),
            ("outbound|80|none|a.x", vec![]),
            ("outbound|80|v1|a.x", vec![first.clone()]),
            ("outbound|80||a.x", vec![first, second]),
        ]
    );
    let weights: Vec<_> = all[3].endpoints().map(|endpoint| endpoint.load_balancing_weight).collect();
    assert_eq!(weights, [Some(3), None]);
}

#[test]
fn resolutions_are_kinds_of_discovery() {
    let named = "endpoints: [{address: a.example}]";
    let target = "ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}]";
    for (host, rest, expected, at) in [
        ("a.x", TWO.to_owned(), Discovery::Static, vec!["10.0.0.1:80", "10.0.0.2:8080"]),
        ("a.x", format!("resolution: DNS, {HTTP}"), Discovery::StrictDns, vec!["a.x:80"]),
        // istiod takes the port that is meant for endpoints for the host as well.
        ("a.x", format!("resolution: DNS, {target}"), Discovery::StrictDns, vec!["a.x:8080"]),
        ("a.x", format!("resolution: DNS_ROUND_ROBIN, {target}"), Discovery::LogicalDns, vec!["a.x:8080"]),
        ("a.x", format!("resolution: DNS, {target}, {named}"), Discovery::StrictDns, vec!["a.example:8080"]),
        ("a.x", format!("resolution: DNS, {HTTP}, {named}"), Discovery::StrictDns, vec!["a.example:80"]),
        ("a.x", format!("resolution: DNS_ROUND_ROBIN, {HTTP}"), Discovery::LogicalDns, vec!["a.x:80"]),
        ("a.x", format!("resolution: NONE, {HTTP}"), Discovery::OriginalDst, vec![]),
        ("*.x", HTTP.to_owned(), Discovery::OriginalDst, vec![]),
        ("*.x", format!("resolution: DYNAMIC_DNS, {HTTP}"), Discovery::OriginalDst, vec![]),
        ("*.x", format!("resolution: DNS, {HTTP}, {named}"), Discovery::StrictDns, vec!["a.example:80"]),
    ] {
        let cluster = one(&service(host, &rest));
        assert_eq!(
            (cluster.r#type, places(&cluster)),
            (expected, at.iter().map(|at| (*at).to_owned()).collect()),
            "{rest}"
        );
        assert_eq!(cluster.lb_policy == LbPolicy::ClusterProvided, expected == Discovery::OriginalDst, "{rest}");
        assert_eq!(cluster.load_assignment.is_none(), expected == Discovery::OriginalDst, "{rest}");
    }
    let external = "{apiVersion: v1, kind: Service, metadata: {name: e}, spec: {type: ExternalName, externalName: e.example, ports: [{port: 80}]}}";
    assert_eq!(clusters(&set(external)), [], "its requests go to the cluster of what it names");
}

#[test]
fn a_subset_overrides_its_rule_block_by_block() {
    let text = service("a.x", TWO)
        + &rule(
            "r",
            "a.x",
            "trafficPolicy: {loadBalancer: {simple: RANDOM}, connectionPool: {tcp: {connectTimeout: 2500ms}}}, \
             subsets: [{name: own, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}, \
             {name: pool, trafficPolicy: {connectionPool: {http: {maxRequestsPerConnection: 7, h2UpgradePolicy: UPGRADE}}}}]",
        );
    let all = clusters(&set(&text));
    let said: Vec<Value> = all.iter().map(to_json).collect();
    let read = |index: usize| (said[index]["lb_policy"].clone(), said[index]["connect_timeout"].clone());
    assert_eq!(read(0), (json!("ROUND_ROBIN"), json!("2.5s")));
    assert_eq!(read(1), (json!("RANDOM"), json!("10s")));
    assert_eq!(read(2), (json!("RANDOM"), json!("2.5s")));
    let options =
        &said[1]["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
    assert_eq!(options["common_http_protocol_options"]["max_requests_per_connection"], 7);
    assert_eq!(options["explicit_http_config"], json!({"http2_protocol_options": {}}));
}

#[test]
fn http2_by_the_ports_protocol() {
    for (protocol, expected) in [("GRPC", true), ("HTTP2", true), ("HTTP", false), ("TCP", false)] {
        let ports = format!("resolution: DNS, ports: [{{number: 80, name: p, protocol: {protocol}}}]");
        let cluster = one(&service("a.x", &ports));
        assert_eq!(!cluster.typed_extension_protocol_options.is_empty(), expected, "{protocol}");
    }
}

#[test]
fn hosts_that_only_the_request_knows_are_named() {
    let mut report = Report::new();
    unsupported(&set(&service("*.x", &format!("resolution: DYNAMIC_DNS, {HTTP}"))), &mut report);
    unsupported(&set(&service("a.x", &format!("resolution: DYNAMIC_DNS, {HTTP}"))), &mut report);
    let [finding] = report.findings() else { panic!("{:#?}", report.findings()) };
    assert_eq!(finding.path, "spec.resolution");
}

#[test]
fn every_limit_of_envoys_own_is_lifted() {
    let said = to_json(&passthrough());
    let all = u32::MAX;
    let expected =
        json!([{"max_connections": all, "max_pending_requests": all, "max_requests": all, "max_retries": all}]);
    assert_eq!(said["circuit_breakers"]["thresholds"], expected);
}

#[test]
fn a_test_can_answer_itself() {
    let mut cluster = passthrough();
    cluster.set_endpoints(["127.0.0.1:1234".parse().unwrap()]);
    assert_eq!((cluster.r#type, cluster.lb_policy), (Discovery::Static, LbPolicy::LeastRequest));
    assert_eq!(places(&cluster), ["127.0.0.1:1234"]);
}

#[test]
fn outlier_detection_is_written_as_istiod_does() {
    for (outlier, expected, panic) in [
        ("{}", json!({"enforcing_success_rate": 0}), 0),
        (
            "{consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, interval: 2s, baseEjectionTime: 1500ms, \
             maxEjectionPercent: 100, minHealthPercent: 20}",
            json!({"enforcing_consecutive_5xx": 0, "consecutive_gateway_failure": 3,
                "enforcing_consecutive_gateway_failure": 100, "interval": "2s", "base_ejection_time": "1.5s",
                "max_ejection_percent": 100, "enforcing_success_rate": 0}),
            20,
        ),
        (
            "{splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 4}",
            json!({"enforcing_success_rate": 0, "split_external_local_origin_errors": true,
                "consecutive_local_origin_failure": 4, "enforcing_consecutive_local_origin_failure": 100,
                "enforcing_local_origin_success_rate": 0}),
            0,
        ),
        (
            "{http: {consecutiveErrors: 1, interval: 1s, baseEjectionTime: 1m, maxEjectionPercent: 100}}",
            json!({"consecutive_5xx": 1, "enforcing_consecutive_5xx": 100, "interval": "1s",
                "base_ejection_time": "60s", "max_ejection_percent": 100, "enforcing_success_rate": 0}),
            0,
        ),
    ] {
        let policy = format!("trafficPolicy: {{outlierDetection: {outlier}}}");
        let said = to_json(&one(&(service("a.x", TWO) + &rule("r", "a.x", &policy))));
        assert_eq!(said["outlier_detection"], expected, "{outlier}");
        assert_eq!(said["common_lb_config"], json!({"healthy_panic_threshold": {"value": panic}}), "{outlier}");
        assert_eq!(said["circuit_breakers"]["thresholds"][0]["max_connections"], u32::MAX, "{outlier}");
    }
    assert!(to_json(&one(&service("a.x", TWO))).get("outlier_detection").is_none());
}
