//! What clients and destinations make up takes series from nobody else.

use super::*;

/// More than Sailcloth ever had room for.
const HOSTS: u32 = 5_100;

/// The most that `/stats/prometheus` takes for a series: 30 lines, each with 25 labels of at most some dozen bytes here.
const SERIES_BYTES: usize = 30 * 1100;

/// The most that everything else there takes, for a handful of clusters and listeners.
const REST_BYTES: usize = 500_000;

fn flood(address: std::net::SocketAddr, path: &str, status: u16) {
    let mut connection = Connection::open(address);
    for index in 0..HOSTS {
        let request = Request::get(path).header("host", format!("host-{index}.example"));
        assert_eq!(connection.send(&request).status, status, "{path}");
    }
}

fn of<'a>(all: &'a [(Labels, f64)], label: &str, value: &str) -> Vec<&'a (Labels, f64)> {
    all.iter().filter(|(labels, _)| labels[label] == value).collect()
}

#[test]
fn at_a_gateway_hosts_make_no_series() {
    const RULES: &str = "\
- match: [{uri: {exact: /redirect}}]
  redirect: {uri: /elsewhere}
- match: [{uri: {exact: /direct}}]
  directResponse: {status: 418}
- match: [{uri: {exact: /echo}}]
  route: [{destination: {host: echo}}]";
    for separate in [false, true] {
        let echo = Echo::start();
        let sail = Sail::new(routed(echo.port(), RULES)).workers(1);
        let envoy = if separate { sail.separate() } else { sail }.start();
        let address = envoy.listener("gateway-80");
        for (path, status) in [("/", 404), ("/redirect", 301), ("/direct", 418)] {
            flood(address, path, status);
        }
        assert_eq!(Request::get("/echo").header("host", "a.example").send(address).status, 200);
        let all = counted(&envoy, f64::from(3 * HOSTS + 1));
        assert!(all.len() <= 4, "{} series", all.len());
        let mut seen: Vec<_> = all
            .iter()
            .map(|(labels, value)| {
                (labels["destination_service"].as_str(), labels["response_code"].as_str(), *value as u32)
            })
            .collect();
        seen.sort_unstable();
        let known = ("echo.default.svc.cluster.local", "200", 1);
        assert_eq!(seen, [known, ("unknown", "301", HOSTS), ("unknown", "404", HOSTS), ("unknown", "418", HOSTS)]);
        let scrape = envoy.prometheus().len();
        assert!(scrape < 4 * SERIES_BYTES + REST_BYTES, "{scrape} bytes");
        assert_eq!(warnings(&envoy), [""; 0]);
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

#[test]
fn in_the_mesh_hosts_get_a_tenth_of_the_series() {
    for separate in [false, true] {
        let echo = Echo::start();
        let sail = Sail::new(service("known", echo.port())).mesh().workers(1);
        let envoy = if separate { sail.separate() } else { sail }.start();
        let address = envoy.listener("mesh");
        // Nobody has said where this connection was meant to go.
        flood(address, "/", 404);
        let before = envoy.memory_kb();
        flood(address, "/other", 404);
        let grown = envoy.memory_kb().saturating_sub(before);
        for status in ["200", "404", "500"] {
            let request = Request::get("/").header("host", "known.example").header("x-echo-status", status);
            assert_eq!(request.send(address).status.to_string(), status);
        }
        let all = counted(&envoy, f64::from(2 * HOSTS + 3));
        assert!(all.len() <= 104, "{} series", all.len());
        // Two requests each: whoever has a series keeps it.
        let hosts = all.iter().filter(|(labels, _)| labels["destination_service"].starts_with("host-"));
        let hosts: Vec<_> =
            hosts.map(|(labels, value)| (labels["destination_service_name"].as_str(), *value)).collect();
        assert_eq!(hosts, [("BlackHoleCluster", 2.0); 100]);
        let [(over, value)] = of(&all, "destination_service", "overflow")[..] else { panic!("{all:#?}") };
        assert_eq!(*value, f64::from(2 * HOSTS - 200));
        assert_eq!(
            (over["destination_service_name"].as_str(), over["response_code"].as_str()),
            ("BlackHoleCluster", "4xx")
        );
        assert_eq!((over["reporter"].as_str(), over.len()), ("source", 25));
        assert_eq!(of(&all, "destination_service", "known.example").len(), 3);
        assert_eq!(envoy.stat("wasmcustom.sailcloth.stats.overflow"), u64::from(2 * HOSTS - 200));

        let scrape = envoy.prometheus().len();
        assert!(scrape < 104 * SERIES_BYTES + REST_BYTES, "{scrape} bytes");
        assert!(grown < 8_192, "{HOSTS} more hosts took {grown} kB");
        let warnings = warnings(&envoy);
        assert!(warnings.len() == 1 && warnings[0].contains("hosts that no resource names"), "{warnings:#?}");
        assert!(!envoy.log().contains("host-"), "nothing of a request is logged");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// A host that a VirtualService names is nobody's to make up, though a redirect has no destination.
#[test]
fn in_the_mesh_a_virtual_services_host_is_known() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: moved}\nspec:\n  \
                hosts: [moved.example, '*.wild.example']\n  http: [{redirect: {uri: /elsewhere}}]\n---\n";
    let echo = Echo::start();
    let envoy = limited(Sail::new(format!("{rule}{}", service("known", echo.port()))).workers(1), 100).start();
    let mut connection = Connection::open(envoy.listener("mesh"));
    for index in 0..50 {
        let request = Request::get("/").header("host", format!("h{index}.wild.example"));
        assert_eq!(connection.send(&request).status, 301);
    }
    assert_eq!(connection.send(&Request::get("/").header("host", "Moved.Example:80")).status, 301);
    let all = counted(&envoy, 51.0);
    assert_eq!(all.len(), 12);
    let [(moved, _)] = of(&all, "destination_service", "moved.example")[..] else { panic!("{all:#?}") };
    assert_eq!(moved["destination_service_name"], "moved.example");
    let [(over, value)] = of(&all, "destination_service", "overflow")[..] else { panic!("{all:#?}") };
    assert_eq!(
        (over["destination_service_name"].as_str(), over["response_code"].as_str(), *value),
        ("overflow", "3xx", 40.0)
    );
}

/// Whoever may ask a service for any status, as of httpbin, does not push other services out.
#[test]
fn codes_take_a_tenth_and_other_services_have_room() {
    for separate in [false, true] {
        let echo = Echo::start();
        let rules = "- match: [{uri: {exact: /other}}]\n  route: [{destination: {host: other.example}}]\n\
                     - retries: {attempts: 0}\n  route: [{destination: {host: echo}}]";
        let sail = Sail::new(format!("{}{}", service("other", echo.port()), routed(echo.port(), rules))).workers(1);
        let envoy = if separate { sail.separate() } else { sail }.start();
        let address = envoy.listener("gateway-80");
        let mut connection = Connection::open(address);
        for status in 200..1000 {
            let request = Request::get("/").header("host", "a.example").header("x-echo-status", status.to_string());
            assert_eq!(connection.send(&request).status, status);
        }
        for status in ["200", "503"] {
            let request = Request::get("/other").header("host", "a.example").header("x-echo-status", status);
            assert_eq!(request.send(address).status.to_string(), status);
        }
        let all = counted(&envoy, 802.0);
        let of_echo = of(&all, "destination_service", "echo.default.svc.cluster.local");
        let (over, own): (Vec<_>, Vec<_>) =
            of_echo.into_iter().partition(|(labels, _)| labels["response_flags"] == "overflow");
        assert_eq!(own.len(), 100);
        let classes: Vec<_> = over.iter().map(|(labels, value)| (labels["response_code"].as_str(), *value)).collect();
        let classes_of_others = ["4xx", "5xx", "6xx", "7xx", "8xx", "9xx"].map(|class| (class, 100.0));
        assert_eq!(classes, [&[("3xx", 100.0)][..], &classes_of_others].concat());
        let codes: Vec<_> =
            of(&all, "destination_service", "other.example").iter().map(|it| it.0["response_code"].as_str()).collect();
        assert_eq!(codes, ["200", "503"]);
        let warnings = warnings(&envoy);
        assert!(warnings.len() == 1 && warnings[0].contains("one service has as many"), "{warnings:#?}");
        assert_eq!(envoy.vm_reloads(), 0);
    }
}

/// Every other thing that a client says, and the rest of what a destination does.
#[test]
fn nothing_else_that_is_said_makes_series() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).workers(1).start();
    // Over HTTP/1.1 Envoy takes known methods alone.
    let mut connection = Connection::open_http2(envoy.listener("gateway-80"));
    for index in 0..200 {
        let request = Request::new(&format!("METHOD{index}"), &format!("/{index}?q={index}"))
            .header("host", format!("h{index}.example:{index}"))
            .header("user-agent", format!("agent-{index}"))
            .header("x-request-id", format!("{index}"))
            .header("x-forwarded-for", format!("10.0.0.{index}"))
            .header("x-forwarded-proto", format!("p{index}"))
            .header("x-sailcloth-cluster", format!("outbound|80||made-up-{index}.example"))
            .header("x-sailcloth-route", format!("retry-{index}"))
            .header("x-envoy-upstream-rq-timeout-ms", format!("{}", 10_000 + index))
            .header("x-envoy-peer-metadata-id", format!("peer-{index}"))
            .header("content-type", format!("text/{index}"));
        assert_eq!(connection.send(&request).status, 200);
    }
    let all = counted(&envoy, 200.0);
    assert_eq!(all.len(), 1, "{all:#?}");
}

