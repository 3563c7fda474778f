//! Resources with bad fields: what is wrong is said once, and what is right in them stays in the set for the others.

use shared::finding::Code::{
    ReferencedResourceNotFound as NotFound, SchemaValidationError as Invalid, UnknownField,
    VirtualServiceUnreachableRule as Unreachable,
};

use crate::{ROUTE, assert_row, rule};

/// A VirtualService for `shop` on the Gateway `edge`, then what these are.
fn with(others: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop}}
spec:
  hosts: [shop.example]
  gateways: [edge]
  http:
  - route: [{{destination: {{host: shop, port: {{number: 80}}, subset: v1}}}}]
---
{others}"
    )
}

const EDGE: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge}
spec:
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['shop.example']}]
  selector: {istio: ingressgateway}
";
const SHOP: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1, labels: {version: v1}}]
";
const RULE: &str = "
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop}
spec:
  host: shop
  subsets: [{name: v1, labels: {version: v1}}]
";

/// The set with this written in the place of that, in which all is right.
fn changed(from: &str, to: &str) -> String {
    let all = with(&[EDGE, SHOP, RULE].join("---"));
    assert_eq!(all.matches(from).count(), 1, "{from}");
    all.replace(from, to)
}

#[test]
fn a_bad_field_takes_nothing_else_from_the_set() {
    for (from, to, path, line) in [
        (
            "number: 80, name: http, protocol: HTTP}, hosts",
            "number: eighty, name: http, protocol: HTTP}, hosts",
            "spec.servers[0].port.number",
            15,
        ),
        ("hosts: ['shop.example']", "hosts: shop.example", "spec.servers[0].hosts", 15),
        ("selector: {istio: ingressgateway}", "selector: istio", "spec.selector", 16),
        ("ports: [{number: 80,", "ports: [{number: 80, targetPort: x,", "spec.ports[0].targetPort", 24),
        ("ports: [{number: 80,", "ports: [{number: -1,", "spec.ports[0].number", 24),
        ("address: 127.0.0.1,", "address: 127.0.0.1, weight: heavy,", "spec.endpoints[0].weight", 25),
        ("{version: v1}}]\n---", "{version: 1}}]\n---", "spec.endpoints[0].labels.version", 25),
        ("resolution: STATIC", "resolution: STATICAL", "spec.resolution", 23),
        ("subsets: [", "subsets: [{labels: {version: v0}}, ", "spec.subsets[0]", 32),
        (
            "subsets: [",
            "trafficPolicy: {outlierDetection: {interval: soon}}\n  subsets: [",
            "spec.trafficPolicy.outlierDetection.interval",
            32,
        ),
        ("subsets: [{name: v1, labels: {version: v1}}]", "subsets: {name: v1}", "spec.subsets", 32),
        ("hosts: [shop.example]", "hosts: shop.example", "spec.hosts", 5),
        ("gateways: [edge]", "gateways: edge", "spec.gateways", 6),
        ("hosts: [shop.example]", "hosts: [{}]", "spec.hosts[0]", 5),
        (
            "ports: [{number: 80, name: http, protocol: HTTP}]\n  endpoints: [{",
            "ports: [{number: x, name: http, protocol: HTTP}]\n  endpoints: [{ports: {http: 8080}, ",
            "spec.ports[0].number",
            24,
        ),
    ] {
        assert_row(from, &changed(from, to), &[(Invalid, path, line, "")]);
    }
    assert_row("all is right", &with(&[EDGE, SHOP, RULE].join("---")), &[]);
}

#[test]
fn what_is_read_and_what_is_checked_is_said_at_once() {
    let good = "route: [{destination: {host: web}}]";
    for (behaviour, text, expected) in [
        (
            "a rule after a bad one",
            format!(
                "{}  - route: [{{destination: {{host: nobody}}}}]\n",
                rule(&format!("match: [{{uri: {{exact: /a}}}}]\ntimeout: soon\n{good}\n"))
            ),
            &[
                (Invalid, "spec.http[0].timeout", 10, ""),
                (NotFound, "spec.http[1].route[0].destination.host", 12, "nobody"),
            ][..],
        ),
        (
            "destinations after one that is none",
            rule("route:\n- {weight: 1}\n- {weight: 1, destination: {host: nobody}}\n"),
            &[
                (Invalid, "spec.http[0].route[0]", 10, "`destination` is missing"),
                (NotFound, "spec.http[0].route[1].destination.host", 11, "nobody"),
            ],
        ),
        (
            "a match that cannot be read takes no request from later rules",
            format!("{}  - {{{good}}}\n", rule(&format!("match: [{{uri: /plain}}]\n{good}\n"))),
            &[(Invalid, "spec.http[0].match[0].uri", 9, "")],
        ),
        (
            "later rules behind one that takes everything",
            format!("{}  - {{timeout: soon, {good}}}\n  - {{{good}}}\n", rule(ROUTE)),
            &[
                (Invalid, "spec.http[1].timeout", 10, ""),
                (Unreachable, "spec.http[2]", 11, "`spec.http[0]` matches everything"),
            ],
        ),
        (
            "a rule whose only destination cannot be read does something all the same",
            rule("route: [{destination: {host: 5}}, {destination: web}]\n"),
            &[
                (Invalid, "spec.http[0].route[0].destination.host", 9, ""),
                (Invalid, "spec.http[0].route[1].destination", 9, ""),
            ],
        ),
        (
            "an unknown field is said once",
            rule("tmeout: 1s\nretries: 5\nroute: [{destination: {host: nobody}}]\n"),
            &[
                (UnknownField, "spec.http[0].tmeout", 9, ""),
                (Invalid, "spec.http[0].retries", 10, ""),
                (NotFound, "spec.http[0].route[0].destination.host", 11, "nobody"),
            ],
        ),
    ] {
        assert_row(behaviour, &text, expected);
    }
}

/// Whatever stands in the place of a value, and wherever: reading comes to an end, and says that it is wrong.
#[test]
fn anything_in_any_place_is_read_to_the_end() {
    let text = changed("hosts: [shop.example]", "hosts: [shop.example]\n  exportTo: ['*']");
    let scalars: Vec<&str> = text.split_inclusive(['{', '[', ' ', ',']).collect();
    for at in 0..scalars.len() {
        for wrong in ["{a: {b: [1, {}]}}", "[[], {}, 1]", "1.5", "true", "''", "{}"] {
            let mut pieces = scalars.clone();
            let piece = scalars[at].trim_end_matches([',', '}', ']', ' ', '{', '[']);
            if piece.contains([':', '\n', '-']) || piece.is_empty() {
                continue;
            }
            let replaced = scalars[at].replacen(piece, wrong, 1);
            pieces[at] = &replaced;
            crate::findings(&pieces.concat());
        }
    }
}
