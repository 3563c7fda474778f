//! gRPC calls: their status is in trailers, in the headers of a response without a message, or in a reply of our own.

use super::*;
use integration::client::Request;
use integration::sail::routed;

#[test]
fn grpc_is_counted_by_its_own_status() {
    const RULES: &str = "\
- match: [{uri: {prefix: /cats.Faulty/}}]
  fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}
  route: [{destination: {host: echo}}]
- match: [{uri: {prefix: /cats.}}]
  route: [{destination: {host: echo}}]";
    // The reply of a fault counts for the destination that the request would have had.
    let to_echo = [TO_ECHO, &[("request_protocol", "grpc")]].concat();
    for kind in [Kind::Suite, Kind::Separate] {
        let echo = Echo::start();
        let yaml = routed(echo.port(), RULES).replace(
            "name: http, protocol: HTTP}]\n  endpoints: [{address: 127.0.0.1, ports: {http:",
            "name: grpc, protocol: GRPC}]\n  endpoints: [{address: 127.0.0.1, ports: {grpc:",
        );
        let envoy = sail(kind, &yaml).start();
        let address = envoy.listener("gateway-80");
        let mut expected: BTreeMap<Labels, f64> = BTreeMap::new();
        for (path, asked, status, flags) in [
            ("/cats.Search/Find", None, "0", "-"),
            ("/cats.Search/Find", Some("5"), "5", "-"),
            ("/cats.Faulty/Find", None, "14", "FI"),
        ] {
            let call = Request::new("POST", path)
                .header("host", "cats.example")
                .header("content-type", "application/grpc")
                .header("te", "trailers");
            let call = asked.into_iter().fold(call, |call, status| call.header("x-echo-grpc-status", status));
            let response = call.body(b"\0\0\0\0\0".to_vec()).http2(true).send(address);
            let told = response.trailers.iter().chain(&response.headers).find(|(name, _)| name == "grpc-status");
            assert_eq!(told.map(|(_, value)| value.as_slice()), Some(status.as_bytes()), "{kind:?}: {path}");
            let ended = [("grpc_response_status", status), ("response_flags", flags)];
            *expected.entry(labels(&[&to_echo[..], &ended].concat())).or_default() += 1.0;
            expect(&envoy, &expected, &format!("{kind:?}: {path} {asked:?}"));
        }
        assert_eq!(envoy.vm_reloads(), 0);
    }
}
