//! What is odd on the wire: paths with every escape, dot segments, double slashes; headers of every byte; HTTP/2, gRPC,
//! websockets.

use serde_json::{Value, json};

use super::routes;
use super::write::{any_gateway, at_gateways, header, raw, request, service, to, virtual_service};
use super::{Ask, Mesh};
use crate::random::Random;

const PIECES: &[&str] = &[
    "/", "//", "/./", "/../", "/.", "/..", "%2F", "%2f", "%2e%2e", "%5C", "\\", "a", "b", "A", "%41", "%20", "+", "%",
    "%0", "%zz", "%00", ";x=1", "?", "?a=1", "&b=%2F", "#f", "*", "~", "!", "'", "(", ")", ":", "@", "[", "]", "|",
    "\"", "<", ">", "^", "`", "{", "}", "\u{e9}", "\u{ff}", "%C3%A9", "=", ",", "$",
];

/// Rules that tell paths apart, and requests that are hard to.
pub fn mesh(random: &mut Random, number: usize, asks: usize) -> Mesh {
    let host = |letter: char| format!("{letter}{number}.default.svc.cluster.local");
    let mut rules: Vec<Value> = vec![
        json!({"match": [{"uri": {"prefix": "/grpc"}}], "route": to(&host('g'), None, None), "timeout": "0.4s"}),
        json!({"match": [{"uri": {"prefix": "/ws"}}], "route": to(&host('w'), None, None)}),
    ];
    for _ in 0..random.between(2, 6) {
        let kind = random.word(&["exact", "prefix", "regex"]);
        let uri = if kind == "regex" {
            (random.word(&["/a.*", "//.*", ".*%2[fF].*", "/[^/]*", ".*\\?.*", ".*[^ -~].*", "/a/?b?"])).to_owned()
        } else {
            (random.word(&["/a", "//", "/a/", "/a//b", "/b", "/%41", "/a%2Fb", "/..", "/a;x=1", "/ab"])).to_owned()
        };
        let mut rule = json!({"match": [{"uri": {kind: uri}}], "route": to(&host('w'), None, None)});
        match random.between(0, 6) {
            0 => rule["rewrite"] = json!({"uri": random.word(&["/z", "/z/", "/"])}),
            1 => {
                rule["rewrite"] =
                    json!({"uriRegexRewrite": {"match": random.word(&["/+", "^/a", "%2F", "."]), "rewrite": "/z"}});
            }
            2 => {
                rule = json!({"match": rule["match"], "redirect": {"uri": "/moved"}});
            }
            3 => rule["headers"] = routes::headers(random),
            _ => {}
        }
        rules.push(rule);
    }
    if random.percent(60) {
        rules.push(json!({"route": to(&host('w'), None, None), "headers": {"response": {"set": {"x-rest": "1"}}}}));
    }
    let documents = vec![
        any_gateway(),
        service("grpc", "default", &host('g'), &[(80, "GRPC")]),
        service("web", "default", &host('w'), &[(80, "HTTP")]),
        virtual_service("web", "default", &["*"], &["gw"], rules),
    ];
    let asks = (0..asks).map(|_| ask(random)).collect();
    Mesh { documents, proxy: at_gateways(&["default/gw"], 80), asks }
}

fn ask(random: &mut Random) -> Ask {
    match random.between(0, 10) {
        0 => grpc(random),
        1 => websocket(random),
        2 | 3 => bytes(random),
        _ => odd_path(random),
    }
}

fn target(random: &mut Random) -> String {
    let mut target = String::from(if random.percent(95) { "/" } else { "" });
    for _ in 0..random.between(0, 5) {
        target.push_str(random.word(PIECES));
    }
    target
}

fn odd_path(random: &mut Random) -> Ask {
    let method = random.word(&["GET", "GET", "GET", "HEAD", "OPTIONS", "PROPFIND", "get", "TRACE"]);
    let target = match random.between(0, 12) {
        0 => format!("http://web.example{}", target(random)),
        1 => "*".to_owned(),
        _ => target(random),
    };
    Ask::new(raw(format!("{method} {target} HTTP/1.1\r\nhost: web.example\r\nconnection: close\r\n\r\n")))
}

/// Header values of every byte that there is, and names of every character that may be.
fn bytes(random: &mut Random) -> Ask {
    let any = |random: &mut Random| {
        let byte = random.between(1, 256) as u8;
        // The end of a line is no part of a value.
        char::from(if byte == b'\r' || byte == b'\n' { b' ' } else { byte })
    };
    let value: String = (0..random.between(0, 6)).map(|_| any(random)).collect();
    let name: String =
        (0..random.between(1, 4)).map(|_| *random.pick(&['a', 'X', '-', '_', '.', '!', '#', '~', '|', '1'])).collect();
    Ask::new(raw(format!(
        "GET /a HTTP/1.1\r\nhost: web.example\r\nx-value: {value}\r\nx{name}: v\r\nconnection: close\r\n\r\n"
    )))
}

fn websocket(random: &mut Random) -> Ask {
    let upgrade = random.word(&["websocket", "WebSocket", "h2c", "other"]);
    Ask::new(raw(format!(
        "GET /ws HTTP/1.1\r\nhost: web.example\r\nupgrade: {upgrade}\r\nconnection: upgrade\r\nsec-websocket-key: \
         dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    )))
}

fn grpc(random: &mut Random) -> Ask {
    let mut headers = vec![header("content-type", "application/grpc"), header("te", "trailers")];
    match random.between(0, 5) {
        0 => headers.push(header("x-echo-grpc-status", random.word(&["0", "2", "4", "14"]))),
        1 => {
            headers.push(header("grpc-timeout", random.word(&["100m", "5S", "0m", "x"])));
            headers.push(header("x-echo-delay-ms", random.word(&["0", "250"])));
        }
        2 => headers.push(header("x-echo-delay-ms", "700")),
        3 => headers.push(header("x-echo-status", "503")),
        _ => {}
    }
    let path = random.word(&["/grpc.Service/Method", "/grpc", "/nobody.Service/Method"]);
    let mut fields = request("POST", format!("http://web.example{path}"), headers);
    fields.http2 = random.percent(80);
    Ask { timed: true, ..Ask::new(fields) }
}
