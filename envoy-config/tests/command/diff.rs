//! `sailcloth diff` as a person runs it.

use std::fs;

use serde_json::Value;

use crate::common::{LEGACY, MESH, Ran, SERVICES, folder, root, run, run_with};

/// A Gateway, a split, a rule for some users, one with a timeout, one by regex, and a redirect.
const SHOP: &str = r"
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw, namespace: shop}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*.example']}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [shop.example]
  gateways: [gw]
  http:
  - name: beta
    match: [{headers: {x-user: {exact: beta}}, uri: {prefix: /api}}]
    route: [{destination: {host: reviews, subset: v2}}]
  - name: orders
    match: [{uri: {prefix: /orders}}]
    timeout: 3s
    route: [{destination: {host: orders}}]
  - match: [{uri: {regex: '/img/[a-z]+\.(png|jpg)'}}]
    route: [{destination: {host: img}}]
  - match: [{uri: {exact: /old}}]
    redirect: {uri: /new}
  - route:
    - {destination: {host: reviews, subset: v1}, weight: 90}
    - {destination: {host: reviews, subset: v2}, weight: 10}
";

/// Both sides in files of a new folder, the second with these changes.
fn sides(name: &str, changes: &[(&str, &str)]) -> (String, String) {
    let folder = folder(name);
    let mut new = SHOP.to_owned();
    for (from, to) in changes {
        assert!(new.contains(from), "{from}");
        new = new.replace(from, to);
    }
    let [old_file, new_file] = ["old.yaml", "new.yaml"].map(|file| folder.join(file).to_str().unwrap().to_owned());
    fs::write(&old_file, SHOP).unwrap();
    fs::write(&new_file, new).unwrap();
    (old_file, new_file)
}

fn diff(name: &str, changes: &[(&str, &str)], more: &[&str], input: &str) -> Ran {
    let (old, new) = sides(name, changes);
    run_with(&[&["diff", &old, &new], more].concat(), input)
}

