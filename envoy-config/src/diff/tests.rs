use super::*;
use crate::input::{Source, loaded};

fn set(text: &str) -> Resources {
    loaded(vec![Source { name: "a.yaml".into(), text: text.into() }]).set
}

fn said(old: &str, new: &str) -> Vec<String> {
    changes(&set(old), &set(new)).iter().map(ToString::to_string).collect()
}

fn web(http: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: web, namespace: shop}}\nspec:\n  hosts: [web.example]\n  http:\n{http}"
    )
}

#[test]
fn weights_are_said_by_version() {
    let split = |v1: u32, v2: u32| {
        web(&format!(
            "  - route:\n    - {{destination: {{host: reviews, subset: v1}}, weight: {v1}}}\n    - {{destination: {{host: reviews, subset: v2}}, weight: {v2}}}\n"
        ))
    };
    let changes = changes(&set(&split(90, 10)), &set(&split(50, 50)));
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!(change.to_string(), "shop/web http[0]: reviews v1 90 -> 50, v2 10 -> 50");
    assert_eq!((change.path.as_str(), change.what), ("spec.http[0].route", What::Changed));
    assert_eq!(change.new.as_ref().map(|at| at.line), Some(7));
    assert_eq!(change.before[0]["weight"], 90);
}

#[test]
fn a_split_that_begins_and_one_that_ends() {
    let one = "  - route: [{destination: {host: reviews, subset: v1}}]\n";
    let two = "  - route:\n    - {destination: {host: reviews.shop.svc.cluster.local, subset: v1}, weight: 90}\n    - {destination: {host: reviews, subset: v2}, weight: 10}\n";
    assert_eq!(
        said(&web(one), &web(two)),
        ["shop/web http[0]: reviews.shop.svc.cluster.local v1 all -> 90, + reviews v2 10"]
    );
    let other = "  - route: [{destination: {host: carts, port: {number: 81}}}]\n";
    assert_eq!(said(&web(one), &web(other)), ["shop/web http[0]: reviews v1 -> carts:81"]);
    assert!(said(&web(one), &web(&one.replace("v1}}", "v1}, weight: 100}"))).is_empty());
}

#[test]
fn rules_in_the_words_of_the_resource() {
    let rule = |name: &str, prefix: &str, rest: &str| {
        format!(
            "  - name: {name}\n    match: [{{uri: {{prefix: {prefix}}}}}]\n    route: [{{destination: {{host: api.shop}}}}]\n{rest}"
        )
    };
    let old = web(&[rule("a", "/a", ""), rule("orders", "/orders", "    timeout: 3s\n")].concat());
    let new = web(&[rule("a", "/a", ""), rule("orders", "/orders", "    timeout: 5s\n")].concat());
    assert_eq!(said(&old, &new), ["shop/web http[1] \"orders\": timeout 3s -> 5s"]);
    let same = web(&[rule("a", "/a", ""), rule("orders", "/orders", "    timeout: 3000ms\n")].concat());
    assert_eq!(said(&old, &same), [""; 0]);
    let more =
        web(&[rule("a", "/a", ""), rule("orders", "/orders", "    timeout: 3s\n"), rule("new", "/api", "")].concat());
    assert_eq!(said(&old, &more), ["shop/web http[2] \"new\": new rule (uri prefix `/api`) -> api.shop"]);
    assert_eq!(said(&more, &old), ["shop/web http[2] \"new\": rule removed (uri prefix `/api`) -> api.shop"]);
    let turned = web(&[rule("orders", "/orders", "    timeout: 3s\n"), rule("a", "/a", "")].concat());
    assert_eq!(said(&old, &turned).len(), 1, "{:?}", said(&old, &turned));
    assert!(said(&old, &turned)[0].contains("moved "), "{:?}", said(&old, &turned));
    let between =
        web(&[rule("a", "/a", ""), rule("x", "/x", ""), rule("orders", "/orders", "    timeout: 4s\n")].concat());
    assert_eq!(
        said(&old, &between),
        [
            "shop/web http[1] \"x\": new rule (uri prefix `/x`) -> api.shop",
            "shop/web http[2] \"orders\" (http[1] before): timeout 3s -> 4s"
        ]
    );
}

#[test]
fn matches_part_by_part() {
    let rule =
        |blocks: &str| web(&format!("  - match: [{blocks}]\n    route: [{{destination: {{host: api.shop}}}}]\n"));
    for (old, new, expected) in [
        ("{uri: {exact: /a}}", "{uri: {prefix: /a}}", "match uri exact `/a` -> prefix `/a`"),
        ("{uri: {exact: /a}}", "{uri: {exact: /a}, method: {exact: GET}}", "match + method exact `GET`"),
        (
            "{uri: {exact: /a}, headers: {x: {exact: '1'}}}",
            "{uri: {exact: /a}, headers: {x: {}}}",
            "match headers `x` exact `1` -> present",
        ),
        ("{uri: {exact: /a}}", "{uri: {exact: /a}}, {uri: {exact: /b}, port: 80}", "match + (uri exact `/b`, port 80)"),
        ("{uri: {exact: /a}}", "", "match (uri exact `/a`) -> (any request)"),
        (
            "{uri: {exact: /a}}",
            "{uri: {exact: /a}, ignoreUriCase: true}",
            "match uri exact `/a` -> exact `/a` in any case",
        ),
    ] {
        assert_eq!(said(&rule(old), &rule(new)), [format!("shop/web http[0]: {expected}")]);
    }
}

