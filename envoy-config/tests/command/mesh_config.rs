//! Istio's MeshConfig: from the ConfigMap `istio` in the set, or `--mesh-config`.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use crate::common::{MESH, SERVICES, folder, run, run_with};

const CONFIG_MAP: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |-
    # What follows is YAML within YAML.

    accessLogFile: /dev/stdout
    rootNamespce: root
    outboundTrafficPolicy:
      mode: REGISTRYONLY
      tls: {mode: SIMPLE}
    trustDomain: 7
  meshNetworks: 'networks: {}'
";

/// `code line:column path` of each finding.
fn places(out: &str) -> Vec<String> {
    let findings: Vec<Value> = serde_json::from_str(out).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let place = |it: &Value| format!("{} {}:{} {}", text(it, "code"), it["line"], it["column"], text(it, "path"));
    findings.iter().map(place).collect()
}

#[test]
fn findings_have_their_places_in_the_config_map() {
    let ran = run_with(&["check", "-", "-o", "json"], CONFIG_MAP);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let expected = [
        "SC0005 8:5 data.mesh.accessLogFile",
        "SC0004 9:5 data.mesh.rootNamespce",
        "IST0106 11:13 data.mesh.outboundTrafficPolicy.mode",
        "SC0005 12:7 data.mesh.outboundTrafficPolicy.tls",
        "IST0106 13:18 data.mesh.trustDomain",
    ];
    assert_eq!(places(&ran.out), expected);
    assert!(ran.out.contains("did you mean `rootNamespace`?") && ran.out.contains("did you mean `REGISTRY_ONLY`?"));
    // Where the lines of the inner text are none of the outer one, the key's place is all there is.
    for (text, place) in [
        ("data: {mesh: \"a: 1\\nb: 2\\n\"}", ["SC0004 4:8 data.mesh.a", "SC0004 4:8 data.mesh.b"]),
        ("data:\n  mesh: >\n    a: 1\n\n    b: 2", ["SC0004 5:3 data.mesh.a", "SC0004 5:3 data.mesh.b"]),
        ("data:\n  mesh: |\n\n    a: 1\n    b: 2", ["SC0004 7:5 data.mesh.a", "SC0004 8:5 data.mesh.b"]),
    ] {
        let map = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio}}\n{text}\n");
        assert_eq!(places(&run_with(&["check", "-", "-o", "json"], &map).out), place, "{text}");
    }
    let broken = CONFIG_MAP.replace("trustDomain: 7", "trustDomain: [");
    let ran = run_with(&["check", "-", "-o", "json"], &broken);
    assert!(places(&ran.out).iter().any(|it| it.starts_with("SC0001 1") && it.ends_with(" data.mesh")), "{}", ran.out);
}

#[test]
fn a_file_comes_before_config_maps_and_istios_namespace_before_others() {
    let folder = folder("mesh-config");
    let path = |name: &str| folder.join(name).display().to_string();
    let map = |namespace: &str, text: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: {namespace}}}\ndata:\n  mesh: |\n    {text}\n"
        )
    };
    fs::write(path("b.yaml"), map("istio-system", "oneMap: 1")).unwrap();
    fs::write(path("c.yaml"), map("control", "otherMap: 1")).unwrap();
    fs::write(path("mesh.yaml"), "ownFile: 1\n").unwrap();
    let check = |args: &[&str]| places(&run(&[&["check", "-o", "json"], args].concat()).out);
    let (b, c, mesh) = (path("b.yaml"), path("c.yaml"), path("mesh.yaml"));
    assert_eq!(check(&[&b, &c]), ["SC0004 6:5 data.mesh.oneMap", "SC0007 5:3 data.mesh"]);
    assert_eq!(check(&[&c, &b]), ["SC0004 6:5 data.mesh.oneMap", "SC0007 5:3 data.mesh"]);
    assert_eq!(check(&[&c]), ["SC0004 6:5 data.mesh.otherMap"]);
    // Here the file is in the folder as well, and no resource for that.
    let all = ["SC0007 5:3 data.mesh", "SC0007 5:3 data.mesh", "SC0004 1:1 ownFile"];
    assert_eq!(check(&[folder.to_str().unwrap(), "--mesh-config", &mesh]), all);
    assert_eq!(check(&[&b, "--mesh-config", &c]), ["SC0007 5:3 data.mesh", "SC0004 6:5 data.mesh.otherMap"]);

    let ran = run(&["check", SERVICES, "--mesh-config", MESH]);
    assert_eq!(ran.code, 2, "a folder: {}", ran.out);
    let ran = run(&["check", SERVICES, "--mesh-config", SERVICES]);
    assert!(ran.code == 1 && ran.out.contains("expected MeshConfig, or a ConfigMap"), "{}", ran.out);
}

