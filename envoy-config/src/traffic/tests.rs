use super::*;
use crate::input::{Source, loaded};

/// A mesh of two services, one of them with versions, and what a test adds to it.
fn set(more: &str) -> Resources {
    let services = "
{apiVersion: v1, kind: Service, metadata: {name: api, namespace: shop}, spec: {ports: [{name: http, port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: copy, namespace: shop}, spec: {ports: [{name: http, port: 8080}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: api, namespace: shop}
spec: {host: api, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]}
---
";
    loaded(vec![Source { name: "a.yaml".into(), text: format!("{services}{more}") }]).set
}

fn rules(rules: &str) -> Resources {
    let head = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: api, namespace: shop}\nspec:\n  hosts: [api]\n  http:\n";
    set(&format!("{head}{rules}"))
}

/// What becomes otherwise of requests made from the rules, in words: each once, without the requests.
fn said(old: &Resources, new: &Resources) -> Vec<String> {
    let report = Traffic::new(old, new, None).of_rules();
    let mut all: Vec<String> = report
        .differences
        .iter()
        .flat_map(|group| &group.changes)
        .map(|change| format!("{}{} -> {}", words::label(change.aspect), change.before, change.after))
        .collect();
    all.sort();
    all.dedup();
    all
}

/// The same of one rule for everything, with these fields before and after.
fn fields(old: &str, new: &str) -> Vec<String> {
    let rule = |fields: &str| rules(&format!("  - route: [{{destination: {{host: api, subset: v1}}}}]\n{fields}"));
    said(&rule(old), &rule(new))
}

fn log(text: &str, old: &Resources, new: &Resources) -> Report {
    let traffic = Traffic::new(old, new, None);
    let wanted = traffic.wanted();
    traffic.of_log(&log::read(text.as_bytes(), &wanted).unwrap(), &wanted, "log")
}

#[test]
fn each_aspect_has_its_words() {
    for (old, new, expected) in [
        ("", "    timeout: 1500ms\n", vec!["timeout none -> 1.5s"]),
        ("    rewrite: {uri: /x}\n", "    rewrite: {uri: /y}\n", vec!["path /x -> /y"]),
        ("", "    rewrite: {authority: b.example}\n", vec!["authority as asked -> b.example"]),
        (
            "",
            "    mirror: {host: copy, port: {number: 8080}}\n    mirrorPercentage: {value: 12.5}\n",
            vec!["mirrors none -> copy.shop:8080 12.5 %"],
        ),
        (
            "    fault: {abort: {httpStatus: 503, percentage: {value: 10}}}\n",
            "    fault: {delay: {fixedDelay: 2s, percentage: {value: 100}}}\n",
            vec!["503 by a fault 10 %, api.shop v1 90 % -> v1", "delay none -> 2s"],
        ),
        (
            "    headers: {request: {set: {x-a: '1'}}}\n",
            "    headers: {request: {set: {x-a: '2'}}, response: {remove: [server]}}\n",
            vec!["request headers set x-a 1 -> set x-a 2", "response headers none -> remove server"],
        ),
        (
            "    retries: {attempts: 3, retryOn: 5xx, perTryTimeout: 2s}\n",
            "    retries: {attempts: 0}\n",
            vec!["retries 3 on 5xx, 2s each -> none at all"],
        ),
        ("    retries: {attempts: 3, retryOn: 5xx}\n", "", vec!["retries 3 on 5xx -> the default"]),
        // What says the same in other words.
        ("    timeout: 1s\n", "    timeout: 1000ms\n", vec![]),
        (
            "    mirror: {host: copy}\n",
            "    mirrors: [{destination: {host: copy}, percentage: {value: 100}}]\n",
            vec![],
        ),
    ] {
        assert_eq!(fields(old, new), expected, "{old} -> {new}");
    }
}

#[test]
fn answers_that_need_no_destination() {
    let redirect = |to: &str| rules(&format!("  - redirect: {{{to}}}\n"));
    let direct = |body: &str| rules(&format!("  - directResponse: {{status: 200, body: {{string: {body}}}}}\n"));
    let shop = "http://api.shop.svc.cluster.local";
    let to = said(&redirect("uri: /a"), &redirect("uri: /b"));
    assert!(to.iter().all(|it| it.starts_with("location http://") && it.contains("/a -> http://")), "{to:?}");
    assert!(to.contains(&format!("location {shop}/a -> {shop}/b")) || !to.is_empty(), "{to:?}");
    assert_eq!(said(&direct("one"), &direct("two")), ["body one -> two"]);
    assert_eq!(
        said(&direct("one"), &rules("  - route: [{destination: {host: api}}]\n")),
        ["200 -> api.shop", "body one -> none"]
    );
}

#[test]
fn versions_that_change_places_are_otherwise_though_their_shares_are_not() {
    let split = |v1: &str, v2: &str| {
        rules(&format!(
            "  - route:\n    - {{destination: {{host: api, subset: v1}}, weight: 50, headers: {{request: {{set: {{x: {v1}}}}}}}}}\n    - {{destination: {{host: api, subset: v2}}, weight: 50, headers: {{request: {{set: {{x: {v2}}}}}}}}}\n"
        ))
    };
    let report = Traffic::new(&split("a", "b"), &split("b", "a"), None).of_rules();
    assert!(report.otherwise > 0 && report.otherwise == report.requests - report.same);
    assert!(said(&split("a", "b"), &split("a", "b")).is_empty());
}

#[test]
fn a_listener_that_one_side_has_not_is_said() {
    let gateway = |port: u16| {
        set(&format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: shop}}\nspec: {{selector: {{a: b}}, servers: [{{port: {{number: {port}, name: http, protocol: HTTP}}, hosts: ['*']}}]}}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: api, namespace: shop}}\nspec: {{hosts: ['*'], gateways: [gw], http: [{{route: [{{destination: {{host: api}}}}]}}]}}\n"
        ))
    };
    assert_eq!(said(&gateway(80), &gateway(81)), ["api.shop -> no listener", "no listener -> api.shop"]);
    // Ports that one machine could not have both are two places here.
    let both = said(&gateway(80), &gateway(8080));
    assert_eq!(both, ["api.shop -> no listener", "no listener -> api.shop"]);
}

