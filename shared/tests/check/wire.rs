//! What must never reach the wire, in every field that could bring it there: bytes that end a header, and headers that
//! only Sailcloth writes. A module is told the same.

use shared::finding::Code::{BadAnnotation, SchemaValidationError as Invalid};
use shared::finding::{Code, Finding, Severity};
use shared::plan::ModuleConfig;
use shared::plan::proxy::NodeMetadata;
use shared::{Report, load};

use crate::{ROUTE, assert_row, findings, rule};

/// Every string of a rule that a request or a response can carry: the rule, where `@` stands for the text, and the
/// field's path behind the rule's.
const CARRIED: &[(&str, &str)] = &[
    ("redirect: {uri: @}", "redirect.uri"),
    ("redirect: {prefixRewrite: @}", "redirect.prefixRewrite"),
    ("redirect: {authority: @}", "redirect.authority"),
    ("redirect: {scheme: @}", "redirect.scheme"),
    ("rewrite: {uri: @}\nROUTE", "rewrite.uri"),
    ("rewrite: {authority: @}\nROUTE", "rewrite.authority"),
    ("rewrite: {uriRegexRewrite: {match: a, rewrite: @}}\nROUTE", "rewrite.uriRegexRewrite.rewrite"),
    ("headers: {request: {set: {x-a: @}}}\nROUTE", "headers.request.set.x-a"),
    ("headers: {request: {add: {x-a: @}}}\nROUTE", "headers.request.add.x-a"),
    ("headers: {request: {set: {host: @}}}\nROUTE", "headers.request.set.host"),
    ("headers: {request: {add: {':authority': @}}}\nROUTE", "headers.request.add.:authority"),
    ("headers: {request: {remove: [@]}}\nROUTE", "headers.request.remove[0]"),
    ("headers: {response: {set: {x-a: @}}}\nROUTE", "headers.response.set.x-a"),
    ("headers: {response: {add: {x-a: @}}}\nROUTE", "headers.response.add.x-a"),
    ("headers: {response: {remove: [@]}}\nROUTE", "headers.response.remove[0]"),
    ("route: [{destination: {host: web}, headers: {request: {set: {x-a: @}}}}]", "route[0].headers.request.set.x-a"),
    ("route: [{destination: {host: web}, headers: {response: {add: {x-a: @}}}}]", "route[0].headers.response.add.x-a"),
    ("route: [{destination: {host: web}, headers: {response: {remove: [@]}}}]", "route[0].headers.response.remove[0]"),
    ("route: [{destination: {host: @}}]", "route[0].destination.host"),
    ("route: [{destination: {host: web, subset: @}}]", "route[0].destination.subset"),
    ("mirror: {host: @}\nROUTE", "mirror.host"),
    ("mirror: {host: web, subset: @}\nROUTE", "mirror.subset"),
    ("mirrors: [{destination: {host: @}}]\nROUTE", "mirrors[0].destination.host"),
    ("retries: {attempts: 1, retryOn: @}\nROUTE", "retries.retryOn"),
    ("corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [@]}\nROUTE", "corsPolicy.allowMethods[0]"),
    ("corsPolicy: {allowOrigins: [{exact: a}], allowHeaders: [@]}\nROUTE", "corsPolicy.allowHeaders[0]"),
    ("corsPolicy: {allowOrigins: [{exact: a}], exposeHeaders: [@]}\nROUTE", "corsPolicy.exposeHeaders[0]"),
    ("match: [{headers: {a: {exact: a}}}]\nredirect: {redirectCode: 308, uri: @}", "redirect.uri"),
];

fn with(body: &str, text: &str) -> String {
    rule(&body.replace("ROUTE", ROUTE).replace('@', text))
}

/// Whether any finding stops modules, at this path.
fn stops(found: &[Finding], path: &str) -> bool {
    found.iter().any(|finding| finding.stops() && finding.code == Invalid && finding.path == path)
}

/// Whether a module refuses what is written in YAML.
fn is_refused(text: &str) -> bool {
    let mut report = Report::new();
    let documents = load::text(text, None, &mut report);
    let resources: Vec<serde_json::Value> = documents.iter().map(|(_, node)| json(node)).collect();
    let config = serde_json::json!({"proxy": {}, "resources": resources}).to_string();
    ModuleConfig::read(config.into_bytes(), NodeMetadata::default(), &mut report).is_none()
}

fn json(node: &load::Node) -> serde_json::Value {
    match &node.value {
        load::Value::Text(text) => text.as_str().into(),
        load::Value::Integer(number) => (*number).into(),
        load::Value::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), json(&entry.value))).collect(),
        _ => node.items().into_iter().flatten().map(|item| json(&item)).collect(),
    }
}

#[test]
fn nothing_that_ends_a_header_reaches_the_wire() {
    for (body, path) in CARRIED {
        for escape in ["\\r", "\\n", "\\0", "\\r\\nx-evil: 1\\r\\n\\r\\n"] {
            let text = with(body, &format!("\"a{escape}b\""));
            let found = findings(&text);
            assert!(stops(&found, &format!("spec.http[0].{path}")), "{text}\n{found:?}");
            assert!(is_refused(&text), "{text}");
        }
    }
}

