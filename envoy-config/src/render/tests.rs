use shared::finding::Code;

use super::{excerpt, json, text};
use crate::input::{Loaded, Source, loaded};

/// With the findings about unknown fields, whatever else there is to say.
fn read(resource: &str) -> Loaded {
    let mut loaded = loaded(vec![Source { name: "a.yaml".into(), text: resource.into() }]);
    loaded.findings.retain(|finding| finding.code == Code::UnknownField);
    loaded
}

fn rendered(resource: &str) -> String {
    let loaded = read(resource);
    anstream::adapter::strip_str(&text(&loaded)).to_string()
}

const MISSPELT: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec:
  hosts: [a.x]
  http:
  - route:
    - destination: {host: a.x}
      weigth: 5
";

#[test]
fn a_finding_shows_its_line_and_the_word_in_it() {
    let expected = "\
warning[SC0004]: unknown field `weigth`, which has no effect
 --> a.yaml:9:7
  |
9 |       weigth: 5
  |       ^^^^^^
  = resource: VirtualService default/v
  = field: spec.http[0].route[0].weigth
  = hint: did you mean `weight`?

1 warning in 1 resource
";
    assert_eq!(rendered(MISSPELT), expected);
}

#[test]
fn nothing_found_is_said() {
    assert_eq!(rendered("# nothing"), "there are no resources here, so nothing was checked\n");
    let service = "{apiVersion: v1, kind: Service, metadata: {name: x}}";
    assert_eq!(rendered(service), "no problems in 1 resource\n");
}

#[test]
fn text_of_others_cannot_steer_the_terminal() {
    let steering = MISSPELT.replace("weigth", "\"\\e[2Jx\"");
    let shown = rendered(&steering);
    assert!(shown.contains("unknown field") && !shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn long_lines_are_shown_in_part() {
    let line = format!("{}é: \"in quotes\" {}", "x".repeat(5000), "y".repeat(5000));
    let (shown, before, length) = excerpt(&line, 5004);
    assert!(shown.chars().count() <= 162);
    let marked: String = shown.chars().skip(before).take(length).collect();
    assert_eq!(marked, "\"in quotes\"");
    for column in [0, 1, 10_000, 20_000, u32::MAX] {
        let (shown, before, _) = excerpt(&line, column);
        assert!(before <= shown.chars().count(), "{column}");
    }
    assert_eq!(excerpt("", 1), (String::new(), 0, 1));
}

#[test]
fn json_is_the_contracts() {
    let loaded = read(MISSPELT);
    let found: serde_json::Value = serde_json::from_str(&json(&loaded.findings)).unwrap();
    let expected = serde_json::json!([{"severity": "warning", "origin": "sailcloth", "code": "SC0004",
        "kind": "VirtualService", "namespace": "default", "name": "v", "path": "spec.http[0].route[0].weigth",
        "file": "a.yaml", "line": 9, "column": 7, "message": "unknown field `weigth`, which has no effect",
        "hint": "did you mean `weight`?"}]);
    assert_eq!(found, expected);
}

/// What is left as it is has consequences, which are said with it.
#[test]
fn findings_of_analysis_say_what_becomes_of_requests() {
    let missing = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v}
spec:
  hosts: [a.x]
  gateways: [nowhere]
  http:
  - route: [{destination: {host: nobody}}]
    mirror: {host: nobody-else}
";
    let loaded = loaded(vec![Source { name: "a.yaml".into(), text: missing.into() }]);
    let shown = anstream::adapter::strip_str(&text(&loaded)).to_string();
    for (field, then) in [
        ("spec.gateways[0]", "Envoy starts; no request comes to these rules by that Gateway"),
        ("spec.http[0].route[0].destination.host", "Envoy starts; requests to it are answered with 503"),
        ("spec.http[0].mirror.host", "Envoy starts; no copies are sent there, and the requests themselves go on"),
    ] {
        assert!(shown.contains(&format!("  = field: {field}\n  = then: {then}\n")), "{field}: {shown}");
    }
}
