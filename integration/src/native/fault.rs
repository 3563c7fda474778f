//! Faults (istiod's `TranslateFault`).

use serde_json::{Value, json};
use shared::model::fault::{Abort, Delay, HttpFault};

use super::retry;

/// `envoy.extensions.filters.http.fault.v3.HTTPFault` of a route.
pub fn of(fault: &HttpFault) -> Value {
    let mut json = json!({"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault"});
    if let Some(delay) = fault.delay.as_ref().and_then(delayed) {
        json["delay"] = delay;
    }
    if let Some(abort) = &fault.abort {
        json["abort"] = aborted(abort);
    }
    json
}

fn delayed(delay: &Delay) -> Option<Value> {
    let percentage = match (delay.percentage, delay.percent) {
        (Some(percentage), _) => percentage_of(percentage.ppm()),
        (None, percent) => {
            json!({"numerator": percent.map_or(0, |percent| percent.0 as u32), "denominator": "HUNDRED"})
        }
    };
    Some(json!({"fixed_delay": retry::seconds(delay.fixed_delay?.get()), "percentage": percentage}))
}

/// Without `percentage` nothing is said of it, which to Envoy is nobody; `percent` of an abort is no field of Istio's.
fn aborted(abort: &Abort) -> Value {
    let mut json = json!({});
    if let Some(percentage) = abort.percentage {
        json["percentage"] = percentage_of(percentage.ppm());
    }
    if let Some(status) = abort.http_status {
        json["http_status"] = json!(status);
    }
    if let Some(status) = abort.grpc_status {
        json["grpc_status"] = json!(status.0);
    }
    json
}

fn percentage_of(ppm: u32) -> Value {
    json!({"numerator": ppm, "denominator": "MILLION"})
}
