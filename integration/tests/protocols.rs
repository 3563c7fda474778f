//! What the generated configuration speaks to destinations: HTTP/1.1, HTTP/2 and gRPC by the port's protocol, and
//! WebSocket; and where listeners and the mesh are.

use std::net::SocketAddr;

use integration::client::{Raw, Request};
use integration::echo::Echo;
use integration::sail::{Sail, TO_ECHO, routed};

#[test]
fn the_ports_protocol_says_what_is_spoken() {
    for (protocol, version) in [("HTTP", "HTTP/1.1"), ("HTTP2", "HTTP/2.0"), ("GRPC", "HTTP/2.0")] {
        let echo = Echo::start();
        let yaml = routed(echo.port(), TO_ECHO).replace(
            "{number: 80, name: http, protocol: HTTP}]\n  endpoints",
            &format!("{{number: 80, name: http, protocol: {protocol}}}]\n  endpoints"),
        );
        let envoy = Sail::new(yaml).workers(1).start();
        let address = envoy.listener("gateway-80");
        for client_speaks_http2 in [false, true] {
            let response = Request::get("/").http2(client_speaks_http2).send(address);
            assert_eq!(response.status, 200, "{protocol}");
            assert_eq!(response.echo().version, version, "{protocol}");
        }
    }
}

#[test]
fn a_destination_rule_can_ask_for_http2() {
    let echo = Echo::start();
    let upgrade = "\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo}\nspec:\n  \
                   host: echo\n  trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE}}}\n";
    let envoy = Sail::new(format!("{}{upgrade}", routed(echo.port(), TO_ECHO))).workers(1).start();
    let response = Request::get("/").send(envoy.listener("gateway-80"));
    assert_eq!(response.echo().version, "HTTP/2.0");
}

#[test]
fn grpc_goes_through_with_its_trailers() {
    let echo = Echo::start();
    let yaml = routed(echo.port(), TO_ECHO).replace(
        "name: http, protocol: HTTP}]\n  endpoints: [{address: 127.0.0.1, ports: {http:",
        "name: grpc, protocol: GRPC}]\n  endpoints: [{address: 127.0.0.1, ports: {grpc:",
    );
    let envoy = Sail::new(yaml).workers(1).start();
    let request =
        Request::new("POST", "/cats.Search/Find").header("content-type", "application/grpc").header("te", "trailers");
    let response = request.body(b"\0\0\0\0\0".to_vec()).http2(true).send(envoy.listener("gateway-80"));
    assert_eq!(response.status, 200);
    let status = response.trailers.iter().chain(&response.headers).find(|(name, _)| name == "grpc-status");
    assert_eq!(status.map(|(_, value)| value.as_slice()), Some(&b"0"[..]));
    assert_eq!(echo.take()[0].version, "HTTP/2.0");
}

#[test]
fn a_websocket_goes_through() {
    let echo = Echo::start();
    let envoy = Sail::new(routed(echo.port(), TO_ECHO)).workers(1).start();
    let mut socket = Raw::websocket(envoy.listener("gateway-80"), "a", "/chat");
    socket.write(b"meow").unwrap();
    assert_eq!(socket.read(4), b"meow");
    assert_eq!(envoy.vm_reloads(), 0);
}

/// The mesh's listener takes host and port from the request's authority.
#[test]
fn the_mesh_is_asked_by_authority() {
    let (one, other) = (Echo::named("one"), Echo::named("other"));
    let yaml = format!(
        "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: cats}}
spec:
  hosts: [cats.default.svc.cluster.local]
  resolution: STATIC
  ports: [{{number: 80, name: http, protocol: HTTP}}, {{number: 8080, name: http-other, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {}, http-other: {}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: cats}}
spec:
  hosts: [cats]
  http:
  - match: [{{uri: {{prefix: /old}}, port: 80}}]
    rewrite: {{uri: /new}}
    route: [{{destination: {{host: cats}}}}]
  - route: [{{destination: {{host: cats}}}}]
",
        one.port(),
        other.port()
    );
    let envoy = Sail::new(yaml).start();
    let address: SocketAddr = envoy.listener("mesh");
    let ask = |host: &str, path: &str| Request::get(path).header("host", host).send(address);
    for (host, path, server, sees) in [
        ("cats", "/old", "one", "/new"),
        ("cats.default", "/", "one", "/"),
        ("cats.default.svc:80", "/old/", "one", "/new/"),
        ("CATS.default.svc.cluster.local", "/", "one", "/"),
        ("cats:8080", "/old", "other", "/old"),
    ] {
        let seen = ask(host, path).echo();
        assert_eq!((seen.server.as_str(), seen.path.as_str()), (server, sees), "{host}{path}");
    }
    // Of other hosts the mesh knows nothing, and a client that came to the listener itself meant nobody else.
    for (host, said) in [("dogs", "no service `dogs` in the mesh"), ("cats:81", "did you mean `cats`?")] {
        let answer = ask(host, "/");
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains(said), "{}", answer.text());
    }
}

/// A `List` in JSON, as `kubectl get -o json` prints it: subsets are found by the labels of Pods.
#[test]
fn kubernetes_services_answer_too() {
    let (one, other) = (Echo::named("v1"), Echo::named("v2"));
    let slice = |name: &str, port: u16| {
        serde_json::json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "labels": {"kubernetes.io/service-name": "web"}},
            "endpoints": [{"addresses": ["127.0.0.1"], "targetRef": {"kind": "Pod", "name": name}}],
            "ports": [{"name": "http", "port": port}],
        })
    };
    let pod = |name: &str, version: &str| serde_json::json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"version": version}}});
    let route = |version: &str| {
        serde_json::json!({
            "match": [{"uri": {"prefix": format!("/{version}")}}],
            "route": [{"destination": {"host": "web", "subset": version}}],
        })
    };
    let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway", "metadata": {"name": "gw"}, "spec": {
            "selector": {"istio": "ingressgateway"},
            "servers": [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]}},
        {"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService", "metadata": {"name": "web"}, "spec": {
            "hosts": ["*"], "gateways": ["gw"], "http": [route("v1"), route("v2"), route("v3")]}},
        {"apiVersion": "networking.istio.io/v1alpha3", "kind": "DestinationRule", "metadata": {"name": "web"}, "spec": {
            "host": "web", "subsets": [{"name": "v1", "labels": {"version": "v1"}}, {"name": "v2", "labels": {"version": "v2"}}]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": [{"port": 80, "name": "http"}]}},
        slice("web-a", one.port()), slice("web-b", other.port()), pod("web-a", "v1"), pod("web-b", "v2"),
    ]});
    let envoy = Sail::new(list.to_string()).start();
    let address = envoy.listener("gateway-80");
    for version in ["v1", "v2"] {
        let seen = Request::get(&format!("/{version}")).send(address).echo();
        assert_eq!(seen.server, version);
    }
    // No DestinationRule defines it, so there is no such cluster.
    assert_eq!(Request::get("/v3").send(address).status, 503);
}
