//! Plan, decision and what is to be done about it, without a proxy; natively and as WebAssembly.
#![expect(clippy::panic, reason = "a failure of the test")]

use std::borrow::Cow;

use shared::act::{self, Changes};
use shared::decide::{OwnReply, Request, Trace, Untraced, decide};
use shared::finding::Report;
use shared::plan::format::{Clock, Fact, Source};
use shared::plan::guard::Detector;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn plan(proxy: &str, rules: &str) -> Plan {
    let text = format!(
        r#"{{"proxy": {proxy}, "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web"}},
              "spec": {{"hosts": ["a.example", "*.b.example"], "gateways": ["gw", "mesh"], "http": {rules}}}}}
        ]}}"#
    );
    let mut report = Report::new();
    let config = ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings())).plan()
}

const GATEWAY: &str = r#"{"gateways": ["default/gw"], "port": 80}"#;

fn route(host: &str) -> String {
    format!(r#""route": [{{"destination": {{"host": "{host}"}}}}]"#)
}

fn headers<'a>(authority: &'a str, path: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a [u8], &'a [u8])> {
    let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", authority), (":path", path)];
    let more = more.iter().copied();
    let mut all: Vec<(&str, &str)> =
        pseudo.into_iter().filter(|(name, _)| more.clone().all(|(n, _)| n != *name)).collect();
    all.extend(more);
    all.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
}

/// The cluster without the parts that all have in common, or the status of the own reply.
fn answer(plan: &Plan, authority: &str, path: &str, more: &[(&str, &str)]) -> String {
    let pairs = headers(authority, path, more);
    let request = Request::new(&pairs);
    let decision = decide(plan, &request, || 0, &mut Untraced);
    match (decision.cluster(plan), act::reply(plan, &decision, &request)) {
        (Some(cluster), None) => cluster.trim_start_matches("outbound|").replace(".default.svc.cluster.local", ""),
        (None, Some(reply)) => reply.status.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let rules = format!(
        r#"[{{"match": [{{"uri": {{"exact": "/a"}}}}, {{"uri": {{"regex": "/x[0-9]+"}}}}], {}}},
            {{"match": [{{"uri": {{"prefix": "/a"}}, "headers": {{"X-User": {{"prefix": "e"}}}}}}], {}}},
            {{"match": [{{"uri": {{"prefix": "/A"}}, "ignoreUriCase": true}}], {}}},
            {{"match": [{{"queryParams": {{"q": {{"exact": "1"}}}}}}, {{"method": {{"exact": "PUT"}}}}], {}}},
            {{"match": [{{"withoutHeaders": {{"x-user": {{}}}}}}], {}}}]"#,
        route("one"),
        route("two"),
        route("three"),
        route("four"),
        route("five"),
    );
    let plan = plan(GATEWAY, &rules);
    for (authority, path, more, expected) in [
        ("a.example", "/a", &[][..], "80||one"),
        ("A.example:8080", "/a?b#c", &[], "80||one"),
        ("x.b.example", "/x12", &[], "80||one"),
        ("x.b.example", "/x12y", &[], "80||five"),
        ("a.example", "/ab", &[("x-user", "elena")], "80||two"),
        ("a.example", "/ab", &[("x-user", "maria")], "80||three"),
        ("a.example", "/b?q=1", &[("x-user", "")], "80||four"),
        ("a.example", "/b?q=2", &[("x-user", "")], "404"),
        ("a.example", "/b", &[(":method", "PUT"), ("x-user", "")], "80||four"),
        ("a.example", "/b", &[], "80||five"),
        // A block without `uri` asks for the prefix `/`.
        ("a.example", "*", &[], "404"),
        ("b.example", "/a", &[], "404"),
        ("", "/a", &[], "404"),
    ] {
        assert_eq!(answer(&plan, authority, path, more), expected, "{authority} {path} {more:?}");
    }
}

