//! What VirtualServices do to each other's rules, and names that are there in another namespace.

use shared::finding::Code::{
    ConflictingMeshGatewayVirtualServiceHosts as Conflict, LiteralPattern as Literal, OvershadowedRule as Overshadowed,
    ReferencedResourceNotFound as NotFound, WeightsNotHundred as NotHundred,
};

use crate::{Expected, assert_row, rule};

/// A VirtualService of so many rules, each a line from the seventh on.
fn service(name: &str, spec: &str, rules: &[&str]) -> String {
    let rule = |rule: &&str| {
        format!("  - {{{rule}{}route: [{{destination: {{host: web}}}}]}}\n", if rule.is_empty() { "" } else { ", " })
    };
    let rules: String = rules.iter().map(rule).collect();
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{{name}}}\nspec:\n  {spec}\n  http:\n{rules}"
    )
}

/// `name: a` and `name: b`, of which the second one's first rule stands in this line.
fn two(first: &[&str], second: &[&str]) -> (String, u32) {
    let spec = "{hosts: [a.x], gateways: [gw]}".trim_matches(['{', '}']).replace(", ", "\n  ");
    let (a, b) = (service("name: a", &spec, first), service("name: b", &spec, second));
    let lines: u32 = a.lines().map(|_| 1).sum();
    (format!("{a}---\n{b}"), lines + 9)
}

#[test]
fn rules_of_another_virtual_service_come_before() {
    let get = "match: [{method: {exact: GET}}]";
    for (behaviour, first, second, dead) in [
        ("two that take everything", &[""][..], &[""][..], &[0][..]),
        ("one that takes everything comes last", &[""], &["match: [{uri: {prefix: /a}}]", get], &[]),
        (
            "a prefix that takes everything comes last as well",
            &["match: [{uri: {prefix: /}}]"],
            &["match: [{uri: {prefix: /a}}]"],
            &[],
        ),
        ("in other words", &["match: [{uri: {prefix: /}}]"], &["match: [{uri: {regex: .*}}]"], &[0]),
        ("not where it asks for something", &["match: [{uri: {prefix: /}, method: {exact: GET}}]"], &[""], &[]),
        ("the same match", &[get, ""], &[get], &[0]),
        (
            "a longer path",
            &["match: [{uri: {prefix: /a}}]"],
            &["match: [{uri: {prefix: /a/b}}, {uri: {exact: /a}}]", ""],
            &[0],
        ),
        (
            "one path of two",
            &["match: [{uri: {prefix: /a}}]"],
            &["match: [{uri: {prefix: /a/b}}, {uri: {exact: /b}}]"],
            &[],
        ),
        (
            "a prefix with a condition for all paths",
            &["match: [{uri: {prefix: /}, headers: {x: {exact: a}}}]"],
            &["match: [{uri: {prefix: /a}, headers: {x: {exact: a}}}]"],
            &[0],
        ),
        ("for one port", &["match: [{port: 80}]"], &[""], &[]),
    ] {
        let (text, line) = two(first, second);
        let paths: Vec<String> = dead.iter().map(|index| format!("spec.http[{index}]")).collect();
        let expected: Vec<Expected<'_>> = paths
            .iter()
            .zip(line..)
            .map(|(path, line)| {
                (
                    Overshadowed,
                    path.as_str(),
                    line,
                    "the rules of `default/a` for the same host come before it, since its name comes first",
                )
            })
            .collect();
        assert_row(behaviour, &text, &expected);
    }
}

#[test]
fn who_is_older_and_where() {
    let gateways = |gateways: &str| format!("hosts: [a.x]\n  gateways: [{gateways}]");
    let old = "name: z, creationTimestamp: '2020-01-01T00:00:00Z'";
    let young = "name: a, creationTimestamp: '2021-01-01T00:00:00Z'";
    let older = "`default/z` for the same host come before it, since it is older";
    let gateway = |name: &str, host: &str| {
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\nspec: {{servers: [{{port: {{number: 80, name: http, protocol: HTTP}}, hosts: ['{host}']}}], selector: {{a: b}}}}\n"
        )
    };
    for (behaviour, young_spec, old_spec, expected) in [
        ("the same gateway", gateways("gw"), gateways("gw"), &[(Overshadowed, "spec.http[0]", 8, older)][..]),
        (
            "one of its gateways",
            gateways("gw, other"),
            gateways("gw"),
            &[(Overshadowed, "spec.http[0]", 8, "for `a.x` no request comes")],
        ),
        ("other gateways", gateways("other"), gateways("gw"), &[]),
        (
            "the mesh as well",
            gateways("gw, mesh"),
            gateways("gw"),
            &[(Overshadowed, "spec.http[0]", 8, "for `a.x` no request comes")],
        ),
        (
            "hosts that the gateway makes the same",
            "hosts: ['*.x']\n  gateways: [other]".into(),
            gateways("other"),
            &[(Overshadowed, "spec.http[0]", 8, older)],
        ),
        (
            "one of its hosts",
            "hosts: [b.x, a.x]\n  gateways: [gw]".into(),
            gateways("gw"),
            &[(Overshadowed, "spec.http[0]", 8, "for `a.x` no request comes")],
        ),
        ("hosts of which one takes the other", "hosts: ['*.x']\n  gateways: [gw]".into(), gateways("gw"), &[]),
    ] {
        let text = format!(
            "{}---\n{}{}",
            service(young, &young_spec, &[""]),
            service(old, &old_spec, &[""]),
            gateway("other", "a.x")
        );
        assert_row(behaviour, &text, expected);
    }
}

