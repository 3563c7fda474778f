//! `rewrite` (Istio's `validateHTTPRewrite`).

use super::Findings;
use crate::finding::Code;
use crate::model::http_route::HttpRewrite;
use crate::model::read::Path;
use crate::re2::Substitution;

pub(super) fn check(rewrite: &HttpRewrite, path: &Path<'_>, findings: &mut Findings<'_>) {
    let written = |field: &Option<String>| field.as_deref().is_some_and(|text| !text.is_empty());
    let uri = written(&rewrite.uri);
    if uri && rewrite.uri_regex_rewrite.is_some() {
        let message = "a rewrite cannot have both `uri` and `uriRegexRewrite`";
        findings.invalid(&Path::Key(path, "uriRegexRewrite"), message, "keep one of them");
    }
    if !uri && rewrite.uri_regex_rewrite.is_none() && !written(&rewrite.authority) {
        findings.invalid(path, "expected `uri`, `uriRegexRewrite` or `authority` in a rewrite", "");
    }
    let Some(regex) = &rewrite.uri_regex_rewrite else { return };
    let path = Path::Key(path, "uriRegexRewrite");
    if regex.rewrite.is_empty() {
        let message = "expected what to write in place of each match, found an empty string";
        return findings.invalid(&Path::Key(&path, "rewrite"), message, "`\\1` is the first group of `match`");
    }
    // Envoy takes a group that does not exist, and replaces nothing then; what is no escape ends the rewrite for it.
    if let Err(error) = Substitution::new(regex.r#match.0.pattern(), &regex.rewrite) {
        let (field, text) = match error.is_in_rewrite() {
            true => ("rewrite", regex.rewrite.as_str()),
            false => ("match", regex.r#match.0.pattern()),
        };
        let text = crate::model::read::shorten(text);
        let (message, path) = (format!("`{text}` does not work here: {error}"), Path::Key(&path, field));
        if error.is_missing_group() {
            findings.doubtful(Code::NeverMatches, &path, message, "as it is, no path is rewritten");
        } else if error.is_in_rewrite() {
            findings.doubtful(Code::NeverMatches, &path, message, "as it is, the rewrite ends there");
        } else {
            findings.invalid(&path, message, "");
        }
    }
}