#[test]
fn who_must_not_have_a_header_is_as_unclear_as_who_must() {
    let rule = |v: &str, asked: &str| {
        format!("  - match: [{{{asked}}}]\n    route: [{{destination: {{host: api, subset: {v}}}}}]\n")
    };
    let rest = "  - route: [{destination: {host: api}}]\n";
    let without = |v: &str| rules(&(rule(v, "withoutHeaders: {x-a: {}}") + rest));
    let line = |more: &str| format!("{{\"method\":\"GET\",\"path\":\"/\",\"authority\":\"api\"{more}}}\n");
    for (more, otherwise, undecided) in [("", 0, 1), (",\"x-a\":\"1\"", 0, 0), (",\"x-a\":\"-\"", 1, 0)] {
        let report = log(&line(more), &without("v1"), &without("v2"));
        assert_eq!((report.otherwise, report.undecided), (otherwise, undecided), "{more}: {report:?}");
    }
    // The same condition before and after is either true or not: both sides agree on it.
    let with = |v: &str| rules(&(rule("v1", "headers: {x-a: {exact: a}}") + &rule(v, "uri: {prefix: /}")));
    let report = log(&line(""), &with("v1"), &with("v1"));
    assert_eq!((report.same, report.undecided), (1, 0));
    let moved = rules(
        &(rule("v2", "headers: {x-b: {}}")
            + &rule("v1", "headers: {x-a: {exact: a}}")
            + &rule("v1", "uri: {prefix: /}")),
    );
    let report = log(&line(""), &with("v1"), &moved);
    assert_eq!(report.depends[0].conditions, ["headers `x-b` present"], "{report:?}");
}

