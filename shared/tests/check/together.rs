//! Resources together: references, rules that shadow each other, hosts that two claim.

use shared::finding::Code::{
    ConflictingMeshGatewayVirtualServiceHosts as Conflict, DestinationRuleSubsetNotSelectPods as NotSelected,
    NeverMatches, NoDelegate, NoEndpoints, OwnNamespaceAlone, ReferencedResourceNotFound as NotFound,
    UnknownDestinationRuleHost, VirtualServiceDestinationPortSelectorRequired as PortRequired,
    VirtualServiceHostNotFoundInGateway as NotServed, VirtualServiceIneffectiveMatch as Ineffective,
    VirtualServiceUnreachableRule as Unreachable,
};
use shared::finding::{Origin, Severity};

use crate::{Expected, assert_row, findings, rule};

fn service(name: &str, spec: &str) -> String {
    format!("---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec: {spec}\n")
}

const HTTP: &str = "http: [{route: [{destination: {host: web}}]}]";

#[test]
fn hosts_without_a_dot_are_out_of_reach() {
    let entry = "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: short}\nspec: {hosts: [short], \
                 resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\n";
    let yaml = service("a", "{hosts: [a.b], http: [{route: [{destination: {host: short}}]}]}") + entry;
    let found = findings(&yaml);
    let hint = found.iter().find(|finding| finding.code == NotFound).map(|finding| finding.hint.to_string());
    assert_eq!(
        hint.as_deref(),
        Some("a ServiceEntry's host without a dot is out of reach: there write `short.default.svc.cluster.local`")
    );
}

#[test]
fn references() {
    for (behaviour, body, expected) in [
        (
            "a service nobody defines",
            "route:\n- destination:\n    host: wbe",
            &[(NotFound, "spec.http[0].route[0].destination.host", 11, "did you mean `web`?")][..],
        ),
        (
            "a name that is not short for another namespace's service",
            "route: [{destination: {host: web.default}}]",
            &[(NotFound, "spec.http[0].route[0].destination.host", 9, "write `web.default.svc.cluster.local`")],
        ),
        (
            "a subset nobody defines",
            "route: [{destination: {host: web, subset: v3}}]",
            &[(NotFound, "spec.http[0].route[0].destination.subset", 9, "its subsets are v1, v2")],
        ),
        (
            "a subset without a DestinationRule",
            "route: [{destination: {host: api, subset: v1, port: {number: 80}}}]",
            &[
                (NotFound, "spec.http[0].route[0].destination.subset", 9, "add a DestinationRule for `api`"),
                (NoEndpoints, "spec.http[0].route[0].destination.host", 9, "`api.default.svc.cluster.local`"),
            ],
        ),
        (
            "a port that the service does not have",
            "route: [{destination: {host: web, port: {number: 81}}}]",
            &[(NotFound, "spec.http[0].route[0].destination.port.number", 9, "its ports are 80")],
        ),
        (
            "a port to choose",
            "route: [{destination: {host: api}}]",
            &[(PortRequired, "spec.http[0].route[0].destination", 9, "several ports: 80, 90")],
        ),
        (
            "a mirror nobody defines",
            "mirror: {host: wbe}\nroute: [{destination: {host: web}}]",
            &[(NotFound, "spec.http[0].mirror.host", 9, "did you mean `web`?")],
        ),
        (
            "a mirror's subset nobody defines",
            "route: [{destination: {host: web}}]\nmirrors:\n- destination: {host: web, subset: v3}",
            &[(NotFound, "spec.http[0].mirrors[0].destination.subset", 11, "its subsets are v1, v2")],
        ),
        ("a name in full", "route: [{destination: {host: web.default.svc.cluster.local, subset: v2}}]", &[]),
    ] {
        assert_row(behaviour, &rule(body), expected);
    }
    assert_row(
        "a gateway nobody defines",
        &service("x", &format!("{{hosts: [a.b], gateways: [mesh, default/gv], {HTTP}}}")),
        &[(NotFound, "spec.gateways[1]", 5, "did you mean `default/gw`?")],
    );
    assert_row(
        "subsets without endpoints, by labels of endpoints and of nodes",
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec:\n  host: web\n  subsets:\n  - {name: a, labels: {version: v1}}\n  - {name: b, labels: {version: v9}}\n  - {name: c, labels: {topology.kubernetes.io/zone: z}}",
        &[(NotSelected, "spec.subsets[1].labels", 8, "no endpoint of `web.default.svc.cluster.local`")],
    );
    assert_row(
        "a DestinationRule for nobody",
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec: {host: nobody}",
        &[(UnknownDestinationRuleHost, "spec.host", 4, "`nobody.default.svc.cluster.local`")],
    );
}

