//! Requests that are made for a match block, and then, most of them, missed by a little.

use integration::corpus::case::{Bytes, RequestFields};
use integration::random::Random;

use crate::rules::{self, Block, Wants};

/// A request for one of the blocks.
pub fn generate(random: &mut Random, blocks: &[Block], rules: usize) -> Wants {
    let mut wants = random.pick(blocks).wants.clone();
    // `HEAD` has no body, in which an answer says whose it is.
    if wants.method.is_none() {
        wants.method = Some((*random.pick(&["GET", "GET", "GET", "POST", "OPTIONS"])).to_owned());
    }
    for _ in 0..*random.pick(&[0, 0, 1, 1, 1, 2, 3]) {
        miss(random, &mut wants, rules);
    }
    wants
}

/// Changes something small.
fn miss(random: &mut Random, wants: &mut Wants, rules: usize) {
    let path = &mut wants.path;
    match random.between(0, 14) {
        0 => {
            *path = path.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c }).collect();
        }
        1 => *path += *random.pick(&["a", "/", "/a", "1", "x", "/item/b"]),
        2 if path.len() > 1 => {
            path.pop();
        }
        3 => *path = rules::path(random, rules),
        4 => {
            let extra = *random.pick(&["a", "r", "1"]);
            path.insert_str(1, extra);
        }
        5 => {
            wants.headers.pop();
        }
        6 => {
            if let Some((_, value)) = wants.headers.last_mut() {
                *value = (*random.pick(&["", "1", "12", "v1", "other"])).to_owned();
            }
        }
        7 => add(&mut wants.headers, rules::pair(random, "x-", rules)),
        8 => {
            if let Some(pair) = wants.without.pop() {
                add(&mut wants.headers, pair);
            }
        }
        9 => {
            wants.query.pop();
        }
        // Before or behind one of the same name, of which the first counts.
        10 => wants.query.insert(0, rules::pair(random, "q", rules)),
        11 => wants.query.push(rules::pair(random, "q", rules)),
        12 => wants.method = Some((*random.pick(&["GET", "POST", "PUT", "DELETE"])).to_owned()),
        _ => {
            let host = *random.pick(&rules::ASKED);
            wants.authority = match random.between(0, 4) {
                0 => wants.authority.to_ascii_uppercase(),
                1 if !wants.authority.contains(':') => format!("{}:8080", wants.authority),
                _ => host.to_owned(),
            };
        }
    }
}

/// A header has one value.
fn add(headers: &mut Vec<(String, String)>, (name, value): (String, String)) {
    if headers.iter().all(|(there, _)| *there != name) {
        headers.push((name, value));
    }
}

/// Path and query.
pub fn target(wants: &Wants) -> String {
    let query: Vec<String> = wants.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{}{mark}{}", wants.path, query.join("&"))
}

/// For an engine.
pub fn fields(wants: &Wants, http2: bool) -> RequestFields {
    RequestFields {
        method: wants.method.clone(),
        url: Some(format!("http://{}{}", wants.authority, target(wants))),
        headers: wants.headers.iter().map(|(name, value)| (name.clone(), Bytes::Text(value.clone()))).collect(),
        body: None,
        source: None,
        repeat: 1,
        at_once: None,
        after_ms: None,
        http2,
        raw: None,
    }
}

/// For a person; `$AT` is wherever an Envoy with the rules listens.
pub fn curl(wants: &Wants) -> String {
    let method = wants.method.as_deref().unwrap_or("GET");
    let headers = wants.headers.iter().map(|(name, value)| match value.as_str() {
        "" => format!(" -H '{name};'"),
        value => format!(" -H '{name}: {value}'"),
    });
    let headers: String = headers.collect();
    format!("curl -i -X {method} -H 'host: {}'{headers} \"http://$AT\"'{}'", wants.authority, target(wants))
}
