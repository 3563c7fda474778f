//! Patterns where a text is taken as it stands.

use super::Findings;
use crate::finding::Code;
use crate::model::http_route::HttpMatchRequest;
use crate::model::read::{Path, shorten};
use crate::model::{HttpRoute, StringMatch};

pub(super) fn check(rules: &[HttpRoute], findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    for (index, rule) in rules.iter().enumerate() {
        let here = Path::Index(&http, index);
        let matches = Path::Key(&here, "match");
        for (index, one) in rule.r#match.iter().enumerate() {
            one_match(one, &Path::Index(&matches, index), findings);
        }
    }
}

fn one_match(one: &HttpMatchRequest, path: &Path<'_>, findings: &mut Findings<'_>) {
    let fields = [("uri", &one.uri), ("scheme", &one.scheme), ("method", &one.method), ("authority", &one.authority)];
    for (name, value) in fields {
        if let Some(value) = value {
            text(value, &Path::Key(path, name), findings);
        }
    }
    for (field, values) in [("headers", &one.headers), ("queryParams", &one.query_params)] {
        let field = Path::Key(path, field);
        for (name, value) in values.iter() {
            text(value, &Path::Key(&field, name), findings);
        }
    }
    let field = Path::Key(path, "withoutHeaders");
    for (name, value) in one.without_headers.iter() {
        text(&value.0, &Path::Key(&field, name), findings);
    }
}

fn text(value: &StringMatch, path: &Path<'_>, findings: &mut Findings<'_>) {
    let (kind, text) = match value {
        StringMatch::Exact(text) => ("exact", text),
        StringMatch::Prefix(text) => ("prefix", text),
        StringMatch::Regex(_) | StringMatch::Present => return,
    };
    let sign = [".*", ".+", "[^/]", "\\d"].into_iter().find(|sign| text.contains(sign));
    let Some(sign) = sign.or_else(|| text.ends_with('*').then_some("*")) else { return };
    let message = format!("`{sign}` stands for itself in `{kind}`: only requests that have `{sign}` there match");
    let before = text.split(sign).next().unwrap_or_default();
    // Whatever comes behind it, a prefix takes.
    let ends = text.len() == before.len() + sign.len();
    let hint = match (kind, sign) {
        ("prefix", ".*" | "*") if ends => format!("write `prefix: {}`", shorten(before)),
        ("exact", "*") if ends && before.ends_with('/') => format!("write `prefix: {}`", shorten(before)),
        (_, "*") if text == "*" => "for any value write `{}`".to_owned(),
        (_, "*") => format!("write `prefix: {}`", shorten(before)),
        _ => format!("write `regex` in place of `{kind}`"),
    };
    findings.warn(Code::LiteralPattern, &Path::Key(path, kind), message, hint);
}
