//! `rewrite` (Istio's `validateHTTPRewrite`).

use super::Findings;
use crate::model::http_route::HttpRewrite;
use crate::model::read::Path;
use crate::model::values::Line;

pub(super) fn check(rewrite: &HttpRewrite, path: &Path<'_>, findings: &mut Findings<'_>) {
    let written = |field: &Option<Line>| field.as_deref().is_some_and(|text| !text.is_empty());
    let uri = written(&rewrite.uri);
    if uri && rewrite.uri_regex_rewrite.is_some() {
        let message = "a rewrite cannot have both `uri` and `uriRegexRewrite`";
        findings.invalid(&Path::Key(path, "uriRegexRewrite"), message, "keep one of them");
    }
    if !uri && rewrite.uri_regex_rewrite.is_none() && !written(&rewrite.authority) {
        findings.invalid(path, "expected `uri`, `uriRegexRewrite` or `authority` in a rewrite", "");
    }
}
