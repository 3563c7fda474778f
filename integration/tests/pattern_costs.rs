//! What a pattern and a value cost Envoy, with the suite and by its own RE2: no pair costs more than three times as much,
//! neither the first value of a pattern nor those after it.
//!
//! The patterns are those that one or the other engine finds hard: more states than fit, nested repetitions, thousands of
//! places, matches that are tried again and again. What is compared is the processor time of whole requests, as the
//! scheduler has it for each of two Envoys; the least of several measurements, since others disturb them.

use std::collections::BTreeMap;
use std::time::Duration;

use envoy_config::Proxy;
use integration::corpus::case::{Bytes, RequestFields};
use integration::engine::Kind;
use integration::engine::proxy::{Bench, Placed, ProxyEngine};
use integration::random::Random;
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;

/// The most that a request may cost, to native Envoy.
const MOST: f64 = 3.0;

/// Each pattern stands there so often, a little different each time, so that each can have a first value.
const COPIES: usize = 9;

/// Copies whose first values are one measurement, of which the least counts.
const AT_ONCE: usize = 3;

/// Values after the first: so many measurements, of so many requests at least, and of so much time.
const ROUNDS: usize = 4;
const REQUESTS: u32 = 3;
const ENOUGH: Duration = Duration::from_millis(8);

/// How often what was too dear is measured.
const ATTEMPTS: usize = 4;

/// A pattern for a header, or one for a path with what takes the place of its matches.
struct Pattern {
    pattern: String,
    rewrite: Option<&'static str>,
    values: Vec<String>,
    /// A value that is sent before each, so that they come when it has used up whatever it can.
    before: Option<String>,
}

fn letters(random: &mut Random, letters: &[char], count: usize) -> String {
    (0..count).map(|_| *random.pick(letters)).collect()
}

fn words(random: &mut Random, count: usize) -> Vec<String> {
    let alphabet: Vec<char> = ('a'..='z').collect();
    (0..count)
        .map(|_| {
            let length = random.between(3, 7) as usize;
            letters(random, &alphabet, length)
        })
        .collect()
}

fn text(random: &mut Random, words: &[String], between: &str, length: usize) -> String {
    let mut text = String::new();
    while text.len() < length {
        text.push_str(random.pick(words).as_str());
        text.push_str(between);
    }
    text.truncate(length);
    text
}

