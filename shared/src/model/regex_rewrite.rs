//! `uriRegexRewrite`.

use super::read::{Path, Place, Read, Reader, shorten};
use super::values::{Line, Regex};
use crate::finding::Code;
use crate::object;
use crate::re2::Substitution;

/// Every match of a regex in the path is replaced; in the rewrite `\1` is the first group.
///
/// None replaces nothing: as Envoy does for a rewrite that asks for a group the regex does not have.
#[derive(Clone, Debug, PartialEq)]
pub struct RegexRewrite(pub Option<Substitution>);

object! {
    /// What is written of a [`RegexRewrite`].
    pub struct RegexRewriteFields {
        /// RE2.
        r#match: Regex = required,
        /// `\1` is the first group.
        rewrite: Line = required,
    }
}

impl Read for RegexRewrite {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let RegexRewriteFields { r#match: Regex(regex), rewrite } = RegexRewriteFields::read(place, reader)?;
        let of = |field| (place.node.get(field).unwrap_or(place.node), Path::Key(place.path, field));
        let (regex_at, rewrite_at) = (of("match"), of("rewrite"));
        let regex_at = Place { node: regex_at.0, path: &regex_at.1 };
        let rewrite_at = Place { node: rewrite_at.0, path: &rewrite_at.1 };
        if rewrite.is_empty() {
            let message = "expected what to write in place of each match, found an empty string";
            reader.invalid(rewrite_at, message, "`\\1` is the first group of `match`");
            return None;
        }
        let error = match Substitution::new(regex.pattern(), &rewrite) {
            Ok(substitution) => return Some(RegexRewrite(Some(substitution))),
            Err(error) => error,
        };
        let does_not_work = |text| format!("`{}` does not work here: {error}", shorten(text));
        if !error.is_in_rewrite() {
            reader.invalid(regex_at, does_not_work(regex.pattern()), "");
            return None;
        }
        // Istio takes these, and so does Envoy.
        let (message, asks_too_much) = (does_not_work(&rewrite), error.is_missing_group());
        let hint = if asks_too_much { "as it is, no path is rewritten" } else { "as it is, the rewrite ends there" };
        reader.warn(Code::NeverMatches, rewrite_at, message, hint);
        Some(RegexRewrite(Substitution::as_envoy(regex.pattern(), &rewrite)))
    }
}
