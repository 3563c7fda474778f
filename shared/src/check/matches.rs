//! What a rule matches (Istio's `validateHTTPRouteMatchRequest`).

use super::name::{is_label, label};
use super::rule::not_a_label;
use super::{Findings, virtual_service};
use crate::finding::Code;
use crate::model::StringMatch;
use crate::model::http_route::HttpMatchRequest;
use crate::model::read::Path;
use crate::model::values::WithoutMatch;
use crate::names::is_header;

/// Matches on a token's claims are written as headers of this name.
const CLAIMS: &str = "@request.auth.claims";

const PSEUDO_HEADERS: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];

pub(super) fn check(matches: &[HttpMatchRequest], path: &Path<'_>, on_gateway: bool, findings: &mut Findings<'_>) {
    for (index, one) in matches.iter().enumerate() {
        let here = Path::Index(path, index);
        // An empty prefix is allowed for the uri alone: Envoy's path matcher takes it, its string matcher does not.
        for (field, value) in [("scheme", &one.scheme), ("method", &one.method), ("authority", &one.authority)] {
            if let Some(value) = value {
                not_empty(value, &Path::Key(&here, field), findings);
            }
        }
        let headers = Path::Key(&here, "headers");
        for (name, value) in &one.headers {
            let here = Path::Key(&headers, name);
            header(name, &here, on_gateway, findings);
            not_empty(value, &here, findings);
        }
        let without = Path::Key(&here, "withoutHeaders");
        for (name, WithoutMatch(value)) in &one.without_headers {
            let here = Path::Key(&without, name);
            header(name, &here, on_gateway, findings);
            not_empty(value, &here, findings);
        }
        let params = Path::Key(&here, "queryParams");
        for (name, value) in &one.query_params {
            not_empty(value, &Path::Key(&params, name), findings);
        }
        labels(&one.source_labels, &Path::Key(&here, "sourceLabels"), findings);
        virtual_service::gateways(&one.gateways, &Path::Key(&here, "gateways"), findings);
        if let Some(namespace) = one.source_namespace.as_deref().filter(|text| !text.is_empty())
            && !is_label(namespace)
        {
            findings.invalid(&Path::Key(&here, "sourceNamespace"), not_a_label(namespace), "");
        }
    }
}

/// `validateStringMatch`; the reader has already seen to regexes.
fn not_empty(value: &StringMatch, path: &Path<'_>, findings: &mut Findings<'_>) {
    if matches!(value, StringMatch::Prefix(prefix) if prefix.is_empty()) {
        findings.invalid(path, "expected a prefix, found an empty one", "for any value write `{}`");
    }
}

/// `ValidateHTTPHeaderNameOrJwtClaimRoute`.
fn header(name: &str, path: &Path<'_>, on_gateway: bool, findings: &mut Findings<'_>) {
    if name.to_ascii_lowercase().starts_with(CLAIMS) {
        if on_gateway {
            let message = "matches on the claims of a token are not supported by Sailcloth; no request has this header";
            findings.warn(Code::Unsupported, path, message, "");
        } else {
            let message = "the claims of a token can be matched only at a gateway";
            findings.invalid(path, message, "set `gateways` to the Gateway that is meant, without `mesh`");
        }
    } else if !PSEUDO_HEADERS.contains(&name) && !is_header(name) {
        findings.invalid(path, super::headers::not_a_header(name), "");
    } else {
        super::headers::internal(name, path, findings);
    }
}

/// Labels that a proxy, a Pod or an endpoint is to carry.
pub(super) fn labels(labels: &crate::Map<String>, path: &Path<'_>, findings: &mut Findings<'_>) {
    for (key, value) in labels {
        if let Err(wrong) = label(key, value) {
            findings.invalid(&Path::Key(path, key), wrong, "");
        }
    }
}
