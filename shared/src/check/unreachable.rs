//! Rules that no request reaches and matches that make no difference, by their text alone
//! (Istio's `analyzeUnreachableHTTPRules`).
//!
//! Where Istio's overlap check guesses (a match without `method` counts as GET, a shorter authority as covered), this
//! one is exact: it speaks up only if the earlier match takes every request that the later one takes.

use std::collections::BTreeSet;

use super::Findings;
use crate::Map;
use crate::finding::{Code, Origin, Severity};
use crate::model::http_route::HttpMatchRequest;
use crate::model::read::{Path, shorten};
use crate::model::{HttpRoute, StringMatch};
use crate::resolve::matching::is_catch_all;

const UNREACHABLE: (Severity, Origin, Code) =
    (Severity::Warning, Origin::Analysis, Code::VirtualServiceUnreachableRule);
const INEFFECTIVE: (Severity, Origin, Code) = (Severity::Info, Origin::Analysis, Code::VirtualServiceIneffectiveMatch);

/// Matches with one prefix that are compared with each later one; more than these say the same anyway.
const MOST_COMPARED: usize = 64;

pub(super) fn check(rules: &[HttpRoute], findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    let mut takes_all: Option<usize> = None;
    let mut earlier = Earlier::default();
    for (index, rule) in rules.iter().enumerate() {
        let path = Path::Index(&http, index);
        if let Some(before) = takes_all {
            let message = format!("no request reaches this rule, since {} matches everything", called(rules, before));
            findings.push(UNREACHABLE, &path, message, "move the rule without `match` to the end");
            continue;
        }
        if rule.r#match.is_empty() {
            takes_all = Some(index);
            continue;
        }
        let matches = Path::Key(&path, "match");
        let mut taken = 0;
        for (number, one) in rule.r#match.iter().enumerate() {
            let here = Path::Index(&matches, number);
            match earlier.find(one) {
                Some(Found::Same(before)) => {
                    taken += 1;
                    let message = format!("has no effect, since {} has the same match", called(rules, before));
                    findings.push(INEFFECTIVE, &here, message, "");
                }
                Some(Found::Covered(before, prefix)) => {
                    taken += 1;
                    let by = called(rules, before);
                    let message = format!("has no effect, since {by} matches the prefix `{}`", shorten(prefix));
                    findings.push(INEFFECTIVE, &here, message, "put the longer path first");
                }
                None => {}
            }
            earlier.add(index, one);
        }
        if taken == rule.r#match.len() {
            let message = "no request reaches this rule, since earlier rules have all of its matches";
            findings.push(UNREACHABLE, &path, message, "");
        }
        if rule.r#match.iter().any(|one| is_catch_all(one) && is_for_all(one)) {
            takes_all = Some(index);
        }
    }
}

fn called(rules: &[HttpRoute], index: usize) -> String {
    match rules.get(index).and_then(|rule| rule.name.as_deref()).filter(|name| !name.is_empty()) {
        Some(name) => format!("the rule `{}`", shorten(name)),
        None => format!("`spec.http[{index}]`"),
    }
}

/// Whether every proxy and every listener has it.
pub(super) fn is_for_all(one: &HttpMatchRequest) -> bool {
    one.on_port().is_none()
        && one.gateways.is_empty()
        && one.source_namespace.as_deref().unwrap_or_default().is_empty()
        && one.source_labels.is_empty()
}

/// The matches so far, by the text of their uri, each with whose it is.
pub(super) struct Earlier<'a, W> {
    by_uri: Map<Vec<(W, &'a HttpMatchRequest)>>,
    /// How long their prefixes are.
    lengths: BTreeSet<usize>,
}

impl<W> Default for Earlier<'_, W> {
    fn default() -> Self {
        Earlier { by_uri: Map::new(), lengths: BTreeSet::new() }
    }
}

pub(super) enum Found<'a, W> {
    /// The same match.
    Same(W),
    /// A match that takes all of it, and its prefix.
    Covered(W, &'a str),
}

impl<W> Found<'_, W> {
    /// Whose it is.
    pub(super) fn whose(self) -> W {
        match self {
            Found::Same(whose) | Found::Covered(whose, _) => whose,
        }
    }
}

impl<'a, W: Copy> Earlier<'a, W> {
    pub(super) fn add(&mut self, index: W, one: &'a HttpMatchRequest) {
        if let Some(StringMatch::Prefix(prefix)) = &one.uri {
            self.lengths.insert(prefix.len());
        }
        self.by_uri.change(key(one), |list| {
            if list.len() < MOST_COMPARED {
                list.push((index, one));
            }
        });
    }

    pub(super) fn find(&self, one: &'a HttpMatchRequest) -> Option<Found<'a, W>> {
        let same = self.by_uri.get(&key(one)).into_iter().flatten().find(|(_, other)| is_same(other, one));
        if let Some((index, _)) = same {
            return Some(Found::Same(*index));
        }
        // What is as long is the same prefix, or takes an exact path.
        let (text, end) = match &one.uri {
            Some(StringMatch::Prefix(prefix)) => (prefix, prefix.len()),
            Some(StringMatch::Exact(path)) => (path, path.len() + 1),
            _ => return None,
        };
        let mut key = String::from(PREFIX);
        for shorter in self.lengths.range(1..end.max(1)).filter_map(|length| text.get(..*length)) {
            key.truncate(PREFIX.len());
            key.push_str(shorter);
            let list = self.by_uri.get(&key);
            if let Some((index, _)) = list.into_iter().flatten().find(|(_, other)| covers(other, one)) {
                return Some(Found::Covered(*index, shorter));
            }
        }
        None
    }
}

const PREFIX: &str = "prefix ";

fn key(one: &HttpMatchRequest) -> String {
    let (kind, text) = match &one.uri {
        None | Some(StringMatch::Present) => ("any", ""),
        Some(StringMatch::Exact(text)) => ("exact ", text.as_str()),
        Some(StringMatch::Prefix(text)) => (PREFIX, text.as_str()),
        Some(StringMatch::Regex(re2)) => ("regex ", re2.pattern()),
    };
    [kind, text].concat()
}

fn is_same(a: &HttpMatchRequest, b: &HttpMatchRequest) -> bool {
    // A name makes no difference to what is matched; Istio compares it all the same.
    a.uri == b.uri && covers(a, b) && covers(b, a)
}

/// Whether `a`, apart from its uri, takes every request that `b` takes.
fn covers(a: &HttpMatchRequest, b: &HttpMatchRequest) -> bool {
    let field = |a: &Option<StringMatch>, b: &Option<StringMatch>| a.is_none() || a == b;
    field(&a.scheme, &b.scheme)
        && field(&a.method, &b.method)
        && field(&a.authority, &b.authority)
        && (a.on_port().is_none() || a.on_port() == b.on_port())
        && a.gateways == b.gateways
        && a.source_namespace == b.source_namespace
        && a.source_labels == b.source_labels
        && (!b.ignore_uri_case || a.ignore_uri_case)
        && a.headers.iter().all(|(name, value)| b.headers.get(name) == Some(value))
        && a.without_headers.iter().all(|(name, value)| b.without_headers.get(name) == Some(value))
        && a.query_params.iter().all(|(name, value)| b.query_params.get(name) == Some(value))
}
