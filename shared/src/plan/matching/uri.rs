//! `uri` and `ignoreUriCase`: the path without its query.

use std::fmt;

use super::selector::Selector;
use super::text::{Text, shown};
use crate::decide::Request;
use crate::model::StringMatch;
use crate::resolve::parts::Block;

/// What the path must be. A block without `uri` asks for the prefix `/`, as istiod writes it; so `OPTIONS *` matches
/// nothing.
#[derive(Debug)]
pub struct UriCondition {
    text: Text,
    ignore_case: bool,
}

/// How a path matched, which is what rewrites and redirects replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathMatch<'a> {
    /// These bytes first.
    Prefix(&'a [u8]),
    /// The whole path.
    Whole,
}

impl UriCondition {
    pub(super) fn any() -> UriCondition {
        UriCondition { text: Text::Prefix(b"/"[..].into()), ignore_case: false }
    }

    pub(super) fn compile(block: Block<'_>) -> Option<UriCondition> {
        Some(match block.uri() {
            None | Some(StringMatch::Present) => UriCondition::any(),
            Some(uri) => UriCondition { text: Text::compile(uri), ignore_case: block.ignores_uri_case() },
        })
    }

    #[inline]
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        let path = request.path();
        match &self.text {
            Text::Exact(text) if self.ignore_case => text.eq_ignore_ascii_case(path),
            Text::Prefix(text) if self.ignore_case => {
                path.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
            }
            // `ignoreUriCase` has no effect on a regex.
            text => text.holds(path),
        }
    }

    pub(super) fn because(&self, request: &Request<'_>) -> Option<String> {
        if self.holds(request) {
            return None;
        }
        let path = request.path();
        let why = match self.text.nearly(path) {
            nearly if nearly.ends_with("capitals alone") => "; `ignoreUriCase: true` would take it",
            nearly => nearly,
        };
        Some(format!("{self} does not match {}{why}", shown(path)))
    }

    /// What every path that matches begins with. Where case does not count nothing is said of it.
    #[inline]
    pub(super) fn literal(&self) -> &[u8] {
        if self.ignore_case { &[] } else { self.text.literal() }
    }

    pub(super) fn looks_at(&self) -> &[u8] {
        b":path"
    }

    #[inline]
    pub(super) fn selector(&self) -> Option<(Selector<'_>, &[u8])> {
        None
    }

    #[inline]
    pub(super) fn path(&self) -> PathMatch<'_> {
        match &self.text {
            Text::Prefix(text) => PathMatch::Prefix(text),
            _ => PathMatch::Whole,
        }
    }
}

impl fmt::Display for UriCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uri {}", self.text)?;
        if self.ignore_case && !matches!(self.text, Text::Regex(_)) { f.write_str(" (ignoreUriCase)") } else { Ok(()) }
    }
}
