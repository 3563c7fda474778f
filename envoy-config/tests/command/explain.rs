//! `sailcloth explain` as a person runs it.

use std::fs;

use serde_json::{Value, json};

use crate::common::{MESH, Ran, SERVICES, folder, root, run, run_with};

const SHOP: &str = "envoy-config/tests/command/explain.yaml";

fn explain(args: &[&str]) -> Ran {
    run(&[&["explain", SHOP], args].concat())
}

/// The answer for programs.
fn answer(args: &[&str]) -> Value {
    let ran = explain(&[args, &["-o", "json"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// The line of [`SHOP`] in which a text stands, for the first time.
fn line_of(text: &str) -> usize {
    let all = fs::read_to_string(root().join(SHOP)).unwrap();
    all.lines().position(|line| line.contains(text)).unwrap() + 1
}

const ORDERS: [&str; 2] =
    ["outbound|80|v1|orders.shop.svc.cluster.local", "outbound|80|v2|orders.shop.svc.cluster.local"];

#[test]
fn a_person_reads_first_where_it_goes_and_by_which_rule() {
    let ran = explain(&["http://shop.example.com/orders/a", "-H", "x-secret: 1"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let (v1, v2) = (ORDERS[0], ORDERS[1]);
    let expected = format!(
        "GET http://shop.example.com/orders/a
at          gateway shop/public, port 80, which serves `shop.example.com`; `--from NAMESPACE` asks the mesh

it goes to one of
  {v1}    75 %
  {v2}    25 %
by          VirtualService shop/web spec.http[1].match[0] `orders`  {SHOP}:{}
            virtual host `shop.example.com`, route name `orders.all`
note        no endpoint of `payments.shop.svc.cluster.local` is in this set; without one, requests to it are answered \
         with 503 (SC0021, spec.http[1].mirror.host)

on the way
request     remove x-secret
request     set x-path: /orders/a
request     add x-tag: b
request     authority shop.example.com → orders.internal
request     path /orders/a → /v1/orders/a
answer      remove x-debug
answer      set x-was: %RESP(server)%
at          {v1}
  request   set x-version: 1
  answer    add x-v: 1
client      goes by weight, since the request has no header=x-user
fault       10 % wait for 2 s
fault       0.5 % are answered with gRPC status 14
copies      outbound|80||payments.shop.svc.cluster.local gets 25 %
timeout     3 s
retries     4, 500 ms each, on 5xx, retriable-status-codes, cancelled, 503
limits      {v1}: 10 on their way, 5 waiting
limits      {v2}: 10 on their way, 5 waiting
cors        the request names no `origin`; allowed: exact https://a.example, regex https://b[.].*

passed over, in this order
  shop/web spec.http[0].match[0]  {SHOP}:{}
      uri prefix `/Orders` does not match `/orders/a`; `ignoreUriCase: true` would take it
  shop/web spec.http[0].match[1]  {SHOP}:{}
      uri regex `/orders/[0-9]+` does not match `/orders/a`
",
        line_of("name: all"),
        line_of("prefix: /Orders"),
        line_of("regex: '/orders"),
    );
    assert_eq!(ran.out, expected);
}

#[test]
fn the_same_for_programs() {
    let origin = ["-H", "origin: https://b.example", "-H", "X-Tag: a"];
    let it = answer(&[&["http://shop.example.com/orders?a=1"][..], &origin].concat());
    let of_rule = line_of("- name: orders");
    assert_eq!(
        it["rule"],
        json!({"index": 1, "name": "orders", "match": 0, "file": SHOP, "line": of_rule, "match_line": of_rule + 2, "delegate": null})
    );
    assert_eq!((&it["virtual_host"], &it["virtual_service"]), (&json!("shop.example.com"), &json!("shop/web")));
    assert_eq!(
        (&it["action"], &it["route_name"], &it["timeout_ms"]),
        (&json!("route"), &json!("orders.all"), &json!(3000))
    );
    for (destination, (cluster, share)) in
        it["destinations"].as_array().unwrap().iter().zip(ORDERS.iter().zip([0.75, 0.25]))
    {
        assert_eq!((&destination["cluster"], &destination["share"]), (&json!(cluster), &json!(share)));
        let request = &destination["request"];
        assert_eq!((&request["path"], &request["authority"]), (&json!("/v1/orders?a=1"), &json!("orders.internal")));
        let headers = request["headers"].as_array().unwrap();
        for header in [json!(["x-path", "/orders?a=1"]), json!(["x-tag", "a"]), json!(["x-tag", "b"])] {
            assert!(headers.contains(&header), "{headers:?}");
        }
        assert_eq!(headers.contains(&json!(["x-version", "1"])), share > 0.5);
        assert!(!headers.iter().any(|header| header[0].as_str().unwrap().starts_with("x-sailcloth")));
    }
    assert_eq!(it["destinations"][0]["response_headers"], json!({"set": [], "add": [["x-v", "1"]], "remove": []}));
    let allowed = [
        ["x-was", "%RESP(server)%"],
        ["access-control-allow-origin", "https://b.example"],
        ["access-control-expose-headers", "x-total"],
    ];
    assert_eq!(it["response_headers"], json!({"set": allowed, "add": [], "remove": ["x-debug"]}));
    assert_eq!(
        it["retries"],
        json!({"attempts": 4, "on": ["5xx", "retriable-status-codes"], "grpc_on": ["cancelled"], "status_codes": [503],
               "per_try_ms": 500, "backoff_ms": 50, "default": false})
    );
    assert_eq!(
        it["fault"],
        json!({"delay": {"ms": 2000, "ppm": 100_000}, "abort": {"http": null, "grpc": 14, "ppm": 5000}})
    );
    assert_eq!(it["mirrors"], json!([{"cluster": "outbound|80||payments.shop.svc.cluster.local", "ppm": 250_000}]));
    assert_eq!(it["sticky"], json!({"by": "header=x-user", "key": null, "chosen": null, "new": false}));
    assert_eq!(it["limits"][ORDERS[0]], json!({"active": 10, "waiting": 5, "requests": null}));
    assert_eq!(it["cors"]["allowed"], json!(true));
    assert_eq!(it["skipped"].as_array().unwrap().len(), 2);
}

#[test]
fn a_sticky_client_is_told_where_it_stays() {
    // Whatever the key: it goes to one of the two, always the same, and users differ.
    let at = |user: &str| {
        let it = answer(&["http://shop.example.com/orders", "-H", &format!("x-user: {user}")]);
        let [only] = it["destinations"].as_array().unwrap().as_slice() else { panic!("{it}") };
        assert_eq!((&only["share"], &only["cluster"]), (&json!(1.0), &it["sticky"]["chosen"]));
        assert_eq!(it["sticky"]["key"], json!(user));
        only["cluster"].as_str().unwrap().to_owned()
    };
    let clusters: Vec<String> = ["elena", "maria", "nina", "anna", "rosa", "ida"].map(at).to_vec();
    assert_eq!(at("elena"), clusters[0]);
    assert!(ORDERS.iter().all(|cluster| clusters.iter().any(|it| it == cluster)), "{clusters:?}");
}

#[test]
fn answers_that_need_no_destination_are_told() {
    let moved = answer(&["http://shop.example.com/moved?to=new"]);
    assert_eq!((&moved["action"], &moved["status"]), (&json!("redirect"), &json!(308)));
    assert_eq!(moved["location"], json!("http://shop.example.com/orders?to=new"));
    assert_eq!(moved["response_headers"]["set"], json!([["x-why", "moved"]]));
    assert_eq!((&moved["destinations"], &moved["retries"]), (&json!([]), &Value::Null));

    let teapot = answer(&["http://shop.example.com/teapot"]);
    assert_eq!((&teapot["action"], &teapot["status"]), (&json!("direct_response"), &json!(418)));
    assert_eq!(teapot["body"], json!("short and stout"));

    let asked = ["-X", "OPTIONS", "-H", "origin: https://a.example", "-H", "access-control-request-method: PUT"];
    let preflight = answer(&[&["http://shop.example.com/orders"][..], &asked].concat());
    assert_eq!((&preflight["action"], &preflight["status"]), (&json!("preflight"), &json!(200)));
    let set = preflight["response_headers"]["set"].as_array().unwrap();
    assert!(set.contains(&json!(["access-control-allow-origin", "https://a.example"])), "{set:?}");
    assert_eq!(preflight["fault"]["delay"]["ms"], json!(2000), "Envoy's fault filter stands before its CORS filter");

    let nothing = explain(&["-X", "POST", "http://shop.example.com/teapot"]);
    assert!(nothing.out.contains("it is answered with 404: nothing takes it"), "{}", nothing.out);
    assert!(nothing.out.contains("none of its 4 rules matches"), "{}", nothing.out);
    assert!(nothing.out.contains("method exact `GET` does not match `POST`"), "{}", nothing.out);
    let asked = answer(&["http://shop.example.com/moved?to=old&a"]);
    let because: Vec<&str> =
        asked["skipped"].as_array().unwrap().iter().map(|it| it["because"].as_str().unwrap()).collect();
    assert_eq!(because.len(), 5, "all that there are");
    assert_eq!(because[3], "queryParams `to` exact `new` does not match `old`");
}

#[test]
fn the_path_is_the_one_that_envoy_makes() {
    let it = answer(&["http://shop.example.com/x/../orders%2D"]);
    assert_eq!((&it["request"]["path"], &it["route_name"]), (&json!("/orders-"), &json!("orders.all")));
    let refused = answer(&["http://shop.example.com/orders%00"]);
    assert_eq!((&refused["action"], &refused["status"]), (&json!("blocked"), &json!(400)));
}

/// Without an option the listeners of `run` decide, and the answer says which was taken.
#[test]
fn the_proxy_that_is_asked_is_said() {
    for (args, gateways, port, words) in [
        (&["http://shop.example.com/"][..], "shop/public", json!(80), "which serves `shop.example.com`"),
        (&["http://127.0.0.1:8080/", "-H", "host: old.example.com"], "shop/public", json!(80), "`old.example.com`"),
        (&["http://shop.example.com:8081/"], "shop/public", json!(8081), "which serves"),
        (&["http://payments/"], "mesh", Value::Null, "no Gateway serves `payments` by name"),
        (&["http://payments.shop:8080/"], "mesh", Value::Null, "no Gateway serves `payments.shop` by name"),
        (&["http://nobody.example/"], "shop/public", json!(8081), "which takes any host"),
        (&["--port", "8081", "http://shop.example.com/"], "shop/public", json!(8081), ""),
        (&["--gateway", "shop/public", "http://payments/"], "shop/public", json!(80), "by the URL"),
        (&["--gateway", "shop/public", "http://payments:8081/"], "shop/public", json!(8081), "by the URL"),
        (&["--gateway", "shop/public", "http://payments:8080/"], "shop/public", json!(80), "`run` opens at 8080"),
        (&["--gateway", "shop/public", "http://payments:9/"], "shop/public", json!(80), "its first"),
        (&["--gateway", "public.shop", "--port", "8081", "http://a/"], "shop/public", json!(8081), "`--port`"),
        (&["--from", "shop,app=web", "http://shop.example.com/"], "mesh", Value::Null, "`--from`"),
    ] {
        let it = answer(args);
        assert_eq!((&it["proxy"]["gateways"], &it["proxy"]["port"]), (&json!([gateways]), &port), "{args:?}");
        assert!(it["proxy"]["because"].as_str().unwrap().contains(words), "{args:?}: {}", it["proxy"]);
    }
    let by = |from: &str| answer(&["--from", from, "http://payments/"])["destinations"][0]["cluster"].clone();
    assert_eq!(by("shop,app=web"), json!(ORDERS[0]));
    assert_eq!(by("shop"), json!("outbound|80||payments.shop.svc.cluster.local"));
    assert_eq!(by("other"), json!("PassthroughCluster"), "the short name is another namespace's");
    // The mesh's listener of `run` answers what nobody knows, and says what may have been meant.
    let unknown = answer(&["http://paiments/", "-H", "host: paiments.shop.svc.cluster.local"]);
    assert_eq!(unknown["proxy"]["gateways"], json!(["shop/public"]), "one of its ports takes any host");
    let mesh = run_with(&["explain", "-", "http://paiments/", "-o", "json"], &services_alone());
    let mesh: Value = serde_json::from_str(&mesh.out).unwrap();
    assert_eq!((&mesh["action"], &mesh["status"]), (&json!("not_found"), &json!(404)));
    assert!(mesh["body"].as_str().unwrap().contains("did you mean `payments`?"), "{mesh}");
}

/// [`SHOP`] without its Gateway.
fn services_alone() -> String {
    let all = fs::read_to_string(root().join(SHOP)).unwrap();
    all.split("---\n").filter(|document| !document.contains("kind: Gateway")).collect::<Vec<_>>().join("---\n")
}

#[test]
fn bad_questions_are_answered_with_what_to_write() {
    let mesh_or_else = ["http://shop.example.com/"];
    for (args, words) in [
        (&["/orders"][..], "has no host: write the whole URL"),
        (&["shop.example.com/orders"], "has no scheme: write `http://shop.example.com/orders`"),
        (&["gopher://shop.example.com/"], "not for `gopher`"),
        (&["-X", "GE T", mesh_or_else[0]], "`GE T` is no method"),
        (&["-H", "x-user elena", mesh_or_else[0]], "has no colon"),
        (&["-H", "x user: elena", mesh_or_else[0]], "`x user` is no header's name"),
        (&["--gateway", "shop/publik", mesh_or_else[0]], "did you mean `--gateway shop/public`?"),
        (&["--gateway", "public", mesh_or_else[0]], "did you mean `--gateway shop/public`?"),
        (&["--gateway", "mesh", mesh_or_else[0]], "`--from NAMESPACE`"),
        (&["--gateway", "shop/public", "--port", "81", mesh_or_else[0]], "it has `80`, `8081`"),
        (&["--port", "81", mesh_or_else[0]], "there is `80`, `8081`"),
        (&["--port", "0", mesh_or_else[0]], "--port"),
        (&["--from", "app=web", mesh_or_else[0]], "no namespace before the labels"),
        (&["--from", "", mesh_or_else[0]], "no namespace before the labels"),
        (&["--from", "shop,web", mesh_or_else[0]], "`web` is no label, which is `key=value`"),
        (&["--from", "shop,a=1,a=2", mesh_or_else[0]], "stands twice"),
        (&["--from", "Shop", mesh_or_else[0]], "no namespace's name"),
        (&["--source", "localhost", mesh_or_else[0]], "expected an IP address"),
        (&["--gateway", "shop/public", "--from", "shop", mesh_or_else[0]], "cannot be used with"),
    ] {
        let ran = explain(args);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(ran.err.contains(words), "{args:?}: {}", ran.err);
    }
    let none = run(&["explain"]);
    assert!(none.code == 2 && none.err.contains("which URL?"), "{}", none.err);
    let no_files = run(&["explain", "http://a.example/"]);
    assert!(no_files.code == 2 && no_files.err.contains("which resources?"), "{}", no_files.err);
    let no_gateway = run_with(&["explain", "-", "--gateway", "a/b", "http://a/"], &services_alone());
    assert!(no_gateway.code == 2 && no_gateway.err.contains("there is none in these resources"), "{}", no_gateway.err);
}

/// Everything that can be read is explained, by the indices that the file has.
#[test]
fn resources_with_errors_are_explained_as_far_as_it_goes() {
    let folder = folder("explain-errors");
    let file = folder.join("bad.yaml").display().to_string();
    let rules = "  - match: [{uri: {regex: '/a['}}, {uri: {exact: /b}}]\n    route: [{destination: {host: a.example}}]\n  \
                 - route: [{destination: {host: b.example}}]\n    timeout: soon\n";
    let head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\nspec:\n  hosts: [a.example]\n  http:\n";
    fs::write(&file, format!("{head}{rules}")).unwrap();
    let ran = run(&["explain", &file, "http://a.example/a", "-o", "json"]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.starts_with("warning: the resources have ") && ran.err.contains("sailcloth check"), "{}", ran.err);
    let it: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(it["findings"]["errors"].as_u64().unwrap() >= 2, "{it}");
    assert_eq!((&it["rule"]["index"], &it["rule"]["line"]), (&json!(1), &json!(9)));
    let of_rule = it["findings"]["of_rule"].as_array().unwrap();
    let paths: Vec<&str> = of_rule.iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["spec.http[1].route[0].destination.host", "spec.http[1].timeout"], "those of its rule alone");
    let because: Vec<&Value> = it["skipped"].as_array().unwrap().iter().map(|it| &it["because"]).collect();
    assert!(because[0].as_str().unwrap().contains("it has an error"), "{because:?}");
    assert_eq!(because[1], &json!("uri exact `/b` does not match `/a`"));
}

#[test]
fn json_is_by_its_schema() {
    let schema = fs::read_to_string(root().join("docs/explain.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let preflight = ["-X", "OPTIONS", "-H", "origin: https://a.example", "-H", "access-control-request-method: PUT"];
    let mut answers: Vec<Value> = [
        &["http://shop.example.com/orders"][..],
        &["http://shop.example.com/orders", "-H", "x-user: elena", "--source", "10.0.0.7"],
        &["http://shop.example.com/moved?to=new"],
        &["http://shop.example.com/teapot"],
        &["http://shop.example.com/nothing"],
        &["http://shop.example.com/%00"],
        &["http://nobody.example/"],
        &["http://payments/", "--from", "shop,app=web"],
        &["http://payments/", "--from", "other"],
        &[&["http://shop.example.com/orders"][..], &preflight].concat(),
    ]
    .into_iter()
    .map(answer)
    .collect();
    let catcatgo = run(&["explain", SERVICES, MESH, "http://cat.example/", "-o", "json"]);
    answers.push(serde_json::from_str(&catcatgo.out).unwrap());
    let nobody = run_with(
        &["explain", "-", "http://a.example/", "-o", "json"],
        "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: a}, \
         spec: {hosts: [a.example], http: [{route: [{destination: {host: nobody}}]}]}}",
    );
    answers.push(serde_json::from_str(&nobody.out).unwrap());
    let several = run_with(&["explain", "-", "http://a.example/shop", "-o", "json"], SEVERAL);
    answers.push(serde_json::from_str(&several.out).unwrap());
    for answer in &answers {
        let wrong: Vec<String> = validator.iter_errors(answer).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?} {answer}");
        // And nothing else is: no part of it may be missing, of another kind, or more.
        let mut objects = Vec::new();
        pointers(answer, "", &mut objects);
        for pointer in objects.iter().filter(|it| !it.contains("limits") && !it.contains("labels")) {
            let keys: Vec<String> = answer.pointer(pointer).unwrap().as_object().unwrap().keys().cloned().collect();
            for key in &keys {
                let mut other = answer.clone();
                other.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key);
                assert!(!validator.is_valid(&other), "{pointer}/{key} may be missing");
                other.pointer_mut(pointer).unwrap()[key] = json!({"a": [null]});
                assert!(!validator.is_valid(&other), "{pointer}/{key} may be anything");
            }
            let mut other = answer.clone();
            other.pointer_mut(pointer).unwrap()["more"] = Value::Null;
            assert!(!validator.is_valid(&other), "{pointer} may have more");
        }
    }
    for part in ["/findings/of_rule", "/omitted", "/skipped/0/delegate", "/rule/delegate", "/sticky", "/fault", "/cors"]
    {
        let empty = |answer: &Value| answer.pointer(part).is_none_or(|it| it.is_null() || *it == json!([]));
        assert!(!answers.iter().all(empty), "no answer has {part}");
    }
    let actions: std::collections::BTreeSet<&str> =
        answers.iter().map(|answer| answer["action"].as_str().unwrap()).collect();
    assert_eq!(actions.len(), 7, "{actions:?}");
}

/// Where objects stand in a value.
fn pointers(value: &Value, at: &str, all: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            all.push(at.to_owned());
            fields.iter().for_each(|(key, value)| pointers(value, &format!("{at}/{key}"), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| pointers(value, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

/// What was explained is what a test holds resources to: all of it passes, and fails where the resources say otherwise.
#[test]
fn a_case_that_is_written_is_one_that_passes() {
    let folder = folder("explain-case");
    let (mesh, cases) = (folder.join("mesh.yaml"), folder.join("cases.yaml").display().to_string());
    let text = fs::read_to_string(root().join(SHOP)).unwrap();
    fs::write(&mesh, &text).unwrap();
    let mesh = mesh.display().to_string();
    let preflight = ["-X", "OPTIONS", "-H", "origin: https://a.example", "-H", "access-control-request-method: PUT"];
    let questions: [&[&str]; 8] = [
        &["http://shop.example.com/orders", "-H", "x-user: elena", "-H", "X-Secret: 1, 2"],
        &["http://shop.example.com/orders?a=1"],
        &[&["http://shop.example.com/orders"][..], &preflight].concat(),
        &["http://shop.example.com/moved?to=new"],
        &["http://shop.example.com/teapot"],
        &["http://shop.example.com/nothing"],
        &["http://payments/"],
        &["http://payments/", "--from", "shop,app=web"],
    ];
    for question in questions {
        let ran = run(&[&["explain", &mesh, "--write-case", &cases], question].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("a case is written to"), "{}", ran.err);
    }
    let written = fs::read_to_string(&cases).unwrap();
    // What has the same proxy stands together; whoever reads it reads the resources beside it.
    assert_eq!(written.matches("---\n").count(), 2, "{written}");
    assert_eq!(written.matches("resources: [mesh.yaml]\n").count(), 3, "{written}");
    let passes = run(&["test", "--cases", &cases]);
    assert_eq!(passes.code, 0, "{}{}\n{written}", passes.out, passes.err);
    assert!(passes.out.contains("8 "), "{}", passes.out);

    for (from, to) in [
        ("weight: 75", "weight: 74"),
        ("redirectCode: 308", "redirectCode: 301"),
        ("short and stout", "tall"),
        ("set: {x-why: moved}", "set: {x-why: other}"),
        ("rewrite: {uri: /v1/orders,", "rewrite: {uri: /v2/orders,"),
        ("remove: [x-secret]", "remove: [x-other]"),
        ("mirrorPercentage: {value: 25}", "mirrorPercentage: {value: 26}"),
        ("sourceLabels: {app: web}", "sourceLabels: {app: other}"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&mesh, text.replace(from, to)).unwrap();
        let fails = run(&["test", "--cases", &cases]);
        assert_eq!(fails.code, 1, "{to}: {}{}", fails.out, fails.err);
    }

    let broken = folder.join("broken.yaml").display().to_string();
    fs::write(&broken, "cases: [").unwrap();
    let ran = run(&["explain", &mesh, "http://payments/", "--write-case", &broken]);
    assert_eq!((ran.code, fs::read_to_string(&broken).unwrap().as_str()), (2, "cases: ["));
    assert!(ran.err.contains("it is no case file"), "{}", ran.err);
    let nowhere = folder.join("no/such/folder.yaml").display().to_string();
    assert_eq!(run(&["explain", &mesh, "http://payments/", "--write-case", &nowhere]).code, 2);
}

/// Two VirtualServices of a host, a delegate, and a Gateway that serves one of them.
const SEVERAL: &str = "\
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gw},
 spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.example]}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: root}, spec: {
  hosts: [a.example], gateways: [gw], http: [
  {name: shop, match: [{uri: {prefix: /shop}}, {uri: {prefix: /other}}], delegate: {name: shop, namespace: team}},
  {match: [{port: 81}], redirect: {uri: /port}},
  {redirect: {uri: /all}},
  {redirect: {uri: /never}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop, namespace: team}, spec: {http: [
  {match: [{headers: {x-beta: {exact: 'yes'}}}], directResponse: {status: 201}},
  {name: all, directResponse: {status: 202}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: meshed}, spec: {
  hosts: [a.example], http: [{redirect: {uri: /mesh}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: kept, namespace: team}, spec: {
  hosts: ['*.example'], gateways: [default/gw], exportTo: ['.'], http: [{redirect: {uri: /kept}}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: elsewhere}, spec: {
  hosts: [b.example], http: [{redirect: {uri: /b}}]}}
";

#[test]
fn a_delegates_rule_is_told_with_both_places() {
    let answer = |args: &[&str]| -> Value {
        let ran = run_with(&[&["explain", "-", "-o", "json"], args].concat(), SEVERAL);
        assert_eq!(ran.code, 0, "{}", ran.err);
        serde_json::from_str(&ran.out).unwrap()
    };
    let it = answer(&["http://a.example/shop/x"]);
    assert_eq!(
        (&it["status"], &it["virtual_service"], &it["route_name"]),
        (&json!(202), &json!("default/root"), &json!("shop-all"))
    );
    let delegate = json!({"virtual_service": "team/shop", "index": 1, "match": null, "file": "<stdin>", "line": 13});
    assert_eq!(
        (&it["rule"]["index"], &it["rule"]["match"], &it["rule"]["delegate"]),
        (&json!(0), &json!(0), &delegate)
    );
    // Each block of the delegate's rule with each of those that delegate.
    let skipped = it["skipped"].as_array().unwrap();
    let told: Vec<_> =
        skipped.iter().map(|it| (&it["match"], &it["delegate"]["match"], it["because"].as_str().unwrap())).collect();
    let header = "headers `x-beta` exact `yes` asks for a header that the request does not have";
    let expected =
        [(&json!(0), &json!(0), header), (&json!(1), &json!(0), "uri prefix `/other` does not match `/shop/x`")];
    assert_eq!(told, expected);
    let beta = answer(&["http://a.example/other", "-H", "x-beta: yes"]);
    assert_eq!(
        (&beta["status"], &beta["rule"]["match"], &beta["rule"]["delegate"]["index"]),
        (&json!(201), &json!(1), &json!(0))
    );
}

/// Whatever has the host and plays no part is told, with its place and its reason; what is about other hosts is not.
#[test]
fn what_plays_no_part_is_told() {
    let ran = run_with(&["explain", "-", "http://a.example/x"], SEVERAL);
    let (_, told) = ran.out.split_once("plays no part here\n").unwrap_or_else(|| panic!("{}", ran.out));
    for expected in [
        "default/root spec.http[1].match[0]  <stdin>:7\n      it is for port 81 alone\n",
        "default/root spec.http[3]  <stdin>:9\n      spec.http[2] takes every request before it\n",
        "default/meshed  <stdin>:15\n      it is bound to no Gateway, so that it is for the mesh alone\n",
        "team/kept  <stdin>:18\n      `exportTo` keeps it in its own namespace\n",
    ] {
        assert!(told.contains(expected), "{expected}{told}");
    }
    assert!(!told.contains("elsewhere"), "{told}");
    assert_eq!(told.matches("\n      ").count(), 4, "{told}");
}