#[test]
fn rules_that_shadow_each_other() {
    let rules = |rules: &[&str]| {
        let rules: String =
            rules.iter().map(|one| format!("  - {{{one}, route: [{{destination: {{host: web}}}}]}}\n")).collect();
        service("x", &format!("\n  hosts: [web]\n  http:\n{rules}"))
    };
    for (behaviour, text, expected) in [
        (
            "rules behind one that matches everything",
            rules(&["name: all", "match: [{uri: {exact: /}}, {uri: {exact: /a}}]", "timeout: 1s"]),
            &[
                (Unreachable, "spec.http[1]", 9, "since the rule `all` matches everything"),
                (Unreachable, "spec.http[2]", 10, "since the rule `all` matches everything"),
            ][..],
        ),
        (
            "the same match again",
            rules(&["match: [{uri: {exact: /}}]", "match: [{name: x, uri: {exact: /}}, {uri: {exact: /a}}]"]),
            &[(Ineffective, "spec.http[1].match[0]", 9, "since `spec.http[0]` has the same match")],
        ),
        (
            "nothing but the same matches",
            rules(&["match: [{uri: {exact: /}}]", "match: [{uri: {exact: /}}]"]),
            &[
                (Ineffective, "spec.http[1].match[0]", 9, ""),
                (Unreachable, "spec.http[1]", 9, "earlier rules have all of its matches"),
            ],
        ),
        (
            "a longer prefix behind a shorter one",
            rules(&["match: [{uri: {prefix: /a}}]", "match: [{uri: {prefix: /a/b}, method: {exact: GET}}]"]),
            &[
                (Ineffective, "spec.http[1].match[0]", 9, "`spec.http[0]` matches the prefix `/a`"),
                (Unreachable, "spec.http[1]", 9, "earlier rules have all of its matches"),
            ],
        ),
        (
            "exact paths behind a prefix, beside one that is not",
            rules(&[
                "match: [{uri: {prefix: /a}}]",
                "match: [{uri: {exact: /a}}, {uri: {exact: /a/b}}, {uri: {exact: /b}}]",
            ]),
            &[
                (Ineffective, "spec.http[1].match[0]", 9, "`spec.http[0]` matches the prefix `/a`"),
                (Ineffective, "spec.http[1].match[1]", 9, "`spec.http[0]` matches the prefix `/a`"),
            ],
        ),
        (
            "rules behind a match that asks for nothing",
            rules(&["match: [{uri: {exact: /}}, {name: all, uri: {prefix: /}}]", "match: [{method: {exact: GET}}]"]),
            &[(Unreachable, "spec.http[1]", 9, "since `spec.http[0]` matches everything")],
        ),
        (
            "rules behind one that matches everything here or there",
            rules(&[
                "match: [{uri: {prefix: /}, port: 80}, {uri: {regex: .*}, sourceNamespace: x}]",
                "match: [{method: {exact: GET}}]",
            ]),
            &[],
        ),
        (
            "a longer prefix behind a shorter one that asks for more",
            rules(&[
                "match: [{uri: {prefix: /a}, method: {exact: GET}}, {uri: {prefix: /a}, headers: {x: {}}}, {uri: {prefix: /a}, port: 80}]",
                "match: [{uri: {prefix: /a/b}}]",
            ]),
            &[],
        ),
    ] {
        assert_row(behaviour, &text, expected);
    }
}

