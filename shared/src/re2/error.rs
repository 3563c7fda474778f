//! Why a pattern or a rewrite is refused.

use std::error::Error;
use std::fmt;

use super::parse::DEEPEST;
use super::{LONGEST_PATTERN, SIZE_LIMIT};

/// Why a pattern or a rewrite cannot be used.
///
/// The message names the part at fault in backticks and says what was expected there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Re2Error {
    kind: Kind,
    /// The part at fault, as written.
    part: Box<str>,
    offset: usize,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Escape,
    BeyondBytes,
    TrailingBackslash,
    Bracket,
    Range,
    ClassName,
    MissingParen,
    UnexpectedParen,
    NothingToRepeat,
    RepeatedRepetition,
    RepetitionSize,
    RepetitionOrder,
    Group,
    LookAround,
    GroupName,

    ForeignGroupName,
    UnicodeClass,
    Length,
    Depth,
    Size,

    RewriteGroup { groups: usize },
    RewriteBackslash,
    RewriteEscape,
}

/// Longest part an error repeats; beyond it nobody reads on.
const LONGEST_PART: usize = 40;

impl Re2Error {
    pub(super) fn new(kind: Kind, part: &str, offset: usize) -> Self {
        let part = match part.char_indices().nth(LONGEST_PART) {
            Some((end, _)) => [part.get(..end).unwrap_or_default(), "…"].concat().into(),
            None => part.into(),
        };
        Re2Error { kind, part, offset }
    }

    /// Characters before the part at fault, in the pattern or, for an error in the rewrite, in the rewrite.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Whether the rewrite of a [`Substitution`](super::Substitution) is at fault and not its pattern.
    pub fn is_in_rewrite(&self) -> bool {
        matches!(self.kind, Kind::RewriteGroup { .. } | Kind::RewriteBackslash | Kind::RewriteEscape)
    }

    /// Whether Sailcloth refuses what RE2, and so Envoy, has: a limit, or a part of the syntax that is left out.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.kind, Kind::ForeignGroupName | Kind::UnicodeClass | Kind::Length | Kind::Depth | Kind::Size)
    }
}

impl fmt::Display for Re2Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.part.is_empty() {
            write!(f, "`{}`: ", self.part)?;
        }
        f.write_str(match self.kind {
            Kind::Escape => "unknown escape, expected one like `\\d`, `\\n` or `\\x7f`, or a punctuation mark",
            Kind::BeyondBytes => "beyond `\\xff`, the last byte; for a character write the character itself",
            Kind::TrailingBackslash => "backslash at the end, expected a character after it",
            Kind::Bracket => "character class without its closing `]`",
            Kind::Range => "range that ends before it begins",
            Kind::ClassName => "unknown class, expected one like `[:alpha:]` or `[:^digit:]`",
            Kind::MissingParen => "group without its closing `)`",
            Kind::UnexpectedParen => "closing parenthesis without a group to close",
            Kind::NothingToRepeat => "repetition of nothing, expected something before it",
            Kind::RepeatedRepetition => "repetition of a repetition, expected a group around the inner one",
            Kind::RepetitionSize => "repetition of more than 1000",
            Kind::RepetitionOrder => "repetition with more at least than at most",
            Kind::Group => "unknown group or flag, expected `(?:`, `(?P<name>`, or flags of `imsU`",
            Kind::LookAround => "look-around, which RE2 does not have",
            Kind::GroupName => "bad group name, expected letters, digits and `_` up to a `>`",
            Kind::ForeignGroupName => "group names beyond ASCII are not supported; use letters, digits and `_`",
            Kind::UnicodeClass => {
                "Unicode classes are not supported by Sailcloth's modules; write the characters, like `(?:à|é)`"
            }
            Kind::Length => return write!(f, "pattern of more than {LONGEST_PATTERN} bytes"),
            Kind::Depth => return write!(f, "nested more than {DEEPEST} deep"),
            Kind::Size => return write!(f, "compiles to more than {SIZE_LIMIT} bytes"),
            Kind::RewriteGroup { groups } => {
                return write!(f, "group that the pattern does not have, its last is `\\{groups}`");
            }
            Kind::RewriteBackslash => "backslash at the end, expected a digit or `\\` after it",
            Kind::RewriteEscape => "unknown escape, expected `\\0` to `\\9` or `\\\\`",
        })
    }
}

impl Error for Re2Error {}
