//! What is wrong with a set of resources beyond what reading them shows: fields that do not go together, references
//! that lead nowhere, rules that no request reaches.
//!
//! | who would say so | where |
//! |---|---|
//! | Istio's webhook, about one resource (`pkg/config/validation`) | a file a kind, and one for each part of a rule |
//! | the same, and Kubernetes by Istio's schemas, about what Sailcloth does not read | `unread` |
//! | `istioctl analyze`, about resources together (`pkg/config/analysis/analyzers`) | `references`, `hosts`, `servers`, `unreachable`, `analyses` |
//! | Sailcloth | `clusters`, `delegates`, `idle`, `literal`, `merged`, `others`, `unenforced`, `weights`, and beside what it is about |
//!
//! What a single value has to look like is not repeated here: [`model`](crate::model) holds no other.

#[cfg(feature = "yaml")]
mod analyses;
mod clusters;
mod connection_pool;
mod cors;
mod delegates;
mod destination_rule;
mod fault;
mod gateway;
mod headers;
mod hosts;
mod idle;
mod literal;
mod matches;
mod merged;
mod mirror;
mod name;
#[cfg(feature = "yaml")]
mod others;
mod outlier_detection;
mod partly;
mod redirect;
mod references;
mod response;
mod retry;
mod rewrite;
mod rule;
mod servers;
mod service_entry;
mod unenforced;
mod unreachable;
#[cfg(feature = "yaml")]
mod unread;
mod virtual_service;
mod weights;

pub(crate) use name::is_address;
pub use unenforced::Unenforced;

use std::time::Duration;

use crate::finding::{Code, Finding, Origin, Report, Severity};
use crate::load::{Node, Value};
use crate::model::read::Path;
use crate::model::{Gaps, Resource, Resources};
use crate::registry::Registry;

/// Checks a set: each resource by itself, then all together. What depends on more than the set is for [`idle`] and
/// [`unenforced`](unenforced()).
pub fn check(set: &Resources, report: &mut Report) {
    validate(set, report);
    #[cfg(feature = "yaml")]
    unread::check(set, report);
    for resource in &set.virtual_services {
        let findings = &mut Findings::new(resource, report);
        unreachable::check(&resource.spec.http, findings);
        literal::check(&resource.spec.http, findings);
        weights::check(&resource.spec.http, findings);
        headers::foreign(&resource.spec.http, findings);
    }
    let registry = Registry::new(set);
    references::check(set, &registry, report);
    hosts::check(set, report);
    delegates::check(set, report);
    merged::check(set, report);
    servers::check(set, report);
    #[cfg(feature = "yaml")]
    others::check(set, report);
    #[cfg(feature = "yaml")]
    analyses::check(set, &registry, report);
}

/// Checks a set against listeners that give up a stream when it has stood idle for so long; zero is never.
pub fn idle(set: &Resources, stream_idle_timeout: Duration, report: &mut Report) {
    for resource in &set.virtual_services {
        idle::check(&resource.spec.http, stream_idle_timeout, &mut Findings::new(resource, report));
    }
}

/// Checks a set for certificates that were valid until before `now`, in seconds since 1970.
#[cfg(feature = "yaml")]
pub fn expired(set: &Resources, now: i64, report: &mut Report) {
    analyses::expired(set, now, report);
}

/// Checks a set for protection that Sailcloth does not give.
pub fn unenforced(set: &Resources, by: Unenforced, report: &mut Report) {
    unenforced::check(set, by, report);
}

/// Checks each resource by itself, as far as Sailcloth acts on it. All that can stop a module is found here; a module
/// asks no more, since it is seldom given the whole set.
pub fn validate(set: &Resources, report: &mut Report) {
    for resource in &set.virtual_services {
        virtual_service::check(resource, &mut Findings::new(resource, report));
    }
    for resource in &set.destination_rules {
        destination_rule::check(&resource.spec, &mut Findings::new(resource, report));
    }
    for resource in &set.gateways {
        gateway::check(resource, &mut Findings::new(resource, report));
    }
    for resource in &set.service_entries {
        service_entry::check(&resource.spec, &mut Findings::new(resource, report));
    }
    for resource in &set.workload_entries {
        service_entry::check_workload(&resource.spec, &mut Findings::new(resource, report));
    }
}

/// Where findings about one resource go.
struct Findings<'a> {
    resource: &'a dyn About,
    report: &'a mut Report,
}

/// A resource of any kind, as findings need it.
trait About {
    fn finding(&self, rule: (Severity, Origin, Code), path: String, message: String, hint: String) -> Finding;
    fn tree(&self) -> &Node;
    fn gaps(&self) -> &Gaps;
}

impl<T> About for Resource<T> {
    fn finding(&self, rule: (Severity, Origin, Code), path: String, message: String, hint: String) -> Finding {
        Resource::finding(self, rule, path, message, hint)
    }

    fn tree(&self) -> &Node {
        &self.tree
    }

    fn gaps(&self) -> &Gaps {
        &self.gaps
    }
}

impl<'a> Findings<'a> {
    fn new(resource: &'a dyn About, report: &'a mut Report) -> Findings<'a> {
        Findings { resource, report }
    }

    fn push(
        &mut self,
        rule: (Severity, Origin, Code),
        path: &Path<'_>,
        message: impl AsRef<str>,
        hint: impl AsRef<str>,
    ) {
        self.found(rule, path, message.as_ref(), hint.as_ref());
    }

    fn found(&mut self, rule: (Severity, Origin, Code), path: &Path<'_>, message: &str, hint: &str) {
        let path = path.to_string();
        let finding = self.resource.finding(rule, path, message.to_owned(), hint.to_owned());
        if !self.resource.gaps().touch(&finding.path) {
            self.report.push(finding);
        }
    }

    /// Istio's webhook refuses it.
    fn invalid(&mut self, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Error, Origin::Validation, Code::SchemaValidationError), path, message, hint);
    }

    /// Istio's webhook takes it, with a warning.
    fn doubtful(&mut self, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Warning, Origin::Validation, Code::SchemaWarning), path, message, hint);
    }

    /// Sailcloth has something to say.
    fn warn(&mut self, code: Code, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Warning, Origin::Sailcloth, code), path, message, hint);
    }

    /// Whether the text has a string at `path` that is not empty.
    fn says(&self, path: &str) -> bool {
        matches!(self.resource.tree().at(path).map(|node| &node.value), Some(Value::Text(text)) if !text.is_empty())
    }

    /// Whether the text has something at `path`, whether or not the model reads it.
    fn has(&self, path: &str) -> bool {
        self.resource.tree().at(path).is_some_and(|node| node.value != Value::Null)
    }
}
