//! Writes an RE2 pattern anew for the regex crate.
//!
//! Follows `Regexp::Parse` of RE2's [parse.cc] with the options Envoy sets (Latin-1, Perl syntax, `.` without the line
//! feed). It works in one pass with its own stack: flags are resolved here, so what it writes, which is to be read
//! without Unicode, has none but `m` on a `^` or `$` and `s` on a `.`.
//!
//! [parse.cc]: https://github.com/google/re2/blob/972a15cedd008d846f1a39b2e88ce48d7f166cbd/re2/parse.cc

use super::bytes::{self, Bytes};
use super::class;
use super::cursor::Cursor;
use super::error::{Kind, Re2Error};
use super::group::{self, Flags, Opening};
use super::repetition::Repetition;

/// Groups and repetitions of repetitions inside each other. RE2 stops at 1000; the regex crate walks its tree by
/// recursion, and the stack of a module is small.
pub(super) const DEEPEST: usize = 250;

/// What RE2 allows in `{n}`, and as the product of one inside another.
const MOST_REPETITIONS: u32 = 1000;

/// Whether `(` still captures in what is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Captures {
    Kept,
    /// For where nobody asks for groups: the engine keeps no states for them.
    Dropped,
}

/// A pattern in the regex crate's syntax.
pub(super) struct Translation {
    pub(super) pattern: String,
    /// Capturing groups the user's pattern has.
    pub(super) groups: usize,
}

pub(super) fn translate(pattern: &str, captures: Captures) -> Result<Translation, Re2Error> {
    let mut translator = Translator {
        input: Cursor::new(pattern),
        out: String::with_capacity(pattern.len() * 2),
        flags: Flags::default(),
        group: Group::default(),
        outer: Vec::new(),
        groups: 0,
        captures,
        repetition: None,
    };
    while let Some(byte) = translator.input.peek() {
        translator.step(byte)?;
    }
    match translator.outer.last() {
        Some((_, inner)) => Err(translator.error_at(Kind::MissingParen, inner.opened)),
        None => Ok(Translation { pattern: translator.out, groups: translator.groups }),
    }
}

struct Translator<'p> {
    input: Cursor<'p>,
    out: String,
    flags: Flags,
    group: Group,
    /// The groups around it, outermost first, each with what to restore when the one inside closes.
    outer: Vec<(Group, Inner)>,
    groups: usize,
    captures: Captures,
    /// Where the repetition begins that was read last, with nothing read since.
    repetition: Option<usize>,
}

/// What is known about the group being read.
#[derive(Default)]
struct Group {
    /// What a repetition would repeat.
    last: Option<Atom>,
    measure: Measure,
}

/// What to restore when the group being read closes.
struct Inner {
    /// In the pattern.
    opened: usize,
    /// In what is written.
    start: usize,
    flags: Flags,
}

struct Atom {
    start: usize,
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

impl<'p> Translator<'p> {
    fn step(&mut self, byte: u8) -> Result<(), Re2Error> {
        let before = self.repetition.take();
        match byte {
            b'(' => self.open(),
            b')' => self.close(),
            b'|' => {
                self.input.bump();
                self.keep_last();
                self.out.push('|');
                Ok(())
            }
            b'^' => {
                self.input.bump();
                self.assertion(if self.flags.multi_line { "(?m:^)" } else { r"\A" })
            }
            b'$' => {
                self.input.bump();
                self.assertion(if self.flags.multi_line { "(?m:$)" } else { r"\z" })
            }
            b'.' => {
                self.input.bump();
                self.set(Bytes::dot(self.flags.dot_line_feed))
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
        if self.input.eat(r"\b") {
            return self.assertion(r"\b");
        }
        if self.input.eat(r"\B") {
            return self.assertion(r"\B");
        }
        if self.input.eat(r"\A") {
            return self.assertion(r"\A");
        }
        if self.input.eat(r"\z") {
            return self.assertion(r"\z");
        }
        if self.input.eat(r"\C") {
            return self.set(Bytes::ALL);
        }
        if self.input.eat(r"\Q") {
            while !self.input.eat(r"\E") && self.input.peek().is_some() {
                self.character()?;
            }
            return Ok(());
        }
        class::unicode_class(&mut self.input)?;
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
        self.atom();
        bytes::push_byte(byte, &mut self.out);
        Ok(())
    }

    fn set(&mut self, set: Bytes) -> Result<(), Re2Error> {
        self.atom();
        set.write(&mut self.out);
        Ok(())
    }

    fn assertion(&mut self, written: &str) -> Result<(), Re2Error> {
        self.atom();
        self.out.push_str(written);
        Ok(())
    }

    /// What is written next can be repeated.
    fn atom(&mut self) {
        self.keep_last();
        self.group.last =
            Some(Atom { start: self.out.len(), repeated: false, measure: Measure { depth: 0, copies: 1 } });
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
        self.outer.push((group, Inner { opened, start: self.out.len(), flags }));
        self.out.push_str(if captures && self.captures == Captures::Kept { "(" } else { "(?:" });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Re2Error> {
        let at = self.input.position();
        self.input.bump();
        self.keep_last();
        let Some((group, Inner { start, flags, .. })) = self.outer.pop() else {
            return Err(self.error_at(Kind::UnexpectedParen, at));
        };
        let inner = std::mem::replace(&mut self.group, group).measure;
        let measure = Measure { depth: inner.depth + 1, copies: inner.copies.max(1) };
        self.keep_last();
        self.group.last = Some(Atom { start, repeated: false, measure });
        self.flags = flags;
        self.out.push(')');
        Ok(())
    }

    fn repeat(&mut self, repetition: &Repetition<'p>, before: Option<usize>) -> Result<(), Re2Error> {
        let at = repetition.at;
        if let Some((least, most)) = repetition.counts {
            if least.max(most.unwrap_or(0)) > MOST_REPETITIONS {
                return Err(self.error_at(Kind::RepetitionSize, at));
            }
            if most.is_some_and(|most| most < least) {
                return Err(self.error_at(Kind::RepetitionOrder, at));
            }
        }
        if let Some(before) = before {
            return Err(self.error_at(Kind::RepeatedRepetition, before));
        }
        let Some(mut atom) = self.group.last.take() else {
            return Err(self.error_at(Kind::NothingToRepeat, at));
        };
        if atom.repeated {
            // `a*(?i)*`, which RE2 takes: flags write nothing, and the regex crate would read `a**`.
            self.out.insert_str(atom.start, "(?:");
            self.out.push(')');
            atom.measure.depth += 1;
        }
        if self.outer.len() + atom.measure.depth > DEEPEST {
            return Err(self.error_at(Kind::Depth, at));
        }
        atom.repeated = true;
        atom.measure.copies = atom.measure.copies.saturating_mul(repetition.copies());
        if atom.measure.copies > MOST_REPETITIONS {
            return Err(self.error_at(Kind::RepetitionSize, at));
        }
        self.group.last = Some(atom);
        self.out.push_str(repetition.written);
        if repetition.lazy != self.flags.swap_greed {
            self.out.push('?');
        }
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
