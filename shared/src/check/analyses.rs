//! What `istioctl analyze` says of resources together (`pkg/config/analysis/analyzers`), where it takes more than the
//! model reads: other people's kinds, labels, annotations, fields that Sailcloth does not act on.
//!
//! Only the command asks; all of it works on the documents as they are written.

mod annotations;
mod conditions;
mod control_plane;
mod deployments;
mod destination_rules;
mod envoy_filters;
mod gateways;
mod injection;
mod layer4;
mod routes;
mod secrets;
mod selectors;
mod services;
mod visible;
mod world;

use super::Findings;
use super::partly::Partly;
use crate::finding::{Code, Origin, Report, Severity};
use crate::model::Resources;
use crate::model::read::Path;
use crate::registry::Registry;
use world::World;

pub(super) fn check(set: &Resources, registry: &Registry, report: &mut Report) {
    let world = World::new(set);
    let visible = visible::Visible::new(&world);
    annotations::check(&world, report);
    conditions::check(&world, report);
    control_plane::check(&world, report);
    deployments::check(&world, report);
    destination_rules::check(&world, &visible, registry, report);
    envoy_filters::check(&world, report);
    gateways::check(&world, report);
    injection::check(&world, report);
    layer4::check(&world, report);
    routes::check(&world, &visible, registry, &Partly::of(set), report);
    secrets::check(&world, report);
    selectors::check(&world, report);
    services::check(&world, report);
}

/// What `now`, in seconds since 1970, has to do with it.
pub(super) fn expired(set: &Resources, now: i64, report: &mut Report) {
    secrets::expired(&World::new(set), now, report);
}

impl Findings<'_> {
    /// `istioctl analyze` would say so.
    fn analysis(&mut self, severity: Severity, code: Code, path: &str, message: impl AsRef<str>, hint: &str) {
        self.push((severity, Origin::Analysis, code), &Path::Said(path), message, hint);
    }
}
