//! From a pattern's tree to a program for the engines of regex-automata.
//!
//! The states and their order are those that the regex crate's own compiler makes, but for the trees of its parser,
//! which are larger than all of this: RE2's preference among matches is that order.

use regex_automata::nfa::thompson::{BuildError, Builder, NFA, Transition};
use regex_automata::util::look::Look as AutomataLook;
use regex_automata::util::primitives::StateID;

use super::node::{Look, Node};

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To say whether a value matches from the first byte to the last.
    Match,
    /// To find matches wherever they are, with their groups.
    Find,
}

/// The builder's error, which is for more states than there are numbers.
#[derive(Debug)]
pub(super) struct Refused;

impl From<BuildError> for Refused {
    fn from(_: BuildError) -> Self {
        Refused
    }
}

pub(super) fn compile(node: &Node, purpose: Purpose) -> Result<NFA, Refused> {
    let mut compiler = Compiler { builder: Builder::new() };
    compiler.builder.start_pattern()?;
    let pattern = match purpose {
        Purpose::Match => {
            let whole = compiler.node(node)?;
            let end = compiler.look(Look::End)?;
            compiler.join(Some(whole), end)?
        }
        Purpose::Find => compiler.group(0, node)?,
    };
    let end = compiler.builder.add_match()?;
    compiler.builder.patch(pattern.end, end)?;
    compiler.builder.finish_pattern(pattern.start)?;
    let searched_from = match purpose {
        Purpose::Match => pattern.start,
        // It begins at the start or nowhere.
        Purpose::Find if node.starts_the_value() => pattern.start,
        Purpose::Find => {
            // Skips as little as it can.
            let skip = compiler.builder.add_union_reverse(Vec::new())?;
            let any = compiler.range(0, u8::MAX)?;
            compiler.builder.patch(skip, any.start)?;
            compiler.builder.patch(any.end, skip)?;
            compiler.builder.patch(skip, pattern.start)?;
            skip
        }
    };
    Ok(compiler.builder.build(pattern.start, searched_from)?)
}

struct Compiler {
    builder: Builder,
}

/// A piece of the program: where it begins, and the state from which it goes on.
struct Piece {
    start: StateID,
    end: StateID,
}

impl Piece {
    fn of(state: StateID) -> Piece {
        Piece { start: state, end: state }
    }
}

impl Compiler {
    fn node(&mut self, node: &Node) -> Result<Piece, Refused> {
        match node {
            Node::Byte(byte) => self.range(*byte, *byte),
            Node::Set(set) => self.set(&set.ranges()),
            Node::Look(look) => self.look(*look),
            Node::Group { index, node } => self.group(u32::from(*index), node),
            Node::Repeat { node, least, most: Some(most), greedy, .. } => self.bounded(node, *least, *most, *greedy),
            Node::Repeat { node, least: 0, most: None, greedy, of_empty: false } => self.star(node, *greedy),
            Node::Repeat { node, least: 0, most: None, greedy, of_empty: true } => {
                // Not a star, in which the empty match would be preferred to what it should be: `x*` as `(?:x+)?`.
                let plus = self.plus(node, *greedy)?;
                self.maybe(plus, *greedy)
            }
            Node::Repeat { node, least, most: None, greedy, .. } => {
                let before = self.copies(node, least.saturating_sub(1))?;
                let last = self.plus(node, *greedy)?;
                self.join(before, last)
            }
            Node::Sequence(nodes) => self.sequence(nodes),
            Node::Choice(nodes) => self.choice(nodes),
        }
    }

    fn range(&mut self, start: u8, end: u8) -> Result<Piece, Refused> {
        Ok(Piece::of(self.builder.add_range(Transition { start, end, next: StateID::ZERO })?))
    }

    fn set(&mut self, ranges: &[(u8, u8)]) -> Result<Piece, Refused> {
        if let &[(first, last)] = ranges {
            return self.range(first, last);
        }
        let next = self.builder.add_empty()?;
        let transitions = ranges.iter().map(|&(start, end)| Transition { start, end, next }).collect();
        Ok(Piece { start: self.builder.add_sparse(transitions)?, end: next })
    }

