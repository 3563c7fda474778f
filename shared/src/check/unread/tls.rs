//! TLS of destinations and of a Gateway's servers (Istio's `ValidateTLS`, `validateTLSOptions`).

use super::super::Findings;
use super::at::At;
use crate::Names;
use crate::model::read::shorten;

/// `trafficPolicy.tls`.
pub(super) fn client(tls: &At<'_>, namespace: &str, findings: &mut Findings<'_>) {
    let (mode, credential) = (tls.field("mode"), tls.field("credentialName"));
    let (simple, mutual) = (mode.text() == "SIMPLE", mode.text() == "MUTUAL");
    if let Some(name) = credential.text().strip_prefix("configmap://") {
        let mut parts = name.split('/');
        let (from, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if from != namespace || name.is_empty() {
            let message = format!("expected `configmap://{namespace}/NAME`, of the DestinationRule's own namespace");
            findings.invalid(&credential.path, message, "");
        }
    }
    let skip = tls.field("insecureSkipVerify");
    if skip.flag() && (simple || mutual) {
        for name in ["caCertificates", "subjectAltNames", "credentialName"] {
            let field = tls.field(name);
            let written = !field.text().is_empty() || (name == "subjectAltNames" && field.is());
            // A mutual mode's credential also says who the client is.
            if written && (simple || name != "credentialName") {
                let message = format!("with `insecureSkipVerify` nothing is verified by `{name}`");
                findings.invalid(&field.path, message, "remove one of them");
            }
        }
    }
    if (simple || mutual) && !credential.text().is_empty() {
        for name in ["clientCertificate", "caCertificates", "privateKey", "caCrl"] {
            let field = tls.field(name);
            if !field.text().is_empty() {
                findings.invalid(&field.path, "cannot stand beside `credentialName`", "keep one of them");
            }
        }
    } else if mutual {
        for name in ["clientCertificate", "privateKey"] {
            if tls.field(name).text().is_empty() {
                let message = format!("the mode `MUTUAL` needs `{name}`");
                findings.invalid(&tls.path, message, "or `credentialName`");
            }
        }
    }
}

/// Where a server's certificates can come from, beside `serverCertificate` and `privateKey`.
const SOURCES: [&str; 3] = ["credentialName", "credentialNames", "tlsCertificates"];

/// `servers[].tls`.
pub(super) fn server(tls: &At<'_>, findings: &mut Findings<'_>) {
    let has = |name: &str| is_written(&tls.field(name));
    let mode = tls.field("mode");
    if !tls.is() {
        return;
    }
    ciphers(tls, findings);
    if mode.text() == "ISTIO_MUTUAL" {
        let own = ["serverCertificate", "privateKey", "caCertificates"];
        for name in own.iter().chain(&SOURCES).filter(|name| has(name)) {
            let message = format!("the mode `ISTIO_MUTUAL` has certificates of its own, and no `{name}`");
            findings.invalid(&tls.field(name).path, message, "remove it");
        }
        return;
    }
    let all = ["serverCertificate", "privateKey", "caCertificates", "caCrl"];
    if ["PASSTHROUGH", "AUTO_PASSTHROUGH", ""].contains(&mode.text())
        && let Some(name) = all.iter().chain(&SOURCES).find(|name| has(name))
    {
        let message = format!("TLS is not opened here, so that `{name}` has no effect");
        findings.doubtful(&tls.field(name).path, message, "remove it, or write `mode: SIMPLE`");
    }
    let files = has("serverCertificate") && has("privateKey");
    let mut sources = SOURCES.into_iter().filter(|name| has(name)).chain(files.then_some("serverCertificate"));
    if let (Some(first), Some(second)) = (sources.next(), sources.next()) {
        let message = format!("`{first}` and `{second}` cannot stand together");
        findings.invalid(&tls.field(second).path, message, "keep one of them");
    }
    let mutual = ["MUTUAL", "OPTIONAL_MUTUAL"].contains(&mode.text());
    if mutual || mode.text() == "SIMPLE" {
        if has("credentialName") || has("credentialNames") {
            return;
        }
        certificates(tls, mutual, findings);
    }
    revoked(tls, findings);
}

/// What Envoy's library has, under the names of OpenSSL.
const CIPHERS: [&str; 15] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-RSA-AES256-SHA",
    "AES128-GCM-SHA256",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "AES256-SHA",
    "DES-CBC3-SHA",
];

fn ciphers(tls: &At<'_>, findings: &mut Findings<'_>) {
    let (oldest, suites) = (tls.field("minProtocolVersion"), tls.field("cipherSuites"));
    if ["TLSV1_0", "TLSV1_1"].contains(&oldest.text()) && suites.items().next().is_none() {
        let message = format!("`{}` has no cipher among those that are on by default", oldest.text());
        findings.doubtful(&oldest.path, message, "name some with `cipherSuites`");
    }
    let mut seen = Names::new();
    for suite in suites.items() {
        let name = suite.text();
        // Operators such as `-` and `+` are not looked into.
        let known = CIPHERS.contains(&name) || name == "ALL" || !name.starts_with(|c: char| c.is_alphanumeric());
        if !known {
            findings.doubtful(&suite.path, format!("there is no cipher `{}`, which is passed over", shorten(name)), "");
        } else if !seen.add(name) {
            findings.doubtful(&suite.path, format!("the cipher `{}` stands twice", shorten(name)), "remove it");
        }
    }
}

fn certificates(tls: &At<'_>, mutual: bool, findings: &mut Findings<'_>) {
    let mode = tls.field("mode");
    if mutual && !is_written(&tls.field("caCertificates")) {
        let message = format!("the mode `{}` needs `caCertificates`, by which clients are known", mode.text());
        findings.invalid(&tls.path, message, "or `credentialName`");
    }
    let listed = tls.field("tlsCertificates");
    let mut each = |at: &At<'_>| {
        for name in ["serverCertificate", "privateKey"] {
            if !is_written(&at.field(name)) {
                let message = format!("the mode `{}` needs `{name}`", mode.text());
                findings.invalid(&at.path, message, "or `credentialName`");
            }
        }
    };
    match is_written(&listed) {
        true => listed.items().for_each(|certificate| each(&certificate)),
        false => each(tls),
    }
}

fn revoked(tls: &At<'_>, findings: &mut Findings<'_>) {
    let list = tls.field("caCrl");
    if !is_written(&list) {
        return;
    }
    if is_written(&tls.field("credentialName")) {
        findings.invalid(&list.path, "cannot stand beside `credentialName`", "keep the list in the credential");
    }
    if tls.field("mode").text() == "SIMPLE" {
        findings.invalid(&list.path, "the mode `SIMPLE` asks clients for no certificate", "remove it");
    }
}

/// Whether it is something to proto: neither empty text nor an empty list.
fn is_written(at: &At<'_>) -> bool {
    !at.text().is_empty() || at.items().next().is_some()
}
