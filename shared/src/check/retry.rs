//! `retries` (Istio's `ValidateHTTPRetry`).

use super::Findings;
use crate::model::http_route::HttpRetry;
use crate::model::read::{Path, nearest, shorten};

/// What Envoy's `x-envoy-retry-on` and `x-envoy-retry-grpc-on` take.
const CONDITIONS: [&str; 16] = [
    "5xx",
    "gateway-error",
    "reset",
    "reset-before-request",
    "connect-failure",
    "retriable-4xx",
    "refused-stream",
    "retriable-status-codes",
    "retriable-headers",
    "envoy-ratelimited",
    "http3-post-connect-failure",
    "cancelled",
    "deadline-exceeded",
    "internal",
    "resource-exhausted",
    "unavailable",
];

pub(super) fn check(retries: &HttpRetry, path: &Path<'_>, findings: &mut Findings<'_>) {
    let attempts = retries.attempts.unwrap_or(0);
    let retry_on = retries.retry_on.as_deref().filter(|text| !text.is_empty());
    if attempts < 0 {
        let message = format!("expected a number of attempts from 0, found `{attempts}`");
        findings.invalid(&Path::Key(path, "attempts"), message, "0 switches retries off");
    }
    let useless = [
        ("perTryTimeout", retries.per_try_timeout.is_some()),
        ("retryOn", retry_on.is_some()),
        ("retryRemoteLocalities", retries.retry_remote_localities.is_some()),
    ];
    if attempts == 0
        && let Some((field, _)) = useless.iter().find(|(_, is)| *is)
    {
        let message = format!("`{field}` without `attempts`, which is 0 and so switches retries off");
        findings.invalid(&Path::Key(path, field), message, "add `attempts: 2`");
    }
    // Istio does not trim: `5xx, reset` is refused although the space would do no harm.
    for condition in retry_on.into_iter().flat_map(|text| text.split(',')) {
        if CONDITIONS.contains(&condition) || is_status(condition) {
            continue;
        }
        let trimmed = condition.trim();
        let hint = if trimmed != condition && (CONDITIONS.contains(&trimmed) || is_status(trimmed)) {
            "write the conditions without spaces between them".to_owned()
        } else {
            match nearest(trimmed, CONDITIONS.iter().map(|name| (*name).to_owned())) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the conditions are {} and status codes", CONDITIONS.join(", ")),
            }
        };
        let message = format!("`{}` is not a condition to retry on", shorten(condition));
        findings.invalid(&Path::Key(path, "retryOn"), message, hint);
    }
}

/// A status that Go's `http.StatusText` has a name for.
fn is_status(text: &str) -> bool {
    matches!(
        text.parse(),
        Ok(
            100..=103
            | 200..=208
            | 226
            | 300..=305
            | 307
            | 308
            | 400..=418
            | 421..=426
            | 428
            | 429
            | 431
            | 451
            | 500..=508
            | 510
            | 511,
        )
    )
}