fn json(name: &str, changes: &[(&str, &str)], more: &[&str], input: &str) -> Value {
    let ran = diff(name, changes, &[&["-o", "json"], more].concat(), input);
    assert!(ran.code < 2, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

fn line(path: &str, more: &str) -> String {
    format!("{{\"method\":\"GET\",\"path\":\"{path}\",\"authority\":\"shop.example\",\"response_code\":200{more}}}\n")
}

#[test]
fn what_is_the_same_is_exit_code_0() {
    let ran = diff("diff-same", &[("timeout: 3s", "timeout: 3000ms")], &[], "");
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("no changes; 0 of "), "{}", ran.out);
    assert_eq!(ran.out.lines().count(), 1, "{}", ran.out);
}

#[test]
fn a_change_is_said_with_the_requests_that_it_is_for() {
    let ran = diff("diff-weights", &[("weight: 90", "weight: 50"), ("weight: 10", "weight: 50")], &[], "");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.out.starts_with("1 change in 1 resource; "), "{}", ran.out);
    assert!(ran.out.contains("\nshop/web http[4]: reviews v1 90 -> 50, v2 10 -> 50\n"), "{}", ran.out);
    assert!(ran.out.contains("reviews.shop v1 90 %, v2 10 % -> v1 50 %, v2 50 %\n"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "colours are for terminals: {}", ran.out);
    // Nothing else is said to be otherwise.
    assert!(!ran.out.contains("orders") && !ran.out.contains("img."), "{}", ran.out);
}

#[test]
fn requests_just_meet_and_just_miss_what_has_changed() {
    let made = |name, changes: &[(&str, &str)]| {
        let told = json(name, changes, &[], "");
        let groups = told["requests"][0]["differences"].as_array().unwrap().clone();
        let of = |group: &Value, side: &str| group[side]["to"][0]["what"].as_str().unwrap().to_owned();
        let urls = |group: &Value| -> Vec<String> {
            group["examples"].as_array().unwrap().iter().map(|it| it["url"].as_str().unwrap().to_owned()).collect()
        };
        groups.iter().map(|group| (urls(group), of(group, "before"), of(group, "after"))).collect::<Vec<_>>()
    };
    let cluster = |name: &str| format!("outbound|80|{name}.shop.svc.cluster.local");
    // An exact path in place of a prefix: what goes on below it is what is lost.
    let groups = made("diff-exact", &[("{prefix: /orders}", "{exact: /orders}")]);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert_eq!((groups[0].1.clone(), groups[0].2.clone()), (cluster("|orders"), cluster("v1|reviews")));
    assert!(groups[0].0.contains(&"http://shop.example/orders0".to_owned()), "{groups:?}");
    assert!(!groups[0].0.contains(&"http://shop.example/orders".to_owned()), "{groups:?}");
    // A regex that takes one ending less.
    let groups = made("diff-regex", &[("(png|jpg)", "png")]);
    assert_eq!(groups.len(), 1, "{groups:?}");
    assert!(groups[0].0.iter().all(|url| url.ends_with(".jpg")), "{groups:?}");
    // A header's value: those who lose and those who win.
    let groups = made("diff-header", &[("exact: beta", "exact: beta2")]);
    let mut to: Vec<_> = groups.iter().map(|(_, before, after)| (before.clone(), after.clone())).collect();
    to.sort();
    assert_eq!(
        to,
        [(cluster("v1|reviews"), cluster("v2|reviews")), (cluster("v2|reviews"), cluster("v1|reviews"))],
        "{groups:?}"
    );
    // A Gateway that serves the host no more.
    let groups = made("diff-gateway", &[("hosts: ['*.example']", "hosts: ['*.org']")]);
    assert!(groups.iter().all(|(_, _, after)| after == "404") && groups.len() >= 4, "{groups:?}");
}

#[test]
fn a_log_is_decided_as_far_as_it_says() {
    let weights = [("weight: 90", "weight: 50"), ("weight: 10", "weight: 50")];
    let log = [
        line("/", "").repeat(3),
        line("/orders/1", ""),
        // Who had the header went to v2, and goes there; who had not is split otherwise.
        line("/api/a", ""),
        line("/api/a", ",\"x_user\":\"beta\""),
        line("/api/a", ",\"x_user\":null").repeat(2),
    ];
    let told = json("diff-log", &weights, &["--requests", "-"], &log.concat());
    let report = &told["requests"][0];
    for (field, expected) in [("requests", 8), ("same", 2), ("otherwise", 5), ("undecided", 1)] {
        assert_eq!(report[field], expected, "{field}: {report}");
    }
    let groups = report["differences"].as_array().unwrap();
    assert_eq!(groups.len(), 1, "{report}");
    assert_eq!((&groups[0]["count"], &groups[0]["line"], &groups[0]["percent"]), (&5.into(), &1.into(), &62.5.into()));
    assert_eq!(report["depends"][0]["conditions"], serde_json::json!(["headers `x-user` exact `beta`"]));
    assert_eq!(report["depends"][0]["line"], 5);
}

/// A header that nobody knows decides nothing where both ways have the same answer.
#[test]
fn what_does_not_count_keeps_no_line_undecided() {
    let told = json("diff-clear", &[("timeout: 3s", "timeout: 5s")], &["--requests", "-"], &line("/api/a", ""));
    let report = &told["requests"][0];
    assert_eq!((&report["same"], &report["undecided"]), (&1.into(), &0.into()), "{report}");
    // It is otherwise in any case: the redirect takes it before anybody asks for the header.
    let first = "  http:\n  - match: [{uri: {prefix: /api}}]\n    redirect: {uri: /x}\n";
    let told = json("diff-before", &[("  http:\n", first)], &["--requests", "-"], &line("/api/a", ""));
    let group = &told["requests"][0]["differences"][0];
    assert_eq!(group["changes"][0]["after"], "301", "{told}");
    assert_eq!(group["changes"][0]["before"], "reviews.shop v1 90 %, v2 10 % or reviews.shop v2");
    assert_eq!(group["conditions"], serde_json::json!(["headers `x-user` exact `beta`"]));
    let told = json("diff-before", &[("  http:\n", first)], &["--requests", "-"], &line("/api/a", ",\"x-user\":\"-\""));
    assert_eq!(told["requests"][0]["otherwise"], 1, "{told}");
    assert_eq!(told["requests"][0]["differences"][0]["after"]["to"][0]["what"], "301");
}

#[test]
fn a_day_of_somebodys_log() {
    let istio = r#"[2024-05-01T10:00:00.123Z] "GET /old?a=b HTTP/1.1" 301 - direct_response - "-" 0 0 0 - "10.0.0.1" "curl/8" "1-2" "shop.example" "-" - - 10.1.0.2:8080 10.0.0.1:443 - -"#;
    let text = format!(
        "{istio}\n2024-05-01T10:00:00Z info Envoy proxy is ready\n{}{istio}\n",
        line("/", "").replace("shop.example", "who.example.org")
    );
    let ran = diff("diff-text", &[("uri: /new", "uri: /newer")], &["--requests", "-"], &text);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let said = "1 change in 1 resource; 2 of 3 requests of <stdin> (66.667 %) would be treated otherwise\n";
    assert!(ran.out.starts_with(said), "{}", ran.out);
    assert!(ran.out.contains("2 requests (66.667 %) GET http://shop.example/old?a=b: location "), "{}", ran.out);
    assert!(ran.out.contains("shop.example/new?a=b -> "), "{}", ran.out);
    assert!(ran.out.contains("1 line is no request\n    line 2: neither JSON nor"), "{}", ran.out);
    assert!(ran.out.contains("1 line is for hosts that neither side has rules for"), "{}", ran.out);
}

#[test]
fn cases_are_asked_as_well() {
    let file = folder("diff-cases-file").join("cases.yaml");
    fs::write(
        &file,
        "cases:\n- {name: the start page, request: {url: 'http://shop.example/'}, expect: {status: 404}}\n- name: a beta user\n  request: {url: 'http://shop.example/api', headers: [[x-user, beta]]}\n  expect: {status: 404}\n",
    )
    .unwrap();
    let ran = diff("diff-cases", &[("exact: beta", "exact: gamma")], &["--requests", file.to_str().unwrap()], "");
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("1 of 2 requests of "), "{}", ran.out);
    let said = "a beta user: GET http://shop.example/api (x-user: beta): reviews.shop v2 -> v1 90 %, v2 10 %\n    taken by shop/web http[0] \"beta\" -> shop/web http[4]\n";
    assert!(ran.out.contains(said), "{}", ran.out);
    fs::write(&file, "cases:\n- {name: x, request: {url: 'http://'}, expect: {status: 404}}\n").unwrap();
    let ran = diff("diff-cases", &[], &["--requests", file.to_str().unwrap()], "");
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("cases.yaml:2:"), "{}", ran.err);
}

