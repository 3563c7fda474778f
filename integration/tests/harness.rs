//! The harness itself, with a plain native route and no module: what later tests may rely on.

use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use integration::client::{Connection, Raw, Request, raw};
use integration::echo::Echo;
use integration::envoy::{Envoy, Options};
use serde_json::{Value, json};

/// One listener on a free port, one route, one cluster.
fn bootstrap(echo: &Echo, http2: bool) -> Value {
    let protocol = if http2 { json!({"http2_protocol_options": {}}) } else { json!({"http_protocol_options": {}}) };
    json!({"static_resources": {
        "listeners": [{
            "name": "front",
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "front",
                    "upgrade_configs": [{"upgrade_type": "websocket"}],
                    "route_config": {"virtual_hosts": [{
                        "name": "all", "domains": ["*"],
                        "routes": [
                            {"match": {"prefix": "/retried"},
                             "route": {"cluster": "echo", "retry_policy": {"retry_on": "5xx", "num_retries": 2}}},
                            {"match": {"prefix": "/"}, "route": {"cluster": "echo"}},
                        ],
                    }]},
                    "http_filters": [{
                        "name": "envoy.filters.http.router",
                        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                    }],
                },
            }]}],
        }],
        "clusters": [{
            "name": "echo",
            "load_assignment": {"cluster_name": "echo", "endpoints": [{"lb_endpoints": [{"endpoint": {"address":
                {"socket_address": {"address": "127.0.0.1", "port_value": echo.port()}}}}]}]},
            "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": protocol,
            }},
        }],
    }})
}

fn start(echo: &Echo, http2: bool) -> Envoy {
    Envoy::start(&bootstrap(echo, http2), &Options::default())
}

#[test]
fn a_request_passes_and_the_echo_tells_what_reached_it() {
    let echo = Echo::named("ui");
    let envoy = start(&echo, false);
    let request = Request::new("POST", "http://cat.example/kitten?q=%20a").header("x-b", b"\xe9").header("x-a", "1");
    let response = request.header("x-a", "2").body("miaow").send(envoy.listener("front"));
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), Some("application/json"));
    let seen = response.echo();
    assert_eq!((seen.server.as_str(), seen.method.as_str()), ("ui", "POST"));
    assert_eq!((seen.path.as_str(), seen.authority.as_str()), ("/kitten?q=%20a", "cat.example"));
    assert_eq!((seen.version.as_str(), seen.body_bytes, seen.body.as_deref()), ("HTTP/1.1", 5, Some("miaow")));
    assert_eq!(seen.header("x-b"), Some("é"), "a byte outside UTF-8 is shown as Latin-1");
    let values: Vec<_> = seen.headers.iter().filter(|(name, _)| name == "x-a").map(|(_, value)| value).collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(echo.take(), [seen]);
    assert_eq!(echo.seen(), []);

    let front = envoy.stats(r"^http\.front\.downstream_rq_(total|2xx)$");
    assert_eq!(front.into_values().collect::<Vec<_>>(), [1, 1]);
    assert_eq!((envoy.stat("cluster.echo.upstream_rq_200"), envoy.stat("no.such")), (1, 0));
    assert!(envoy.prometheus().contains("envoy_cluster_upstream_rq_total{envoy_cluster_name=\"echo\"} 1"));
    assert_eq!(envoy.vm_reloads(), 0);
    assert_eq!(envoy.version().split('.').count(), 3, "{}", envoy.version());
    assert!(envoy.wait_log("starting main dispatch loop", Duration::from_secs(5)).contains("info"));
}

#[test]
fn http2_on_both_sides() {
    let echo = Echo::start();
    let envoy = start(&echo, true);
    let front = envoy.listener("front");
    let seen = Request::get("http://cat.example/x?y").http2(true).send(front).echo();
    assert_eq!((seen.version.as_str(), seen.path.as_str()), ("HTTP/2.0", "/x?y"));
    assert_eq!(seen.authority, "cat.example");

    let call = Request::new("POST", "/cats.Search/Find").http2(true).header("content-type", "application/grpc");
    let found = call.clone().header("te", "trailers").send(front);
    assert_eq!((found.status, found.trailers), (200, vec![("grpc-status".to_owned(), b"0".to_vec())]));
    let length = u32::from_be_bytes(found.body[1..5].try_into().expect("four bytes")) as usize;
    assert_eq!(found.body.len(), 5 + length, "one message, with its length in front");
    let refused = call.header("x-echo-grpc-status", "14").send(front);
    assert_eq!((refused.header("grpc-status"), refused.body.len()), (Some("14"), 0));
}

#[test]
fn a_request_steers_the_echo() {
    let echo = Echo::start();
    let envoy = start(&echo, false);
    let front = envoy.listener("front");
    let mut connection = Connection::open(front);
    let mut status = |name: &str, value: &str| {
        let response = connection.send(&Request::get("/").header(name, value));
        (response.status, response)
    };
    assert_eq!(status("x-echo-status", "418").0, 418);
    assert_eq!(status("x-echo-status", "kitten").0, 400, "what means nothing is not passed over");
    assert_eq!(status("x-echo-reset", "1").0, 503);
    assert_eq!(status("x-echo-body-bytes", "3000000").1.body.len(), 3_000_000);
    let (_, added) = status("x-echo-headers", "x-a=1;x-b=2");
    assert_eq!((added.header("x-a"), added.header("x-b")), (Some("1"), Some("2")));
    let before = Instant::now();
    status("x-echo-delay-ms", "100");
    assert!(before.elapsed() >= Duration::from_millis(100));
    let tries: Vec<u16> = (0..4).map(|_| status("x-echo-status-first", "503x2").0).collect();
    assert_eq!(tries, [503, 503, 200, 200]);

    let retried = Request::get("/retried").header("x-echo-status-first", "503x2").header("x-echo-key", "retried");
    let retried = retried.send(front);
    assert_eq!(retried.status, 200, "the third try");
}

