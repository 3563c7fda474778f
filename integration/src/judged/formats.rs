//! Header values with format strings of every operator that Envoy has.

use serde_json::{Value, json};

use super::write::{any_gateway, at_gateways, at_mesh, header, request, service, to, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

/// What is the same for both sides; what only one of them can say (a time, an id, an address of its own) is not here, nor
/// what no filter can know, which `filters/README.md` lists.
const OPERATORS: &[&str] = &[
    "%REQ(x-a)%",
    "%REQ(X-A?x-b)%",
    "%REQ(x-none?x-none-either)%",
    "%REQ(:path)%",
    "%REQ(:METHOD)%",
    "%REQ(:authority)%",
    "%REQ(host)%",
    "%REQ(x-a)% %REQ(x-b)%",
    "%PROTOCOL%",
    "%RESPONSE_CODE%",
    "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%",
    "100%%",
    "%%%REQ(x-a)%%%",
    "plain",
];

/// Rules whose headers are written from the request, the response and the connection.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let host = format!("f{number}.default.svc.cluster.local");
    let in_mesh = random.percent(30);
    let rules: Vec<Value> = (0..6).map(|index| rule(random, index, &host)).collect();
    let gateways: &[&str] = if in_mesh { &[] } else { &["gw"] };
    let web = if in_mesh { host.as_str() } else { "*" };
    let documents = vec![
        any_gateway(),
        service("formats", "default", &host, &[(80, "HTTP")]),
        virtual_service("web", "default", &[web], gateways, rules),
    ];
    let proxy = if in_mesh { at_mesh("default", Some(80)) } else { at_gateways(&["default/gw"], 80) };
    let asks = (0..asks).map(|_| ask(random, &host)).collect();
    Mesh { documents, proxy, asks }
}

fn value(random: &mut Random) -> String {
    let operator = random.word(OPERATORS);
    match random.between(0, 4) {
        0 => format!("<{operator}>"),
        1 => format!("{operator}{}", random.word(OPERATORS)),
        _ => operator.to_owned(),
    }
}

fn rule(random: &mut Random, index: u32, host: &str) -> Value {
    let mut operations = json!({});
    for way in ["request", "response"] {
        operations[way] = json!({
            random.word(&["set", "add"]).to_string(): {"x-one": value(random), "x-two": value(random)},
        });
        if way == "response" && random.percent(50) {
            operations[way]["set"]["x-three"] =
                json!(random.word(&["%RESP(x-up)%", "%RESP(server)%", "%RESP(x-none?x-up)%"]));
        }
    }
    let mut rule = json!({"match": [{"uri": {"prefix": format!("/{index}")}}], "headers": operations});
    match random.between(0, 7) {
        0 => rule["redirect"] = json!({"uri": "/new"}),
        1 => rule["directResponse"] = json!({"status": 299}),
        2 => {
            rule["route"] = to(host, None, None);
            rule["fault"] = json!({"abort": {"httpStatus": 418, "percentage": {"value": 100}}});
        }
        // Nobody is there: Envoy answers.
        3 => rule["route"] = to(host, Some("none"), None),
        4 => {
            rule["route"] = to(host, None, None);
            rule["rewrite"] = json!({"uri": "/rewritten", "authority": "inner.example"});
        }
        _ => {
            rule["route"] = to(host, None, None);
            rule["route"][0]["headers"] = json!({"response": {"add": {"x-entry": value(random)}}});
        }
    }
    rule
}

fn ask(random: &mut Random, host: &str) -> Ask {
    let mut headers = Vec::new();
    for name in ["x-a", "x-b"] {
        if random.percent(60) {
            headers.push(header(name, random.word(&["1", "", "a b", "%", "%REQ(x-b)%", "é", "long long value"])));
        }
        if random.percent(15) {
            headers.push(header(name, "again"));
        }
    }
    if random.percent(50) {
        headers.push(header("x-echo-headers", random.word(&["x-up=1", "x-up=1;x-up=2", "server=own"])));
    }
    if random.percent(20) {
        headers.push(header("x-echo-status", random.word(&["404", "500"])));
    }
    let url = format!("http://{host}/{}{}", random.between(0, 7), random.word(&["", "?q=1"]));
    let mut fields = request(random.word(&["GET", "POST"]), url, headers);
    fields.http2 = random.percent(30);
    Ask::new(fields)
}
