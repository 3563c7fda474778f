//! What a namespace sees: `exportTo` of services, VirtualServices and DestinationRules, Sidecars of a namespace, of a
//! workload and of the root namespace, and delegates; asked in the mesh and at a gateway.

use serde_json::{Value, json};

use super::write::{
    at_gateways, at_mesh, created, gateway, header, request, resource, service, to, versions, virtual_service,
};
use super::{Ask, Mesh};
use crate::random::Random;

const NAMESPACES: &[&str] = &["default", "shop", "zoo"];
const AGES: &[&str] = &["2020-01-01T00:00:00Z", "2022-01-01T00:00:00Z", "2024-01-01T00:00:00Z"];
/// What the proxy's workload is.
const APP: &str = "web";

/// Some services, VirtualServices and delegates, and here and there a Sidecar.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let hosts: Vec<String> = (0..3).map(|index| format!("h{index}.v{number}.example")).collect();
    let mut documents = Vec::new();
    for index in 0..random.between(3, 6) {
        let (host, namespace) = (random.pick(&hosts).as_str(), random.word(NAMESPACES));
        let port = if random.percent(80) { 80 } else { 8080 };
        let mut entry = service(&format!("s{number}-{index}"), namespace, host, &[(port, "HTTP")]);
        export(random, &mut entry, true);
        documents.push(aged(random, entry));
    }
    for index in 0..random.between(0, 3) {
        let mut rule = versions(&format!("dr{index}"), random.word(NAMESPACES), random.pick(&hosts).as_str());
        export(random, &mut rule, false);
        documents.push(aged(random, rule));
    }
    let edge = random.percent(35);
    let bound: &[&str] = if edge { &["default/gw"] } else { &[] };
    if edge {
        documents.push(gateway("gw", "default", &[(80, &["*"])]));
    }
    for index in 0..random.between(2, 5) {
        let mut service = rules(random, index, &hosts, bound);
        export(random, &mut service, false);
        documents.push(aged(random, service));
    }
    for index in 0..3 {
        let mut delegate = delegate(random, index, &hosts);
        export(random, &mut delegate, false);
        documents.push(delegate);
    }
    if !edge {
        documents.extend((0..random.between(0, 3)).map(|index| sidecar(random, index, &hosts)));
    }
    let mut proxy = if edge { at_gateways(bound, 80) } else { at_mesh(random.word(NAMESPACES), Some(80)) };
    if !edge && random.percent(50) {
        proxy.labels.insert("app".to_owned(), APP.to_owned());
    }
    let asks = (0..asks).map(|_| Ask::new(ask(random, &hosts))).collect();
    Mesh { documents, proxy, asks }
}

fn aged(random: &mut Random, resource: Value) -> Value {
    if random.percent(70) { created(resource, random.word(AGES)) } else { resource }
}

/// Says to whom it is exported, of half of them; `~` is for services alone.
fn export(random: &mut Random, resource: &mut Value, service: bool) {
    let to = match random.between(0, 10) {
        0 | 1 => json!(["."]),
        2 => json!([random.word(NAMESPACES)]),
        3 => json!([".", random.word(&["shop", "zoo"])]),
        4 => json!(["*"]),
        5 if service => json!(["~"]),
        _ => return,
    };
    // Istio's webhook refuses a namespace beside the dot that means it.
    if to[0] == "." && to[1] == resource["metadata"]["namespace"] {
        return;
    }
    resource["spec"]["exportTo"] = to;
}

fn rules(random: &mut Random, index: u32, hosts: &[String], bound: &[&str]) -> Value {
    let mut http = Vec::new();
    for rule in 0..random.between(1, 4) {
        let mut one = json!({"headers": {"response": {"set": {"x-rule": format!("{index}-{rule}")}}}});
        if random.percent(70) {
            one["match"] = (0..random.between(1, 3)).map(|_| block(random)).collect();
        }
        if random.percent(55) {
            let child = random.between(0, 4);
            one["delegate"] = json!({"name": format!("d{child}")});
            if random.percent(60) {
                one["delegate"]["namespace"] = json!(random.word(NAMESPACES));
            }
            if random.percent(40) {
                one["rewrite"] = json!({"uri": "/root"});
            }
            if random.percent(30) {
                one["name"] = json!(format!("r{rule}"));
            }
        } else {
            one["route"] = to(random.pick(hosts).as_str(), *random.pick(&[None, None, Some("v1")]), None);
        }
        http.push(one);
    }
    let named = match random.between(0, 5) {
        0 => format!("*{}", hosts[0].trim_start_matches("h0")),
        _ => random.pick(hosts).clone(),
    };
    virtual_service(&format!("vs{index}"), random.word(NAMESPACES), &[&named], bound, http)
}

