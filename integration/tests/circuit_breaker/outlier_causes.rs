//! What counts as a failure, and how long it counts: native Envoy, and the circuit breaker on clusters that detect
//! nothing, each with a destination of one endpoint.

use super::outlier::{at_once, natively};
use super::*;
use integration::client::Connection;
use integration::echo::Echo;

/// Makes a request.
type Asked = fn() -> Request;

/// What is asked of a destination, and whether it is left alone then.
struct Row {
    name: &'static str,
    /// `outlierDetection`, without `maxEjectionPercent`.
    outlier: &'static str,
    /// The request that is asked, so many times.
    asked: &'static [(Asked, usize)],
    out: bool,
}

fn get() -> Request {
    Request::get("/")
}

fn status(status: &str) -> Request {
    get().header("x-echo-status", status)
}

fn error() -> Request {
    status("500")
}

fn unavailable() -> Request {
    status("503")
}

fn not_found() -> Request {
    status("404")
}

fn beyond() -> Request {
    status("600")
}

fn reset() -> Request {
    get().header("x-echo-reset", "1")
}

fn late() -> Request {
    Request::get("/late").header("x-echo-delay-ms", "400")
}

/// Over a port of HTTP/2.
fn grpc() -> Request {
    Request::get("/grpc").http2(true).header("content-type", "application/grpc").header("te", "trailers")
}

fn grpc_status() -> Request {
    grpc().header("x-echo-grpc-status", "14")
}

fn grpc_unknown() -> Request {
    grpc().header("x-echo-grpc-status", "99")
}

fn grpc_not_found() -> Request {
    grpc().header("x-echo-grpc-status", "5")
}

fn grpc_trailer() -> Request {
    grpc().header("x-echo-grpc-trailer", "14")
}

const SPLIT: &str = "consecutive5xxErrors: 2, splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 2";

const ROWS: &[Row] = &[
    Row { name: "5xx", outlier: "consecutive5xxErrors: 2", asked: &[(error, 1), (unavailable, 1)], out: true },
    Row {
        name: "4xx between",
        outlier: "consecutive5xxErrors: 2",
        asked: &[(error, 1), (not_found, 1), (error, 1)],
        out: false,
    },
    Row { name: "beyond 5xx", outlier: "consecutive5xxErrors: 2", asked: &[(beyond, 3)], out: false },
    Row { name: "reset", outlier: "consecutive5xxErrors: 2", asked: &[(reset, 2)], out: true },
    Row { name: "too late", outlier: "consecutive5xxErrors: 2", asked: &[(late, 2)], out: true },
    Row {
        name: "too late is a gateway error",
        outlier: "consecutive5xxErrors: 0, consecutiveGatewayErrors: 2",
        asked: &[(late, 1), (reset, 1)],
        out: true,
    },
    Row { name: "resets apart come after a connection", outlier: SPLIT, asked: &[(reset, 4), (late, 2)], out: false },
    Row { name: "5xx of a split", outlier: SPLIT, asked: &[(error, 2)], out: true },
    Row {
        name: "resets between 5xx of a split",
        outlier: SPLIT,
        asked: &[(error, 1), (reset, 1), (error, 1)],
        out: true,
    },
    Row { name: "gRPC in headers", outlier: "consecutive5xxErrors: 2", asked: &[(grpc_status, 2)], out: true },
    Row { name: "gRPC that nobody knows", outlier: "consecutive5xxErrors: 2", asked: &[(grpc_unknown, 2)], out: true },
    Row { name: "gRPC not found", outlier: "consecutive5xxErrors: 2", asked: &[(grpc_not_found, 4)], out: false },
    Row { name: "gRPC in trailers", outlier: "consecutive5xxErrors: 2", asked: &[(grpc_trailer, 4)], out: false },
];

fn host(index: usize) -> String {
    format!("c{index}.example")
}

