use std::borrow::Cow;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::plan::format::{Clock, Fact, Scene, Source};

/// What Envoy's own validation says of values: `+` taken, `-` refused, `?` taken by some versions of those supported.
/// `integration/tests/formats.rs` asks Envoys.
const OF_ENVOY: &str = include_str!("../../../tests/formats.txt");

/// Expressions of languages that are not read here.
const NOT_READ: [&str; 1] = ["%CEL(f(x))%"];

#[test]
fn what_envoy_takes_is_taken_and_what_it_refuses_refused() {
    let mut rows = 0;
    for row in OF_ENVOY.lines() {
        let (said, value) = row.split_once(' ').unwrap();
        let taken = said != "-" || NOT_READ.contains(&value);
        let read = parse(value).map(|(template, _)| template.text().to_owned());
        assert_eq!(read.is_ok(), taken, "{row}: {read:?}");
        rows += 1;
    }
    assert!(rows > 380, "{rows}");
}

#[test]
fn every_operator_is_known_once() {
    let mut all: Vec<&str> = operators::all().collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count);
    let of_envoy = OF_ENVOY.lines().filter_map(|row| row.get(3..)?.split(['(', '%', ':']).next());
    let missing: Vec<&str> = all.into_iter().filter(|name| !of_envoy.clone().any(|it| it == *name)).collect();
    assert_eq!(missing, [""; 0], "Envoy was not asked");
}

/// The table of operators that no filter knows, where people look.
#[test]
fn what_nobody_knows_is_in_the_readme() {
    let readme = include_str!("../../../../filters/README.md");
    let table = readme.split("| operators | why no filter knows |").nth(1).unwrap().split("\n\n").next().unwrap();
    let cells = table.lines().filter_map(|row| row.split('|').nth(1));
    let patterns: Vec<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let fits = |name: &str, pattern: &str| {
        let mut parts = pattern.split("...");
        let Some(mut rest) = name.strip_prefix(parts.next().unwrap()) else { return false };
        for part in parts {
            let Some((_, behind)) = rest.split_once(part) else { return false };
            rest = if part.is_empty() { "" } else { behind };
        }
        rest.is_empty()
    };
    for name in operators::all() {
        let known = operators::unknown().all(|unknown| unknown != name);
        let told: Vec<&&str> = patterns.iter().filter(|pattern| fits(name, pattern)).collect();
        assert_eq!(told.is_empty(), known, "{name}: {told:?}");
    }
}

#[test]
fn what_is_wrong_is_told_with_what_to_write() {
    for (value, message, hint) in [
        ("50% off", "expected `%OPERATOR%` or `%%`, found `% off`", "a percent sign itself is written `%%`"),
        ("<%REQ(x-a) %>", "found `%REQ(x-a) %>`", "`%%`"),
        ("%HOSTNAMES%", "Envoy has no operator `HOSTNAMES`", "did you mean `%HOSTNAME%`?"),
        ("%REQ%", "`%REQ%` needs arguments", ""),
        ("%PROTOCOL(x)%", "`%PROTOCOL%` takes no arguments", ""),
        ("%START_TIME(%s):3%", "`%START_TIME%` takes no length", ""),
        ("%REQ(a b)%", "expected one header's name, or two with `?` between them, found `(a b)`", ""),
        (
            "%REQ(x-a?X-Sailcloth-Cluster)%",
            "`X-Sailcloth-Cluster` is a header of Sailcloth's own",
            "does not begin with",
        ),
        ("%START_TIME(%n)%", "expected a time without a line break", ""),
        ("%PATH(QN)%", "expected nothing, `WQ` or `NQ`", ""),
        ("%COALESCE({})%", "expected a JSON object with `operators`", ""),
    ] {
        let wrong = Template::parse(value).unwrap_err();
        assert!(wrong.message.contains(message) && wrong.hint.contains(hint), "{value}: {wrong:?}");
    }
}

