//! Resources and requests, written in a line.

use envoy_config::Proxy;
use serde_json::{Value, json};

use crate::corpus::case::{Bytes, RequestFields};

/// A resource of Istio's.
pub fn resource(kind: &str, name: &str, namespace: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": kind,
        "metadata": {"name": name, "namespace": namespace}, "spec": spec,
    })
}

/// The same, created then (RFC 3339).
pub fn created(mut resource: Value, at: &str) -> Value {
    resource["metadata"]["creationTimestamp"] = json!(at);
    resource
}

/// A Gateway `default/gw` for every host on port 80.
pub fn any_gateway() -> Value {
    gateway("gw", "default", &[(80, &["*"])])
}

/// A Gateway with HTTP servers: ports and their hosts.
pub fn gateway(name: &str, namespace: &str, servers: &[(u16, &[&str])]) -> Value {
    let server = |(index, (port, hosts)): (usize, &(u16, &[&str]))| json!({"port": {"number": port, "name": format!("http-{index}"), "protocol": "HTTP"}, "hosts": hosts});
    let servers: Value = servers.iter().enumerate().map(server).collect();
    resource("Gateway", name, namespace, json!({"selector": {"istio": "ingressgateway"}, "servers": servers}))
}

/// A service of one host with these ports, at an address that nobody asks, with versions v1 and v2.
pub fn service(name: &str, namespace: &str, host: &str, ports: &[(u16, &str)]) -> Value {
    let name_of = |(port, protocol): &(u16, &str)| format!("{}-{port}", protocol.to_ascii_lowercase());
    let listed = |port: &(u16, &str)| json!({"number": port.0, "name": name_of(port), "protocol": port.1});
    let endpoint = |version: &str, at: u16| {
        let ports: serde_json::Map<String, Value> = ports.iter().map(|port| (name_of(port), json!(at))).collect();
        json!({"address": "127.0.0.1", "ports": ports, "labels": {"version": version}})
    };
    let spec = json!({
        "hosts": [host], "location": "MESH_INTERNAL", "resolution": "STATIC",
        "ports": ports.iter().map(listed).collect::<Value>(),
        "endpoints": [endpoint("v1", 9001), endpoint("v2", 9002)],
    });
    resource("ServiceEntry", name, namespace, spec)
}

/// The subsets v1 and v2 of a host.
pub fn versions(name: &str, namespace: &str, host: &str) -> Value {
    let subset = |name: &str| json!({"name": name, "labels": {"version": name}});
    resource("DestinationRule", name, namespace, json!({"host": host, "subsets": [subset("v1"), subset("v2")]}))
}

/// A VirtualService of these rules.
pub fn virtual_service(name: &str, namespace: &str, hosts: &[&str], gateways: &[&str], http: Vec<Value>) -> Value {
    let mut spec = json!({"hosts": hosts, "http": http});
    if !gateways.is_empty() {
        spec["gateways"] = json!(gateways);
    }
    resource("VirtualService", name, namespace, spec)
}

/// A list of one destination.
pub fn to(host: &str, subset: Option<&str>, port: Option<u16>) -> Value {
    let mut destination = json!({"host": host});
    if let Some(subset) = subset {
        destination["subset"] = json!(subset);
    }
    if let Some(port) = port {
        destination["port"] = json!({"number": port});
    }
    json!([{"destination": destination}])
}

/// A gateway's listener on this port, which serves these Gateways.
pub fn at_gateways(gateways: &[&str], port: u16) -> Proxy {
    Proxy {
        gateways: gateways.iter().map(|name| (*name).to_owned()).collect(),
        port: Some(port),
        ..of_namespace("default")
    }
}

/// The mesh's listener on this port.
pub fn at_mesh(namespace: &str, port: Option<u16>) -> Proxy {
    Proxy { gateways: vec!["mesh".to_owned()], port, ..of_namespace(namespace) }
}

fn of_namespace(namespace: &str) -> Proxy {
    Proxy { namespace: namespace.to_owned(), gateways: Vec::new(), labels: Default::default(), port: None }
}

/// A request.
pub fn request(method: &str, url: String, headers: Vec<(String, String)>) -> RequestFields {
    RequestFields {
        method: Some(method.to_owned()),
        url: Some(url),
        headers: headers.into_iter().map(|(name, value)| (name, Bytes::Text(value))).collect(),
        body: None,
        source: None,
        repeat: 1,
        at_once: None,
        http2: false,
        raw: None,
        after_ms: None,
    }
}

/// A request as its bytes, one a character.
pub fn raw(bytes: String) -> RequestFields {
    RequestFields { method: None, url: None, raw: Some(bytes), ..request("GET", String::new(), Vec::new()) }
}

/// Name and value.
pub fn header(name: &str, value: impl Into<String>) -> (String, String) {
    (name.to_owned(), value.into())
}
