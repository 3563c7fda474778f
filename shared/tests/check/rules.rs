//! Rules of a VirtualService. The body of each rule begins in line 9.

use shared::finding::Code::{
    Deprecated, LongerThanIdleTimeout, NeverMatches, NoDelegate, NoSuchRedirect,
    ReferencedResourceNotFound as NotFound, SchemaValidationError as Invalid, SchemaWarning, UnknownField,
};

use std::time::Duration;

use shared::check::Unenforced;

use crate::{Expected, ROUTE, assert_row, findings_for, rule};

/// What each row is about is all there is to the rule.
pub fn rows(rows: &[(&str, &str, &[Expected<'_>])]) {
    for (behaviour, body, expected) in rows {
        assert_row(behaviour, &rule(body), expected);
    }
}

/// With a route behind what each row is about.
pub fn routed(all: &[(&str, &str, &[Expected<'_>])]) {
    for (behaviour, body, expected) in all {
        assert_row(behaviour, &rule(&format!("{body}\n{ROUTE}")), expected);
    }
}

#[test]
fn one_action() {
    rows(&[
        ("a route alone", ROUTE, &[]),
        ("a redirect alone", "redirect: {uri: /x}", &[]),
        ("a direct response alone", "directResponse: {status: 204}", &[]),
        ("nothing to do", "timeout: 1s", &[(Invalid, "spec.http[0]", 9, "the rule does nothing")]),
        (
            "a route and a redirect",
            "redirect: {uri: /x}\nroute: [{destination: {host: web}}]",
            &[(Invalid, "spec.http[0].route", 10, "a rule with `redirect` cannot have `route`")],
        ),
        (
            "everything at once",
            "redirect: {uri: /x}\ndirect_response: {status: 200}\nrewrite: {uri: /}\nroute: [{destination: {host: web}}]",
            &[
                (Invalid, "spec.http[0].directResponse", 10, "`redirect` cannot have `directResponse`"),
                (Invalid, "spec.http[0].rewrite", 11, "`redirect` cannot have `rewrite`"),
                (Invalid, "spec.http[0].route", 12, "`redirect` cannot have `route`"),
            ],
        ),
        (
            "a delegate counts as an action",
            "delegate: {name: x}",
            &[(NoDelegate, "spec.http[0].delegate", 9, "`default/x` is not among these resources")],
        ),
        (
            "a delegate of another namespace",
            "match: [{uri: {prefix: /a}}]\ndelegate: {name: x, namespace: shop}",
            &[(NoDelegate, "spec.http[0].delegate", 10, "`shop/x` is not among these resources")],
        ),
        (
            "a delegate that is no mapping",
            "delegate: x",
            &[(Invalid, "spec.http[0].delegate", 9, "expected a mapping")],
        ),
        (
            "a delegate and a route",
            "delegate: {name: x}\nroute: [{destination: {host: web}}]",
            &[
                (NoDelegate, "spec.http[0].delegate", 9, ""),
                (Invalid, "spec.http[0].route", 10, "a rule with `delegate` cannot have `route`"),
            ],
        ),
        (
            "a fault on a redirect",
            "fault: {}\nredirect: {uri: /x}",
            &[
                (Invalid, "spec.http[0].fault", 9, "a fault needs `delay` or `abort`"),
                (Invalid, "spec.http[0].fault", 9, "`redirect` cannot have `fault`"),
            ],
        ),
    ]);
}

#[test]
fn destinations_and_weights() {
    rows(&[
        ("one destination needs no weight", "route:\n- destination: {host: web}\n  weight: 0", &[]),
        (
            "weights that add up to nothing",
            "route:\n- destination: {host: web}\n- destination: {host: web, subset: v1}",
            &[(Invalid, "spec.http[0].route", 9, "the weights of 2 destinations add up to 0")],
        ),
        (
            "a negative weight",
            "route:\n- destination: {host: web}\n  weight: -5",
            &[(
                Invalid,
                "spec.http[0].route[0].weight",
                11,
                "a whole number from 0 to 2147483647, found the number `-5`",
            )],
        ),
        (
            "weights beyond what Envoy adds up",
            "route:\n- destination: {host: web}\n  weight: 2147483647\n- destination: {host: web}\n  weight: 2147483647\n- destination: {host: web}\n  weight: 2",
            &[(Invalid, "spec.http[0].route", 9, "add up to 4294967296")],
        ),
        (
            "a port in the host",
            "route:\n- destination:\n    host: web:80",
            &[
                (Invalid, "spec.http[0].route[0].destination.host", 11, "write `host: web` and `port: {number: 80}`"),
                (
                    shared::finding::Code::ReferencedResourceNotFound,
                    "spec.http[0].route[0].destination.host",
                    11,
                    "web:80",
                ),
            ],
        ),
        (
            "no host, and a subset with a dot",
            "route:\n- destination: {}\n- destination: {host: web, subset: v.1}\n  weight: x",
            &[
                (Invalid, "spec.http[0].route[0].destination", 10, "`host` is missing"),
                (NotFound, "spec.http[0].route[1].destination.subset", 11, "no DestinationRule defines the subset"),
                (Invalid, "spec.http[0].route[1].destination.subset", 11, "letters, digits"),
                (Invalid, "spec.http[0].route[1].weight", 12, "found the string `x`"),
            ],
        ),
        (
            "port 0",
            "route:\n- destination: {host: web, port: {number: 0}}",
            &[(Invalid, "spec.http[0].route[0].destination.port.number", 10, "from 1 to 65535")],
        ),
        (
            "a misspelt field is named and the nearest known one",
            "route:\n- destination: {host: web}\n  weigth: 5",
            &[(UnknownField, "spec.http[0].route[0].weigth", 11, "did you mean `weight`?")],
        ),
    ]);
}

#[test]
fn matches() {
    routed(&[
        ("an empty prefix is allowed for the uri", "match: [{uri: {prefix: ''}}]", &[]),
        (
            "and nowhere else",
            "match:\n- method: {prefix: ''}\n  headers: {a: {prefix: ''}}\n  queryParams: {b.c: {prefix: ''}}",
            &[
                (Invalid, "spec.http[0].match[0].method", 10, "found an empty one"),
                (Invalid, "spec.http[0].match[0].headers.a", 11, "found an empty one"),
                (Invalid, "spec.http[0].match[0].queryParams[\"b.c\"]", 12, "found an empty one"),
            ],
        ),
        (
            "a regex that RE2 does not take",
            "match:\n- uri:\n    regex: a(",
            &[(Invalid, "spec.http[0].match[0].uri.regex", 11, "`a(` is not a regex")],
        ),
        (
            "a regex of look-around",
            "match:\n- uri: {regex: '(?!x)'}",
            &[(Invalid, "spec.http[0].match[0].uri.regex", 10, "RE2 does not have")],
        ),
        (
            "an empty regex",
            "match: [{uri: {regex: ''}}]",
            &[(Invalid, "spec.http[0].match[0].uri.regex", 9, "1 to 1024")],
        ),
        ("a star is a regex only in withoutHeaders", "match: [{withoutHeaders: {a: {regex: '*'}}}]", &[]),
        (
            "as it shows elsewhere",
            "match: [{headers: {a: {regex: '*'}}}]",
            &[(Invalid, "spec.http[0].match[0].headers.a.regex", 9, "for any value write `{}`")],
        ),
        (
            "two ways to match at once",
            "match: [{uri: {exact: /, prefix: /}}]",
            &[(Invalid, "spec.http[0].match[0].uri", 9, "more than one of")],
        ),
        (
            "a header that cannot be",
            "match: [{headers: {'a b': {}}}]",
            &[(Invalid, "spec.http[0].match[0].headers[\"a b\"]", 9, "`a b` is not a header's name")],
        ),
        ("pseudo-headers can be matched", "match: [{headers: {':path': {prefix: /}}}]", &[]),
        ("`host` is the authority", "match: [{headers: {Host: {exact: x}}}]", &[]),
        (
            "claims are for gateways",
            "match: [{headers: {'@request.auth.claims.sub': {exact: x}}}]",
            &[(Invalid, "spec.http[0].match[0].headers[\"@request.auth.claims.sub\"]", 9, "only at a gateway")],
        ),
        (
            "who asks",
            "match:\n- port: 70000\n- sourceLabels: {a: b!}\n- sourceNamespace: a_b\n- gateways: [a/b/c]",
            &[
                (Invalid, "spec.http[0].match[0].port", 10, "from 1 to 65535"),
                (Invalid, "spec.http[0].match[1].sourceLabels.a", 11, "`b!` is not a label's value"),
                (Invalid, "spec.http[0].match[2].sourceNamespace", 12, "`a_b` is not a name"),
                (Invalid, "spec.http[0].match[3].gateways[0]", 13, "`a/b/c` is not a gateway"),
            ],
        ),
    ]);
}

#[test]
fn redirects() {
    rows(&[
        ("a scheme alone", "redirect: {scheme: https, redirectCode: 308}", &[]),
        ("a derived port alone", "redirect: {derivePort: FROM_REQUEST_PORT}", &[]),
        ("nowhere", "redirect: {redirectCode: 302}", &[(Invalid, "spec.http[0].redirect", 9, "leads back")]),
        (
            "a code that is no redirect",
            "redirect:\n  uri: /\n  redirectCode: 200",
            &[(Invalid, "spec.http[0].redirect.redirectCode", 11, "from 300 to 399, found `200`")],
        ),
        (
            "a code that Envoy does not have",
            "redirect:\n  uri: /\n  redirectCode: 304",
            &[(NoSuchRedirect, "spec.http[0].redirect.redirectCode", 11, "use 301, 302, 303, 307 or 308")],
        ),
        (
            "another scheme, two paths, two ports",
            "redirect:\n  scheme: ftp\n  uri: /\n  prefixRewrite: /\n  port: 1\n  derivePort: FROM_REQUEST_PORT",
            &[
                (Invalid, "spec.http[0].redirect.scheme", 10, "`http` or `https`, found `ftp`"),
                (Invalid, "spec.http[0].redirect.prefixRewrite", 12, "both `uri` and `prefixRewrite`"),
                (Invalid, "spec.http[0].redirect.derivePort", 14, "both `port` and `derivePort`"),
            ],
        ),
        (
            "prefixRewrite needs prefixes",
            "match: [{uri: {prefix: /a}}, {uri: {exact: /b}}, {}]\nredirect: {prefixRewrite: /}",
            &[(Invalid, "spec.http[0].redirect.prefixRewrite", 10, "to be a `prefix`")],
        ),
    ]);
}

#[test]
fn direct_responses() {
    let large = |size| format!("directResponse:\n  status: 200\n  body: {{string: {}}}", "x".repeat(size));
    rows(&[
        (
            "a status that is none",
            "directResponse:\n  status: 199\n  body: {string: a, bytes: YQ==}",
            &[
                (Invalid, "spec.http[0].directResponse.status", 10, "from 200 to 599, found `199`"),
                (Invalid, "spec.http[0].directResponse.body", 11, "both `string` and `bytes`"),
            ],
        ),
        ("no status", "directResponse: {}", &[(Invalid, "spec.http[0].directResponse", 9, "`status` is missing")]),
        ("a small body", &large(100 << 10), &[]),
        (
            "a large one",
            &large((100 << 10) + 1),
            &[(SchemaWarning, "spec.http[0].directResponse.body", 11, "102401 bytes")],
        ),
        ("a huge one", &large((1 << 20) + 1), &[(Invalid, "spec.http[0].directResponse.body", 11, "at most 1 MiB")]),
        (
            "bytes that are none",
            "directResponse: {status: 200, body: {bytes: '!'}}",
            &[(Invalid, "spec.http[0].directResponse.body.bytes", 9, "expected bytes in base64")],
        ),
    ]);
}

#[test]
fn rewrites() {
    routed(&[
        ("nothing to rewrite", "rewrite: {}", &[(Invalid, "spec.http[0].rewrite", 9, "`authority` in a rewrite")]),
        ("groups", "rewrite: {uriRegexRewrite: {match: '^/(a)/(b)', rewrite: '/\\2/\\1'}}", &[]),
        (
            "two ways",
            "rewrite:\n  uri: /\n  uriRegexRewrite: {match: a, rewrite: b}",
            &[(Invalid, "spec.http[0].rewrite.uriRegexRewrite", 11, "both `uri` and `uriRegexRewrite`")],
        ),
        (
            "a group that is not there",
            "rewrite:\n  uriRegexRewrite:\n    match: a\n    rewrite: \\1",
            &[(NeverMatches, "spec.http[0].rewrite.uriRegexRewrite.rewrite", 12, "no path is rewritten")],
        ),
        (
            "an escape that is none",
            "rewrite:\n  uriRegexRewrite:\n    match: a\n    rewrite: x\\d",
            &[(NeverMatches, "spec.http[0].rewrite.uriRegexRewrite.rewrite", 12, "ends there")],
        ),
        (
            "nothing in place of a match",
            "rewrite: {uriRegexRewrite: {match: a, rewrite: ''}}",
            &[(Invalid, "spec.http[0].rewrite.uriRegexRewrite.rewrite", 9, "found an empty string")],
        ),
    ]);
}

#[test]
fn retries_and_timeouts() {
    routed(&[
        (
            "as Istio's docs have it",
            "retries: {attempts: 3, perTryTimeout: 2s, retryOn: 'connect-failure,503'}\ntimeout: 1h",
            &[],
        ),
        ("off", "retries: {attempts: 0}", &[]),
        (
            "off, and what for",
            "retries: {retryOn: 5xx, perTryTimeout: 1s}",
            &[(Invalid, "spec.http[0].retries.perTryTimeout", 9, "without `attempts`")],
        ),
        (
            "a negative number",
            "retries: {attempts: -1}",
            &[(Invalid, "spec.http[0].retries.attempts", 9, "from 0, found `-1`")],
        ),
        (
            "spaces, words nobody knows, numbers that are no status",
            "retries:\n  attempts: 1\n  retryOn: 5xx, reset,gatway-error,999",
            &[
                (Invalid, "spec.http[0].retries.retryOn", 11, "without spaces"),
                (Invalid, "spec.http[0].retries.retryOn", 11, "did you mean `gateway-error`?"),
                (Invalid, "spec.http[0].retries.retryOn", 11, "`999` is not a condition"),
            ],
        ),
        (
            "no time at all",
            "timeout: 0s",
            &[(Invalid, "spec.http[0].timeout", 9, "whole milliseconds, at least `1ms`, found the string `0s`")],
        ),
        ("a number", "timeout: 5", &[(Invalid, "spec.http[0].timeout", 9, "expected a duration such as `1.5s`")]),
        (
            "longer than a stream may idle",
            "timeout: 61m\nretries: {attempts: 1, perTryTimeout: 2h}",
            &[
                (LongerThanIdleTimeout, "spec.http[0].timeout", 9, "1h"),
                (LongerThanIdleTimeout, "spec.http[0].retries.perTryTimeout", 10, "1h"),
            ],
        ),
    ]);
}

#[test]
fn a_stream_may_idle_for_as_long_as_listeners_let_it() {
    let text = rule(
        "timeout: 10m\nretries: {attempts: 1, perTryTimeout: 90s}\nfault: {delay: {fixedDelay: 5m}}\nroute: [{destination: {host: web}}]",
    );
    for (seconds, said) in
        [(3600, &[][..]), (600, &[]), (599, &["9"]), (90, &["9", "11"]), (60, &["9", "10", "11"]), (0, &[])]
    {
        let found = findings_for(&text, Duration::from_secs(seconds), Unenforced::Warned);
        let idle = found.iter().filter(|finding| finding.code == LongerThanIdleTimeout);
        let lines: Vec<String> = idle.map(|finding| finding.line.to_string()).collect();
        assert_eq!(lines, said, "{seconds} s: {found:?}");
    }
    let found = findings_for(&text, Duration::from_secs(300), Unenforced::Warned);
    assert!(found.iter().any(|finding| finding.message.contains("longer than the 5m that")), "{found:?}");
}

#[test]
fn cross_origin() {
    routed(&[
        (
            "as Istio's docs have it",
            "corsPolicy: {allowOrigins: [{exact: https://x}], allowMethods: [GET, '*'], allowHeaders: [x-a, '*'], maxAge: 24h}",
            &[],
        ),
        (
            "all of it wrong",
            "corsPolicy:\n  allowOrigins: [{}]\n  allowMethods: [get]\n  allowHeaders: ['a b']\n  exposeHeaders: ['']\n  maxAge: 1.5s",
            &[
                (Invalid, "spec.http[0].corsPolicy.allowOrigins[0]", 10, "expected an origin"),
                (Invalid, "spec.http[0].corsPolicy.allowMethods[0]", 11, "did you mean `GET`?"),
                (Invalid, "spec.http[0].corsPolicy.allowHeaders[0]", 12, "`a b` is not a header's name"),
                (Invalid, "spec.http[0].corsPolicy.exposeHeaders[0]", 13, "found an empty string"),
                (Invalid, "spec.http[0].corsPolicy.maxAge", 14, "whole seconds"),
            ],
        ),
        (
            "the old list of origins",
            "corsPolicy: {allowOrigin: [a.b]}",
            &[(Deprecated, "spec.http[0].corsPolicy.allowOrigin", 9, "write `allowOrigins: [{exact: 'a.b'}]`")],
        ),
    ]);
}
