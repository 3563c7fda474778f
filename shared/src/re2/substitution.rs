//! Replaces the matches of a pattern, for `uriRegexRewrite`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::error::{Kind, Re2Error};
use super::node::Node;
use super::places::Scratch;
use super::pool::{self, Ready};
use super::program::{self, Program, Purpose};
use super::search::{Finder, Search};
use super::shape::Trimmed;
use super::ways::Slots;

/// Replaces every match of a pattern, wherever it is, by a rewrite.
///
/// This is Istio's `uriRegexRewrite`, which Envoy does by [`RE2::GlobalReplace`]: in the rewrite `\1` to `\9` stand for
/// the pattern's groups, `\0` for the whole match and `\\` for a backslash. An empty match right behind a match is none.
///
/// A rewrite that asks for a group the pattern does not have, or has an unknown escape, is an error, by the rules of
/// `RE2::CheckRewriteString`. Envoy does not ask these, and replaces what it can: [`as_envoy`](Substitution::as_envoy).
///
/// A value that would grow beyond 1 MiB stays as it is: how often a pattern matches is up to the client, and what a
/// module once needed it never gives back. Envoy itself has no such bound.
///
/// [`RE2::GlobalReplace`]: https://github.com/google/re2/blob/main/re2/re2.h
///
/// ```
/// let swap = shared::re2::Substitution::new("^/pre/([^/]+)(/.*)$", r"\2/swap/\1")?;
/// assert_eq!(swap.apply(b"/pre/a/b"), b"/b/swap/a".as_slice());
/// # Ok::<(), shared::re2::Re2Error>(())
/// ```
#[derive(Clone)]
pub struct Substitution(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    rewrite: Box<str>,
    program: Arc<Program>,
    /// None where the rewrite asks for a group that there is not: then nothing is replaced.
    pieces: Option<Vec<Piece>>,
}

/// The longest that a value may become, in bytes.
const MOST: usize = 1 << 20;

/// A part of a rewrite.
enum Piece {
    Text(Box<[u8]>),
    Group(usize),
}

impl Substitution {
    /// Compiles a pattern and the rewrite for its matches.
    pub fn new(pattern: &str, rewrite: &str) -> Result<Self, Re2Error> {
        match Self::as_envoy(pattern, rewrite)? {
            (substitution, None) => Ok(substitution),
            (_, Some(fault)) => Err(fault),
        }
    }

    /// The same for whatever rewrite, with what is wrong about it: for one that asks for a group the pattern does not have
    /// nothing is replaced, and one with an unknown escape ends before it.
    pub fn as_envoy(pattern: &str, rewrite: &str) -> Result<(Self, Option<Re2Error>), Re2Error> {
        let parsed = super::parsed(pattern, asks_groups(rewrite))?;
        let (pieces, fault) = match missing_group(rewrite, parsed.groups) {
            Some(fault) => (None, Some(fault)),
            None => {
                let (pieces, fault) = pieces(rewrite);
                (Some(pieces), fault)
            }
        };
        let Trimmed { nodes, from_start, to_end } = Trimmed::of(parsed.node);
        let program = program::shared(Node::sequence(nodes), Purpose::Find { from_start, to_end });
        let inner = Inner { pattern: pattern.into(), rewrite: rewrite.into(), program, pieces };
        Ok((Substitution(Arc::new(inner)), fault))
    }

    /// Makes what takes longer than a request should, for a large pattern.
    pub fn prepare(&self) {
        pool::prepare(&self.0.program);
    }

    /// The pattern, as the user wrote it.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// The rewrite, as the user wrote it.
    pub fn rewrite(&self) -> &str {
        &self.0.rewrite
    }

    /// The value with every match replaced; the value itself if there is none.
    #[inline]
    pub fn apply<'v>(&self, value: &'v [u8]) -> Cow<'v, [u8]> {
        let replaced = self.0.pieces.as_deref().and_then(|pieces| {
            pool::with(&self.0.program, |ready, scratch| match ready {
                Ready::Find(finder) => replace(value, pieces, finder, scratch),
                Ready::Match(_) => None,
            })
        });
        replaced.map_or(Cow::Borrowed(value), Cow::Owned)
    }
}