#[test]
fn a_mesh_sends_unknown_hosts_on_and_a_gateway_does_not() {
    let rules = format!("[{{{}}}]", route("one"));
    assert_eq!(answer(&plan(GATEWAY, &rules), "other.example", "/", &[]), "404");
    let mesh = plan(r#"{"gateways": ["mesh"]}"#, &rules);
    assert_eq!(answer(&mesh, "other.example", "/", &[]), "PassthroughCluster");
    assert_eq!(answer(&mesh, "a.example", "/", &[]), "80||one");
    // Nobody in this mesh serves anything on 8080.
    assert_eq!(answer(&mesh, "a.example:8080", "/", &[]), "PassthroughCluster");
}

/// A request as it is changed, which format strings look at.
struct Changed(Vec<(Vec<u8>, Vec<u8>)>);

impl Changed {
    fn get(&self, name: &str) -> Option<String> {
        let value = self.0.iter().find(|(known, _)| known == name.as_bytes())?;
        Some(String::from_utf8_lossy(&value.1).into_owned())
    }
}

impl Changes for Changed {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }
    fn add(&mut self, name: &[u8], value: &[u8]) {
        self.0.push((name.to_vec(), value.to_vec()));
    }
    fn remove(&mut self, name: &[u8]) {
        self.0.retain(|(known, _)| known != name);
    }
}

impl Source for Changed {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }
    fn response_header(&self, _: &[u8]) -> Option<Cow<'_, [u8]>> {
        None
    }
    fn fact(&self, _: Fact) -> Option<Cow<'_, [u8]>> {
        None
    }
    fn flags(&self) -> u64 {
        0
    }
    fn time(&self, _: Clock) -> Option<u64> {
        None
    }
}

fn sent(plan: &Plan, path: &str, more: &[(&str, &str)]) -> Changed {
    let pairs = headers("a.example", path, more);
    let request = Request::new(&pairs);
    let decision = decide(plan, &request, || u64::MAX, &mut Untraced);
    let mut changed = Changed(pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect());
    act::request(plan, &decision, &request, &mut changed);
    changed
}

#[test]
fn rewrites_operations_and_retries_are_told() {
    let plan = plan(
        GATEWAY,
        r#"[{"match": [{"uri": {"prefix": "/old/"}}], "rewrite": {"uri": "/new/", "authority": "b.example"},
             "timeout": "1.5s", "retries": {"attempts": 3, "retryOn": "5xx,unavailable,503", "perTryTimeout": "200ms"},
             "headers": {"request": {"set": {"x-a": "%REQ(x-b)%!"}, "add": {"x-empty": "%REQ(none)%"}, "remove": ["x-b"]}},
             "route": [{"destination": {"host": "one"}, "headers": {"request": {"set": {"x-a": "of destination"}}}}]}]"#,
    );
    let sent = sent(&plan, "/old/x?q", &[("x-b", "1"), ("x-sailcloth-cluster", "mine"), ("x-envoy-retry-on", "reset")]);
    for (name, expected) in [
        ("x-sailcloth-cluster", Some("outbound|80||one.default.svc.cluster.local")),
        ("x-sailcloth-route", Some("retry-25ms-previous-hosts")),
        (":path", Some("/new/x?q")),
        ("x-envoy-original-path", Some("/old/x?q")),
        (":authority", Some("b.example")),
        ("x-envoy-upstream-rq-timeout-ms", Some("1500")),
        ("x-envoy-upstream-rq-per-try-timeout-ms", Some("200")),
        ("x-envoy-max-retries", Some("3")),
        ("x-envoy-retry-on", Some("5xx,retriable-status-codes")),
        ("x-envoy-retry-grpc-on", Some("unavailable")),
        ("x-envoy-retriable-status-codes", Some("503")),
        // A single destination's operations come after the rule's.
        ("x-a", Some("of destination")),
        ("x-b", None),
        ("x-empty", None),
    ] {
        assert_eq!(sent.get(name).as_deref(), expected, "{name}");
    }
}

