//! `headers` of a rule or a destination (Istio's `ValidateHTTPHeaderOperationName` and its neighbours).

use super::Findings;
use crate::finding::Code;
use crate::model::HttpRoute;
use crate::model::format::Wrong;
use crate::model::http_route::{HeaderOperations, Headers};
use crate::model::read::{Path, shorten};
use crate::names::{is_header, is_internal_header};

#[derive(Clone, Copy, PartialEq)]
enum Direction {
    Request,
    Response,
}

pub(super) fn check(headers: &Headers, path: &Path<'_>, findings: &mut Findings<'_>) {
    if let Some(operations) = &headers.request {
        check_operations(operations, &Path::Key(path, "request"), Direction::Request, findings);
    }
    if let Some(operations) = &headers.response {
        check_operations(operations, &Path::Key(path, "response"), Direction::Response, findings);
    }
}

fn check_operations(operations: &HeaderOperations, path: &Path<'_>, direction: Direction, findings: &mut Findings<'_>) {
    for (field, values) in [("set", &operations.set), ("add", &operations.add)] {
        let path = Path::Key(path, field);
        for (name, _) in values {
            if !(direction == Direction::Request && is_authority(name)) {
                check_name(name, direction, &Path::Key(&path, name), findings);
            }
        }
    }
    let remove = Path::Key(path, "remove");
    for (index, name) in operations.remove.iter().enumerate() {
        check_name(name, direction, &Path::Index(&remove, index), findings);
    }
}

fn check_name(name: &str, direction: Direction, path: &Path<'_>, findings: &mut Findings<'_>) {
    let hint = match direction {
        Direction::Request => "to change path or authority use `rewrite`; `set` also takes `:authority`",
        Direction::Response => "",
    };
    if name.starts_with(':') {
        let message = format!("`{}` is not a header that can be changed: it begins with `:`", shorten(name));
        findings.invalid(path, message, hint);
    } else if name.eq_ignore_ascii_case("host") {
        findings.invalid(path, format!("`{name}` cannot be changed here"), hint);
    } else if !is_header(name) {
        // Istio lets it pass, and Envoy writes it on the wire as it stands, which breaks the request.
        findings.invalid(path, not_a_header(name), "");
    } else {
        internal(name, path, findings);
    }
}

/// With a header of Sailcloth's own a rule could send requests anywhere, past all rules.
pub(super) fn internal(name: &str, path: &Path<'_>, findings: &mut Findings<'_>) {
    if is_internal_header(name) {
        let Wrong { message, hint } = Wrong::internal_header(name);
        findings.invalid(path, message, hint);
    }
}

/// Values that Envoy takes and Istio's webhook does not. Where there is no webhook they do what they say, so that modules
/// have nothing to say of them.
pub(super) fn foreign(rules: &[HttpRoute], findings: &mut Findings<'_>) {
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    for (index, rule) in rules.iter().enumerate() {
        let path = Path::Index(&http, index);
        let route = Path::Key(&path, "route");
        foreign_values(rule.headers.as_deref(), &path, findings);
        for (index, way) in rule.route.iter().enumerate() {
            foreign_values(way.headers.as_deref(), &Path::Index(&route, index), findings);
        }
    }
}

fn foreign_values(headers: Option<&Headers>, path: &Path<'_>, findings: &mut Findings<'_>) {
    let path = Path::Key(path, "headers");
    let Some(headers) = headers else { return };
    for (direction, operations) in [("request", &headers.request), ("response", &headers.response)] {
        let Some(operations) = operations else { continue };
        let path = Path::Key(&path, direction);
        for (field, values) in [("set", &operations.set), ("add", &operations.add)] {
            for (name, value) in values {
                if let Some(operator) = value.foreign_to_istio() {
                    let message = format!("`%{}%` is refused by Istio's webhook; Envoy takes it", shorten(operator));
                    let (field, hint) = (Path::Key(&path, field), "it works outside a cluster alone");
                    findings.warn(Code::SchemaValidationError, &Path::Key(&field, name), message, hint);
                }
            }
        }
    }
}

/// The authority may be rewritten in one place only (`validateAuthorityRewrite`).
pub(super) fn check_authority(rule: &HttpRoute, path: &Path<'_>, findings: &mut Findings<'_>) {
    let rewrite = rule.rewrite.as_ref().and_then(|rewrite| rewrite.authority.as_deref());
    let mut before = rewrite.filter(|text| !text.is_empty()).map(|text| (text, "rewrite.authority".to_owned()));
    let Some(request) = rule.headers.as_ref().and_then(|headers| headers.request.as_ref()) else { return };
    for (field, values) in [("set", &request.set), ("add", &request.add)] {
        for (name, value) in values.iter().filter(|(name, _)| is_authority(name)) {
            match &before {
                Some((_, place)) => {
                    let (headers, request) = (Path::Key(path, "headers"), "request");
                    let message = format!("the authority is already changed by `{place}`");
                    let here = Path::Key(&headers, request);
                    findings.invalid(&Path::Key(&Path::Key(&here, field), name), message, "keep one of them");
                }
                None => before = Some((value.text(), format!("headers.request.{field}.{name}"))),
            }
        }
    }
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

/// For names that have to be headers.
pub(super) fn not_a_header(name: &str) -> String {
    match name {
        "" => "expected the name of a header, found an empty string".into(),
        name => format!("`{}` is not a header's name: expected letters, digits and `-`", shorten(name)),
    }
}