#[test]
fn one_connection_carries_thousands_of_requests() {
    let echo = Echo::start();
    let envoy = start(&echo, false);
    let front = envoy.listener("front");
    for mut connection in [Connection::open(front), Connection::open_http2(front)] {
        let before = Instant::now();
        for _ in 0..2000 {
            assert_eq!(connection.send(&Request::get("http://cat.example/")).status, 200);
        }
        println!("2000 requests in {:?}", before.elapsed());
        assert_eq!(connection.opened(), 1);
    }
    assert_eq!(echo.seen().len(), 4000);
}

#[test]
fn hostile_bytes_and_silence_are_answered_in_time() {
    let echo = Echo::start();
    let envoy = start(&echo, false);
    let front = envoy.listener("front");
    assert!(
        raw(front, b"GET / HTTP/1.1\r\nhost: a\r\nx: \xff\xfe\r\nconnection: close\r\n\r\n")
            .starts_with(b"HTTP/1.1 200 ")
    );
    assert!(raw(front, b"GET / HTTP/9\r\n\r\n").starts_with(b"HTTP/1.1 400 "));
    let slow = Request::get("/").header("x-echo-delay-ms", "60000").timeout(Duration::from_millis(100));
    let error = slow.try_send(front).expect_err("no answer in time");
    assert!(error.to_string().contains("nothing within 100ms"), "{error}");
}

#[test]
fn a_websocket_passes_bytes_both_ways() {
    let echo = Echo::start();
    let envoy = start(&echo, false);
    let mut socket = Raw::websocket(envoy.listener("front"), "cat.example", "/live");
    for message in [&b"miaow"[..], b"\x00\xff", &[7; 50_000]] {
        socket.write(message).expect("the socket is open");
        assert_eq!(socket.read(message.len()), message);
    }
    assert_eq!(echo.take()[0].path, "/live");
    drop(echo);
    assert_eq!(socket.rest(), b"", "an upstream that goes takes its sockets along");
}

/// The bootstrap with a misspelt field.
fn misspelt(echo: &Echo) -> Value {
    let mut bootstrap = bootstrap(echo, false);
    let clusters = bootstrap["static_resources"]["clusters"].take();
    bootstrap["static_resources"]["clustrs"] = clusters;
    bootstrap
}

#[test]
fn validate_takes_a_good_config_and_refuses_a_typo() {
    let echo = Echo::start();
    assert_eq!(Envoy::validate(&bootstrap(&echo, false)), Ok(()));
    let log = Envoy::validate(&misspelt(&echo)).expect_err("a misspelt field");
    assert!(log.contains("clustrs"), "{log}");
}

#[test]
fn a_config_that_envoy_refuses_comes_back_with_the_log() {
    let echo = Echo::start();
    let before = Instant::now();
    let log = Envoy::try_start(&misspelt(&echo), &Options::default()).expect_err("a misspelt field");
    assert!(log.contains("clustrs") && log.contains("exit status: 1"), "{log}");
    assert!(before.elapsed() < Duration::from_secs(10), "it does not wait for an Envoy that has gone");
}

#[test]
fn envoys_run_side_by_side() {
    let (one, two) = (Echo::named("one"), Echo::named("two"));
    // The same port in both, as a config for people has it.
    let options = Options { free_ports: true, concurrency: 1, ..Options::default() };
    let envoys = [&one, &two].map(|echo| {
        let mut bootstrap = bootstrap(echo, false);
        bootstrap["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = json!(8080);
        Envoy::start(&bootstrap, &options)
    });
    let servers = envoys.each_ref().map(|envoy| Request::get("/").send(envoy.listener("front")).echo().server);
    assert_eq!(servers, ["one", "two"]);
}

#[test]
fn an_envoy_outlives_the_thread_that_started_it() {
    let echo = Echo::start();
    let envoy = std::thread::scope(|scope| scope.spawn(|| start(&echo, false)).join().expect("it starts"));
    // Were Envoy bound to that thread, the kernel would have killed it when the thread ended.
    assert_eq!(Request::get("/").send(envoy.listener("front")).status, 200);
    assert_eq!(envoy.exited(), None);
}

#[test]
fn nothing_is_left_after_drop() {
    let echo = Echo::start();
    let envoy = start(&echo, false);
    let process = format!("/proc/{}", envoy.pid());
    let (front, directory) = (envoy.listener("front"), envoy.directory().path().to_owned());
    assert!(directory.join("envoy.log").is_file());
    assert!(!cfg!(target_os = "linux") || Path::new(&process).exists());
    drop(envoy);
    assert!(!Path::new(&process).exists(), "Envoy is still alive");
    assert!(!directory.exists(), "{} is still there", directory.display());
    assert!(TcpStream::connect(front).is_err(), "the listener is still open");

    let address = echo.address();
    drop(echo);
    assert!(TcpStream::connect(address).is_err(), "the echo is still open");
    assert_eq!(Echo::at("again", address).address(), address, "its address is free for the next");
}
