//! Why a request went where it went, and what is said of a host that nobody knows, without a proxy.
#![expect(clippy::panic, reason = "a failure of the test")]

use shared::act::explain::{Place, Told};
use shared::act::{self, Why};
use shared::decide::{Decision, OwnReply, Request, Untraced, decide};
use shared::finding::Report;
use shared::plan::proxy::NodeMetadata;
use shared::plan::{ModuleConfig, Plan};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn config(more: &str) -> Result<ModuleConfig, Report> {
    let text = format!(
        r#"{{"proxy": {{"gateways": ["mesh"], "namespace": "shop"}}, {more} "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web", "namespace": "shop"}},
              "spec": {{"hosts": ["web.example"], "http": [
                {{"match": [{{"uri": {{"prefix": "/named"}}}}], "name": "named",
                  "route": [{{"destination": {{"host": "a.example", "subset": "v2"}}}}]}},
                {{"match": [{{"uri": {{"prefix": "/drawn"}}}}],
                  "route": [{{"destination": {{"host": "a.example"}}, "weight": 1}}, {{"destination": {{"host": "b.example"}}, "weight": 1}}]}},
                {{"match": [{{"uri": {{"prefix": "/moved"}}}}], "redirect": {{"uri": "/"}}}}]}}}},
            {{"apiVersion": "v1", "kind": "Service", "metadata": {{"name": "payments", "namespace": "bank"}},
              "spec": {{"ports": [{{"port": 80, "name": "http"}}, {{"port": 8080, "name": "http-2"}}]}}}}
        ]}}"#
    );
    let mut report = Report::new();
    ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report).ok_or(report)
}

fn plan(more: &str) -> Plan {
    config(more).unwrap_or_else(|report| panic!("{:?}", report.findings())).plan()
}

/// The decision and what is said to the client.
fn ask(plan: &Plan, authority: &[u8], path: &[u8]) -> (Decision, Option<String>) {
    let pairs: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", authority), (b":path", path)];
    let request = Request::new(&pairs);
    let decision = decide(plan, &request, || 0, &mut Untraced);
    let said = act::reply(plan, &decision, &request);
    (decision, said.map(|reply| String::from_utf8_lossy(&reply.body).into_owned()))
}

const ANSWERS: &str = r#""unknownHosts": "answer","#;

#[test]
fn a_decision_is_explained_by_rule_reason_and_version() {
    let plan = plan(ANSWERS);
    for (host, path, rule, reason, version) in [
        ("web.example", "/named", "shop/web#named", "route", "v2"),
        ("web.example", "/drawn", "shop/web#1", "weight", ""),
        ("web.example", "/moved", "shop/web#2", "redirect", ""),
        ("web.example", "/", "", "no_rule", ""),
        ("payments.bank", "/", "default", "route", ""),
        ("nobody", "/", "", "unknown_host", ""),
    ] {
        let (decision, _) = ask(&plan, host.as_bytes(), path.as_bytes());
        let [rule, reason, version] = [rule, reason, version].map(|text| text.as_bytes().to_vec());
        assert_eq!(act::why(&plan, &decision), Why { rule, reason, version }, "{host}{path}");
    }
    let (decision, _) = ask(&plan, b"web.example", b"/named");
    for (reply, delayed, reason) in [
        (None, true, "route+delay"),
        (Some(OwnReply::FaultAbort), false, "fault_abort"),
        (Some(OwnReply::Overflow), false, "overflow"),
        (Some(OwnReply::Ejected), true, "ejected+delay"),
        (Some(OwnReply::WaitedTooLong), false, "waited_too_long"),
    ] {
        let said = act::why(&plan, &Decision { reply, delayed, ..decision }).reason;
        assert_eq!(String::from_utf8_lossy(&said), reason);
    }
}

#[test]
fn a_host_that_nobody_knows_goes_on_unless_it_is_to_be_answered() {
    let (decision, said) = ask(&plan(""), b"nobody", b"/");
    assert_eq!((decision.reply, said), (None, None));
    assert_eq!(act::why(&plan(""), &decision).reason, b"passthrough");
    let (decision, said) = ask(&plan(ANSWERS), b"payments", b"/");
    assert_eq!(decision.reply, Some(OwnReply::UnknownHost));
    let expected = "no service `payments` in the mesh, as seen from namespace `shop`; did you mean `payments.bank`?\n";
    assert_eq!(said.as_deref(), Some(expected));
}

