//! Rules of every kind: what they match, where they lead, what they change.

use serde_json::{Map, Value, json};

use super::write::{any_gateway, at_gateways, at_mesh, header, request, service, to, versions, virtual_service};
use super::{Ask, Mesh};
use crate::engine::proxy::COPIES;
use crate::random::Random;

const SEGMENTS: &[&str] = &["", "a", "b", "ab", "api", "v1", "A", "a.b", "x-y", "1", "%41"];
const NAMES: &[&str] = &["x-a", "x-b", "X-C", "cookie", "user-agent", "end-user"];
const VALUES: &[&str] = &["", "1", "a", "ab", "A", "v1", "a,b", "a b", "*", "é"];
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"];
const PATTERNS: &[&str] = &["/.*", ".*", "/a.*", "/(a|b)/.*", "/[a-z]+", "/api/v[0-9]+(/.*)?", "/a\\.b", "(?i)/AB.*"];
const VALUE_PATTERNS: &[&str] = &[".*", "a.*", "[0-9]+", "v[0-9]", "(a|b)+", ".", "a{1,2}", ".+"];

/// A VirtualService or two at a gateway or in the mesh, on three services.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let host = |letter: char| format!("{letter}{number}.default.svc.cluster.local");
    let hosts = ['a', 'b', 'c'].map(host);
    let in_mesh = random.percent(30);
    let asked = if in_mesh { hosts[0].clone() } else { format!("web{number}.example") };
    let mut documents = vec![any_gateway()];
    for (letter, host) in ['a', 'b', 'c'].iter().zip(&hosts) {
        documents.push(service(&format!("{letter}{number}"), "default", host, &[(80, "HTTP")]));
        documents.push(versions(&format!("{letter}{number}"), "default", host));
    }
    let mut drawn = false;
    let rules: Vec<Value> = (0..random.between(2, 7)).map(|_| rule(random, &hosts, &mut drawn)).collect();
    let gateways: &[&str] = if in_mesh { &[] } else { &["gw"] };
    let web = if in_mesh || random.percent(50) { asked.as_str() } else { "*" };
    documents.push(virtual_service("web", "default", &[web], gateways, rules));
    let proxy = if in_mesh { at_mesh("default", Some(80)) } else { at_gateways(&["default/gw"], 80) };
    let asks = (0..asks).map(|_| Ask { drawn, ..Ask::new(ask(random, &asked)) }).collect();
    Mesh { documents, proxy, asks }
}

fn rule(random: &mut Random, hosts: &[String; 3], drawn: &mut bool) -> Value {
    let mut rule = Map::new();
    let blocks: Vec<Value> = (0..*random.pick(&[1, 1, 1, 2])).map(|_| block(random)).collect();
    let prefixes = blocks.iter().all(|block| block["uri"].get("prefix").is_some());
    if random.percent(85) {
        rule.insert("match".to_owned(), json!(blocks));
    }
    match random.between(0, 10) {
        0 => {
            rule.insert("redirect".to_owned(), redirect(random, prefixes && rule.contains_key("match")));
        }
        1 => {
            let mut answer = json!({"status": random.pick(&[200, 204, 299, 403, 503])});
            if random.percent(60) {
                answer["body"] = json!({"string": random.word(&["", "no", "{\"a\": 1}\n", "é"])});
            }
            rule.insert("directResponse".to_owned(), answer);
        }
        _ => {
            rule.insert("route".to_owned(), route(random, hosts, drawn));
            if random.percent(30) {
                rule.insert("rewrite".to_owned(), rewrite(random));
            }
            if random.percent(10) {
                let abort = json!({"httpStatus": random.pick(&[418, 503, 200]), "percentage": {"value": 100}});
                rule.insert("fault".to_owned(), json!({"abort": abort}));
            }
            if random.percent(20) {
                mirror(random, hosts, &mut rule);
            } else if random.percent(15) {
                rule.insert(
                    "retries".to_owned(),
                    json!({"attempts": random.between(0, 4), "retryOn": "5xx", "backoff": "1ms"}),
                );
            }
        }
    }
    if random.percent(15) {
        rule.insert("corsPolicy".to_owned(), cors(random));
    }
    if random.percent(40) && !rule.contains_key("headers") {
        rule.insert("headers".to_owned(), headers(random));
    }
    Value::Object(rule)
}