#[test]
fn what_is_doubtful_is_named() {
    for (value, unknown, foreign) in [
        ("%PROTOCOL% %RESP(a)%", None, None),
        ("<%HOSTNAME%> %TRACE_ID%", Some("HOSTNAME"), None),
        ("%REQ(a):3%", None, Some("REQ(a):3")),
        ("%PROTOCOL()%", None, Some("PROTOCOL()")),
        ("%CEL(a[\"b\"])%", Some("CEL(a[\"b\"])"), Some("CEL(a[\"b\"])")),
        ("%UPSTREAM_METADATA([\"a\", \"b\"])%", Some("UPSTREAM_METADATA([\"a\", \"b\"])"), None),
        ("%START_TIME(%U)%", Some("START_TIME(%U)"), None),
        ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)%", Some("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT(8)"), None),
    ] {
        let (template, found) = parse(value).unwrap();
        assert_eq!((found, template.foreign_to_istio()), (unknown, foreign), "{value}");
    }
}

/// A request of gRPC that a destination has answered.
struct One;

impl Source for One {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let value: &[u8] = match name {
            b"x-user" => b"elena",
            b"x-empty" => b"",
            b":authority" => b"a.example",
            b":path" => b"/new?a=%41+%20%zz&A=2&b&c%20d=1",
            b"x-envoy-original-path" => b"/old?x",
            b"content-type" => b"application/grpc+proto",
            b"x-request-id" => b"id-1",
            b"x-forwarded-client-cert" => b"Hash=h1;URI=spiffe://x,URI=y",
            _ => return None,
        };
        Some(Cow::Borrowed(value))
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        (name == b"grpc-status").then_some(Cow::Borrowed(&b"1"[..]))
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        match fact {
            Fact::Protocol => Some(Cow::Borrowed(b"HTTP/2")),
            Fact::ResponseCodeDetails => Some(Cow::Borrowed(b"it was so")),
            _ => None,
        }
    }

    fn flags(&self) -> u64 {
        0
    }

    fn time(&self, clock: Clock) -> Option<u64> {
        Some(if clock == Clock::Start { 1_795_729_849_450_979_000 } else { 1_795_729_850_000_000_000 })
    }
}

impl Scene for One {
    fn route_name(&self) -> Vec<u8> {
        b"rule.block".to_vec()
    }

    fn flags_text(&self, long: bool) -> String {
        if long { "DelayInjected" } else { "DI" }.to_owned()
    }
}

