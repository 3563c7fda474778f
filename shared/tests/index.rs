//! The index against what it stands for: trying every route in its order. A million pairs of rules and requests.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::panic, clippy::indexing_slicing, reason = "a failure of the test")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::decide::{Found, Request, Untraced, find};
use shared::finding::Report;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};

/// Few values, so that rules and requests meet, and begin alike.
const PATHS: [&str; 10] = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/A", "/a/", "/b", "/a/b?x=1", "*"];
const HEADERS: [&[(&str, &str)]; 10] = [
    &[],
    &[("x", "1")],
    &[("x", "2")],
    &[("y", "1")],
    &[("x", "1"), ("y", "2")],
    &[("x", "2"), ("x", "1")],
    &[("x", "")],
    &[("x", "12"), ("y", "a/b")],
    &[("x", "1"), ("y", "1")],
    &[("x", "2"), ("y", "1"), ("y", "2")],
];
const QUERIES: [&str; 5] = ["", "?q=1", "?q=2&r=1", "?r=1&q=1", "?q"];
const METHODS: [&str; 2] = ["GET", "POST"];
/// How often rules are generated; each time they meet every request there is.
const CASES: usize = 1_000_000 / (PATHS.len() * HEADERS.len() * QUERIES.len() * METHODS.len()) + 1;

