//! Clients and upstreams that break off, wherever the request is: each row a moment, after which nothing is under way.

use super::*;
use integration::client::Raw;
use integration::echo::Echo;
use integration::under_way;

const RULES: &str = "\
- match: [{uri: {prefix: /delayed}}]
  fault: {delay: {fixedDelay: 60s, percentage: {value: 100}}}
  mirror: {host: echo, subset: copies}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /copied}}]
  mirror: {host: echo, subset: copies}
  route: [{destination: {host: echo}}]
- retries: {attempts: 0}
  route: [{destination: {host: echo}}]";

/// Two slots; the mirror has some of its own.
fn sail(port: u16) -> Sail {
    let subsets = "\n  subsets: [{name: copies, trafficPolicy: {connectionPool: {tcp: {maxConnections: 50}}}}]\n";
    Sail::new(format!("{}{subsets}", guarded(port, RULES, TWO_AND_ONE).trim_end()))
}

/// Where the request is when its client leaves: so many on their way, so many that wait.
type Where = (u64, u64);

/// What is sent, after `METHOD PATH HTTP/1.1` and a host, and what it comes to.
const ROWS: &[(&str, &str, &str, Where)] = &[
    ("delayed, before it has a slot", "GET /delayed", "\r\n", (0, 0)),
    ("delayed, with a body", "POST /delayed", "content-length: 900000\r\n\r\nbegun", (0, 0)),
    ("on its way", "GET /", "x-echo-delay-ms: 60000\r\n\r\n", (1, 0)),
    ("sending its body", "POST /", "content-length: 900000\r\n\r\nbegun", (1, 0)),
    ("sending a chunk", "POST /", "transfer-encoding: chunked\r\n\r\nffff\r\nbegun", (1, 0)),
    ("receiving", "GET /", "x-echo-body-bytes: 20000000\r\n\r\n", (1, 0)),
    ("copied, on its way", "GET /copied", "x-echo-delay-ms: 500\r\n\r\n", (1, 0)),
    ("copied, sending its body", "POST /copied", "content-length: 900000\r\n\r\nbegun", (1, 0)),
    (
        "a WebSocket",
        "GET /",
        "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        (1, 0),
    ),
];

fn begin(address: SocketAddr, first: &str, rest: &str) -> Raw {
    let mut raw = Raw::connect(address);
    raw.write(format!("{first} HTTP/1.1\r\nhost: a\r\n{rest}").as_bytes()).unwrap();
    raw
}

fn downstream(envoy: &Envoy) -> u64 {
    envoy.stats(r"^http\.gateway.*\.downstream_rq_active$").values().sum()
}

#[test]
fn a_client_that_leaves_at_any_moment_leaves_nothing() {
    for separate in [false, true] {
        let echo = Echo::start();
        let envoy = if separate { sail(echo.port()).separate() } else { sail(echo.port()) }.start();
        let address = gateway(&envoy);
        for (name, first, rest, place) in ROWS {
            let raw = begin(address, first, rest);
            until(name, Duration::from_secs(5), || downstream(&envoy) == 1 && gauges(&envoy) == *place);
            drop(raw);
            let left = under_way::settle(&envoy, Duration::from_secs(5));
            assert!(left.is_empty(), "{name}, separate: {separate}: {left:?}");
        }
        // With both slots taken it waits, and so does the body that it has begun to send.
        let held: Vec<Raw> = (0..2).map(|_| begin(address, "GET /", "x-echo-delay-ms: 60000\r\n\r\n")).collect();
        until("both are on their way", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
        for rest in ["\r\n", "content-length: 900000\r\n\r\nbegun"] {
            let raw = begin(address, "POST /copied", rest);
            until("it waits", Duration::from_secs(5), || gauges(&envoy) == (2, 1));
            drop(raw);
            until("its place is free", Duration::from_secs(5), || gauges(&envoy) == (2, 0));
        }
        drop(held);
        assert_eq!(under_way::settle(&envoy, Duration::from_secs(5)), [""; 0]);
        assert_eq!(envoy.vm_reloads(), 0, "{}", envoy.log());
        free(address, 2, 1);
    }
}

#[test]
fn an_upstream_that_breaks_off_at_any_moment_leaves_nothing() {
    for separate in [false, true] {
        let echo = Echo::start();
        let envoy = if separate { sail(echo.port()).separate() } else { sail(echo.port()) }.start();
        let address = gateway(&envoy);
        for (name, first, rest, answer) in [
            ("before its answer", "GET /", "x-echo-reset: 1\r\n\r\n", "HTTP/1.1 503 "),
            ("before it, late", "GET /", "x-echo-reset: 1\r\nx-echo-delay-ms: 50\r\n\r\n", "HTTP/1.1 503 "),
            ("in its answer", "GET /", "x-echo-break-bytes: 5000\r\n\r\n", "HTTP/1.1 200 "),
            ("in the copy's answer too", "GET /copied", "x-echo-break-bytes: 5000\r\n\r\n", "HTTP/1.1 200 "),
        ] {
            for _ in 0..4 {
                let mut raw = begin(address, first, &format!("connection: close\r\n{rest}"));
                let all = String::from_utf8_lossy(&raw.rest()).into_owned();
                assert!(all.starts_with(answer), "{name}: {all}");
                assert!(!all.ends_with("0\r\n\r\n"), "{name}: it came to its end");
            }
            let left = under_way::settle(&envoy, Duration::from_secs(5));
            assert!(left.is_empty(), "{name}, separate: {separate}: {left:?}");
        }
        assert_eq!(envoy.vm_reloads(), 0, "{}", envoy.log());
        free(address, 2, 1);
    }
}
