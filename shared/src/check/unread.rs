//! Fields that Sailcloth does not act on, by Istio's rules all the same: what Istio refuses nobody could apply.
//!
//! Only the command asks. A module does not read these fields, so that they can neither stop it nor reach the wire.
//!
//! | what refuses it | where |
//! |---|---|
//! | Kubernetes, by the schema in Istio's CustomResourceDefinitions | [`schema`], a row for each field |
//! | Istio's webhook (`pkg/config/validation`) | a file for each part of a resource |

pub(super) mod at;
mod authentication;
mod authorization;
mod balancer;
mod cel;
mod envoy_filter;
mod export;
mod extension;
mod layer4;
mod locality;
mod others;
mod policy;
mod schema;
mod selection;
mod service;
mod sidecar;
mod telemetry;
mod tls;

use super::Findings;
use crate::model::Resources;
use crate::model::read::Path;
use at::At;

pub(super) fn check(set: &Resources, report: &mut crate::finding::Report) {
    for resource in &set.virtual_services {
        let mut findings = Findings::new(resource, report);
        let (spec, namespace) = (At::of(&resource.tree, SPEC), resource.meta.namespace());
        schema::check(&spec, schema::VIRTUAL_SERVICE, &mut findings);
        layer4::check(&resource.spec, &spec, &mut findings);
        export::check(&spec, namespace, export::Of::Others, &mut findings);
        annotations(&resource.tree, &mut findings);
    }
    for resource in &set.destination_rules {
        let mut findings = Findings::new(resource, report);
        let (spec, namespace) = (At::of(&resource.tree, SPEC), resource.meta.namespace());
        schema::check(&spec, schema::DESTINATION_RULE, &mut findings);
        policy::check(&spec.field("trafficPolicy"), namespace, &mut findings);
        for subset in spec.field("subsets").items() {
            policy::check(&subset.field("trafficPolicy"), namespace, &mut findings);
        }
        let selects = spec.field("workloadSelector").is();
        let of = if selects { export::Of::Selection } else { export::Of::Others };
        export::check(&spec, namespace, of, &mut findings);
        annotations(&resource.tree, &mut findings);
    }
    for resource in &set.gateways {
        let mut findings = Findings::new(resource, report);
        let spec = At::of(&resource.tree, SPEC);
        schema::check(&spec, schema::GATEWAY, &mut findings);
        for server in spec.field("servers").items() {
            tls::server(&server.field("tls"), &mut findings);
        }
        annotations(&resource.tree, &mut findings);
    }
    for resource in &set.service_entries {
        let mut findings = Findings::new(resource, report);
        let spec = At::of(&resource.tree, SPEC);
        schema::check(&spec, schema::SERVICE_ENTRY, &mut findings);
        service::check(&resource.spec, &resource.tree, &spec, &mut findings);
        export::check(&spec, resource.meta.namespace(), export::Of::Service, &mut findings);
        annotations(&resource.tree, &mut findings);
    }
    for resource in &set.workload_entries {
        let mut findings = Findings::new(resource, report);
        schema::check(&At::of(&resource.tree, SPEC), schema::WORKLOAD_ENTRY, &mut findings);
        annotations(&resource.tree, &mut findings);
    }
    others::check(set, report);
}

const SPEC: Path<'static> = Path::Key(&Path::Root, "spec");

/// Annotations that Istio's webhook refuses on these kinds (`validateMetadata`).
fn annotations(tree: &crate::load::Node, findings: &mut Findings<'_>) {
    const REFUSED: [&str; 4] = [
        "istio.io/dry-run",
        "internal.istio.io/webhook-always-reject",
        "internal.istio.io/parent-namespace",
        "internal.istio.io/parents",
    ];
    let metadata = Path::Key(&Path::Root, "metadata");
    let all = At::of(tree, metadata);
    for annotation in all.field("annotations").entries() {
        if let Path::Key(_, name) = annotation.path
            && REFUSED.contains(&name)
        {
            findings.invalid(&annotation.path, format!("the annotation `{name}` is not allowed here"), "remove it");
        }
    }
}

/// Whether it is a block of addresses.
pub(super) fn is_block(text: &str) -> bool {
    service::subnet(text).is_ok()
}
