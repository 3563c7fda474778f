//! Services of every sort, asked in the mesh: ServiceEntries of every resolution, with wildcards, by WorkloadEntries;
//! Kubernetes Services with named and numbered target ports.

use serde_json::{Value, json};

use super::write::{at_mesh, header, request, resource, to, versions, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

const NAMESPACES: &[&str] = &["default", "shop"];
const PORTS: &[u16] = &[80, 8080, 9090];

/// Three to six services, and VirtualServices for some of them.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let mut documents = Vec::new();
    let mut hosts: Vec<String> = Vec::new();
    for index in 0..random.between(3, 7) {
        let namespace = random.word(NAMESPACES);
        match random.between(0, 4) {
            0 => kubernetes(random, number, index, namespace, &mut documents, &mut hosts),
            _ => entry(random, number, index, namespace, &mut documents, &mut hosts),
        }
    }
    for index in 0..random.between(1, 4) {
        let namespace = random.word(NAMESPACES);
        documents.push(rules(random, index, namespace, number, &hosts));
    }
    for index in 0..random.between(0, 3) {
        let host = random.pick(&hosts).clone();
        documents.push(versions(&format!("dr{index}"), random.word(NAMESPACES), &host));
    }
    let namespace = random.word(NAMESPACES);
    let port = *random.pick(&[Some(80), Some(80), Some(8080), None]);
    let asks = (0..asks).map(|_| Ask::new(ask(random, number, &hosts))).collect();
    Mesh { documents, proxy: at_mesh(namespace, port), asks }
}

fn ports(random: &mut Random) -> Vec<u16> {
    let first = *random.pick(PORTS);
    let second = *random.pick(PORTS);
    if random.percent(50) || first == second { vec![first] } else { vec![first, second] }
}

fn entry(
    random: &mut Random,
    number: usize,
    index: u32,
    namespace: &str,
    documents: &mut Vec<Value>,
    hosts: &mut Vec<String>,
) {
    let name = format!("e{number}-{index}");
    let resolution = random.word(&["STATIC", "DNS", "NONE", "DNS_ROUND_ROBIN"]);
    let host = match random.between(0, 4) {
        0 if resolution == "NONE" => format!("*.wild{index}.m{number}.example"),
        1 => format!("{name}.{namespace}.svc.cluster.local"),
        2 => format!("E{index}.m{number}.Example"),
        _ => format!("e{index}.m{number}.example"),
    };
    let ports = ports(random);
    let listed: Value =
        ports.iter().map(|port| json!({"number": port, "name": format!("http-{port}"), "protocol": "HTTP"})).collect();
    let mut spec = json!({"hosts": [host], "ports": listed, "resolution": resolution});
    spec["location"] = json!(random.word(&["MESH_INTERNAL", "MESH_EXTERNAL"]));
    if resolution == "STATIC" {
        if random.percent(40) {
            spec["workloadSelector"] = json!({"labels": {"app": name}});
            let labels = json!({"app": name, "version": "v1"});
            documents.push(resource(
                "WorkloadEntry",
                &name,
                namespace,
                json!({"address": "127.0.0.1", "labels": labels}),
            ));
        } else {
            spec["endpoints"] = json!([{"address": "127.0.0.1", "labels": {"version": "v1"}}]);
        }
        if random.percent(20) {
            spec["addresses"] = json!([format!("10.1.{}.{index}", number % 250)]);
        }
    }
    if resolution.starts_with("DNS") && random.percent(30) {
        spec["endpoints"] = json!([{"address": "localhost", "labels": {"version": "v1"}}]);
    }
    documents.push(resource("ServiceEntry", &name, namespace, spec));
    hosts.push(host);
}

fn kubernetes(
    random: &mut Random,
    number: usize,
    index: u32,
    namespace: &str,
    documents: &mut Vec<Value>,
    hosts: &mut Vec<String>,
) {
    let name = format!("k{number}-{index}");
    let ports = ports(random);
    let port = |port: &u16| {
        let target = if port.is_multiple_of(100) { json!("web") } else { json!(9000) };
        json!({"name": format!("http-{port}"), "port": port, "protocol": "TCP", "targetPort": target})
    };
    let listed: Value = ports.iter().map(port).collect();
    let meta = json!({"name": name, "namespace": namespace});
    let address = format!("10.2.{}.{}", number % 250, index + 1);
    let spec = json!({"clusterIP": address, "selector": {"app": name}, "ports": listed});
    documents.push(json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}));
    let port = |port: &u16| json!({"name": format!("http-{port}"), "port": 9000, "protocol": "TCP"});
    documents.push(json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{name}-1"), "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
        "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}],
        "ports": ports.iter().map(port).collect::<Value>(),
    }));
    hosts.push(format!("{name}.{namespace}.svc.cluster.local"));
}

fn rules(random: &mut Random, index: u32, namespace: &str, number: usize, hosts: &[String]) -> Value {
    let named = match random.between(0, 6) {
        0 => format!("*.m{number}.example"),
        1 => format!("unknown.m{number}.example"),
        2 => "*.svc.cluster.local".to_owned(),
        _ => random.pick(hosts).clone(),
    };
    let mut http = Vec::new();
    for rule in 0..random.between(1, 3) {
        let destination = match random.between(0, 6) {
            0 => format!("nobody.m{number}.example"),
            _ => random.pick(hosts).clone(),
        };
        let port = if random.percent(40) { Some(*random.pick(PORTS)) } else { None };
        let subset = if random.percent(15) { Some("v1") } else { None };
        let mut one = json!({"headers": {"response": {"set": {"x-rule": format!("{index}-{rule}")}}}});
        one["route"] = to(&destination, subset, port);
        if rule == 0 {
            one["match"] = json!([{"uri": {"prefix": "/a"}}]);
        }
        if random.percent(15) {
            one["match"] = json!([{"port": random.pick(PORTS)}]);
        }
        if random.percent(15) {
            one["match"] = json!([{"sourceNamespace": random.word(NAMESPACES), "uri": {"prefix": "/"}}]);
        }
        http.push(one);
    }
    virtual_service(&format!("vs{index}"), namespace, &[&named], &[], http)
}

fn ask(random: &mut Random, number: usize, hosts: &[String]) -> crate::corpus::case::RequestFields {
    let host = random.pick(hosts).replace('*', "x");
    let asked = match random.between(0, 9) {
        0 => host.split('.').next().unwrap_or_default().to_owned(),
        1 => host.trim_end_matches(".svc.cluster.local").to_owned(),
        2 => host.trim_end_matches(".cluster.local").to_owned(),
        3 => host.to_ascii_uppercase(),
        4 => format!("unknown.m{number}.example"),
        5 => format!("{host}."),
        6 => format!("y.{host}"),
        _ => host,
    };
    let port = if random.percent(35) { format!(":{}", random.pick(PORTS)) } else { String::new() };
    let headers = if random.percent(20) { vec![header("x-a", "1")] } else { Vec::new() };
    request("GET", format!("http://{asked}{port}{}", random.word(&["/", "/a", "/b"])), headers)
}
