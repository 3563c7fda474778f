//! `redirect` (Istio's `validateHTTPRedirect`).

use super::Findings;
use crate::finding::Code;
use crate::model::StringMatch;
use crate::model::http_route::{HttpMatchRequest, HttpRedirect};
use crate::model::read::Path;
use crate::model::values::Line;

/// What Envoy's `RedirectResponseCode` has. With any other code Istio's route ends up without an action.
const CODES: [u32; 5] = [301, 302, 303, 307, 308];

pub(super) fn check(
    redirect: &HttpRedirect,
    matches: &[HttpMatchRequest],
    path: &Path<'_>,
    findings: &mut Findings<'_>,
) {
    let written = |field: &Option<Line>| field.as_deref().is_some_and(|text| !text.is_empty());
    let (uri, prefix, authority, scheme) = (
        written(&redirect.uri),
        written(&redirect.prefix_rewrite),
        written(&redirect.authority),
        written(&redirect.scheme),
    );
    if uri && prefix {
        let message = "a redirect cannot have both `uri` and `prefixRewrite`";
        findings.invalid(&Path::Key(path, "prefixRewrite"), message, "keep one of them");
    }
    let other_than_prefix = |one: &HttpMatchRequest| !matches!(one.uri, None | Some(StringMatch::Prefix(_)));
    if prefix && matches.iter().any(other_than_prefix) {
        let message = "`prefixRewrite` needs every `uri` match of the rule to be a `prefix`";
        findings.invalid(&Path::Key(path, "prefixRewrite"), message, "use `uri` to replace the whole path");
    }
    let port = redirect.port.is_some() || redirect.derive_port.is_some();
    if !(uri || prefix || authority || scheme || port) {
        let message = "the redirect leads back to where the request came from";
        findings.invalid(path, message, "expected `uri`, `prefixRewrite`, `authority`, `scheme` or `port`");
    }
    if redirect.port.is_some() && redirect.derive_port.is_some() {
        let message = "a redirect cannot have both `port` and `derivePort`";
        findings.invalid(&Path::Key(path, "derivePort"), message, "keep one of them");
    }
    if let Some(text) = redirect.scheme.as_deref()
        && !["", "http", "https"].contains(&text)
    {
        let message = format!("expected the scheme `http` or `https`, found `{}`", crate::model::read::shorten(text));
        findings.invalid(&Path::Key(path, "scheme"), message, "");
    }
    match redirect.redirect_code {
        None | Some(0) => {}
        Some(code) if CODES.contains(&code) => {}
        Some(code @ 300..=399) => {
            let message = format!("Envoy has no redirect with code {code}; requests of this rule are not answered so");
            let hint = "use 301, 302, 303, 307 or 308";
            findings.warn(Code::NoSuchRedirect, &Path::Key(path, "redirectCode"), message, hint);
        }
        Some(code) => {
            let message = format!("expected a redirect code from 300 to 399, found `{code}`");
            findings.invalid(&Path::Key(path, "redirectCode"), message, "use 301, 302, 303, 307 or 308");
        }
    }
}