#[test]
fn bad_input_says_what_to_do() {
    let (old, new) = sides("diff-bad", &[("timeout: 3s", "timeout: 5s")]);
    let empty = folder("diff-bad-log").join("empty.log");
    fs::write(&empty, "").unwrap();
    let nginx = "10.0.0.1 - - [01/May/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5\n";
    for (args, input, expected) in [
        (&["diff"][..], "", "`sailcloth diff OLD NEW`"),
        (&["diff", &old], "", "and what will they be?"),
        (&["diff", &old, &old], "", "so there is nothing to compare"),
        (&["diff", &old, "nowhere.yaml"], "", "there is no file or folder `nowhere.yaml`"),
        (&["diff", "-", "-"], "", "only once"),
        (&["diff", "-", &new, "--requests", "-"], "", "only once"),
        (&["diff", &old, &new, "--requests", "nowhere.log"], "", "there is no file `nowhere.log`"),
        (&["diff", &old, &new, "--requests", empty.to_str().unwrap()], "", "there are no lines in it"),
        (&["diff", &old, &new, "--requests", "-"], nginx, "line 1: neither JSON nor"),
    ] {
        let ran = run_with(args, input);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.out);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn a_side_with_errors_is_compared_as_far_as_it_goes() {
    let ran = diff("diff-errors", &[("timeout: 3s", "timeout: soon"), ("weight: 90", "weight: 80")], &[], "");
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("NEW has an error that Istio would refuse") && ran.err.contains("soon"), "{}", ran.err);
    assert!(ran.out.contains("reviews v1 90 -> 80"), "{}", ran.out);
}

#[test]
fn what_both_have_is_named_once() {
    let canary = format!("{LEGACY}/canary-by-user-agent.yaml");
    let ran = run(&["diff", "-f", SERVICES, "-f", MESH, &canary, "-o", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(told["changes"].as_array().unwrap().iter().all(|change| change["kind"] == "VirtualService"), "{}", ran.out);
    assert!(told["summary"]["otherwise"].as_u64().unwrap() > 0, "{}", ran.out);
}

#[test]
fn json_is_by_its_schema() {
    let schema = fs::read_to_string(root().join("docs/diff.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let everything = [
        ("weight: 90", "weight: 50"),
        ("uri: /new", "authority: new.example"),
        ("timeout: 3s", "fault: {delay: {fixedDelay: 1s, percentage: {value: 10}}}\n    mirror: {host: copy}"),
        (
            "- name: beta",
            "- name: gone\n    match: [{uri: {exact: /gone}}]\n    directResponse: {status: 410, body: {string: gone}}\n  - name: beta",
        ),
    ];
    let log = [line("/", ""), line("/api", ""), line("/orders", ""), "what\n".to_owned()].concat();
    let mut seen = (false, false);
    for (name, more, input) in [("diff-schema", &[][..], ""), ("diff-schema-log", &["--requests", "-"], log.as_str())] {
        let told = json(name, &everything, more, input);
        let wrong: Vec<String> = validator.iter_errors(&told).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        let report = &told["requests"][0];
        seen = (seen.0 || report["depends"][0].is_object(), seen.1 || report["log"]["shown"][0].is_object());
        // And nothing else is.
        for at in [
            "/changes/0",
            "/requests/0",
            "/requests/0/differences/0",
            "/requests/0/differences/0/examples/0",
            "/summary",
        ] {
            for key in told.pointer(at).and_then(Value::as_object).unwrap().keys() {
                let mut other = told.clone();
                other.pointer_mut(at).and_then(Value::as_object_mut).unwrap().remove(key);
                assert!(!validator.is_valid(&other), "{at}/{key} may be missing");
            }
            let mut other = told.clone();
            other.pointer_mut(at).unwrap()["more"] = Value::Null;
            assert!(!validator.is_valid(&other), "{at}");
        }
    }
    assert_eq!(seen, (true, true));
}
