//! Delegates that come to nothing: requests are left to the rules behind the one that delegates.

use super::Findings;
use crate::Map;
use crate::finding::{Code, Origin, Report, Severity};
use crate::model::read::{Path, nearest, shorten};
use crate::model::{Resource, Resources, VirtualService};
use crate::resolve::roots::roots;
use crate::resolve::{Omission, Reason};

const LOST: (Severity, Origin, Code) = (Severity::Error, Origin::Sailcloth, Code::NoDelegate);
const PARTLY: (Severity, Origin, Code) = (Severity::Warning, Origin::Sailcloth, Code::NoDelegate);

pub(super) fn check(set: &Resources, report: &mut Report) {
    let delegates = |service: &&Resource<VirtualService>| service.spec.http.iter().any(|rule| rule.delegate.is_some());
    if !set.virtual_services.iter().any(|service| delegates(&service)) {
        return;
    }
    let all: Map<&Resource<VirtualService>> =
        set.virtual_services.iter().map(|service| (service.meta.full_name(), service)).collect();
    roots(set, None, &mut |omission: Omission<'_>| {
        if let (Some(root), Some(rule)) = (all.get(omission.virtual_service), omission.rule) {
            say(root, rule as usize, &omission.reason, &all, &mut Findings::new(*root, report));
        }
    });
}

fn say(
    root: &Resource<VirtualService>,
    rule: usize,
    reason: &Reason<'_>,
    all: &Map<&Resource<VirtualService>>,
    findings: &mut Findings<'_>,
) {
    let http = Path::Said("spec.http");
    let here = Path::Index(&http, rule);
    let path = Path::Key(&here, "delegate");
    let left = "its requests are left to the rules behind";
    match reason {
        Reason::NoDelegate(name) => {
            let (what, hint) = missing(root, name, all);
            findings.push(LOST, &path, format!("{what}; {left}"), hint);
        }
        Reason::DelegateConflict { delegate, rule } => {
            let message = format!(
                "`spec.http[{rule}]` of the delegate `{}` has no effect here: one of its matches asks for what no match of \
                 this rule takes",
                shorten(delegate)
            );
            let hint = "a delegate's match lies within one of the rule that delegates: a prefix begins with its prefix, \
                        and beside a regex stands nothing";
            findings.push(PARTLY, &path, message, hint);
        }
        // Validation refuses a delegate that delegates.
        _ => {}
    }
}

/// What is wrong with a delegate that is not found, and what to write.
fn missing(root: &Resource<VirtualService>, name: &str, all: &Map<&Resource<VirtualService>>) -> (String, String) {
    let said = shorten(name);
    let Some(found) = all.get(name) else {
        let delegates = all.iter().filter(|(_, other)| other.spec.hosts.is_empty()).map(|(name, _)| name.clone());
        let hint = nearest(name, delegates).map(|name| format!("did you mean `{name}`?")).unwrap_or_default();
        return (format!("the delegate `{said}` is not among these resources"), hint);
    };
    if !found.spec.hosts.is_empty() {
        return (format!("`{said}` has `hosts`, and so is no delegate"), "remove its `hosts`".to_owned());
    }
    let own = root.meta.namespace();
    let hint = format!("add `{own}` to its `exportTo`");
    (format!("the delegate `{said}` is not exported to the namespace `{own}`"), hint)
}
