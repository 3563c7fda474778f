//! Makes the instructions of a tree, in the order in which RE2's `Compiler` makes them.

use super::super::bytes::Bytes;
use super::super::node::Look;
use super::parse::repeated;
use super::simplify::strip;
use super::tree::{Flags, Op, Tree};

pub(super) struct Code {
    pub(super) instructions: Vec<Instruction>,
    pub(super) start: u32,
    /// Where it begins when anything may come before.
    pub(super) unanchored: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Instruction {
    pub(super) kind: Kind,
    pub(super) next: u32,
    /// The second way of an [`Kind::Either`].
    pub(super) other: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Fail,
    Either,
    /// The same, at the end of a pattern that ends with anything.
    EitherMatch,
    /// A range of bytes; whether all bytes are in it.
    Range(bool),
    Group,
    Look,
    Match,
    Nothing,
}

/// Beyond so many there is no need to go on. What RE2 makes of a program that large is larger than is allowed, but for
/// branches of nothing.
const MOST: usize = 8 * super::MOST;

/// A part of the code: where it begins, which of its ways are to lead on, and whether it may match nothing. Nothing
/// matches what begins at 0.
#[derive(Clone, Copy, Default)]
struct Part {
    begin: u32,
    ends: Ends,
    nullable: bool,
}

/// The first and the last way, of which each that is to lead on has the number of the next. A way is twice the number of
/// its instruction, and one more for the other one.
#[derive(Clone, Copy, Default)]
struct Ends {
    first: u32,
    last: u32,
}

/// None if it is too large.
pub(super) fn compile(mut tree: Tree) -> Option<Code> {
    let from_start = strip(&mut tree, 0, Look::Start);
    strip(&mut tree, 0, Look::End);
    let mut maker = Maker { code: Vec::new() };
    maker.add(Kind::Fail, 0, 0)?;
    let all = maker.tree(&tree)?;
    let end = maker.part(Kind::Match, false)?;
    // A match leads nowhere.
    let end = Part { ends: Ends::default(), ..end };
    let all = maker.sequence(all, end);
    let mut unanchored = all;
    if !from_start {
        let any = maker.part(Kind::Range(true), false)?;
        let any = maker.star(any, true)?;
        unanchored = maker.sequence(any, all);
    }
    Some(Code { instructions: maker.code, start: all.begin, unanchored: unanchored.begin })
}

struct Maker {
    code: Vec<Instruction>,
}

impl Maker {
    fn add(&mut self, kind: Kind, next: u32, other: u32) -> Option<u32> {
        if self.code.len() >= MOST {
            return None;
        }
        self.code.push(Instruction { kind, next, other });
        Some(self.code.len() as u32 - 1)
    }

    /// An instruction that leads on.
    fn part(&mut self, kind: Kind, nullable: bool) -> Option<Part> {
        let begin = self.add(kind, 0, 0)?;
        Some(Part { begin, ends: Ends { first: begin << 1, last: begin << 1 }, nullable })
    }

    fn way(&mut self, way: u32) -> Option<&mut u32> {
        let instruction = self.code.get_mut(way as usize >> 1)?;
        Some(if way & 1 == 1 { &mut instruction.other } else { &mut instruction.next })
    }

    fn patch(&mut self, ends: Ends, to: u32) {
        let mut way = ends.first;
        while way != 0
            && let Some(place) = self.way(way)
        {
            way = std::mem::replace(place, to);
        }
    }

    fn append(&mut self, first: Ends, second: Ends) -> Ends {
        if first.first == 0 {
            return second;
        }
        if second.first == 0 {
            return first;
        }
        if let Some(way) = self.way(first.last) {
            *way = second.first;
        }
        Ends { first: first.first, last: second.last }
    }

    fn tree(&mut self, tree: &Tree) -> Option<Part> {
        let lazy = tree.flags.has(Flags::LAZY);
        match &tree.op {
            Op::Empty => self.part(Kind::Nothing, true),
            Op::Text(text) if text.is_empty() => self.part(Kind::Nothing, true),
            Op::Text(text) => {
                let mut all = self.part(Kind::Range(false), false)?;
                for _ in 1..text.len() {
                    let next = self.part(Kind::Range(false), false)?;
                    all = self.sequence(all, next);
                }
                Some(all)
            }
            Op::AnyByte => self.part(Kind::Range(true), false),
            Op::Class(set) => self.class(set),
            Op::Look(_) => self.part(Kind::Look, true),
            Op::Sequence(trees) => {
                let mut all = None;
                for tree in trees {
                    let next = self.tree(tree)?;
                    all = Some(all.map_or(next, |all| self.sequence(all, next)));
                }
                all
            }
            Op::Choice(trees) => {
                let mut all: Option<Part> = None;
                for tree in trees {
                    let next = self.tree(tree)?;
                    all = Some(match all {
                        Some(all) => self.choice(all, next)?,
                        None => next,
                    });
                }
                all
            }
            Op::Star(inner) => {
                let inner = self.tree(inner)?;
                self.star(inner, lazy)
            }
            Op::Plus(inner) => {
                let inner = self.tree(inner)?;
                self.plus(inner, lazy)
            }
            Op::Maybe(inner) => {
                let inner = self.tree(inner)?;
                self.maybe(inner, lazy)
            }
            Op::Group(_, inner) => {
                let inner = self.tree(inner)?;
                if inner.begin == 0 {
                    return Some(inner);
                }
                let begin = self.add(Kind::Group, inner.begin, 0)?;
                let end = self.part(Kind::Group, false)?;
                self.patch(inner.ends, end.begin);
                Some(Part { begin, ends: end.ends, nullable: inner.nullable })
            }
            Op::Copies(inner, least, optional) => self.copies(inner, *least, *optional, tree.flags),
            Op::Endless(inner, least) => {
                let before = self.copies(inner, least.saturating_sub(1), 0, tree.flags)?;
                let last = self.tree(&repeated(Op::Plus, (**inner).clone(), tree.flags))?;
                Some(if *least > 1 { self.sequence(before, last) } else { last })
            }
            // There is none any more.
            Op::Repeat(..) => None,
        }
    }