/// Nothing that a client sends as a host does harm, or comes back as anything but text.
#[test]
fn hosts_may_be_anything() {
    let plan = plan(ANSWERS);
    let long = [b'a'; 300];
    for host in [&b""[..], b".", b":", b":80", b"payments:x", b"\xff\xfe", b"a b", b"[::1]", b"*", b"..payments", &long]
    {
        let (decision, said) = ask(&plan, host, b"/");
        assert_eq!(decision.reply, Some(OwnReply::UnknownHost), "{host:?}");
        let said = said.unwrap_or_default();
        assert!(said.starts_with("no service `") && said.ends_with('\n') && said.len() < 400, "{said}");
    }
    assert!(ask(&plan, b"\xff", b"/").1.is_some_and(|said| said.starts_with("no service `?` in the mesh")));
}

#[test]
fn other_words_are_refused() {
    let Err(report) = config(r#""unknownHosts": "maybe","#) else { panic!("it is taken") };
    let said = report.findings().first().map(ToString::to_string).unwrap_or_default();
    assert!(said.contains("unknownHosts: ") && said.contains("`passthrough`") && said.contains("`answer`"), "{said}");
    assert!(config(r#""accessLog": 7,"#).is_err());
}

const REGISTRY_ONLY: &str = r#""mesh": {"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}},"#;

/// What istiod's virtual host `block_all` answers: 502 without a word.
#[test]
fn registry_only_lets_nobody_out_to_hosts_that_are_not_of_the_mesh() {
    // A policy without a mode has proto's zero.
    for more in [REGISTRY_ONLY, r#""mesh": {"outboundTrafficPolicy": {}},"#, &[REGISTRY_ONLY, ANSWERS].concat()] {
        let plan = plan(more);
        let (decision, said) = ask(&plan, b"nobody", b"/");
        assert_eq!((decision.reply, said.as_deref()), (Some(OwnReply::Blocked), Some("")), "{more}");
        assert_eq!((decision.cluster(&plan), act::why(&plan, &decision).reason), (None, b"blocked".to_vec()));
        let pairs: [(&[u8], &[u8]); 2] = [(b":authority", b"nobody"), (b":path", b"/")];
        let reply = act::reply(&plan, &decision, &Request::new(&pairs));
        assert_eq!(reply.map(|reply| (reply.status, reply.details)), Some((502, "direct_response")));
        // No other port is one of the mesh, and its route takes what begins with `/`.
        assert_eq!(ask(&plan, b"web.example:9", b"/named").0.reply, Some(OwnReply::Blocked));
        assert_eq!(ask(&plan, b"web.example", b"/named").0.reply, None);
        assert_ne!(ask(&plan, b"nobody", b"*").0.reply, Some(OwnReply::Blocked));
    }
    let any = r#""mesh": {"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}, "rootNamespace": "root"},"#;
    assert_eq!(ask(&plan(any), b"nobody", b"/").0.reply, None);
    let Err(report) = config(r#""mesh": {"outboundTrafficPolicy": {"mode": "ALLOW_SOME"}},"#) else {
        panic!("it is taken")
    };
    let said = report.findings().first().map(ToString::to_string).unwrap_or_default();
    assert!(said.contains("mesh.outboundTrafficPolicy.mode: ") && said.contains("`REGISTRY_ONLY`"), "{said}");
}

/// Modules of different configurations leave each other's decisions alone.
#[test]
fn a_mesh_makes_another_configuration() {
    let [plain, other] = ["", REGISTRY_ONLY].map(|more| config(more).map_or(0, |config| config.fingerprint));
    assert!(plain != 0 && other != 0 && plain != other);
}

/// A rule with a delegate, one of another host, and more blocks than are told.
fn asked(path: &str) -> String {
    let blocks: Vec<String> =
        (0..30).map(|at| format!(r#"{{"method": {{"exact": "GET"}}, "uri": {{"exact": "/{at}"}}}}"#)).collect();
    let text = format!(
        r#"{{"proxy": {{"gateways": ["mesh"], "namespace": "shop", "explain": {{"token": "0123456789abcdef"}}}}, "resources": [
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "web", "namespace": "shop"}},
              "spec": {{"hosts": ["web.example"], "http": [
                {{"match": [{{"uri": {{"prefix": "/team"}}}}], "delegate": {{"name": "own", "namespace": "team"}}}},
                {{"match": [{}], "route": [{{"destination": {{"host": "a.example", "subset": "v2"}}}}]}}]}}}},
            {{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {{"name": "own", "namespace": "team"}},
              "spec": {{"http": [{{"match": [{{"headers": {{"x-beta": {{}}}}}}], "redirect": {{"uri": "/"}}}},
                                 {{"route": [{{"destination": {{"host": "b.example"}}}}]}}]}}}}
        ]}}"#,
        blocks.join(",")
    );
    let mut report = Report::new();
    let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
    let plan = config.unwrap_or_else(|| panic!("{:?}", report.findings())).plan();
    let pairs: [(&[u8], &[u8]); 4] =
        [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"web.example"), (b":path", path.as_bytes())];
    let request = Request::new(&pairs);
    let decision = decide(&plan, &request, || 0, &mut Untraced);
    String::from_utf8_lossy(&act::explain::explain(&plan, &decision, &request)).into_owned()
}