fn matches(random: &mut Random) -> Vec<Pattern> {
    let ab = |random: &mut Random, count| letters(random, &['a', 'b'], count);
    let mut all = Vec::new();
    let mut add = |pattern: &str, values: Vec<String>| {
        all.push(Pattern { pattern: pattern.to_owned(), rewrite: None, values, before: None });
    };
    add(
        "/api/v[0-9]+/(svc-1|none)/.*",
        vec!["/api/v12/svc-1/item".into(), format!("/api/v1/svc-1/{}", "x".repeat(40_000))],
    );
    add("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", vec!["123e4567-e89b-12d3-a456-426614174000".into()]);
    // A state for each subset of the last letters: few, as many as fit, and more.
    for back in [6, 10, 12, 13, 14, 17, 30, 60, 100, 300, 1000] {
        add(&format!("[ab]*a[ab]{{{back}}}"), vec![ab(random, 100), ab(random, 1_000), ab(random, 40_000)]);
    }
    add("[ab]*a[ab]{1000}x?", vec!["a".repeat(40_000), "a".repeat(55_000)]);
    add("[a-z]*[a-m][a-z]{11}", vec![letters(random, &('a'..='z').collect::<Vec<_>>(), 55_000)]);
    // Repetitions in repetitions.
    add("(a{0,30}){0,30}", vec!["a".repeat(899), "a".repeat(40_000)]);
    add("((a{0,9}b?){0,9}c?){0,9}", vec![letters(random, &['a', 'b', 'c'], 600), "aab".repeat(20)]);
    add("(a?){500}a{500}", vec!["a".repeat(500), "a".repeat(999), "a".repeat(40_000)]);
    add("(a?){1000}", vec!["a".repeat(100), "a".repeat(1_000)]);
    add("([a-c]{1,20}[b-d]{1,20}){1,20}e?", vec![letters(random, &['a', 'b', 'c', 'd'], 400), "abcd".repeat(90)]);
    add(&"(a?){1000}".repeat(8), vec!["a".repeat(60), "a".repeat(1_000)]);
    add("(x+x+)+y", vec!["x".repeat(30), "x".repeat(40_000), format!("{}y", "x".repeat(40_000))]);
    add("(([a-z]+)*)*[0-9]", vec!["a".repeat(30_000)]);
    add("(a|a)*(a|aa)*b", vec!["a".repeat(30_000)]);
    // Long ones of which little is at work at once.
    add("[a-z]{1000}".repeat(30).as_str(), vec!["abc".repeat(10_000), "abc".repeat(30)]);
    add("([a-f]{1,9}x?){1,9}([a-g]{1,300}|z{1,300}){1,3}", vec!["abcdefg".repeat(100), "b".into()]);
    // Alternations.
    let known = words(random, 150);
    let either = known.join("|");
    add(&format!("({either})"), vec![known[77].clone(), "zzz".into()]);
    add(&format!("({either})*"), vec![text(random, &known, "", 60), text(random, &known, "", 40_000)]);
    add(&format!("(?i)({either})*"), vec![text(random, &known, "", 40_000).to_uppercase()]);
    let (some, others) = (known[..50].join("|"), known[50..100].join("|"));
    add(&format!(".*({some}).*({others}).*"), vec![text(random, &known, "-", 40_000), "xz-".repeat(10_000)]);
    // Anything between texts.
    add(".*a.*b.*c.*d.*e.*f.*g", vec![text(random, &known, " ", 200), text(random, &known, " ", 40_000)]);
    add(&format!("{}x", ".*".repeat(20)), vec!["y".repeat(40_000), format!("{}x", "y".repeat(40_000))]);
    add("[^,]*(,[^,]*){50},z", vec!["abcdef,".repeat(5_000), "abcdef,".repeat(51)]);
    add("[a-z0-9_-]+(\\.[a-z0-9_-]+)*", vec!["www.example-1.com".into(), "abc-1.".repeat(8_000)]);
    add("[^@]+@[^@]+\\.[a-z]{2,6}", vec![format!("{}@{}com", "a".repeat(20_000), "b.".repeat(10_000))]);
    // What is tried again from each place by those who turn back.
    add("(a*)*b", vec!["a".repeat(40_000)]);
    add("(.*a){20}", vec![text(random, &known, "", 40_000), "a".repeat(40_000)]);
    add("([a-z]+[0-9]*)+!", vec![text(random, &known, "7", 40_000)]);
    add("(?:[^x]*x){30}y", vec!["abcx".repeat(10_000), format!("{}y", "abcx".repeat(30))]);
    add("(?:a|b|ab|ba|aba)*c", vec![ab(random, 40_000), ab(random, 100)]);
    add("(?:(?:ab?){1,30}|(?:ba?){1,30}){1,30}c?", vec![ab(random, 40_000), ab(random, 200)]);
    add(".{0,200}a.{0,200}b.{0,200}c", vec![letters(random, &['a', 'b'], 600), "a".repeat(1_000)]);
    // What looks around, and classes of characters and bytes.
    let few: Vec<String> = ["foo", "bar", "baz", "quux"].map(String::from).to_vec();
    add(".*\\bfoo\\b.*\\bbar\\b.*", vec![text(random, &few, " ", 40_000), "foo bar".into()]);
    add("(?:\\b[a-z]+\\b[^a-z]*){1,60}z", vec![text(random, &few, " ", 40_000), text(random, &few, " ", 200)]);
    add("(\\b[a-z]+\\b[^a-z]?)*", vec![text(random, &few, " ", 40_000)]);
    add("(\\pL|\\pN|[ -/])*", vec![text(random, &few, " 12-", 40_000)]);
    add("([\\x80-\\xff]{2}|[a-z])*", vec!["é".repeat(15_000), "éa".repeat(10_000)]);
    add("(.)*é(..)*", vec!["é日a".repeat(6_000), "a".repeat(30_000)]);
    // Found by trying patterns at random: what forks often, and what looks often.
    add(".+((?i:a)*?){1,300}(?:[^a]*\\bc?[a-z]{40}|ab)", vec!["aab".repeat(3_300)]);
    add("(.+)?(?:\\b){300}c+", vec![text(random, &few, " ", 40_000), "c".into()]);
    add(".*(?:([^a]*|[^a]bb|[^/]\\b){20}(?:b/+é+)[a-z]*?[a-c]+|a|é)", vec![letters(random, &['a', 'b', 'c'], 10_000)]);
    add("^(?:c*[^a]*|\\b(?:b\\b){5}|[^a](?:\\s{2,}a/\\d)){50,}", vec!["c".repeat(40_000)]);
    all
}

