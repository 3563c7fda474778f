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

const KINDS: [(&str, Matches); 6] = [
    ("prefix", |rule| format!(r#"{{"uri": {{"prefix": "/r{rule:05}/"}}}}"#)),
    ("exact", |rule| format!(r#"{{"uri": {{"exact": "/r{rule:05}/item"}}}}"#)),
    ("regex", |rule| format!(r#"{{"uri": {{"regex": "/r{rule:05}/[a-z]+"}}}}"#)),
    ("header", |rule| format!(r#"{{"headers": {{"x-rule": {{"exact": "r{rule:05}"}}}}}}"#)),
    // What all rules ask for tells them apart no better than nothing.
    ("tenant", |rule| {
        format!(r#"{{"method": {{"exact": "GET"}}, "headers": {{"x-rule": {{"exact": "r{rule:05}"}}}}}}"#)
    }),
    ("shared", |rule| {
        format!(r#"{{"headers": {{"x-env": {{"exact": "prod"}}, "x-rule": {{"exact": "r{rule:05}"}}}}}}"#)
    }),
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

/// A proxy's configuration of many small resources: so many services, each with a DestinationRule and a VirtualService.
fn services(count: usize, proxy: &str) -> String {
    let mut text = format!(
        r#"{{"proxy": {proxy}, "resources": [{{
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {{"name": "gw"}},
        "spec": {{"selector": {{"a": "b"}}, "servers": [
            {{"port": {{"number": 80, "name": "http", "protocol": "HTTP"}}, "hosts": ["*"]}}]}}}}"#
    );
    for it in 0..count {
        let _ = write!(
            text,
            r#",{{"apiVersion": "v1", "kind": "Service", "metadata": {{"name": "s{it:05}"}},
                "spec": {{"ports": [{{"name": "http", "port": 80}}]}}}},
            {{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {{"name": "s{it:05}"}},
                "spec": {{"host": "s{it:05}", "trafficPolicy": {{"connectionPool": {{"tcp": {{"maxConnections": 9}}}}}}}}}},
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "s{it:05}"}},
                "spec": {{"hosts": ["s{it:05}"], "gateways": ["gw", "mesh"],
                    "http": [{{"route": [{{"destination": {{"host": "s{it:05}"}}}}]}}]}}}}"#
        );
    }
    text.push_str("]}");
    text
}

/// What it costs to compile many resources: four times as many should cost about four times as much.
fn many(criterion: &mut Criterion) {
    for count in [500, 2000] {
        for (name, proxy) in
            [("gateway", r#"{"gateways": ["default/gw"], "port": 80}"#), ("mesh", r#"{"gateways": ["mesh"]}"#)]
        {
            let config = load(&services(count, proxy));
            assert_eq!(config.plan().rule_count(), count, "each VirtualService counts");
            criterion
                .bench_function(&format!("plan/services/{name}/{count}"), |bencher| bencher.iter(|| config.plan()));
        }
    }
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

/// What the core promises, whatever else is at work on the machine: the best of several runs counts.
fn promises(_: &mut Criterion) {
    if cfg!(debug_assertions) {
        return;
    }
    for (rules, most) in SIZES.into_iter().zip([500.0, 2000.0]) {
        for (kind, matches) in KINDS {
            let config = load(&configuration(rules, matches));
            let each = best(5, || drop(black_box(config.plan()))) * 1e3;
            assert!(each <= 150.0, "a plan of {rules} {kind} rules takes {each} ms");
            let plan = config.plan();
            let last = format!("r{:05}", rules - 1);
            let path = format!("/{last}/item");
            let pairs = request(&path, &last);
            let decided = || decide(&plan, &Request::new(black_box(&pairs)), || 7, &mut Untraced);
            let thousand = || {
                for _ in 0..1000 {
                    black_box(decided());
                }
            };
            let each = best(200, thousand) * 1e6;
            assert!(each <= most, "a decision among {rules} {kind} rules takes {each} ns");
        }
    }
}

/// The shortest of so many runs, in seconds.
fn best(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut timed = || {
        let start = std::time::Instant::now();
        run();
        start.elapsed().as_secs_f64()
    };
    (0..runs).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

/// A request for the rule of this name.
fn request<'a>(path: &'a str, rule: &'a str) -> [(&'a [u8], &'a [u8]); 8] {
    [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "web.example"),
        (":path", path),
        ("user-agent", "bench"),
        ("x-request-id", "5f0c2b1e-8a4d-4f7e-9f43-0c5b2a7d6e10"),
        ("x-env", "prod"),
        ("x-rule", rule),
    ]
    .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}

fn deciding(criterion: &mut Criterion) {
    for rules in SIZES {
        for (kind, matches) in KINDS {
            let plan = load(&configuration(rules, matches)).plan();
            let (path, rule) = (format!("/r{:05}/item", rules - 1), format!("r{:05}", rules - 1));
            let pairs = request(&path, &rule);
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
                choose(&plan, &mut decision, |split| split.choose(|| drawn));
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
    targets = promises, loading, many, deciding, choosing, regexes
);
criterion_main!(benches);
