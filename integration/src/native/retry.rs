//! Retry policies (istiod's `retry.ConvertPolicy`).

use serde_json::{Value, json};
use shared::model::http_route::HttpRetry;

/// The policy for the `retries` of a rule, or those of the mesh; none where they never try again.
pub fn of(retries: Option<&HttpRetry>) -> Option<Value> {
    match retries {
        Some(retries) if retries.attempts.unwrap_or(0) <= 0 => None,
        retries => Some(policy(retries)),
    }
}

/// Istio's default policy with what `retries` says in its place.
fn policy(retries: Option<&HttpRetry>) -> Value {
    let previous_hosts = json!([{
        "name": "envoy.retry_host_predicates.previous_hosts",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate",
        },
    }]);
    let mut json = json!({
        "num_retries": 2,
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "host_selection_retry_max_attempts": 5,
        "retry_host_predicate": previous_hosts,
    });
    let Some(retries) = retries else { return json };
    json["num_retries"] = json!(retries.attempts.unwrap_or(0));
    if let Some(asked) = retries.retry_on.as_deref().filter(|asked| !asked.is_empty()) {
        let words = || asked.split(',').map(str::trim).filter(|word| !word.is_empty());
        let codes: Vec<u32> = words().filter_map(|word| word.parse().ok()).collect();
        let mut on: Vec<&str> = words().filter(|word| word.parse::<u32>().is_err()).collect();
        if !codes.is_empty() && !on.contains(&"retriable-status-codes") {
            on.push("retriable-status-codes");
        }
        json["retry_on"] = json!(on.join(","));
        json["retriable_status_codes"] = json!(codes);
    }
    if let Some(timeout) = retries.per_try_timeout {
        json["per_try_timeout"] = json!(seconds(timeout.get()));
    }
    if retries.retry_ignore_previous_hosts == Some(false) {
        json["retry_host_predicate"] = json!([]);
    }
    if retries.retry_remote_localities == Some(true) {
        json["retry_priority"] = json!({
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {
                "@type":
                    "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig",
                "update_frequency": 2,
            },
        });
    }
    if let Some(backoff) = retries.backoff {
        json["retry_back_off"] = json!({"base_interval": seconds(backoff.get())});
    }
    json
}

/// A duration as protobuf's JSON has it.
pub fn seconds(ms: u64) -> String {
    format!("{}.{:03}s", ms / 1000, ms % 1000)
}