/// Easy values of patterns that others have used up.
fn after_others(random: &mut Random) -> Vec<Pattern> {
    let hard = letters(random, &['a', 'b'], 50_000);
    let values = || vec!["a".into(), "a".repeat(100), "a".repeat(40_000), "ab".repeat(20_000)];
    let of = |pattern: &str| Pattern {
        pattern: pattern.to_owned(),
        rewrite: None,
        values: values(),
        before: Some(hard.clone()),
    };
    ["[ab]*a[ab]{17}", "([ab]*a[ab]{17}|((a?){4}b?){4}c)", "[ab]*a[ab]{100}", "((a?){100}b?)*[ab]{80}a?"].map(of).into()
}

fn rewrites(random: &mut Random) -> Vec<Pattern> {
    let mut all = Vec::new();
    let mut add = |pattern: &str, rewrite, paths: Vec<String>| {
        all.push(Pattern { pattern: pattern.to_owned(), rewrite: Some(rewrite), values: paths, before: None });
    };
    let ab = letters(random, &['a', 'b'], 15_000);
    let few: Vec<String> = ["foo", "bar", "quux"].map(String::from).to_vec();
    let long = |part: &str, count: usize| format!("/{}", part.repeat(count));
    for pattern in ["^/(r[0-9]+)/([^/]+)(/.*)$", "/(r[0-9]+)/([^/]+)(/.*)$", "^/(r[0-9]+)/([^/]+)(/[^?]*)"] {
        let paths = ["/pre/abc/def/ghi".into(), "/r12/abc/def".into(), long("b", 15_000), long("r1/", 5_000)];
        add(pattern, r"/\1/x/\2\3", paths.to_vec());
    }
    add("/+", "/", vec!["/a//b/c".into(), long("a//b/c", 2_500)]);
    add("a", "b", vec!["/path/to/a".into(), long("a", 15_000), long("xyz", 5_000)]);
    add("[ab]*a[ab]{300}", "x", vec![long(&ab, 1)]);
    add("([ab]*)a([ab]{12})c", r"\1\2", vec![long(&ab, 1)]);
    for pattern in ["[ab]{30}a", "[ab]{300}a", "[ab]{1000}a", "a[ab]{13}", "a[ab]{300}", "[ab]*?a[ab]{20}?b"] {
        add(pattern, "-", vec![long(&ab, 1)]);
    }
    add("([ab]{300})(a)", r"\2\1", vec![long(&ab, 1)]);
    add("^.*(a[ab]{13})c", r"\1", vec![long(&ab, 1)]);
    add("^/(a[ab]{13})*c", r"\1", vec![long(&ab, 1)]);
    // Hard from the end alone, or from the beginning.
    add("^/(x[ab]*a[ab]{100})", r"\1", vec![long(&ab, 1)]);
    add("^/[ab]*(b[ab]{100}a[ab]*|y)x", r"\1", vec![long(&ab, 1)]);
    add("(a)[^b]*b|(c)[^d]*d|(e)[^f]*f", r"\1\2\3", vec![format!("/{}fdb", "ace".repeat(5_000))]);
    add("(a|b)*", r"\1", vec![long(&ab, 1), "/ab".into()]);
    add("(a.*?b)", r"\1x", vec![long(&ab, 1), long("a", 15_000)]);
    add("x*", "y", vec![long("a", 5_000)]);
    add("a.*b|a", "x", vec![long("a", 3_000)]);
    add(r"\b([a-z]+)\b", r"<\1>", vec![long(&text(random, &few, "-", 15_000), 1)]);
    add("([a-z]+)/([0-9]+)", r"\2/\1", vec![long("abc/123", 2_000), "/abc/123".into()]);
    add("/api/v1/", "/v2/", vec!["/api/v1/users".into(), long("/api/v1/", 1_800), long("/api/v2/", 1_800)]);
    add("(.*)/(.*)/(.*)", r"\3/\2/\1", vec![long("ab/cd/", 2_500)]);
    add("((a{0,20}){0,20})(b*)", r"\3\1", vec![long("aaab", 3_000)]);
    // What seems to match from everywhere.
    add("[a-z]*$", "x", vec![long("abc", 5_000), long("abc/", 3_000)]);
    add("a[^c]*c", "x", vec![long("ab", 3_000)]);
    add("(.*?),", r"<\1>", vec![long("abc,", 3_000), long("abc", 3_000)]);
    add(r"\b(a|[a-z]+)-([a-z]+)\b", r"\2-\1", vec![long(&text(random, &few, "-", 15_000), 1)]);
    add("([^/]+/)*x", r"\1", vec![long("ab/", 5_000)]);
    add("[a-z]{1,50}[0-9]", "-", vec![long("abcdefghij", 500), long("abcdefghi1", 500)]);
    add("(a+)(a+)(a+)b", r"\3\2\1", vec![long("a", 2_000), long("aaaab", 2_000)]);
    all
}

