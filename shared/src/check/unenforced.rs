//! Protection that resources ask for and that Sailcloth does not give yet: requests that Istio would deny are let
//! through, and what it would encrypt goes in plain text.
//!
//! Only what acts in Istio counts. A policy that audits, one in a dry run (but for `CUSTOM`, whose provider Istio asks
//! all the same), an `ALLOW` with a rule that takes everything, `PERMISSIVE` and `DISABLE` deny nobody; `tls` counts
//! where a service of the set gets a cluster by it. That a PeerAuthentication of a narrower scope may overrule a
//! `STRICT` one does not count: which proxies are whose is not for resources to say.

use super::Findings;
use crate::finding::{About, Code, Origin, Report, Severity};
use crate::load::{Node, Value};
use crate::model::destination_rule::TrafficPolicy;
use crate::model::read::{Path, Place, Read, Reader};
use crate::model::restriction::{self, Action, Asked, ClientTls, MutualTls};
use crate::model::{DestinationRule, Resource, Resources};
use crate::names;
use crate::registry::Registry;

/// What becomes of protection that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unenforced {
    /// It is said what would happen.
    Warned,
    /// The same, as an error: nobody wants clusters that lead around it.
    Refused,
    /// Somebody else's Envoy and clusters see to it.
    LeftToOthers,
}

/// Protection that is asked for.
struct Lack {
    /// What happens without it.
    happens: &'static str,
    /// Why.
    why: &'static str,
}

const POLICY: &str = "Sailcloth does not enforce an AuthorizationPolicy yet";

const ALLOW: Lack = Lack { happens: "requests that it does not allow are NOT denied", why: POLICY };
const NOTHING: Lack = Lack { happens: "requests, none of which it allows, are NOT denied", why: POLICY };
const DENY: Lack = Lack { happens: "requests that it denies are NOT denied", why: POLICY };
const CUSTOM: Lack = Lack { happens: "its provider is not asked, and requests are NOT denied", why: POLICY };
const TOKENS: Lack = Lack {
    happens: "tokens are NOT verified, and requests with wrong ones are NOT denied",
    why: "Sailcloth does not enforce a RequestAuthentication yet",
};
const MUTUAL: Lack = Lack {
    happens: "requests are sent in plain text, and those that come in plain text are NOT denied",
    why: "Sailcloth does not speak mutual TLS yet",
};
const TLS: Lack = Lack {
    happens: "requests to this service are sent in plain text",
    why: "Sailcloth does not speak TLS to services yet",
};

/// Names everything that a set asks for in vain.
pub(super) fn check(set: &Resources, by: Unenforced, report: &mut Report) {
    for resource in &set.restrictions(report) {
        match resource.kind {
            restriction::AUTHORIZATION_POLICY => authorization(resource, by, report),
            restriction::PEER_AUTHENTICATION => peers(resource, by, report),
            _ => tokens(resource, by, report),
        }
    }
    if set.destination_rules.is_empty() {
        return;
    }
    let registry = Registry::new(set);
    for rule in &set.destination_rules {
        let host = names::resolve_host(&rule.spec.host, rule.meta.namespace());
        if registry.iter().any(|service| names::covers(&host, &service.host)) {
            client_tls(rule, by, report);
        }
    }
}

fn lacks<T>(resource: &Resource<T>, path: &str, lack: &Lack, by: Unenforced, report: &mut Report) {
    let Lack { happens, why } = lack;
    let said = |severity| {
        let hint = "protect it elsewhere; `run` and `generate bootstrap` go on with `--allow-unenforced`";
        (severity, format!("{happens}: {why}"), hint)
    };
    let (severity, message, hint) = match by {
        Unenforced::Warned => said(Severity::Warning),
        Unenforced::Refused => said(Severity::Error),
        Unenforced::LeftToOthers => {
            (Severity::Info, (*why).to_owned(), "it is left to the Envoy that the filters go into, and to its clusters")
        }
    };
    report.push(resource.finding((severity, Origin::Sailcloth, Code::Unenforced), path, message, hint));
}

/// A word of the spec; nothing where there is none, or one that is none of the words, which is said.
fn word<T: Read, R>(resource: &Resource<R>, path: &str, report: &mut Report) -> Option<T> {
    let node = resource.tree.at(path).filter(|node| node.value != Value::Null)?;
    let about = About {
        kind: resource.kind.to_owned(),
        namespace: resource.meta.namespace().to_owned(),
        name: resource.meta.name.clone(),
        file: resource.file.clone(),
    };
    T::read(Place { node, path: &Path::Said(path) }, &mut Reader::new(&about, report))
}

