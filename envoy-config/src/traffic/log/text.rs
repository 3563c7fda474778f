//! Lines in the text format of Envoy and of Istio, which differ in what stands between the quoted parts:
//!
//! `[START] "METHOD PATH PROTOCOL" CODE ... "XFF" "USER-AGENT" "REQUEST-ID" "AUTHORITY" "UPSTREAM HOST" CLUSTER ...`

use std::borrow::Cow;

use super::{Fields, Line};

/// Reads a line.
pub(super) fn line<'a>(line: &'a [u8], wanted: &[String]) -> Line<'a> {
    let Ok(text) = std::str::from_utf8(line) else { return Line::Stray("no UTF-8".into()) };
    match fields(text, wanted) {
        Some(fields) => fields.line(),
        None => Line::Stray("neither JSON nor `[START] \"METHOD PATH PROTOCOL\" CODE ...`".into()),
    }
}

fn fields<'a>(text: &'a str, wanted: &[String]) -> Option<Fields<'a>> {
    // Whoever collected the log may have put something in front.
    let (before, asked) = text.split_once("] \"")?;
    if !before.contains('[') {
        return None;
    }
    let (method, rest) = asked.split_once(' ')?;
    let (path, rest) = match rest.split_once(" HTTP/") {
        Some((path, rest)) => (path, rest.split_once("\" ")?.1),
        // A connection of TCP: `"- - -"`.
        None => (rest.split_once(' ')?.0, rest.split_once("\" ")?.1),
    };
    if !rest.starts_with(|c: char| c.is_ascii_digit()) || !method.bytes().all(|byte| byte.is_ascii_graphic()) {
        return None;
    }
    // From the right, since nothing but the user agent may have quotes in it.
    let mut parts = rest.rsplitn(8, '"');
    let tail = parts.next()?;
    let (_upstream, _, authority, _, id, _) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let (before, agent) = parts.next()?.rsplit_once("\" \"")?;
    let forwarded = before.rsplit_once('"').map_or(before, |(_, forwarded)| forwarded);
    let there = |text: &'a str| Some(text).filter(|text| !text.is_empty() && *text != "-").map(Cow::Borrowed);
    let mut tail = tail.split_ascii_whitespace();
    let header = |name: &String| match name.as_str() {
        "x-forwarded-for" => Some(there(forwarded)),
        "user-agent" => Some(there(agent)),
        "x-request-id" => Some(there(id)),
        _ => None,
    };
    let cluster = tail.next().and_then(there);
    let (_, local) = (tail.next(), tail.next().and_then(there));
    let server_name = tail.nth(1).and_then(there);
    Some(Fields {
        method: there(method),
        authority: there(authority),
        path: there(path),
        scheme: None,
        local,
        cluster,
        server_name,
        headers: wanted.iter().map(header).collect(),
        any: true,
    })
}
