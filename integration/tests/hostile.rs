//! Requests that nobody should send, on real Envoy: answered or routed, and never a dead VM. Each is sent to every module
//! alone, to the chain of all and to the suite, which are listeners of one Envoy.

use envoy_config::filter::MODULES;
use integration::client::{Request, raw};
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, for_each_object, routed};
use serde_json::{Value, json};

/// Rules that look at everything a request has, and give every module something to do.
const RULES: &str = "\
- match: [{headers: {x-number: {regex: '[0-9]+'}}}]
  route:
  - destination: {host: echo}
    headers: {request: {set: {x-copy: '%REQ(x-big)%'}}, response: {set: {x-agent: '%REQ(user-agent)%'}}}
- match: [{headers: {x-999: {exact: last}}}]
  directResponse: {status: 209}
- match: [{uri: {prefix: /gone/}}]
  redirect: {prefixRewrite: /here/}
- match: [{uri: {prefix: /faulty/}}]
  fault: {delay: {fixedDelay: 0.001s, percentage: {value: 100}}, abort: {httpStatus: 211, percentage: {value: 100}}}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /rewritten/}}]
  fault: {delay: {fixedDelay: 0.001s, percentage: {value: 100}}}
  mirror: {host: echo, subset: b}
  rewrite: {uriRegexRewrite: {match: '/rewritten/(.*)', rewrite: '/\\1'}}
  route: [{destination: {host: echo}}]
- match: [{uri: {regex: '/.*\\..*'}, queryParams: {q: {regex: '.+'}}}]
  directResponse: {status: 210}
- match: [{withoutHeaders: {cookie: {regex: '.*(a+)+$'}}, uri: {prefix: /}}]
  corsPolicy: {allowOrigins: [{regex: '.*'}]}
  route: [{destination: {host: echo}}]
- route:
  - {destination: {host: echo, subset: a}, weight: 50}
  - {destination: {host: echo, subset: b}, weight: 50}";

/// Limits that are watched and never reached, and failures that are counted and never too many.
const DESTINATION: &str = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo}
spec:
  host: echo
  subsets: [{name: a}, {name: b}]
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 1000}}
    outlierDetection: {http: {consecutiveErrors: 1000}}
";

const CHAIN: &str = "chain";
const SUITE: &str = "suite";

/// What requests are sent to: the name of a listener each.
fn packagings() -> impl Iterator<Item = &'static str> {
    MODULES.iter().map(|module| module.name).chain([CHAIN, SUITE])
}

/// Whether what the rules say is done there; other modules do their part alone, on a route of Envoy's own to the echo.
fn routes(packaging: &str) -> bool {
    [CHAIN, SUITE, "router"].contains(&packaging)
}

fn start() -> (Echo, Envoy) {
    let echo = Echo::start();
    let yaml = routed(echo.port(), RULES) + DESTINATION;
    let sticky = "metadata: {name: web, annotations: {sailcloth.dev/sticky: cookie=version}}";
    let yaml = yaml.replace("metadata: {name: web}", sticky);
    let suite = Sail::new(yaml.clone()).large_headers().bootstrap();
    let envoy = Sail::new(yaml).large_headers().separate().adjust(move |bootstrap| {
        let listeners = &mut bootstrap["static_resources"]["listeners"];
        let chain = named(&listeners[0], CHAIN);
        let alone = MODULES.iter().map(|module| alone(&chain, module.name));
        let all: Vec<Value> = alone.chain([named(&suite["static_resources"]["listeners"][0], SUITE)]).collect();
        *listeners = json!(all);
        listeners.as_array_mut().expect("it is a list").push(chain);
    });
    (echo, envoy.start())
}

fn named(listener: &Value, name: &str) -> Value {
    let mut listener = listener.clone();
    listener["name"] = json!(name);
    listener
}

/// The chain's listener with nothing but this module. No address is internal there: Envoys before 1.40 take private ones
/// for it unless they are told, and let such a client steer them where no router of ours removes its headers.
fn alone(chain: &Value, module: &str) -> Value {
    let mut listener = named(chain, module);
    for_each_object(&mut listener, &mut |object| {
        if let Some(Value::Array(filters)) = object.get_mut("http_filters") {
            let own = format!("sailcloth.{module}");
            filters.retain(|filter| filter["name"] == own || filter["name"] == "envoy.filters.http.router");
            assert_eq!(filters.len(), 2, "{module} is not in the chain");
            if !routes(module) {
                object.insert("internal_address_config".into(), json!({}));
            }
        }
        if let Some(routes) = object.get_mut("route_config") {
            let cluster = "outbound|80||echo.default.svc.cluster.local";
            let route = json!({"match": {"prefix": "/"}, "route": {"cluster": cluster}});
            routes["virtual_hosts"] = json!([{"name": "own", "domains": ["*"], "routes": [route]}]);
        }
    });
    listener
}