#[test]
fn a_header_has_one_value() {
    let rule = |user: &str| {
        rules(&format!(
            "  - match: [{{headers: {{x-user: {{exact: {user}}}}}}}]\n    route: [{{destination: {{host: api, subset: v2}}}}]\n  - route: [{{destination: {{host: api, subset: v1}}}}]\n"
        ))
    };
    // Whoever is `a` goes to v1 now, and whoever is `b` to v2; all others stay where they are.
    let line = "{\"method\":\"GET\",\"path\":\"/\",\"authority\":\"api\"}\n";
    let report = log(line, &rule("a"), &rule("b"));
    assert_eq!(report.depends[0].conditions, ["headers `x-user` exact `a`", "headers `x-user` exact `b`"]);
    // With another version for everybody else no way is left that stays the same: nobody is `a` and `b` at once.
    let new = rules(
        "  - match: [{headers: {x-user: {exact: b}}}]\n    route: [{destination: {host: api, subset: v2}}]\n  - route: [{destination: {host: api}}]\n",
    );
    let report = log(line, &rule("a"), &new);
    assert_eq!((report.otherwise, report.undecided), (1, 0), "{report:?}");
    let AspectChange { before, after, .. } = &report.differences[0].changes[0];
    assert_eq!((before.as_str(), after.as_str()), ("api.shop v1 or api.shop v2", "api.shop or api.shop v2"));
}

#[test]
fn what_a_page_of_another_site_asks_depends_on_its_origin() {
    let cors = |origin: &str| {
        rules(&format!(
            "  - route: [{{destination: {{host: api}}}}]\n    corsPolicy: {{allowOrigins: [{{exact: 'https://{origin}'}}]}}\n"
        ))
    };
    let (old, new) = (cors("a.example"), cors("b.example"));
    let line = |more: &str| format!("{{\"method\":\"GET\",\"path\":\"/\",\"authority\":\"api\"{more}}}\n");
    for (more, otherwise, undecided) in
        [("", 0, 1), (",\"origin\":null", 0, 0), (",\"origin\":\"https://a.example\"", 1, 0)]
    {
        let report = log(&line(more), &old, &new);
        assert_eq!((report.otherwise, report.undecided), (otherwise, undecided), "{more}: {report:?}");
    }
    let said = said(&old, &new);
    assert!(said.iter().any(|it| it.contains("access-control-allow-origin https://a.example")), "{said:?}");
    assert!(said.iter().any(|it| it.starts_with("200 to a preflight -> api.shop")), "{said:?}");
}

#[test]
fn the_scheme_counts_where_a_gateway_wants_https() {
    let gateway = |https: bool| {
        set(&format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: shop}}\nspec: {{selector: {{a: b}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*'], tls: {{httpsRedirect: {https}}}}}]}}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: api, namespace: shop}}\nspec: {{hosts: ['*'], gateways: [gw], http: [{{route: [{{destination: {{host: api}}}}]}}]}}\n"
        ))
    };
    let line = |more: &str| format!("{{\"method\":\"GET\",\"path\":\"/a\",\"authority\":\"shop.example\"{more}}}\n");
    let report = log(&line(""), &gateway(false), &gateway(true));
    assert_eq!(report.differences[0].changes[0].after, "301", "{report:?}");
    let report = log(&line(",\"x_forwarded_proto\":\"https\""), &gateway(false), &gateway(true));
    assert_eq!((report.same, report.otherwise), (1, 0), "{report:?}");
}

