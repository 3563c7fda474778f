//! What plays no part for a proxy is told, each with its reason.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::finding::Report;
use crate::plan::ModuleConfig;
use crate::plan::guard::Detector;
use crate::plan::proxy::NodeMetadata;
use crate::plan::{Plan, RouteVariant, variant};

fn config(proxy: &str, resources: &[&str]) -> ModuleConfig {
    let text = format!(r#"{{"proxy": {proxy}, "resources": [{}]}}"#, resources.join(","));
    let mut report = Report::new();
    let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
    assert!(config.is_some(), "{:?}", report.findings());
    config.unwrap()
}

fn resource(kind: &str, name: &str, namespace: &str, spec: &str) -> String {
    format!(
        r#"{{"apiVersion": "networking.istio.io/v1", "kind": "{kind}",
            "metadata": {{"name": "{name}", "namespace": "{namespace}"}}, "spec": {spec}}}"#
    )
}

/// `VIRTUAL-SERVICE[RULE][MATCH]@PORT REASON` of all that is told, in order.
fn told(config: &ModuleConfig) -> Vec<String> {
    let mut all = Vec::new();
    let index = |at: Option<u32>| at.map(|at| format!("[{at}]")).unwrap_or_default();
    let mut listener = |omission: Omission<'_>| {
        let port = omission.port.map(|port| format!("@{port}")).unwrap_or_default();
        let (rule, matched) = (index(omission.rule), index(omission.matched));
        all.push(format!("{}{rule}{matched}{port} {:?}", omission.virtual_service, omission.reason));
    };
    Plan::build_told(&config.resources, &config.proxy, Detector::Envoy, 0, &mut listener);
    all
}

const GATEWAY: &str = r#"{"selector": {"istio": "x"}, "servers": [
    {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*.example"]}]}"#;

#[test]
fn at_a_gateway_everything_that_is_left_out_has_its_reason() {
    let answer = r#""directResponse": {"status": 200}"#;
    let service = |name: &str, spec: String| resource("VirtualService", name, "a", &spec);
    let here = r#""hosts": ["x.example"], "gateways": ["gw"]"#;
    let resources = [
        resource("Gateway", "gw", "a", GATEWAY),
        service("elsewhere", format!(r#"{{"hosts": ["x.example"], "gateways": ["other"], "http": [{{{answer}}}]}}"#)),
        service("hidden", format!(r#"{{{here}, "exportTo": ["b"], "http": [{{{answer}}}]}}"#)),
        service("not-served", format!(r#"{{"hosts": ["x.com"], "gateways": ["gw"], "http": [{{{answer}}}]}}"#)),
        service(
            "rules",
            format!(
                r#"{{{here}, "http": [
                    {{"match": [{{"port": 81}}, {{"uri": {{"prefix": "/a"}}}}], {answer}}},
                    {{"match": [{{"gateways": ["other"]}}], {answer}}},
                    {{"match": [{{"sourceNamespace": "c"}}], {answer}}},
                    {{"match": [{{"uri": {{"prefix": "/none"}}}}], {answer}}},
                    {{"match": [{{"uri": {{"prefix": "/d"}}}}], "delegate": {{"name": "absent"}}}},
                    {{"match": [{{"uri": {{"prefix": "/d"}}}}], "delegate": {{"name": "child"}}}},
                    {{{answer}}},
                    {{"match": [{{"uri": {{"prefix": "/late"}}}}], {answer}}}]}}"#
            ),
        ),
        service("child", format!(r#"{{"http": [{{"match": [{{"uri": {{"prefix": "/e"}}}}], {answer}}}]}}"#)),
    ];
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let config = config(r#"{"namespace": "a", "gateways": ["a/gw"], "port": 80}"#, &resources);
    let expected = [
        r#"a/hidden NotExported(["b"])"#,
        r#"a/rules[4] NoDelegate("a/absent")"#,
        r#"a/rules[5] DelegateConflict { delegate: "a/child", rule: 0 }"#,
        r#"a/elsewhere OtherGateways(["other"])"#,
        r#"a/rules[0][0]@80 OtherPort(81)"#,
        r#"a/rules[1][0]@80 OtherGateways(["other"])"#,
        r#"a/rules[2][0]@80 OtherSource"#,
        r#"a/rules[7]@80 BehindCatchAll(6)"#,
        r#"a/not-served@80 NotServed { gateway: "a/gw", hosts: ["*.example"] }"#,
    ];
    assert_eq!(told(&config), expected);
}

#[test]
fn in_the_mesh_hosts_of_others_and_what_a_sidecar_does_not_import_are_told() {
    let service = |name: &str, host: &str| {
        resource(
            "VirtualService",
            name,
            "a",
            &format!(r#"{{"hosts": ["{host}"], "http": [{{"directResponse": {{"status": 200}}}}]}}"#),
        )
    };
    let entry = |name: &str, port: u16| {
        let ports = format!(r#"[{{"number": {port}, "name": "http", "protocol": "HTTP"}}]"#);
        resource(
            "ServiceEntry",
            name,
            "a",
            &format!(r#"{{"hosts": ["{name}.x"], "resolution": "DNS", "ports": {ports}}}"#),
        )
    };
    let sidecar = r#"{"egress": [{"hosts": ["./one.x", "./two.x"]}]}"#;
    let resources = [
        entry("one", 80),
        entry("two", 8080),
        service("1-first", "one.x"),
        service("2-second", "one.x"),
        service("3-elsewhere", "two.x"),
        service("4-not-imported", "three.x"),
        resource("Sidecar", "default", "a", sidecar),
    ];
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let config = config(r#"{"namespace": "a", "gateways": ["mesh"]}"#, &resources);
    let expected = [
        r#"a/4-not-imported NotImported("a/default")"#,
        r#"a/2-second@80 OlderHas { host: "one.x", by: "a/1-first" }"#,
        r#"a/1-first@8080 NoServiceOnPort"#,
        r#"a/2-second@8080 OlderHas { host: "one.x", by: "a/1-first" }"#,
    ];
    assert_eq!(told(&config), expected);
}

/// Which labels a proxy has may be Envoy's to say, and routes are written before.
#[test]
fn the_variants_of_whatever_sidecar_may_apply_are_there() {
    let service = |name: &str, attempts: u32| {
        let route =
            format!(r#""route": [{{"destination": {{"host": "{name}.x"}}}}], "retries": {{"attempts": {attempts}}}"#);
        resource("VirtualService", name, "b", &format!(r#"{{"hosts": ["{name}.x"], "http": [{{{route}}}]}}"#))
    };
    let imports = |host: &str| format!(r#""egress": [{{"hosts": ["b/{host}.x"]}}]"#);
    let resources = [
        service("one", 0),
        service("two", 5),
        resource("Sidecar", "all", "a", &format!("{{{}}}", imports("one"))),
        resource(
            "Sidecar",
            "selected",
            "a",
            &format!(r#"{{"workloadSelector": {{"labels": {{"app": "web"}}}}, {}}}"#, imports("two")),
        ),
    ];
    let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
    let names = |proxy: &str| -> Vec<String> {
        let config = config(proxy, &resources);
        variant::variants(&config.resources, &config.proxy).iter().map(RouteVariant::name).collect()
    };
    assert_eq!(names(r#"{"namespace": "a", "gateways": ["mesh"]}"#).len(), 2);
    assert_eq!(names(r#"{"namespace": "a", "gateways": ["mesh"], "labels": {"app": "other"}}"#), ["retry-none"]);
}
