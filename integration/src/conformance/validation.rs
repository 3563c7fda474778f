//! Cases of Istio's validation, each wrapped in the smallest resource that holds it.

use std::path::Path;

use serde_json::json;
use serde_yaml::Value;

use super::{Outcome, files, findings, is_unresolved, name, read, refusals};

pub(super) fn run(at: &Path, outcomes: &mut Vec<Outcome>) {
    for file in files(at) {
        let name = name("validation", at, &file);
        let table: Value = serde_yaml::from_str(&read(&file)).expect("cases are YAML");
        let target = table["target"].as_str().expect("a target");
        for (index, case) in table["cases"].as_sequence().expect("a list of cases").iter().enumerate() {
            if is_unresolved(&case["input"]) {
                continue;
            }
            let said = case["name"].as_str().unwrap_or_default();
            let resource = resource(target, case);
            let refused = refusals(&findings(resource.to_string()));
            let failure = match (case["expect"]["valid"].as_bool(), refused.first()) {
                (Some(true), Some(why)) => Some(format!("refused: {why}")),
                (Some(false), None) => Some("taken, and Istio refuses it".to_owned()),
                _ => None,
            };
            outcomes.push(Outcome { case: format!("{name}#{index} {said}"), failure });
        }
    }
}

/// The smallest resource that is valid but for the case.
fn resource(target: &str, case: &Value) -> serde_json::Value {
    let input: serde_json::Value = serde_json::to_value(&case["input"]).expect("JSON");
    let word = case["name"].as_str().unwrap_or_default();
    let route = json!([{"destination": {"host": "a.example"}}]);
    let with = |field: &str| json!({"route": route, field: input});
    let headers = |name: &str, value: serde_json::Value| json!({"set": {name: value}});
    let (kind, spec) = match target {
        "header-name" => {
            ("VirtualService", rule(json!({"route": route, "headers": {"request": headers(word, json!("x"))}})))
        }
        "header-name(strict)" => (
            "VirtualService",
            rule(json!({"route": route, "corsPolicy": {"allowOrigins": [{"exact": "*"}], "allowHeaders": [word]}})),
        ),
        "header-value" => {
            ("VirtualService", rule(json!({"route": route, "headers": {"request": headers("x", input)}})))
        }
        "http-status" => ("VirtualService", rule(json!({"route": route, "fault": {"abort": {"httpStatus": input}}}))),
        "port-name" => (
            "ServiceEntry",
            json!({"hosts": ["a.example"], "resolution": "DNS", "ports": [{"number": 80, "protocol": "HTTP", "name": word}]}),
        ),
        "exportTo" => match (case["isServiceEntry"].as_bool(), case["isDestinationRuleWithSelector"].as_bool()) {
            (Some(true), _) => (
                "ServiceEntry",
                json!({"hosts": ["a.example"], "resolution": "DNS", "exportTo": export(case),
                    "ports": [{"number": 80, "protocol": "HTTP", "name": "http"}]}),
            ),
            (_, Some(true)) => (
                "DestinationRule",
                json!({"host": "a.example", "exportTo": export(case), "workloadSelector": {"matchLabels": {"app": "a"}}}),
            ),
            _ => ("DestinationRule", json!({"host": "a.example", "exportTo": export(case)})),
        },
        "VirtualService.http[].corsPolicy" => ("VirtualService", rule(with("corsPolicy"))),
        "VirtualService.http[].directResponse" => ("VirtualService", rule(json!({"directResponse": input}))),
        "VirtualService.http[].redirect" => ("VirtualService", rule(json!({"redirect": input}))),
        "VirtualService.http[].fault.abort" => {
            ("VirtualService", rule(json!({"route": route, "fault": {"abort": input}})))
        }
        "VirtualService.http[].fault.delay" => {
            ("VirtualService", rule(json!({"route": route, "fault": {"delay": input}})))
        }
        "VirtualService.http[].retries" => ("VirtualService", rule(with("retries"))),
        "VirtualService.http[].rewrite" => ("VirtualService", rule(with("rewrite"))),
        "VirtualService.http[].rewrite.uriRegexRewrite" => {
            ("VirtualService", rule(json!({"route": route, "rewrite": {"uriRegexRewrite": input}})))
        }
        "VirtualService.http[].route" => ("VirtualService", rule(json!({"route": input}))),
        "VirtualService.http[]" | "VirtualService.http[] (root with delegate)" => ("VirtualService", rule(input)),
        "VirtualService.http[] (of a delegate)" => ("VirtualService", json!({"http": [input]})),
        "VirtualService destination" => ("VirtualService", rule(json!({"route": [{"destination": input}]}))),
        "DestinationRule connectionPool" => ("DestinationRule", policy(json!({"connectionPool": input}))),
        "DestinationRule loadBalancer" => ("DestinationRule", policy(json!({"loadBalancer": input}))),
        "DestinationRule outlierDetection" => ("DestinationRule", policy(json!({"outlierDetection": input}))),
        "DestinationRule.trafficPolicy" => ("DestinationRule", policy(input)),
        "Gateway.servers[]" => ("Gateway", json!({"servers": [input]})),
        "Gateway.servers[].port" => (
            "Gateway",
            json!({"servers": [{"port": input, "hosts": ["*"], "bind": case["bind"].as_str().unwrap_or_default()}]}),
        ),
        "Gateway.servers[].tls" => (
            "Gateway",
            json!({"servers": [{"port": {"number": 443, "protocol": "HTTPS", "name": "https"}, "hosts": ["*"], "tls": input}]}),
        ),
        "Telemetry.accessLogging[].filter" => ("Telemetry", json!({"accessLogging": [{"filter": input}]})),
        kind => (kind, input),
    };
    let group = match kind {
        "AuthorizationPolicy" | "PeerAuthentication" | "RequestAuthentication" => "security.istio.io/v1",
        "Telemetry" => "telemetry.istio.io/v1",
        _ => "networking.istio.io/v1",
    };
    let text = |key: &str, otherwise: &str| case[key].as_str().unwrap_or(otherwise).to_owned();
    let map = |key: &str| serde_json::to_value(&case[key]).unwrap_or_default();
    json!({
        "apiVersion": group, "kind": kind, "spec": spec,
        "metadata": {
            "name": text("configName", "case"), "namespace": text("namespace", "default"),
            "annotations": map("annotations"), "labels": map("labels"),
        },
    })
}

fn rule(rule: serde_json::Value) -> serde_json::Value {
    json!({"hosts": ["a.example"], "http": [rule]})
}

fn policy(policy: serde_json::Value) -> serde_json::Value {
    json!({"host": "a.example", "trafficPolicy": policy})
}

fn export(case: &Value) -> serde_json::Value {
    serde_json::to_value(&case["exportTo"]).expect("JSON")
}
