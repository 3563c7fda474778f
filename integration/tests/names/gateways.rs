//! Where requests come in, and the rules that they find.

use std::collections::BTreeMap;

use integration::random::Random;
use serde_json::{Map, Value, json};

use crate::scene::{DIRECT, Names, resource};

pub fn gateway(random: &mut Random, names: &Names, first: bool) -> Value {
    let mut servers = Vec::new();
    for index in 0..random.between(1, 4) {
        let mut hosts: Vec<String> = Vec::new();
        for _ in 0..random.between(1, 4) {
            let host = match random.between(0, 10) {
                0 => "*".to_owned(),
                1..6 => names.wild(random),
                6..9 => names.exact(random),
                _ => format!("web{}.{}.svc.cluster.local", names.number, names.namespace(random)),
            };
            hosts.push(match random.between(0, 10) {
                0 => format!("./{host}"),
                // Of several hosts this one stops istiod (`*/*`).
                1 if host != "*" => format!("*/{host}"),
                2 | 3 => format!("{}/{host}", names.namespace(random)),
                _ => host,
            });
        }
        let port = if (first && index == 0) || random.percent(70) { 80 } else { 8080 };
        let protocol = match first && index == 0 {
            true => "HTTP",
            false => *random.pick(&["HTTP", "HTTP", "HTTP2", "GRPC", "HTTPS"]),
        };
        let mut server =
            json!({"port": {"number": port, "name": format!("p{index}"), "protocol": protocol}, "hosts": hosts});
        if protocol == "HTTPS" {
            server["tls"] = json!({"mode": "SIMPLE", "credentialName": "any"});
        } else if random.percent(25) {
            server["tls"] = json!({"httpsRedirect": true});
        } else if random.percent(5) {
            server["tls"] = json!({});
        }
        servers.push(server);
    }
    let selected = if first || random.percent(85) { "1" } else { "2" };
    json!({"selector": {"g": selected}, "servers": servers})
}

pub fn virtual_service(random: &mut Random, names: &Names, gateways: &[(String, String)], name: &str) -> Value {
    let namespace = names.namespace(random);
    let mut bound: Vec<String> = Vec::new();
    if random.percent(75) {
        for _ in 0..random.between(1, 3) {
            let (of, gateway) = random.pick(gateways);
            let short = *of == namespace && random.percent(50);
            bound.push(match random.between(0, 10) {
                0..3 => "mesh".to_owned(),
                3 => format!("{gateway}.{of}.svc.cluster.local"),
                _ if short => gateway.clone(),
                _ => format!("{of}/{gateway}"),
            });
        }
    }
    let mesh = bound.is_empty() || bound.contains(&"mesh".to_owned());
    let mut hosts = vec![match random.between(0, 20) {
        0 if !mesh => "*".to_owned(),
        0..8 => names.exact(random),
        8..15 => names.wild(random),
        _ => names.kubernetes(random),
    }];
    // Hosts of one VirtualService must not overlap.
    if hosts[0] != "*" && random.percent(25) {
        let service = ["web", "api", "ext"].iter().any(|name| hosts[0].contains(name));
        hosts.push(if service {
            names.exact(random)
        } else {
            format!("web{}.{}.svc.cluster.local", names.number, names.namespace(random))
        });
    }
    let rules: Vec<Value> =
        (0..random.between(1, 4)).map(|index| rule(random, names, gateways, &format!("{name}r{index}"))).collect();
    let mut spec = json!({"hosts": hosts, "http": rules});
    if !bound.is_empty() {
        spec["gateways"] = json!(bound);
    }
    resource(random, "VirtualService", name, &namespace, spec)
}

fn rule(random: &mut Random, names: &Names, gateways: &[(String, String)], name: &str) -> Value {
    let mut rule = Map::new();
    let blocks = *random.pick(&[0, 0, 1, 1, 1, 2]);
    if blocks > 0 {
        let blocks: Vec<Value> = (0..blocks).map(|_| block(random, names, gateways)).collect();
        rule.insert("match".to_owned(), json!(blocks));
    }
    match random.between(0, 20) {
        0..10 => {
            rule.insert("directResponse".to_owned(), json!({"status": DIRECT, "body": {"string": name}}));
        }
        10 => {
            let to = *random.pick(&["http", "https", ""]);
            let mut redirect = json!({"authority": "away.test", "port": *random.pick(&[80, 443])});
            if !to.is_empty() {
                redirect["scheme"] = json!(to);
            }
            rule.insert("redirect".to_owned(), redirect);
        }
        _ => {
            let host = if random.percent(60) { names.exact(random) } else { names.kubernetes(random) };
            let mut destination = json!({"host": host});
            if random.percent(40) {
                destination["port"] = json!({"number": *random.pick(&[80, 8080])});
            }
            if random.percent(20) {
                destination["subset"] = json!("v1");
            }
            rule.insert("route".to_owned(), json!([{"destination": destination}]));
        }
    }
    Value::Object(rule)
}

fn block(random: &mut Random, names: &Names, gateways: &[(String, String)]) -> Value {
    let mut block = BTreeMap::new();
    if random.percent(60) {
        block.insert("uri", json!({"prefix": *random.pick(&["/", "/p", "/p/q", "/r"])}));
    }
    if random.percent(15) {
        block.insert("method", json!({"exact": "POST"}));
    }
    if random.percent(20) {
        block.insert("port", json!(*random.pick(&[80, 8080])));
    }
    if random.percent(25) {
        let (of, gateway) = random.pick(gateways);
        let gateway = format!("{of}/{gateway}");
        block.insert("gateways", json!([if random.percent(50) { "mesh" } else { &gateway }]));
    }
    if random.percent(15) {
        block.insert("sourceNamespace", json!(names.namespace(random)));
    }
    if random.percent(15) {
        block.insert("sourceLabels", json!({"app": *random.pick(&["x", "y"])}));
    }
    json!(block)
}
