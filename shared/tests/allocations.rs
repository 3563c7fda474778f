//! Finding a request's rule allocates nothing, however many rules there are: counted by the allocator.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::panic, reason = "a failure of the test")]

mod counting;

use counting::{ALLOCATIONS, LIVE};
use shared::decide::{Found, OwnReply, Request, Untraced, decide, find};
use shared::finding::Report;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};
use shared::re2::Re2;

const SIZES: [usize; 2] = [10, 10_000];

/// What a rule matches on, for its number.
type Matches = fn(usize) -> String;

const KINDS: [(&str, Matches); 7] = [
    ("prefix", |rule| format!(r#"{{"uri": {{"prefix": "/r{rule:05}/"}}}}"#)),
    ("any case", |rule| format!(r#"{{"uri": {{"prefix": "/R{rule:05}/"}}, "ignoreUriCase": true}}"#)),
    ("exact", |rule| format!(r#"{{"uri": {{"exact": "/r{rule:05}/item"}}}}"#)),
    ("header", |rule| format!(r#"{{"headers": {{"x-rule": {{"exact": "r{rule:05}"}}}}}}"#)),
    // One value that all rules share, and one that each has for itself.
    ("two exact", |rule| {
        format!(r#"{{"scheme": {{"exact": "http"}}, "headers": {{"x-rule": {{"exact": "r{rule:05}"}}}}}}"#)
    }),
    // Most need an engine of their own or none. Those of a tenth are tried for each request, and their engines, a
    // thousand, have room beside each other: what has none is made again.
    ("regex", |rule| match rule % 10 {
        0 | 3 | 6 => format!(r#"{{"uri": {{"regex": "/r{rule:05}/([a-z]+|[0-9]+x)"}}}}"#),
        1 => format!(r#"{{"headers": {{"x-rule": {{"regex": "(q|r)(0*){rule}(a|b)?"}}}}}}"#),
        _ => format!(r#"{{"uri": {{"regex": "/r{rule:05}/[a-z]+"}}}}"#),
    }),
    ("mixed", |rule| match rule % 5 {
        0 => format!(r#"{{"uri": {{"prefix": "/r{rule:05}/"}}, "withoutHeaders": {{"x-no": {{"regex": "a+b?"}}}}}}"#),
        1 => format!(r#"{{"uri": {{"exact": "/r{rule:05}/item"}}, "method": {{"regex": "GET|(HE|P)AD"}}}}"#),
        2 => format!(r#"{{"queryParams": {{"rule": {{"exact": "{rule}"}}}}, "scheme": {{"exact": "http"}}}}"#),
        3 => format!(r#"{{"headers": {{"x-rule": {{"exact": "r{rule:05}"}}, "user-agent": {{}}}}}}"#),
        _ => format!(
            r#"{{"uri": {{"regex": "/r{rule:05}/([a-z]+|[0-9]+x)"}}, "authority": {{"prefix": "h"}}}}, {{"uri": {{"prefix": "/R{rule:05}/"}}}}"#
        ),
    }),
];

/// What a rule does besides, by its number.
const MORE: [&str; 6] = [
    r#""fault": {"delay": {"percentage": {"value": 1}, "fixedDelay": "1s"}, "abort": {"percentage": {"value": 1}, "httpStatus": 503}}, "#,
    r#""mirrors": [{"destination": {"host": "shadow"}, "percentage": {"value": 50}}], "#,
    r#""corsPolicy": {"allowOrigins": [{"exact": "http://o"}, {"regex": "http://(a|b)+"}], "allowMethods": ["GET"]}, "#,
    r#""timeout": "5s", "retries": {"attempts": 3, "retryOn": "5xx", "perTryTimeout": "2s"}, "#,
    r#""rewrite": {"uri": "/items/"}, "headers": {"response": {"set": {"x-answer": "%REQ(x-rule)%"}}}, "#,
    "",
];

/// Hosts of the VirtualService, such that a request's host may be found by any of the ways.
const HOSTS: [&str; 3] = ["here.example", "*.wild.example", "*.deep.example.org"];

fn plan(rules: usize, matches: Matches) -> Plan {
    let rule = |rule: usize| {
        let more = MORE.get(rule % MORE.len()).copied().unwrap_or_default();
        let route = r#"[{"destination": {"host": "a", "subset": "v1"}, "weight": 90},
            {"destination": {"host": "a", "subset": "v2"}, "weight": 10}]"#;
        format!(r#"{{{more}"match": [{}], "route": {route}}}"#, matches(rule))
    };
    let rules: Vec<String> = (0..rules).map(rule).collect();
    let text = format!(
        r#"{{"proxy": {{"gateways": ["default/gw"], "port": 80}}, "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {{"name": "gw"}}, "spec": {{
              "selector": {{"a": "b"}}, "servers": [
                {{"port": {{"number": 80, "name": "http", "protocol": "HTTP"}}, "hosts": ["*.wild.example"],
                  "tls": {{"httpsRedirect": true}}}},
                {{"port": {{"number": 80, "name": "http-b", "protocol": "HTTP"}},
                  "hosts": ["here.example", "*.deep.example.org"]}}]}}}},
            {{"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {{"name": "a"}},
              "spec": {{"host": "a", "subsets": [{{"name": "v1"}}, {{"name": "v2"}}],
                "trafficPolicy": {{"connectionPool": {{"tcp": {{"maxConnections": 9}}}}}}}}}},
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web"}},
              "spec": {{"hosts": ["{}"], "gateways": ["gw"], "http": [{}]}}}}]}}"#,
        HOSTS.join(r#"", ""#),
        rules.join(", ")
    );
    let mut report = Report::new();
    let config = ModuleConfig::read(text.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
    config.unwrap_or_else(|| panic!("{:?}", report.findings().first())).plan()
}

/// Requests for a rule, by all that any kind of rule matches on; and some that look alike and find nothing.
fn requests(rule: usize) -> Vec<Vec<(String, String)>> {
    let mut all = Vec::new();
    for authority in ["here.example", "HERE.Example:80", "x.deep.example.org", "X.wild.EXAMPLE"] {
        for (number, end, method) in [
            (rule, "item", "GET"),
            (rule, "item", "OPTIONS"),
            (rule, "word", "GET"),
            (rule, "99x", "GET"),
            (rule + 100_000, "item", "GET"),
        ] {
            let pairs = [
                (":method", method),
                (":scheme", "http"),
                (":authority", authority),
                (":path", &format!("/r{number:05}/{end}?a=b&rule={number}")),
                ("user-agent", "one"),
                ("user-agent", "two"),
                ("x-no", "b"),
                ("x-rule", "another"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-proto", "http"),
                ("x-rule", &format!("r{number:05}")),
                ("origin", "http://abab"),
                ("access-control-request-method", "GET"),
                ("access-control-request-method", "PUT"),
            ];
            all.push(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec());
        }
    }
    all
}

/// Runs something, and says how often it allocated.
fn counted<T>(run: impl FnOnce() -> T) -> (T, u64) {
    let before = ALLOCATIONS.get();
    let result = run();
    (result, ALLOCATIONS.get() - before)
}

#[test]
fn finding_a_rule_allocates_nothing() {
    for rules in SIZES {
        for (kind, matches) in KINDS {
            let plan = plan(rules, matches);
            let mut met = [0, 0, 0];
            let mut preflights = 0;
            let first_host = (":authority".to_owned(), "here.example".to_owned());
            for rule in [0, 1, rules / 2, rules - 3, rules - 2, rules - 1] {
                for request in requests(rule) {
                    let pairs: Vec<(&[u8], &[u8])> =
                        request.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
                    // A pattern has its program from the first value on, and a DFA from some hundred bytes on. The
                    // other hosts come to the same rules, without a request before.
                    for _ in 0..if request.contains(&first_host) { 300 } else { 0 } {
                        find(&plan, &Request::new(&pairs), &mut Untraced);
                    }
                    let (decision, allocated) = counted(|| decide(&plan, &Request::new(&pairs), || 7, &mut Untraced));
                    assert_eq!(allocated, 0, "{kind}, {rules} rules: {request:?}");
                    match (decision.found, decision.reply) {
                        (_, Some(OwnReply::HttpsRedirect)) => met[2] += 1,
                        (_, Some(OwnReply::Preflight)) => preflights += 1,
                        (Found::Rule { .. }, None) => met[0] += 1,
                        (Found::Host(_), _) => met[1] += 1,
                        other => panic!("{kind}: {other:?} for {request:?}"),
                    }
                }
            }
            assert!(met.iter().all(|count| *count >= 18), "{kind}, {rules} rules: a rule, none, https: {met:?}");
            assert!(preflights > 0, "{kind}, {rules} rules: no preflight is answered");
        }
    }
}

/// States that a DFA has not made yet are made when they are needed. A pattern of routes has few of them: what other
/// values taught it is enough for the next.
#[test]
fn patterns_that_have_seen_some_values_allocate_nothing_for_others() {
    let plan = plan(30, KINDS[5].1);
    let find_in = |word: &str| {
        let path = format!("/r00003/{word}");
        let pairs: [(&[u8], &[u8]); 2] = [(b":authority", b"here.example"), (b":path", path.as_bytes())];
        counted(|| find(&plan, &Request::new(&pairs), &mut Untraced))
    };
    let words = ["a", "ab", "1x", "12x", "9", "", "x1", "1a", "-"];
    for word in words.iter().cycle().take(words.len() * 20) {
        find_in(word);
    }
    for word in ["kitten", "7x", "123456x", "99999", "ki77en", "ki-en", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"]
    {
        let (decision, allocated) = find_in(word);
        assert_eq!(allocated, 0, "{word}: {decision:?}");
    }
}

/// Bytes that all DFAs of a thread have together, and all NFAs, beside the engine at work. The sum is what patterns can
/// take of a module's memory, whatever is configured and whatever clients send.
const DFAS: isize = 12 << 20;
const NFAS: isize = 48 << 20;
/// What may come on top: the patterns as they were read, and the engine at work.
const BESIDES: isize = 1 << 20;

/// The limit is kept by estimates; this is what the allocator has given out. The NFAs of so few patterns are small.
#[test]
fn the_dfas_of_hard_patterns_have_a_limit() {
    let hard = |number| match number % 3 {
        0 => format!("(a|b)*a(a|b){{{}}}|c{{{number}}}", 9 + number % 7),
        1 => format!("[a-z]*[a-q][^u-z]{{{}}}[a-f]|c{{{number}}}", 9 + number % 7),
        _ => format!(".*(ab|ba|b.){{2}}.{{{}}}(a|z)|c{{{number}}}", 9 + number % 7),
    };
    let before = LIVE.get();
    let patterns: Vec<Re2> =
        (0..240).map(|number| Re2::new(&hard(number)).unwrap_or_else(|error| panic!("{error}"))).collect();
    for pattern in &patterns {
        assert!(!pattern.is_full_match(&[b'-'; 600]));
    }
    let (mut seed, mut most) = (1_u32, 0);
    for letters in [&b"ab"[..], b"abfgmtz", b"ab"] {
        let mut letter = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            letters[(seed >> 16) as usize % letters.len()]
        };
        let value: Vec<u8> = (0..1_200).map(|_| letter()).collect();
        for pattern in &patterns {
            pattern.is_full_match(&value);
            most = most.max(LIVE.get() - before);
        }
    }
    assert!(most <= DFAS + BESIDES, "{most} bytes");
    assert!(most > DFAS * 3 / 4, "the test is too easy: {most} bytes");
}

#[test]
fn the_nfas_of_large_patterns_have_a_limit() {
    // As many places as fit, and as many bytes as are told apart.
    let bytes: String = (1..=200).map(|byte| format!(r"[\xff\x{byte:02x}]")).collect();
    let large = |number| format!("[0-9]+(?:-{number}|x){bytes}{}", "[a-z]{1000}".repeat(30));
    let (before, mut most) = (LIVE.get(), 0);
    for number in 0..60 {
        // The pattern goes, its engine stays.
        let pattern = Re2::new(&large(number)).unwrap_or_else(|error| panic!("{error}"));
        assert!(!pattern.is_full_match(b"0-"));
        most = most.max(LIVE.get() - before);
    }
    assert!(most <= NFAS + BESIDES, "{most} bytes");
    assert!(most > NFAS * 3 / 4, "the test is too easy: {most} bytes");
}

/// All are tried for each value, since no text that they all have in a place tells them apart.
#[test]
fn engines_of_thousands_of_patterns_of_one_prefix_are_made_once() {
    const PATTERNS: isize = 5_000;
    let pattern = |number| Re2::new(&format!("/api/v[0-9]+/(?:svc-{number}|none)/.*"));
    let patterns: Vec<Re2> =
        (0..PATTERNS).map(|number| pattern(number).unwrap_or_else(|error| panic!("{error}"))).collect();
    let pass = |value: &[u8]| patterns.iter().filter(|pattern| pattern.is_full_match(value)).count();
    let before = LIVE.get();
    assert_eq!(pass(b"/api/v12/svc-4999/item"), 1);
    let each = (LIVE.get() - before) / PATTERNS;
    println!("{each} bytes each");
    assert!(each * 10_000 <= NFAS, "of 10,000 such patterns each takes {each} bytes");
    assert_eq!(counted(|| pass(b"/api/v12/svc-4999/item")), (1, 0));
}

#[test]
fn the_count_counts() {
    let (_, allocated) = counted(|| std::hint::black_box(vec![1_u8; 100]));
    assert_eq!(allocated, 1);
    let (_, allocated) = counted(|| {
        let mut grown = std::hint::black_box(vec![1_u8]);
        grown.reserve_exact(1_000_000);
        grown
    });
    assert_eq!(allocated, 2);
    let before = LIVE.get();
    let grown = counted(|| std::hint::black_box(vec![1_u8; 100])).0;
    assert_eq!(LIVE.get() - before, 100);
    drop(grown);
    assert_eq!(LIVE.get(), before);
}
