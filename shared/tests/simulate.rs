//! The whole chain without a proxy: who decides before whom, and every way that chance may take.
#![expect(clippy::panic, reason = "a failure of the test")]

use std::collections::BTreeMap;
use std::time::Duration;

use shared::decide::{OwnReply, Trace, Untraced};
use shared::finding::Report;
use shared::plan::proxy::NodeMetadata;
use shared::plan::sticky::Sticky;
use shared::plan::{ModuleConfig, Plan, Split};
use shared::simulate::{Answer, Chance, Change, Draws, Incoming, Numbers, Outcome, Simulated, outcomes, simulate};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn plan(annotations: &str, rule: &str) -> Plan {
    let text = format!(
        r#"{{"proxy": {{"gateways": ["default/gw"], "port": 80}}, "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
              "metadata": {{"name": "web", "annotations": {annotations}}},
              "spec": {{"hosts": ["a.example"], "gateways": ["gw"], "http": [{rule}]}}}}
        ]}}"#
    );
    let mut report = Report::new();
    let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings())).plan()
}

const SPLIT: &str = r#""route": [
    {"destination": {"host": "a.example", "subset": "v1"}, "weight": 1, "headers": {"response": {"add": {"x-of": "v1"}}}},
    {"destination": {"host": "a.example", "subset": "v2"}, "weight": 3}]"#;

const STICKY: &str = r#"{"sailcloth.dev/sticky": "header=x-user"}"#;

fn incoming(method: &str, path: &str, headers: &[(&str, &str)]) -> Incoming {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Incoming::new(method, "http", "a.example", path, headers)
}

fn get(headers: &[(&str, &str)]) -> Incoming {
    incoming("GET", "/", headers)
}

/// What the destination answers, with its name in it.
fn upstream(cluster: &str) -> Answer {
    Answer::of_destination(201, vec![(b"x-from".to_vec(), cluster.as_bytes().to_vec())])
}

/// Takes the destination that it is told, and writes down what it was asked.
struct Told {
    hits: bool,
    destination: u32,
    asked: Vec<String>,
}

impl Draws for Told {
    fn hits(&mut self, of: Chance) -> bool {
        self.asked.push(format!("{of:?}"));
        self.hits
    }

    fn destination(&mut self, _: &Split) -> u32 {
        self.asked.push("destination".to_owned());
        self.destination
    }

    fn cookie(&mut self) -> Option<u64> {
        self.asked.push("cookie".to_owned());
        Some(7)
    }
}

fn told<'p>(plan: &'p Plan, incoming: &Incoming, hits: bool, destination: u32) -> (Simulated<'p>, Vec<String>) {
    let mut draws = Told { hits, destination, asked: Vec::new() };
    let simulated = simulate(plan, incoming, &mut draws, upstream, &mut Untraced);
    (simulated, draws.asked)
}

fn all<'p>(plan: &'p Plan, incoming: &Incoming) -> Vec<Outcome<'p>> {
    outcomes(plan, incoming, upstream, &mut Untraced)
}

fn subset(simulated: &Simulated<'_>) -> String {
    simulated.cluster.and_then(|cluster| cluster.split('|').nth(2)).unwrap_or("none").to_owned()
}

fn value<'h>(headers: &'h [(Vec<u8>, Vec<u8>)], name: &str) -> Vec<&'h str> {
    let of = headers.iter().filter(|(known, _)| known == name.as_bytes());
    of.map(|(_, value)| std::str::from_utf8(value).unwrap_or("not text")).collect()
}

