//! YAML with the place of every value, read as Kubernetes reads it (`sigs.k8s.io/yaml`, which is go-yaml v2 and then
//! JSON): YAML 1.1 scalars, merge keys, keys that are text in the end.
//!
//! A document that cannot be read costs only itself: reading goes on behind the next `---`.

mod explain;
mod located_json;
mod scalar;
mod stream;

use super::{Mark, Node};
use crate::finding::{Code, Finding, Origin, Report, Severity};

/// Why a document could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where reading stopped.
    pub mark: Mark,
    /// What is wrong there.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl SyntaxError {
    fn new(mark: Mark, message: impl Into<String>) -> SyntaxError {
        SyntaxError { mark, message: message.into(), hint: String::new() }
    }

    fn hint(self, hint: impl Into<String>) -> SyntaxError {
        SyntaxError { hint: hint.into(), ..self }
    }
}

/// More broken documents than this in one text are not looked for.
const MOST_ERRORS: usize = 100;

/// Reads a stream of YAML documents, or of JSON ones, which are YAML apart from their `\ud83d\ude00` escapes and from
/// standing one behind the other without `---`. Empty documents are left out, and those of a template.
///
/// ```
/// let (documents, errors) = shared::load::yaml("a: 1\n---\nb: [\n---\nc: 3\n");
/// assert_eq!(documents.len(), 2);
/// assert_eq!(errors[0].mark.line, 4);
/// ```
pub fn yaml(text: &str) -> (Vec<Node>, Vec<SyntaxError>) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut refused = None;
    if text.trim_start().starts_with(['{', '[']) {
        match located_json::read(text) {
            Ok(documents) => return (documents, Vec::new()),
            Err(error) => refused = Some(error),
        }
    }
    let (mut documents, mut errors) = stream::read(text);
    if let Some(last) = errors.last_mut() {
        last.mark = last.mark.min(end(text));
    }
    // Whichever reading came further knows better what is wrong.
    if let (Some(json), Some(first)) = (refused, errors.first_mut())
        && json.mark > first.mark
    {
        *first = json;
    }
    explain::template(text, &mut documents, &mut errors);
    let errors = errors.into_iter().map(|error| explain::tab(text, error)).collect();
    (documents, errors)
}

/// The place behind the last character: for the parser an open bracket at the end goes wrong on the line after it.
fn end(text: &str) -> Mark {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let (lines, last) = text.trim_end().lines().fold((0, ""), |(lines, _), line| (lines + 1, line));
    Mark { line: number(lines).max(1), column: number(last.chars().count()).saturating_add(1) }
}

/// Reads a file's text for [`Resources::read`](crate::model::Resources::read); what is neither YAML nor JSON becomes
/// findings.
pub fn text(text: &str, file: Option<&str>, report: &mut Report) -> Vec<(Option<String>, Node)> {
    let file = file.map(str::to_owned);
    let (documents, errors) = yaml(text);
    for SyntaxError { mark: Mark { line, column }, message, hint } in errors {
        report.push(Finding {
            severity: Severity::Error,
            origin: Origin::Validation,
            code: Code::NotYaml,
            kind: String::new(),
            namespace: String::new(),
            name: String::new(),
            path: String::new(),
            file: file.clone(),
            line,
            column,
            message,
            hint,
        });
    }
    documents.into_iter().map(|node| (file.clone(), node)).collect()
}
