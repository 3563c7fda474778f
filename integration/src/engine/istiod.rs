//! What Istio's control plane makes of a scene, in stock Envoy: its listener's connection manager and its routes, in a
//! listener of ours on a free port, and its clusters, with the harness's upstreams for endpoints.
//!
//! What tells clients that the proxy is Istio's, and names the operation to tracers (`server`,
//! `x-envoy-decorator-operation`), is no resource's doing and is left out.
//!
//! Clusters of several scenes share an Envoy, so each scene's have a name of their own there.

use std::net::SocketAddr;

use envoy_config::Proxy;
use serde_json::{Value, json};
use shared::names::{self, MESH};
use shared::plan::PASSTHROUGH_CLUSTER;
use shared::plan::variant::{CLUSTER_HEADER, ROUTE_HEADER};

use super::proxy::Placed;
use crate::istiod::{self, Asker, Sent};
use crate::sail::for_each_object;

/// A label that the Gateways of a scene's proxy select, and no other.
const SERVED: &str = "sailcloth.dev/served";

/// What a scene comes to under Istio's control plane.
pub(super) struct Judged {
    scene: usize,
    sent: Sent,
    manager: Value,
}

impl Judged {
    /// Asks Istio. Panics with its words where it refuses the resources, and where it would send no such listener:
    /// scenes like these say that they are not for this engine.
    pub(super) fn new(scene: usize, placed: &Placed<'_>) -> Judged {
        let proxy = placed.proxy;
        let (mut documents, gateway) = served(placed.documents, proxy);
        if gateway
            && !proxy.gateways.is_empty()
            && documents.iter().all(|document| document["metadata"]["labels"][SERVED] != "yes")
        {
            documents.push(any_host(proxy));
        }
        let route = match proxy.port {
            Some(port) if gateway => format!("http.{port}"),
            Some(port) => port.to_string(),
            // What no service listens on, port 80 has routes for as well.
            None => "80".to_owned(),
        };
        let mut labels: serde_json::Map<String, Value> =
            proxy.labels.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        if !proxy.gateways.is_empty() {
            labels.insert(SERVED.to_owned(), json!("yes"));
        }
        let namespace = proxy.namespace.clone();
        let asker = Asker {
            r#type: if gateway { "router" } else { "sidecar" },
            id: format!("app.{namespace}"),
            namespace,
            labels,
            routes: vec![route.clone()],
        };
        let ask = if placed.unvalidated { istiod::ask_unvalidated } else { istiod::ask };
        let sent = ask(&documents, &asker)
            .unwrap_or_else(|why| panic!("scene {scene}: Istio's control plane refuses it: {why}"));
        let managers = || sent.lds.iter().flat_map(managers);
        let own = managers().find(|manager| manager["rds"]["routeConfigName"] == route.as_str());
        // A sidecar has no listener for a port that no service has; what asks it there comes by another.
        let manager = own.or_else(|| managers().find(|manager| !gateway && manager.get("rds").is_some()));
        let mut manager =
            manager.unwrap_or_else(|| panic!("scene {scene}: Istio sends no listener for `{route}`")).clone();
        let config = match proxy.port {
            Some(_) => sent.rds.iter().find(|config| config["name"] == route.as_str()).cloned(),
            None => Some(by_authority(&sent.rds)),
        };
        let mut config = config.unwrap_or_else(|| panic!("scene {scene}: Istio sends no routes for `{route}`"));
        // Names of Sailcloth's that mean nothing here: they are taken away, so that both sides let the same through.
        config["requestHeadersToRemove"] = json!([CLUSTER_HEADER, ROUTE_HEADER]);
        rename(scene, &mut config);
        if let Some(manager) = manager.as_object_mut() {
            manager.remove("rds");
            manager.remove("serverName");
            manager.insert("routeConfig".to_owned(), config);
        }
        Judged { scene, sent, manager }
    }

    /// The listener, on a free port.
    pub(super) fn listener(&self, name: &str) -> Value {
        json!({
            "name": name,
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
            "filter_chains": [{"filters": [
                {"name": "envoy.filters.network.http_connection_manager", "typed_config": self.manager},
            ]}],
        })
    }

    /// The names of the clusters that requests can be sent to, as Istio has them.
    pub(super) fn destinations(&self) -> impl Iterator<Item = &str> {
        let names = self.sent.cds.iter().filter_map(|cluster| cluster["name"].as_str());
        names.filter(|name| name.starts_with("outbound") || *name == PASSTHROUGH_CLUSTER)
    }