    fn copies(&mut self, tree: &Tree, least: u32, optional: u32, flags: Flags) -> Option<Part> {
        let mut before: Option<Part> = None;
        for _ in 0..least {
            let next = self.tree(tree)?;
            before = Some(before.map_or(next, |before| self.sequence(before, next)));
        }
        let mut copies = Vec::new();
        for _ in 1..optional {
            copies.push(self.tree(tree)?);
        }
        let mut rest: Option<Part> = None;
        if optional > 0 {
            rest = Some(self.tree(&repeated(Op::Maybe, tree.clone(), flags))?);
        }
        while let (Some(copy), Some(inner)) = (copies.pop(), rest) {
            let inner = self.sequence(copy, inner);
            rest = Some(self.maybe(inner, flags.has(Flags::LAZY))?);
        }
        match (before, rest) {
            (Some(before), Some(rest)) => Some(self.sequence(before, rest)),
            (before, rest) => Some(before.or(rest).unwrap_or_default()),
        }
    }

    fn class(&mut self, set: &Bytes) -> Option<Part> {
        let folds = *set == set.folded();
        let mut all: Option<Part> = None;
        for (first, last) in set.ranges() {
            // Capitals go with their small letters.
            if folds && b'A' <= first && last <= b'Z' {
                continue;
            }
            let next = self.part(Kind::Range(first == 0 && last == u8::MAX), false)?;
            // The ways of all ranges lead on together.
            all = Some(match all {
                None => next,
                Some(all) => {
                    let ends = self.append(all.ends, next.ends);
                    let begin = self.add(Kind::Either, all.begin, next.begin)?;
                    Part { begin, ends, nullable: false }
                }
            });
        }
        Some(all.unwrap_or_default())
    }

    fn sequence(&mut self, first: Part, second: Part) -> Part {
        if first.begin == 0 || second.begin == 0 {
            return Part::default();
        }
        let begin = self.code.get(first.begin as usize);
        let is_nothing = begin.is_some_and(|begin| begin.kind == Kind::Nothing && begin.next == 0);
        self.patch(first.ends, second.begin);
        if is_nothing && first.ends.first == first.begin << 1 {
            return second;
        }
        Part { begin: first.begin, ends: second.ends, nullable: first.nullable && second.nullable }
    }

    fn choice(&mut self, first: Part, second: Part) -> Option<Part> {
        if first.begin == 0 {
            return Some(second);
        }
        if second.begin == 0 {
            return Some(first);
        }
        let begin = self.add(Kind::Either, first.begin, second.begin)?;
        let ends = self.append(first.ends, second.ends);
        Some(Part { begin, ends, nullable: first.nullable || second.nullable })
    }

    /// An instruction that leads to a part and on; and its way on.
    fn fork(&mut self, part: Part, lazy: bool) -> Option<(u32, Ends)> {
        let (next, other) = if lazy { (0, part.begin) } else { (part.begin, 0) };
        let fork = self.add(Kind::Either, next, other)?;
        let way = fork << 1 | u32::from(!lazy);
        Some((fork, Ends { first: way, last: way }))
    }

    fn plus(&mut self, part: Part, lazy: bool) -> Option<Part> {
        let (fork, ends) = self.fork(part, lazy)?;
        self.patch(part.ends, fork);
        Some(Part { begin: part.begin, ends, nullable: part.nullable })
    }

    fn star(&mut self, part: Part, lazy: bool) -> Option<Part> {
        if part.nullable {
            let plus = self.plus(part, lazy)?;
            return self.maybe(plus, lazy);
        }
        let (fork, ends) = self.fork(part, lazy)?;
        self.patch(part.ends, fork);
        Some(Part { begin: fork, ends, nullable: true })
    }

    fn maybe(&mut self, part: Part, lazy: bool) -> Option<Part> {
        if part.begin == 0 {
            return self.part(Kind::Nothing, true);
        }
        let (fork, ends) = self.fork(part, lazy)?;
        let ends = self.append(ends, part.ends);
        Some(Part { begin: fork, ends, nullable: true })
    }
}