/// The mesh's listener, with so much of a MeshConfig.
fn manager(mesh: &str) -> Value {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let file = folder(&format!("mesh-config-{}", NUMBER.fetch_add(1, Ordering::Relaxed))).join("mesh.yaml");
    fs::write(&file, mesh).unwrap();
    let args = ["generate", "bootstrap", SERVICES, MESH, "--module-dir", "/modules", "--mesh-listen", "127.0.0.1:9001"];
    let ran = run(&[&args[..], &["--output", "json", "--mesh-config", file.to_str().unwrap()]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{mesh}");
    let bootstrap: Value = serde_json::from_str(&ran.out).unwrap();
    let mut managers: Vec<Value> = bootstrap["static_resources"]["listeners"].as_array().unwrap().clone();
    managers.remove(1)["filter_chains"][0]["filters"][0]["typed_config"].take()
}

/// What modules are told of the mesh.
fn told(manager: &Value) -> Value {
    let configuration = &manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
    serde_json::from_str::<Value>(configuration.as_str().unwrap()).unwrap()["mesh"].clone()
}

#[test]
fn modules_are_told_what_is_not_istios_default() {
    let plain = manager("");
    assert_eq!(told(&plain), Value::Null);
    let default =
        "rootNamespace: istio-system\noutboundTrafficPolicy: {mode: ALLOW_ANY}\ndefaultServiceExportTo: ['*']\n";
    assert_eq!(manager(default), plain, "a default that is written is still one");
    let other = "rootNamespace: root\noutboundTrafficPolicy: {mode: REGISTRY_ONLY}\ndefaultServiceExportTo: [.]\n";
    let expected = json!({
        "rootNamespace": "root", "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}, "defaultServiceExportTo": ["."],
    });
    assert_eq!(told(&manager(other)), expected);
}

/// As istiod has it (`buildHTTPConnectionManager` in its `listener_builder.go`).
#[test]
fn paths_are_normalized_as_the_mesh_has_it() {
    for (word, normalize, merge, escaped) in [
        ("DEFAULT", true, None, None),
        ("NONE", false, None, None),
        ("BASE", true, None, None),
        ("MERGE_SLASHES", true, Some(true), None),
        ("DECODE_AND_MERGE_SLASHES", true, Some(true), Some("UNESCAPE_AND_FORWARD")),
    ] {
        let manager = manager(&format!("pathNormalization: {{normalization: {word}}}\n"));
        assert_eq!(manager["normalize_path"], normalize, "{word}");
        assert_eq!(manager["merge_slashes"].as_bool(), merge, "{word}");
        assert_eq!(manager["path_with_escaped_slashes_action"].as_str(), escaped, "{word}");
    }
    // Whoever pastes has to be told.
    let file = folder("mesh-config-pasted").join("mesh.yaml");
    fs::write(&file, "pathNormalization: {normalization: DECODE_AND_MERGE_SLASHES}\n").unwrap();
    let args = ["generate", "filters", SERVICES, MESH, "--module-dir", "/modules"];
    let ran = run(&[&args[..], &["--mesh-config", file.to_str().unwrap()]].concat());
    let told = "\nnormalize_path: true\nmerge_slashes: true\npath_with_escaped_slashes_action: UNESCAPE_AND_FORWARD\n";
    assert!(ran.out.contains(told), "{}", ran.out);
    assert!(!run(&args).out.contains("slashes"), "by default it is what it was");
}

/// As istiod has it (its `retry.ConvertPolicy`).
#[test]
fn rules_without_retries_have_the_meshs() {
    let policy = |mesh: &str| {
        let manager = manager(mesh);
        let routes = manager["route_config"]["virtual_hosts"][0]["routes"].as_array().unwrap();
        let plain = routes.iter().find(|route| route["name"] == "plain").unwrap();
        plain["route"].get("retry_policy").cloned()
    };
    let default = policy("").unwrap();
    assert_eq!((&default["num_retries"], default.get("retriable_status_codes")), (&json!(2), None));
    assert_eq!(policy("defaultHttpRetryPolicy: {attempts: 0}\n"), None);
    let own = policy(
        "defaultHttpRetryPolicy: {attempts: 5, perTryTimeout: 250ms, retryOn: '5xx,503', backoff: 1s, \
         retryIgnorePreviousHosts: false, retryRemoteLocalities: true}\n",
    );
    let own = own.unwrap();
    for (key, value) in [
        ("num_retries", json!(5)),
        ("per_try_timeout", json!("0.25s")),
        ("retry_on", json!("5xx,retriable-status-codes")),
        ("retriable_status_codes", json!([503])),
        ("host_selection_retry_max_attempts", json!(5)),
    ] {
        assert_eq!(own[key], value, "{key}");
    }
    assert_eq!(own["retry_back_off"]["base_interval"], "1s");
    assert_eq!(own["retry_priority"]["typed_config"]["update_frequency"], 2);
    assert!(own.get("retry_host_predicate").is_none(), "{own}");
    let some = policy("defaultHttpRetryPolicy: {attempts: 1}\n").unwrap();
    assert_eq!((&some["num_retries"], &some["retry_on"]), (&json!(1), &default["retry_on"]));
    assert_eq!(some["retry_host_predicate"], default["retry_host_predicate"]);
    assert!(some.get("retry_back_off").is_none(), "{some}");
}
