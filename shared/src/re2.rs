//! RE2 patterns, which is what Istio's `regex` and `uriRegexRewrite` are.
//!
//! [`Re2`] takes the [syntax of RE2] and matches what Envoy's RE2 would match. The engine is Rust's regex crate, whose
//! syntax differs: `{` and `[[]` are errors there, `\d` and `[a&&b]` mean something else, and it takes what RE2 refuses.
//! So the pattern is parsed here, by RE2's rules, and written anew in the part of the crate's syntax on which there is
//! no doubt. That part needs none of the crate's Unicode tables, which would double the size of a module.
//!
//! A pattern always has to match the whole value, as in Envoy's [`RegexMatcher`]. Values are bytes, and so are patterns:
//! RE2 runs in its Latin-1 mode, where each byte is a character, as in Envoy since 1.39. `caf.` takes the bytes `caf\xff`
//! but not `café`, whose é is two bytes in UTF-8; `[éè]` takes any one of the bytes of both; `(?i)` knows ASCII alone.
//! Envoy before 1.39 matched characters of UTF-8, and no byte that is part of none.
//!
//! Refused although RE2 takes them ([`Re2Error::is_unsupported`]): `\p{Greek}` and its like, whose tables are left out;
//! group names beyond ASCII; patterns of more than 64 KiB, nested more than 250 deep, or that compile to more than
//! 10 MiB.
//!
//! [syntax of RE2]: https://github.com/google/re2/wiki/Syntax
//! [`RegexMatcher`]: https://www.envoyproxy.io/docs/envoy/latest/api-v3/type/matcher/v3/regex.proto
//!
//! ```
//! use shared::re2::Re2;
//!
//! let versions = Re2::new(r"v{\d+}")?;
//! assert!(versions.is_full_match(b"v{12}"));
//! assert!(!versions.is_full_match(b"/v{12}"));
//! assert_eq!(Re2::new("a{1001}").unwrap_err().to_string(), "`{1001}`: repetition of more than 1000");
//! # Ok::<(), shared::re2::Re2Error>(())
//! ```

mod bytes;
mod class;
mod cursor;
mod error;
mod group;
mod repetition;
mod substitution;
mod translate;

use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use error::Kind;
pub use error::Re2Error;
pub use substitution::Substitution;
use translate::{Captures, DEEPEST};

/// Bytes of the longest pattern, so that reading one takes no longer than compiling the largest. What is written for the
/// regex crate is seven times as long at most (`\W`): before anything is compiled, and so counted, that makes trees of
/// many times its size, and a module never gives memory back.
const LONGEST_PATTERN: usize = 64 << 10;

/// Bytes of the largest program. RE2 stops at 8 MiB of its own.
const SIZE_LIMIT: usize = 10 << 20;

/// A compiled RE2 pattern that must match the whole value, as Istio's and Envoy's `regex` does.
#[derive(Clone)]
pub struct Re2(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    regex: Regex,
}

impl Re2 {
    /// Compiles a pattern, which is as RE2's [syntax] says.
    ///
    /// [syntax]: https://github.com/google/re2/wiki/Syntax
    pub fn new(pattern: &str) -> Result<Re2, Re2Error> {
        let (regex, _) = compile(pattern, Captures::Dropped)?;
        Ok(Re2(Arc::new(Inner { pattern: pattern.into(), regex })))
    }

    /// The pattern, as the user wrote it.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the pattern matches the value from its first byte to its last, as `RE2::FullMatch` does.
    pub fn is_full_match(&self, value: &[u8]) -> bool {
        self.0.regex.is_match(value)
    }
}

impl PartialEq for Re2 {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern
    }
}

impl Eq for Re2 {}

impl fmt::Debug for Re2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Re2").field(&self.0.pattern).finish()
    }
}

/// Compiles a pattern to one that finds matches and keeps its groups, or to one that matches the whole value and does
/// not. Returns how many groups it has, too.
fn compile(pattern: &str, captures: Captures) -> Result<(Regex, usize), Re2Error> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(Re2Error::new(Kind::Length, pattern, 0));
    }
    let translation = translate::translate(pattern, captures)?;
    let written = match captures {
        Captures::Kept => translation.pattern,
        // Part of the pattern, because a match found without them may be a shorter one than there is.
        Captures::Dropped => [r"\A(?:", &translation.pattern, r")\z"].concat(),
    };
    let regex = RegexBuilder::new(&written)
        .unicode(false)
        .size_limit(SIZE_LIMIT)
        // Each level may be a group, an alternation, a sequence and a repetition.
        .nest_limit(4 * DEEPEST as u32 + 16)
        .build()
        .map_err(|error| {
            let kind = if matches!(error, regex::Error::CompiledTooBig(_)) { Kind::Size } else { Kind::Engine };
            Re2Error::new(kind, pattern, 0)
        })?;
    Ok((regex, translation.groups))
}
