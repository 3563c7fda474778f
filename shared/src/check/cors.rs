//! `corsPolicy` (Istio's `validateCORSPolicy`).

use super::Findings;
use crate::finding::Code;
use crate::model::StringMatch;
use crate::model::http_route::CorsPolicy;
use crate::model::read::{Path, nearest, shorten};
use crate::model::values::GoDuration;
use crate::names::is_header;

const METHODS: [&str; 10] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"];

pub(super) fn check(policy: &CorsPolicy, path: &Path<'_>, findings: &mut Findings<'_>) {
    if !policy.allow_origin.is_empty() {
        let list = policy.allow_origin.iter().take(3).map(|text| format!("{{exact: '{}'}}", shorten(text)));
        let hint = format!("write `allowOrigins: [{}]`", list.collect::<Vec<_>>().join(", "));
        let message = match policy.allow_origins.is_empty() {
            true => "`allowOrigin` is deprecated",
            false => "`allowOrigin` is deprecated, and has no effect beside `allowOrigins`",
        };
        findings.warn(Code::Deprecated, &Path::Key(path, "allowOrigin"), message, hint);
    }
    let origins = Path::Key(path, "allowOrigins");
    for (index, origin) in policy.allow_origins.iter().enumerate() {
        let empty = match origin {
            StringMatch::Exact(text) | StringMatch::Prefix(text) => text.is_empty(),
            StringMatch::Regex(_) => false,
            StringMatch::Present => true,
        };
        if empty {
            let message = "expected an origin as `exact`, `prefix` or `regex`, found none";
            findings.invalid(&Path::Index(&origins, index), message, "for any origin write `regex: .*`");
        }
    }
    let methods = Path::Key(path, "allowMethods");
    for (index, method) in policy.allow_methods.iter().enumerate() {
        if !METHODS.contains(&method.as_str()) {
            let hint = match nearest(method, METHODS.iter().map(|name| (*name).to_owned())) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("expected one of {}", METHODS.join(", ")),
            };
            findings.invalid(&Path::Index(&methods, index), format!("`{}` is not a method", shorten(method)), hint);
        }
    }
    for (field, names) in [("allowHeaders", &policy.allow_headers), ("exposeHeaders", &policy.expose_headers)] {
        let path = Path::Key(path, field);
        for (index, name) in names.iter().enumerate() {
            // `*` is a token as well, so that `is_header` takes it.
            let here = Path::Index(&path, index);
            if !is_header(name) {
                findings.invalid(&here, super::headers::not_a_header(name), "");
            }
            super::headers::internal(name, &here, findings);
        }
    }
    if let Some(GoDuration(age)) = policy.max_age
        && (age.is_zero() || age.subsec_nanos() != 0)
    {
        let message = format!("expected whole seconds, at least one, found `{}`", GoDuration(age));
        findings.invalid(&Path::Key(path, "maxAge"), message, "");
    }
}
