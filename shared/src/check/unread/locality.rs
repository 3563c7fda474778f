//! Where requests go by region and zone (Istio's `ValidateLocalityLbSetting`, `ValidateZoneAwareLbSetting`).

use super::super::Findings;
use super::at::At;
use crate::Names;
use crate::model::read::shorten;

/// Labels of Kubernetes and Istio that say where something runs.
const TOPOLOGY: [&str; 3] =
    ["topology.kubernetes.io/region", "topology.kubernetes.io/zone", "topology.istio.io/subzone"];

pub(super) fn check(setting: &At<'_>, with_outlier_detection: bool, findings: &mut Findings<'_>) {
    let (distribute, failover) = (setting.field("distribute"), setting.field("failover"));
    let has = |list: &At<'_>| list.items().next().is_some();
    if has(&distribute) && has(&failover) {
        findings.invalid(&failover.path, "cannot stand beside `distribute`", "keep one of them");
        return;
    }
    if has(&failover) {
        topology(setting, "cannot stand beside `failover`", findings);
    }
    let mut sources = Overlaps::default();
    for way in distribute.items() {
        let (from, to) = (way.field("from"), way.field("to"));
        sources.add(from.text(), if from.is() { &from } else { &way }, findings);
        let mut destinations = Overlaps::default();
        let mut total = 0.0;
        for share in to.entries() {
            if !(1.0..=100.0).contains(&share.number()) {
                findings.invalid(&share.path, "expected a weight from 1 to 100", "");
            }
            total += share.number();
            destinations.add(share.key(), &share, findings);
        }
        if total != 100.0 {
            let message = format!("the weights add up to {total}, expected 100");
            findings.invalid(if to.is() { &to.path } else { &way.path }, message, "");
        }
    }
    regions(setting, with_outlier_detection, findings);
}

pub(super) fn zone_aware(setting: &At<'_>, with_outlier_detection: bool, findings: &mut Findings<'_>) {
    topology(setting, "is what zone awareness does by itself", findings);
    regions(setting, with_outlier_detection, findings);
}

/// Labels in `failoverPriority` that say what something else says already.
fn topology(setting: &At<'_>, why: &str, findings: &mut Findings<'_>) {
    for label in setting.field("failoverPriority").items() {
        if TOPOLOGY.contains(&label.text()) {
            findings.invalid(&label.path, format!("`{}` {why}", label.text()), "remove it");
        }
    }
}

/// `failover`, from region to region.
fn regions(setting: &At<'_>, with_outlier_detection: bool, findings: &mut Findings<'_>) {
    let failover = setting.field("failover");
    let priority = setting.field("failoverPriority");
    if !with_outlier_detection && (failover.items().next().is_some() || priority.items().next().is_some()) {
        let message = "has no effect without `outlierDetection`, which says when an endpoint fails";
        findings.doubtful(&setting.path, message, "add `outlierDetection` to the policy");
    }
    for way in failover.items() {
        let (from, to) = (way.field("from"), way.field("to"));
        if from.text() == to.text() {
            findings.invalid(&way.path, "expected two regions, found one", "");
        }
        for region in [&from, &to] {
            if region.text().contains(['/', '*']) {
                let message = format!("`{}` is not a region: expected no zone and no `*`", shorten(region.text()));
                findings.invalid(&region.path, message, "");
            }
        }
    }
}

/// The localities seen so far, of which none may be in another (`validateLocalities`).
#[derive(Default)]
struct Overlaps {
    all: bool,
    /// Each as it is written, and each region and zone above one.
    seen: Names,
    above: Names,
}

impl Overlaps {
    fn add(&mut self, locality: &str, at: &At<'_>, findings: &mut Findings<'_>) {
        let wild = locality.matches('*').count();
        let wrong = if wild > 1 || (wild == 1 && !locality.ends_with('*')) {
            "`*` can stand at the end alone"
        } else if locality.splitn(3, '/').any(str::is_empty) {
            "expected `region/zone/subzone`, or less from the right, without empty parts"
        } else if self.all || !self.place(locality) {
            "it overlaps with one before"
        } else {
            return;
        };
        findings.invalid(&at.path, format!("`{}` is not a locality here: {wrong}", shorten(locality)), "");
    }

    /// False if it is there already, is in one that is there, or, as a region, has one that is there in it.
    fn place(&mut self, locality: &str) -> bool {
        let parts: Vec<&str> = locality.splitn(3, '/').collect();
        let mut here = String::new();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                // A region or zone that is there without anything below takes all below.
                if self.seen.contains(&here) || self.seen.contains(&format!("{here}/*")) {
                    return false;
                }
                self.above.add(&here);
                here.push('/');
            }
            here.push_str(part);
        }
        self.all |= locality == "*";
        // Above another as well: `region1` behind `region1/zone1`.
        !self.above.contains(&here) && self.seen.add(&here)
    }
}