fn yaml(port: u16) -> String {
    let mut yaml = integration::sail::gateway_and_echo(port);
    for (index, row) in ROWS.iter().enumerate() {
        let (host, name) = (host(index), format!("c{index}"));
        let outlier = format!("{}, baseEjectionTime: 600s, maxEjectionPercent: 100", row.outlier);
        yaml += &format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{host}]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: 90, name: grpc, protocol: GRPC}}]\n  \
             endpoints: [{{address: 127.0.0.1, ports: {{http: {port}, grpc: {port}}}}}]\n\
             ---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: {name}}}\nspec:\n  \
             host: {host}\n  trafficPolicy: {{outlierDetection: {{{outlier}}}}}\n\
             ---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: {name}}}\nspec:\n  \
             hosts: [{host}]\n  gateways: [gw]\n  http:\n  \
             - {{match: [{{uri: {{exact: /late}}}}], timeout: 0.1s, retries: {{attempts: 0}}, route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}]}}\n  \
             - {{match: [{{uri: {{exact: /grpc}}}}], retries: {{attempts: 0}}, route: [{{destination: {{host: {host}, port: {{number: 90}}}}}}]}}\n  \
             - {{retries: {{attempts: 0}}, route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}]}}\n---\n"
        );
    }
    yaml.trim_end_matches("---\n").to_owned()
}

#[test]
fn what_counts_as_a_failure_is_what_counts_natively() {
    let echo = Echo::start();
    let yaml = yaml(echo.port());
    let sides = [
        ("native", natively(&yaml)),
        ("modules that detect", Sail::new(yaml.clone()).modules_detect()),
        ("modules that detect, separate", Sail::new(yaml).modules_detect().separate()),
    ];
    let mut wrong = Vec::new();
    for (name, sail) in sides {
        let envoy = sail.workers(2).start();
        let address = gateway(&envoy);
        for (index, row) in ROWS.iter().enumerate() {
            let of = |request: Asked| request().header("host", host(index));
            for (request, times) in row.asked {
                let request = of(*request);
                for _ in 0..*times {
                    let _ = request.try_send(address);
                }
            }
            // Envoy's main thread ejects some time after the answer.
            std::thread::sleep(Duration::from_millis(300));
            // A port that nobody asked has an endpoint of its own.
            let last = of(row.asked[0].0);
            echo.take();
            let _ = last.try_send(address);
            let out = echo.take().is_empty();
            if out != row.out {
                wrong.push(format!("{name}: {}: left alone: {out}", row.name));
            }
        }
        assert_eq!(envoy.vm_reloads(), 0);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How long nobody is left after a failure, in milliseconds.
fn lasts(address: SocketAddr) -> u128 {
    let mut connection = Connection::open(address);
    connection.send(&Request::get("/").header("x-echo-status", "500"));
    let mut nobody_is_left = || connection.send(&Request::get("/")).text() == "no healthy upstream";
    until("nobody is left", Duration::from_secs(2), &mut nobody_is_left);
    let ejected = Instant::now();
    while nobody_is_left() {
        std::thread::sleep(Duration::from_millis(5));
    }
    ejected.elapsed().as_millis()
}

/// So long times the number of ejections, up to the next interval; and intervals without one forget them.
#[test]
fn an_ejection_lasts_as_long_as_natively() {
    let echo = Echo::start();
    let policy = "{outlierDetection: {consecutive5xxErrors: 1, interval: 250ms, baseEjectionTime: 500ms, maxEjectionPercent: 100}}";
    let yaml = guarded(echo.port(), "- retries: {attempts: 0}\n  route: [{destination: {host: echo}}]", policy);
    for (name, sail) in [("native", natively(&yaml)), ("modules that detect", Sail::new(yaml.clone()).modules_detect())]
    {
        let envoy = sail.adjust(at_once).start();
        let address = gateway(&envoy);
        let (first, second) = (lasts(address), lasts(address));
        std::thread::sleep(Duration::from_millis(1300));
        let after_a_while = lasts(address);
        eprintln!("{name}: {first} ms, {second} ms, and {after_a_while} ms");
        assert!((440..1100).contains(&first), "{name}: {first} ms");
        assert!((940..1600).contains(&second), "{name}: {second} ms");
        assert!((440..1100).contains(&after_a_while), "{name}: {after_a_while} ms");
    }
}
