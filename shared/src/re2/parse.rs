//! Reads an RE2 pattern.
//!
//! Follows `Regexp::Parse` of RE2's [parse.cc] with the options Envoy sets (Latin-1, Perl syntax, `.` without the line
//! feed). It works in one pass with its own stack, and resolves flags as it goes.
//!
//! [parse.cc]: https://github.com/google/re2/blob/972a15cedd008d846f1a39b2e88ce48d7f166cbd/re2/parse.cc

use super::bytes::Bytes;
use super::class;
use super::cursor::Cursor;
use super::error::{Kind, Re2Error};
use super::group::{self, Flags, Opening};
use super::node::{Look, Node};
use super::repetition::Repetition;
use super::unicode;

/// Groups and repetitions of repetitions inside each other. RE2 stops at 1000; a tree is walked by recursion here, and
/// the stack of a module is small.
pub(super) const DEEPEST: usize = 250;

/// What RE2 allows in `{n}`, and as the product of one inside another.
const MOST_REPETITIONS: u32 = 1000;

/// The last group that a rewrite can name.
const LAST_GROUP: u8 = 9;

/// A pattern as read.
pub(super) struct Parsed {
    pub(super) node: Node,
    /// Capturing groups the user's pattern has.
    pub(super) groups: usize,
}

pub(super) fn parse(pattern: &str, with_groups: bool) -> Result<Parsed, Re2Error> {
    let mut parser = Parser {
        input: Cursor::new(pattern),
        flags: Flags::default(),
        group: Group::default(),
        outer: Vec::new(),
        groups: 0,
        with_groups,
        repetition: None,
    };
    while let Some(byte) = parser.input.peek() {
        parser.step(byte)?;
    }
    parser.keep_last();
    match parser.outer.last() {
        Some((_, inner)) => Err(parser.error_at(Kind::MissingParen, inner.opened)),
        None => Ok(Parsed { node: parser.group.into_node(), groups: parser.groups }),
    }
}

struct Parser<'p> {
    input: Cursor<'p>,
    flags: Flags,
    group: Group,
    /// The groups around it, outermost first, each with what to restore when the one inside closes.
    outer: Vec<(Group, Inner)>,
    groups: usize,
    with_groups: bool,
    /// Where the repetition begins that was read last, with nothing read since.
    repetition: Option<usize>,
}

/// What is known about the group being read.
#[derive(Default)]
struct Group {
    /// The branches before the one being read.
    branches: Vec<Node>,
    branch: Vec<Node>,
    /// What a repetition would repeat is the last of the branch, if this says something about it.
    last: Option<Atom>,
    measure: Measure,
}

impl Group {
    fn end_branch(&mut self) {
        self.branches.push(Node::sequence(std::mem::take(&mut self.branch)));
    }

    fn into_node(mut self) -> Node {
        if self.branches.is_empty() {
            return Node::sequence(self.branch);
        }
        self.end_branch();
        Node::choice(self.branches, self.measure.depth)
    }
}

/// What to restore when the group being read closes.
struct Inner {
    opened: usize,
    /// Its number, if a rewrite can ask for it.
    index: Option<u8>,
    flags: Flags,
}

struct Atom {
    repeated: bool,
    measure: Measure,
}

/// Maxima over the parts of something.
#[derive(Clone, Copy, Default)]
struct Measure {
    depth: usize,
    /// Of one inside another, the product.
    copies: u32,
}

impl<'p> Parser<'p> {
    fn step(&mut self, byte: u8) -> Result<(), Re2Error> {
        let before = self.repetition.take();
        match byte {
            b'(' => self.open(),
            b')' => self.close(),
            b'|' => {
                self.input.bump();
                self.keep_last();
                self.group.end_branch();
                Ok(())
            }
            b'^' => {
                self.input.bump();
                self.look(if self.flags.multi_line { Look::LineStart } else { Look::Start })
            }
            b'$' => {
                self.input.bump();
                self.look(if self.flags.multi_line { Look::LineEnd } else { Look::End })
            }
            b'.' => {
                self.input.bump();
                self.set(if self.flags.dot_line_feed { Bytes::ALL } else { Bytes::LINE })
            }
            b'[' => {
                let set = class::bracket(&mut self.input, self.flags.fold)?;
                self.set(set)
            }
            b'*' | b'+' | b'?' | b'{' => match Repetition::read(&mut self.input) {
                Some(repetition) => self.repeat(&repetition, before),
                None => self.character(),
            },
            b'\\' => self.backslash(),
            _ => self.character(),
        }
    }

    fn backslash(&mut self) -> Result<(), Re2Error> {
        let looks = [(r"\b", Look::Word), (r"\B", Look::NotWord), (r"\A", Look::Start), (r"\z", Look::End)];
        for (written, look) in looks {
            if self.input.eat(written) {
                return self.look(look);
            }
        }
        let here = self.input.position();
        if self.input.eat(r"\C") {
            return Err(self.error_at(Kind::AnyByte, here));
        }
        if self.input.eat(r"\Q") {
            while !self.input.eat(r"\E") && self.input.peek().is_some() {
                self.character()?;
            }
            return Ok(());
        }
        if let Some(set) = unicode::class(&mut self.input, self.flags.fold)? {
            return self.set(set);
        }
        if let Some(set) = class::perl_class(&mut self.input, self.flags.fold) {
            return self.set(set);
        }
        let byte = class::escape(&mut self.input)?;
        self.literal(byte)
    }