#[test]
fn operators_stand_for_what_the_stream_has() {
    for (text, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("100%%", "100%"),
        ("%REQ(X-User)%", "elena"),
        ("%REQUEST_HEADER(x-user)% %STREAM_INFO_REQ(x-user)%", "elena elena"),
        ("%REQ(x-user):2%", "el"),
        ("%REQ(x-user):0%", ""),
        ("%REQ(x-user):18446744073709551615%", "elena"),
        ("%REQ(no?x-user)%!", "elena!"),
        ("%REQ(x-empty?x-user)%", ""),
        ("%REQ(?x-user)%%REQ(x-user?)%%REQ(?)%", "elenaelena"),
        ("<%REQ(no)%>", "<>"),
        ("%REQ(Host)%", "a.example"),
        ("%PROTOCOL%", "HTTP/2"),
        ("%RESP(x)%%TRAILER(x)%%LOCAL_REPLY_BODY%", ""),
        ("%RESP(Grpc-Status)%", "1"),
        ("%BYTES_SENT% %ACCESS_LOG_TYPE%", "0 NotSet"),
        ("<%HOSTNAME%>", "<>"),
        ("%STREAM_ID%", "id-1"),
        ("%PATH% %PATH(NQ)% %PATH(WQ:PATH):4% %PATH(NQ:PATH)%", "/old?x /old /new /new"),
        ("%QUERY_PARAM(a)%|%QUERY_PARAM(b)%|%QUERY_PARAM(c d)%|%QUERY_PARAM(c%20d)%", "A+ %zz||1|"),
        ("%QUERY_PARAMS(ORIG):8%", "a=%41+%2"),
        ("%QUERY_PARAMS(DECODED)%", "a=A+%20%zz&A=2&b&c%20d=1"),
        ("%GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%", "Canceled CANCELLED 1"),
        ("%START_TIME(%s.%3f)% %EMIT_TIME(%s)% %DURATION%", "1795729849.450 1795729850 549"),
        ("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "DI DelayInjected"),
        ("%RESPONSE_CODE_DETAILS%/%RESPONSE_CODE_DETAILS(ALLOW_WHITESPACES)%", "it_was_so/it was so"),
        ("%ROUTE_NAME%", "rule.block"),
        ("%REQUESTED_SERVER_NAME(SNI_FIRST)% %REQUESTED_SERVER_NAME(HOST_FIRST:ORIG)%|", "a.example |"),
        ("%XFCC_VALUE(uri)% %XFCC_VALUE(Hash):1%", "spiffe://x h1"),
    ] {
        let template = Template::parse(text).unwrap();
        assert_eq!(String::from_utf8_lossy(&template.render(&One)), expected, "{text}");
    }
}

/// As Envoys 1.40.0 and 1.36.4 read them.
#[test]
fn what_proxies_say_of_a_certificate_is_read() {
    let say = |header: &str, key: &str| {
        struct Said<'h>(&'h str);
        impl Source for Said<'_> {
            fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
                (name == b"x-forwarded-client-cert").then_some(Cow::Borrowed(self.0.as_bytes()))
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
        impl Scene for Said<'_> {
            fn route_name(&self) -> Vec<u8> {
                Vec::new()
            }
            fn flags_text(&self, _: bool) -> String {
                String::new()
            }
        }
        let template = Template::parse(&format!("%XFCC_VALUE({key})%")).unwrap();
        String::from_utf8_lossy(&template.render(&Said(header))).into_owned()
    };
    let full = r#"By=b1;Hash=h1;Subject="CN=a,O=\"x\"";URI=spiffe://x/a;DNS=d1;DNS=d2"#;
    for (header, key, expected) in [
        (full, "uri", "spiffe://x/a"),
        (full, "subject", r#"CN=a,O="x""#),
        (full, "dns", "d1"),
        (full, "cert", ""),
        ("URI=a,URI=b;Hash=h2", "uri", "a"),
        ("URI=a,URI=b;Hash=h2", "hash", "h2"),
        ("uri=low; Hash=sp", "hash", "sp"),
        (r#"URI="q,u;o""#, "uri", "q,u;o"),
        ("URI=", "uri", ""),
        ("URI", "uri", ""),
        ("garbage;URI=x", "uri", "x"),
        (r#"URI="unterminated"#, "uri", ""),
        (r#"URI=x"y""#, "uri", r#"x"y""#),
        (r#"Subject="a\\b""#, "subject", r"a\b"),
        (r#"URI="a"b"#, "uri", r#""a"b"#),
        (" URI = v ", "uri", "v"),
        ("URI=a=b", "uri", "a=b"),
        (";;URI=x;;", "uri", "x"),
        ("URI=;URI=y", "uri", ""),
    ] {
        assert_eq!(say(header, key), expected, "{header} {key}");
    }
}

#[test]
fn what_the_way_back_looks_at_is_named() {
    for (text, headers) in [
        ("%REQ(a?Host)% %RESP(b)%", &["a", ":authority"][..]),
        ("%PATH% %PATH(NQ:PATH)%", &["x-envoy-original-path", ":path", ":path"]),
        ("%PATH(WQ:ORIG)% %QUERY_PARAM(a)% %GRPC_STATUS%", &["x-envoy-original-path", ":path", "content-type"]),
        ("%STREAM_ID% %PROTOCOL%", &["x-request-id"]),
        ("%REQUESTED_SERVER_NAME(SNI_FIRST:HOST)% %XFCC_VALUE(uri)%", &[":authority", "x-forwarded-client-cert"]),
    ] {
        let template = Template::parse(text).unwrap();
        let mut asked = Vec::new();
        template.request_headers(&mut |name| asked.push(String::from_utf8_lossy(name)));
        assert_eq!(asked, headers, "{text}");
    }
}

#[cfg(not(target_arch = "wasm32"))]
proptest::proptest! {
    /// Whatever is put together, it is read without a panic, and what is written again is read the same.
    #[test]
    fn anything_is_read_or_refused(
        parts in proptest::collection::vec(
            proptest::sample::select(vec![
                "%", "%%", "REQ", "RESP", "(", ")", "x-a", "?", ":", "3", ":path", " ", "PROTOCOL", "START_TIME", "%Y", "ü",
                "\\", "\"", "[", "PATH(NQ)%",
            ]),
            0..14,
        ),
    ) {
        let value = parts.concat();
        if let Ok(template) = Template::parse(&value) {
            proptest::prop_assert_eq!(template.text(), value);
            template.render(&One);
        }
    }
}
