//! Whom nothing can be said of for want of something, since a part of it could not be read.

use crate::Names;
use crate::model::{Resource, Resources};
use crate::names;

/// What is known in part only.
#[derive(Default)]
pub(super) struct Partly {
    /// Services, by host, of which a port or an endpoint may be missing.
    services: Names,
    /// Hosts of which a subset may be missing.
    subsets: Names,
    /// Whether anybody's endpoints may be missing.
    endpoints: bool,
}

impl Partly {
    pub(super) fn of(set: &Resources) -> Partly {
        let mut partly = Partly { endpoints: any(&set.endpoint_slices) || any(&set.pods), ..Partly::default() };
        partly.endpoints |= any(&set.workload_entries);
        let touched = |paths: &[&str], gaps: &crate::model::Gaps| paths.iter().any(|path| gaps.touch(path));
        for entry in set.service_entries.iter().filter(|entry| {
            touched(&["spec.ports", "spec.endpoints", "spec.workloadSelector", "spec.resolution"], &entry.gaps)
        }) {
            entry.spec.hosts.iter().for_each(|host| _ = partly.services.add(host));
        }
        for service in set.services.iter().filter(|it| it.gaps.touch("spec")) {
            partly.services.add(&names::resolve_host(&service.meta.name, service.meta.namespace()));
        }
        for rule in set.destination_rules.iter().filter(|rule| rule.gaps.touch("spec.subsets")) {
            partly.subsets.add(&names::resolve_host(&rule.spec.host, rule.meta.namespace()));
        }
        partly
    }

    /// Whether ports or endpoints of this service may be missing.
    pub(super) fn service(&self, host: &str) -> bool {
        self.endpoints || self.services.contains(host)
    }

    /// Whether subsets of this host may be missing.
    pub(super) fn subsets(&self, host: &str) -> bool {
        self.subsets.contains(host)
    }
}

fn any<T>(all: &[Resource<T>]) -> bool {
    all.iter().any(|one| one.gaps.touch(""))
}
