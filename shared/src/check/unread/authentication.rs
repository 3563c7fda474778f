//! PeerAuthentications and RequestAuthentications (Istio's `ValidatePeerAuthentication`,
//! `ValidateRequestAuthentication`).

use super::super::Findings;
use super::at::At;
use super::selection;
use crate::load::Value;
use crate::model::read::shorten;

pub(super) fn peer(spec: &At<'_>, findings: &mut Findings<'_>) {
    let (selector, ports) = (spec.field("selector"), spec.field("portLevelMtls"));
    selection::labels(&selector, "matchLabels", findings);
    let labels = selector.field("matchLabels");
    let many = ports.entries().next().is_some();
    if many && labels.entries().next().is_none() {
        let message = "`portLevelMtls` is for a policy with a `selector` that names workloads";
        findings.invalid(&ports.path, message, "add `selector: {matchLabels: ...}`");
    }
    if ports.is() && !many {
        findings.invalid(&ports.path, "expected a port at least", "leave it out");
    }
    for port in ports.entries() {
        if !port.key().parse::<u32>().is_ok_and(|port| (1..=65_535).contains(&port)) {
            findings.invalid(
                &port.path,
                format!("expected a port from 1 to 65535, found `{}`", shorten(port.key())),
                "",
            );
        }
    }
}

pub(super) fn request(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::policy(spec, findings);
    for rule in spec.field("jwtRules").items() {
        rule_of(&rule, findings);
    }
}

fn rule_of(rule: &At<'_>, findings: &mut Findings<'_>) {
    let (issuer, uri, keys) = (rule.field("issuer"), rule.field("jwksUri"), rule.field("jwks"));
    if issuer.text().is_empty() && uri.text().is_empty() {
        findings.invalid(&rule.path, "`issuer` or `jwksUri` is missing", "");
    }
    if !uri.text().is_empty()
        && let Err(wrong) = web_address(uri.text())
    {
        findings.invalid(&uri.path, wrong, "write `https://HOST/PATH`");
    }
    if !keys.text().is_empty() {
        if !uri.text().is_empty() {
            findings.invalid(&keys.path, "cannot stand beside `jwksUri`", "keep one of them");
        }
        key_set(&keys, findings);
    }
    for copy in rule.field("outputClaimToHeaders").items() {
        let header = copy.field("header");
        if !header.text().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
            let message = format!("`{}` is not a header's name", shorten(header.text()));
            findings.invalid(&header.path, message, "");
        }
    }
}

/// `ParseJwksURI`.
fn web_address(uri: &str) -> Result<(), String> {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    let Some(rest) = rest else {
        return Err(format!("`{}` begins with neither `https://` nor `http://`", shorten(uri)));
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match port {
        Some((_, port)) if !port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(format!("`{}` has no number for a port", shorten(uri)))
        }
        _ if uri.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') => {
            Err(format!("`{}` is not a URI", shorten(uri)))
        }
        _ => Ok(()),
    }
}

/// Keys that are written here: JSON, and none that is private.
fn key_set(keys: &At<'_>, findings: &mut Findings<'_>) {
    let Ok(tree) = crate::load::json(keys.text().as_bytes()) else {
        findings.invalid(&keys.path, "expected a set of keys (JWKS) as JSON", "");
        return;
    };
    let Some(list) = tree.get("keys").and_then(|list| list.items()) else { return };
    for (index, key) in list.enumerate() {
        let private = key.get("d").is_some()
            || matches!(key.get("kty").map(|kty| &kty.value), Some(Value::Text(t)) if t == "oct");
        if private {
            let message = format!("the key {index} is private, and public ones are all that is needed");
            findings.doubtful(&keys.path, message, "take the private part out");
        }
    }
}
