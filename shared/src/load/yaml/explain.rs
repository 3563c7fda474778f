//! What somebody meant to write where the parser only sees that it is no YAML: a template that nobody rendered, a line
//! indented with a tab.

use super::SyntaxError;
use crate::load::{Mark, Node, Value};
use crate::model::read::visible;

/// So many lines before the one that the parser stumbles over may be what is wrong.
const LINES_BEFORE: u32 = 3;

/// Of a text with errors: that it is a template, in the place of all errors that come of that. Documents with something
/// of the template in them say nothing about what it comes to.
pub(super) fn template(text: &str, documents: &mut Vec<Node>, errors: &mut Vec<SyntaxError>) {
    let mut first: Option<(Mark, &str)> = None;
    for (line, number) in text.lines().zip(1u32..) {
        let Some((at, action)) = action(line) else { continue };
        let (before, beside) = (errors.len(), number..=number.saturating_add(LINES_BEFORE));
        errors.retain(|error| !beside.contains(&error.mark.line));
        if errors.len() < before && first.is_none() {
            let column = u32::try_from(line.get(..at).map_or(0, |before| before.chars().count())).unwrap_or(u32::MAX);
            first = Some((Mark { line: number, column: column.saturating_add(1) }, action));
        }
    }
    let Some((mark, action)) = first else { return };
    documents.retain(|document| !has_action(document));
    let message = format!("this is a template that nobody has rendered: `{}` is no YAML", visible(action));
    errors.push(SyntaxError::new(mark, message).hint("check what it comes to: `helm template . | sailcloth check -`"));
}

fn has_action(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text.contains("{{"),
        Value::List(items) => items.iter().any(has_action),
        Value::Map(entries) => entries.iter().any(|entry| entry.key.contains("{{") || has_action(&entry.value)),
        _ => false,
    }
}

/// The first `{{ ... }}` in a line that is not in quotes, as Go's and other templates have it, and where it begins.
fn action(line: &str) -> Option<(usize, &str)> {
    let code = line.trim_start();
    if code.starts_with('#') {
        return None;
    }
    let at = line.find("{{")?;
    if line.get(..at)?.ends_with(['\'', '"']) {
        return None;
    }
    let rest = line.get(at..)?;
    let inner = rest.strip_prefix("{{")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner).trim_start();
    let is_action =
        inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '$' | '/' | '"' | '(' | '`'));
    let end = rest.find("}}").map_or(rest.len(), |end| end + 2);
    // A mapping in a mapping, which is YAML but for its key.
    let is_mapping = inner.split("}}").next().is_some_and(|inner| inner.contains(": "));
    (is_action && !is_mapping).then(|| rest.get(..end).map(|action| (at, action)))?
}

/// The same error at the tab, where there is one beside it.
pub(super) fn tab(text: &str, error: SyntaxError) -> SyntaxError {
    let Some(from) = error.mark.line.checked_sub(1).filter(|_| error.message.contains("tab")) else { return error };
    let indented = |line: &str| {
        let before = line.chars().take_while(|c| matches!(c, ' ' | '\t' | '-'));
        before.zip(1u32..).find(|(c, _)| *c == '\t').map(|(_, column)| column)
    };
    let beside = text.lines().zip(1u32..).skip(usize::try_from(from).unwrap_or(usize::MAX)).take(3);
    let found = beside.filter_map(|(line, number)| Some((number, indented(line)?))).next();
    let Some((line, column)) = found else { return error };
    let message = "a tab in the indentation, which YAML does not take";
    SyntaxError::new(Mark { line, column }, message).hint("indent with spaces")
}
