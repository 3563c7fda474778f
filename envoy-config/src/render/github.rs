//! Findings as workflow commands, which GitHub Actions shows beside the lines that they are about.

use shared::finding::{Finding, Severity};

use crate::input::Loaded;

/// A command for each, and the summary.
pub fn github(loaded: &Loaded) -> String {
    loaded.findings.iter().map(command).chain([super::summary(loaded)]).collect()
}

fn command(finding: &Finding) -> String {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut properties = Vec::new();
    if let Some(file) = &finding.file {
        properties.push(format!("file={}", property(file.strip_prefix("./").unwrap_or(file))));
        if finding.line > 0 {
            properties.push(format!("line={},col={}", finding.line, finding.column.max(1)));
        }
    }
    properties.push(format!("title={}", finding.code));
    let Finding { message, hint, path, .. } = finding;
    let resource = finding.resource();
    let place = [resource.as_str(), path].into_iter().filter(|part| !part.is_empty()).map(|part| format!("{part}: "));
    let hint = if hint.is_empty() { String::new() } else { format!(" ({hint})") };
    let said = format!("{}{message}{hint}", place.collect::<String>());
    format!("::{command} {}::{}\n", properties.join(","), data(&said))
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
