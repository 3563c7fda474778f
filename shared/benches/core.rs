//! The core by itself: what a configuration costs to load and to compile, and what a request costs to decide, natively.
//! `scripts/bench.sh` measures the same on Envoy.
#![expect(clippy::expect_used, reason = "a bench that cannot be set up has nothing to measure")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use shared::decide::{Request, Untraced, choose, decide, find};
use shared::finding::Report;
use shared::plan::ModuleConfig;
use shared::plan::proxy::NodeMetadata;
use shared::re2::Re2;

const SIZES: [usize; 2] = [10, 10_000];

/// A kind of rule: what it matches on, for a number.
type Matches = fn(usize) -> String;

const KINDS: [(&str, Matches); 4] = [
    ("prefix", |rule| format!(r#"{{"uri": {{"prefix": "/r{rule:05}/"}}}}"#)),
    ("exact", |rule| format!(r#"{{"uri": {{"exact": "/r{rule:05}/item"}}}}"#)),
    ("regex", |rule| format!(r#"{{"uri": {{"regex": "/r{rule:05}/[a-z]+"}}}}"#)),
    ("header", |rule| format!(r#"{{"headers": {{"x-rule": {{"exact": "r{rule:05}"}}}}}}"#)),
];

/// A module's configuration with so many rules.
fn configuration(rules: usize, matches: Matches) -> String {
    let mut text = r#"{"proxy": {"gateways": ["default/gw"], "port": 80}, "resources": [{
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
        "spec": {"hosts": ["*"], "gateways": ["gw"], "http": ["#
        .to_owned();
    for rule in 0..rules {
        let comma = if rule == 0 { "" } else { "," };
        let route = format!(r#"[{{"destination": {{"host": "s{}"}}}}]"#, rule % 7);
        let _ = write!(text, r#"{comma}{{"match": [{}], "route": {route}}}"#, matches(rule));
    }
    text.push_str("]}}]}");
    text
}

fn load(text: &str) -> ModuleConfig {
    let mut report = Report::new();
    ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report)
        .expect("the configuration is valid")
}

fn loading(criterion: &mut Criterion) {
    for rules in SIZES {
        let text = configuration(rules, KINDS[0].1);
        criterion.bench_function(&format!("load/{rules}"), |bencher| bencher.iter(|| load(black_box(&text))));
        for (kind, matches) in KINDS {
            let config = load(&configuration(rules, matches));
            criterion.bench_function(&format!("plan/{kind}/{rules}"), |bencher| bencher.iter(|| config.plan()));
        }
    }
}

fn deciding(criterion: &mut Criterion) {
    for rules in SIZES {
        for (kind, matches) in KINDS {
            let plan = load(&configuration(rules, matches)).plan();
            let (path, rule) = (format!("/r{:05}/item", rules - 1), format!("r{:05}", rules - 1));
            let pairs: Vec<(&[u8], &[u8])> = [
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", "web.example"),
                (":path", &path),
                ("user-agent", "bench"),
                ("x-request-id", "5f0c2b1e-8a4d-4f7e-9f43-0c5b2a7d6e10"),
                ("x-rule", &rule),
            ]
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .to_vec();
            let decided = || decide(&plan, &Request::new(black_box(&pairs)), || 7, &mut Untraced);
            assert!(decided().cluster(&plan).is_some(), "the last of {rules} {kind} rules is hit");
            criterion.bench_function(&format!("decide/{kind}/{rules}"), |bencher| bencher.iter(decided));
        }
    }
    // Nothing tells them apart before they are tried.
    let plan =
        load(&configuration(1_000, |rule| format!(r#"{{"uri": {{"regex": "/api/v[0-9]+/r{rule}/.*"}}}}"#))).plan();
    let pairs: [(&[u8], &[u8]); 2] = [(b":authority", b"web.example"), (b":path", b"/api/v1/r999/item")];
    let decided = || decide(&plan, &Request::new(black_box(&pairs)), || 7, &mut Untraced);
    assert!(decided().cluster(&plan).is_some(), "the last is hit");
    criterion.bench_function("decide/regex of one prefix/1000", |bencher| bencher.iter(decided));
}

fn choosing(criterion: &mut Criterion) {
    for number in [2, 10] {
        let destination =
            |version| format!(r#"{{"destination": {{"host": "s", "subset": "v{version}"}}, "weight": 3}}"#);
        let route: Vec<String> = (0..number).map(destination).collect();
        let text = format!(
            r#"{{"proxy": {{"gateways": ["default/gw"], "port": 80}}, "resources": [{{
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web"}},
            "spec": {{"hosts": ["*"], "gateways": ["gw"], "http": [{{"route": [{}]}}]}}}}]}}"#,
            route.join(",")
        );
        let plan = load(&text).plan();
        let pairs: [(&[u8], &[u8]); 2] = [(b":authority", b"web.example"), (b":path", b"/")];
        let found = find(&plan, &Request::new(&pairs), &mut Untraced);
        let mut drawn: u64 = 0;
        criterion.bench_function(&format!("split/{number}"), |bencher| {
            bencher.iter(|| {
                drawn = drawn.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut decision = found;
                choose(&plan, &mut decision, || drawn);
                decision.destination
            });
        });
    }
}

fn regexes(criterion: &mut Criterion) {
    for (name, pattern, value) in [
        ("literal", "/r09999/item", "/r09999/item"),
        ("class", "/r09999/[a-z]+", "/r09999/item"),
        ("alternation", "^(a|b|c|.*chrome.*)$", "mozilla/5.0 (x11; linux) chrome/120.0"),
        ("beyond ASCII", "/([αβγ]+|δ)/.*", "/αβγ/item"),
    ] {
        let re2 = Re2::new(pattern).expect("the pattern is RE2's");
        assert!(re2.is_full_match(value.as_bytes()), "{pattern} matches");
        criterion.bench_function(&format!("re2/match/{name}"), |bencher| {
            bencher.iter(|| re2.is_full_match(black_box(value.as_bytes())));
        });
        criterion
            .bench_function(&format!("re2/compile/{name}"), |bencher| bencher.iter(|| Re2::new(black_box(pattern))));
    }
}

criterion_group!(
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = loading, deciding, choosing, regexes
);
criterion_main!(benches);