/// Envoy reads a gRPC status that is none of the seventeen as one.
#[test]
fn grpc_statuses_that_are_none_are_one() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).workers(1).start();
    let mut connection = Connection::open(envoy.listener("gateway-80"));
    let words = ["-1", "-7", "0x1", "1 2", "a", "99999999999999999999", "+3"].map(str::to_owned);
    let (mut asked, statuses) = (0.0, (0..300).map(|status| status.to_string()).chain(words));
    for status in statuses {
        let call = Request::new("POST", "/a/b").header("host", "a.example").header("te", "trailers");
        let call = call.header("content-type", format!("application/grpc+{status}").replace(' ', ""));
        connection.send(&call.header("x-echo-grpc-status", &status));
        asked += 1.0;
    }
    let all = counted(&envoy, asked);
    assert!((17..=19).contains(&all.len()), "{all:#?}");
    assert!(of(&all, "request_protocol", "grpc").len() == all.len(), "{all:#?}");
}

/// Where routes follow a header, and no router takes it from clients, they name clusters that are not there.
#[test]
fn clusters_that_clients_name_make_no_series() {
    let echo = Echo::start();
    for mesh in [false, true] {
        let sail = Sail::new(nothing_matches(&echo)).module("stats").workers(1);
        let sail = if mesh { sail.mesh() } else { sail };
        let envoy = sail.start();
        let mut connection = Connection::open(envoy.listener(if mesh { "mesh" } else { "gateway-80" }));
        for index in 0..200 {
            let request = Request::get("/")
                .header("host", "a.example")
                .header("x-sailcloth-cluster", format!("outbound|80||made-up-{index}.example"));
            assert_eq!(connection.send(&request).status, 503);
        }
        let all = counted(&envoy, 200.0);
        assert_eq!(all.len(), 1, "{all:#?}");
    }
}
