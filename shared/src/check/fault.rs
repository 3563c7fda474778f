//! `fault` (Istio's `validateHTTPFaultInjection`).

use super::Findings;
use crate::finding::Code;
use crate::model::fault::{Abort, Delay, HttpFault, OldPercent};
use crate::model::read::Path;

pub(super) fn check(fault: &HttpFault, path: &Path<'_>, findings: &mut Findings<'_>) {
    if fault.delay.is_none() && fault.abort.is_none() {
        findings.invalid(path, "a fault needs `delay` or `abort`", "");
    }
    if let Some(delay) = &fault.delay {
        check_delay(delay, &Path::Key(path, "delay"), findings);
    }
    if let Some(abort) = &fault.abort {
        check_abort(abort, &Path::Key(path, "abort"), findings);
    }
}

fn check_delay(delay: &Delay, path: &Path<'_>, findings: &mut Findings<'_>) {
    if delay.exponential_delay.is_some() {
        let message = "`exponentialDelay` is not supported, by Istio either";
        findings.invalid(&Path::Key(path, "exponentialDelay"), message, "write `fixedDelay`");
    }
    if delay.fixed_delay.is_none() && delay.exponential_delay.is_none() {
        let message = "a delay without `fixedDelay` does nothing";
        findings.doubtful(path, message, "write `fixedDelay: 1s`");
    }
    deprecated(delay.percent, delay.percentage.is_some(), &Path::Key(path, "percent"), findings);
}

fn check_abort(abort: &Abort, path: &Path<'_>, findings: &mut Findings<'_>) {
    if abort.http2_error.is_some() {
        let message = "`http2Error` is not supported, by Istio either";
        findings.invalid(&Path::Key(path, "http2Error"), message, "write `httpStatus` or `grpcStatus`");
    }
    if abort.http_status.is_some() && abort.grpc_status.is_some() {
        let message = "an abort cannot have both `httpStatus` and `grpcStatus`";
        findings.invalid(&Path::Key(path, "grpcStatus"), message, "keep one of them");
    }
    if abort.http_status.is_none() && abort.grpc_status.is_none() && abort.http2_error.is_none() {
        let message = "an abort without `httpStatus` or `grpcStatus` does nothing";
        findings.doubtful(path, message, "write `httpStatus: 503`");
    }
    if let Some(status) = abort.http_status.filter(|status| !(200..600).contains(status)) {
        let message = format!("expected an HTTP status from 200 to 599, found `{status}`");
        findings.invalid(&Path::Key(path, "httpStatus"), message, "");
    }
    deprecated(abort.percent, abort.percentage.is_some(), &Path::Key(path, "percent"), findings);
}

fn deprecated(percent: Option<OldPercent>, overruled: bool, path: &Path<'_>, findings: &mut Findings<'_>) {
    if let Some(percent) = percent {
        let message = if overruled {
            "`percent` is deprecated, and `percentage` overrules it"
        } else {
            "`percent` is deprecated"
        };
        let hint = format!("write `percentage: {{value: {}}}`", percent.whole());
        findings.warn(Code::Deprecated, path, message, hint);
    }
}
