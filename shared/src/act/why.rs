//! Why a request went where it went, in a few words for people: which rule, for what reason, to which version.

use crate::decide::{Decision, Found, OwnReply};
use crate::plan::{Action, Plan};
use crate::resolve::Delegated;

/// What access logs and debug lines say of a decision. What is not known is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    /// `NAMESPACE/NAME#RULE`, by the rule's name, or its index in `spec.http` where it has none; `default` for what a
    /// service without VirtualService gets. A delegate's rule is named by the delegate and its index there.
    pub rule: Vec<u8>,
    /// What chose the destination, or why there is none.
    pub reason: Vec<u8>,
    /// The subset of the destination.
    pub version: Vec<u8>,
}

/// Why a decision is as it is.
pub fn why(plan: &Plan, decision: &Decision) -> Why {
    let mut reason = reason(plan, decision).as_bytes().to_vec();
    if decision.delayed {
        reason.extend(b"+delay");
    }
    let cluster = decision.chosen(plan).map(|chosen| chosen.cluster.as_bytes()).unwrap_or_default();
    let version = cluster.split(|byte| *byte == b'|').nth(2).unwrap_or_default().to_vec();
    Why { rule: rule(plan, decision), reason, version }
}

fn rule(plan: &Plan, decision: &Decision) -> Vec<u8> {
    let Some(rule) = decision.rule(plan) else { return Vec::new() };
    let source = &rule.source;
    if let Some(Delegated { delegate, index }) = source.delegated.as_deref() {
        return [delegate, "#", &index.to_string()].concat().into_bytes();
    }
    let index = source.index.to_string();
    let name = source.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&index);
    match source.virtual_service.as_ref() {
        "" => name.as_bytes().to_vec(),
        service => [service, "#", name].concat().into_bytes(),
    }
}

fn reason(plan: &Plan, decision: &Decision) -> &'static str {
    match decision.reply {
        Some(OwnReply::NotFound) if matches!(decision.found, Found::Host(_)) => "no_rule",
        Some(OwnReply::NotFound) => "no_host",
        Some(OwnReply::UnknownHost) => "unknown_host",
        Some(OwnReply::Blocked) => "blocked",
        Some(OwnReply::Redirect) => "redirect",
        Some(OwnReply::DirectResponse) => "direct_response",
        Some(OwnReply::Preflight) => "preflight",
        Some(OwnReply::HttpsRedirect) => "https_redirect",
        Some(OwnReply::FaultAbort) => "fault_abort",
        Some(OwnReply::Overflow) => "overflow",
        Some(OwnReply::Ejected) => "ejected",
        Some(OwnReply::WaitedTooLong) => "waited_too_long",
        None => match decision.rule(plan).map(|rule| &rule.action) {
            Some(Action::Route(route)) if route.sticky.is_some() => "sticky",
            Some(Action::Route(route)) if route.destinations.is_weighted() => "weight",
            Some(_) => "route",
            None => "passthrough",
        },
    }
}