/// Envoy's fault filter stands before whatever keeps clients at their version, so an abort has a destination by weight,
/// whose response operations apply to it.
#[test]
fn an_abort_comes_before_the_client_is_asked_who_it_is() {
    let fault = r#""fault": {"delay": {"fixedDelay": "2s", "percentage": {"value": 20}},
        "abort": {"httpStatus": 418, "percentage": {"value": 50}}}, "#;
    let plan = plan(STICKY, &format!("{{{fault}{SPLIT}}}"));
    for destination in 0..2 {
        let (simulated, asked) = told(&plan, &get(&[("x-user", "elena")]), true, destination);
        assert_eq!(asked, ["Delay(200000)", "Abort(500000)", "destination"]);
        assert_eq!(simulated.delay, Some(Duration::from_secs(2)));
        assert_eq!((simulated.decision.reply, simulated.answer.status), (Some(OwnReply::FaultAbort), 418));
        assert_eq!(value(&simulated.answer.headers, "x-of").len(), usize::from(destination == 0));
        assert_eq!((simulated.cluster, simulated.sticky.is_none()), (None, true));
        assert!(simulated.request.is_empty() && !simulated.answer.by_destination);
    }
    // Who is not aborted goes where its key leads, whatever weights would have said.
    let (first, asked) = told(&plan, &get(&[("x-user", "elena")]), false, 0);
    assert_eq!(asked, ["Delay(200000)", "Abort(500000)"]);
    let (second, _) = told(&plan, &get(&[("x-user", "elena")]), false, 1);
    assert_eq!((first.cluster, first.delay), (second.cluster, None));
    assert_eq!(first.sticky.map(|stuck| stuck.key), Some(Some(b"elena".to_vec())));
}

#[test]
fn a_client_without_a_cookie_gets_one_and_stays_with_it() {
    let plan = plan(r#"{"sailcloth.dev/sticky": "cookie=user"}"#, &format!("{{{SPLIT}}}"));
    let (new, asked) = told(&plan, &get(&[]), false, 0);
    assert_eq!(asked, ["cookie"]);
    let set = value(&new.answer.headers, "set-cookie");
    assert_eq!(set, ["user=0000000000000007; Path=/; HttpOnly; SameSite=Lax"]);
    let (back, asked) = told(&plan, &get(&[("cookie", "user=0000000000000007")]), false, 0);
    assert_eq!((asked, back.cluster), (Vec::new(), new.cluster));
    assert!(value(&back.answer.headers, "set-cookie").is_empty());
    assert!(new.sticky.is_some_and(|stuck| stuck.new) && back.sticky.is_some_and(|stuck| !stuck.new));

    // What is left open is drawn by weight.
    let shares: Vec<(f64, String)> =
        all(&plan, &get(&[])).iter().map(|outcome| (outcome.share, subset(&outcome.simulated))).collect();
    assert_eq!(shares, [(0.25, "v1".to_owned()), (0.75, "v2".to_owned())]);
    assert!(all(&plan, &get(&[])).iter().all(|outcome| matches!(
        &outcome.simulated.sticky,
        Some(stuck) if stuck.key.is_none() && stuck.new && matches!(stuck.by, Sticky::Cookie(_))
    )));
}

#[test]
fn a_preflight_is_answered_unless_a_fault_comes_first() {
    let cors = r#""corsPolicy": {"allowOrigins": [{"exact": "http://b.example"}], "allowMethods": ["PUT"]},
        "headers": {"response": {"set": {"x-rule": "yes"}}}, "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 25}}},
        "mirror": {"host": "c.example"}, "#;
    let plan = plan("{}", &format!("{{{cors}{SPLIT}}}"));
    let origin = ("origin", "http://b.example");
    let preflight = incoming("OPTIONS", "/", &[origin, ("access-control-request-method", "PUT")]);
    let all_ways = all(&plan, &preflight);
    let by_status = all_ways.iter().fold(BTreeMap::new(), |mut all: BTreeMap<u32, f64>, outcome| {
        *all.entry(outcome.simulated.answer.status).or_default() += outcome.share;
        all
    });
    assert_eq!(by_status, BTreeMap::from([(200, 0.75), (503, 0.25)]));
    let (answered, _) = told(&plan, &preflight, false, 0);
    assert_eq!(value(&answered.answer.headers, "access-control-allow-methods"), ["PUT"]);
    // Envoy's CORS filter answers before the route has a say, and nothing goes anywhere.
    assert!(value(&answered.answer.headers, "x-rule").is_empty() && answered.mirrors.is_empty());

    let (marked, _) = told(&plan, &get(&[origin]), false, 1);
    assert_eq!(value(&marked.answer.headers, "access-control-allow-origin"), ["http://b.example"]);
    assert_eq!(value(&marked.answer.headers, "x-rule"), ["yes"]);
    assert_eq!(marked.mirrors.iter().map(|mirror| mirror.ppm).collect::<Vec<_>>(), [1_000_000]);
}

#[test]
fn a_redirect_carries_the_rules_response_headers_and_draws_nothing() {
    let rule = r#"{"redirect": {"uri": "/new", "redirectCode": 308}, "headers": {"response":
        {"set": {"x-why": "moved from %REQ(:path)%"}, "remove": ["location-x"]}}}"#;
    let plan = plan(STICKY, rule);
    let (simulated, asked) = told(&plan, &incoming("GET", "/old?a=1", &[("x-sailcloth-cluster", "mine")]), true, 0);
    assert_eq!((asked, simulated.answer.status), (Vec::new(), 308));
    let headers = &simulated.answer.headers;
    assert_eq!(value(headers, "location"), ["http://a.example/new?a=1"]);
    assert_eq!(value(headers, "x-why"), ["moved from /old?a=1"]);
    let changes =
        [Change::Remove(b"location-x".to_vec()), Change::Set(b"x-why".to_vec(), b"moved from /old?a=1".to_vec())];
    assert_eq!(simulated.answer_changes, changes);
    assert!(simulated.request_changes.is_empty() && simulated.mirrors.is_empty());
}