fn authorization(policy: &Resource<Asked>, by: Unenforced, report: &mut Report) {
    const ACTION: &str = "spec.action";
    let written = policy.tree.at(ACTION).is_some_and(|node| node.value != Value::Null);
    let action = match word(policy, ACTION, report) {
        None if written => return,
        action => action.unwrap_or(Action::Allow),
    };
    const DRY_RUN: &str = "istio.io/dry-run";
    // As Go reads a boolean.
    let dry_run = policy.meta.annotations.get(DRY_RUN);
    let dry_run = dry_run.is_some_and(|it| ["1", "t", "T", "true", "TRUE", "True"].contains(&it.as_str()));
    if dry_run && matches!(action, Action::Allow | Action::Deny) {
        let annotations = Path::Said("metadata.annotations");
        let message = "Sailcloth does not try a policy out; it has no effect";
        return Findings::new(policy, report).warn(Code::Unsupported, &Path::Key(&annotations, DRY_RUN), message, "");
    }
    let path = if written { ACTION } else { "spec" };
    match action {
        Action::Allow if takes_everything(policy.tree.at("spec.rules")) => {}
        Action::Allow => {
            let some = policy.tree.at("spec.rules").and_then(Node::items).is_some_and(|rules| rules.len() > 0);
            lacks(policy, path, if some { &ALLOW } else { &NOTHING }, by, report);
        }
        Action::Deny => lacks(policy, path, &DENY, by, report),
        Action::Custom => lacks(policy, path, &CUSTOM, by, report),
        Action::Audit => {
            let message = "`AUDIT` is not supported by Sailcloth and has no effect";
            Findings::new(policy, report).warn(Code::Unsupported, &Path::Said(ACTION), message, "");
        }
    }
}

/// Whether a rule asks for nothing, so that every request is allowed.
fn takes_everything(rules: Option<&Node>) -> bool {
    let nothing = |node: &Node| match &node.value {
        Value::Null => true,
        Value::List(items) => items.is_empty(),
        _ => false,
    };
    let any = |rule: &Node| ["from", "to", "when"].iter().all(|part| rule.get(part).is_none_or(nothing));
    rules.and_then(Node::items).into_iter().flatten().any(|rule| any(&rule))
}

fn peers(policy: &Resource<Asked>, by: Unenforced, report: &mut Report) {
    let mut strict = |path: &str| {
        if word(policy, path, report) == Some(MutualTls::Strict) {
            lacks(policy, path, &MUTUAL, by, report);
        }
    };
    strict("spec.mtls.mode");
    const PORTS: &str = "spec.portLevelMtls";
    if let Some(Node { value: Value::Map(ports), .. }) = policy.tree.at(PORTS) {
        for port in ports {
            strict(&format!("{PORTS}.{}.mode", port.key));
        }
    }
}

fn tokens(policy: &Resource<Asked>, by: Unenforced, report: &mut Report) {
    const RULES: &str = "spec.jwtRules";
    if policy.tree.at(RULES).and_then(Node::items).is_some_and(|rules| rules.len() > 0) {
        lacks(policy, RULES, &TOKENS, by, report);
    }
}

/// The `tls` of each policy, whether for all ports or for one.
fn client_tls(rule: &Resource<DestinationRule>, by: Unenforced, report: &mut Report) {
    let mut policy = |policy: Option<&TrafficPolicy>, path: &str| {
        let mut asked = |path: String| {
            let mode = format!("{path}.mode");
            if word(rule, &mode, report).is_some_and(|mode: ClientTls| mode != ClientTls::Disable) {
                // The field, as of any that is not acted upon; what comes of it is another matter.
                if by != Unenforced::LeftToOthers {
                    let message = "`tls` is not supported by Sailcloth and has no effect";
                    Findings::new(rule, report).warn(Code::Unsupported, &Path::Said(&path), message, "");
                }
                lacks(rule, &mode, &TLS, by, report);
            }
        };
        if let Some(policy) = policy {
            asked(format!("{path}.tls"));
            (0..policy.port_level_settings.len())
                .for_each(|index| asked(format!("{path}.portLevelSettings[{index}].tls")));
        }
    };
    policy(rule.spec.traffic_policy.as_ref(), "spec.trafficPolicy");
    for (index, subset) in rule.spec.subsets.iter().enumerate() {
        policy(subset.traffic_policy.as_ref(), &format!("spec.subsets[{index}].trafficPolicy"));
    }
}
