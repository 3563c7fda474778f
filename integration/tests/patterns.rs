//! Hundreds of patterns that are hard to run, and a client that sends what makes each of them work hardest: a VM's
//! memory keeps to its bound, its time to three times that of Envoy's own RE2, and its answers are RE2's.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use envoy_config::Proxy;
use integration::corpus::case::{Bytes, RequestFields};
use integration::engine::proxy::{Bench, Placed, ProxyEngine};
use integration::engine::{Kind, shown};
use integration::random::Random;
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;

/// Each would keep 256 KiB of states if it could: 80 MiB together.
const PATTERNS: u32 = 320;

/// Requests that are hard for all patterns at once.
const REQUESTS: usize = 40;

/// How much a VM's memory may grow. DFAs have 12 MiB together, beside the one at work. NFAs may have 48, but those of so
/// few patterns take less than one. The rest is what a heap that has served many sizes loses in between, and Envoy's own
/// buffers.
const MOST_KB: u64 = 18 << 10;

/// The most that requests may cost, to Envoy's own RE2.
const MOST_TIMES: u32 = 3;

/// What it grows at least, or the requests were not hard.
const LEAST_KB: u64 = 8 << 10;

/// A pattern whose DFA has a state for every subset of the last bytes; no two patterns share a program.
fn pattern(number: u32) -> String {
    let back = 9 + number % 7;
    match number % 4 {
        0 => format!("(a|b)*a(a|b){{{back}}}|c{{{number}}}"),
        1 => format!("[a-z]*[a-q][^u-z]{{{back}}}[a-f]|c{{{number}}}"),
        2 => format!("([a-h]+|[e-z]*)*[f-m].{{{back}}}|c{{{number}}}"),
        _ => format!(".*(ab|ba|b.){{2}}.{{{back}}}(a|z)|c{{{number}}}"),
    }
}

/// A rule that asks its pattern first, and then whether the request is for it at all: so each request is tried by all
/// patterns before its own, and no index can help.
fn rule(number: u32) -> Value {
    let mine = json!({"prefix": format!("r{number:03}")});
    let pattern = pattern(number);
    let block = match number % 2 {
        0 => json!({"uri": {"regex": format!("/({pattern})")}, "headers": {"x-rule": mine}}),
        _ => json!({"headers": {"x-hard": {"regex": pattern}, "x-rule": mine}}),
    };
    let name = format!("r{number:03}");
    json!({"name": name, "match": [block], "directResponse": {"status": 200, "body": {"string": name}}})
}

fn resources() -> Resources {
    let first = json!({"match": [{"uri": {"exact": "/ping"}}], "directResponse": {"status": 204}});
    let last = json!({"directResponse": {"status": 200, "body": {"string": "rest"}}});
    let rules: Vec<Value> = [first].into_iter().chain((0..PATTERNS).map(rule)).chain([last]).collect();
    let all = [
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
            "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
                {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]},
            ]},
        }),
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
            "spec": {"hosts": ["*"], "gateways": ["gw"], "http": rules},
        }),
    ];
    let mut report = Report::new();
    let node = |resource: &Value| shared::load::json(resource.to_string().as_bytes()).expect("it is JSON");
    let set = Resources::read(all.iter().map(|resource| (None, node(resource))), &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    set
}

fn request(path: &str, hard: &str, rule: u32) -> RequestFields {
    let header = |name: &str, value: String| (name.to_owned(), Bytes::Text(value));
    RequestFields {
        method: None,
        url: Some(format!("http://a.example/{path}")),
        headers: vec![header("x-hard", hard.to_owned()), header("x-rule", format!("r{rule:03}"))],
        body: None,
        source: None,
        repeat: 1,
        at_once: None,
        after_ms: None,
        http2: false,
        raw: None,
    }
}

/// Bytes of which nearly each makes a state that has not been there.
fn hard(random: &mut Random) -> String {
    let letters: &[char] = if random.percent(50) { &['a', 'b'] } else { &['a', 'b', 'f', 'g', 'm', 't', 'z'] };
    (0..2_000).map(|_| *random.pick(letters)).collect()
}

fn ask(engine: &mut ProxyEngine<'_>, request: &RequestFields) -> (Option<u16>, String) {
    let answer = engine.exchange(request, "", 0);
    (answer.status, shown(&answer.body.unwrap_or_default()))
}

#[test]
fn the_hardest_requests_for_all_patterns_leave_memory_within_its_bound() {
    let set = resources();
    let proxy = Proxy {
        namespace: "default".to_owned(),
        gateways: vec!["default/gw".to_owned()],
        labels: BTreeMap::new(),
        port: Some(80),
    };
    // Processes of their own, since RE2 keeps far more; and one worker, which is one VM.
    let [ours, theirs] = [Kind::Suite, Kind::Native].map(|kind| {
        let placed = Placed {
            set: &set,
            documents: &[],
            unvalidated: false,
            proxy: &proxy,
            alone_to: None,
            engines: vec![kind],
        };
        (Bench::start(&[placed], 1), kind)
    });
    let mut suite = ours.0.engine(0, ours.1);
    let mut native = theirs.0.engine(0, theirs.1);

    // No pattern has run yet.
    for _ in 0..50 {
        assert_eq!(ask(&mut suite, &request("ping", "", 0)).0, Some(204));
    }
    let before = ours.0.memory_kb();
    let mut random = Random::of(20_261_123, 0);
    let (mut most, mut answers) = (0, BTreeSet::new());
    let mut took = [Duration::ZERO; 2];
    for number in 0..REQUESTS {
        // The last ones, which come behind nearly all patterns; some find their rule, and some pass it by.
        let rule = PATTERNS - 1 - random.between(0, 20);
        let request = request(&hard(&mut random), &hard(&mut random), rule);
        let before_it = [&ours.0, &theirs.0].map(Bench::processor_time);
        let answer = ask(&mut suite, &request);
        assert_eq!(answer, ask(&mut native, &request), "request {number}, {}: {request:?}", pattern(rule));
        for ((took, bench), before) in took.iter_mut().zip([&ours.0, &theirs.0]).zip(before_it) {
            *took += bench.processor_time() - before;
        }
        answers.insert(answer.1);
        most = most.max(ours.0.memory_kb().saturating_sub(before));
    }
    println!("{most} kB more than {before} kB, {took:.1?} for {REQUESTS} requests, {answers:?}");
    assert_eq!(ours.0.vm_reloads(), 0, "{}", ours.0.log());
    assert!(answers.len() > 4 && answers.contains("rest"), "patterns hold and do not: {answers:?}");
    let [ours, theirs] = took;
    assert!(ours <= theirs * MOST_TIMES, "{ours:?} of processor time, and {theirs:?} in native Envoy");
    assert!(most <= MOST_KB, "memory grew by {most} kB from {before} kB");
    assert!(most >= LEAST_KB, "the requests were too easy: memory grew by {most} kB");
}
