//! Rules of which `check` says that no request comes to them, against requests: none does.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::panic, reason = "a failure of the test")]

use std::cell::Cell;
use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use shared::decide::{Request, Untraced, decide};
use shared::finding::{Code, Report, Severity};
use shared::model::Resources;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};
use shared::{check, load};

/// `OPTIONS *` is left out: a rule without `match` takes all paths from `/` on, and the regex `.*` that one as well.
const PATHS: [&str; 8] = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/A", "/a/", "/b"];
const METHODS: [&str; 2] = ["GET", "POST"];
const HEADERS: [&[(&str, &str)]; 4] = [&[], &[("x", "1")], &[("x", "2")], &[("x", "1"), ("y", "1")]];
const HOSTS: [&str; 3] = ["a.example", "b.example", "c.b.example"];
const CASES: u32 = 3_000;

fn block() -> impl Strategy<Value = String> {
    let uri = prop::sample::select(vec![
        "",
        r#""uri": {"prefix": "/"}"#,
        r#""uri": {"prefix": "/a"}"#,
        r#""uri": {"prefix": "/a/b"}"#,
        r#""uri": {"exact": "/a"}"#,
        r#""uri": {"exact": "/a/b"}"#,
        r#""uri": {"regex": ".*"}"#,
        r#""uri": {"regex": "/a.*"}"#,
        r#""uri": {"prefix": "/a"}, "ignoreUriCase": true"#,
    ]);
    let other = prop::sample::select(vec![
        "",
        "",
        r#""headers": {"x": {"exact": "1"}}"#,
        r#""headers": {"x": {}}"#,
        r#""withoutHeaders": {"y": {}}"#,
        r#""method": {"exact": "GET"}"#,
        r#""port": 80"#,
        r#""port": 81"#,
        r#""sourceNamespace": "other""#,
        r#""gateways": ["gw"]"#,
    ]);
    (uri, other).prop_map(|(uri, other)| {
        let parts: Vec<&str> = [uri, other].into_iter().filter(|part| !part.is_empty()).collect();
        format!("{{{}}}", parts.join(", "))
    })
}

/// Rules, whose destinations are to be numbered.
fn rules() -> impl Strategy<Value = Vec<String>> {
    vec(vec(block(), 0..3).prop_map(|blocks| blocks.join(", ")), 1..4)
}

/// The hosts, when it was created, and the rules.
fn service() -> impl Strategy<Value = (&'static str, &'static str, Vec<String>)> {
    let hosts =
        prop::sample::select(vec![r#""a.example""#, r#""a.example", "b.example""#, r#""*.b.example", "a.example""#]);
    let created = prop::sample::select(vec![r#""2020-01-01T00:00:00Z""#, r#""2021-01-01T00:00:00Z""#, "null"]);
    (hosts, created, rules())
}

fn resources(services: &[(&str, &str, Vec<String>)]) -> String {
    let rule = |(service, (index, blocks)): (usize, (usize, &String))| {
        let matches = if blocks.is_empty() { String::new() } else { format!(r#""match": [{blocks}], "#) };
        format!(r#"{{{matches}"route": [{{"destination": {{"host": "r{service}-{index}"}}}}]}}"#)
    };
    let service = |(number, (hosts, created, rules)): (usize, &(&str, &str, Vec<String>))| {
        let rules: Vec<String> = rules.iter().enumerate().map(|one| rule((number, one))).collect();
        format!(
            r#"{{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "s{number}", "creationTimestamp": {created}}},
                "spec": {{"hosts": [{hosts}], "gateways": ["gw"], "http": [{}]}}}}"#,
            rules.join(", ")
        )
    };
    services.iter().enumerate().map(service).collect::<Vec<_>>().join(", ")
}

fn plan(resources: &str) -> Plan {
    let text = format!(r#"{{"proxy": {{"gateways": ["default/gw"], "port": 80}}, "resources": [{resources}]}}"#);
    let mut report = Report::new();
    let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings())).plan()
}

/// The rules that some request comes to, as `r0-1`.
fn reached(plan: &Plan) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for host in HOSTS {
        for path in PATHS {
            for method in METHODS {
                for headers in HEADERS {
                    let pseudo = [(":method", method), (":scheme", "http"), (":authority", host), (":path", path)];
                    let pairs = pseudo.into_iter().chain(headers.iter().copied());
                    let pairs: Vec<_> = pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
                    let decision = decide(plan, &Request::new(&pairs), || 0, &mut Untraced);
                    let rule = decision.cluster(plan).and_then(|cluster| cluster.split("||").nth(1));
                    all.extend(rule.and_then(|rule| rule.split('.').next()).map(str::to_owned));
                }
            }
        }
    }
    all
}

#[test]
fn no_request_comes_to_rules_that_are_said_to_have_none() {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    let said = Cell::new((0, 0));
    let checked = TestRunner::new(config).run(&vec(service(), 1..4), |services| {
        let resources = resources(&services);
        let mut report = Report::new();
        let list = format!(r#"{{"apiVersion": "v1", "kind": "List", "items": [{resources}]}}"#);
        let set = Resources::read(load::text(&list, None, &mut report), &mut report);
        check::check(&set, &mut report);
        let reached = reached(&plan(&resources));
        for finding in report.findings() {
            let dead = match finding.code {
                Code::OvershadowedRule => finding.severity == Severity::Warning,
                Code::VirtualServiceUnreachableRule => true,
                _ => continue,
            };
            if dead {
                let (of_others, of_its_own) = said.get();
                let other = finding.code == Code::OvershadowedRule;
                said.set((of_others + u32::from(other), of_its_own + u32::from(!other)));
                let index = finding.path.trim_start_matches("spec.http[").trim_end_matches(']');
                let rule = format!("r{}-{index}", finding.name.trim_start_matches('s'));
                prop_assert!(!reached.contains(&rule), "{finding}\n{resources}");
            }
        }
        Ok(())
    });
    if let Err(error) = checked {
        panic!("{error}");
    }
    let (of_others, of_its_own) = said.get();
    assert!(of_others > CASES / 10 && of_its_own > CASES / 10, "{of_others} {of_its_own}");
}
