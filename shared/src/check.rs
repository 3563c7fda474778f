//! What is wrong with a set of resources beyond what reading them shows: fields that do not go together, references
//! that lead nowhere, rules that no request reaches.
//!
//! | who would say so | where |
//! |---|---|
//! | Istio's webhook, about one resource (`pkg/config/validation`) | a file a kind, and one for each part of a rule |
//! | `istioctl analyze`, about resources together (`pkg/config/analysis/analyzers`) | `references`, `hosts`, `unreachable` |
//! | Sailcloth | beside what it is about |
//!
//! What a single value has to look like is not repeated here: [`model`](crate::model) holds no other.

mod connection_pool;
mod cors;
mod destination_rule;
mod fault;
mod gateway;
mod headers;
mod hosts;
mod matches;
mod mirror;
mod name;
mod outlier_detection;
mod redirect;
mod references;
mod response;
mod retry;
mod rewrite;
mod rule;
mod service_entry;
mod unreachable;
mod virtual_service;

use crate::finding::{Code, Finding, Origin, Report, Severity};
use crate::load::Node;
use crate::model::read::Path;
use crate::model::{Resource, Resources};
use crate::registry::Registry;

/// Checks a set: each resource by itself, then all together.
pub fn check(set: &Resources, report: &mut Report) {
    validate(set, report);
    for resource in &set.virtual_services {
        let findings = &mut Findings::new(resource, report);
        unreachable::check(&resource.spec.http, findings);
        headers::foreign(&resource.spec.http, findings);
    }
    let registry = Registry::new(set);
    references::check(set, &registry, report);
    hosts::check(set, report);
}

/// Checks each resource by itself. All that can stop a module is found here; a module asks no more, since it is seldom
/// given the whole set.
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
}

impl<T> About for Resource<T> {
    fn finding(&self, rule: (Severity, Origin, Code), path: String, message: String, hint: String) -> Finding {
        Resource::finding(self, rule, path, message, hint)
    }

    fn tree(&self) -> &Node {
        &self.tree
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
        self.report.push(self.resource.finding(rule, path.to_string(), message.to_owned(), hint.to_owned()));
    }

    /// Istio's webhook refuses it.
    fn invalid(&mut self, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Error, Origin::Validation, Code::SchemaValidationError), path, message, hint);
    }

    /// Istio's webhook takes it, with a warning.
    fn doubtful(&mut self, code: Code, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Warning, Origin::Validation, code), path, message, hint);
    }

    /// Sailcloth has something to say.
    fn warn(&mut self, code: Code, path: &Path<'_>, message: impl AsRef<str>, hint: impl AsRef<str>) {
        self.push((Severity::Warning, Origin::Sailcloth, code), path, message, hint);
    }

    /// Whether the text has something at `path`, whether or not the model reads it.
    fn has(&self, path: &str) -> bool {
        self.resource.tree().at(path).is_some_and(|node| node.value != crate::load::Value::Null)
    }
}
