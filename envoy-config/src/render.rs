//! Findings for people, in the manner of rustc, and for programs: as JSON, as SARIF, and as GitHub takes them.

use std::collections::BTreeMap;
use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use shared::finding::{Finding, Severity};

use crate::input::{Loaded, Source};

mod github;
mod outcome;
mod sarif;
pub use github::github;
pub use sarif::sarif;

/// Lines longer than that are shown in part.
const WIDEST: usize = 160;

const BOLD: Style = Style::new().bold();
const FRAME: Style = AnsiColor::Blue.on_default().bold();

/// The findings as a JSON array, as `docs/check.schema.json` has it.
pub fn json(findings: &[Finding]) -> String {
    pretty(&findings)
}

fn pretty(value: &impl serde::Serialize) -> String {
    // Findings are strings and numbers: nothing in them can fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The findings with the lines that they are about, and a summary. With colours, which `anstream` takes out where they
/// do not belong.
pub fn text(loaded: &Loaded) -> String {
    let sources = Sources::new(&loaded.sources);
    let mut out = String::new();
    for finding in &loaded.findings {
        write_finding(&mut out, finding, &sources);
    }
    out.push_str(&summary(loaded));
    out
}

/// `2 errors, 1 warning in 3 resources`.
pub fn summary(loaded: &Loaded) -> String {
    if loaded.set.is_empty() && loaded.findings.is_empty() && loaded.silenced == 0 {
        return "there are no resources here, so nothing was checked\n".to_owned();
    }
    let count = |severity| loaded.findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "note")];
    let said: Vec<_> = counts
        .into_iter()
        .map(|(severity, word)| (count(severity), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| plural(count, word))
        .collect();
    let said = if said.is_empty() { "no problems".to_owned() } else { said.join(", ") };
    let silenced = match loaded.silenced {
        0 => String::new(),
        count => format!(" ({} suppressed)", plural(count, "finding")),
    };
    format!("{said} in {}{silenced}\n", plural(loaded.set.len(), "resource"))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

/// The lines of every text, split once.
struct Sources<'a>(BTreeMap<&'a str, Vec<&'a str>>);

impl<'a> Sources<'a> {
    fn new(sources: &'a [Source]) -> Sources<'a> {
        Sources(sources.iter().map(|source| (source.name.as_str(), source.text.lines().collect())).collect())
    }

    fn line(&self, file: &str, line: u32) -> Option<&'a str> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        self.0.get(file)?.get(index).copied()
    }
}

fn write_finding(out: &mut String, finding: &Finding, sources: &Sources<'_>) {
    let (word, colour) = match finding.severity {
        Severity::Error => ("error", AnsiColor::Red),
        Severity::Warning => ("warning", AnsiColor::Yellow),
        Severity::Info => ("note", AnsiColor::Cyan),
    };
    let style = colour.on_default().bold();
    let (code, message) = (finding.code, clean(&finding.message));
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{style}{word}[{code}]{style:#}{BOLD}: {message}{BOLD:#}");
    let width = finding.line.max(1).ilog10() as usize + 1;
    if let Some(file) = &finding.file {
        let file = clean(file);
        let place = match (finding.line, finding.column) {
            (0, _) => file,
            (line, column) => format!("{file}:{line}:{column}"),
        };
        let _ = writeln!(out, "{:width$}{FRAME}-->{FRAME:#} {place}", "");
        if let Some(line) = sources.line(finding.file.as_deref().unwrap_or_default(), finding.line) {
            let (shown, before, length) = excerpt(line, finding.column);
            let _ = writeln!(out, "{:width$} {FRAME}|{FRAME:#}", "");
            let _ = writeln!(out, "{FRAME}{} |{FRAME:#} {shown}", finding.line);
            let carets = "^".repeat(length);
            let _ = writeln!(out, "{:width$} {FRAME}|{FRAME:#} {:before$}{style}{carets}{style:#}", "", "");
        }
    }
    let resource = finding.resource();
    let then = outcome::outcome(finding);
    let facts = [("resource", resource.as_str()), ("field", &finding.path), ("then", then), ("hint", &finding.hint)];
    for (word, fact) in facts.into_iter().filter(|(_, fact)| !fact.is_empty()) {
        let _ = writeln!(out, "{:width$} {FRAME}={FRAME:#} {BOLD}{word}{BOLD:#}: {}", "", clean(fact));
    }
    out.push('\n');
}

/// The part of a line around `column`, how many characters stand before the place in it, and how many to underline:
/// the word or the quoted text that begins there.
fn excerpt(line: &str, column: u32) -> (String, usize, usize) {
    let characters: Vec<char> = line.chars().collect();
    let at = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX).min(characters.len());
    let rest = characters.get(at..).unwrap_or_default();
    let length = match rest.first() {
        Some(quote @ ('"' | '\'')) => {
            rest.iter().skip(1).position(|c| c == quote).map_or(rest.len(), |closing| closing + 2)
        }
        _ => rest.iter().position(|c| c.is_whitespace() || matches!(c, ':' | ',' | ']' | '}')).unwrap_or(rest.len()),
    };
    let start = if characters.len() > WIDEST { at.saturating_sub(WIDEST / 3) } else { 0 };
    let shown: String = characters.iter().skip(start).take(WIDEST).collect();
    let (head, tail) = (start > 0, start + WIDEST < characters.len());
    let shown = format!("{}{}{}", if head { "…" } else { "" }, clean(&shown), if tail { "…" } else { "" });
    let before = at - start + usize::from(head);
    (shown, before, length.clamp(1, WIDEST.saturating_sub(at - start).max(1)))
}

/// Takes out what could steer a terminal: resources come from other people, too.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