    fn look(&mut self, look: Look) -> Result<Piece, Refused> {
        let look = match look {
            Look::Start => AutomataLook::Start,
            Look::End => AutomataLook::End,
            Look::LineStart => AutomataLook::StartLF,
            Look::LineEnd => AutomataLook::EndLF,
            Look::Word => AutomataLook::WordAscii,
            Look::NotWord => AutomataLook::WordAsciiNegate,
        };
        Ok(Piece::of(self.builder.add_look(StateID::ZERO, look)?))
    }

    fn group(&mut self, index: u32, node: &Node) -> Result<Piece, Refused> {
        let start = self.builder.add_capture_start(StateID::ZERO, index, None)?;
        let inner = self.node(node)?;
        let end = self.builder.add_capture_end(StateID::ZERO, index)?;
        self.builder.patch(start, inner.start)?;
        self.builder.patch(inner.end, end)?;
        Ok(Piece { start, end })
    }

    fn sequence(&mut self, nodes: &[Node]) -> Result<Piece, Refused> {
        let mut whole: Option<Piece> = None;
        for node in nodes {
            let next = self.node(node)?;
            whole = self.join(whole, next).map(Some)?;
        }
        match whole {
            Some(whole) => Ok(whole),
            None => Ok(Piece::of(self.builder.add_empty()?)),
        }
    }

    fn join(&mut self, before: Option<Piece>, after: Piece) -> Result<Piece, Refused> {
        let Some(before) = before else { return Ok(after) };
        self.builder.patch(before.end, after.start)?;
        Ok(Piece { start: before.start, end: after.end })
    }

    fn choice(&mut self, nodes: &[Node]) -> Result<Piece, Refused> {
        let start = self.builder.add_union(Vec::new())?;
        let end = self.builder.add_empty()?;
        for node in nodes {
            let branch = self.node(node)?;
            self.builder.patch(start, branch.start)?;
            self.builder.patch(branch.end, end)?;
        }
        Ok(Piece { start, end })
    }

    fn copies(&mut self, node: &Node, count: u32) -> Result<Option<Piece>, Refused> {
        let mut whole = None;
        for _ in 0..count {
            let next = self.node(node)?;
            whole = self.join(whole, next).map(Some)?;
        }
        Ok(whole)
    }

    /// A state with two ways on, of which it prefers what is patched in first if it is greedy.
    fn fork(&mut self, greedy: bool) -> Result<StateID, Refused> {
        Ok(if greedy { self.builder.add_union(Vec::new())? } else { self.builder.add_union_reverse(Vec::new())? })
    }

    fn star(&mut self, node: &Node, greedy: bool) -> Result<Piece, Refused> {
        let fork = self.fork(greedy)?;
        let inner = self.node(node)?;
        self.builder.patch(fork, inner.start)?;
        self.builder.patch(inner.end, fork)?;
        Ok(Piece::of(fork))
    }

    fn plus(&mut self, node: &Node, greedy: bool) -> Result<Piece, Refused> {
        let inner = self.node(node)?;
        let fork = self.fork(greedy)?;
        self.builder.patch(inner.end, fork)?;
        self.builder.patch(fork, inner.start)?;
        Ok(Piece { start: inner.start, end: fork })
    }

    fn maybe(&mut self, inner: Piece, greedy: bool) -> Result<Piece, Refused> {
        let fork = self.fork(greedy)?;
        let end = self.builder.add_empty()?;
        self.builder.patch(fork, inner.start)?;
        self.builder.patch(fork, end)?;
        self.builder.patch(inner.end, end)?;
        Ok(Piece { start: fork, end })
    }

    /// All that are optional lead to one end, or each would have to be gone through to get past them.
    fn bounded(&mut self, node: &Node, least: u32, most: u32, greedy: bool) -> Result<Piece, Refused> {
        let mut whole = self.copies(node, least)?;
        let end = self.builder.add_empty()?;
        for _ in least..most {
            let fork = self.fork(greedy)?;
            let inner = self.node(node)?;
            self.builder.patch(fork, inner.start)?;
            self.builder.patch(fork, end)?;
            whole = self.join(whole, Piece { start: fork, end: inner.end }).map(Some)?;
        }
        self.join(whole, Piece::of(end))
    }
}
