//! `exportTo` and `workloadSelector` (Istio's `validateExportTo`, `validateWorkloadSelector`).

use super::super::Findings;
use super::super::name::is_label;
use super::at::At;
use crate::Names;
use crate::model::read::shorten;

/// Whose `exportTo` it is.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Of {
    /// A ServiceEntry's, which `~` hides from everybody.
    Service,
    /// That of a DestinationRule with a `workloadSelector`, which is for its own namespace.
    Selection,
    Others,
}

pub(super) fn check(spec: &At<'_>, namespace: &str, of: Of, findings: &mut Findings<'_>) {
    let path = spec.field("exportTo");
    let mut seen = Names::new();
    for at in path.items() {
        let name = if at.text() == "." { namespace } else { at.text() };
        let fits = name == "*" || (name == "~" && of == Of::Service) || is_label(name);
        if !fits {
            let message = match name {
                "~" => "`~` is for a ServiceEntry alone".to_owned(),
                name => format!("`{}` is not a namespace, `.` or `*`", shorten(name)),
            };
            findings.invalid(&at.path, message, "");
        } else if !seen.add(name) {
            findings.invalid(&at.path, format!("the namespace `{}` stands twice", shorten(name)), "remove it");
        }
    }
    let many = path.items().nth(1).is_some();
    for (word, meaning) in [("*", "everybody"), ("~", "nobody")] {
        if many && seen.contains(word) {
            let message = format!("`{word}` is {meaning}, and cannot stand beside others");
            findings.invalid(&path.path, message, "keep one of them");
        }
    }
    if of == Of::Selection && !seen.is_empty() && (seen.len() > 1 || !seen.contains(namespace)) {
        let message = "with `workloadSelector` a DestinationRule is for its own namespace alone";
        findings.invalid(&path.path, message, "write `exportTo: ['.']`, or leave it out");
    }
    for at in spec.field("workloadSelector").field("matchLabels").entries() {
        let wrong = if at.key().is_empty() {
            "expected a label's key, found an empty string".to_owned()
        } else if at.key().contains('*') || at.text().contains('*') {
            format!("`*` has no meaning in the label `{}`", shorten(at.key()))
        } else {
            continue;
        };
        findings.invalid(&at.path, wrong, "");
    }
}