/// What a filter is not told by Envoy, it knows from the decision.
#[test]
fn format_strings_know_what_was_decided() {
    let operators = "%UPSTREAM_CLUSTER% %UPSTREAM_REQUEST_ATTEMPT_COUNT% %RESPONSE_FLAGS% %RESPONSE_CODE% %ROUTE_NAME%";
    let plan = plan(
        GATEWAY,
        &format!(
            r#"[{{"name": "rule", "match": [{{"name": "block", "uri": {{"prefix": "/"}}}}],
                  "headers": {{"request": {{"set": {{"x-a": "{operators}"}}}}, "response": {{"set": {{"x-a": "{operators}"}}}}}},
                  {}}}]"#,
            route("one")
        ),
    );
    let cluster = "outbound|80||one.default.svc.cluster.local;";
    let asked = sent(&plan, "/", &[]);
    assert_eq!(asked.get("x-a"), Some(format!("{cluster} 1 - 0 rule.block")));
    use OwnReply::*;
    for (reply, delayed, expected) in [
        (FaultAbort, true, "0 DI,FI 0"),
        (Overflow, false, "1 UO 0"),
        (Ejected, false, "1 UH 0"),
        (WaitedTooLong, true, "1 DI,UT 0"),
    ] {
        let pairs = headers("a.example", "/", &[]);
        let mut decision = decide(&plan, &Request::new(&pairs), || 0, &mut Untraced);
        (decision.reply, decision.delayed) = (Some(reply), delayed);
        let mut answered = Changed(Vec::new());
        act::response(&plan, &decision, &mut answered);
        assert_eq!(answered.get("x-a"), Some(format!("{cluster} {expected} rule.block")), "{reply:?}");
    }
}

#[test]
fn what_would_end_a_header_is_not_written() {
    let set = r#"{"x-q": "%QUERY_PARAM(q)%", "x-kept": "yes"}"#;
    let plan = plan(GATEWAY, &format!(r#"[{{"headers": {{"request": {{"set": {set}}}}}, {}}}]"#, route("one")));
    for (query, expected) in [("a%20b", Some("a b")), ("a%0d%0ab: c", None), ("%00", None), ("a%0a", None)] {
        let sent = sent(&plan, &format!("/?q={query}"), &[]);
        assert_eq!((sent.get("x-q").as_deref(), sent.get("x-kept").as_deref()), (expected, Some("yes")), "{query}");
    }
    let named = r#""name": "a\nx-evil: 1", "headers": {"request": {"set": {"x-name": "%ROUTE_NAME%"}}}"#;
    let plan = self::plan(GATEWAY, &format!("[{{{named}, {}}}]", route("one")));
    assert_eq!(sent(&plan, "/", &[]).get("x-name"), None);
}

#[test]
fn a_grpc_client_may_ask_for_less_time() {
    let plan = plan(GATEWAY, &format!(r#"[{{"timeout": "1s", {}}}]"#, route("one")));
    let header = |more: &[(&str, &str)]| sent(&plan, "/", more).get("x-envoy-upstream-rq-timeout-ms");
    let grpc = ("content-type", "application/grpc");
    assert_eq!(header(&[]).as_deref(), Some("1000"));
    assert_eq!(header(&[grpc, ("grpc-timeout", "500m")]).as_deref(), Some("500"));
    assert_eq!(header(&[grpc, ("grpc-timeout", "2S")]).as_deref(), Some("1000"));
    assert_eq!(sent(&plan, "/", &[grpc, ("grpc-timeout", "2S")]).get("grpc-timeout").as_deref(), Some("1000m"));
    assert_eq!(sent(&plan, "/", &[grpc, ("grpc-timeout", "500m")]).get("grpc-timeout").as_deref(), Some("500m"));
    assert_eq!(header(&[("grpc-timeout", "500m")]).as_deref(), Some("1000"));
    // Who asks for nothing is told of the rule's.
    assert_eq!(sent(&plan, "/", &[grpc]).get("grpc-timeout").as_deref(), Some("1000m"));
    assert_eq!(sent(&plan, "/", &[]).get("grpc-timeout"), None);
}

#[test]
fn shares_follow_weights() {
    let plan = plan(
        GATEWAY,
        r#"[{"route": [{"destination": {"host": "one"}, "weight": 1}, {"destination": {"host": "two"}, "weight": 3},
                       {"destination": {"host": "never"}, "weight": 0}]}]"#,
    );
    let pairs = headers("a.example", "/", &[]);
    let request = Request::new(&pairs);
    let share = |draw: u64| {
        let decision = decide(&plan, &request, || draw, &mut Untraced);
        decision.cluster(&plan).expect("it is routed").contains("|one.")
    };
    // A quarter of all draws, to the last one.
    assert!(share(0) && share(u64::MAX / 4) && !share(u64::MAX / 4 + 1) && !share(u64::MAX));
}

#[derive(Default)]
struct Heard(Vec<(u32, u32)>);

impl Trace for Heard {
    fn skipped(&mut self, rule: u32, matched: u32) {
        self.0.push((rule, matched));
    }
}

#[test]
fn a_trace_hears_what_was_skipped() {
    let rules = format!(
        r#"[{{"match": [{{"uri": {{"exact": "/a"}}}}, {{"uri": {{"exact": "/b"}}}}], {}}}, {{{}}}]"#,
        route("one"),
        route("two")
    );
    let plan = plan(GATEWAY, &rules);
    let pairs = headers("a.example", "/c", &[]);
    let mut heard = Heard::default();
    decide(&plan, &Request::new(&pairs), || 0, &mut heard);
    assert_eq!(heard.0, [(0, 0), (0, 1)]);
    let skipped = &plan.rule(0).unwrap().matches[1].conditions[0];
    assert_eq!(skipped.to_string(), "uri exact `/b`");
}

#[test]
fn a_configuration_that_is_not_valid_is_refused_with_all_its_findings() {
    let mut report = Report::new();
    let text =
        br#"{"proxy": {"port": 0}, "resources": [{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
        "metadata": {"name": "web"}, "spec": {"hosts": ["a"], "http": [{"match": [{"uri": {"regex": "("}}],
        "route": [{"destination": {"host": "x"}, "weight": -1}]}]}}]}"#;
    assert!(ModuleConfig::read(text.to_vec(), NodeMetadata::default(), &mut report).is_none());
    let mut paths: Vec<&str> = report.findings().iter().map(|finding| finding.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["proxy.port", "spec.http[0].match[0].uri.regex", "spec.http[0].route[0].weight"]);
    assert!(ModuleConfig::read(b"not json".to_vec(), NodeMetadata::default(), &mut report).is_none());
    assert!(ModuleConfig::read(b"".to_vec(), NodeMetadata::default(), &mut report).is_none());
}

