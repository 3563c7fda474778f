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
    assert_ne!(
        clusters.last().unwrap()["name"],
        "PassthroughCluster",
        "nobody says where connections were meant to go"
    );
}

/// The token is the modules' alone, and nothing is printed of a file that holds none.
#[test]
fn who_may_ask_a_proxy_why_is_in_a_file() {
    let folder = crate::common::folder("explain-token");
    let file = folder.join("token");
    let named = file.to_str().unwrap();
    std::fs::write(&file, "0123456789abcdef\n").unwrap();
    let listener = &bootstrap(&["--explain-token-file", named])["static_resources"]["listeners"][0];
    let manager = &listener["filter_chains"][0]["filters"][0]["typed_config"];
    let told = manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"].as_str().unwrap();
    let told: Value = serde_json::from_str(told).unwrap();
    assert_eq!(told["proxy"]["explain"], serde_json::json!({"token": "0123456789abcdef"}));
    assert!(!bootstrap(&[]).to_string().contains("explain"));
    for (text, expected) in
        [("short", "at least 16 characters"), ("0123456789 abcdef", "no blanks"), ("", "at least 16")]
    {
        std::fs::write(&file, text).unwrap();
        let ran = generate("filters", &["--explain-token-file", named]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""));
        assert!(ran.err.contains(expected) && !ran.err.contains("0123456789"), "{}", ran.err);
    }
    let absent = generate("bootstrap", &["--explain-token-file", folder.join("none").to_str().unwrap()]);
    assert!(absent.code == 2 && absent.err.contains("none"), "{}", absent.err);
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
    assert!(!ran.out.contains("unknownHosts"), "such a listener may know where connections were meant to go");
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
fn a_configuration_that_listens_nowhere_is_none() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80}]}}";
    for what in ["bootstrap", "filters"] {
        let ran = run_with(&["generate", what, "-f", "-", "--module-dir", "/modules"], service);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""));
        assert!(ran.err.contains("error: nothing to listen for"), "{}", ran.err);
    }
}

#[test]
fn strict_stops_at_what_envoy_would_start_with() {
    let nobody = "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: v}, spec: {hosts: [a.x], http: [{route: [{destination: {host: nobody.x}}]}]}}";
    let args = ["generate", "bootstrap", "-f", "-", "--module-dir", "/modules"];
    let ran = run_with(&args, nobody);
    assert_eq!(ran.code, 0);
    assert!(
        ran.err.contains("error[IST0101]") && ran.err.contains("note: Envoy starts with this error all the same"),
        "{}",
        ran.err
    );
    let ran = run_with(&[&args[..], &["--strict"]].concat(), nobody);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.ends_with(
            "error: stopped at these findings, as `--strict` asks; without it Envoy would start with them\n"
        ),
        "{}",
        ran.err
    );
}

/// The mesh's proxy lives where all services do, unless somebody says otherwise.
#[test]
fn the_mesh_is_seen_from_the_only_namespace_or_the_one_that_is_named() {
    let service = |namespace: &str| {
        format!(
            "{{apiVersion: v1, kind: Service, metadata: {{name: s, namespace: {namespace}}}, spec: {{ports: [{{port: 80}}]}}}}\n---\n"
        )
    };
    let seen_from = |input: &str, more: &[&str]| {
        let args = ["generate", "bootstrap", "-f", "-", "--module-dir", "/modules", "--mesh-listen", "127.0.0.1:9001"];
        let ran = run_with(&[&args[..], more].concat(), input);
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.lines().nth(1).unwrap().to_owned()
    };
    let one = service("shop");
    let two = service("shop") + &service("bank");
    let said =
        |namespace: &str| format!("# mesh, as seen from namespace {namespace}: listens on http://127.0.0.1:9001");
    assert_eq!(seen_from(&one, &[]), said("shop"));
    assert_eq!(seen_from(&two, &[]), said("default"));
    assert_eq!(seen_from(&two, &["-n", "bank"]), said("bank"));
}

/// What a stranger can hold of a gateway is bounded, and of the mesh's listener it is as in Istio.
#[test]
fn gateways_bound_what_a_stranger_can_hold() {
    let bootstrap = |more: &[&str]| bootstrap(&[&["--mesh-listen", "127.0.0.1:9001"], more].concat());
    let by_itself = bootstrap(&[]);
    let manager = |bootstrap: &Value, index: usize| {
        bootstrap["static_resources"]["listeners"][index]["filter_chains"][0]["filters"][0]["typed_config"].clone()
    };
    let gateway = manager(&by_itself, 0);
    assert_eq!(gateway["request_headers_timeout"], "10s");
    assert_eq!(
        gateway["common_http_protocol_options"],
        serde_json::json!({"idle_timeout": "900s", "headers_with_underscores_action": "REJECT_REQUEST"})
    );
    assert_eq!(
        gateway["http2_protocol_options"],
        serde_json::json!({"max_concurrent_streams": 100, "initial_stream_window_size": 262_144, "initial_connection_window_size": 1_048_576})
    );
    assert_eq!(by_itself["static_resources"]["listeners"][0]["per_connection_buffer_limit_bytes"], 262_144);
    let most = |bootstrap: &Value| {
        bootstrap["overload_manager"]["resource_monitors"][0]["typed_config"]["max_active_downstream_connections"]
            .clone()
    };
    assert_eq!(most(&by_itself), 10_000);
    let mesh = manager(&by_itself, 1);
    for field in ["request_headers_timeout", "common_http_protocol_options", "http2_protocol_options"] {
        assert!(mesh.get(field).is_none(), "{field}");
    }
    let asked = bootstrap(&[
        "--request-headers-timeout",
        "0s",
        "--connection-idle-timeout",
        "1h",
        "--max-connections",
        "0",
        "--max-streams",
        "7",
        "--buffer",
        "1024",
        "--headers-with-underscores",
        "allow",
    ]);
    let gateway = manager(&asked, 0);
    assert!(gateway.get("request_headers_timeout").is_none() && asked.get("overload_manager").is_none());
    assert_eq!(gateway["common_http_protocol_options"]["headers_with_underscores_action"], "ALLOW");
    assert_eq!(gateway["http2_protocol_options"]["max_concurrent_streams"], 7);
    assert_eq!(
        gateway["http2_protocol_options"]["initial_stream_window_size"], 65_535,
        "Envoy takes none that is smaller"
    );
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
