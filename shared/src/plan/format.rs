//! What format strings come to while a request or a response is on its way.

use std::borrow::Cow;

pub use crate::model::format::operators::{Clock, Fact, GrpcForm, Operator};
pub use crate::model::format::{Part, Template};

use crate::decide::is_grpc;
use crate::model::fault::GRPC_STATUSES;
use crate::model::format::operators::{CLIENT_CERTIFICATE, CONTENT_TYPE, ORIGINAL_PATH, PATH};

/// Where the values come from.
pub trait Source {
    /// A request header; of several values the first, as in Envoy's `%REQ()%`.
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// A response header, where there is a response; of several values the first.
    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// What the proxy knows; nothing where it does not know it yet.
    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>>;
    /// Envoy's response flags, a bit each.
    fn flags(&self) -> u64;
    /// A time, in nanoseconds since 1970.
    fn time(&self, clock: Clock) -> Option<u64>;
}

/// A source that knows what was decided as well.
pub trait Scene: Source {
    /// The name that Envoy's route would have.
    fn route_name(&self) -> Vec<u8>;
    /// Envoy's response flags, short or in words.
    fn flags_text(&self, long: bool) -> String;
}

impl Template {
    /// The value. What is not there is left out; a value that comes out empty is, for Envoy, no value at all.
    pub fn render<'t>(&'t self, scene: &dyn Scene) -> Cow<'t, [u8]> {
        if self.parts().is_empty() {
            return Cow::Borrowed(self.text().as_bytes());
        }
        let mut out = Vec::new();
        for part in self.parts() {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Value { what, most } => {
                    if let Some(value) = what.value(scene) {
                        out.extend_from_slice(most.and_then(|most| value.get(..most)).unwrap_or(&value));
                    }
                }
            }
        }
        Cow::Owned(out)
    }
}

impl Operator {
    fn value<'s>(&self, source: &'s dyn Scene) -> Option<Cow<'s, [u8]>> {
        let owned = |text: String| Some(Cow::Owned(text.into_bytes()));
        match self {
            Operator::RequestHeader(name, other) => {
                source.request_header(name).or_else(|| source.request_header(other.as_deref()?))
            }
            Operator::ResponseHeader(name, other) => {
                source.response_header(name).or_else(|| source.response_header(other.as_deref()?))
            }
            Operator::Path { query, original, current } => {
                let first = source.request_header(ORIGINAL_PATH).filter(|_| *original);
                let path = first.or_else(|| source.request_header(PATH).filter(|_| *current))?;
                Some(if *query { path } else { without_query(path) })
            }
            Operator::QueryParameter(name) => {
                let path = source.request_header(PATH)?;
                let (_, query) = split(&path, b'?')?;
                let pairs = query.split(|byte| *byte == b'&').map(|pair| split(pair, b'=').unwrap_or((pair, b"")));
                let value = pairs.into_iter().find(|(key, _)| decoded(key, false) == **name)?.1;
                Some(Cow::Owned(decoded(value, false)))
            }
            Operator::Query(decode) => {
                let path = source.request_header(PATH)?;
                let (_, query) = split(&path, b'?')?;
                // Envoy decodes what is written without an escape.
                Some(Cow::Owned(if *decode { decoded(query, true) } else { query.to_vec() }))
            }
            Operator::GrpcStatus(form) => grpc_status(*form, source).and_then(owned),
            Operator::Time(clock, format) => owned(format.write(source.time(*clock)?)),
            Operator::Duration => {
                let nanos = source.time(Clock::Now)?.saturating_sub(source.time(Clock::Start)?);
                owned((nanos / 1_000_000).to_string())
            }
            Operator::Flags(long) => owned(source.flags_text(*long)),
            Operator::RouteName => Some(Cow::Owned(source.route_name())),
            Operator::Details(true) => source.fact(Fact::ResponseCodeDetails),
            Operator::Details(false) => source.fact(Fact::ResponseCodeDetails).map(without_blanks),
            Operator::ClientCertificate(key) => {
                client_certificate(&source.request_header(CLIENT_CERTIFICATE)?, key.as_bytes()).map(Cow::Owned)
            }
            Operator::Fact(fact) => source.fact(*fact),
            Operator::FirstOf(all) => all.iter().find_map(|what| what.value(source)),
        }
    }
}

