//! What a stranger can hold of a gateway: time, connections, streams and memory, all of them bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use envoy_config::to_json;
use integration::client::Request;
use integration::echo::Echo;
use integration::envoy::Envoy;
use integration::sail::{Sail, TO_ECHO, for_each_object, routed};
use serde_json::{Value, json};

/// A gateway in front of the echo, with something of its HTTP connection manager changed.
fn gateway(echo: &Echo, change: impl Fn(&mut serde_json::Map<String, Value>) + 'static) -> Sail {
    Sail::new(routed(echo.address().port(), TO_ECHO)).adjust(move |bootstrap| {
        for_each_object(bootstrap, &mut |object| {
            if object.contains_key("http_filters") {
                change(object);
            }
        });
    })
}

fn open(at: SocketAddr, said: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(said).unwrap();
    stream
}

/// All that the other side says until it closes.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset closes as well.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn connections(envoy: &Envoy) -> u64 {
    envoy.stat("http.gateway-80.downstream_cx_active")
}

fn soon(what: &str, mut check: impl FnMut() -> bool) {
    let start = Instant::now();
    while !check() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: not in 20 s");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const WITHIN: Duration = Duration::from_secs(3);

/// What Envoy has allocated, in kB. What it gives back stays with the process, for whoever comes next.
fn allocated_kb(envoy: &Envoy) -> u64 {
    let memory: Value = serde_json::from_str(&Request::get("/memory").send(envoy.admin()).text()).unwrap();
    memory["allocated"].as_str().unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn a_thousand_clients_that_do_not_end_their_headers_are_gone_in_time() {
    let echo = Echo::start();
    let envoy = gateway(&echo, |manager| {
        manager.insert("request_headers_timeout".into(), json!(format!("{}s", WITHIN.as_secs())));
    })
    .start();
    let at = envoy.listener("gateway-80");
    assert_eq!(Request::get("http://a.example/").send(at).status, 200);
    let mut resident = Vec::new();
    for _ in 0..3 {
        let before = allocated_kb(&envoy);
        let start = Instant::now();
        // 40 kB of headers each, as many as fit in, and no end.
        let endless = format!("GET / HTTP/1.1\r\nhost: a.example\r\nx-a: {}\r\n", "a".repeat(40_000));
        let slow: Vec<TcpStream> = (0..1000).map(|_| open(at, endless.as_bytes())).collect();
        let opened = start.elapsed();
        soon("all are there", || connections(&envoy) == 1000);
        let held = allocated_kb(&envoy);
        assert_eq!(Request::get("http://a.example/").send(at).status, 200, "others are served meanwhile");
        for stream in slow {
            assert!(rest(stream).starts_with("HTTP/1.1 408"), "a stranger is told that it took too long");
        }
        let took = start.elapsed();
        assert!(took < opened + WITHIN + Duration::from_secs(5), "{took:?}");
        soon("all are gone", || connections(&envoy) == 0);
        soon("all that they held is given back", || allocated_kb(&envoy) < before + 4 * 1024);
        resident.push(envoy.memory_kb());
        println!("allocated: {before} kB, {held} kB while they are there, then {} kB", allocated_kb(&envoy));
    }
    println!("resident after each time: {resident:?} kB");
    assert!(resident[2] < resident[0] + 16 * 1024, "it grows: {resident:?} kB");
    assert_eq!(envoy.vm_reloads(), 0);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let echo = Echo::start();
    let envoy = gateway(&echo, |manager| {
        manager["common_http_protocol_options"]["idle_timeout"] = json!("1s");
    })
    .start();
    let silent = open(envoy.listener("gateway-80"), b"");
    let start = Instant::now();
    assert_eq!(rest(silent), "");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn there_are_only_so_many_connections() {
    let echo = Echo::start();
    let most = |bootstrap: &mut Value| {
        let limit = envoy_config::listener::Limits { connections: 50, ..Default::default() }.overload_manager();
        bootstrap["overload_manager"] = to_json(&limit);
    };
    let envoy = Sail::new(routed(echo.address().port(), TO_ECHO)).adjust(most).start();
    let at = envoy.listener("gateway-80");
    let held: Vec<TcpStream> = (0..50).map(|_| open(at, b"")).collect();
    soon("fifty are there", || connections(&envoy) == 50);
    assert_eq!(rest(open(at, b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")), "", "there is no room for another");
    // Those who look after it still get in.
    assert_eq!(Request::get("/ready").send(envoy.admin()).text(), "LIVE\n");
    drop(held);
    soon("there is room again", || connections(&envoy) == 0);
    assert_eq!(Request::get("http://a.example/").send(at).status, 200);
}

#[test]
fn headers_with_an_underscore_are_refused() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.address().port(), TO_ECHO)).start();
    let at = envoy.listener("gateway-80");
    assert_eq!(Request::get("http://a.example/").header("x-user", "me").send(at).status, 200);
    for http2 in [false, true] {
        let asked = Request::get("http://a.example/").header("x_user", "me").http2(http2).try_send(at);
        assert!(asked.is_err() || asked.is_ok_and(|answer| answer.status == 400), "over HTTP/2: {http2}");
    }
}

/// Clients that do not take their answers: little is held for each, and what Istio would let them hold is more.
#[test]
fn answers_that_nobody_takes_are_not_held() {
    const CLIENTS: u64 = 40;
    let held = |sail: Sail| {
        let envoy = sail.start();
        let at = envoy.listener("gateway-80");
        assert_eq!(Request::get("http://a.example/").send(at).status, 200);
        let before = envoy.memory_kb();
        let ask = b"GET / HTTP/1.1\r\nhost: a.example\r\nx-echo-body-bytes: 8000000\r\n\r\n";
        let deaf: Vec<TcpStream> = (0..CLIENTS).map(|_| open(at, ask)).collect();
        let buffered = || envoy.stat("http.gateway-80.downstream_cx_tx_bytes_buffered");
        soon("all are there", || connections(&envoy) == CLIENTS);
        let mut last = u64::MAX;
        soon("no more comes", || {
            std::thread::sleep(Duration::from_millis(300));
            let now = buffered();
            now > 0 && std::mem::replace(&mut last, now) == now
        });
        let (bytes, memory) = (buffered() / CLIENTS, envoy.memory_kb().saturating_sub(before) / CLIENTS);
        println!("{bytes} bytes buffered for each, {memory} kB of memory");
        drop(deaf);
        soon("all are gone", || connections(&envoy) == 0);
        bytes
    };
    let echo = Echo::start();
    let ours = held(Sail::new(routed(echo.address().port(), TO_ECHO)));
    let unbounded = held(Sail::new(routed(echo.address().port(), TO_ECHO)).adjust(|bootstrap| {
        for_each_object(bootstrap, &mut |object| drop(object.remove("per_connection_buffer_limit_bytes")));
    }));
    assert!(ours < 1 << 20 && unbounded > ours * 3 / 2, "{ours}, and {unbounded} without a bound");
}

/// What is tried again has to be held until then: a body with more than there is room for is sent once.
#[test]
fn a_request_with_a_large_body_is_not_tried_again() {
    let echo = Echo::start();
    let rules = "- retries: {attempts: 2, retryOn: 5xx}\n  route: [{destination: {host: echo}}]";
    let envoy = Sail::new(routed(echo.address().port(), rules)).start();
    let at = envoy.listener("gateway-80");
    for (bytes, status) in [(100_000, 200), (1_000_000, 503)] {
        let key = bytes.to_string();
        let request = Request::new("POST", "http://a.example/").body(vec![b'x'; bytes]).header("x-echo-key", &key);
        assert_eq!(request.header("x-echo-status-first", "503x1").send(at).status, status, "{bytes} bytes");
    }
}
