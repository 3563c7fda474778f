//! Rules that overlap: few values, most of them the beginning of others, so that which one is first matters.
//!
//! | left out | for |
//! |---|---|
//! | several values of one header | Envoy before 1.39 joins them before it looks |
//! | bytes beyond ASCII in patterns | Envoy before 1.39 reads them as characters |
//! | `port`, `gateways`, `sourceLabels` and `sourceNamespace` of a match | they are about the proxy, of which there is one: nothing of them is left in a plan |
//! | `statPrefix` | it counts, and never matches |

use integration::random::Random;
use serde_json::{Map, Value, json};

use crate::text;

/// A match block, and what a request needs for it.
pub struct Block {
    json: Value,
    pub wants: Wants,
}

/// What a request needs.
#[derive(Clone, Default)]
pub struct Wants {
    pub authority: String,
    pub path: String,
    pub method: Option<String>,
    pub headers: Vec<(String, String)>,
    /// Those that it must not have.
    pub without: Vec<(String, String)>,
    pub query: Vec<(String, String)>,
}

/// A VirtualService: its hosts, and a host of a request for each.
struct Service {
    name: &'static str,
    hosts: &'static [&'static str],
    asked: &'static [&'static str],
    /// How many of a hundred rules are its.
    share: usize,
    /// Whether it ends with a rule for everything, which goes behind the rules of others on the same host.
    takes_rest: bool,
}

const SERVICES: [Service; 4] = [
    Service {
        name: "web-0",
        hosts: &["a.example", "www.a.example"],
        asked: &["a.example", "www.a.example"],
        share: 40,
        takes_rest: true,
    },
    Service {
        name: "web-1",
        hosts: &["*.b.example"],
        asked: &["x.b.example", "y.x.b.example"],
        share: 30,
        takes_rest: false,
    },
    Service { name: "web-2", hosts: &["*"], asked: &["other.example", "b.example"], share: 20, takes_rest: false },
    // Beside `web-0` on one host, and inside `web-1`'s.
    Service {
        name: "web-3",
        hosts: &["a.example", "*.c.b.example"],
        asked: &["a.example", "x.c.b.example"],
        share: 10,
        takes_rest: true,
    },
];

/// Hosts that requests are for, when they are not for the one that they are meant for.
pub const ASKED: [&str; 8] = [
    "a.example",
    "www.a.example",
    "x.b.example",
    "x.c.b.example",
    "c.b.example",
    "b.example",
    "other.example",
    "a.example.org",
];

/// So many rules, as resources, and their blocks. A rule answers with its own name.
pub fn generate(random: &mut Random, rules: usize) -> (Vec<Value>, Vec<Block>) {
    let mut resources = vec![json!({
        "apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "gw"},
        "spec": {"selector": {"istio": "ingressgateway"}, "servers": [
            {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]},
        ]},
    })];
    let (mut all, mut number) = (Vec::new(), 0);
    for service in &SERVICES {
        let own = rules * service.share / 100;
        let mut http = Vec::new();
        for left in (0..own).rev() {
            let mut rule = answer(&format!("{}-r{number}", service.name));
            number += 1;
            if !(left == 0 && service.takes_rest) {
                let count = if random.percent(70) { 1 } else { random.between(2, 4) };
                let asked = *random.pick(service.asked);
                let blocks: Vec<Block> = (0..count).map(|_| block(random, asked, rules)).collect();
                rule["match"] = blocks.iter().map(|block| block.json.clone()).collect();
                all.extend(blocks);
            }
            http.push(rule);
        }
        resources.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": service.name},
            "spec": {"hosts": service.hosts, "gateways": ["gw"], "http": http},
        }));
    }
    (resources, all)
}

fn answer(name: &str) -> Value {
    json!({"name": name, "directResponse": {"status": 200, "body": {"string": name}}})
}

/// A path below some hundredth of all rules, so that about as many meet whatever their number.
pub fn path(random: &mut Random, rules: usize) -> String {
    let first = random.between(0, (rules / 20).max(2) as u32);
    let mut path = format!("/r{first}");
    for _ in 0..random.between(0, 3) {
        path.push('/');
        path += *random.pick(&["a", "b", "ab", "A", "item", "1"]);
    }
    path
}

/// A header or a parameter, with a value.
pub fn pair(random: &mut Random, kind: &str, rules: usize) -> (String, String) {
    let value = if random.percent(70) {
        format!("v{}", random.between(0, (rules / 20).max(2) as u32))
    } else {
        (*random.pick(&["1", "2", "12", "a", "ab"])).to_owned()
    };
    (format!("{kind}{}", random.between(0, 4)), value)
}

fn block(random: &mut Random, asked: &str, rules: usize) -> Block {
    let mut json = Map::new();
    let mut wants = Wants { authority: asked.to_owned(), path: path(random, rules), ..Wants::default() };
    let by_path = random.percent(90);
    if by_path {
        let path = wants.path.clone();
        let uri = text::about(random, &path);
        json.insert("uri".to_owned(), uri.json);
        wants.path = uri.sample;
        if random.percent(15) {
            json.insert("ignoreUriCase".to_owned(), json!(true));
        }
    }
    for (field, percent, kind) in [("headers", 35, "x-"), ("withoutHeaders", 15, "x-"), ("queryParams", 20, "q")] {
        // What takes any path has to ask for something else, or nothing behind it would ever be reached.
        let number = if !by_path && field == "headers" || random.percent(percent) { random.between(1, 3) } else { 0 };
        let mut map = Map::new();
        for _ in 0..number {
            let (name, value) = pair(random, kind, rules);
            let list = match field {
                "headers" => &mut wants.headers,
                "withoutHeaders" => &mut wants.without,
                _ => &mut wants.query,
            };
            // Each name once, so that a request can have what all of them want.
            if map.contains_key(&name) {
                continue;
            }
            let present = by_path && random.percent(10);
            let (json, sample) = if present {
                (json!({}), value)
            } else {
                let text = text::about(random, &value);
                (text.json, text.sample)
            };
            map.insert(name.clone(), json);
            list.push((name, sample));
        }
        if !map.is_empty() {
            json.insert(field.to_owned(), Value::Object(map));
        }
    }
    if random.percent(15) {
        let method = *random.pick(&["GET", "POST", "PUT"]);
        let text =
            [json!({"exact": method}), json!({"prefix": &method[..2]}), json!({"regex": format!("{method}|DELETE")})];
        json.insert("method".to_owned(), random.pick(&text).clone());
        wants.method = Some(method.to_owned());
    }
    if random.percent(8) {
        let text = [json!({"exact": asked}), json!({"prefix": &asked[..3]}), json!({"regex": "[a-z.]+(:[0-9]+)?"})];
        json.insert("authority".to_owned(), random.pick(&text).clone());
    }
    if random.percent(4) {
        json.insert("scheme".to_owned(), random.pick(&[json!({"exact": "http"}), json!({"prefix": "ht"})]).clone());
    }
    Block { json: Value::Object(json), wants }
}
