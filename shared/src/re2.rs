//! RE2 patterns, which is what Istio's `regex` and `uriRegexRewrite` are.
//!
//! [`Re2`] takes the [syntax of RE2] and matches what Envoy's RE2 would match; [`Substitution`] replaces what it would.
//!
//! How the parts fit: `parse` reads a pattern by RE2's rules into a tree (`node`), without its flags and escapes. `shape`
//! takes off what needs no automaton, the text that all values begin, end or have in common, and `program` shares what is
//! left among patterns. When it is first run, `pool` makes its engine: `graph` is the automaton of its *places* (the
//! positions of Glushkov's construction), of which `moves` decides the assertions by the bytes around them, and `closure`
//! makes an `nfa` whose states are bits. `engine` runs that on values, with a lazy `dfa` over the sets of places that come
//! up. A rewrite needs groups: `search` has `forward` find where a match ends, `reverse` where it begins, and walks along
//! the ways (`ways`) between them. No pattern and no value makes any of them take more than places times bytes. `size`
//! counts what RE2's own program would have, since Istio's proxies bound it.
//!
//! All patterns of a VM together take 60 MiB at most, beside the one at work: 12 MiB for DFAs, which grow with what clients
//! send, and 48 MiB for graphs and NFAs, which are as large as the configuration makes them; a pattern of a route takes 1
//! to 3 kB of these once it has been tried. The one at work takes a few kB more while it is made, and 40 MiB if it is the
//! largest there can be and looks around at each place.
//!
//! A pattern always has to match the whole value, as in Envoy's [`RegexMatcher`]. Values are bytes, and so are patterns:
//! RE2 runs in its Latin-1 mode, where each byte is a character, as in Envoy since 1.39. `caf.` takes the bytes `caf\xff`
//! but not `café`, whose é is two bytes in UTF-8; `[éè]` takes any one of the bytes of both; `(?i)` knows ASCII alone.
//! Envoy before 1.39 matched characters of UTF-8, and no byte that is part of none.
//!
//! Refused although Istio takes them ([`Re2Error::is_unsupported`]): patterns of more than 64 KiB, nested more than 250
//! deep, or of more than 65,536 places. Refused as Istio does although RE2 takes them: `\C`, and what else its webhook does
//! not read; and, with the feature `re2-sizes`, programs of more than 32,768 instructions.
//!
//! One difference is known: where repetitions of what may be empty are inside each other and greedy and lazy by turns, as in
//! `(?:(?:a??)*)+?`, RE2 lays its program out such that another match is preferred than the order of its branches says. In
//! a rewrite these go by that order here. Whether a whole value matches is the same.
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
mod closure;
mod cursor;
mod dfa;
mod engine;
mod error;
mod follow;
mod forward;
mod graph;
mod group;
mod moves;
mod nfa;
mod node;
mod parse;
mod places;
mod pool;
mod program;
mod repetition;
mod reverse;
mod search;
mod shape;
mod size;
mod substitution;
mod unicode;
mod ways;

use std::fmt;
use std::sync::Arc;

use error::Kind;
pub use error::Re2Error;
use parse::Parsed;
use shape::Shape;
pub use substitution::Substitution;

/// Bytes of the longest pattern, so that reading one takes no longer than compiling the largest: before anything is
/// compiled, and so counted, a pattern is a tree of many times its size, and a module never gives memory back.
const LONGEST_PATTERN: usize = 64 << 10;

/// Places and forks of the largest pattern. One whose program Istio's proxies take has fewer, unless RE2 makes less of it
/// than is done here: of `(?:a*a*a*)`.
const MOST_PLACES: u64 = 64 << 10;

/// A RE2 pattern that must match the whole value, as Istio's and Envoy's `regex` does.
#[derive(Clone)]
pub struct Re2(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    shape: Shape,
}

impl Re2 {
    /// Reads a pattern, which is as RE2's [syntax] says.
    ///
    /// [syntax]: https://github.com/google/re2/wiki/Syntax
    pub fn new(pattern: &str) -> Result<Re2, Re2Error> {
        let shape = Shape::of(parsed(pattern, false)?.node);
        Ok(Re2(Arc::new(Inner { pattern: pattern.into(), shape })))
    }

    /// The pattern, as the user wrote it.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// Whether the pattern matches the value from its first byte to its last, as `RE2::FullMatch` does.
    #[inline]
    pub fn is_full_match(&self, value: &[u8]) -> bool {
        self.0.shape.holds(value)
    }

    /// Makes what takes longer than a request should, for a large pattern. RE2 does that when it reads a pattern.
    pub fn prepare(&self) {
        self.0.shape.prepare();
    }

    /// What every value begins with that the pattern matches; often nothing.
    ///
    /// ```
    /// # use shared::re2::Re2;
    /// assert_eq!(Re2::new("^/items/[0-9]+")?.prefix(), b"/items/");
    /// # Ok::<(), shared::re2::Re2Error>(())
    /// ```
    #[inline]
    pub fn prefix(&self) -> &[u8] {
        &self.0.shape.prefix
    }

    /// The only value that the pattern matches, if it is known to match no other.
    ///
    /// ```
    /// # use shared::re2::Re2;
    /// assert_eq!(Re2::new(r"/index\.html")?.literal(), Some(b"/index.html".as_slice()));
    /// # Ok::<(), shared::re2::Re2Error>(())
    /// ```
    #[inline]
    pub fn literal(&self) -> Option<&[u8]> {
        self.0.shape.literal()
    }

    /// Whether the pattern is `.*` or the like, which matches every value that has no line feed in it.
    pub fn takes_any_line(&self) -> bool {
        self.0.shape.takes_any_line()
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

/// Reads a pattern and makes sure that it can be compiled, which is done when it is first run.
fn parsed(pattern: &str, with_groups: bool) -> Result<Parsed, Re2Error> {
    if pattern.len() > LONGEST_PATTERN {
        return Err(Re2Error::new(Kind::Length, pattern, 0));
    }
    let parsed = parse::parse(pattern, with_groups)?;
    if let Some(instructions) = size::too_large(pattern) {
        return Err(Re2Error::new(Kind::Size { instructions }, pattern, 0));
    }
    if parsed.node.size() > MOST_PLACES {
        return Err(Re2Error::new(Kind::Places, pattern, 0));
    }
    Ok(parsed)
}
