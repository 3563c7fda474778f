//! Requests that nobody should send, on real Envoy: answered or routed, and never a dead VM.

use std::net::SocketAddr;

use integration::client::{Request, raw};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, routed};

/// Rules that look at everything a request has.
const RULES: &str = "\
- match: [{headers: {x-number: {regex: '[0-9]+'}}}]
  route:
  - destination: {host: echo}
    headers: {request: {set: {x-copy: '%REQ(x-big)%'}}, response: {set: {x-agent: '%REQ(user-agent)%'}}}
- match: [{headers: {x-999: {exact: last}}}]
  directResponse: {status: 209}
- match: [{uri: {prefix: /gone/}}]
  redirect: {prefixRewrite: /here/}
- match: [{uri: {prefix: /rewritten/}}]
  rewrite: {uriRegexRewrite: {match: '/rewritten/(.*)', rewrite: '/\\1'}}
  route: [{destination: {host: echo}}]
- match: [{uri: {regex: '/.*\\..*'}, queryParams: {q: {regex: '.+'}}}]
  directResponse: {status: 210}
- match: [{withoutHeaders: {cookie: {regex: '.*(a+)+$'}}, uri: {prefix: /}}]
  corsPolicy: {allowOrigins: [{regex: '.*'}]}
  route: [{destination: {host: echo}}]
- route: [{destination: {host: echo}}]";

fn start(separate: bool) -> (Echo, Envoy, SocketAddr) {
    let echo = Echo::start();
    let sail = Sail::new(routed(echo.port(), RULES)).large_headers();
    let envoy = if separate { sail.separate() } else { sail }.start();
    let address = envoy.listener("gateway-80");
    (echo, envoy, address)
}

/// Status of the last answer in raw bytes; 0 when there is none.
fn status(answer: &[u8]) -> u16 {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[test]
fn no_request_kills_a_vm() {
    for separate in [false, true] {
        let (_echo, envoy, address) = start(separate);
        let big = "y".repeat(60_000);
        let mut requests: Vec<Vec<u8>> = Vec::new();
        for name in [
            "x-number",
            "x-big",
            "user-agent",
            "cookie",
            "origin",
            "host",
            "x-forwarded-for",
            "x-forwarded-proto",
            "accept",
            "x-999",
        ] {
            for value in [&b"\xe9\xff\x80"[..], b"", big.as_bytes(), b"\xf0\x9f\x98\xba", b"a,b;c=\"d\\"] {
                let mut bytes = b"GET /rewritten/x?q=1 HTTP/1.1\r\nconnection: close\r\n".to_vec();
                if name != "host" {
                    bytes.extend_from_slice(b"host: a\r\n");
                }
                bytes.extend_from_slice(name.as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(b"\r\n\r\n");
                requests.push(bytes);
            }
        }
        for path in [
            "//",
            "/%00",
            "/a/../../..",
            "/./.",
            "/%2e%2e/",
            "/gone/",
            "/gone/\u{e9}",
            "/rewritten/%",
            "/?q",
            "/?q=%00&&&==",
            "*",
            "http://b/abs?q=1",
            "/\\..\\x",
            "/gone/?a?b#c",
        ] {
            requests.push(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").into_bytes());
            requests.push(format!("OPTIONS {path} HTTP/1.1\r\nhost: a:99999\r\norigin: o\r\naccess-control-request-method: X\r\nconnection: close\r\n\r\n").into_bytes());
        }
        requests.push(b"GET / HTTP/1.0\r\n\r\n".to_vec());
        requests.push(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec());
        requests.push(b"GET / HTTP/1.1\r\nhost: [::1\r\nconnection: close\r\n\r\n".to_vec());
        requests.push(b"GET / HTTP/1.1\r\nhost: a\r\nx\xe9: 1\r\nconnection: close\r\n\r\n".to_vec());
        requests.push(format!("GET /{big} HTTP/1.1\r\nhost: {big}\r\nconnection: close\r\n\r\n").into_bytes());
        // Envoy takes a second to close a connection after it refused a request, so they are sent side by side.
        std::thread::scope(|scope| {
            for bytes in &requests {
                scope.spawn(move || {
                    let answer = raw(address, bytes);
                    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
                    // 503 and 500 are what a dead VM or a lost cluster would give; Envoy itself refuses with 400, and
                    // HTTP/1.0 with 426.
                    let known = [200, 209, 210, 301, 400, 404, 426];
                    assert!(known.contains(&status(&answer)), "{} for {shown}", status(&answer));
                });
            }
        });
        assert_eq!(envoy.vm_reloads(), 0, "{}", envoy.log());
        assert_eq!(Request::get("/").send(address).status, 200);
    }
}

#[test]
fn bytes_outside_utf8_are_copied_as_they_are() {
    let (echo, _envoy, address) = start(false);
    let request = Request::get("/").header("x-number", "7").header("x-big", b"\xe9\xff").header("user-agent", b"\xe8");
    let response = request.send(address);
    assert_eq!(response.status, 200);
    let copied = response.headers.iter().find(|(name, _)| name == "x-agent").map(|(_, value)| value.as_slice());
    assert_eq!(copied, Some(&b"\xe8"[..]));
    // The echo shows bytes as Latin-1.
    assert_eq!(echo.take()[0].header("x-copy"), Some("\u{e9}\u{ff}"));
}

/// The rule asks for a header at the end of two thousand: the module has seen them all.
#[test]
fn a_module_sees_as_many_headers_as_envoy_lets_through() {
    let (_echo, envoy, address) = start(false);
    let mut request = Request::get("/a.b?q=1");
    for number in 0..2000 {
        if number != 999 {
            request = request.header(&format!("x-{number}"), "value");
        }
    }
    assert_eq!(request.clone().header("x-999", "last").send(address).status, 209);
    assert_eq!(request.send(address).status, 210);
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn a_client_cannot_steer() {
    let (echo, envoy, address) = start(false);
    let internal = [
        ("x-sailcloth-cluster", "outbound|80||other"),
        ("x-sailcloth-route", "retry-25ms"),
        ("x-sailcloth-anything", "1"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
        ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
        ("x-envoy-retry-on", "5xx"),
        ("x-envoy-retry-grpc-on", "internal"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-retriable-status-codes", "418"),
        ("x-envoy-hedge-on-per-try-timeout", "true"),
        ("x-envoy-upstream-stream-duration-ms", "1"),
    ];
    let mut request = Request::get("/").header("x-echo-status", "500").header("x-echo-delay-ms", "100");
    // An address that an Envoy of old took for an internal one.
    request = request.header("x-forwarded-for", "10.0.0.1");
    for (name, value) in internal {
        request = request.header(name, value);
    }
    assert_eq!(request.send(address).status, 500);
    let seen = echo.take();
    assert_eq!(seen.len(), 1, "it was tried once");
    for (name, _) in internal {
        assert_eq!(seen[0].header(name), None, "{name} reached the upstream");
    }
    assert_eq!(envoy.vm_reloads(), 0);
}
