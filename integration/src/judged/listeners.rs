//! Several Gateways, servers, ports and VirtualServices for the same hosts, of several ages.

use serde_json::{Value, json};

use super::write::{at_gateways, created, gateway, request, service, to, versions, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

const NAMESPACES: &[&str] = &["default", "shop", "zoo"];
const AGES: &[&str] = &["2020-01-01T00:00:00Z", "2022-01-01T00:00:00Z", "2024-01-01T00:00:00Z"];
const PORTS: &[u16] = &[80, 8080];

/// What servers say.
const SERVED: &[&str] =
    &["*", "*.example", "*.a.example", "a.example", "x.a.example", "A.example", "*.com", "b.example"];

/// What VirtualServices say.
const NAMED: &[&str] =
    &["a.example", "*.example", "*.a.example", "x.a.example", "b.example", "B.Example", "*", "y.com", "a.example.org"];

/// What is asked.
const ASKED: &[&str] = &[
    "a.example",
    "x.a.example",
    "y.x.a.example",
    "b.example",
    "c.example",
    "y.com",
    "example",
    "a.example.org",
    "A.EXAMPLE",
    "a.example:80",
    "a.example:8080",
    "a.example.",
    "x.a.example:99",
    "localhost",
];

/// One or two Gateways and two to five VirtualServices; the proxy serves one port of one or both.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let host = format!("l{number}.default.svc.cluster.local");
    let mut documents = vec![
        service(&format!("l{number}"), "default", &host, &[(80, "HTTP")]),
        versions(&format!("l{number}"), "default", &host),
    ];
    let mut names = Vec::new();
    for index in 0..random.between(1, 3) {
        let namespace = random.word(NAMESPACES);
        let name = format!("gw{index}");
        names.push(format!("{namespace}/{name}"));
        let servers: Vec<(u16, Vec<String>)> = (0..random.between(1, 4))
            .map(|at| {
                // The first serves the port that is asked.
                let port = if at == 0 { 80 } else { *random.pick(PORTS) };
                let mut hosts: Vec<String> = (0..random.between(1, 3)).map(|_| served(random)).collect();
                // Istio's control plane ends in a panic where another host comes behind this one.
                let any = hosts.iter().position(|host| host == "*/*");
                hosts.truncate(any.map_or(hosts.len(), |at| at + 1));
                (port, hosts)
            })
            .collect();
        let borrowed: Vec<(u16, Vec<&str>)> =
            servers.iter().map(|(port, hosts)| (*port, hosts.iter().map(String::as_str).collect())).collect();
        let servers: Vec<(u16, &[&str])> = borrowed.iter().map(|(port, hosts)| (*port, hosts.as_slice())).collect();
        documents.push(aged(random, gateway(&name, namespace, &servers)));
    }
    for index in 0..random.between(2, 6) {
        let namespace = random.word(NAMESPACES);
        let service = rules(random, index, namespace, &names, &host);
        documents.push(aged(random, service));
    }
    let served: Vec<&str> = names.iter().map(String::as_str).collect();
    let asks = (0..asks).map(|_| Ask::new(ask(random))).collect();
    Mesh { documents, proxy: at_gateways(&served, 80), asks }
}

/// Most say when they were made; who does not is the oldest, here and there.
fn aged(random: &mut Random, resource: Value) -> Value {
    if random.percent(70) { created(resource, random.word(AGES)) } else { resource }
}

fn served(random: &mut Random) -> String {
    let host = random.word(SERVED);
    match random.between(0, 6) {
        0 => format!("{}/{host}", random.word(NAMESPACES)),
        1 => format!("./{host}"),
        2 => format!("*/{host}"),
        _ => host.to_owned(),
    }
}

fn rules(random: &mut Random, index: u32, namespace: &str, gateways: &[String], host: &str) -> Value {
    let mut hosts: Vec<&str> = Vec::new();
    for _ in 0..random.between(1, 3) {
        let next = random.word(NAMED);
        // Hosts of one VirtualService may not overlap.
        if hosts.is_empty()
            || !hosts.iter().any(|host| host.contains('*') || next.contains('*') || host.eq_ignore_ascii_case(next))
        {
            hosts.push(next);
        }
    }
    let bound: Vec<&str> = if random.percent(50) {
        gateways.iter().map(String::as_str).collect()
    } else {
        vec![random.pick(gateways).as_str()]
    };
    let mut http = Vec::new();
    for rule in 0..random.between(1, 4) {
        let mut one = json!({"headers": {"response": {"set": {"x-rule": format!("{index}-{rule}")}}}});
        one["route"] = to(host, *random.pick(&[None, Some("v1"), Some("v2")]), None);
        if random.percent(70) {
            let mut block = json!({"uri": {"prefix": random.word(&["/", "/a", "/b", "/a/b"])}});
            if random.percent(25) {
                block["port"] = json!(random.pick(PORTS));
            }
            if random.percent(20) {
                block["gateways"] = json!([random.pick(gateways)]);
            }
            if random.percent(20) {
                block["headers"] = json!({"x-a": {}});
            }
            one["match"] = json!([block]);
        }
        http.push(one);
    }
    let mut service = virtual_service(&format!("vs{}", 9 - index), namespace, &hosts, &bound, http);
    if random.percent(10) {
        service["spec"]["gateways"] =
            json!(bound.iter().copied().chain(["mesh"]).filter(|_| !hosts.contains(&"*")).collect::<Vec<_>>());
        if service["spec"]["gateways"] == json!([]) {
            service["spec"]["gateways"] = json!(bound);
        }
    }
    service
}

fn ask(random: &mut Random) -> crate::corpus::case::RequestFields {
    let headers = if random.percent(30) { vec![super::write::header("x-a", "1")] } else { Vec::new() };
    let url = format!("http://{}{}", random.word(ASKED), random.word(&["/", "/a", "/a/b", "/b", "/c"]));
    let mut fields = request("GET", url, headers);
    fields.http2 = random.percent(25);
    fields
}
