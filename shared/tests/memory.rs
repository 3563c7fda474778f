//! What a rule takes of a module's memory, configuration text and all that is made on the way included: linear memory
//! never shrinks, so what counts is the most that there ever was.
#![expect(clippy::panic, reason = "a failure of the test")]

#[cfg(not(target_arch = "wasm32"))]
mod counting;

use std::fmt::Write as _;

use shared::finding::Report;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};

const RULES: usize = 10_000;

/// What a rule matches on, for its number.
type Matches = fn(usize) -> String;

const KINDS: [(&str, Matches); 4] = [
    ("prefix", |rule| format!(r#"{{"uri": {{"prefix": "/svc-{rule}/items"}}}}"#)),
    ("exact", |rule| format!(r#"{{"uri": {{"exact": "/svc-{rule}/items"}}}}"#)),
    ("header", |rule| format!(r#"{{"headers": {{"x-tenant": {{"exact": "tenant-{rule}"}}}}}}"#)),
    ("two exact", |rule| {
        format!(r#"{{"method": {{"exact": "GET"}}, "headers": {{"x-tenant": {{"exact": "tenant-{rule}"}}}}}}"#)
    }),
];

fn configuration(matches: Matches) -> Vec<u8> {
    let mut text = String::with_capacity(200 * RULES);
    text.push_str(r#"{"proxy": {"namespace": "default"}, "resources": [{"apiVersion": "networking.istio.io/v1", "#);
    text.push_str(r#""kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"hosts": ["a.com"], "http": ["#);
    for rule in 0..RULES {
        let comma = if rule == 0 { "" } else { "," };
        let route = format!(r#"[{{"destination": {{"host": "dest-{}.default.svc.cluster.local"}}}}]"#, rule % 10);
        let _ = write!(text, r#"{comma}{{"match": [{}], "route": {route}}}"#, matches(rule));
    }
    text.push_str("]}}]}");
    text.into_bytes()
}

fn plan(text: Vec<u8>) -> Plan {
    let mut report = Report::new();
    let config = ModuleConfig::read(text, NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings().first())).plan()
}

/// As in an Envoy: of linear memory 1 kB at most, whichever kind the rules are of.
#[cfg(target_arch = "wasm32")]
#[wasm_bindgen_test::wasm_bindgen_test]
fn a_rule_takes_a_kilobyte_at_most() {
    const PAGE: usize = 65_536;
    let before = core::arch::wasm32::memory_size(0) * PAGE;
    for (kind, matches) in KINDS {
        drop(plan(configuration(matches)));
        // What the kinds before have taken is still there, so the largest of them is what is judged.
        let each = (core::arch::wasm32::memory_size(0) * PAGE - before) / RULES;
        assert!(each <= 1024, "{kind}: {each} bytes for each of {RULES} rules");
    }
}

/// Pointers and lengths are twice as long here.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn a_rule_takes_little_natively() {
    for (kind, matches) in KINDS {
        let before = counting::LIVE.get();
        counting::PEAK.set(before);
        let text = configuration(matches);
        drop(plan(text));
        let each = (counting::PEAK.get() - before) / RULES as isize;
        println!("{kind}: {each} bytes for each of {RULES} rules");
        assert!(each <= 1400, "{kind}: {each} bytes for each of {RULES} rules");
    }
}

/// So many services, each with a DestinationRule and a VirtualService for the gateway and the mesh.
#[cfg(not(target_arch = "wasm32"))]
fn services(count: usize, proxy: &str) -> ModuleConfig {
    let mut text = format!(r#"{{"proxy": {proxy}, "resources": ["#);
    for it in 0..count {
        let comma = if it == 0 { "" } else { "," };
        let istio = r#""apiVersion": "networking.istio.io/v1""#;
        let metadata = format!(r#""metadata": {{"name": "s{it}"}}"#);
        let pool = r#"{"connectionPool": {"tcp": {"maxConnections": 9}}}"#;
        let _ = write!(
            text,
            r#"{comma}{{"apiVersion": "v1", "kind": "Service", {metadata}, "spec": {{"ports": [{{"port": 80}}]}}}},
            {{{istio}, "kind": "DestinationRule", {metadata}, "spec": {{"host": "s{it}", "trafficPolicy": {pool}}}}},
            {{{istio}, "kind": "VirtualService", {metadata}, "spec": {{"hosts": ["s{it}"], "gateways": ["gw", "mesh"],
              "http": [{{"route": [{{"destination": {{"host": "s{it}"}}}}]}}]}}}}"#
        );
    }
    text.push_str("]}");
    let mut report = Report::new();
    let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings().first()))
}

/// Four times as many resources allocate about four times as often: nobody looks through all of them for each.
#[cfg(not(target_arch = "wasm32"))]
#[test]
fn many_resources_take_no_more_each() {
    for proxy in [r#"{"gateways": ["default/gw"], "port": 80}"#, r#"{"gateways": ["mesh"]}"#] {
        let allocations = |count| {
            let config = services(count, proxy);
            let before = counting::ALLOCATIONS.get();
            assert_eq!(config.plan().rule_count(), count, "{proxy}");
            counting::ALLOCATIONS.get() - before
        };
        let (few, many) = (allocations(100), allocations(400));
        assert!(many < few * 5, "{proxy}: {few} allocations for 100 resources of each kind, {many} for 400");
    }
}