/// The value of a key in `x-forwarded-client-cert`: `Key=value;Key="a;b",Key=value`, where each proxy has its part, the
/// first the client's own. In quotes nothing divides, and a backslash takes the next quote or backslash as it is.
fn client_certificate(header: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let (mut in_quotes, mut escaped, mut start) = (false, false, 0);
    for (at, byte) in header.iter().copied().chain([b',']).enumerate() {
        if !in_quotes && matches!(byte, b',' | b';') {
            let pair = header.get(start..at)?;
            let (name, value) = split(pair, b'=').unwrap_or((pair, b""));
            if name.trim_ascii().eq_ignore_ascii_case(key) {
                return Some(unquoted(value.trim_ascii()));
            }
            start = at + 1;
        }
        in_quotes ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    None
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    let inside = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let [first, behind @ ..] = rest {
        let (byte, after) = match (first, behind) {
            (b'\\', [quoted @ (b'"' | b'\\'), after @ ..]) => (*quoted, after),
            _ => (*first, behind),
        };
        out.push(byte);
        rest = after;
    }
    out
}

/// What stands before a byte, and behind it.
fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|other| *other == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

fn without_query(path: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match path.iter().position(|byte| *byte == b'?') {
        Some(end) => Cow::Owned(path.get(..end).unwrap_or(&path).to_vec()),
        None => path,
    }
}

fn without_blanks(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let replaced = |byte: &u8| if byte.is_ascii_whitespace() { b'_' } else { *byte };
    if text.iter().any(u8::is_ascii_whitespace) { Cow::Owned(text.iter().map(replaced).collect()) } else { text }
}

/// With `%41` as `A`; of all bytes, or of those alone that are seen. What is no escape stays.
fn decoded(text: &[u8], visible_only: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, behind @ ..] = rest {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let escaped = match behind {
            [high, low, after @ ..] if *first == b'%' => {
                digit(high).zip(digit(low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) =
            escaped.filter(|(byte, _)| !visible_only || byte.is_ascii_graphic()).unwrap_or((*first, behind));
        out.push(byte);
        rest = after;
    }
    out
}

/// The status in the response's headers, else what the HTTP status comes to; for gRPC requests alone.
fn grpc_status(form: GrpcForm, source: &dyn Scene) -> Option<String> {
    source.request_header(CONTENT_TYPE).filter(|it| is_grpc(it))?;
    let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<u32>().ok();
    let said = source.response_header(b"grpc-status").and_then(|status| number(&status));
    let status = said.or_else(|| {
        Some(match number(&source.fact(Fact::ResponseCode)?)? {
            0 => return None,
            400 => 13,
            401 => 16,
            403 => 7,
            404 => 12,
            429 | 502..=504 => 14,
            _ => 2,
        })
    })?;
    let name = usize::try_from(status).ok().and_then(|at| GRPC_STATUSES.get(at)).filter(|_| form != GrpcForm::Number);
    Some(match (name, form) {
        (None, _) => status.to_string(),
        (Some(name), GrpcForm::Snake) => (*name).to_owned(),
        (Some(name @ &"OK"), _) => (*name).to_owned(),
        // Envoy writes one L.
        (Some(&"CANCELLED"), _) => "Canceled".to_owned(),
        (Some(name), _) => {
            let words = name.split('_').filter_map(|word| word.split_at_checked(1));
            words.map(|(first, rest)| first.to_owned() + &rest.to_ascii_lowercase()).collect()
        }
    })
}
