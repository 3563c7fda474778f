//! Mirrors on real Envoy: who gets copies, of which share, and that nothing a mirror does reaches the client.

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use integration::client::{Connection, Raw, Request};
use integration::echo::{Echo, Seen};
use integration::envoy::Envoy;
use integration::paths;
use integration::sail::{Sail, routed};
use serde_json::{Value, json};

/// The mesh of these tests: the destination `echo`, and mirrors at these ports.
fn mesh(echo: u16, mirrors: &[(&str, u16)], rules: &str) -> String {
    let service = |(name, port): &(&str, u16)| {
        format!(
            "\n---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{name}.default.svc.cluster.local]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}]\n  \
             endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]\n"
        )
    };
    routed(echo, rules) + &mirrors.iter().map(service).collect::<String>()
}

/// Everything goes to the echo, and a copy to `mirror`.
const MIRRORED: &str = "- {mirror: {host: mirror}, route: [{destination: {host: echo}}]}";

fn gateway(envoy: &Envoy) -> SocketAddr {
    envoy.listener("gateway-80")
}

/// How many requests a cluster got, once none is under way. Envoy begins a copy before it sends the request itself, so
/// that all copies of answered requests are counted.
fn settled(envoy: &Envoy, service: &str) -> u64 {
    let stat = |name: &str| envoy.stat(&format!("cluster.outbound|80||{service}.default.svc.cluster.local.{name}"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while stat("upstream_rq_active") + stat("upstream_rq_pending_active") > 0 {
        assert!(Instant::now() < deadline, "copies for {service} are still under way");
        std::thread::sleep(Duration::from_millis(10));
    }
    stat("upstream_rq_total")
}

/// So many requests as an upstream saw them, which it is given time for.
fn wait_for(echo: &Echo, number: usize) -> Vec<Seen> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while echo.seen().len() < number {
        assert!(Instant::now() < deadline, "{} of {number} requests came", echo.seen().len());
        std::thread::sleep(Duration::from_millis(1));
    }
    echo.take()
}

/// Neither names of ours nor orders for Envoy's router.
fn assert_nothing_internal(seen: &Seen) {
    let of_envoy = ["attempt-count", "external-address", "internal", "original-path", "expected-rq-timeout-ms"];
    for (name, value) in &seen.headers {
        let order = name.strip_prefix("x-envoy-").is_some_and(|rest| !of_envoy.contains(&rest));
        assert!(!order && !name.starts_with("x-sailcloth"), "{} got {name}: {value}", seen.server);
    }
}

#[test]
fn the_legacy_file_behaves_as_its_first_line_says() {
    let read = |name: &str| {
        let path = paths::root().join("integration/catcatgo").join(name);
        std::fs::read_to_string(path).expect("the file is there")
    };
    for separate in [false, true] {
        let (v1, v2, backend) = (Echo::named("v1"), Echo::named("v2"), Echo::named("backend"));
        let mut services = read("services.yaml");
        for (from, to) in [("9001", &v1), ("9002", &v2), ("9011", &backend), ("9012", &backend)] {
            services = services.replace(from, &to.port().to_string());
        }
        let files =
            [read("mesh/gateway.yaml"), read("mesh/destination-rules.yaml"), read("legacy/mirror.yaml"), services];
        let sail = Sail::new(files.join("\n---\n"));
        let envoy = if separate { sail.separate() } else { sail }.start();
        let mut connection = Connection::open(gateway(&envoy));
        for number in 0..200 {
            let response = connection.send(&Request::get(&format!("/{number}")));
            assert_eq!((response.status, response.echo().server.as_str()), (200, "v1"));
        }
        let mut copies: Vec<String> = wait_for(&v2, 200).into_iter().map(|seen| seen.path).collect();
        let mut answered: Vec<String> = v1.take().into_iter().map(|seen| seen.path).collect();
        copies.sort();
        answered.sort();
        assert_eq!(copies, answered);
        assert_eq!(backend.take().len(), 0);
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// Each count is within five standard deviations, which a right share misses once in 1.7 million times; the four counts
/// of the two packagings together once in 290,000.
#[test]
fn shares_are_as_asked_and_independent() {
    const REQUESTS: u32 = 4000;
    let rules = "\
- route: [{destination: {host: echo}}]
  mirrors:
  - {destination: {host: m1}, percentage: {value: 30}}
  - {destination: {host: m2}, percentage: {value: 12.5}}
  - {destination: {host: m3}}";
    for separate in [false, true] {
        let (echo, m1, m2, m3) = (Echo::start(), Echo::named("m1"), Echo::named("m2"), Echo::named("m3"));
        let ports = [("m1", m1.port()), ("m2", m2.port()), ("m3", m3.port())];
        let sail = Sail::new(mesh(echo.port(), &ports, rules));
        let envoy = if separate { sail.separate() } else { sail }.start();
        let mut connection = Connection::open(gateway(&envoy));
        for number in 0..REQUESTS {
            assert_eq!(connection.send(&Request::get(&format!("/{number}"))).status, 200);
        }
        let got = ["m1", "m2", "m3"].map(|service| settled(&envoy, service) as f64);
        assert_eq!(got[2], f64::from(REQUESTS));
        let paths =
            |echo: &Echo| echo.take().into_iter().map(|seen| seen.path).collect::<std::collections::HashSet<_>>();
        let both = paths(&m1).intersection(&paths(&m2)).count() as f64;
        for (what, got, share) in [("m1", got[0], 0.3), ("m2", got[1], 0.125), ("both", both, 0.3 * 0.125)] {
            let n = f64::from(REQUESTS);
            let allowed = 5.0 * (n * share * (1.0_f64 - share)).sqrt();
            assert!((got - n * share).abs() <= allowed, "{what}: {got}, want {} give or take {allowed:.0}", n * share);
        }
    }
}

/// `generate` cannot know such labels, and has written the route all the same.
#[test]
fn labels_of_envoys_node_choose_a_rule_and_its_mirror() {
    let (echo, mirror) = (Echo::start(), Echo::named("mirror"));
    let rules = "- {match: [{sourceLabels: {app: ui}}], mirror: {host: mirror}, route: [{destination: {host: echo}}]}\n\
                 - {route: [{destination: {host: echo}}]}";
    // Bound to the mesh, and to the service's own name.
    let yaml = mesh(echo.port(), &[("mirror", mirror.port())], rules);
    let yaml = yaml.replace("hosts: ['*']\n  gateways: [gw]", "hosts: [echo]");
    for (app, copies) in [("ui", 3), ("other", 0)] {
        let labelled = move |bootstrap: &mut Value| bootstrap["node"]["metadata"] = json!({"LABELS": {"app": app}});
        let envoy = Sail::new(yaml.clone()).mesh().adjust(labelled).start();
        let mut connection = Connection::open(envoy.listener("mesh"));
        for _ in 0..3 {
            assert_eq!(connection.send(&Request::get("/").header("host", "echo")).status, 200);
        }
        assert_eq!(settled(&envoy, "mirror"), copies, "{app}");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn request_and_copy_are_the_same_and_carry_nothing_internal() {
    let rule = "\
- {mirror: {host: mirror}, timeout: 10s, retries: {attempts: 2, retryOn: '5xx,reset'}, rewrite: {uri: /new/},
   headers: {request: {set: {x-set: '1'}}}, route: [{destination: {host: echo}}]}";
    for separate in [false, true] {
        let (echo, mirror) = (Echo::start(), Echo::named("mirror"));
        let sail = Sail::new(mesh(echo.port(), &[("mirror", mirror.port())], rule));
        let envoy = if separate { sail.separate() } else { sail }.start();
        let body = vec![b'x'; 8 << 20];
        let hostile: [(&str, &[u8]); 7] = [
            ("x-sailcloth-route", b"plain"),
            ("x-sailcloth-route", b"mirror+outbound|80||echo.default.svc.cluster.local"),
            ("x-sailcloth-cluster", b"outbound|80||mirror.default.svc.cluster.local"),
            ("x-sailcloth-mirror", b"echo"),
            ("x-envoy-upstream-stream-duration-ms", b"1"),
            ("x-envoy-max-retries", b"9"),
            ("x-bytes", b"\xff\xfe"),
        ];
        for with_body in [false, true] {
            let mut request = Request::new("POST", "/old");
            for (name, value) in hostile {
                request = request.header(name, value);
            }
            if with_body {
                request = request.body(body.clone());
            }
            let response = request.send(gateway(&envoy));
            assert_eq!(response.status, 200);
            let (seen, copy) = (wait_for(&echo, 1).remove(0), wait_for(&mirror, 1).remove(0));
            for seen in [&seen, &copy] {
                assert_nothing_internal(seen);
                assert_eq!(
                    (seen.path.as_str(), seen.header("x-set"), seen.authority.as_str()),
                    ("/new/old", Some("1"), copy.authority.as_str())
                );
                assert_eq!(seen.body_bytes, if with_body { 8 << 20 } else { 0 });
                assert!(seen.header("x-bytes").is_some());
            }
        }
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// A mirror that does what the function does with every connection.
fn odd_mirror(serve: fn(std::net::TcpStream)) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// The bound on a copy is one second: a little more is what a request may take at worst, and on a busy machine a
/// little more again.
#[test]
fn a_mirror_that_is_dead_slow_or_stuck_never_blocks_the_request() {
    let stuck = odd_mirror(|stream| {
        std::thread::sleep(Duration::from_secs(120));
        drop(stream);
    });
    let slow = odd_mirror(|mut stream| {
        let mut some = [0; 64 * 1024];
        while stream.read(&mut some).is_ok_and(|length| length > 0) {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    let silent = odd_mirror(|mut stream| while stream.read(&mut [0; 65536]).is_ok_and(|length| length > 0) {});
    let closing = odd_mirror(drop);
    let dead = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port();
    let body = vec![b'x'; 20_000_000];
    for (what, port) in [("stuck", stuck), ("slow", slow), ("silent", silent), ("closing", closing), ("dead", dead)] {
        let echo = Echo::start();
        let envoy = Sail::new(mesh(echo.port(), &[("mirror", port)], MIRRORED)).start();
        let small = Instant::now();
        for _ in 0..50 {
            assert_eq!(Request::get("/").send(gateway(&envoy)).status, 200, "{what}");
        }
        let small = small.elapsed();
        assert!(small < Duration::from_secs(5), "{what}: 50 small requests took {small:?}");
        let large = Instant::now();
        let response = Request::new("POST", "/").body(body.clone()).send(gateway(&envoy));
        let large = large.elapsed();
        println!("{what}: 50 small ones {small:?}, 20 MB {large:?}");
        assert_eq!(response.status, 200, "{what}");
        assert_eq!(echo.seen().last().map(|seen| seen.body_bytes), Some(20_000_000), "{what}");
        assert!(large < Duration::from_millis(2500), "{what}: 20 MB took {large:?}");
        // Copies are bounded in time, whatever the mirror does.
        settled(&envoy, "mirror");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn clients_that_leave_while_they_are_mirrored_leave_nothing_behind() {
    let (echo, mirror) = (Echo::start(), Echo::named("mirror"));
    let envoy = Sail::new(mesh(echo.port(), &[("mirror", mirror.port())], MIRRORED)).start();
    for _ in 0..50 {
        let mut raw = Raw::connect(gateway(&envoy));
        raw.write(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9000000\r\n\r\nbegun").expect("Envoy reads");
    }
    for number in 0..50 {
        let mut raw = Raw::connect(gateway(&envoy));
        let delayed = format!("GET /{number} HTTP/1.1\r\nhost: a\r\nx-echo-delay-ms: 200\r\n\r\n");
        raw.write(delayed.as_bytes()).expect("Envoy reads");
    }
    settled(&envoy, "mirror");
    settled(&envoy, "echo");
    echo.take();
    assert_eq!(Request::get("/after").send(gateway(&envoy)).status, 200);
    assert_eq!(echo.take().len(), 1);
    assert_eq!(envoy.vm_reloads(), 0);
}