#[test]
fn what_reaches_the_destination_has_no_order_for_the_proxy_in_it() {
    let rule = format!(
        r#"{{"match": [{{"uri": {{"prefix": "/out"}}}}], "timeout": "3s", "retries": {{"attempts": 1}}, "rewrite": {{"uri": "/in", "authority": "in.example"}},
            "headers": {{"request": {{"set": {{"x-a": "1"}}, "add": {{"x-b": "2"}}, "remove": ["x-c"]}},
                         "response": {{"set": {{"x-was": "%RESP(x-from)% %RESPONSE_CODE%"}}}}}}, {SPLIT}}}"#
    );
    let plan = plan("{}", &rule);
    let sent = [("X-A", "0"), ("x-b", "1"), ("x-c", "0"), ("x-sailcloth-route", "mine"), ("x-envoy-max-retries", "9")];
    let (simulated, _) = told(&plan, &incoming("GET", "/out?q", &sent), false, 1);
    let headers: BTreeMap<&str, Vec<&str>> = simulated
        .request
        .iter()
        .map(|(name, _)| std::str::from_utf8(name).unwrap_or_default())
        .map(|name| (name, value(&simulated.request, name)))
        .collect();
    let expected = [
        (":authority", vec!["in.example"]),
        (":method", vec!["GET"]),
        (":path", vec!["/in?q"]),
        (":scheme", vec!["http"]),
        ("x-a", vec!["1"]),
        ("x-b", vec!["1", "2"]),
        ("x-envoy-original-host", vec!["a.example"]),
        ("x-envoy-original-path", vec!["/out?q"]),
        ("x-forwarded-proto", vec!["http"]),
    ];
    assert_eq!(headers, BTreeMap::from(expected));
    assert_eq!(simulated.timeout, Some(Duration::from_secs(3)));
    let changed = |name: &str| {
        simulated
            .request_changes
            .iter()
            .filter(|it| format!("{it:?}").contains(&format!("{:?}", name.as_bytes())))
            .count()
    };
    assert_eq!((changed("x-a"), changed("x-c"), changed("x-sailcloth-route")), (1, 1, 0));
    assert_eq!(simulated.answer.status, 201);
    assert_eq!(value(&simulated.answer.headers, "x-was"), ["outbound|80|v2|a.example 201"]);
}