/// Sailcloth does not open TLS; whoever does asks the same rules.
#[test]
fn servers_of_https_are_places_as_well() {
    let gateway = |subset: &str| {
        set(&format!(
            "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: gw, namespace: shop}}\nspec: {{selector: {{a: b}}, servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['*'], tls: {{httpsRedirect: true}}}}, {{port: {{number: 443, name: https, protocol: HTTPS}}, hosts: ['*'], tls: {{mode: SIMPLE, credentialName: c}}}}]}}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: api, namespace: shop}}\nspec: {{hosts: [shop.example], gateways: [gw], http: [{{route: [{{destination: {{host: api, subset: {subset}}}}}]}}]}}\n"
        ))
    };
    let (old, new) = (gateway("v1"), gateway("v2"));
    assert_eq!(said(&old, &new), ["api.shop v1 -> v2"]);
    let line = |more: &str| format!("{{\"method\":\"GET\",\"path\":\"/a\",\"authority\":\"shop.example\"{more}}}\n");
    for (more, listener) in [
        (",\"downstream_local_address\":\"10.0.0.1:8443\"", Some("gateway-443")),
        (",\"requested_server_name\":\"shop.example\"", Some("gateway-443")),
        // What is sent to https is sent there as before.
        (",\"downstream_local_address\":\"10.0.0.1:8080\"", None),
        ("", None),
    ] {
        let report = log(&line(more), &old, &new);
        assert_eq!(report.differences.first().map(|it| it.listener.as_str()), listener, "{more}: {report:?}");
    }
}

#[test]
fn rules_of_delegates_are_met_too() {
    let with = |subset: &str| {
        set(&format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: root, namespace: shop}}\nspec: {{hosts: [api], http: [{{match: [{{uri: {{prefix: /api}}}}], delegate: {{name: inner}}}}, {{route: [{{destination: {{host: api}}}}]}}]}}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: inner, namespace: shop}}\nspec: {{http: [{{match: [{{uri: {{prefix: /api/special}}}}], route: [{{destination: {{host: api, subset: {subset}}}}}]}}, {{route: [{{destination: {{host: api}}}}]}}]}}\n"
        ))
    };
    let report = Traffic::new(&with("v1"), &with("v2"), None).of_rules();
    let urls: Vec<&str> = report.differences.iter().flat_map(|it| &it.examples).map(|it| it.url.as_str()).collect();
    assert!(!urls.is_empty() && urls.iter().all(|url| url.contains("/api/special")), "{urls:?}");
    let rule = report.differences[0].after.rule.as_deref();
    assert_eq!(rule, Some("shop/root http[0] by its delegate shop/inner http[0]"));
}

#[test]
fn many_threads_say_what_one_says() {
    let split = |weight: u32| {
        rules(&format!(
            "  - match: [{{headers: {{x-a: {{}}}}, uri: {{prefix: /b}}}}]\n    route: [{{destination: {{host: copy}}}}]\n  - route:\n    - {{destination: {{host: api, subset: v1}}, weight: {weight}}}\n    - {{destination: {{host: api, subset: v2}}, weight: 50}}\n"
        ))
    };
    let (old, new) = (split(10), split(90));
    let line = |at: usize| {
        format!("{{\"method\":\"GET\",\"path\":\"/{}/{at}\",\"authority\":\"api\"}}\n", ["a", "b", "c"][at % 3])
    };
    let text: String = (0..3 * FEW).map(line).collect();
    let report = log(&text, &old, &new);
    let count = FEW as u64;
    assert_eq!((report.requests, report.otherwise, report.undecided), (3 * count, 2 * count, count));
    assert_eq!((report.differences.len(), report.depends.len()), (1, 1), "{report:?}");
    let (group, depends) = (&report.differences[0], &report.depends[0]);
    assert_eq!((group.count, group.line, group.url.as_str()), (2 * count, Some(1), "http://api/"));
    assert_eq!((depends.count, depends.line, depends.url.as_str()), (count, Some(2), "http://api/b/"));
}

#[test]
fn there_is_an_end_to_what_is_made() {
    let many = |timeout: u32| {
        let rule = |at: usize| {
            format!(
                "  - match: [{{uri: {{prefix: /a{at}}}, method: {{exact: GET}}}}]\n    timeout: {timeout}s\n    route: [{{destination: {{host: api}}}}]\n"
            )
        };
        rules(&(0..100).map(rule).collect::<String>())
    };
    let (old, new) = (many(1), many(2));
    let report = Traffic::new(&old, &new, None).of_rules_at_most(50);
    assert_eq!((report.bound, report.requests), (Some(50), 50));
    let report = Traffic::new(&old, &new, None).of_rules();
    assert!(report.bound.is_none() && report.requests > 200, "{report:?}");
}
