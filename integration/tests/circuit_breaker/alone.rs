//! The module without the others, in an Envoy whose routes are somebody else's, for a destination that no VirtualService
//! is about. What it does where one is, is in the corpus.

use super::*;
use integration::echo::Echo;
use serde_json::{Value, json};

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

#[test]
fn a_cluster_of_envoys_own_route_is_guarded() {
    let echo = Echo::start();
    let policy = "trafficPolicy: {connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}";
    let envoy = alone(echo.port(), policy, "outbound|8080||api.example.com").start();
    let answers = crowd(gateway(&envoy), 4, 1, &Request::get("/").header("x-echo-delay-ms", "400"));
    assert_eq!((count(&answers, 200), count(&answers, 503)), (2, 2));
    assert_eq!(echo.high_water(), 1);
}
