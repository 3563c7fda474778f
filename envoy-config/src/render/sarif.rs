//! Findings as SARIF 2.1.0 (OASIS), which GitHub's code scanning and editors read.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use shared::finding::{Code, Finding, Severity};

use crate::codes;

/// Writes one run with all of them. Each code is a rule.
///
/// Code scanning refuses a whole file in which one result has no place, so what is about no file is said of `file`.
///
/// # Errors
/// When it cannot be written.
pub fn sarif(findings: &[Finding], file: &str, out: &mut dyn Write) -> io::Result<()> {
    let used: Vec<Code> = Code::ALL.iter().copied().filter(|code| findings.iter().any(|it| it.code == *code)).collect();
    let tool = json!({"driver": {
        "name": "sailcloth",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": used.iter().map(rule).collect::<Vec<_>>(),
    }});
    let results = Results { findings, used: &used, file };
    let runs = [Run { tool, column_kind: "unicodeCodePoints", results }];
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Value,
    column_kind: &'static str,
    results: Results<'a>,
}

/// Results, each of which is there only while it is written: as trees, all of them would be hundreds of MB.
struct Results<'a> {
    findings: &'a [Finding],
    used: &'a [Code],
    file: &'a str,
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().map(|finding| self.result(finding)))
    }
}

impl Results<'_> {
    fn result(&self, finding: &Finding) -> Value {
        let Finding { severity, code, message, hint, file, line, column, path, .. } = finding;
        let level = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        let text = if hint.is_empty() { message.clone() } else { format!("{message} ({hint})") };
        // What is about a file as a whole is shown at its first line: code scanning asks for one.
        let region = json!({"startLine": (*line).max(1), "startColumn": (*column).max(1)});
        let artifact = json!({"uri": uri(file.as_deref().unwrap_or(self.file))});
        let resource = finding.resource();
        let mut logical = Vec::new();
        if !resource.is_empty() {
            let parts = [resource.as_str(), path].into_iter().filter(|part| !part.is_empty());
            let name = parts.collect::<Vec<_>>().join(" ");
            logical.push(json!({"fullyQualifiedName": name, "kind": "resource"}));
        }
        json!({
            "ruleId": code.as_str(),
            "ruleIndex": self.used.iter().position(|it| it == code),
            "level": level,
            "message": {"text": text},
            "locations": [{
                "physicalLocation": {"artifactLocation": artifact, "region": region},
                "logicalLocations": logical,
            }],
        })
    }
}

fn rule(code: &Code) -> Value {
    let meaning = code.meaning().trim();
    let help = codes::section(*code).unwrap_or(meaning);
    json!({
        "id": code.as_str(),
        "name": format!("{code:?}"),
        "shortDescription": {"text": meaning},
        "help": {"text": help, "markdown": help},
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
