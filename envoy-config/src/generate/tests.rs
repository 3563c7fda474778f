mod clusters;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;
use shared::finding::Report;
use shared::plan::ModuleConfig;
use shared::plan::guard::Detector;
use shared::plan::proxy::NodeMetadata;

use super::{Options, bootstrap_yaml, parts_yaml, pretty};
use crate::filter::{MODULES, Proxy, StringValue, configuration};
use crate::input::{Loaded, Source, load, loaded};
use crate::{Packaging, route_config, to_json};

fn catcatgo() -> Loaded {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../integration/catcatgo");
    load(&[folder.join("services.yaml"), folder.join("mesh")]).unwrap()
}

#[test]
fn the_same_input_gives_the_same_output() {
    let options = Options::default();
    let [first, second] = [catcatgo(), catcatgo()].map(|loaded| options.generate(&loaded.set).unwrap());
    assert_eq!(pretty(&first.clone().bootstrap()), pretty(&second.clone().bootstrap()));
    assert_eq!(bootstrap_yaml(first.clone()), bootstrap_yaml(second.clone()));
    assert_eq!(parts_yaml(first), parts_yaml(second));
}

#[test]
fn yaml_and_json_say_the_same() {
    let generated = Options::default().generate(&catcatgo().set).unwrap();
    let yaml: serde_json::Value = serde_yaml::from_str(&bootstrap_yaml(generated.clone())).unwrap();
    assert_eq!(yaml, to_json(&generated.bootstrap()));
}

#[test]
fn what_modules_are_told_can_be_read_in_the_yaml() {
    let text = bootstrap_yaml(Options::default().generate(&catcatgo().set).unwrap());
    let told = "
                configuration:
                  \"@type\": type.googleapis.com/google.protobuf.StringValue
                  value: |-
                    {
                      \"outlierDetection\": \"envoy\",
                      \"proxy\": {
                        \"gateways\": [\"default/catacatgo-gateway\"],
                        \"labels\": {\"istio\": \"ingressgateway\"},
                        \"namespace\": \"default\",
                        \"port\": 80
                      },
                      \"resources\": [
                        {
                          \"apiVersion\": \"networking.istio.io/v1alpha3\",
                          \"kind\": \"VirtualService\",
                          \"metadata\": {\"name\": \"catcatgo\"},
";
    assert!(text.contains(told), "{text}");
}

#[test]
fn modules_are_told_who_they_are_and_the_resources_without_endpoints() {
    let options = Options { packaging: Packaging::Separate, module_dir: "/m".into(), ..Options::default() };
    let part = options.generate(&catcatgo().set).unwrap().parts().remove(0);
    let filters = to_json(&part.http_filters);
    let names: Vec<_> = MODULES.iter().map(|module| format!("sailcloth.{}", module.name)).collect();
    let written: Vec<_> = filters.as_array().unwrap().iter().filter_map(|filter| filter["name"].as_str()).collect();
    assert_eq!(written[..names.len()], names);
    let config = &filters[names.len() - 1]["typed_config"]["config"];
    assert_eq!(config["vm_config"]["code"]["local"]["filename"], "/m/router.wasm");
    assert_eq!(config["configuration"]["@type"], "type.googleapis.com/google.protobuf.StringValue");
    let told = config["configuration"]["value"].as_str().unwrap();
    let told: serde_json::Value = serde_json::from_str(told).unwrap();
    let proxy = json!({"namespace": "default", "gateways": ["default/catacatgo-gateway"], "labels": {"istio": "ingressgateway"}, "port": 80});
    assert_eq!(told["proxy"], proxy);
    let resources = told["resources"].as_array().unwrap();
    let kinds: Vec<_> = resources.iter().map(|resource| resource["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["VirtualService", "DestinationRule", "DestinationRule", "Gateway", "ServiceEntry", "ServiceEntry"]
    );
    assert!(resources.iter().all(|resource| resource["spec"].get("endpoints").is_none()));
    assert_eq!(filters[names.len()]["name"], "envoy.filters.http.router");
}

#[test]
fn what_modules_are_told_is_what_they_take() {
    let everything = include_str!("../../tests/command/everything.yaml").to_owned();
    let everything = loaded(vec![Source { name: "everything.yaml".into(), text: everything }]);
    for loaded in [catcatgo(), everything] {
        let fronts = Options::default().generate(&loaded.set).unwrap().fronts;
        assert!(!fronts.is_empty());
        for front in fronts {
            let StringValue { value } = StringValue::json(&configuration(&front.proxy, &loaded.set, Detector::Module));
            let mut report = Report::new();
            let taken = ModuleConfig::read(value.as_bytes().to_vec(), NodeMetadata::default(), &mut report).unwrap();
            assert!(!report.stops(), "{:#?}", report.findings());
            assert_eq!(taken.proxy.gateways, front.proxy.gateways);
            assert_eq!(taken.resources.virtual_services.len(), loaded.set.virtual_services.len());
        }
    }
}

#[test]
fn metadata_is_what_matters() {
    let text = "{apiVersion: networking.istio.io/v1, kind: VirtualService, status: {a: b}, metadata: {name: v, uid: x, \
                annotations: {a: b, kubectl.kubernetes.io/last-applied-configuration: all}}, spec: {hosts: [a.x], http: []}}";
    let loaded = loaded(vec![Source { name: "v.yaml".into(), text: text.into() }]);
    let expected = json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "v", "annotations": {"a": "b"}}, "spec": {"hosts": ["a.x"], "http": []}});
    assert_eq!(crate::filter::resources(&loaded.set, Detector::Module), [expected]);
}