    /// A character that means itself.
    fn character(&mut self) -> Result<(), Re2Error> {
        match self.input.bump() {
            Some(byte) => self.literal(byte),
            None => Ok(()),
        }
    }

    fn literal(&mut self, byte: u8) -> Result<(), Re2Error> {
        if self.flags.fold && byte.is_ascii_alphabetic() {
            return self.set(Bytes::of(&[(byte, byte)]).folded());
        }
        self.atom(Node::Byte(byte));
        Ok(())
    }

    fn set(&mut self, set: Bytes) -> Result<(), Re2Error> {
        self.atom(Node::set(set));
        Ok(())
    }

    fn look(&mut self, look: Look) -> Result<(), Re2Error> {
        self.atom(Node::Look(look));
        Ok(())
    }

    /// What can be repeated.
    fn atom(&mut self, node: Node) {
        self.push(node, Measure { depth: 0, copies: 1 });
    }

    fn push(&mut self, node: Node, measure: Measure) {
        self.keep_last();
        self.group.branch.push(node);
        self.group.last = Some(Atom { repeated: false, measure });
    }

    /// `(` in all its forms.
    fn open(&mut self) -> Result<(), Re2Error> {
        let opened = self.input.position();
        let flags = self.flags;
        let opening = group::opening(&mut self.input, flags)?;
        if let Opening::Flags { flags, group } = opening {
            self.flags = flags;
            if !group {
                return Ok(());
            }
        }
        if self.outer.len() >= DEEPEST {
            return Err(self.error_at(Kind::Depth, opened));
        }
        let captures = opening == Opening::Capture;
        self.groups += usize::from(captures);
        let group = std::mem::take(&mut self.group);
        let index = u8::try_from(self.groups).ok().filter(|index| captures && self.with_groups && *index <= LAST_GROUP);
        self.outer.push((group, Inner { opened, index, flags }));
        Ok(())
    }

    fn close(&mut self) -> Result<(), Re2Error> {
        let at = self.input.position();
        self.input.bump();
        self.keep_last();
        let Some((group, Inner { index, flags, .. })) = self.outer.pop() else {
            return Err(self.error_at(Kind::UnexpectedParen, at));
        };
        let inner = std::mem::replace(&mut self.group, group);
        let measure = Measure { depth: inner.measure.depth + 1, copies: inner.measure.copies.max(1) };
        let node = inner.into_node();
        self.push(
            match index {
                Some(index) => Node::Group { index, node: node.into() },
                None => node,
            },
            measure,
        );
        self.flags = flags;
        Ok(())
    }

    fn repeat(&mut self, repetition: &Repetition, before: Option<usize>) -> Result<(), Re2Error> {
        let at = repetition.at;
        let &Repetition { mut least, mut most, .. } = repetition;
        if least.max(most.unwrap_or(0)) > MOST_REPETITIONS {
            return Err(self.error_at(Kind::RepetitionSize, at));
        }
        if most.is_some_and(|most| most < least) {
            return Err(self.error_at(Kind::RepetitionOrder, at));
        }
        if let Some(before) = before {
            return Err(self.error_at(Kind::RepeatedRepetition, before));
        }
        let (Some(mut atom), Some(node)) = (self.group.last.take(), self.group.branch.pop()) else {
            return Err(self.error_at(Kind::NothingToRepeat, at));
        };
        // `a*(?i)*`, which RE2 takes.
        atom.measure.depth += usize::from(atom.repeated);
        if self.outer.len() + atom.measure.depth > DEEPEST {
            return Err(self.error_at(Kind::Depth, at));
        }
        atom.repeated = true;
        atom.measure.copies = atom.measure.copies.saturating_mul(repetition.copies());
        if atom.measure.copies > MOST_REPETITIONS {
            return Err(self.error_at(Kind::RepetitionSize, at));
        }
        self.group.last = Some(atom);
        let greedy = repetition.lazy == self.flags.swap_greed;
        if node.takes_nothing() {
            // What holds once holds again.
            (least, most) = (least.min(1), Some(most.unwrap_or(1).min(1)));
        }
        self.group.branch.push(node.repeated(least, most, greedy, repetition.is_sign));
        self.repetition = Some(at);
        Ok(())
    }

    /// Counts what was the last part into its group, before another takes its place.
    fn keep_last(&mut self) {
        if let Some(Atom { measure, .. }) = self.group.last.take() {
            let group = &mut self.group.measure;
            group.depth = group.depth.max(measure.depth);
            group.copies = group.copies.max(measure.copies);
        }
    }

    /// An error about what was read since `at`.
    fn error_at(&self, kind: Kind, at: usize) -> Re2Error {
        Re2Error::new(kind, self.input.since(at), self.input.column(at))
    }
}
