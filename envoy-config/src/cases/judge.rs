//! Holds an answer against what is expected of it.

use std::collections::BTreeMap;

use super::answer::{Answer, Upstream, shown};
use super::form::{Bytes, Expect, HeaderExpect};

/// What came of comparing.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// How many things the answer could be judged by.
    pub compared: u32,
    /// What is expected and the answer does not tell.
    pub unknown: Vec<String>,
    /// What is not as expected: what, got, want.
    pub wrong: Vec<(String, String, String)>,
}

impl Comparison {
    /// Holds one against the other.
    pub fn check(&mut self, what: impl Into<String>, got: impl Into<String>, want: impl Into<String>) {
        let (got, want) = (got.into(), want.into());
        self.compared += 1;
        if got != want {
            self.wrong.push((what.into(), got, want));
        }
    }
}

/// One answer against the row.
pub fn judge(expect: &Expect, answer: &Answer) -> Comparison {
    let mut all = Comparison::default();
    if let Some(statuses) = &answer.statuses {
        all.check("statuses", format!("{statuses:?}"), format!("{:?}", expect.statuses));
    }
    if let (Some(got), Some(want)) = (answer.most_at_once, expect.most_at_once) {
        all.check("most at once", got.to_string(), want.to_string());
    }
    if !expect.status_shares.is_empty() {
        // Those that are not sent on are counted by their status, and nothing else is said of them.
        if answer.upstream.as_ref().is_some_and(Vec::is_empty) {
            return all;
        }
    }
    match answer.status {
        _ if !expect.status_shares.is_empty() => {}
        Some(status) => all.check("status", status.to_string(), expect.status.unwrap_or(200).to_string()),
        None => all.unknown.push("status".to_owned()),
    }
    upstream(expect, answer, &mut all);
    if let Some(headers) = &answer.headers {
        let pairs: Vec<(&str, String)> = headers.iter().map(|(name, value)| (name.as_str(), shown(value))).collect();
        check_headers("response header", &expect.response_headers, &pairs, answer, &mut all);
        if let Some(location) = &expect.location {
            all.check("location", values(&pairs, "location").join(" and "), location);
        }
    }
    match (&answer.body, &expect.body) {
        (Some(body), Some(want)) => all.check("body", shown(body), want),
        (None, Some(_)) => all.unknown.push("body".to_owned()),
        (_, None) => {}
    }
    if answer.took.is_none() && (expect.at_least_ms.is_some() || expect.at_most_ms.is_some()) {
        all.unknown.push("time".to_owned());
    }
    if let Some(took) = answer.took {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if let Some(least) = expect.at_least_ms {
            all.check("time", if ms >= least { String::new() } else { format!("{ms} ms, less than {least}") }, "");
        }
        if let Some(most) = expect.at_most_ms {
            all.check("time", if ms <= most { String::new() } else { format!("{ms} ms, more than {most}") }, "");
        }
    }
    all
}

fn upstream(expect: &Expect, answer: &Answer, all: &mut Comparison) {
    let Some(seen) = &answer.upstream else { return };
    if !expect.routed() {
        let got: Vec<&str> = seen.iter().map(|request| request.cluster.as_str()).collect();
        all.check("upstreams that saw it", got.join(", "), "");
        return;
    }
    let want = expect.attempts.unwrap_or(1);
    if answer.all_attempts {
        all.check("attempts", seen.len().to_string(), want.to_string());
    } else {
        if seen.is_empty() {
            all.check("cluster", "none", expect.cluster.as_deref().unwrap_or("one"));
        }
        if expect.attempts.is_some() {
            all.unknown.push("attempts".to_owned());
        }
    }
    for request in seen {
        if let Some(cluster) = &expect.cluster {
            all.check("cluster", &request.cluster, cluster);
        }
        judge_upstream(expect, request, answer, all);
    }
}

/// One request as an upstream saw it, be it the destination or a mirror.
pub(super) fn judge_upstream(expect: &Expect, request: &Upstream, answer: &Answer, all: &mut Comparison) {
    if let Some(path) = &expect.path {
        all.check("path", &request.path, path);
    }
    if let Some(authority) = &expect.authority {
        all.check("authority", &request.authority, authority);
    }
    let pairs: Vec<(&str, String)> =
        request.headers.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    check_headers("upstream header", &expect.upstream_headers, &pairs, answer, all);
    // Nothing internal ever gets there, whatever the row is about.
    let internal = pairs.iter().map(|(name, _)| *name).filter(|name| name.starts_with("x-sailcloth-"));
    all.check("internal headers", internal.collect::<Vec<_>>().join(", "), "");
}

