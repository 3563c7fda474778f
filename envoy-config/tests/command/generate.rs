//! `sailcloth generate` as a person runs it.

use crate::common::{MESH, SERVICES, run, run_with};
use serde::Deserialize;
use serde_json::Value;

fn generate(what: &str, more: &[&str]) -> crate::common::Ran {
    run(&[&["generate", what, "-f", SERVICES, "-f", MESH, "--module-dir", "/modules"], more].concat())
}

fn bootstrap(more: &[&str]) -> Value {
    let ran = generate("bootstrap", &[&["--output", "json"], more].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn the_bootstrap_has_catcatgos_clusters_and_listener() {
    let bootstrap = bootstrap(&[]);
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    let names: Vec<_> = clusters.iter().map(|cluster| cluster["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "outbound|80|v1|backend.default.svc.cluster.local",
            "outbound|80|v1|ui.default.svc.cluster.local",
            "outbound|80|v2|ui.default.svc.cluster.local",
            "outbound|80||backend.default.svc.cluster.local",
            "outbound|80||ui.default.svc.cluster.local",
        ]
    );
    let address = &bootstrap["static_resources"]["listeners"][0]["address"]["socket_address"];
    assert_eq!((&address["address"], &address["port_value"]), (&"0.0.0.0".into(), &8080.into()));
    assert_eq!(bootstrap["admin"]["address"]["socket_address"]["port_value"], 15000);
}

#[test]
fn options_place_listeners_and_switch_the_admin_page_off() {
    let options = ["--listen", "80=127.0.0.1:9080", "--mesh-listen", "127.0.0.1:9001", "--admin", "none"];
    let bootstrap = bootstrap(&[&options[..], &["--stream-idle-timeout", "90s", "--separate"]].concat());
    assert!(bootstrap.get("admin").is_none());
    let listeners = bootstrap["static_resources"]["listeners"].as_array().unwrap();
    let ports: Vec<_> = listeners.iter().map(|listener| &listener["address"]["socket_address"]["port_value"]).collect();
    assert_eq!(ports, [9080, 9001]);
    let manager = &listeners[1]["filter_chains"][0]["filters"][0]["typed_config"];
    assert_eq!(manager["stream_idle_timeout"], "90s");
    let filters = manager["http_filters"].as_array().unwrap();
    assert_eq!(filters[filters.len() - 2]["name"], "sailcloth.router");
    let clusters = bootstrap["static_resources"]["clusters"].as_array().unwrap();
    assert_eq!(clusters.last().unwrap()["name"], "PassthroughCluster");
}

#[test]
fn filters_are_yaml_documents_with_what_to_paste() {
    let ran = generate("filters", &["--mesh-listen", "127.0.0.1:9001"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let documents: Vec<Value> =
        serde_yaml::Deserializer::from_str(&ran.out).map(|document| Value::deserialize(document).unwrap()).collect();
    assert_eq!(documents.len(), 2);
    for document in &documents {
        let keys: Vec<_> = document.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["http_filters", "route_config", "stats_config"]);
    }
    assert!(ran.out.contains("# For port 80 of gateway default/catacatgo-gateway.\n"), "{}", ran.out);
    assert!(ran.out.contains("# For the mesh.\n"), "{}", ran.out);
}

#[test]
fn findings_go_to_stderr_and_only_validation_stops() {
    let warned = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {oops: 1, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.x]}], selector: {a: b}}}";
    let args = ["generate", "bootstrap", "-f", "-", "--module-dir", "/modules"];
    let ran = run_with(&args, warned);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("unknown field `oops`") && ran.out.contains("static_resources:"));
    let wrong = warned.replace("hosts: [a.x]", "hosts: 1");
    let ran = run_with(&args, &wrong);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error[IST0106]"), "{}", ran.err);
    let ran = run_with(&[&args[..], &["--output", "json"]].concat(), &wrong);
    assert!(serde_json::from_str::<Vec<Value>>(&ran.err).is_ok_and(|findings| !findings.is_empty()), "{}", ran.err);
}

#[test]
fn a_configuration_that_listens_nowhere_is_warned_of() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}";
    let args = ["generate", "bootstrap", "-f", "-", "--module-dir", "/modules"];
    let ran = run_with(&args, service);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("warning: nothing to listen for") && ran.out.contains("listeners: []"), "{}", ran.err);
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for (more, said) in [
        (&["--listen", "81=9080"][..], "no Gateway has an HTTP server on port 81; there is 80"),
        (&["--listen", "80"], "expected PORT=PORT or PORT=ADDR:PORT"),
        (&["--listen", "80=1", "--listen", "80=2"], "stands twice"),
        (&["--listen", "80=15000"], "would both listen on"),
        (&["--admin", "here"], "expected ADDR:PORT"),
        (&["--mesh-listen", "15001"], "expected ADDR:PORT"),
        (&["--stream-idle-timeout", "1"], "expected a duration"),
        (&["--stream-idle-timeout", "-1s"], "expected a duration"),
    ] {
        let ran = generate("bootstrap", more);
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{more:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{more:?}");
    }
}

/// What `odd` holds is in the resource as JSON has it, so that the input is no other encoding's business.
#[test]
fn every_character_of_a_resource_is_printed() {
    let odd: String = (0..0x100).chain(0x2020..0x2030).chain(0xfe00..0x1_0010).filter_map(char::from_u32).collect();
    let body = serde_json::json!({"string": &odd});
    let http = serde_json::json!([{"directResponse": {"status": 200, "body": body}}]);
    let meta = serde_json::json!({"name": "v"});
    let resource = serde_json::json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": meta, "spec": {"hosts": ["a.x"], "http": http}});
    for output in ["yaml", "json"] {
        let args = ["generate", "bootstrap", "-f", "-", "--module-dir", "/modules", "--output", output];
        let ran = run_with(&args, &resource.to_string());
        assert_eq!(ran.code, 0, "{}", ran.err);
        let printed: Value = serde_yaml::from_str(&ran.out).unwrap();
        let manager = &printed["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        let configuration = &manager["http_filters"][0]["typed_config"]["config"]["configuration"];
        let told: Value = serde_json::from_str(configuration["value"].as_str().unwrap()).unwrap();
        assert_eq!(told["resources"][0]["spec"]["http"][0]["directResponse"]["body"]["string"], odd, "{output}");
    }
}

/// What takes colours out would take this out as well.
#[test]
fn a_name_with_del_in_it_is_printed() {
    let gateway = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, labels: {a: b}}, spec: {\"o\\x7fps\": 1}}";
    let ran = run_with(&["check", "-f", "-", "--output", "json"], gateway);
    assert!(ran.out.contains("`o\u{7f}ps`"), "{}", ran.out);
}