#[test]
fn a_proxy_tells_by_indices_which_rule_it_was_and_what_failed_before() {
    let told = asked("/2");
    let expected = "1 host=web.example rule=shop/web#1.2 why=route to=outbound|80|v2|a.example \
                    skip=shop/web#0>team/own#0.0:0,shop/web#0>team/own#1.0:0,shop/web#1.0:0,shop/web#1.1:0";
    assert_eq!(told, expected);
    let of =
        |index, matched| Place { virtual_service: "shop/web", index, matched, failed: Some(0), ..Place::default() };
    let delegated = |index| Place { delegated: Some(("team/own", index)), ..of(0, 0) };
    let read = Told {
        host: Some("web.example"),
        rule: Some(Place { failed: None, ..of(1, 2) }),
        why: Some("route"),
        to: Some("outbound|80|v2|a.example"),
        skipped: vec![delegated(0), delegated(1), of(1, 0), of(1, 1)],
        ..Told::default()
    };
    assert_eq!(Told::read(&told), Some(read));

    let delegate = asked("/team/x");
    assert!(delegate.contains(" rule=shop/web#0>team/own#1.0 why=route to=outbound|80||b.example skip="), "{delegate}");
    // The delegate's own condition is the second of the two that stand together.
    assert!(delegate.ends_with("skip=shop/web#0>team/own#0.0:1"), "{delegate}");

    // As many as a header bears, and how many more: two of the delegate's and thirty of its own.
    let nothing = asked("/nothing");
    assert!(nothing.contains(" why=no_rule skip=") && nothing.ends_with(" more=8"), "{nothing}");
    assert_eq!(Told::read(&nothing).map(|told| (told.skipped.len(), told.more, told.to)), Some((24, 8, None)));
    for other in ["", "2 host=a", "1 rule=shop/web", "1 skip=a#b.c", "1 word", "1 rule=a#1.x"] {
        assert_eq!(Told::read(other), None, "{other}");
    }
    assert_eq!(Told::read("1 later=x why=route").and_then(|told| told.why), Some("route"));
}

/// Without a token in the configuration nobody is told, and with one only who has all of it.
#[test]
fn only_who_has_the_token_is_told() {
    let explains = |plan: &Plan, values: &[&str]| {
        let mut pairs: Vec<(&[u8], &[u8])> = vec![(b":method", b"GET"), (b":path", b"/")];
        pairs.extend(values.iter().map(|value| (&b"x-sailcloth-explain"[..], value.as_bytes())));
        plan.explains(&Request::new(&pairs))
    };
    let with = |proxy: &str| {
        let text = format!(r#"{{"proxy": {{"gateways": ["mesh"]{proxy}}}, "resources": []}}"#);
        let mut report = Report::new();
        let config = ModuleConfig::read(text.into_bytes(), NodeMetadata::default(), &mut report);
        config.map(|config| config.plan())
    };
    let (token, off) = ("0123456789abcdef", with("").unwrap_or_else(|| panic!("it is refused")));
    let on = with(r#", "explain": {"token": "0123456789abcdef"}"#).unwrap_or_else(|| panic!("it is refused"));
    assert!(explains(&on, &[token]));
    for values in [&[][..], &[""], &["0123456789abcdeg"], &["0123456789abcdef0"], &["0123456789abcde"], &[token, token]]
    {
        assert!(!explains(&on, values), "{values:?}");
    }
    for values in [&[][..], &[""], &[token]] {
        assert!(!explains(&off, values), "{values:?}");
    }
    for weak in ["", "short", "with a blank in it"] {
        assert!(with(&format!(r#", "explain": {{"token": "{weak}"}}"#)).is_none(), "{weak}");
    }
    assert!(with(r#", "explain": {}"#).is_none());
}
