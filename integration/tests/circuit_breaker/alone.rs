//! The module without the others, in an Envoy whose routes are somebody else's: each row a policy and what it does.

use super::*;
use integration::echo::Echo;
use serde_json::{Value, json};

/// What a row sees.
enum Expect {
    /// Of so many clients at once so many have a slot, so many wait and get one, the rest is refused.
    Crowd { clients: usize, fine: usize, most: u32 },
    /// After these statuses the destination is left alone, or not.
    After(&'static [u16], bool),
}

/// The circuit breaker alone, with a route of Envoy's own to `cluster` and no VirtualService.
fn alone(port: u16, policy: &str, cluster: &str) -> Sail {
    let host = cluster.rsplit('|').next().unwrap_or_default();
    let yaml = format!(
        "{}\n---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: echo}}\nspec: {{host: {host}, \
         {policy}}}\n",
        integration::sail::gateway_and_echo(port)
    );
    let cluster = cluster.to_owned();
    Sail::new(yaml).separate().adjust(move |bootstrap| change(bootstrap, &cluster))
}

fn change(value: &mut Value, cluster: &str) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, cluster)),
        Value::Object(object) => {
            if let Some(Value::Array(filters)) = object.get_mut("http_filters") {
                filters.retain(|filter| {
                    let name = filter["name"].as_str().unwrap_or_default();
                    name == "sailcloth.circuit_breaker" || name == "envoy.filters.http.router"
                });
                assert_eq!(filters.len(), 2);
            }
            if object.contains_key("route_config") {
                let route = json!({"match": {"prefix": "/"}, "route": {"cluster": cluster}});
                let host = json!({"name": "own", "domains": ["*"], "routes": [route]});
                object.insert("route_config".into(), json!({"virtual_hosts": [host]}));
            }
            object.remove("outlier_detection");
            if let Some(Value::Array(clusters)) = object.get_mut("clusters")
                && clusters.iter().all(|known| known["name"] != cluster)
            {
                clusters[0]["name"] = json!(cluster);
            }
            object.values_mut().for_each(|value| change(value, cluster));
        }
        _ => {}
    }
}

const ECHO: &str = "outbound|80||echo.default.svc.cluster.local";

#[test]
fn rows() {
    use Expect::{After, Crowd};
    for (name, cluster, policy, expect) in [
        (
            "one at a time, nobody waits",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 9}, http: {http2MaxRequests: 1}}}",
            Crowd { clients: 4, fine: 1, most: 1 },
        ),
        (
            "two on their way, one waits",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 2}, http: {http1MaxPendingRequests: 1}}}",
            Crowd { clients: 6, fine: 3, most: 2 },
        ),
        (
            "any number waits",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 2}}}",
            Crowd { clients: 6, fine: 6, most: 2 },
        ),
        (
            "zero is no limit",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 0}, http: {http1MaxPendingRequests: 1}}}",
            Crowd { clients: 6, fine: 6, most: 6 },
        ),
        (
            "the port's settings take the policy's place",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}, portLevelSettings: [{port: {number: 80}, \
             connectionPool: {tcp: {maxConnections: 3}}}]}",
            Crowd { clients: 6, fine: 6, most: 3 },
        ),
        (
            "another port's settings do not",
            ECHO,
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}, portLevelSettings: [{port: {number: 81}, \
             connectionPool: {tcp: {maxConnections: 3}}}]}",
            Crowd { clients: 3, fine: 3, most: 1 },
        ),
        (
            "a subset has its own",
            "outbound|80|v1|echo.default.svc.cluster.local",
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}}}, subsets: [{name: v1, trafficPolicy: \
             {connectionPool: {tcp: {maxConnections: 2}}}}]",
            Crowd { clients: 4, fine: 4, most: 2 },
        ),
        (
            "a host that is no service here",
            "outbound|8080||api.example.com",
            "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}",
            Crowd { clients: 4, fine: 2, most: 1 },
        ),
        (
            "three 5xx in a row",
            ECHO,
            "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}",
            After(&[500, 503, 500], true),
        ),
        (
            "an answer in between",
            ECHO,
            "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 3}}",
            After(&[500, 500, 404, 500, 500], false),
        ),
        (
            "gateway errors alone",
            ECHO,
            "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 2}}",
            After(&[500, 502, 500, 502, 504], true),
        ),
        (
            "a 500 is no gateway error",
            ECHO,
            "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 0, consecutiveGatewayErrors: 2}}",
            After(&[500, 500, 500, 500, 500], false),
        ),
        ("five by default", ECHO, "trafficPolicy: {outlierDetection: {}}", After(&[500, 500, 500, 500, 500], true)),
        (
            "a share of healthy endpoints to keep",
            ECHO,
            "trafficPolicy: {outlierDetection: {consecutive5xxErrors: 1, minHealthPercent: 50}}",
            After(&[500], false),
        ),
    ] {
        let echo = Echo::start();
        let envoy = alone(echo.port(), policy, cluster).start();
        let address = gateway(&envoy);
        match expect {
            Crowd { clients, fine, most } => {
                let answers = crowd(address, clients, 1, &Request::get("/").header("x-echo-delay-ms", "400"));
                assert_eq!((count(&answers, 200), count(&answers, 503)), (fine, clients - fine), "{name}");
                assert_eq!(echo.high_water(), most, "{name}");
            }
            After(statuses, left_alone) => {
                for status in statuses {
                    let request = Request::get("/").header("x-echo-status", status.to_string());
                    assert_eq!(request.send(address).status, *status, "{name}");
                }
                let next = Request::get("/").send(address);
                assert_eq!(next.text() == "no healthy upstream", left_alone, "{name}");
                assert_eq!(next.status, if left_alone { 503 } else { 200 }, "{name}");
            }
        }
    }
}
