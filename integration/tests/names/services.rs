//! Who answers: ServiceEntries, some for one host, Services, and DestinationRules for them.

use std::collections::BTreeMap;

use integration::random::Random;
use serde_json::{Value, json};

use crate::scene::{Names, letters, resource};

/// Keeps each host in the letters of the first that has it: of services whose hosts differ in capitals alone, istiod's
/// routes know one and its clusters all.
pub fn one_spelling(documents: &mut [Value]) {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    for document in documents.iter_mut().filter(|document| document["kind"] == "ServiceEntry") {
        for host in document["spec"]["hosts"].as_array_mut().into_iter().flatten() {
            let written = host.as_str().unwrap_or_default().to_owned();
            let first = known.entry(written.to_ascii_lowercase()).or_insert(written);
            *host = json!(first);
        }
        let hosts = document["spec"]["hosts"].as_array_mut().expect("a ServiceEntry has hosts");
        hosts.sort_unstable_by_key(Value::to_string);
        hosts.dedup();
    }
}

/// Ports of a service; `number` is what their field is called.
fn ports(random: &mut Random, number: &str, tcp: bool) -> Vec<Value> {
    let mut all = vec![(80, "http", "HTTP"), (8080, "http-alt", "HTTP")];
    if tcp {
        all.extend([(9090, "tcp-any", "TCP"), (80, "tcp", "TCP"), (8080, "tcp-alt", "TCP")]);
    }
    let mut some: Vec<_> = all.iter().copied().filter(|_| random.percent(45)).collect();
    let mut known = Vec::new();
    some.retain(|(port, ..)| {
        !known.contains(port) && {
            known.push(*port);
            true
        }
    });
    if some.is_empty() {
        some.push(all[0]);
    }
    let port = |(port, name, protocol): (u16, &str, &str)| {
        // Kubernetes says what is spoken by the port's name.
        if number == "port" {
            json!({"port": port, "name": name})
        } else {
            json!({number: port, "name": name, "protocol": protocol})
        }
    };
    some.into_iter().map(port).collect()
}

pub fn service(random: &mut Random, names: &Names, namespace: &str, index: u32) -> (String, Value) {
    let number = names.number;
    let address = names.address(index);
    let name = names.service(random);
    match random.between(0, 10) {
        0 | 1 => {
            let to = match random.between(0, 4) {
                0 => names.exact(random).to_ascii_lowercase(),
                1 => "outside.test".to_owned(),
                2 => format!("ext{number}.n{number}a.svc.cluster.local"),
                _ => format!("{name}.{namespace}.svc.cluster.local"),
            };
            let spec = json!({"type": "ExternalName", "externalName": to, "ports": ports(random, "port", true)});
            (format!("ext{number}"), spec)
        }
        2 => (name, json!({"clusterIP": "None", "ports": ports(random, "port", true)})),
        _ => (name, json!({"clusterIP": address, "ports": ports(random, "port", true)})),
    }
}

pub fn service_entry(random: &mut Random, names: &Names, name: &str) -> Value {
    let mut hosts: Vec<String> = Vec::new();
    for _ in 0..random.between(1, 4) {
        hosts.push(match random.between(0, 10) {
            0..5 => names.exact(random),
            5..7 => names.wild(random),
            _ => {
                let name = names.service(random);
                names.called(random, name)
            }
        });
    }
    hosts.sort_unstable();
    hosts.dedup();
    let dns = hosts.iter().all(|host| !host.starts_with('*'));
    let resolution = *random.pick(if dns { &["STATIC", "STATIC", "DNS", "NONE"][..] } else { &["STATIC", "NONE"] });
    let mut spec =
        json!({"hosts": hosts, "resolution": resolution, "ports": ports(random, "number", hosts.len() == 1)});
    if random.percent(50) {
        spec["location"] = json!("MESH_INTERNAL");
    }
    if resolution != "NONE" {
        spec["endpoints"] = json!([{"address": "127.0.0.1", "labels": {"version": "v1"}}]);
    }
    let namespace = names.namespace(random);
    resource(random, "ServiceEntry", name, &namespace, spec)
}

pub fn destination_rule(random: &mut Random, names: &Names, entry: &Value, name: &str) -> Value {
    let hosts = entry["spec"]["hosts"].as_array().expect("a ServiceEntry has hosts");
    let host = random.pick(hosts).as_str().expect("hosts are text").to_owned();
    let host = if random.percent(20) { names.wild(random) } else { letters(random, &host) };
    let spec = json!({"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]});
    let own = entry["metadata"]["namespace"].as_str().expect("all have a namespace").to_owned();
    let namespace = if random.percent(60) { own } else { names.namespace(random) };
    resource(random, "DestinationRule", name, &namespace, spec)
}