/// A pattern and a value.
struct Case {
    name: String,
    /// The number of the first rule with the pattern. A header says the number of the rule that a request is for, so that
    /// no other pattern is tried.
    rule: usize,
    is_path: bool,
    value: String,
    before: Option<String>,
}

impl Case {
    fn request(&self, rule: usize, value: &str) -> RequestFields {
        let number = ("a-case", format!("c{rule:04}"));
        if self.is_path {
            request(&format!("http://a.example{value}"), &[number])
        } else {
            request("http://a.example/", &[number, ("x-value", value.to_owned())])
        }
    }
}

fn cases() -> (Vec<Case>, Vec<Value>) {
    let mut random = Random::of(20_261_126, 0);
    let (mut cases, mut rules) = (Vec::new(), Vec::new());
    let all = matches(&mut random).into_iter().chain(after_others(&mut random)).chain(rewrites(&mut random));
    for Pattern { pattern, rewrite, values, before } in all {
        for value in values {
            let rule = rules.len();
            // As what is anchored it stays so.
            let start = if pattern.starts_with('^') { "^" } else { "" };
            for copy in rule..rule + COPIES {
                let pattern = format!("{pattern}|{start}~~{copy}");
                let is_it = json!({"exact": format!("c{copy:04}")});
                rules.push(match rewrite {
                    None => json!({"match": [{"headers": {"a-case": is_it, "x-value": {"regex": pattern}}}],
                        "directResponse": {"status": 200}}),
                    Some(rewrite) => json!({"match": [{"headers": {"a-case": is_it}}],
                        "rewrite": {"uriRegexRewrite": {"match": pattern, "rewrite": rewrite}},
                        "route": [{"destination": {"host": "b.example"}}]}),
                });
            }
            let what = rewrite.map_or(pattern.clone(), |rewrite| format!("{pattern} to {rewrite}"));
            let what: String = what.chars().take(36).collect();
            let after = before.as_ref().map_or(' ', |_| '+');
            let name = format!("{what:36}{after}{:>6} `{value:.8}`", value.len());
            cases.push(Case { name, rule, is_path: rewrite.is_some(), value, before: before.clone() });
        }
    }
    // A pattern of neither, with which the VM gets warm.
    rules.push(json!({"match": [{"headers": {"x-warm": {"regex": "([a-z]+[0-9]?)*x"}}}],
        "rewrite": {"uriRegexRewrite": {"match": "/([a-z]+)", "rewrite": "/-\\1"}},
        "route": [{"destination": {"host": "b.example"}}]}));
    (cases, rules)
}

fn request(url: &str, headers: &[(&str, String)]) -> RequestFields {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), Bytes::Text(value.clone()))).collect();
    RequestFields {
        method: None,
        url: Some(url.to_owned()),
        headers,
        body: None,
        source: None,
        repeat: 1,
        at_once: None,
        after_ms: None,
        http2: false,
        raw: None,
    }
}

fn resources(rules: Vec<Value>) -> Resources {
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
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "b"},
            "spec": {"hosts": ["b.example"], "resolution": "STATIC", "endpoints": [{"address": "127.0.0.1"}],
                "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]},
        }),
    ];
    let mut report = Report::new();
    let node = |resource: &Value| shared::load::json(resource.to_string().as_bytes()).expect("it is JSON");
    let set = Resources::read(all.iter().map(|resource| (None, node(resource))), &mut report);
    assert!(!report.stops(), "{:?}", report.findings());
    set
}

