//! Why a pattern or a rewrite is refused.

use std::error::Error;
use std::fmt;

use super::parse::DEEPEST;
use super::{LONGEST_PATTERN, MOST_PLACES, size};

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
    AnyByte,

    Length,
    Depth,
    Places,

    Size { instructions: usize },

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

    /// Whether the rewrite asks for a group that the pattern does not have.
    pub fn is_missing_group(&self) -> bool {
        matches!(self.kind, Kind::RewriteGroup { .. })
    }

    /// Whether Sailcloth refuses what Istio takes: by a limit.
    pub fn is_unsupported(&self) -> bool {
        matches!(self.kind, Kind::Length | Kind::Depth | Kind::Places)
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
            Kind::ForeignGroupName => "group name beyond ASCII, expected letters, digits and `_`",
            Kind::UnicodeClass => "unknown class, expected one like `\\pL` or `\\p{Greek}`",
            Kind::AnyByte => "any byte, which Istio does not take; write `(?s:.)`",
            Kind::Length => return write!(f, "pattern of more than {LONGEST_PATTERN} bytes"),
            Kind::Depth => return write!(f, "nested more than {DEEPEST} deep"),
            Kind::Places => return write!(f, "more than {MOST_PLACES} characters with all repetitions written out"),
            Kind::Size { instructions } => {
                let at_least =
                    if instructions == usize::MAX { String::new() } else { format!(", it has {instructions}") };
                return write!(
                    f,
                    "program of more than the {} instructions that Istio's proxies take{at_least}",
                    size::MOST
                );
            }
            Kind::RewriteGroup { groups } => {
                return write!(f, "group that the pattern does not have, its last is `\\{groups}`");
            }
            Kind::RewriteBackslash => "backslash at the end, expected a digit or `\\` after it",
            Kind::RewriteEscape => "unknown escape, expected `\\0` to `\\9` or `\\\\`",
        })
    }
}

impl Error for Re2Error {}
