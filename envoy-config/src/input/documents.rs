//! The documents of a text; those of a long one are read by several threads at once.

use std::ops::Range;
use std::thread;

use shared::Report;
use shared::load::{self, Mark, Node, Value};

use super::Source;

/// Shorter texts are read before other threads have begun.
const LONG: usize = 1 << 20;
/// More threads would wait for memory.
const MOST_THREADS: usize = 4;

/// What [`load::text`] reads of it.
pub(super) fn documents(source: &Source, report: &mut Report) -> Vec<(Option<String>, Node)> {
    let threads = thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS));
    let parts = parts(&source.text, threads);
    if parts.len() > 1
        && let Some(documents) = at_once(source, parts)
    {
        return documents;
    }
    load::text(&source.text, Some(&source.name), report)
}

/// All documents, or nothing when a part has a mistake: what there is to say of it, the whole text says.
fn at_once(source: &Source, parts: Vec<Range<usize>>) -> Option<Vec<(Option<String>, Node)>> {
    let read = |part: Range<usize>| {
        let before = source.text.get(..part.start)?.bytes().filter(|byte| *byte == b'\n').count();
        let (text, mut report) = (source.text.get(part)?, Report::new());
        let mut documents = load::text(text, Some(&source.name), &mut report);
        let lines = u32::try_from(before).ok()?;
        let further_down = |mark: &mut Mark| mark.line += if mark.line > 0 { lines } else { 0 };
        documents.iter_mut().for_each(|(_, node)| move_marks(node, &further_down));
        report.findings().is_empty().then_some(documents)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || read(part))).collect();
        let parts: Vec<_> = threads.into_iter().map(|thread| thread.join().ok().flatten()).collect();
        Some(parts.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
    })
}

/// Parts of whole documents, about equally long.
fn parts(text: &str, count: usize) -> Vec<Range<usize>> {
    // Directives are for the document below them, and other ends of lines count otherwise.
    if text.len() < LONG
        || text.contains(['\r', '\u{85}', '\u{2028}', '\u{2029}'])
        || text.starts_with('%')
        || text.contains("\n%")
    {
        return std::iter::once(0..text.len()).collect();
    }
    let mut parts = Vec::new();
    let mut start = 0;
    for number in 1..count {
        let from = (text.len() / count * number).max(start);
        let rest = (from..text.len()).find(|at| text.is_char_boundary(*at)).and_then(|at| Some((at, text.get(at..)?)));
        let Some((at, end)) = rest.and_then(|(at, rest)| Some((at, rest.find("\n---\n")?))) else { break };
        parts.push(start..at + end + 1);
        start = at + end + 1;
    }
    parts.push(start..text.len());
    parts
}

/// Gives everything in a tree another place.
pub(super) fn move_marks(node: &mut Node, place: &impl Fn(&mut Mark)) {
    place(&mut node.mark);
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| move_marks(item, place)),
        Value::Map(entries) => {
            for entry in entries {
                place(&mut entry.mark);
                move_marks(&mut entry.value, place);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_what_the_whole_holds() {
        let document = |number: usize| {
            format!(
                "apiVersion: v1\nkind: Service\nmetadata: {{name: s{number}}}\nspec:\n  text: |\n    é ---\n    {}\n",
                "x".repeat(90)
            )
        };
        let text = (0..9_000).map(document).collect::<Vec<_>>().join("---\n");
        assert!(text.len() > LONG);
        let source = Source { name: "long.yaml".into(), text };
        let mut report = Report::new();
        let whole = load::text(&source.text, Some("long.yaml"), &mut report);
        for count in 2..6 {
            let parts = parts(&source.text, count);
            assert_eq!(parts.len(), count);
            assert!(at_once(&source, parts).unwrap() == whole, "{count}");
        }
        let broken = Source { text: format!("{}---\na: [\n", source.text), ..source };
        assert_eq!(at_once(&broken, parts(&broken.text, 3)), None);
        assert_eq!(parts("a\n---\nb\n", 2).len(), 1);
    }
}
