//! WasmPlugins and TrafficExtensions (Istio's `ValidateWasmPlugin`, `ValidateTrafficExtension`).

use super::super::Findings;
use super::at::At;
use super::selection;
use crate::Names;
use crate::model::read::shorten;

pub(super) fn plugin(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::policy(spec, findings);
    module(spec, findings);
    if !spec.field("url").is() {
        findings.invalid(&spec.path, "`url` is missing", "write `url: oci://...`");
    }
}

pub(super) fn extension(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::policy(spec, findings);
    let wasm = spec.field("wasm");
    if wasm.is() == spec.field("lua").is() {
        findings.invalid(&spec.path, "expected one of `wasm` and `lua`", "");
    }
    module(&wasm, findings);
}

fn module(at: &At<'_>, findings: &mut Findings<'_>) {
    let (url, sum) = (at.field("url"), at.field("sha256"));
    if !url.text().is_empty()
        && let Err(wrong) = location(url.text())
    {
        findings.invalid(&url.path, wrong, "write `oci://...`, `https://...` or `file:///...`");
    }
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !sum.text().is_empty() && (sum.text().len() != 64 || !hex(sum.text())) {
        findings.invalid(&sum.path, "expected 64 digits from `0` to `f`", "write what `sha256sum` prints");
    }
    let mut names = Names::new();
    let machine = at.field("vmConfig");
    for variable in machine.field("env").items() {
        let (name, value) = (variable.field("name"), variable.field("value"));
        if !name.text().is_empty() && !names.add(name.text()) {
            findings.invalid(&name.path, format!("`{}` stands twice", shorten(name.text())), "keep one of them");
        }
        if variable.field("valueFrom").text() == "HOST" && value.is() {
            findings.invalid(&value.path, "a value that comes from the host stands there", "remove `value`");
        }
    }
}

/// `strictParseURL`, and the schemes that Istio can fetch from.
fn location(url: &str) -> Result<(), String> {
    let scheme = url.split_once(':').map(|(scheme, _)| scheme).filter(|scheme| {
        let mut chars = scheme.chars();
        chars.next().is_some_and(|c| c.is_ascii_alphabetic())
            && chars.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    let percent =
        url.split('%').skip(1).all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    if url.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') || !percent || url.starts_with(':') {
        return Err(format!("`{}` is not a URL", shorten(url)));
    }
    match scheme.map(str::to_ascii_lowercase).as_deref() {
        None | Some("file" | "http" | "https" | "oci") => Ok(()),
        // A host and its port.
        Some(_) if !url.contains("://") && url.split([':', '/']).nth(1).is_some_and(is_port) => Ok(()),
        Some(other) => Err(format!("a module cannot be fetched by `{}`", shorten(other))),
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