/// What a request costs, in µs: the first values, and those after.
fn cost(bench: &Bench, engine: &mut ProxyEngine<'_>, case: &Case) -> ([f64; 2], (Option<u16>, String)) {
    let mut answer = None;
    let mut measure = |copies: std::ops::Range<usize>, times: u32| {
        let mut took = Duration::ZERO;
        for copy in (0..times).flat_map(|_| copies.clone()) {
            if let Some(before) = &case.before {
                engine.exchange(&case.request(case.rule + copy, before), "", 0);
            }
            let began = bench.processor_time();
            let got = engine.exchange(&case.request(case.rule + copy, &case.value), "", 0);
            took += bench.processor_time() - began;
            let path = got.upstream.unwrap_or_default().first().map(|seen| seen.path.clone()).unwrap_or_default();
            answer = Some((got.status, path));
        }
        took.as_secs_f64() * 1e6 / f64::from(times) / copies.len() as f64
    };
    let groups = (0..COPIES).step_by(AT_ONCE).map(|first| first..first + AT_ONCE);
    let first = groups.map(|group| measure(group, 1)).fold(f64::MAX, f64::min);
    let once = measure(0..1, 1);
    let times = ((ENOUGH.as_secs_f64() * 1e6 / once.max(1.0)) as u32).clamp(REQUESTS, 400);
    let later = (0..ROUNDS).map(|_| measure(0..1, times)).fold(f64::MAX, f64::min);
    ([first, later], answer.expect("a request was sent"))
}

/// The cases that were too dear on two Envoys that have just started, with what they cost.
fn too_dear<'c>(set: &Resources, cases: &[&'c Case]) -> Vec<(&'c Case, String)> {
    let proxy = Proxy {
        namespace: "default".to_owned(),
        gateways: vec!["default/gw".to_owned()],
        labels: BTreeMap::new(),
        port: Some(80),
    };
    // Processes of their own, of one worker each, since the processor time is that of a process.
    let [ours, theirs] = [Kind::Suite, Kind::Native].map(|kind| {
        let placed =
            Placed { set, documents: &[], unvalidated: false, proxy: &proxy, alone_to: None, engines: vec![kind] };
        (Bench::start(&[placed], 1), kind)
    });
    let mut suite = ours.0.engine(0, ours.1);
    let mut native = theirs.0.engine(0, theirs.1);
    let warm = request("http://a.example/some/path", &[("x-warm", "ab1cd2".repeat(50) + "x")]);
    for engine in [&mut suite, &mut native] {
        for _ in 0..300 {
            let answer = engine.exchange(&warm, "", 0);
            let path = answer.upstream.unwrap_or_default().first().map(|seen| seen.path.clone());
            assert_eq!((answer.status, path.as_deref()), (Some(200), Some("/-some/-path")));
        }
    }
    let mut dear = Vec::new();
    let mut worst = [0.0_f64; 2];
    println!(
        "{:54} {:>19} {:>19} {:>11}",
        "µs of processor time a request", "native 1st, later", "suite 1st, later", "ratios"
    );
    for case in cases {
        let (theirs, expected) = cost(&theirs.0, &mut native, case);
        let mut least = [f64::MAX; 2];
        // Of what is too dear the rest of the time is measured again.
        for _ in 0..6 {
            let (ours, answer) = cost(&ours.0, &mut suite, case);
            assert_eq!(answer, expected, "{}", case.name);
            // The copies have had their first values.
            if least[0] == f64::MAX {
                least[0] = ours[0];
            }
            least[1] = least[1].min(ours[1]);
            if least[1] <= MOST * theirs[1] {
                break;
            }
        }
        let ratios = [least[0] / theirs[0], least[1] / theirs[1]];
        let line = format!(
            "{:54} {:9.0} {:9.0} {:9.0} {:9.0} {:5.2} {:5.2}",
            case.name, theirs[0], theirs[1], least[0], least[1], ratios[0], ratios[1]
        );
        println!("{line}");
        worst = [worst[0].max(ratios[0]), worst[1].max(ratios[1])];
        if ratios.iter().any(|ratio| *ratio > MOST) {
            dear.push((*case, line));
        }
    }
    println!("worst: {:.2} for the first value, {:.2} later", worst[0], worst[1]);
    assert_eq!(ours.0.vm_reloads(), 0, "{}", ours.0.log());
    dear
}

#[test]
fn no_pattern_costs_three_times_what_it_costs_native_envoy() {
    let (cases, rules) = cases();
    let set = resources(rules);
    // A first value comes but once. What others on the machine made dear is measured again on other Envoys.
    let mut dear: Vec<(&Case, String)> = cases.iter().map(|case| (case, String::new())).collect();
    for _ in 0..ATTEMPTS {
        let again: Vec<&Case> = dear.iter().map(|(case, _)| *case).collect();
        dear = too_dear(&set, &again);
        if dear.is_empty() {
            return;
        }
    }
    let lines: Vec<String> = dear.into_iter().map(|(_, line)| line).collect();
    panic!("more than {MOST} times native Envoy:\n{}", lines.join("\n"));
}
