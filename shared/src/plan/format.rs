//! Envoy's format strings in header values: `%REQ(x-user?x-old):8%`, `%DOWNSTREAM_REMOTE_ADDRESS%`, `%%`.

use std::borrow::Cow;
use std::fmt;

/// A header value, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<[u8]>),
    Value { what: Operator, most: Option<usize> },
}

/// What a format string can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `%REQ(name?other)%`: a request header, else another.
    RequestHeader(Box<[u8]>, Option<Box<[u8]>>),
    /// `%RESP(name?other)%`: a response header; nothing on the way to the destination.
    ResponseHeader(Box<[u8]>, Option<Box<[u8]>>),
    /// Anything that the proxy knows of the stream.
    Fact(Fact),
}

/// What a proxy knows of a stream and format strings may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// `%DOWNSTREAM_REMOTE_ADDRESS%`: the client's address and port.
    DownstreamRemoteAddress,
    /// `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`.
    DownstreamRemoteAddressWithoutPort,
    /// `%DOWNSTREAM_LOCAL_ADDRESS%`: where the client connected to.
    DownstreamLocalAddress,
    /// `%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT%`.
    DownstreamLocalAddressWithoutPort,
    /// `%DOWNSTREAM_LOCAL_PORT%`.
    DownstreamLocalPort,
    /// `%PROTOCOL%`: `HTTP/1.1`, `HTTP/2`.
    Protocol,
    /// `%RESPONSE_CODE%`; on the way back.
    ResponseCode,
    /// `%UPSTREAM_HOST%`: the endpoint's address and port; on the way back.
    UpstreamHost,
}

/// Every fact by Envoy's name for it.
const FACTS: &[(&str, Fact)] = &[
    ("DOWNSTREAM_REMOTE_ADDRESS", Fact::DownstreamRemoteAddress),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", Fact::DownstreamRemoteAddressWithoutPort),
    ("DOWNSTREAM_LOCAL_ADDRESS", Fact::DownstreamLocalAddress),
    ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", Fact::DownstreamLocalAddressWithoutPort),
    ("DOWNSTREAM_LOCAL_PORT", Fact::DownstreamLocalPort),
    ("PROTOCOL", Fact::Protocol),
    ("RESPONSE_CODE", Fact::ResponseCode),
    ("UPSTREAM_HOST", Fact::UpstreamHost),
];

/// Why a text is no format string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// A `%` that begins no operator.
    Syntax(String),
    /// An operator of Envoy's, or nobody's, that Sailcloth does not know.
    Unsupported(String),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Syntax(at) => write!(f, "expected `%OPERATOR%` or `%%`, found `{at}`"),
            FormatError::Unsupported(name) => write!(f, "`%{name}%` is not supported by Sailcloth"),
        }
    }
}

/// Where the values come from.
pub trait Source {
    /// A request header; of several values the first, as in Envoy's `%REQ()%`.
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// A response header, where there is a response; of several values the first.
    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>>;
    /// What the proxy knows.
    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>>;
}

impl Template {
    /// Compiles a format string.
    ///
    /// # Errors
    /// A lone `%`, and operators that Sailcloth does not know.
    pub fn parse(text: &str) -> Result<Template, FormatError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let (part, after) = operator(after)?;
            if !literal.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut literal).into_bytes().into()));
            }
            parts.push(part);
            rest = after;
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(Part::Text(literal.into_bytes().into()));
        }
        Ok(Template { parts })
    }

    /// The request headers that it asks for.
    pub fn request_headers(&self) -> impl Iterator<Item = &[u8]> {
        self.parts.iter().flat_map(|part| match part {
            Part::Value { what: Operator::RequestHeader(name, other), .. } => {
                [Some(name.as_ref()), other.as_deref()].into_iter().flatten()
            }
            _ => [None, None].into_iter().flatten(),
        })
    }

    /// The value. What is not there is left out; a value that comes out empty is, for Envoy, no value at all.
    pub fn render<'t>(&'t self, source: &impl Source) -> Cow<'t, [u8]> {
        if let [Part::Text(text)] = self.parts.as_slice() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Value { what, most } => {
                    if let Some(value) = what.value(source) {
                        let most = most.unwrap_or(value.len()).min(value.len());
                        out.extend_from_slice(value.get(..most).unwrap_or(&value));
                    }
                }
            }
        }
        Cow::Owned(out)
    }
}