/// A sidecar of the mesh.
fn mesh() -> Proxy {
    Proxy { namespace: "default".into(), gateways: vec!["mesh".into()], labels: BTreeMap::new(), port: None }
}

#[test]
fn a_route_for_each_set_of_mirrors_that_can_be_drawn() {
    let rules =
        "- mirrors: [{destination: {host: b.x}, percentage: {value: 50}}, {destination: {host: c.x, subset: v1}}]
  retries: {attempts: 1}
  route: [{destination: {host: a.x}}]
- {mirror: {host: b.x}, mirrorPercentage: {value: 0}, route: [{destination: {host: a.x}}]}"
            .replace('\n', "\n  ");
    let head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [a.x]\n";
    let text = format!("{head}  http:\n  {rules}\n");
    let loaded = loaded(vec![Source { name: "v.yaml".into(), text }]);
    let config = to_json(&route_config(&mesh(), &loaded.set));
    assert_eq!(config["validate_clusters"], false);
    let routes = config["virtual_hosts"][0]["routes"].as_array().unwrap();
    let retry = "retry-25ms-previous-hosts";
    let expected = [
        (retry.to_owned(), vec![]),
        (format!("{retry}+outbound|80|v1|c.x"), vec!["outbound|80|v1|c.x"]),
        (format!("{retry}+outbound|80||b.x+outbound|80|v1|c.x"), vec!["outbound|80||b.x", "outbound|80|v1|c.x"]),
        ("plain".to_owned(), vec![]),
    ];
    let got: Vec<_> = routes
        .iter()
        .map(|route| {
            let policies = route["route"]["request_mirror_policies"].as_array().into_iter().flatten();
            let clusters = policies.map(|policy| policy["cluster"].as_str().unwrap()).collect::<Vec<_>>();
            (route["name"].as_str().unwrap().to_owned(), clusters)
        })
        .collect();
    assert_eq!(got, expected);
    let bound = json!({"key": "x-envoy-upstream-stream-duration-ms", "value": "1000"});
    let policy = json!({"cluster": "outbound|80|v1|c.x", "trace_sampled": false,
        "disable_shadow_host_suffix_append": true,
        "request_headers_mutations": [{"append": {"header": bound, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}]});
    assert_eq!(routes[1]["route"]["request_mirror_policies"], json!([policy]));
}

/// Modules learn labels from Envoy's node metadata, which nobody knows here.
#[test]
fn a_route_for_what_labels_of_the_node_may_bring_into_use() {
    let to = |mirror: &str, more: &str| {
        format!("{{{more}mirror: {{host: {mirror}}}, route: [{{destination: {{host: a.x}}}}]}}")
    };
    let from = |block: &str| format!("match: [{block}], ");
    let rules = [
        to("ui.x", &from("{sourceLabels: {app: ui}}")),
        // Whoever has no such labels goes past what takes everything from those who have.
        to("others.x", &from("{uri: {prefix: /o}}")),
        to("elsewhere.x", &from("{sourceNamespace: elsewhere, uri: {prefix: /e}}")),
        to("port.x", &from("{port: 81, sourceLabels: {app: ui}}")),
        to("all.x", ""),
        to("unreachable.x", &from("{sourceLabels: {app: ui}}")),
    ];
    let service = |name: &str, rules: &str| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: {name}}}, \
             spec: {{hosts: [a.x], http: [{rules}]}}}}\n---\n"
        )
    };
    let entry = "{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {name: a}, \
                 spec: {hosts: [a.x], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}}\n---\n";
    // The younger one has the host where no label brings the older one into use.
    let text = [
        service("a", &to("older.x", &from("{sourceLabels: {app: old}}"))),
        service("b", &rules.join(", ")),
        entry.to_owned(),
    ];
    let loaded = loaded(vec![Source { name: "v.yaml".into(), text: text.concat() }]);
    let config = to_json(&route_config(&mesh(), &loaded.set));
    let routes = config["virtual_hosts"][0]["routes"].as_array().unwrap();
    let names: Vec<_> = routes.iter().map(|route| route["name"].as_str().unwrap()).collect();
    let mirrors = ["all", "elsewhere", "older", "others", "ui"].map(|to| format!("mirror+outbound|80||{to}.x"));
    assert_eq!(names, [mirrors.each_ref().map(String::as_str).as_slice(), &["plain"]].concat());
}