#[test]
fn the_rest_of_a_rule_is_said_field_by_field() {
    let rule = |rest: &str| web(&format!("  - route: [{{destination: {{host: api.shop}}}}]\n{rest}"));
    for (old, new, expected) in [
        ("", "    timeout: 5s\n", "+ timeout 5s"),
        (
            "    retries: {attempts: 2, retryOn: 5xx}\n",
            "    retries: {retry_on: 5xx, attempts: 3}\n",
            "retries.attempts 2 -> 3",
        ),
        ("", "    mirror: {host: copy, subset: v2}\n", "+ mirror copy v2"),
        ("    rewrite: {uri: /}\n", "", "- rewrite {uri: /}"),
        (
            "    headers: {request: {set: {x-a: a b}}}\n",
            "    headers: {request: {set: {x-a: b}}}\n",
            "headers.request.set.x-a `a b` -> b",
        ),
        (
            "    fault: {abort: {httpStatus: 500, percentage: {value: 10}}}\n",
            "    fault: {abort: {httpStatus: 500, percentage: {value: 20.5}}}\n",
            "fault.abort.percentage.value 10 -> 20.5",
        ),
    ] {
        assert_eq!(said(&rule(old), &rule(new)), [format!("shop/web http[0]: {expected}")]);
    }
}

#[test]
fn what_belongs_to_the_whole_virtual_service() {
    let old = web("  - route: [{destination: {host: api.shop}}]\n");
    for (from, to, expected) in [
        ("hosts: [web.example]", "hosts: [a.example, web.example]", "hosts + a.example"),
        ("hosts: [web.example]", "hosts: [web.example]\n  gateways: [mesh]", ""),
        ("hosts: [web.example]", "hosts: [web.example]\n  gateways: [shop/gw, mesh]", "gateways + shop/gw"),
        ("hosts: [web.example]", "hosts: [web.example]\n  exportTo: ['.']", "+ exportTo [.]"),
        (
            "namespace: shop}",
            "namespace: shop, annotations: {sailcloth.dev/sticky: source-ip, other: x}}",
            "+ annotation sailcloth.dev/sticky source-ip",
        ),
        ("networking.istio.io/v1\n", "networking.istio.io/v1beta1\n", ""),
    ] {
        let new = old.replace(from, to);
        assert_ne!(old, new, "{from}");
        let expected: Vec<String> =
            Some(expected).filter(|it| !it.is_empty()).map(|it| format!("shop/web: {it}")).into_iter().collect();
        assert_eq!(said(&old, &new), expected, "{to}");
    }
    assert_eq!(said("", &old), ["shop/web: new VirtualService, 1 rule for web.example"]);
    assert_eq!(said(&old, ""), ["shop/web: removed VirtualService, 1 rule for web.example"]);
}

#[test]
fn other_kinds() {
    let rule = |spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: reviews, namespace: shop}}\nspec:\n  host: reviews\n{spec}"
        )
    };
    let subsets = |versions: &[(&str, &str)]| {
        let items: Vec<_> = versions
            .iter()
            .map(|(name, version)| format!("{{name: {name}, labels: {{version: {version}}}}}"))
            .collect();
        rule(&format!("  subsets: [{}]\n", items.join(", ")))
    };
    assert_eq!(
        said(&subsets(&[("v1", "v1"), ("v2", "v2")]), &subsets(&[("v3", "v3"), ("v1", "one"), ("v2", "v2")])),
        [
            "DestinationRule shop/reviews: subset v3 added",
            "DestinationRule shop/reviews: subset v1 labels.version v1 -> one"
        ]
    );
    let pool =
        |max: u32| rule(&format!("  trafficPolicy: {{connectionPool: {{http: {{http2MaxRequests: {max}}}}}}}\n"));
    assert_eq!(
        said(&pool(10), &pool(20)),
        ["DestinationRule shop/reviews: trafficPolicy.connectionPool.http.http2MaxRequests 10 -> 20"]
    );
    let gateway = |hosts: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw}}\nspec: {{selector: {{a: b}}, servers: [{{port: {{number: 443, name: s, protocol: HTTPS}}, hosts: ['*']}}, {{port: {{number: 80, name: http, protocol: HTTP}}, hosts: [{hosts}]}}]}}\n"
        )
    };
    assert_eq!(
        said(&gateway("b.example"), &gateway("a.example, b.example")),
        ["Gateway default/gw: server 80 hosts + a.example"]
    );
    let service = |extra: &str, port: u32| {
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: api, labels: {{a: '{port}'}}}}\nspec: {{ports: [{{name: http, port: 80, targetPort: {port}}}], {extra}}}\n"
        )
    };
    // What Kubernetes alone looks at is none of ours.
    assert_eq!(said(&service("a: b", 1), &service("sessionAffinity: None", 1)), [""; 0]);
    assert_eq!(
        said(&service("a: b", 8080), &service("a: b", 9090)),
        ["Service default/api: port 80 targetPort 8080 -> 9090"]
    );
    let sidecar = |hosts: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: s}}\nspec: {{egress: [{{hosts: [{hosts}]}}]}}\n"
        )
    };
    assert_eq!(
        said(&sidecar("./*"), &sidecar("./*, istio-system/*")),
        ["Sidecar default/s: egress[0].hosts + istio-system/*"]
    );
}

#[test]
fn what_people_write_does_nothing_to_a_terminal() {
    let rule = |value: &str| {
        web(&format!("  - route: [{{destination: {{host: api.shop}}}}]\n    rewrite: {{authority: \"{value}\"}}\n"))
    };
    let said = said(&rule("a"), &rule("\\e[31mred"));
    assert_eq!(said, ["shop/web http[0]: rewrite.authority a -> `\\x1b[31mred`"]);
}
