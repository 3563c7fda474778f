//! Resources with bad fields, read without them: the field is an error, and all the rest stays in the set for what
//! others say of it.
//!
//! The tree is cut until it can be read. What is missing for a cut is no finding: [`Gaps::touch`] knows the fields that
//! were cut, and what holds them.

use std::fmt::Write;

use crate::finding::{Finding, Report};
use crate::load::{Entry, Node, Step, Value, steps};

/// Fields of a ServiceEntry that decide what may stand in others.
const DECIDES: &[(&str, &[&str])] = &[
    ("spec.resolution", &["spec.hosts", "spec.ports", "spec.endpoints", "spec.workloadSelector"]),
    ("spec.ports", &["spec.endpoints"]),
];

/// What could not be read of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// The fields, as their text has them.
    fields: Vec<String>,
    /// Items that were cut out of lists: the list, as the text has it, and which.
    items: Vec<(String, usize)>,
}

/// None.
pub static NO_GAPS: Gaps = Gaps { fields: Vec::new(), items: Vec::new() };

impl Gaps {
    /// Whether `path` is of a field that could not be read, is in one or holds one.
    pub fn touch(&self, path: &str) -> bool {
        let within = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.is_empty() || outer.is_empty() || rest.starts_with(['.', '[']))
        };
        self.fields.iter().any(|field| within(field, path) || within(path, field))
    }

    /// A path in what is left, as the text has it.
    pub fn original(&self, path: String) -> String {
        if self.items.is_empty() {
            return path;
        }
        let mut out = String::with_capacity(path.len());
        for step in steps(&path) {
            match step {
                Step::Key(key) if key.contains(['.', '[', ']', '/', ' ']) => _ = write!(out, "[\"{key}\"]"),
                Step::Key(key) if out.is_empty() => out.push_str(&key),
                Step::Key(key) => _ = write!(out, ".{key}"),
                Step::Index(mut index) => {
                    let cut = self.items.iter().filter(|(list, _)| *list == out);
                    cut.for_each(|(_, cut)| index += usize::from(*cut <= index));
                    _ = write!(out, "[{index}]");
                }
            }
        }
        out
    }

    /// Reads what can be read, and says what else there is; nothing when nothing of use is left.
    pub(super) fn read<T>(
        tree: &mut Node,
        report: &mut Report,
        mut read: impl FnMut(&Node, &mut Report) -> Option<T>,
    ) -> Option<(T, Gaps)> {
        let (mut gaps, known) = (Gaps::default(), report.findings().len());
        if let Some(all) = read(tree, report) {
            return Some((all, gaps));
        }
        let mut cut = gaps.cut(tree, report.findings().get(known..).unwrap_or_default());
        // What is found from here on was found before, or is for want of what was cut.
        let mut report = Report::new();
        while cut {
            if let Some(all) = read(tree, &mut report) {
                return Some((all, gaps));
            }
            cut = gaps.cut(tree, std::mem::take(&mut report).findings());
        }
        None
    }

    /// Cuts what these findings are about out of the tree; false when there is nothing to cut.
    pub(super) fn cut(&mut self, tree: &mut Node, findings: &[Finding]) -> bool {
        // Places are those before any cut of this round, and the last item of a list goes first.
        let mut places: Vec<(String, String)> = Vec::new();
        for Finding { path, .. } in findings.iter().filter(|finding| finding.stops()) {
            if !places.iter().any(|(known, _)| known == path) {
                places.push((path.clone(), self.original(path.clone())));
            }
        }
        let mut done = false;
        for (path, original) in places.into_iter().rev() {
            let mut steps = steps(&path);
            // A rule whose match is gone would take every request.
            let in_match = steps.iter().position(|step| matches!(step, Step::Key(key) if key == "match"));
            if let Some(at) = in_match.filter(|_| path.starts_with("spec.http[")) {
                steps.truncate(at + 2);
                done |= replace(tree, &steps, &path);
            } else {
                done |= self.cut_out(tree, &steps, &original);
            }
            let others =
                DECIDES.iter().filter(|(field, _)| original.starts_with(field)).flat_map(|(_, others)| *others);
            self.fields.extend(others.map(|&other| other.to_owned()));
            self.fields.push(original);
        }
        self.items.sort();
        done
    }

    fn cut_out(&mut self, tree: &mut Node, steps: &[Step], original: &str) -> bool {
        let Some((last, above)) = steps.split_last() else { return false };
        let Some(holder) = find(tree, above) else { return false };
        match (last, &mut holder.value) {
            (Step::Key(key), Value::Map(entries)) => {
                let Some(at) = entries.iter().position(|entry| entry.key == *key) else { return false };
                // What stands without quotes and should be text is known all the same, and so is a list's only item.
                if entries.get_mut(at).is_some_and(|entry| as_text(&mut entry.value.value) || as_list(&mut entry.value))
                {
                    return true;
                }
                entries.remove(at);
                true
            }
            (Step::Index(index), Value::List(items)) if *index < items.len() => {
                if items.get_mut(*index).is_some_and(|item| as_text(&mut item.value)) {
                    return true;
                }
                items.remove(*index);
                let list = original.rfind('[').and_then(|at| original.split_at_checked(at));
                if let Some((list, index)) = list
                    && let Ok(index) = index.trim_matches(['[', ']']).parse()
                {
                    self.items.push((list.to_owned(), index));
                }
                true
            }
            _ => false,
        }
    }
}

/// Makes a number or a boolean the text of it; false where there is none.
fn as_text(value: &mut Value) -> bool {
    let text = match value {
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        _ => return false,
    };
    *value = Value::Text(text);
    true
}

/// Makes a list of what should perhaps be one; false where it is one.
fn as_list(node: &mut Node) -> bool {
    if !matches!(node.value, Value::Text(_) | Value::Map(_)) {
        return false;
    }
    let item = Node { value: std::mem::replace(&mut node.value, Value::Null), mark: node.mark };
    node.value = Value::List(vec![item]);
    true
}

/// Puts a match in the place of another that is like no other.
fn replace(tree: &mut Node, steps: &[Step], path: &str) -> bool {
    let Some(node) = find(tree, steps) else { return false };
    let mark = node.mark;
    let text = |text: String| Node { value: Value::Text(text), mark };
    let entry = |key: &str, value: Node| Entry { key: key.to_owned(), mark, value };
    let exact = Value::Map(vec![entry("exact", text(format!("{path}\0")))]);
    let one = Value::Map(vec![entry("uri", Node { value: exact, mark })]);
    let is_item = matches!(steps.last(), Some(Step::Index(_)));
    let list = || Value::List(vec![Node { value: one.clone(), mark }]);
    let stand_in = if is_item { one.clone() } else { list() };
    let new = node.value != stand_in;
    node.value = stand_in;
    new
}

fn find<'a>(tree: &'a mut Node, steps: &[Step]) -> Option<&'a mut Node> {
    let mut node = tree;
    for step in steps {
        node = match (step, &mut node.value) {
            (Step::Key(key), Value::Map(entries)) => &mut entries.iter_mut().find(|entry| entry.key == *key)?.value,
            (Step::Index(index), Value::List(items)) => items.get_mut(*index)?,
            _ => return None,
        };
    }
    Some(node)
}