#[test]
fn a_route_for_each_variant_in_use_then_the_plain_one() {
    // Each has a match of its own: a rule that no request reaches needs no route.
    let rule = |retries: &str| {
        let path = retries.len();
        format!("{{match: [{{uri: {{exact: /{path}}}}}], retries: {retries}, route: [{{destination: {{host: a.x}}}}]}}")
    };
    let rules = [
        rule("{attempts: 3, retryRemoteLocalities: true, backoff: 100ms}"),
        rule("{attempts: 1}"),
        rule("{attempts: 9, retryIgnorePreviousHosts: false}"),
        rule("{attempts: 0}   "),
    ];
    let text = format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v}}, spec: {{hosts: [a.x], http: [{}]}}}}",
        rules.join(", ")
    );
    let loaded = loaded(vec![Source { name: "v.yaml".into(), text }]);
    let config = to_json(&route_config(&mesh(), &loaded.set));
    let routes = config["virtual_hosts"][0]["routes"].as_array().unwrap();
    let names: Vec<_> = routes.iter().map(|route| route["name"].as_str().unwrap()).collect();
    let [never, first, second, third] =
        ["retry-none", "retry-25ms", "retry-25ms-previous-hosts", "retry-100ms-previous-hosts-remote-localities"];
    assert_eq!(names, [never, first, second, third, "plain"]);
    for route in routes {
        assert_eq!(route["request_headers_to_remove"], json!(["x-sailcloth-cluster", "x-sailcloth-route"]));
        assert_eq!(route["route"]["cluster_header"], "x-sailcloth-cluster");
    }
    assert!(routes[0]["route"].get("retry_policy").is_none());
    assert_eq!(routes[3]["match"]["headers"], json!([{"name": "x-sailcloth-route", "string_match": {"exact": third}}]));
    let retry = &routes[3]["route"]["retry_policy"];
    assert_eq!(retry["retry_back_off"], json!({"base_interval": "0.1s", "max_interval": "1s"}));
    assert_eq!(retry["retry_priority"]["typed_config"]["update_frequency"], 2);
    assert!(retry.get("retry_on").is_none());
    assert!(routes[1]["route"]["retry_policy"].get("retry_host_predicate").is_none());
    assert_eq!(routes[4]["route"]["retry_policy"]["num_retries"], 2);
    assert!(routes[4]["match"].get("headers").is_none());
}
