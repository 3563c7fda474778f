//! Kinds of other people: how many there are is all there is to say of them.

use crate::finding::{Code, Finding, Origin, Report, Severity};
use crate::model::Resources;

/// So many kinds are named.
const NAMED: usize = 12;

pub(super) fn check(set: &Resources, report: &mut Report) {
    let total: usize = set.foreign.values().sum();
    if total == 0 {
        return;
    }
    let kinds = set.foreign.clone().into_sorted();
    let mut named: Vec<String> = kinds.iter().take(NAMED).map(|(kind, count)| format!("{count} {kind}")).collect();
    let more = kinds.len().saturating_sub(NAMED);
    if more > 0 {
        named.push(format!("{more} kinds more"));
    }
    let count = if total == 1 {
        "one resource of another kind has".to_owned()
    } else {
        format!("{total} resources of other kinds have")
    };
    report.push(Finding {
        severity: Severity::Info,
        origin: Origin::Sailcloth,
        code: Code::OtherKinds,
        kind: String::new(),
        namespace: String::new(),
        name: String::new(),
        path: String::new(),
        file: None,
        line: 0,
        column: 0,
        message: format!("{count} no effect here: {}", named.join(", ")),
        hint: String::new(),
    });
}
