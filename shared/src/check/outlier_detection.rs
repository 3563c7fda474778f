//! `outlierDetection` (Istio's `validateOutlierDetection`). That percentages are 0 to 100 is in the model's types.

use super::Findings;
use super::destination_rule::duration;
use crate::finding::Code;
use crate::model::destination_rule::OutlierDetection;
use crate::model::read::Path;

pub(super) fn check(outlier: &OutlierDetection, path: &Path<'_>, findings: &mut Findings<'_>) {
    duration(outlier.base_ejection_time, &Path::Key(path, "baseEjectionTime"), findings);
    duration(outlier.interval, &Path::Key(path, "interval"), findings);
    if outlier.consecutive_errors.is_some_and(|count| count != 0) {
        let message = "`consecutiveErrors` is deprecated and has no effect, in Istio as here";
        let hint = "write `consecutive5xxErrors` or `consecutiveGatewayErrors`";
        findings.doubtful(&Path::Key(path, "consecutiveErrors"), message, hint);
    }
    if !outlier.split_external_local_origin_errors && outlier.consecutive_local_origin_failures.unwrap_or(0) > 0 {
        let message = "`consecutiveLocalOriginFailures` counts only with `splitExternalLocalOriginErrors`";
        let hint = "add `splitExternalLocalOriginErrors: true`";
        findings.invalid(&Path::Key(path, "consecutiveLocalOriginFailures"), message, hint);
    }
    if let Some(alpha) = &outlier.http {
        let path = Path::Key(path, "http");
        duration(alpha.base_ejection_time, &Path::Key(&path, "baseEjectionTime"), findings);
        duration(alpha.interval, &Path::Key(&path, "interval"), findings);
        let message = "`http` is of the first alpha schema; Istio ignores it today, Sailcloth honours it";
        let hint = "move the fields up, with `consecutive5xxErrors` in place of `consecutiveErrors`";
        findings.warn(Code::Deprecated, &path, message, hint);
    }
}
