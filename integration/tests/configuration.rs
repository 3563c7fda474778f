//! What a module does with its configuration, on real Envoy: it refuses what is invalid and says the same as `check`.

use envoy_config::json::Json;
use integration::client::Request;
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, TO_ECHO, for_each_configuration, for_each_object, routed};
use serde_json::{Value, json};
use shared::check;
use shared::finding::{Finding, Report};
use shared::model::Resources;

/// Changes the message that the module's configuration is.
fn message(bootstrap: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for_each_object(bootstrap, &mut |object| {
        if object.contains_key("vm_config") {
            change(&mut object["configuration"]);
        }
    });
}

/// Makes a `Struct` of it, as people paste it.
fn as_struct(bootstrap: &mut Value) {
    message(bootstrap, &mut |message| {
        let configuration: Value = serde_json::from_str(message["value"].as_str().unwrap()).unwrap();
        *message = json!({"@type": "type.googleapis.com/google.protobuf.Struct", "value": configuration});
    });
}

/// Another text that says the same, which begins as a `Struct` in protobuf's wire format does.
fn as_other_text(bootstrap: &mut Value) {
    message(bootstrap, &mut |message| message["value"] = json!(format!("\n{}", message["value"].as_str().unwrap())));
}

/// An Envoy whose module gets these resources in place of the test's.
fn with_resources(resources: Value) -> Result<Envoy, String> {
    let echo = Echo::start();
    Sail::new(routed(echo.port(), TO_ECHO))
        .workers(1)
        .adjust(move |bootstrap| {
            for_each_configuration(bootstrap, &mut |configuration| configuration["resources"] = resources.clone());
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
    // `check` goes on with what is left of a resource with a bad field, and a module does not.
    if !report.stops() {
        check::check(&set, &mut report);
    }
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
            // Some hints are for whoever runs `check`, and no module has them.
            let said = Finding { hint: String::new(), ..finding }.to_string();
            assert!(log.contains(&said), "{name}: not in Envoy's log: {said}\n{log}");
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
            .adjust(move |bootstrap| message(bootstrap, &mut |message| *message = value.clone()))
            .try_start();
        let Err(log) = started else { panic!("{name}: Envoy started") };
        assert!(log.contains("ModuleConfiguration"), "{name}: {log}");
    }
}

/// Envoy hands over a Struct in protobuf's wire format, a StringValue as its text; both mean the same. Envoy's YAML reader
/// makes strings of the fractions in a Struct, and of numbers beyond 32 bits.
#[test]
fn a_struct_and_a_string_of_json_are_both_taken() {
    let rules = "\
- match: [{uri: {exact: /never}}]
  fault: {abort: {httpStatus: 418, percentage: {value: 0.0001}}}
  route: [{destination: {host: echo}}]
- match: [{uri: {exact: /half}}]
  fault: {abort: {httpStatus: 418, percentage: {value: 0.5}}, delay: {fixedDelay: 1ms, percentage: {value: 1e-3}}}
  mirrors: [{destination: {host: echo}, percentage: {value: 12.5}}]
  route: [{destination: {host: echo}}]
- fault: {abort: {httpStatus: 418, percentage: {value: 100.0}}}
  route: [{destination: {host: echo}}]";
    let rule = "\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  host: \
                echo\n  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 4294967295}}\n";
    let echo = Echo::start();
    let sail = || Sail::new(routed(echo.port(), rules) + rule).workers(1);
    for (form, sail) in
        [("as written", sail()), ("other text", sail().adjust(as_other_text)), ("a Struct", sail().adjust(as_struct))]
    {
        for envoy in [sail.start(), sail.start_from_json()] {
            let gateway = envoy.listener("gateway-80");
            let statuses = ["/never", "/always"].map(|path| Request::get(path).send(gateway).status);
            assert_eq!(statuses, [200, 418], "{form}");
        }
    }
}

/// What a module is told is what the resource says, whatever stands in it, and in whatever form Envoy gets it.
#[test]
fn every_character_reaches_the_module() {
    let below = (0..=0x2ff).chain(0x2000..=0x206f).chain(0xd7f0..=0xe010).chain(0xfe00..=0x1_0010);
    let mut body: String = below.filter_map(char::from_u32).collect();
    body.push_str("\u{1f600}\u{1fffe}\u{10ffff}");
    body.push_str("\n---\n...\n#: {} [] & * ! | > ' \" ` @ %% %REQ(x)% {{ x }} \\u007f \\ud83d \\\\ \\\n \r\n\t\n  \n");
    body.push_str(&"long ".repeat(2_000));
    let rule = json!({"directResponse": {"status": 200, "body": {"string": &body}}});
    let rules = format!("- {}", envoy_config::json::json(&Json::Value(rule)).replace('\n', " "));
    let echo = Echo::start();
    let sail = || Sail::new(routed(echo.port(), &rules)).workers(1);
    for (form, sail) in [("as written", sail()), ("a Struct", sail().adjust(as_struct))] {
        for envoy in [sail.start(), sail.start_from_json()] {
            let answer = Request::get("/").send(envoy.listener("gateway-80"));
            assert_eq!(String::from_utf8(answer.body).unwrap(), body, "{form}");
        }
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
            for_each_configuration(bootstrap, &mut |configuration| configuration["proxy"] = json!({"port": 80}));
        })
    };
    for (namespace, status) in [("shop", 201), ("other", 202)] {
        let envoy = sail(namespace).start();
        assert_eq!(Request::get("/").send(envoy.listener("gateway-80")).status, status, "{namespace}");
    }
}
