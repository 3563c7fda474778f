//! Prefilters: what can be said about the values a pattern matches without running it.
//!
//! Most patterns of routes are a text, or a text with one class repeated behind, before or in it: `/api/.*`, `v\d+`,
//! `.*\.jpg`. They are matched right here. Of the others, the engine is given what is between the texts alone, so that
//! `/a/[0-9]+(/.*)?` and `/b/[0-9]+(/.*)?` share a program, and values that begin otherwise never get to it. Nor do those
//! without the longest text that is in there: of thousands like `/v[0-9]+/cats/.*` none is run for a dog.

use std::sync::Arc;

use super::bytes::Bytes;
use super::node::{Look, Node};
use super::pool;
use super::program::{self, Program, Purpose};

/// The values that a pattern matches.
pub(super) struct Shape {
    pub(super) prefix: Box<[u8]>,
    suffix: Box<[u8]>,
    /// What is somewhere between them; often nothing.
    within: Box<[u8]>,
    pub(super) middle: Middle,
}

/// What is between prefix and suffix.
pub(super) enum Middle {
    /// So many bytes, all of the set.
    Run {
        set: Bytes,
        least: u32,
        most: Option<u32>,
    },
    Program(Arc<Program>),
    /// The program needs to see what is around, and is given the whole value.
    Whole(Arc<Program>),
}

impl Shape {
    pub(super) fn of(node: Node) -> Shape {
        // Where a value begins and ends is where the match does.
        let Trimmed { mut nodes, .. } = Trimmed::of(node);
        let prefix: Box<[u8]> = nodes.iter().map_while(byte).collect();
        let mut suffix: Vec<u8> = nodes.iter().skip(prefix.len()).rev().map_while(byte).collect();
        suffix.reverse();
        let length = nodes.len() - prefix.len() - suffix.len();
        let middle = nodes.iter().skip(prefix.len()).take(length);
        let within = longest_text(middle.clone());
        let middle = if let Some(run) = run(middle.clone()) {
            run
        } else if middle.clone().any(Node::looks) {
            Middle::Whole(program::shared(Node::sequence(nodes), Purpose::Match))
        } else {
            nodes.drain(..prefix.len());
            nodes.truncate(length);
            Middle::Program(program::shared(Node::sequence(nodes), Purpose::Match))
        };
        Shape { prefix, suffix: suffix.into(), within, middle }
    }

    #[inline]
    pub(super) fn holds(&self, value: &[u8]) -> bool {
        let Some(rest) = self.between(value) else { return false };
        match &self.middle {
            Middle::Run { set, least, most } => {
                rest.len() >= *least as usize
                    && most.is_none_or(|most| rest.len() <= most as usize)
                    && set.has_all(rest)
            }
            Middle::Program(program) => contains(rest, &self.within) && program.is_match(rest),
            Middle::Whole(program) => contains(rest, &self.within) && program.is_match(value),
        }
    }

    pub(super) fn prepare(&self) {
        match &self.middle {
            Middle::Program(program) | Middle::Whole(program) => pool::prepare(program),
            Middle::Run { .. } => {}
        }
    }

    /// The value without prefix and suffix. Empty ones are not compared: they have no address that is mapped, and with
    /// AVX-512 it takes memcmp 100 ns to see that it does not matter.
    #[inline]
    fn between<'v>(&self, value: &'v [u8]) -> Option<&'v [u8]> {
        let rest = if self.prefix.is_empty() { value } else { value.strip_prefix(&*self.prefix)? };
        if self.suffix.is_empty() { Some(rest) } else { rest.strip_suffix(&*self.suffix) }
    }

    /// The one value that it holds for.
    #[inline]
    pub(super) fn literal(&self) -> Option<&[u8]> {
        match self.middle {
            Middle::Run { most: Some(0), .. } if self.suffix.is_empty() => Some(&self.prefix),
            _ => None,
        }
    }

    /// Whether it holds for every value without a line feed, at least.
    pub(super) fn takes_any_line(&self) -> bool {
        self.prefix.is_empty()
            && self.suffix.is_empty()
            && matches!(self.middle, Middle::Run { set: Bytes::ALL | Bytes::LINE, least: 0, most: None })
    }
}

/// A pattern without `^` before and `$` behind all of it.
pub(super) struct Trimmed {
    pub(super) nodes: Vec<Node>,
    pub(super) from_start: bool,
    pub(super) to_end: bool,
}

impl Trimmed {
    pub(super) fn of(node: Node) -> Trimmed {
        let mut nodes = Vec::new();
        flatten(node, &mut nodes);
        let trimmed = nodes.iter().take_while(|node| **node == Node::Look(Look::Start)).count();
        nodes.drain(..trimmed);
        let length = nodes.len();
        while nodes.pop_if(|node| *node == Node::Look(Look::End)).is_some() {}
        Trimmed { from_start: trimmed > 0, to_end: nodes.len() < length, nodes }
    }
}

fn flatten(node: Node, out: &mut Vec<Node>) {
    match node {
        Node::Sequence(nodes) => nodes.into_iter().for_each(|node| flatten(node, out)),
        node => out.push(node),
    }
}

fn byte(node: &Node) -> Option<u8> {
    match node {
        Node::Byte(byte) => Some(*byte),
        _ => None,
    }
}

/// The longest text in a sequence, the first of several.
fn longest_text<'n>(nodes: impl Iterator<Item = &'n Node>) -> Box<[u8]> {
    let (mut text, mut longest) = (Vec::new(), Vec::new());
    for node in nodes {
        match byte(node) {
            Some(byte) => text.push(byte),
            None => text.clear(),
        }
        if text.len() > longest.len() {
            longest.clone_from(&text);
        }
    }
    longest.into()
}

/// Whether a text is somewhere in a value.
#[inline]
fn contains(value: &[u8], text: &[u8]) -> bool {
    let (Some(first), Some(last)) = (text.first(), text.last()) else { return true };
    // Its ends first, for which nothing has to be called.
    let begins = |window: &&[u8]| window.last() == Some(last) && window.first() == Some(first);
    value.windows(text.len()).filter(begins).any(|window| window == text)
}

fn run<'n>(mut nodes: impl Iterator<Item = &'n Node>) -> Option<Middle> {
    let (first, second) = (nodes.next(), nodes.next());
    let (node, least, most) = match (first, second) {
        (None, _) => return Some(Middle::Run { set: Bytes::default(), least: 0, most: Some(0) }),
        (Some(Node::Repeat { node, least, most, .. }), None) => (&**node, *least, *most),
        (Some(node), None) => (node, 1, Some(1)),
        _ => return None,
    };
    let set = match node {
        Node::Set(set) => **set,
        Node::Byte(byte) => Bytes::of(&[(*byte, *byte)]),
        _ => return None,
    };
    Some(Middle::Run { set, least, most })
}
