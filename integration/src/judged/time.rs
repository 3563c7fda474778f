//! Timeouts, per-try timeouts, retries and delays, on upstreams that are slow at first or always, fail, or break off.

use serde_json::{Value, json};

use super::write::{any_gateway, at_gateways, header, request, service, to, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

/// Rules with one timing each, on one service.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let host = format!("t{number}.default.svc.cluster.local");
    let rules: Vec<Value> = (0..6).map(|index| rule(random, index, &host)).collect();
    let documents = vec![
        any_gateway(),
        service("slow", "default", &host, &[(80, "HTTP")]),
        virtual_service("web", "default", &["*"], &["gw"], rules),
    ];
    // These take their time.
    let asks = (0..asks.div_ceil(4)).map(|_| ask(random)).collect();
    Mesh { documents, proxy: at_gateways(&["default/gw"], 80), asks }
}

fn rule(random: &mut Random, index: u32, host: &str) -> Value {
    let mut rule = json!({"match": [{"uri": {"prefix": format!("/{index}")}}], "route": to(host, None, None)});
    if random.percent(60) {
        rule["timeout"] = json!(random.word(&["0.4s", "1s", "10s"]));
    }
    if random.percent(70) {
        // Whole multiples of what upstreams take lie far apart from these, so that both sides end at the same try.
        let on = *random.pick(&[
            "5xx",
            "gateway-error",
            "reset",
            "connect-failure,refused-stream",
            "retriable-4xx",
            "5xx,418",
            "503",
            "retriable-status-codes,409",
            "reset-before-request",
            "unavailable,cancelled",
            "",
        ]);
        let mut retries = json!({"attempts": random.between(0, 4)});
        if !on.is_empty() {
            retries["retryOn"] = json!(on);
        }
        if random.percent(50) {
            retries["perTryTimeout"] = json!(random.word(&["0.15s", "0.25s"]));
        }
        if random.percent(60) {
            retries["backoff"] = json!("0.001s");
        }
        if random.percent(20) {
            retries["retryIgnorePreviousHosts"] = json!(random.percent(50));
        }
        rule["retries"] = retries;
    }
    if random.percent(25) {
        let percent = random.pick(&[0, 100]);
        rule["fault"] = json!({"delay": {"fixedDelay": "0.1s", "percentage": {"value": percent}}});
        if random.percent(40) {
            rule["fault"]["abort"] = json!({"httpStatus": 418, "percentage": {"value": 100}});
        }
    }
    rule
}

fn ask(random: &mut Random) -> Ask {
    let mut headers = Vec::new();
    match random.between(0, 8) {
        0 => headers.push(header("x-echo-delay-ms", random.word(&["80", "700"]))),
        1 => headers.push(header("x-echo-status", random.word(&["500", "502", "503", "504", "409", "418", "429"]))),
        2 => headers.push(header("x-echo-status-first", random.word(&["503x1", "503x2", "500x3", "418x1", "409x2"]))),
        3 => headers.push(header("x-echo-reset", "1")),
        4 => headers.push(header("x-echo-break-bytes", random.word(&["0", "10", "70000"]))),
        5 => {
            headers.push(header("x-echo-delay-ms", "80"));
            headers.push(header("x-echo-status-first", "503x1"));
        }
        _ => {}
    }
    // What clients say of timeouts and retries means nothing at a gateway.
    if random.percent(15) {
        let name = random.word(&["x-envoy-max-retries", "x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on"]);
        headers.push(header(name, if name.ends_with("on") { "5xx" } else { "5" }));
    }
    let mut fields =
        request(random.word(&["GET", "GET", "POST"]), format!("http://web.example/{}", random.between(0, 6)), headers);
    if fields.method.as_deref() == Some("POST") {
        fields.body = Some("body".to_owned());
    }
    fields.http2 = random.percent(25);
    Ask { timed: true, ..Ask::new(fields) }
}