fn text(values: &[&'static str]) -> impl Strategy<Value = String> {
    (
        prop::sample::select(vec!["exact", "prefix", "regex"]),
        prop::sample::select(values.to_vec()),
        prop::sample::select(vec!["", ".*", "[ab]?"]),
    )
        .prop_map(|(kind, value, end)| {
            let end = if kind == "regex" { end } else { "" };
            format!(r#"{{"{kind}": "{value}{end}"}}"#)
        })
}

/// A match block: any, or one with several exact conditions whose values other blocks have as well, so that an index
/// has a choice.
fn block() -> impl Strategy<Value = String> {
    prop_oneof![2 => any_block(), 1 => exact_block()]
}

fn exact_block() -> impl Strategy<Value = String> {
    let exact = |values: &[&'static str]| {
        let value = prop::sample::select(values.to_vec());
        prop::option::weighted(0.8, value.prop_map(|value| format!(r#"{{"exact": "{value}"}}"#)))
    };
    let prefix =
        prop::option::weighted(0.3, prop::sample::select(vec![r#"{"prefix": "/a"}"#, r#"{"prefix": "/a/b"}"#]));
    // An empty value is none to be looked up by.
    let (x, y) = (exact(&["1", "1", "1", "2", "12", ""]), exact(&["1", "1", "2", "a/b"]));
    let all = (prefix, x, y, exact(&["1", "2"]), exact(&["GET", "GET", "GET", "POST"]));
    all.prop_map(|(uri, x, y, query, method)| {
        let field = |name: &str, value: Option<String>| value.map(|value| format!(r#""{name}": {value}"#));
        let headers: Vec<String> = [field("x", x), field("y", y)].into_iter().flatten().collect();
        let fields = [
            field("uri", uri.map(str::to_owned)),
            field("method", method),
            Some(format!(r#""headers": {{{}}}"#, headers.join(", "))),
            query.map(|query| format!(r#""queryParams": {{"q": {query}}}"#)),
        ];
        format!("{{{}}}", fields.into_iter().flatten().collect::<Vec<_>>().join(", "))
    })
}

fn any_block() -> impl Strategy<Value = String> {
    let maybe = |strategy, part: f64| prop::option::weighted(part, strategy);
    (
        maybe(text(&["/", "/a", "/a/b", "/a/b/c", "/ab", "/A"]).boxed(), 0.8),
        maybe(text(&["1", "2", "12"]).boxed(), 0.4),
        maybe(text(&["1", "2", "a/b"]).boxed(), 0.2),
        maybe(text(&["1", "2"]).boxed(), 0.2),
        maybe(text(&["1", "2"]).boxed(), 0.2),
        maybe(text(&["GET", "POST"]).boxed(), 0.2),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(uri, x, y, without, query, method, ignore_case)| {
            let mut fields = Vec::new();
            let mut field = |name: &str, value: &Option<String>| {
                fields.extend(value.iter().map(|value| format!(r#""{name}": {value}"#)));
            };
            let map = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!(r#""{name}": {value}"#));
            field("uri", &uri);
            let headers: Vec<String> = map("x", &x).into_iter().chain(map("y", &y)).collect();
            field("headers", &(!headers.is_empty()).then(|| format!("{{{}}}", headers.join(", "))));
            field("withoutHeaders", &map("y", &without).map(|it| format!("{{{it}}}")));
            field("queryParams", &map("q", &query).map(|it| format!("{{{it}}}")));
            field("method", &method);
            if ignore_case && uri.is_some() {
                fields.push(r#""ignoreUriCase": true"#.to_owned());
            }
            format!("{{{}}}", fields.join(", "))
        })
}

fn plan(rules: &[Vec<String>]) -> Plan {
    let rule = |blocks: &Vec<String>| {
        let r#match = if blocks.is_empty() { String::new() } else { format!(r#""match": [{}], "#, blocks.join(", ")) };
        format!(r#"{{{match}"route": [{{"destination": {{"host": "a"}}}}]}}"#)
    };
    let rules: Vec<String> = rules.iter().map(rule).collect();
    let text = format!(
        r#"{{"proxy": {{"gateways": ["default/gw"], "port": 80}}, "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web"}},
              "spec": {{"hosts": ["*"], "gateways": ["gw"], "http": [{}]}}}}]}}"#,
        rules.join(", ")
    );
    let mut report = Report::new();
    let config = ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{text}: {:?}", report.findings())).plan()
}

/// The first route that holds, each tried in its order.
fn in_order(plan: &Plan, request: &Request<'_>) -> Option<(u32, u32)> {
    let host = plan.host(0).unwrap_or_else(|| panic!("there is one host"));
    let holds = |&(rule, matched): &(u32, u32)| {
        let rule = plan.rule(rule).unwrap_or_else(|| panic!("no rule {rule}"));
        rule.matches[matched as usize].holds(request)
    };
    host.routes().iter().copied().find(holds)
}

#[test]
fn the_index_finds_what_trying_in_order_finds() {
    let (mut pairs, mut found) = (0u64, 0u64);
    let mut runner = TestRunner::new(Config { cases: CASES as u32, ..Config::default() });
    let rules = vec(vec(block(), 0..3), 1..24);
    let counts = std::cell::RefCell::new((&mut pairs, &mut found));
    let run = runner.run(&rules, |rules| {
        // A rule without a match takes everything, and nothing that follows is ever tried.
        let last = rules.iter().position(Vec::is_empty).filter(|at| *at > 2).map_or(rules.len(), |at| at + 1);
        let plan = plan(&rules[..last]);
        for path in PATHS {
            for query in QUERIES {
                let path = format!("{path}{query}");
                for more in HEADERS {
                    for method in METHODS {
                        let pseudo = [(":authority", "a.example"), (":path", &path), (":method", method)];
                        let all = pseudo.iter().chain(more).map(|(name, value)| (name.as_bytes(), value.as_bytes()));
                        let headers: Vec<(&[u8], &[u8])> = all.collect();
                        let request = Request::new(&headers);
                        let index = match find(&plan, &request, &mut Untraced).found {
                            Found::Rule { rule, matched, .. } => Some((rule, matched)),
                            _ => None,
                        };
                        prop_assert_eq!(index, in_order(&plan, &request), "{:?}", headers);
                        let mut counts = counts.borrow_mut();
                        *counts.0 += 1;
                        *counts.1 += u64::from(index.is_some());
                    }
                }
            }
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    assert!(pairs >= 1_000_000, "{pairs}");
    // Neither is rare, or the test would say little.
    assert!(found > pairs / 5 && found < pairs, "{found} of {pairs} matched");
}