impl Operator {
    fn value<'s>(&self, source: &'s impl Source) -> Option<Cow<'s, [u8]>> {
        match self {
            Operator::RequestHeader(name, other) => {
                source.request_header(name).or_else(|| source.request_header(other.as_deref()?))
            }
            Operator::ResponseHeader(name, other) => {
                source.response_header(name).or_else(|| source.response_header(other.as_deref()?))
            }
            Operator::Fact(fact) => source.fact(*fact),
        }
    }
}

/// Reads what stands behind a `%`: `NAME%`, `NAME(args)%`, `NAME(args):LEN%`.
fn operator(text: &str) -> Result<(Part, &str), FormatError> {
    let syntax = || FormatError::Syntax(format!("%{}", crate::model::read::shorten(text)));
    let end = text.find(|c: char| !c.is_ascii_uppercase() && !c.is_ascii_digit() && c != '_').ok_or_else(syntax)?;
    let (name, mut rest) = text.split_at_checked(end).filter(|(name, _)| !name.is_empty()).ok_or_else(syntax)?;
    let mut arguments = None;
    if let Some(after) = rest.strip_prefix('(') {
        let (inside, after) = after.split_once(')').ok_or_else(syntax)?;
        (arguments, rest) = (Some(inside), after);
    }
    let mut most = None;
    if let Some(after) = rest.strip_prefix(':') {
        let (digits, _) = after.split_once('%').ok_or_else(syntax)?;
        most = Some(digits.parse().map_err(|_| syntax())?);
        rest = after.strip_prefix(digits).unwrap_or(after);
    }
    let rest = rest.strip_prefix('%').ok_or_else(syntax)?;
    let what = match (name, arguments) {
        ("REQ" | "RESP", Some(arguments)) => {
            // For Envoy `host` is the authority, wherever it looks a request header up.
            let lower = |text: &str| match text.to_ascii_lowercase() {
                text if name == "REQ" && text == "host" => b":authority"[..].into(),
                text => text.into_bytes().into_boxed_slice(),
            };
            let (first, other) = match arguments.split_once('?') {
                Some((first, other)) => (first, Some(other)),
                None => (arguments, None),
            };
            let (first, other) = (lower(first), other.map(lower));
            if name == "REQ" { Operator::RequestHeader(first, other) } else { Operator::ResponseHeader(first, other) }
        }
        (name, None) => match FACTS.iter().find(|(known, _)| *known == name) {
            Some((_, fact)) => Operator::Fact(*fact),
            None => return Err(FormatError::Unsupported(name.to_owned())),
        },
        (name, Some(_)) => return Err(FormatError::Unsupported(name.to_owned())),
    };
    Ok((Part::Value { what, most }, rest))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    struct One;

    impl Source for One {
        fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
            (name == b"x-user").then_some(Cow::Borrowed(&b"elena"[..]))
        }
        fn response_header(&self, _: &[u8]) -> Option<Cow<'_, [u8]>> {
            None
        }
        fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
            (fact == Fact::Protocol).then_some(Cow::Borrowed(&b"HTTP/2"[..]))
        }
    }

    fn render(text: &str) -> String {
        String::from_utf8(Template::parse(text).unwrap().render(&One).into_owned()).unwrap()
    }

    #[test]
    fn operators_stand_for_what_the_stream_has() {
        for (text, expected) in [
            ("plain", "plain"),
            ("100%%", "100%"),
            ("%REQ(X-User)%", "elena"),
            ("%REQ(x-user):2%", "el"),
            ("%REQ(no?x-user)%!", "elena!"),
            ("<%REQ(no)%>", "<>"),
            ("%PROTOCOL%", "HTTP/2"),
            ("%RESP(x)%", ""),
            ("", ""),
        ] {
            assert_eq!(render(text), expected, "{text}");
        }
    }

    #[test]
    fn a_lone_percent_sign_is_an_error() {
        for text in ["%", "50% off", "%REQ(x%", "%REQ(x)", "%req(x)%", "%REQ(x):y%", "%()%"] {
            assert!(matches!(Template::parse(text), Err(FormatError::Syntax(_))), "{text}");
        }
        assert_eq!(Template::parse("%HOSTNAME%"), Err(FormatError::Unsupported("HOSTNAME".into())));
    }
}