#[test]
fn what_only_the_metrics_are_told_keeps_no_module_from_handing_over() {
    let read = |text: &str| {
        let mut report = Report::new();
        let config = ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
        (config, report.into_sorted())
    };
    let (plain, _) = read("{}");
    let (limited, findings) = read(r#"{"stats": {"maxSeries": 7, "oops": 1}}"#);
    let (plain, limited) = (plain.unwrap(), limited.unwrap());
    assert_eq!(plain.fingerprint, limited.fingerprint);
    assert_eq!((plain.plan().telemetry().max_series, limited.plan().telemetry().max_series), (1000, 7));
    assert!(findings.iter().any(|finding| finding.path == "stats.oops"), "{findings:?}");
    let (off, _) = read(r#"{"stats": {"enabled": false}}"#);
    let off = off.unwrap();
    assert_eq!(plain.fingerprint, off.fingerprint);
    assert_eq!((plain.plan().telemetry().enabled, off.plan().telemetry().enabled), (true, false));
    let (refused, findings) = read(r#"{"stats": {"enabled": "no"}}"#);
    assert!(refused.is_none());
    assert_eq!(findings[0].path, "stats.enabled");
    let (refused, findings) = read(r#"{"stats": {"maxSeries": 0}}"#);
    assert!(refused.is_none());
    assert_eq!(findings[0].path, "stats.maxSeries");
}

#[test]
fn modules_detect_outliers_unless_they_are_told_that_envoy_does() {
    let read = |text: &str| {
        let mut report = Report::new();
        let config = ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
        (config.map(|config| config.detector), report.into_sorted())
    };
    for (text, expected) in [
        ("{}", Detector::Module),
        (r#"{"outlierDetection": null}"#, Detector::Module),
        (r#"{"outlierDetection": "module"}"#, Detector::Module),
        (r#"{"outlierDetection": "envoy"}"#, Detector::Envoy),
    ] {
        assert_eq!(read(text), (Some(expected), Vec::new()), "{text}");
    }
    for text in [r#"{"outlierDetection": "Envoy"}"#, r#"{"outlierDetection": true}"#, r#"{"outlierDetection": []}"#] {
        let (refused, findings) = read(text);
        assert_eq!(refused, None, "{text}");
        assert_eq!(findings[0].path, "outlierDetection");
        assert!(findings[0].message.contains("one of `envoy` `module`"), "{findings:?}");
    }
}
