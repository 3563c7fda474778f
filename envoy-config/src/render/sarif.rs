//! Findings as SARIF 2.1.0 (OASIS), which GitHub's code scanning and editors read.

use serde_json::{Value, json};
use shared::finding::{Code, Finding, Severity};

use crate::codes;

/// One run with all of them. Each code is a rule.
pub fn sarif(findings: &[Finding]) -> String {
    let used: Vec<Code> = Code::ALL.iter().copied().filter(|code| findings.iter().any(|it| it.code == *code)).collect();
    let rule = |code: &Code| {
        let meaning = code.meaning().trim();
        let help = codes::section(*code).unwrap_or(meaning);
        json!({
            "id": code.as_str(),
            "name": format!("{code:?}"),
            "shortDescription": {"text": meaning},
            "help": {"text": help, "markdown": help},
        })
    };
    let driver = json!({
        "name": "sailcloth",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": used.iter().map(rule).collect::<Vec<_>>(),
    });
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &used)).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    });
    super::pretty(&log)
}

fn result(finding: &Finding, used: &[Code]) -> Value {
    let Finding { severity, code, message, hint, file, line, column, path, .. } = finding;
    let level = match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    };
    let text = if hint.is_empty() { message.clone() } else { format!("{message} ({hint})") };
    let mut location = serde_json::Map::new();
    if let Some(file) = file {
        let artifact = json!({"uri": uri(file)});
        let place = match line {
            0 => json!({"artifactLocation": artifact}),
            _ => {
                let region = json!({"startLine": line, "startColumn": (*column).max(1)});
                json!({"artifactLocation": artifact, "region": region})
            }
        };
        location.insert("physicalLocation".into(), place);
    }
    let resource = finding.resource();
    if !resource.is_empty() {
        let name = [resource.as_str(), path].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
        location.insert("logicalLocations".into(), json!([{"fullyQualifiedName": name, "kind": "resource"}]));
    }
    let locations: Vec<Value> = if location.is_empty() { Vec::new() } else { vec![location.into()] };
    json!({
        "ruleId": code.as_str(),
        "ruleIndex": used.iter().position(|it| it == code),
        "level": level,
        "message": {"text": text},
        "locations": locations,
    })
}

/// A path as a relative reference (RFC 3986), or as a `file:` one where it is absolute.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.strip_prefix("./").unwrap_or(path).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
