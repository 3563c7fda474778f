//! `headers` and `withoutHeaders`. Cookies and user agents are headers like others.
//!
//! Of several values of one header any may match, as in Envoy since 1.39; before, they were joined with commas first
//! (`envoy.reloadable_features.match_headers_individually`).

use std::fmt;

use super::selector::Selector;
use super::text::{Text, shown};
use crate::decide::Request;
use crate::resolve::parts::Block;

/// What a header must be, or must not be.
#[derive(Debug)]
pub struct HeaderCondition {
    name: Box<[u8]>,
    text: Text,
    without: bool,
}

impl HeaderCondition {
    pub(super) fn compile(block: Block<'_>) -> Vec<HeaderCondition> {
        let mut all = Vec::new();
        let mut add = |name: &str, text, without| {
            all.push(HeaderCondition { name: canonical(name), text: Text::compile(text), without });
        };
        block.headers(&mut |name, text| add(name, text, false));
        block.without_headers(&mut |name, text| add(name, &text.0, true));
        all
    }

    #[inline]
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        let mut values = request.values(&self.name).peekable();
        let has = match (values.peek(), &self.text) {
            (Some(_), text) => values.any(|value| text.holds(value)),
            // For `withoutHeaders` Envoy treats a missing header as an empty one, except where the question is
            // whether it is there; so a missing header passes `exact: x` and fails `regex: ".*"`.
            (None, Text::Any) => false,
            (None, text) => self.without && text.holds(b""),
        };
        has != self.without
    }

    pub(super) fn looks_at(&self) -> &[u8] {
        &self.name
    }

    pub(super) fn because(&self, request: &Request<'_>) -> Option<String> {
        if self.holds(request) {
            return None;
        }
        let values: Vec<&[u8]> = request.values(&self.name).collect();
        let why = match (values.as_slice(), self.without) {
            ([], false) => "asks for a header that the request does not have".to_owned(),
            ([], true) => "matches the empty value that a missing header counts as".to_owned(),
            (_, true) => {
                let held = values.iter().find(|value| self.text.holds(value));
                format!("matches {}, and must not", held.map(|value| shown(value)).unwrap_or_default())
            }
            ([value], false) => format!("does not match {}{}", shown(value), self.text.nearly(value)),
            (all, false) => {
                let all: Vec<String> = all.iter().map(|value| shown(value)).collect();
                format!("matches none of {}", all.join(", "))
            }
        };
        Some(format!("{self} {why}"))
    }

    #[inline]
    pub(super) fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
        self.text.only().filter(|_| !self.without).map(|value| (Selector::Header(&self.name), value))
    }
}

/// In lower case; Envoy takes `host` for the authority wherever it looks a header up.
fn canonical(name: &str) -> Box<[u8]> {
    match name.to_ascii_lowercase() {
        name if name == "host" => b":authority"[..].into(),
        name => name.into_bytes().into(),
    }
}

impl fmt::Display for HeaderCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.without { "withoutHeaders" } else { "headers" };
        write!(f, "{field} `{}` {}", String::from_utf8_lossy(&self.name), self.text)
    }
}
