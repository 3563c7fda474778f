//! What differs between two answers to one request, when everything that came of it is looked at: status, response
//! headers, bodies of replies, and what upstreams saw at each attempt.

use std::collections::BTreeMap;

use crate::engine::{Answer, Upstream, shown};

/// Headers that no two requests have alike.
const OWN_TO_EACH: &[&str] = &[
    "date",
    // Rows that count want a key for each engine.
    "x-echo-key",
    "x-envoy-upstream-service-time",
    "x-request-id",
];

/// Rows name headers so whose values no two requests have alike, but which look alike.
const LOOKS_ALIKE: &str = "x-each-";

/// What is left of a timeout at the second attempt and later, to the millisecond.
const TIME_LEFT: &[&str] = &["x-envoy-expected-rq-timeout-ms", "grpc-timeout"];

/// Everything about an answer, by name.
pub type Description = BTreeMap<String, String>;

/// Everything about an answer. Of a request that is `drawn` between destinations, each engine draws for itself: which
/// one got it is left out. Copies come in no order, so several requests at several upstreams are told by upstream.
pub fn describe(answer: &Answer, drawn: bool) -> Description {
    let mut all = Description::new();
    let mut put = |name: String, value: String| {
        let list: &mut String = all.entry(name).or_default();
        list.push_str(&format!("`{value}` "));
    };
    put("status".to_owned(), answer.status.unwrap_or_default().to_string());
    if let Some(statuses) = &answer.statuses {
        put("statuses".to_owned(), format!("{statuses:?}"));
        put("most at once".to_owned(), answer.most_at_once.unwrap_or_default().to_string());
    }
    let upstream = answer.upstream.as_deref().unwrap_or_default();
    for (name, value) in answer.headers.iter().flatten() {
        // An upstream's body tells its headers, ids among them.
        let length = name == "content-length" && !upstream.is_empty();
        if !length && !OWN_TO_EACH.contains(&name.as_str()) {
            put(format!("response header {name}"), compared(name, shown(value)));
        }
    }
    for (name, value) in answer.trailers.iter().flatten() {
        put(format!("response trailer {name}"), shown(value));
    }
    if upstream.is_empty() {
        put("body".to_owned(), shown(answer.body.as_deref().unwrap_or_default()));
    }
    put("attempts".to_owned(), upstream.len().to_string());
    let mut upstream: Vec<&Upstream> = upstream.iter().collect();
    // Stable: attempts at one upstream stay in their order, and copies, which Envoy marks, come behind them.
    let is_copy = |request: &Upstream| request.headers.iter().any(|(name, _)| name == "x-envoy-internal");
    upstream.sort_by_key(|request| ((!drawn).then(|| request.cluster.clone()), is_copy(request)));
    for (attempt, request) in upstream.into_iter().enumerate() {
        if !drawn {
            put(format!("cluster of attempt {attempt}"), request.cluster.clone());
        }
        put(format!("path of attempt {attempt}"), request.path.clone());
        put(format!("authority of attempt {attempt}"), request.authority.clone());
        put(format!("method of attempt {attempt}"), request.method.clone());
        put(format!("version of attempt {attempt}"), request.version.clone().unwrap_or_default());
        let alike = |name: &str| !OWN_TO_EACH.contains(&name) && (attempt == 0 || !TIME_LEFT.contains(&name));
        for (name, value) in request.headers.iter().filter(|(name, _)| alike(name)) {
            put(format!("header {name} of attempt {attempt}"), compared(name, value.clone()));
        }
    }
    all
}

/// A value as it is compared: of one that every request has for itself, what it looks like.
fn compared(name: &str, value: String) -> String {
    if !name.starts_with(LOOKS_ALIKE) {
        return value;
    }
    let mut looks: Vec<char> =
        value.chars().map(|c| if c.is_ascii_digit() || ('a'..='f').contains(&c) { '0' } else { c }).collect();
    looks.dedup_by(|one, other| one == other && *one == '0');
    looks.into_iter().collect()
}

/// What two descriptions do not have in common: the name, and what each has.
pub fn between(ours: &Description, theirs: &Description) -> Vec<(String, String, String)> {
    let names = ours.keys().chain(theirs.keys().filter(|name| !ours.contains_key(*name)));
    let differing = names.filter(|name| ours.get(*name) != theirs.get(*name));
    let say = |all: &Description, name: &String| all.get(name).cloned().unwrap_or_else(|| "none".to_owned());
    differing.map(|name| (name.clone(), say(ours, name), say(theirs, name))).collect()
}
