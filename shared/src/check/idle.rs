//! Times that a rule asks for and that a listener's idle timeout does not leave it.

use std::time::Duration;

use super::Findings;
use crate::finding::Code;
use crate::model::read::Path;
use crate::model::values::GoDuration;
use crate::model::{HttpRoute, Millis};

/// Names the times after which Envoy has already given up an idle stream; `most` is zero where it never does.
pub(super) fn check(rules: &[HttpRoute], most: Duration, findings: &mut Findings<'_>) {
    if most.is_zero() {
        return;
    }
    let spec = Path::Key(&Path::Root, "spec");
    let http = Path::Key(&spec, "http");
    for (index, rule) in rules.iter().enumerate() {
        let here = Path::Index(&http, index);
        let mut longer = |time: Option<Millis>, path: &Path<'_>| {
            if time.is_some_and(|time| u128::from(time.get()) > most.as_millis()) {
                let message =
                    format!("longer than the {} that a stream may stand idle, after which Envoy resets it", said(most));
                let hint = "raise the listeners' `stream_idle_timeout`; `--stream-idle-timeout` says what it is";
                findings.warn(Code::LongerThanIdleTimeout, path, message, hint);
            }
        };
        longer(rule.timeout, &Path::Key(&here, "timeout"));
        let retries = rule.retries.as_ref().and_then(|retries| retries.per_try_timeout);
        longer(retries, &Path::Key(&Path::Key(&here, "retries"), "perTryTimeout"));
        let delay = rule.fault.as_ref().and_then(|fault| fault.delay.as_ref()?.fixed_delay);
        let fault = Path::Key(&here, "fault");
        longer(delay, &Path::Key(&Path::Key(&fault, "delay"), "fixedDelay"));
    }
}

/// In hours or minutes where it is whole ones, as people write it.
fn said(time: Duration) -> String {
    match (time.as_secs(), time.subsec_nanos()) {
        (seconds, 0) if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        (seconds, 0) if seconds % 60 == 0 => format!("{}m", seconds / 60),
        _ => GoDuration(time).to_string(),
    }
}
