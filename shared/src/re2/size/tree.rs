//! A pattern as RE2 reads it.

use super::super::bytes::Bytes;
use super::super::node::Look;

/// Flags that were in force where something was read. RE2 asks whether they are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags(pub(super) u8);

impl Flags {
    pub(super) const FOLD: Flags = Flags(1);
    pub(super) const LAZY: Flags = Flags(2);
    pub(super) const MULTI_LINE: Flags = Flags(4);
    pub(super) const DOT_LINE_FEED: Flags = Flags(8);
    /// `$`, which is not `\z`.
    pub(super) const DOLLAR: Flags = Flags(16);

    pub(super) fn has(self, other: Flags) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) fn with(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    pub(super) fn without(self, other: Flags) -> Flags {
        Flags(self.0 & !other.0)
    }

    pub(super) fn turned(self, other: Flags) -> Flags {
        Flags(self.0 ^ other.0)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) op: Op,
    pub(super) flags: Flags,
}

#[derive(Clone, Debug)]
pub(super) enum Op {
    Empty,
    /// One byte or more.
    Text(Vec<u8>),
    Class(Box<Bytes>),
    AnyByte,
    Look(Look),
    Sequence(Vec<Tree>),
    Choice(Vec<Tree>),
    Star(Box<Tree>),
    Plus(Box<Tree>),
    Maybe(Box<Tree>),
    /// From so many to so many, or without end.
    Repeat(Box<Tree>, u32, Option<u32>),
    /// What a repetition is made: so many copies, and so many more that are optional, each within the one before.
    Copies(Box<Tree>, u32, u32),
    /// The same: so many copies, of which the last repeats without end.
    Endless(Box<Tree>, u32),
    Group(usize, Box<Tree>),
}

impl Tree {
    pub(super) fn new(op: Op, flags: Flags) -> Tree {
        Tree { op, flags }
    }

    pub(super) fn empty() -> Tree {
        Tree::new(Op::Empty, Flags::default())
    }

    /// All of them; one by itself where it is but one (`Regexp::ConcatOrAlternate`).
    pub(super) fn of(mut trees: Vec<Tree>, op: fn(Vec<Tree>) -> Op, flags: Flags) -> Tree {
        match (trees.len(), trees.pop()) {
            (1, Some(tree)) => tree,
            (_, last) => {
                trees.extend(last);
                Tree::new(op(trees), flags)
            }
        }
    }

    /// How many trees are inside each other.
    pub(super) fn depth(&self) -> usize {
        1 + match &self.op {
            Op::Empty | Op::Text(_) | Op::Class(_) | Op::AnyByte | Op::Look(_) => 0,
            Op::Sequence(trees) | Op::Choice(trees) => trees.iter().map(Tree::depth).fold(0, usize::max),
            Op::Star(tree) | Op::Plus(tree) | Op::Maybe(tree) | Op::Group(_, tree) => tree.depth(),
            Op::Repeat(tree, ..) | Op::Copies(tree, ..) | Op::Endless(tree, _) => tree.depth(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self.op, Op::Empty)
    }

    /// Whether it is one byte, or one of a set.
    pub(super) fn is_single(&self) -> bool {
        match &self.op {
            Op::Text(text) => text.len() == 1,
            Op::Class(_) | Op::AnyByte => true,
            _ => false,
        }
    }
}

/// As RE2's `Regexp::Equal`, which does not ask for all flags.
impl PartialEq for Tree {
    fn eq(&self, other: &Tree) -> bool {
        let same = |flags: Flags| self.flags.has(flags) == other.flags.has(flags);
        match (&self.op, &other.op) {
            (Op::Empty, Op::Empty) | (Op::AnyByte, Op::AnyByte) => true,
            (Op::Look(Look::End), Op::Look(Look::End)) => same(Flags::DOLLAR),
            (Op::Look(a), Op::Look(b)) => a == b,
            (Op::Text(a), Op::Text(b)) => a == b && same(Flags::FOLD),
            (Op::Class(a), Op::Class(b)) => a == b,
            (Op::Sequence(a), Op::Sequence(b)) | (Op::Choice(a), Op::Choice(b)) => a == b,
            (Op::Star(a), Op::Star(b)) | (Op::Plus(a), Op::Plus(b)) | (Op::Maybe(a), Op::Maybe(b)) => {
                same(Flags::LAZY) && a == b
            }
            (Op::Repeat(a, least, most), Op::Repeat(b, other_least, other_most)) => {
                same(Flags::LAZY) && least == other_least && most == other_most && a == b
            }
            (Op::Group(a, inner), Op::Group(b, other)) => a == b && inner == other,
            _ => false,
        }
    }
}