/// Each delegates from line 5, after a delegate of four lines.
#[test]
fn delegates() {
    let root = |rule: &str| {
        service("root", &format!("{{hosts: [web], http: [{rule}, {{route: [{{destination: {{host: web}}}}]}}]}}"))
    };
    let delegate = |spec: &str| service("child", spec);
    let child = "http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: web}}]}]";
    let path = "spec.http[0].delegate";
    for (behaviour, root, child, expected) in [
        ("it is there", root("{match: [{uri: {prefix: /a}}], delegate: {name: child}}"), format!("{{{child}}}"), None),
        (
            "another name",
            root("{match: [{uri: {prefix: /a}}], delegate: {name: chid}}"),
            format!("{{{child}}}"),
            Some(
                "`default/chid` is not among these resources; its requests are left to the rules behind (did you mean \
                  `default/child`?)",
            ),
        ),
        (
            "in no namespace",
            root("{match: [{uri: {prefix: /a}}], delegate: {name: child, namespace: ''}}"),
            format!("{{{child}}}"),
            None,
        ),
        (
            "one with hosts",
            root("{match: [{uri: {prefix: /a}}], delegate: {name: child}}"),
            format!("{{hosts: [x.y], {child}}}"),
            Some("`default/child` has `hosts`, and so is no delegate"),
        ),
        (
            "one that is for others",
            root("{match: [{uri: {prefix: /a}}], delegate: {name: child}}"),
            format!("{{exportTo: [other], {child}}}"),
            Some(
                "is not exported to the namespace `default`; its requests are left to the rules behind (add `default` to",
            ),
        ),
        (
            "a match beside the root's",
            root("{match: [{uri: {prefix: /b}}], delegate: {name: child}}"),
            format!("{{{child}}}"),
            Some("`spec.http[0]` of the delegate `default/child` has no effect here"),
        ),
    ] {
        let expected: Vec<Expected<'_>> = expected.map(|part| (NoDelegate, path, 10, part)).into_iter().collect();
        assert_row(behaviour, &format!("{}{root}", delegate(&child)), &expected);
    }
}

#[test]
fn hosts() {
    let (a, b) =
        (service("a", &format!("{{hosts: [x.y], {HTTP}}}")), service("b", &format!("{{hosts: [x.y, web], {HTTP}}}")));
    assert_row(
        "one host, two claims",
        &format!("{a}{b}"),
        &[(Conflict, "spec.hosts[0]", 5, "`default/b`"), (Conflict, "spec.hosts[0]", 10, "`default/a`")],
    );
    let gateway = service("c", &format!("{{hosts: [x.y], gateways: [gw], {HTTP}}}"));
    assert_row("at a gateway they are merged", &format!("{a}{gateway}"), &[]);
    let apart = service("b", &format!("{{hosts: [x.y], exportTo: [other], {HTTP}}}"));
    let own = service("a", &format!("{{hosts: [x.y], exportTo: ['.'], {HTTP}}}"));
    assert_row("claims that no proxy sees both", &format!("{own}{apart}"), &[]);
    let gateway = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: narrow}\nspec: {servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*.a.b', other/c.d, ./E.f]}]}\n";
    for (behaviour, host, fits) in [
        ("a host that is served", "x.a.b", true),
        ("a wildcard around it", "'*.b'", true),
        ("a host of the gateway's own namespace", "E.f", true),
        ("a host that is served in capitals", "e.f", false),
        ("a host that is not served", "x.y", false),
        ("a host that is served for another namespace", "c.d", false),
    ] {
        let text = format!("{gateway}{}", service("x", &format!("{{hosts: [{host}], gateways: [narrow], {HTTP}}}")));
        let expected = [(NotServed, "spec.gateways[0]", 9, "it serves *.a.b, E.f")];
        assert_row(behaviour, &text, if fits { &[] } else { &expected });
    }
}

#[test]
fn names_in_other_letters() {
    for (behaviour, text, expected) in [
        (
            "a destination",
            rule("route: [{destination: {host: WEB}}]"),
            &[(NotFound, "spec.http[0].route[0].destination.host", 9, "did you mean `web`?")][..],
        ),
        (
            "a subset",
            rule("route: [{destination: {host: web, subset: V1}}]"),
            &[(NotFound, "spec.http[0].route[0].destination.subset", 9, "did you mean `v1`?")],
        ),
        (
            "a DestinationRule",
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec: {host: Web}".to_owned(),
            &[(UnknownDestinationRuleHost, "spec.host", 4, "did you mean `web`?")],
        ),
        (
            "a ServiceEntry",
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: x}\nspec:\n  hosts: [a.b, A.c]\n  resolution: STATIC\n  ports: [{number: 80, name: http, protocol: HTTP}]".to_owned(),
            &[(NeverMatches, "spec.hosts[1]", 5, "sent to `a.c`")],
        ),
        (
            "two claims of one host",
            format!(
                "{}{}",
                service("a", &format!("{{hosts: [x.y], {HTTP}}}")),
                service("b", &format!("{{hosts: [X.y], {HTTP}}}"))
            ),
            &[(Conflict, "spec.hosts[0]", 5, "`default/b`"), (Conflict, "spec.hosts[0]", 10, "`default/a`")],
        ),
    ] {
        assert_row(behaviour, &text, expected);
    }
}