/// One or two mirrors, drawn by nobody: of all requests or of none. The rule says how many copies there are, where an
/// upstream answers at all.
fn mirror(random: &mut Random, hosts: &[String; 3], rule: &mut Map<String, Value>) {
    if rule.contains_key("fault") {
        return;
    }
    let mut copies = 0;
    let mut mirrors = Vec::new();
    for _ in 0..random.between(1, 3) {
        let share = *random.pick(&[100, 100, 0]);
        copies += usize::from(share > 0);
        let destination = to(random.pick::<String>(hosts), None, None)[0]["destination"].clone();
        mirrors.push(json!({"destination": destination, "percentage": {"value": share}}));
    }
    rule.insert("mirrors".to_owned(), json!(mirrors));
    rule.insert("headers".to_owned(), json!({"response": {"set": {COPIES: copies.to_string()}}}));
}

fn path(random: &mut Random) -> String {
    let mut path = String::new();
    for _ in 0..random.between(1, 4) {
        path.push('/');
        path.push_str(random.word(SEGMENTS));
    }
    path
}

fn text(random: &mut Random, values: &[&str], patterns: &[&str]) -> Value {
    match random.between(0, 4) {
        0 => json!({"exact": random.word(values)}),
        1 => json!({"prefix": random.word(values).to_string() + random.word(&["", "a"])}),
        2 => json!({"regex": random.word(patterns)}),
        _ => json!({}),
    }
}

fn block(random: &mut Random) -> Value {
    let mut block = json!({});
    let uri = match random.between(0, 5) {
        0 => json!({"exact": path(random)}),
        1 => json!({"regex": random.word(PATTERNS)}),
        2 => json!({"prefix": "/"}),
        _ => json!({"prefix": path(random)}),
    };
    if random.percent(90) {
        block["uri"] = uri;
        if random.percent(15) {
            block["ignoreUriCase"] = json!(true);
        }
    }
    if random.percent(25) {
        block["headers"] = json!({random.word(NAMES): text(random, VALUES, VALUE_PATTERNS)});
    }
    if random.percent(15) {
        block["withoutHeaders"] = json!({random.word(NAMES): text(random, VALUES, VALUE_PATTERNS)});
    }
    if random.percent(15) {
        block["queryParams"] = json!({random.word(&["q", "r"]): text(random, &VALUES[..7], VALUE_PATTERNS)});
    }
    if random.percent(15) {
        block["method"] = text(random, METHODS, &["GET|POST", "P.*"]);
    }
    if random.percent(8) {
        block["scheme"] = text(random, &["http", "https"], &["https?"]);
    }
    if random.percent(8) {
        block["authority"] = text(random, &["a", "web", "x.example"], &[".*example.*", "[a-z].*"]);
    }
    if random.percent(8) {
        block["port"] = json!(random.pick(&[80, 81]));
    }
    // A match on nothing is no match at all.
    for field in ["method", "scheme", "authority"] {
        if block.get(field) == Some(&json!({})) {
            block[field] = json!({"prefix": "h"});
        }
    }
    if block == json!({}) { json!({"uri": {"prefix": "/b"}}) } else { block }
}

fn redirect(random: &mut Random, prefixes: bool) -> Value {
    let mut redirect = json!({});
    match random.between(0, 3) {
        0 => redirect["uri"] = json!(random.word(&["/new", "/new?x=1", "/"])),
        1 if prefixes => redirect["uri"] = json!("%PREFIX()%/p"),
        _ => {}
    }
    if random.percent(50) || redirect == json!({}) {
        redirect["authority"] = json!(random.word(&["other.example", "other.example:81"]));
    }
    if random.percent(30) {
        redirect["scheme"] = json!(random.word(&["http", "https"]));
    }
    match random.between(0, 4) {
        0 => redirect["port"] = json!(random.pick(&[80, 443, 8080])),
        1 => redirect["derivePort"] = json!(random.word(&["FROM_PROTOCOL_DEFAULT", "FROM_REQUEST_PORT"])),
        _ => {}
    }
    if random.percent(50) {
        redirect["redirectCode"] = json!(random.pick(&[301, 302, 303, 307, 308]));
    }
    redirect
}

