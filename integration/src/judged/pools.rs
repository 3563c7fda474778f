//! Limits of connections, of waiting and of running requests, for clients that come at the same time.

use serde_json::{Value, json};

use super::write::{any_gateway, at_gateways, header, request, resource, service, to, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

const SERVICES: u32 = 6;

/// Services with limits of their own, of their ports or of their subsets.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let (mut documents, mut rules) = (vec![any_gateway()], Vec::new());
    for index in 0..SERVICES {
        let host = format!("p{number}-{index}.default.svc.cluster.local");
        let protocol = if random.percent(30) { "HTTP2" } else { "HTTP" };
        let subset = random.percent(25).then_some("v1");
        documents.push(service(&format!("p{index}"), "default", &host, &[(80, protocol)]));
        documents.push(resource("DestinationRule", &format!("p{index}"), "default", policies(random, &host, protocol)));
        rules.push(json!({"match": [{"uri": {"prefix": format!("/{index}")}}], "route": to(&host, subset, None)}));
    }
    documents.push(virtual_service("web", "default", &["*"], &["gw"], rules));
    let first = (0..SERVICES).map(|index| Ask::new(request("GET", url(index), Vec::new())));
    // These take their time.
    let crowds: Vec<Ask> = (0..asks.div_ceil(20)).map(|_| crowd(random)).collect();
    Mesh { documents, proxy: at_gateways(&["default/gw"], 80), asks: first.chain(crowds).collect() }
}

fn policies(random: &mut Random, host: &str, protocol: &str) -> Value {
    let limits = |random: &mut Random| limits(random, protocol);
    let mut rule = json!({"host": host, "subsets": [{"name": "v1", "labels": {"version": "v1"}}]});
    if random.percent(85) {
        rule["trafficPolicy"] = limits(random);
        if random.percent(25) {
            let mut of_port = limits(random);
            of_port["port"] = json!({"number": random.pick(&[80, 81])});
            rule["trafficPolicy"]["portLevelSettings"] = json!([of_port]);
        }
    }
    if random.percent(40) {
        rule["subsets"][0]["trafficPolicy"] = limits(random);
    }
    rule
}

/// To Envoy a request waits while its connection is made, too, so how many of a crowd are too many is a matter of luck
/// unless all connections are there. The first request of all makes one.
fn limits(random: &mut Random, protocol: &str) -> Value {
    let (mut tcp, mut http) = (json!({}), json!({}));
    if random.percent(30) {
        tcp["maxConnections"] = json!(1);
        http["http1MaxPendingRequests"] = json!(random.pick(&[0, 1, 2, 4]));
    } else {
        if random.percent(70) {
            tcp["maxConnections"] = json!(random.pick(&[0, 1, 2, 3, 5]));
        }
        // On HTTP/2 connections run out where they take no more than so many requests, which no filter sees.
        if protocol == "HTTP" && random.percent(20) {
            http["maxRequestsPerConnection"] = json!(random.pick(&[0, 1, 2]));
        }
    }
    if random.percent(40) {
        http["http2MaxRequests"] = json!(random.pick(&[0, 1, 2, 4]));
    }
    json!({"connectionPool": {"tcp": tcp, "http": http}})
}

fn url(service: u32) -> String {
    format!("http://web.example/{service}")
}

fn crowd(random: &mut Random) -> Ask {
    let mut fields = request("GET", url(random.between(0, SERVICES)), vec![header("x-echo-delay-ms", "300")]);
    fields.at_once = Some(random.between(1, 8));
    Ask { timed: true, ..Ask::new(fields) }
}
