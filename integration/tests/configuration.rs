//! What a module does with its configuration, on real Envoy: it refuses what is invalid and says the same as `check`.

use integration::client::Request;
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, TO_ECHO, routed};
use serde_json::{Value, json};
use shared::check;
use shared::finding::{Finding, Report};
use shared::model::Resources;

/// Changes the module's configuration, which is a Struct in the bootstrap.
fn configuration(bootstrap: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    match bootstrap {
        Value::Array(items) => items.iter_mut().for_each(|item| configuration(item, change)),
        Value::Object(object) if object.contains_key("vm_config") => change(&mut object["configuration"]),
        Value::Object(object) => object.values_mut().for_each(|value| configuration(value, change)),
        _ => {}
    }
}

/// An Envoy whose module gets these resources in place of the test's.
fn with_resources(resources: Value) -> Result<Envoy, String> {
    let echo = Echo::start();
    Sail::new(routed(echo.port(), TO_ECHO))
        .workers(1)
        .adjust(move |bootstrap| {
            configuration(bootstrap, &mut |value| value["value"]["resources"] = resources.clone());
        })
        .try_start()
}

/// What `check` says of the same resources, as far as it stops a module.
fn stopping(resources: &Value) -> Vec<Finding> {
    let mut report = Report::new();
    let text = serde_json::to_string(resources).unwrap();
    let documents = shared::load::json(text.as_bytes()).unwrap();
    let shared::load::Value::List(items) = documents.value else { panic!("not a list") };
    let set = Resources::read(items.into_iter().map(|node| (None, node)), &mut report);
    check::check(&set, &mut report);
    report.into_sorted().into_iter().filter(Finding::stops).collect()
}

fn virtual_service(http: Value) -> Value {
    json!([{
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
        "spec": {"hosts": ["*"], "gateways": ["gw"], "http": http},
    }])
}

#[test]
fn invalid_resources_are_refused_with_the_findings_of_check() {
    let to_echo = json!([{"destination": {"host": "echo"}}]);
    let rows = [
        ("a bad regex", virtual_service(json!([{"match": [{"uri": {"regex": "("}}], "route": to_echo}])), 1),
        (
            "a negative weight, a wrong type and a redirect beside a route: all at once",
            virtual_service(json!([
                {"route": [{"destination": {"host": "echo"}, "weight": -1}]},
                {"match": "everything", "route": to_echo},
                {"redirect": {"uri": "/x"}, "route": to_echo},
            ])),
            2,
        ),
        (
            "weights that come to nothing",
            virtual_service(json!([{"route": [
            {"destination": {"host": "a"}, "weight": 0}, {"destination": {"host": "b"}, "weight": 0}]}])),
            1,
        ),
        ("no resource at all", json!(["text"]), 1),
        (
            "the same name twice",
            {
                let one = virtual_service(json!([{"route": to_echo}]));
                json!([one[0], one[0]])
            },
            1,
        ),
    ];
    for (name, resources, at_least) in rows {
        let expected = stopping(&resources);
        assert!(expected.len() >= at_least, "{name}: check finds {expected:?}");
        let Err(log) = with_resources(resources) else { panic!("{name}: Envoy started") };
        for finding in expected {
            assert!(log.contains(&finding.to_string()), "{name}: not in Envoy's log: {finding}\n{log}");
        }
    }
}

#[test]
fn what_is_no_configuration_is_refused() {
    for (name, value) in [
        ("not JSON", json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "hello"})),
        ("empty", json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": ""})),
        ("a list", json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": "[]"})),
        (
            "proxy of a wrong type",
            json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": {"proxy": 7, "resources": []}}),
        ),
    ] {
        let echo = Echo::start();
        let started = Sail::new(routed(echo.port(), TO_ECHO))
            .workers(1)
            .adjust(move |bootstrap| configuration(bootstrap, &mut |old| *old = value.clone()))
            .try_start();
        let Err(log) = started else { panic!("{name}: Envoy started") };
        assert!(log.contains("ModuleConfiguration"), "{name}: {log}");
    }
}

/// Envoy hands over a Struct in protobuf's wire format, a StringValue as its text; both mean the same.
#[test]
fn a_struct_and_a_string_of_json_are_both_taken() {
    let echo = Echo::start();
    let as_text = |bootstrap: &mut Value| {
        configuration(bootstrap, &mut |value| {
            let text = serde_json::to_string_pretty(&value["value"]).unwrap();
            *value = json!({"@type": "type.googleapis.com/google.protobuf.StringValue", "value": format!("\n{text}")});
        });
    };
    for sail in [Sail::new(routed(echo.port(), TO_ECHO)), Sail::new(routed(echo.port(), TO_ECHO)).adjust(as_text)] {
        let envoy = sail.start();
        assert_eq!(Request::get("/").send(envoy.listener("gateway-80")).status, 200);
    }
}

/// `proxy` says less here than it could; Envoy's node metadata says the rest, as in Istio.
#[test]
fn what_proxy_leaves_open_comes_from_the_node() {
    let rules = "\
- match: [{sourceNamespace: shop, gateways: []}]
  directResponse: {status: 201}
- directResponse: {status: 202}";
    let echo = Echo::start();
    let sail = |namespace: &'static str| {
        Sail::new(routed(echo.port(), rules)).workers(1).adjust(move |bootstrap| {
            bootstrap["node"]["metadata"] = json!({"NAMESPACE": namespace, "LABELS": {"istio": "ingressgateway"}});
            // The Gateway is found by the labels, since the configuration names none.
            configuration(bootstrap, &mut |value| value["value"]["proxy"] = json!({"port": 80}));
        })
    };
    for (namespace, status) in [("shop", 201), ("other", 202)] {
        let envoy = sail(namespace).start();
        assert_eq!(Request::get("/").send(envoy.listener("gateway-80")).status, status, "{namespace}");
    }
}