fn route(random: &mut Random, hosts: &[String; 3], drawn: &mut bool) -> Value {
    let subset = [None, Some("v1"), Some("v2")];
    if random.percent(80) {
        let mut one = to(&random.pick::<String>(hosts)[..], *random.pick(&subset), None);
        if random.percent(25) {
            one[0]["headers"] = headers(random);
        }
        return one;
    }
    let count = random.between(2, 4);
    let entry = |random: &mut Random, weight: u32| {
        let mut one = to(&random.pick::<String>(hosts)[..], *random.pick(&subset), None)[0].clone();
        one["weight"] = json!(weight);
        one
    };
    // All to one, so that there is nothing to draw; or a real draw, after which only the names may differ.
    if random.percent(60) {
        let taker = random.between(0, count);
        return (0..count).map(|index| entry(random, if index == taker { 7 } else { 0 })).collect();
    }
    *drawn = true;
    (0..count).map(|_| entry(random, 50)).collect()
}

fn rewrite(random: &mut Random) -> Value {
    let mut rewrite = json!({});
    match random.between(0, 3) {
        0 => rewrite["uri"] = json!(random.word(&["/", "/new", "/new/", "/a?b=c"])),
        1 => {
            rewrite["uriRegexRewrite"] = json!({
                "match": random.word(&["/a", "^/([^/]*)/(.*)$", "[0-9]+", "/+"]),
                "rewrite": random.word(&["/z", "/\\0", "/y/"]),
            });
        }
        _ => {}
    }
    if random.percent(40) || rewrite == json!({}) {
        rewrite["authority"] = json!(random.word(&["inner.example", "inner.example:99"]));
    }
    rewrite
}

fn cors(random: &mut Random) -> Value {
    let origin = match random.between(0, 3) {
        0 => json!({"exact": random.word(&["https://a.example", "*"])}),
        1 => json!({"prefix": "https://"}),
        _ => json!({"regex": "https://[a-z]+\\.example"}),
    };
    let mut cors = json!({"allowOrigins": [origin]});
    if random.percent(50) {
        cors["allowMethods"] = json!(["GET", "POST"]);
        cors["allowHeaders"] = json!(["x-a", "x-b"]);
    }
    if random.percent(50) {
        cors["exposeHeaders"] = json!(["x-e"]);
        cors["maxAge"] = json!("90s");
        cors["allowCredentials"] = json!(random.percent(50));
    }
    if random.percent(40) {
        cors["unmatchedPreflights"] = json!(random.word(&["FORWARD", "IGNORE"]));
    }
    cors
}

/// Header operations of a rule or a destination.
pub fn headers(random: &mut Random) -> Value {
    let mut both = json!({});
    for way in ["request", "response"] {
        if random.percent(60) {
            let mut operations = json!({});
            let name = |random: &mut Random| random.word(&["x-a", "x-n", "X-Upper", "x-up", "server", "x-b"]);
            if random.percent(60) {
                operations["set"] = json!({name(random): random.word(&["s", "100%%", "a b", ""])});
            }
            if random.percent(40) {
                operations["add"] = json!({name(random): random.word(&["added", "1,2"])});
            }
            if random.percent(30) {
                operations["remove"] = json!([name(random)]);
            }
            both[way] = operations;
        }
    }
    if random.percent(8) {
        both["request"]["set"] = json!({random.word(&["host", ":authority", "Host"]).to_string(): "set.example"});
    }
    both
}

fn ask(random: &mut Random, host: &str) -> crate::corpus::case::RequestFields {
    let host = match random.between(0, 12) {
        0 => host.to_ascii_uppercase(),
        1 => format!("{host}:80"),
        2 => "other.example".to_owned(),
        _ => host.to_owned(),
    };
    let mut url = format!("http://{host}{}", path(random).replace('é', "%C3%A9"));
    if random.percent(35) {
        url += random.word(&["?q=1", "?q=", "?q", "?r=a&q=v1", "?q=a&q=1", "?Q=1", "?", "?q=a%20b"]);
    }
    let mut headers = Vec::new();
    for _ in 0..random.between(0, 4) {
        headers.push(header(random.word(NAMES), random.word(VALUES)));
    }
    if random.percent(20) {
        headers
            .push(header("origin", random.word(&["https://a.example", "https://B.example", "http://a.example", "*"])));
        if random.percent(60) {
            headers.push(header("access-control-request-method", "GET"));
        }
    }
    if random.percent(10) {
        headers.push(header("x-echo-status", "503"));
    }
    let mut fields = request(random.word(METHODS), url, headers);
    fields.http2 = random.percent(25);
    fields
}