    /// The same as clusters for Envoy, with the upstream that `at` gives for their endpoints; without outlier detection,
    /// unless it is `detecting`.
    pub(super) fn clusters(&self, detecting: bool, at: impl Fn(&str) -> SocketAddr) -> Vec<Value> {
        let by_name = |name: &str| self.sent.cds.iter().find(move |cluster| cluster["name"] == name);
        self.destinations()
            .filter_map(|name| Some((name, by_name(name)?.as_object()?.clone())))
            .map(|(name, mut cluster)| {
                // How endpoints are found.
                for field in ["edsClusterConfig", "clusterType", "transportSocketMatches"] {
                    cluster.remove(field);
                }
                for field in ["dnsLookupFamily", "dnsRefreshRate", "respectDnsTtl", "dnsJitter"] {
                    cluster.remove(field);
                }
                if !detecting {
                    cluster.remove("outlierDetection");
                }
                if cluster.get("lbPolicy").is_some_and(|policy| policy == "CLUSTER_PROVIDED") {
                    cluster.remove("lbPolicy");
                }
                let at = at(name);
                let (name, address) = (own_name(self.scene, name), json!({"address": at.ip(), "portValue": at.port()}));
                cluster.insert("name".to_owned(), json!(name));
                cluster.insert("type".to_owned(), json!("STATIC"));
                let endpoint = json!({"endpoint": {"address": {"socketAddress": address}}});
                let all = json!({"clusterName": name, "endpoints": [{"lbEndpoints": [endpoint]}]});
                cluster.insert("loadAssignment".to_owned(), all);
                Value::Object(cluster)
            })
            .collect()
    }
}

/// What the names of a scene's clusters begin with.
pub(super) fn own_prefix(scene: usize) -> String {
    format!("istiod-{scene}/")
}

fn own_name(scene: usize, cluster: &str) -> String {
    own_prefix(scene) + cluster
}

/// The connection managers of a listener.
fn managers(listener: &Value) -> impl Iterator<Item = &Value> {
    let chains = listener["filterChains"].as_array().into_iter().flatten();
    let filters = chains.filter_map(|chain| chain["filters"].as_array()).flatten();
    filters
        .filter(|filter| filter["name"] == "envoy.filters.network.http_connection_manager")
        .map(|it| &it["typedConfig"])
}

/// Gives the clusters that routes name the scene's own names, and takes what is for tracers away.
fn rename(scene: usize, routes: &mut Value) {
    for_each_object(routes, &mut |object| {
        object.remove("decorator");
        if let Some(Value::String(cluster)) = object.get_mut("cluster") {
            *cluster = own_name(scene, cluster);
        }
        let weighted = object.get_mut("weightedClusters").and_then(|clusters| clusters["clusters"].as_array_mut());
        for cluster in weighted.into_iter().flatten() {
            if let Some(Value::String(name)) = cluster.get_mut("name") {
                *name = own_name(scene, name);
            }
        }
    });
}

/// The routes of all ports at once, told apart by the port that the request's authority names; none is 80. Istio has no
/// such listener (its HTTP proxy's takes no destination for a service with several ports), so it is put together from
/// those that it has.
fn by_authority(all: &[Value]) -> Value {
    let mut hosts = Vec::new();
    let mut rest = None;
    for config in all {
        let Some(port) = config["name"].as_str().and_then(|name| name.parse::<u16>().ok()) else { continue };
        for host in config["virtualHosts"].as_array().into_iter().flatten() {
            let domains: Vec<&str> =
                host["domains"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if domains == ["*"] {
                rest = Some(host.clone());
                continue;
            }
            let with_port = domains.iter().map(|domain| format!("{domain}:{port}"));
            let plain = domains.iter().filter(|_| port == 80).map(|domain| (*domain).to_owned());
            let mut host = host.clone();
            host["domains"] = with_port.chain(plain).collect();
            hosts.push(host);
        }
    }
    hosts.extend(rest);
    let mut config = all.iter().find(|config| config["name"] == "80").cloned().unwrap_or_default();
    config["virtualHosts"] = json!(hosts);
    config["ignorePortInHostMatching"] = json!(false);
    config
}

/// The documents, where Gateways select the proxy if it serves them by name, and whether it is a gateway.
fn served(documents: &[Value], proxy: &Proxy) -> (Vec<Value>, bool) {
    let mut documents = documents.to_vec();
    if proxy.gateways.is_empty() {
        let selects = |document: &Value| {
            let selector = document["spec"]["selector"].as_object();
            let fits = |(name, value): (&String, &Value)| proxy.labels.get(name).is_some_and(|own| *value == **own);
            document["kind"] == "Gateway" && selector.is_some_and(|all| !all.is_empty() && all.iter().all(fits))
        };
        let gateway = documents.iter().any(selects);
        return (documents, gateway);
    }
    let names: Vec<String> = proxy.gateways.iter().map(|name| names::resolve_gateway(name, &proxy.namespace)).collect();
    for document in documents.iter_mut().filter(|document| document["kind"] == "Gateway") {
        let namespace = document["metadata"]["namespace"].as_str().unwrap_or("default");
        let name = format!("{namespace}/{}", document["metadata"]["name"].as_str().unwrap_or_default());
        let served = if names.contains(&name) { "yes" } else { "no" };
        document["spec"]["selector"] = json!({SERVED: served});
        document["metadata"]["labels"] = json!({SERVED: served});
    }
    (documents, !names.iter().any(|name| name == MESH))
}

/// The Gateway of a proxy that is told its name alone: all hosts, whatever the port is.
fn any_host(proxy: &Proxy) -> Value {
    let full = proxy.gateways.first().map(|name| names::resolve_gateway(name, &proxy.namespace)).unwrap_or_default();
    let (namespace, name) = full.split_once('/').unwrap_or(("default", &full));
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace, "labels": {SERVED: "yes"}},
        "spec": {"selector": {SERVED: "yes"}, "servers": [
            {"port": {"number": proxy.port.unwrap_or(80), "name": "http", "protocol": "HTTP"}, "hosts": ["*"]},
        ]},
    })
}