#[test]
fn names_of_headers_are_names() {
    for operation in ["request: {set", "request: {add", "response: {set", "response: {add"] {
        for name in ["a\\r\\nb", "a\\0b", "a: b", "a b", ""] {
            let text = with(&format!("headers: {{{operation}: {{\"{name}\": x}}}}}}\nROUTE"), "");
            assert!(findings(&text).iter().any(Finding::stops) && is_refused(&text), "{text}");
        }
    }
    for name in ["a\\r\\nb", "a\\0b", "a b"] {
        for matched in ["headers", "withoutHeaders"] {
            let text = with(&format!("match: [{{{matched}: {{\"{name}\": {{exact: x}}}}}}]\nROUTE"), "");
            assert!(findings(&text).iter().any(Finding::stops) && is_refused(&text), "{text}");
        }
    }
}

/// As Envoy: whatever else is not a letter is somebody's own affair.
#[test]
fn other_bytes_are_let_through() {
    for (body, _) in CARRIED.iter().take(7).filter(|(body, _)| !body.contains("scheme")) {
        for text in ["\"a\\tb\"", "\"a\\x7fb\"", "\"a\\x01b\"", "a b", "ä"] {
            let text = with(body, text);
            assert!(!findings(&text).iter().any(Finding::stops), "{text}");
        }
    }
    let body = "directResponse: {status: 200, body: {string: @}}";
    assert_eq!(findings(&with(body, "\"a\\r\\n\\0b\"")), []);
}

/// Every place where a rule can name a header.
const NAMED: &[(&str, &str)] = &[
    ("headers: {request: {set: {@: x}}}", "headers.request.set.@"),
    ("headers: {request: {add: {@: x}}}", "headers.request.add.@"),
    ("headers: {request: {remove: [@]}}", "headers.request.remove[0]"),
    ("headers: {response: {set: {@: x}}}", "headers.response.set.@"),
    ("headers: {response: {add: {@: x}}}", "headers.response.add.@"),
    ("headers: {response: {remove: [@]}}", "headers.response.remove[0]"),
    ("match: [{headers: {@: {exact: x}}}]", "match[0].headers.@"),
    ("match: [{withoutHeaders: {@: {exact: x}}}]", "match[0].withoutHeaders.@"),
    ("headers: {request: {set: {x-a: '%REQ(@)%'}}}", "headers.request.set.x-a"),
    ("headers: {request: {add: {x-a: '<%REQ(x-b?@)%>'}}}", "headers.request.add.x-a"),
    ("headers: {response: {set: {x-a: '%REQ(@):3%'}}}", "headers.response.set.x-a"),
    ("headers: {response: {add: {x-a: '%RESP(@)%'}}}", "headers.response.add.x-a"),
    ("corsPolicy: {allowOrigins: [{exact: a}], allowHeaders: [@]}", "corsPolicy.allowHeaders[0]"),
    ("corsPolicy: {allowOrigins: [{exact: a}], exposeHeaders: [@]}", "corsPolicy.exposeHeaders[0]"),
];

#[test]
fn headers_of_sailcloths_own_are_nobody_elses() {
    for (body, path) in NAMED {
        for name in ["x-sailcloth-cluster", "X-Sailcloth-Route", "x-sailcloth-", "X-SAILCLOTH-anything"] {
            let text = with(&format!("{body}\nROUTE"), name);
            let found = findings(&text);
            assert!(stops(&found, &format!("spec.http[0].{}", path.replace('@', name))), "{text}\n{found:?}");
            assert!(found.iter().any(|finding| finding.hint.contains("does not begin with `x-sailcloth-`")), "{text}");
            assert!(is_refused(&text), "{text}");
        }
        let others = findings(&with(&format!("{body}\nROUTE"), "x-sailclot"));
        assert!(others.iter().all(|finding| finding.severity != Severity::Error), "{body}: {others:?}");
    }
    let of_destination = "route: [{destination: {host: web}, headers: {request: {set: {x-sailcloth-cluster: x}}}}]";
    assert!(is_refused(&rule(of_destination)));
}

#[test]
fn splits_stick_to_no_header_of_sailcloths_own() {
    let sticky = |by: &str| {
        rule(ROUTE).replace("  name: vs\n", &format!("  name: vs\n  annotations: {{sailcloth.dev/sticky: \"{by}\"}}\n"))
    };
    let path = "metadata.annotations[\"sailcloth.dev/sticky\"]";
    let row = |by: &str, code: Code, part: &str| assert_row(by, &sticky(by), &[(code, path, 5, part)]);
    row("header=X-Sailcloth-Route", Invalid, "is a header of Sailcloth's own");
    assert!(is_refused(&sticky("header=x-sailcloth-cluster")));
    for by in ["cookie=a\\r\\nb", "header=a\\nb", "query=a\\0b", "cookie=a;b"] {
        row(by, BadAnnotation, "it has no effect");
    }
}