#[test]
fn who_has_a_host_of_the_mesh() {
    let text =
        format!("{}---\n{}", service("name: b", "hosts: [web]", &[""]), service("name: a", "hosts: [web]", &[""]));
    assert_row(
        "the name counts of equally old ones",
        &text,
        &[
            (
                Conflict,
                "spec.hosts[0]",
                5,
                "`default/a` has it, whose name comes first, and the rules here have no effect",
            ),
            (Conflict, "spec.hosts[0]", 13, "this one has it, since its name comes first"),
        ],
    );
    let old = "name: b, creationTimestamp: '2020-01-01T00:00:00Z'";
    let young = "name: a, creationTimestamp: '2021-01-01T00:00:00Z'";
    let text = format!("{}---\n{}", service(old, "hosts: [web]", &[""]), service(young, "hosts: [web]", &[""]));
    assert_row(
        "the older one",
        &text,
        &[
            (Conflict, "spec.hosts[0]", 5, "this one has it, since it is older"),
            (Conflict, "spec.hosts[0]", 13, "`default/b` has it, which is older"),
        ],
    );
}

#[test]
fn names_of_another_namespace() {
    let other = "---\napiVersion: v1\nkind: Service\nmetadata: {name: orders, namespace: shop}\nspec: {ports: [{port: 80, name: http}]}\n---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge, namespace: istio-system}\nspec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}], selector: {a: b}}\n";
    let text = rule("route: [{destination: {host: orders}}]\n").replace("  hosts", "  gateways: [edge]\n  hosts");
    assert_row(
        "a service and a Gateway",
        &format!("{text}{other}"),
        &[
            (NotFound, "spec.gateways[0]", 6, "`istio-system/edge` exists: write that"),
            (
                NotFound,
                "spec.http[0].route[0].destination.host",
                10,
                "`orders.shop.svc.cluster.local` exists: write that, or give this resource `namespace: shop`",
            ),
        ],
    );
    let text = rule("route: [{destination: {host: orders.shop.svc}}]\n");
    assert_row(
        "a name that is cut short",
        &format!("{text}{other}"),
        &[(NotFound, "spec.http[0].route[0].destination.host", 9, "write `orders.shop.svc.cluster.local`")],
    );
}

#[test]
fn signs_of_regexes_where_texts_are_taken_as_they_stand() {
    for (text, path, hint) in [
        ("uri: {prefix: /orders/.*}", "uri.prefix", "write `prefix: /orders/`"),
        ("uri: {prefix: /orders/*}", "uri.prefix", "write `prefix: /orders/`"),
        ("uri: {prefix: '/a/.*/b'}", "uri.prefix", "write `regex` in place of `prefix`"),
        ("uri: {exact: '/a/*'}", "uri.exact", "write `prefix: /a/`"),
        ("uri: {exact: '/a.*'}", "uri.exact", "write `regex` in place of `exact`"),
        ("headers: {x: {exact: '*'}}", "headers.x.exact", "for any value write `{}`"),
        ("queryParams: {x: {exact: '\\d+'}}", "queryParams.x.exact", "write `regex` in place of `exact`"),
    ] {
        let path = format!("spec.http[0].match[0].{path}");
        let text = rule(&format!("match: [{{{text}}}]\nroute: [{{destination: {{host: web}}}}]\n"));
        assert_row(&text, &text, &[(Literal, &path, 9, hint)]);
    }
    for fine in ["uri: {prefix: /a.b}", "uri: {regex: '/a/.*'}", "uri: {exact: '/a*b'}", "headers: {x: {exact: a.b}}"] {
        let text = rule(&format!("match: [{{{fine}}}]\nroute: [{{destination: {{host: web}}}}]\n"));
        assert_row(fine, &text, &[]);
    }
}

#[test]
fn weights_that_are_no_percentages() {
    for (weights, said) in [
        (&[50, 40][..], Some("add up to 90, and not to 100: they come to 55.6 %, 44.4 %")),
        (&[90, 20], Some("81.8 %, 18.2 %")),
        (&[20, 20, 20, 20, 20, 20, 0], Some("16.7 %, 16.7 %, 16.7 %, 16.7 %, 16.7 %, and so on")),
        (&[50], Some("gets all of its requests, whatever its weight of 50")),
        (&[100], None),
        (&[0], None),
        (&[1, 1], None),
        (&[9, 1], None),
        (&[900, 100], None),
        (&[90, 10], None),
    ] {
        let ways: String =
            weights.iter().map(|weight| format!("- {{destination: {{host: web}}, weight: {weight}}}\n")).collect();
        let expected: Vec<Expected<'_>> =
            said.iter().map(|said| (NotHundred, "spec.http[0].route", 9, *said)).collect();
        assert_row(&format!("{weights:?}"), &rule(&format!("route:\n{ways}")), &expected);
    }
}