/// What GlobalReplace does, step by step. None if it replaces nothing, or becomes too long.
#[inline]
fn replace(value: &[u8], pieces: &[Piece], finder: &mut Finder, scratch: &mut Scratch) -> Option<Vec<u8>> {
    let mut search = Search::new(value);
    let mut slots = Slots::default();
    let mut out = Vec::new();
    let mut replaced = false;
    let mut at = 0;
    let mut last_end = None;
    while at <= value.len()
        && finder.find(&mut search, at, &mut slots, scratch)
        && let Some((start, end)) = place(&slots, 0)
    {
        out.extend_from_slice(part(value, at, start));
        if start == end && last_end == Some(start) {
            let next = at + 1;
            out.extend_from_slice(part(value, at, next));
            at = next;
            continue;
        }
        for piece in pieces {
            if out.len() > MOST {
                return None;
            }
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Group(group) => {
                    if let Some((start, end)) = place(&slots, *group) {
                        out.extend_from_slice(part(value, start, end));
                    }
                }
            }
        }
        at = end;
        last_end = Some(at);
        replaced = true;
    }
    if replaced {
        out.extend_from_slice(part(value, at, value.len()));
    }
    replaced.then_some(out)
}

/// From where to where a group has matched, if it has.
fn place(slots: &Slots, group: usize) -> Option<(usize, usize)> {
    let of = |slot| slots.get(slot).copied().flatten().map(|at| at as usize);
    Some((of(2 * group)?, of(2 * group + 1)?))
}

/// The bytes from `start` to `end`, fewer where the value ends before.
fn part(value: &[u8], start: usize, end: usize) -> &[u8] {
    value.get(start..end.min(value.len())).unwrap_or_default()
}

/// Whether a rewrite asks for groups, other than the whole match.
fn asks_groups(rewrite: &str) -> bool {
    let mut chars = rewrite.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.next().is_some_and(|c| matches!(c, '1'..='9')) {
            return true;
        }
    }
    false
}

/// Looks for a group that the pattern does not have, whatever else is wrong.
fn missing_group(rewrite: &str, groups: usize) -> Option<Re2Error> {
    let mut chars = rewrite.chars().enumerate();
    while let Some((column, c)) = chars.next() {
        let escaped = if c == '\\' { chars.next().and_then(|(_, c)| c.to_digit(10)) } else { None };
        if let Some(group) = escaped.filter(|group| *group as usize > groups) {
            return Some(Re2Error::new(Kind::RewriteGroup { groups }, &format!("\\{group}"), column));
        }
    }
    None
}

/// The parts of a rewrite up to its end, or to an unknown escape.
fn pieces(rewrite: &str) -> (Vec<Piece>, Option<Re2Error>) {
    let mut fault = None;
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = rewrite.chars().enumerate();
    while let Some((column, c)) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let escaped = chars.next().map(|(_, c)| c);
        match (escaped, escaped.and_then(|c| c.to_digit(10))) {
            (Some('\\'), _) => text.push('\\'),
            (_, Some(group)) => {
                if !text.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut text).into_bytes().into()));
                }
                pieces.push(Piece::Group(group as usize));
            }
            (_, None) => {
                let kind = if escaped.is_some() { Kind::RewriteEscape } else { Kind::RewriteBackslash };
                let part: String = std::iter::once('\\').chain(escaped).collect();
                fault = Some(Re2Error::new(kind, &part, column));
                break;
            }
        }
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text.into_bytes().into()));
    }
    (pieces, fault)
}

impl PartialEq for Substitution {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern && self.0.rewrite == other.0.rewrite
    }
}

impl Eq for Substitution {}

impl fmt::Debug for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Substitution").field(&self.0.pattern).field(&self.0.rewrite).finish()
    }
}
