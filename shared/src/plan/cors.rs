//! Cross-origin requests, as Envoy's CORS filter treats them: a preflight is answered here, other requests go their
//! way and their responses are marked. Whether the method or the headers that a preflight asks for are allowed is for
//! the browser to see.

use crate::decide::Request;
use crate::model::StringMatch;
use crate::model::http_route::{CorsPolicy, UnmatchedPreflights};

/// A compiled policy.
#[derive(Debug)]
pub struct Cors {
    origins: Vec<StringMatch>,
    methods: Box<[u8]>,
    headers: Box<[u8]>,
    expose: Box<[u8]>,
    max_age: Option<Box<[u8]>>,
    credentials: bool,
    forward_unmatched: bool,
}

impl Cors {
    /// Compiles.
    pub fn compile(model: &CorsPolicy) -> Cors {
        let joined = |list: &[String]| list.join(",").into_bytes().into_boxed_slice();
        let exact = || model.allow_origin.iter().cloned().map(StringMatch::Exact).collect();
        Cors {
            origins: if model.allow_origins.is_empty() { exact() } else { model.allow_origins.clone() },
            methods: joined(&model.allow_methods),
            headers: joined(&model.allow_headers),
            expose: joined(&model.expose_headers),
            max_age: model.max_age.map(|age| age.0.as_secs().to_string().into_bytes().into()),
            credentials: model.allow_credentials.unwrap_or(false),
            forward_unmatched: model.unmatched_preflights != Some(UnmatchedPreflights::Ignore),
        }
    }

    /// Whether this request is a preflight that is answered here.
    #[inline]
    pub fn answers(&self, request: &Request<'_>) -> bool {
        // Joined, two are never empty; and nothing needs to join them.
        let mut methods = request.values(b"access-control-request-method");
        request.method() == b"OPTIONS"
            && methods.next().is_some_and(|method| !method.is_empty() || methods.next().is_some())
            && request
                .header(b"origin")
                .is_some_and(|origin| !origin.is_empty() && (self.allows(&origin) || !self.forward_unmatched))
    }

    /// The headers of a preflight's answer, told one by one.
    pub fn preflight(&self, request: &Request<'_>, mut header: impl FnMut(&str, &[u8])) {
        self.mark(&request.header(b"origin").unwrap_or_default(), &mut header);
        if self.credentials {
            header("access-control-allow-credentials", b"true");
        }
        // `*` is answered with what was asked for, since browsers take no star along with credentials.
        let list = |list: &'_ [u8], asked: &[u8]| -> Option<Vec<u8>> {
            match list {
                b"" => None,
                b"*" => Some(request.header(asked).unwrap_or_default().into_owned()),
                list => Some(list.to_vec()),
            }
        };
        if let Some(methods) = list(&self.methods, b"access-control-request-method") {
            header("access-control-allow-methods", &methods);
        }
        if let Some(headers) = list(&self.headers, b"access-control-request-headers") {
            header("access-control-allow-headers", &headers);
        }
        if let Some(max_age) = &self.max_age {
            header("access-control-max-age", max_age);
        }
    }

    /// The headers that mark any response to an allowed origin (empty is none); they replace what the destination says.
    pub fn mark(&self, origin: &[u8], mut header: impl FnMut(&str, &[u8])) {
        if origin.is_empty() || !self.allows(origin) {
            return;
        }
        header("access-control-allow-origin", origin);
        if self.credentials {
            header("access-control-allow-credentials", b"true");
        }
        if !self.expose.is_empty() {
            header("access-control-expose-headers", &self.expose);
        }
    }

    /// The origins that are allowed.
    pub fn origins(&self) -> &[StringMatch] {
        &self.origins
    }

    /// Whether preflights of other origins go to the destination.
    pub fn forwards_unmatched(&self) -> bool {
        self.forward_unmatched
    }

    /// Whether an origin is allowed. A matcher that takes the literal `*` allows every one.
    #[inline]
    pub fn allows(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|matcher| holds(matcher, b"*") || holds(matcher, origin))
    }
}

#[inline]
fn holds(matcher: &StringMatch, value: &[u8]) -> bool {
    match matcher {
        StringMatch::Exact(text) => text.as_bytes() == value,
        StringMatch::Prefix(text) => value.starts_with(text.as_bytes()),
        StringMatch::Regex(re2) => re2.is_full_match(value),
        StringMatch::Present => true,
    }
}
