//! Reads a pattern, which has been found to be good, as RE2's `Regexp::Parse` does.

use super::super::bytes::Bytes;
use super::super::class;
use super::super::cursor::Cursor;
use super::super::group::{self, Opening};
use super::super::node::Look;
use super::super::repetition::Repetition;
use super::super::unicode;
use super::factor;
use super::tree::{Flags, Op, Tree};

/// The deepest tree that the stages after this one go through, which they do by recursion.
const DEEPEST: usize = 600;

/// None if the tree is deeper than [`DEEPEST`].
pub(super) fn parse(pattern: &str) -> Option<Tree> {
    let flags = group::Flags::default();
    let mut parser = Parser { input: Cursor::new(pattern), flags, stack: Vec::new(), groups: 0, too_deep: false };
    while let Some(byte) = parser.input.peek() {
        parser.step(byte);
        if parser.too_deep {
            return None;
        }
    }
    parser.alternation();
    match parser.stack.pop() {
        Some(Item::Tree(tree)) => Some(tree).filter(|tree| tree.depth() <= DEEPEST),
        _ => Some(Tree::empty()),
    }
}

struct Parser<'p> {
    input: Cursor<'p>,
    flags: group::Flags,
    stack: Vec<Item>,
    groups: usize,
    too_deep: bool,
}

enum Item {
    Tree(Tree),
    /// `(`, with its number if it captures, and the flags before it.
    Open(Option<usize>, group::Flags),
    /// `|`.
    Bar,
}