/// Status of the last answer in raw bytes; 0 when there is none.
fn status(answer: &[u8]) -> u16 {
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// One test, since seven modules take a while to load.
#[test]
fn nothing_hostile_harms_any_module() {
    let (echo, envoy) = start();
    no_request_kills_a_vm(&envoy);
    echo.take();
    bytes_outside_utf8_are_copied_as_they_are(&echo, &envoy);
    a_module_sees_as_many_headers_as_envoy_lets_through(&envoy);
    a_client_cannot_steer(&echo, &envoy);
    assert_eq!(envoy.vm_reloads(), 0, "{}", envoy.log());
}

fn no_request_kills_a_vm(envoy: &Envoy) {
    let requests = requests();
    let addresses: Vec<_> = packagings().map(|packaging| (packaging, envoy.listener(packaging))).collect();
    // Envoy takes a second to close a connection after it refused a request, so they are sent side by side.
    std::thread::scope(|scope| {
        for (packaging, address) in &addresses {
            for bytes in &requests {
                scope.spawn(move || {
                    let answer = raw(*address, bytes);
                    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
                    // 503 and 500 are what a dead VM or a lost cluster would give; Envoy itself refuses with 400, and
                    // HTTP/1.0 with 426.
                    let known = [200, 209, 210, 211, 301, 400, 404, 426];
                    assert!(known.contains(&status(&answer)), "{packaging}: {} for {shown}", status(&answer));
                });
            }
        }
    });
    assert_eq!(envoy.vm_reloads(), 0, "{}", envoy.log());
    for (packaging, address) in addresses {
        assert_eq!(Request::get("/").send(address).status, 200, "{packaging}");
    }
}

/// Every header with every odd value, every odd path, and what is hardly HTTP.
fn requests() -> Vec<Vec<u8>> {
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
        "x-sailcloth-cluster",
        "x-sailcloth-route",
        "grpc-timeout",
    ] {
        for value in [
            &b"\xe9\xff\x80"[..],
            b"",
            big.as_bytes(),
            b"\xf0\x9f\x98\xba",
            b"a,b;c=\"d\\",
            b"version=\xe9; version=; =;;",
        ] {
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
        "/faulty/%ff",
        "/rewritten/\u{1f63a}?q=%f0%9f",
    ] {
        requests.push(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").into_bytes());
        requests.push(format!("OPTIONS {path} HTTP/1.1\r\nhost: a:99999\r\norigin: o\r\naccess-control-request-method: X\r\nconnection: close\r\n\r\n").into_bytes());
    }
    requests.push(b"GET / HTTP/1.0\r\n\r\n".to_vec());
    requests.push(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n".to_vec());
    requests.push(b"GET / HTTP/1.1\r\nhost: [::1\r\nconnection: close\r\n\r\n".to_vec());
    requests.push(b"GET / HTTP/1.1\r\nhost: a\r\nx\xe9: 1\r\nconnection: close\r\n\r\n".to_vec());
    requests.push(format!("GET /{big} HTTP/1.1\r\nhost: {big}\r\nconnection: close\r\n\r\n").into_bytes());
    requests
}

fn bytes_outside_utf8_are_copied_as_they_are(echo: &Echo, envoy: &Envoy) {
    for packaging in packagings() {
        let request =
            Request::get("/").header("x-number", "7").header("x-big", b"\xe9\xff").header("user-agent", b"\xe8");
        let response = request.send(envoy.listener(packaging));
        assert_eq!(response.status, 200, "{packaging}");
        let copied = response.headers.iter().find(|(name, _)| name == "x-agent").map(|(_, value)| value.as_slice());
        let seen = echo.take();
        assert_eq!(seen.len(), 1, "{packaging}");
        // The echo shows bytes as Latin-1.
        assert_eq!(seen[0].header("x-big"), Some("\u{e9}\u{ff}"), "{packaging}");
        if routes(packaging) {
            assert_eq!(copied, Some(&b"\xe8"[..]), "{packaging}");
            assert_eq!(seen[0].header("x-copy"), Some("\u{e9}\u{ff}"), "{packaging}");
        }
    }
}

/// The rule asks for a header at the end of two thousand: the module has seen them all.
fn a_module_sees_as_many_headers_as_envoy_lets_through(envoy: &Envoy) {
    let mut request = Request::get("/a.b?q=1");
    for number in 0..2000 {
        if number != 999 {
            request = request.header(&format!("x-{number}"), "value");
        }
    }
    for packaging in packagings() {
        let address = envoy.listener(packaging);
        // Without the rules they reach the echo, which takes a hundred.
        let expected = if routes(packaging) { (209, 210) } else { (431, 431) };
        let last = request.clone().header("x-999", "last").send(address).status;
        assert_eq!((last, request.send(address).status), expected, "{packaging}");
    }
}

fn a_client_cannot_steer(echo: &Echo, envoy: &Envoy) {
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
    for packaging in packagings() {
        let mut request = Request::get("/").header("x-echo-status", "500").header("x-echo-delay-ms", "100");
        // An address that an Envoy of old took for an internal one.
        request = request.header("x-forwarded-for", "10.0.0.1");
        // The last one is honoured by Envoys before 1.40 whoever sends it, unless our router takes it away.
        let old = ["1.36", "1.37", "1.38", "1.39"].iter().any(|old| envoy.version().starts_with(old));
        let sent = if old && !routes(packaging) { internal.len() - 1 } else { internal.len() };
        for (name, value) in &internal[..sent] {
            request = request.header(name, value);
        }
        assert_eq!(request.send(envoy.listener(packaging)).status, 500, "{packaging}");
        let seen = echo.take();
        assert_eq!(seen.len(), 1, "{packaging}: it was tried once");
        // Names of ours mean nothing where nobody routes by them, and pass; each module replaces what it writes itself.
        let reaches = |name: &str| match packaging {
            "canary" => name.starts_with("x-sailcloth") && name != "x-sailcloth-cluster",
            "mirror" => name.starts_with("x-sailcloth") && name != "x-sailcloth-route",
            _ => name.starts_with("x-sailcloth") && !routes(packaging),
        };
        for (name, value) in internal.iter().filter(|(name, _)| !reaches(name)) {
            assert_ne!(seen[0].header(name), Some(*value), "{packaging}: {name} reached the upstream");
        }
    }
}
