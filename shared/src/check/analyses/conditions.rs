//! What a resource's status says went wrong (istioctl's `ConditionAnalyzer`).

use super::world::{World, text};
use crate::finding::{Code, Report, Severity};
use crate::model::read::shorten;

/// Kinds, each with the conditions that should not be false.
const CONDITIONS: &[(&str, &[&str])] = &[
    ("Service", &["istio.io/WaypointBound"]),
    ("ServiceEntry", &["istio.io/WaypointBound"]),
    ("WorkloadEntry", &["istio.io/WaypointBound"]),
    ("AuthorizationPolicy", &["ZtunnelAccepted", "WaypointAccepted"]),
    ("KubernetesGateway", &["Accepted", "Programmed", "ResolvedRefs"]),
    ("HTTPRoute", &["Accepted", "Programmed", "ResolvedRefs"]),
    ("GRPCRoute", &["Accepted", "Programmed", "ResolvedRefs"]),
];

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    for (kind, wanted) in CONDITIONS {
        for item in world.of(kind) {
            let own = item.list("status.conditions").iter().enumerate();
            let own = own.map(|(index, condition)| (format!("status.conditions[{index}]"), condition));
            // A route has them for each of its parents.
            let parents = item.list("status.parents").iter().enumerate().flat_map(|(at, parent)| {
                super::world::list(parent.get("conditions"))
                    .iter()
                    .enumerate()
                    .map(move |(index, condition)| (format!("status.parents[{at}].conditions[{index}]"), condition))
            });
            let mut findings = item.findings(report);
            for (path, condition) in own.chain(parents) {
                let word = |key: &str| text(condition.get(key));
                let partly = *kind == "AuthorizationPolicy"
                    && word("type") == "WaypointAccepted"
                    && word("reason") == "PartiallyInvalid";
                if partly || (wanted.contains(&word("type")) && word("status") == "False") {
                    let message =
                        format!("`{}` is not so: {} {}", word("type"), word("reason"), shorten(word("message")));
                    findings.analysis(Severity::Warning, Code::NegativeConditionStatus, &path, message.trim(), "");
                }
            }
        }
    }
}