impl Parser<'_> {
    fn flags(&self) -> Flags {
        let group::Flags { fold, multi_line, dot_line_feed, swap_greed } = self.flags;
        [
            (fold, Flags::FOLD),
            (multi_line, Flags::MULTI_LINE),
            (dot_line_feed, Flags::DOT_LINE_FEED),
            (swap_greed, Flags::LAZY),
        ]
        .iter()
        .fold(Flags::default(), |all, (is, flag)| if *is { all.with(*flag) } else { all })
    }

    fn step(&mut self, byte: u8) {
        match byte {
            b'(' => {
                // What follows is whole, as this has been read before.
                let before = self.flags;
                match group::opening(&mut self.input, before) {
                    Ok(Opening::Flags { flags, group: false }) => self.flags = flags,
                    Ok(Opening::Flags { flags, group: true }) => {
                        self.open(None, before);
                        self.flags = flags;
                    }
                    Ok(Opening::Capture) => {
                        self.groups += 1;
                        self.open(Some(self.groups), before);
                    }
                    Err(_) => _ = self.input.bump(),
                }
            }
            b')' => {
                self.input.bump();
                self.close();
            }
            b'|' => {
                self.input.bump();
                self.bar();
            }
            b'^' => {
                self.input.bump();
                self.look(if self.flags.multi_line { Look::LineStart } else { Look::Start }, self.flags());
            }
            b'$' => {
                self.input.bump();
                match self.flags.multi_line {
                    true => self.look(Look::LineEnd, self.flags()),
                    false => self.look(Look::End, self.flags().with(Flags::DOLLAR)),
                }
            }
            b'.' => {
                self.input.bump();
                match self.flags.dot_line_feed {
                    true => self.push(Tree::new(Op::AnyByte, self.flags())),
                    false => self.set(Bytes::LINE),
                }
            }
            b'[' => match class::bracket(&mut self.input, self.flags.fold) {
                Ok(set) => self.set(set),
                Err(_) => _ = self.input.bump(),
            },
            b'*' | b'+' | b'?' | b'{' => match Repetition::read(&mut self.input) {
                Some(repetition) => self.repeat(byte, &repetition),
                None => self.character(),
            },
            b'\\' => self.backslash(),
            _ => self.character(),
        }
    }

    fn backslash(&mut self) {
        for (written, look) in [(r"\b", Look::Word), (r"\B", Look::NotWord), (r"\A", Look::Start), (r"\z", Look::End)] {
            if self.input.eat(written) {
                return self.look(look, self.flags());
            }
        }
        if self.input.eat(r"\Q") {
            while !self.input.eat(r"\E") && self.input.peek().is_some() {
                self.character();
            }
            return;
        }
        if let Ok(Some(set)) = unicode::class(&mut self.input, self.flags.fold) {
            return self.set(set);
        }
        if let Some(set) = class::perl_class(&mut self.input, self.flags.fold) {
            return self.set(set);
        }
        match class::escape(&mut self.input) {
            Ok(byte) => self.literal(byte),
            Err(_) => _ = self.input.bump(),
        }
    }

    fn character(&mut self) {
        if let Some(byte) = self.input.bump() {
            self.literal(byte);
        }
    }

    fn literal(&mut self, byte: u8) {
        if self.flags.fold && byte.is_ascii_alphabetic() {
            return self.set(Bytes::of(&[(byte, byte)]).folded());
        }
        self.push(Tree::new(Op::Text(vec![byte]), self.flags()));
    }

    /// One byte of a set is a text, and so is a letter in both cases (`PushRegexp`).
    fn set(&mut self, set: Bytes) {
        let mut bytes = set.iter();
        let (op, flags) = match (bytes.next(), bytes.next(), bytes.next()) {
            (Some(byte), None, None) => (Op::Text(vec![byte]), self.flags()),
            (Some(capital @ b'A'..=b'Z'), Some(small), None) if small == capital.to_ascii_lowercase() => {
                (Op::Text(vec![small]), self.flags().with(Flags::FOLD))
            }
            _ => (Op::Class(set.into()), self.flags().without(Flags::FOLD)),
        };
        self.push(Tree::new(op, flags));
    }

    fn look(&mut self, look: Look, flags: Flags) {
        self.push(Tree::new(Op::Look(look), flags));
    }

    fn push(&mut self, tree: Tree) {
        self.join_texts();
        self.stack.push(Item::Tree(tree));
    }

    fn open(&mut self, number: Option<usize>, flags: group::Flags) {
        self.join_texts();
        self.stack.push(Item::Open(number, flags));
    }

    /// Two texts are one as soon as something else comes (`MaybeConcatString`).
    fn join_texts(&mut self) {
        if let [.., Item::Tree(before), Item::Tree(last)] = self.stack.as_mut_slice()
            && let (Op::Text(text), Op::Text(more)) = (&mut before.op, &mut last.op)
            && before.flags.has(Flags::FOLD) == last.flags.has(Flags::FOLD)
        {
            text.append(more);
            self.stack.pop();
        }
    }

    /// Takes the trees on top.
    fn trees(&mut self) -> Vec<Tree> {
        let mut trees = Vec::new();
        while let Some(Item::Tree(_)) = self.stack.last() {
            if let Some(Item::Tree(tree)) = self.stack.pop() {
                trees.push(tree);
            }
        }
        trees.reverse();
        trees
    }

    fn concatenation(&mut self) {
        self.join_texts();
        let mut trees = self.trees();
        let flags = self.flags();
        if trees.is_empty() {
            trees.push(Tree::new(Op::Empty, flags));
        }
        if trees.len() > 1 {
            trees = flat(trees, |op| if let Op::Sequence(trees) = op { Ok(trees) } else { Err(op) });
        }
        self.stack.push(Item::Tree(Tree::of(trees, Op::Sequence, flags)));
    }

    /// The branches before are below the bar (`DoVerticalBar`).
    fn bar(&mut self) {
        self.concatenation();
        let [.., Item::Bar, Item::Tree(_)] = self.stack.as_slice() else {
            self.stack.push(Item::Bar);
            return;
        };
        let (last, bar) = (self.stack.pop(), self.stack.pop());
        if let (Some(Item::Tree(before)), Some(Item::Tree(last))) = (self.stack.last(), &last) {
            let any = |tree: &Tree| matches!(tree.op, Op::AnyByte);
            if any(before) && last.is_single() {
                self.stack.extend(bar);
                return;
            }
            if any(last) && before.is_single() {
                self.stack.pop();
            }
        }
        self.stack.extend(last);
        self.stack.extend(bar);
    }

    fn alternation(&mut self) {
        self.bar();
        self.stack.pop();
        let trees = self.trees();
        let flags = self.flags();
        let tree = match trees.len() {
            1 => Tree::of(trees, Op::Choice, flags),
            _ => {
                let branches = flat(trees, |op| if let Op::Choice(trees) = op { Ok(trees) } else { Err(op) });
                Tree::of(factor::factored(branches, flags), Op::Choice, flags)
            }
        };
        self.stack.push(Item::Tree(tree));
    }

    fn close(&mut self) {
        self.alternation();
        let (Some(Item::Tree(inner)), Some(Item::Open(number, flags))) = (self.stack.pop(), self.stack.pop()) else {
            return;
        };
        self.flags = flags;
        let tree = match number {
            Some(number) => Tree::new(Op::Group(number, inner.into()), self.flags()),
            None => inner,
        };
        self.too_deep = tree.depth() > DEEPEST;
        self.push(tree);
    }

    fn repeat(&mut self, written: u8, repetition: &Repetition) {
        let mut flags = self.flags();
        if repetition.lazy {
            flags = flags.turned(Flags::LAZY);
        }
        let Some(Item::Tree(tree)) = self.stack.pop() else { return };
        let op = match written {
            b'*' => Op::Star,
            b'+' => Op::Plus,
            b'?' => Op::Maybe,
            _ => {
                let op = Op::Repeat(tree.into(), repetition.least, repetition.most);
                self.stack.push(Item::Tree(Tree::new(op, flags)));
                return;
            }
        };
        self.stack.push(Item::Tree(repeated(op, tree, flags)));
    }
}

/// `x**` is `x*`, as are `x*+`, `x?+` and the like (`PushRepeatOp`, `StarPlusOrQuest`).
pub(super) fn repeated(op: fn(Box<Tree>) -> Op, tree: Tree, flags: Flags) -> Tree {
    let outer = op(Tree::empty().into());
    if tree.flags != flags {
        return Tree::new(op(tree.into()), flags);
    }
    match (outer, tree.op) {
        (Op::Plus(_), Op::Plus(inner)) => Tree::new(Op::Plus(inner), flags),
        (Op::Maybe(_), Op::Maybe(inner)) => Tree::new(Op::Maybe(inner), flags),
        (_, Op::Star(inner) | Op::Plus(inner) | Op::Maybe(inner)) => Tree::new(Op::Star(inner), flags),
        (_, inner) => Tree::new(op(Tree::new(inner, tree.flags).into()), flags),
    }
}

/// With what is in those that are of the same kind (`DoCollapse`).
fn flat(trees: Vec<Tree>, parts: impl Fn(Op) -> Result<Vec<Tree>, Op>) -> Vec<Tree> {
    let mut all = Vec::new();
    for Tree { op, flags } in trees {
        match parts(op) {
            Ok(parts) => all.extend(parts),
            Err(op) => all.push(Tree::new(op, flags)),
        }
    }
    all
}
