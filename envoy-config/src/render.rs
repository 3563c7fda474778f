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
    let (mut out, mut cursor) = (String::new(), Cursor::default());
    for finding in &loaded.findings {
        write_finding(&mut out, finding, &sources, &mut cursor);
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

fn write_finding(out: &mut String, finding: &Finding, sources: &Sources<'_>, cursor: &mut Cursor) {
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
            let (shown, before, length) = excerpt_at(line, cursor.byte_of(line, finding.column));
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
#[cfg(test)]
fn excerpt(line: &str, column: u32) -> (String, usize, usize) {
    excerpt_at(line, Cursor::default().byte_of(line, column))
}

/// The same for a place of which the byte is known: no more of the line is looked at than is shown.
fn excerpt_at(line: &str, at: usize) -> (String, usize, usize) {
    let (head, rest) = line.split_at_checked(at).unwrap_or((line, ""));
    let ends = |c: char| c.is_whitespace() || matches!(c, ':' | ',' | ']' | '}');
    let mut shown_rest = rest.chars().take(WIDEST + 1);
    let length = match shown_rest.next() {
        Some(quote @ ('"' | '\'')) => shown_rest.position(|c| c == quote).map(|closing| closing + 2),
        Some(first) if !ends(first) => shown_rest.position(ends).map(|end| end + 1),
        _ => Some(0),
    };
    let length = length.unwrap_or_else(|| rest.chars().take(WIDEST + 1).count());
    let is_long = line.chars().nth(WIDEST).is_some();
    let kept = if is_long { WIDEST / 3 } else { WIDEST };
    let from = head.char_indices().rev().take(kept).last().map_or(head.len(), |(byte, _)| byte);
    let window = line.get(from..).unwrap_or_default();
    let before = head.get(from..).unwrap_or_default().chars().count();
    let shown: String = window.chars().take(WIDEST).collect();
    let (cut_before, cut_after) = (from > 0, window.chars().nth(WIDEST).is_some());
    let shown = format!("{}{}{}", if cut_before { "…" } else { "" }, clean(&shown), if cut_after { "…" } else { "" });
    (shown, before + usize::from(cut_before), length.clamp(1, WIDEST.saturating_sub(before).max(1)))
}

/// Where a column was found last: findings come in the order of their places, and lines can be long.
#[derive(Default)]
struct Cursor {
    line: (usize, usize),
    column: usize,
    byte: usize,
}

impl Cursor {
    /// The byte at which a column begins, or the line's end.
    fn byte_of(&mut self, line: &str, column: u32) -> usize {
        let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
        let this = (line.as_ptr() as usize, line.len());
        if self.line != this || column < self.column {
            (self.line, self.column, self.byte) = (this, 0, 0);
        }
        let rest = line.get(self.byte..).unwrap_or_default();
        let (mut passed, mut bytes) = (0, rest.len());
        for (byte, _) in rest.char_indices() {
            if passed == column - self.column {
                bytes = byte;
                break;
            }
            passed += 1;
        }
        (self.column, self.byte) = (self.column + passed, self.byte + bytes);
        self.byte
    }
}

/// Takes out what could steer a terminal: resources come from other people, too.
pub(crate) fn clean(text: &str) -> String {
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