fn check_headers(what: &str, expect: &HeaderExpect, headers: &[(&str, String)], answer: &Answer, all: &mut Comparison) {
    let known = |name: &str| !answer.unknown_headers.contains(&name) || headers.iter().any(|(key, _)| *key == name);
    let mut by_name: BTreeMap<&str, Vec<&Option<Bytes>>> = BTreeMap::new();
    for (name, value) in &expect.present {
        by_name.entry(name).or_default().push(value);
    }
    for (name, want) in by_name {
        if !known(name) {
            all.unknown.push(format!("{what} {name}"));
            continue;
        }
        let got = values(headers, name);
        let any = want.iter().all(|value| value.is_none());
        if any {
            all.check(format!("{what} {name}"), if got.is_empty() { "none" } else { "there" }, "there");
        } else {
            let want: Vec<String> = want.into_iter().flatten().map(|value| shown(&value.bytes())).collect();
            all.check(format!("{what} {name}"), brief(&got), brief(&want));
        }
    }
    for name in &expect.absent {
        if !known(name) {
            all.unknown.push(format!("{what} {name}"));
        }
        all.check(format!("{what} {name}"), brief(&values(headers, name)), "none");
    }
}

fn values(headers: &[(&str, String)], name: &str) -> Vec<String> {
    headers.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.clone()).collect()
}

/// All values, long ones by length and ends.
fn brief(values: &[String]) -> String {
    let one = |value: &String| match value.chars().count() {
        0..=200 => format!("`{value}`"),
        long => {
            let start: String = value.chars().take(20).collect();
            format!("`{start}...` ({long} characters, checksum {:x})", checksum(value))
        }
    };
    if values.is_empty() { "none".to_owned() } else { values.iter().map(one).collect::<Vec<_>>().join(" and ") }
}

/// FNV-1a.
fn checksum(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(yaml: &str) -> Expect {
        serde_yaml::from_str(yaml).expect("an expectation")
    }

    fn answer() -> Answer {
        let upstream = Upstream {
            cluster: "a".into(),
            path: "/x".into(),
            authority: "h".into(),
            version: None,
            method: "GET".into(),
            headers: vec![("x-a".into(), "1".into()), ("x-a".into(), "2".into())],
        };
        Answer { status: Some(200), upstream: Some(vec![upstream]), all_attempts: true, ..Answer::default() }
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let wrong = |yaml: &str| -> Vec<String> {
            judge(&expect(yaml), &answer())
                .wrong
                .into_iter()
                .map(|(what, got, want)| format!("{what}: {got}/{want}"))
                .collect()
        };
        assert_eq!(wrong("{cluster: a, path: /x, upstream_headers: {present: [[x-a, '1'], [x-a, '2']]}}"), [""; 0]);
        assert_eq!(wrong("{cluster: b, path: /y}"), ["cluster: a/b", "path: /x//y"]);
        assert_eq!(wrong("{status: 404}"), ["status: 200/404", "upstreams that saw it: a/"]);
        let headers = "{cluster: a, upstream_headers: {present: [[x-a, '1'], [x-b, null]], absent: [x-a]}}";
        let expected = [
            "upstream header x-a: `1` and `2`/`1`",
            "upstream header x-b: none/there",
            "upstream header x-a: `1` and `2`/none",
        ];
        assert_eq!(wrong(headers), expected);
    }

    #[test]
    fn what_an_engine_cannot_know_is_not_compared() {
        let nothing = judge(&expect("{status: 404, body: x}"), &Answer::default());
        assert_eq!((nothing.compared, nothing.wrong.len()), (0, 0));
    }

    #[test]
    fn a_crowd_is_judged_by_its_statuses() {
        let wrong = |yaml: &str| -> Vec<String> {
            let statuses = Some(BTreeMap::from([(200, 1), (503, 2)]));
            let answer = Answer { statuses, most_at_once: Some(2), ..Answer::default() };
            judge(&expect(yaml), &answer).wrong.into_iter().map(|(what, ..)| what).collect()
        };
        assert_eq!(wrong("{statuses: {200: 1, 503: 2}, most_at_once: 2}"), [""; 0]);
        assert_eq!(wrong("{statuses: {200: 3}, most_at_once: 1}"), ["statuses", "most at once"]);
    }
}
