//! `uriRegexRewrite` of a rule: a regex, and what takes the place of its matches in the path.

use super::read::{Path, Place, Read, Reader, shorten};
use super::values::{Line, Regex};
use crate::finding::Code;
use crate::object;
use crate::re2::{Re2Error, Substitution};

/// Every match of a regex in the path is replaced; in the rewrite `\1` is the first group.
#[derive(Clone, Debug, PartialEq)]
pub struct RegexRewrite(pub Substitution);

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
        match Substitution::as_envoy(regex.pattern(), &rewrite) {
            Ok((substitution, fault)) => {
                if let Some(fault) = fault {
                    // Istio takes these, and so does Envoy.
                    let does = if fault.is_missing_group() { "no path is rewritten" } else { "the rewrite ends there" };
                    let hint = format!("as it is, {does}");
                    reader.warn(Code::NeverMatches, rewrite_at, does_not_work(&rewrite, &fault), hint);
                }
                Some(RegexRewrite(substitution))
            }
            Err(error) => {
                reader.invalid(regex_at, does_not_work(regex.pattern(), &error), "");
                None
            }
        }
    }
}

fn does_not_work(text: &str, error: &Re2Error) -> String {
    format!("`{}` does not work here: {error}", shorten(text))
}