#[test]
fn destination_rules_of_other_namespaces() {
    let rule = |namespace: &str, host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: x, namespace: {namespace}}}\nspec: {{host: {host}}}"
        )
    };
    let web = "web.default.svc.cluster.local";
    let expected = [(OwnNamespaceAlone, "spec.host", 4, "proxies in the namespace `other`")];
    for (behaviour, text, expected) in [
        ("the service's", rule("default", web), &[][..]),
        ("the root's", rule("istio-system", web), &[]),
        ("another one", rule("other", web), &expected),
        ("another one's wildcard", rule("other", "'*.default.svc.cluster.local'"), &[]),
    ] {
        assert_row(behaviour, &text, expected);
    }
}

#[test]
fn servers_beside_each_other() {
    let gateway = |name: &str, servers: &[&str]| {
        let servers: String = (0..)
            .zip(servers)
            .map(|(at, server)| format!("  - {{port: {{number: 80, name: n{at}, protocol: HTTP}}, {server}}}\n"))
            .collect();
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: {name}, namespace: edge}}\nspec:\n  selector: {{a: b}}\n  servers:\n{servers}"
        )
    };
    let secure = |hosts: &str| format!("hosts: [{hosts}], tls: {{httpsRedirect: true}}");
    let bound = |hosts: &str, namespace: &str| {
        service("x", &format!("{{hosts: [{hosts}], gateways: [edge/g], {HTTP}}}"))
            .replace("{name: x}", &format!("{{name: x, namespace: {namespace}}}"))
            .replace("host: web", "host: web.default.svc.cluster.local")
    };
    let namespaced = secure("shop/*.a.b");
    let redirects = |part| [(NeverMatches, "spec.servers[0].hosts[0]", 8, part)];
    for (behaviour, text, expected) in [
        ("a redirect of a namespace", gateway("g", &[&namespaced]), &redirects("of the namespace `shop`")[..]),
        ("of the Gateway's own", gateway("g", &[&secure("./*.a.b")]), &redirects("`*.a.b` is redirected whatever")),
        ("of any namespace", gateway("g", &[&secure("'*/*.a.b', '*'")]), &[]),
        ("no redirect of a namespace", gateway("g", &["hosts: [shop/*.a.b], tls: {}"]), &[]),
        (
            "with a VirtualService for a part of it",
            gateway("g", &[&namespaced]) + &bound("x.a.b", "shop"),
            &redirects("`shop/*.a.b`"),
        ),
        ("with one for all of it", gateway("g", &[&namespaced]) + &bound("'*.b'", "shop"), &[]),
        (
            "with one of another namespace",
            gateway("g", &[&secure("shop/a.b, c.d")]) + &bound("a.b, c.d", "other"),
            &redirects("`shop/a.b`"),
        ),
        (
            "servers that have a host of one before",
            gateway("g", &[&secure("a.b"), "hosts: [a.b]", &secure("c.d, A.b, shop/a.b"), &secure("e.f, '*/a.b'")])
                .replace("shop/a.b", "c.e"),
            &[(NeverMatches, "spec.servers[3].hosts[1]", 11, "the Gateway `edge/g` has `a.b` on port 80")],
        ),
        (
            "a Gateway that has a host of an older one",
            gateway("b", &["hosts: [a.b], tls: {}"]) + &gateway("a", &[&secure("a.b")]),
            &[(NeverMatches, "spec.servers[0].hosts[0]", 8, "the Gateway `edge/a`")],
        ),
        (
            "one for other proxies",
            gateway("b", &[&secure("a.b")]) + &gateway("a", &[&secure("a.b")]).replace("{a: b}", "{a: c}"),
            &[],
        ),
        (
            "one on another port",
            gateway("b", &[&secure("a.b")]) + &gateway("a", &[&secure("a.b")]).replace("number: 80", "number: 81"),
            &[],
        ),
    ] {
        assert_row(behaviour, &text, expected);
    }
}

#[test]
fn severities_are_istioctls() {
    let text = format!(
        "{}{}",
        service("a", "{hosts: [x.y], gateways: [none], http: [{route: [{destination: {host: api}}]}]}"),
        service("b", &format!("{{hosts: [x.y], {HTTP}}}")),
    );
    let found: Vec<_> = findings(&text).iter().map(|f| (f.code, f.severity, f.origin, f.stops())).collect();
    assert_eq!(
        found,
        [
            (NotFound, Severity::Error, Origin::Analysis, false),
            (NotServed, Severity::Warning, Origin::Analysis, false),
            (PortRequired, Severity::Error, Origin::Analysis, false),
        ]
    );
}