fn delegate(random: &mut Random, index: u32, hosts: &[String]) -> Value {
    let mut http = Vec::new();
    for rule in 0..random.between(1, 4) {
        let mut one = json!({});
        if random.percent(50) {
            one["headers"] = json!({"response": {"set": {"x-rule": format!("d{index}-{rule}")}}});
        }
        if random.percent(30) {
            one["rewrite"] = json!({"uri": "/own"});
        }
        if random.percent(70) {
            one["match"] = (0..random.between(1, 3)).map(|_| block(random)).collect();
        }
        one["route"] = to(random.pick(hosts).as_str(), None, None);
        http.push(one);
    }
    resource("VirtualService", &format!("d{index}"), random.word(NAMESPACES), json!({"http": http}))
}

fn block(random: &mut Random) -> Value {
    let mut block = json!({});
    match random.between(0, 6) {
        0 => block["uri"] = json!({"exact": random.word(&["/a", "/a/b"])}),
        1 | 2 => block["uri"] = json!({"prefix": random.word(&["/", "/a", "/a/b"])}),
        3 => block["uri"] = json!({"regex": random.word(&["/a.*", ".*"])}),
        _ => {}
    }
    if random.percent(30) {
        block["headers"] = json!({"x-a": {"exact": random.word(&["1", "2"])}});
    }
    if random.percent(20) {
        block["method"] = json!({"exact": random.word(&["GET", "POST"])});
    }
    if random.percent(15) {
        block["withoutHeaders"] = json!({"x-b": {}});
    }
    if random.percent(15) {
        block["queryParams"] = json!({"q": {"exact": random.word(&["1", "2"])}});
    }
    if random.percent(10) {
        block["sourceNamespace"] = json!(random.word(NAMESPACES));
    }
    if random.percent(10) {
        block["port"] = json!(random.pick(&[80, 8080]));
    }
    if random.percent(10) && block.get("uri").is_some() {
        block["ignoreUriCase"] = json!(true);
    }
    if block == json!({}) { json!({"uri": {"prefix": "/"}}) } else { block }
}

fn sidecar(random: &mut Random, index: u32, hosts: &[String]) -> Value {
    let namespace = random.word(&["default", "shop", "zoo", "istio-system"]);
    let wild = format!("*{}", hosts[0].trim_start_matches("h0"));
    let imports: Vec<String> = (0..random.between(1, 4))
        .map(|_| {
            let from = random.word(&[".", "*", "default", "shop", "zoo", "*", "~shop", "~*"]);
            let host = match random.between(0, 4) {
                0 => "*".to_owned(),
                1 => wild.clone(),
                _ => random.pick(hosts).clone(),
            };
            format!("{from}/{host}")
        })
        .collect();
    let mut egress = vec![json!({"hosts": imports})];
    if random.percent(25) {
        let port = json!({"number": random.pick(&[80, 8080]), "name": "http", "protocol": "HTTP"});
        egress.insert(0, json!({"port": port, "hosts": [format!("*/{}", random.pick(hosts))]}));
    }
    let mut spec = json!({"egress": egress});
    if random.percent(35) && namespace != "istio-system" {
        spec["workloadSelector"] = json!({"labels": {"app": random.word(&[APP, "other"])}});
    }
    resource("Sidecar", &format!("sc{index}"), namespace, spec)
}

fn ask(random: &mut Random, hosts: &[String]) -> crate::corpus::case::RequestFields {
    let mut headers = Vec::new();
    if random.percent(50) {
        headers.push(header("x-a", random.word(&["1", "2"])));
    }
    if random.percent(15) {
        headers.push(header("x-b", "1"));
    }
    let path = random.word(&["/", "/a", "/a/b", "/A", "/b", "/a/b/c"]);
    let query = random.word(&["", "", "?q=1", "?q=2"]);
    request(random.word(&["GET", "GET", "POST"]), format!("http://{}{path}{query}", random.pick(hosts)), headers)
}