#[test]
fn ways_are_told_with_their_shares() {
    let rule = format!(
        r#"{{"fault": {{"delay": {{"fixedDelay": "1s", "percentage": {{"value": 100}}}},
                        "abort": {{"grpcStatus": "UNAVAILABLE", "percentage": {{"value": 50}}}}}},
             "mirrors": [{{"destination": {{"host": "m.example"}}, "percentage": {{"value": 10}}}},
                         {{"destination": {{"host": "n.example"}}}}], {SPLIT}}}"#
    );
    let plan = plan("{}", &rule);
    let ways = all(&plan, &get(&[]));
    let told: BTreeMap<String, f64> = ways.iter().fold(BTreeMap::new(), |mut all, Outcome { share, simulated }| {
        assert_eq!(simulated.delay, Some(Duration::from_secs(1)));
        let aborted = if simulated.reply.is_some() { "abort" } else { "" };
        *all.entry(format!("{aborted}{} {}", subset(simulated), simulated.mirrors.len())).or_default() += share;
        all
    });
    let expected = [("abortnone 0", 0.5), ("v1 1", 0.1125), ("v1 2", 0.0125), ("v2 1", 0.3375), ("v2 2", 0.0375)];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (way, share) in expected {
        assert!((told[way] - share).abs() < 1e-12, "{told:?}");
    }
    let sum: f64 = ways.iter().map(|outcome| outcome.share).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert_eq!(all(&plan, &incoming("GET", "*", &[])).len(), 1, "nothing is drawn where nothing matches");
}

/// Numbers decide as in modules: the same function, and in the order delay, abort, destination, mirrors.
#[test]
fn numbers_are_drawn_in_the_order_of_the_chain() {
    let rule = format!(
        r#"{{"fault": {{"abort": {{"httpStatus": 500, "percentage": {{"value": 50}}}}}},
             "mirror": {{"host": "m.example"}}, "mirrorPercentage": {{"value": 50}}, {SPLIT}}}"#
    );
    let plan = plan("{}", &rule);
    let (low, high) = (0, u64::MAX);
    for (numbers, expected) in [
        (vec![high, low, low], "v1 201 1"),
        (vec![high, low, high], "v1 201 0"),
        (vec![high, high, low], "v2 201 1"),
        (vec![low, high], "none 500 0"),
    ] {
        let mut numbers = numbers.into_iter();
        let mut draws = Numbers(|| numbers.next().unwrap_or_else(|| panic!("one draw too many")));
        let simulated = simulate(&plan, &get(&[]), &mut draws, upstream, &mut Untraced);
        let got = format!("{} {} {}", subset(&simulated), simulated.answer.status, simulated.mirrors.len());
        assert_eq!((got.as_str(), numbers.next()), (expected, None));
    }
}

#[test]
fn a_trace_hears_once_what_was_looked_at() {
    #[derive(Default)]
    struct Heard(Vec<String>);
    impl Trace for Heard {
        fn host(&mut self, host: u32) {
            self.0.push(format!("host {host}"));
        }
        fn skipped(&mut self, rule: u32, matched: u32) {
            self.0.push(format!("skipped {rule} {matched}"));
        }
        fn matched(&mut self, rule: u32, matched: u32) {
            self.0.push(format!("matched {rule} {matched}"));
        }
    }
    let rules = format!(r#"{{"match": [{{"uri": {{"exact": "/x"}}}}], {SPLIT}}}, {{{SPLIT}}}"#);
    let (plan, mut heard) = (plan("{}", &rules), Heard::default());
    assert_eq!(outcomes(&plan, &get(&[]), upstream, &mut heard).len(), 2);
    assert_eq!(heard.0, ["host 0", "skipped 0 0", "matched 1 0"]);
}
