//! Outlier detection for each endpoint, as istiod writes it (`applyOutlierDetection`).

use std::time::Duration;

use serde::Serialize;
use shared::model::destination_rule;

use crate::wire;

/// `envoy.config.cluster.v3.OutlierDetection`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutlierDetection {
    /// Absent is Envoy's default, 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_5xx: Option<u32>,
    /// In percent; 0 where `consecutive_5xx` is switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_5xx: Option<u32>,
    /// 502, 503 and 504 in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_gateway_failure: Option<u32>,
    /// In percent; Envoy does not enforce it by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_gateway_failure: Option<u32>,
    /// How often ejected endpoints are looked at.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional")]
    pub interval: Option<Duration>,
    /// Times the number of ejections.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "optional")]
    pub base_ejection_time: Option<Duration>,
    /// Absent is Envoy's default, 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_ejection_percent: Option<u32>,
    /// Always 0: Istio compares no endpoint with another.
    pub enforcing_success_rate: u32,
    /// Whether failures of the connection are counted apart.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub split_external_local_origin_errors: bool,
    /// Failures of the connection in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_local_origin_failure: Option<u32>,
    /// In percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcing_consecutive_local_origin_failure: Option<u32>,
    /// Always 0 where it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforcing_local_origin_success_rate: Option<u32>,
}

/// `envoy.config.cluster.v3.Cluster.CommonLbConfig`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CommonLbConfig {
    /// With fewer healthy endpoints than that all are used again.
    pub healthy_panic_threshold: Percent,
}

/// `envoy.type.v3.Percent`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Percent {
    /// 0 to 100.
    pub value: u32,
}

impl OutlierDetection {
    /// From what a DestinationRule says; the first alpha schema's nested fields count where today's are absent.
    pub fn new(model: &destination_rule::OutlierDetection) -> OutlierDetection {
        let alpha = model.http.as_ref();
        let errors = model.consecutive_5xx_errors;
        let errors = errors.or_else(|| alpha?.consecutive_errors.map(|count| count.0));
        let gateway = model.consecutive_gateway_errors;
        let split = model.split_external_local_origin_errors;
        let local = model.consecutive_local_origin_failures.filter(|count| split && *count > 0);
        // Envoy has no way to say zero but not to enforce.
        let enforced = |count: u32| if count > 0 { 100 } else { 0 };
        let ejected = model.max_ejection_percent.or_else(|| alpha?.max_ejection_percent);
        OutlierDetection {
            consecutive_5xx: errors.filter(|count| *count > 0),
            enforcing_consecutive_5xx: errors.map(enforced),
            consecutive_gateway_failure: gateway.filter(|count| *count > 0),
            enforcing_consecutive_gateway_failure: gateway.map(enforced),
            interval: model.interval.or_else(|| alpha?.interval).map(|interval| interval.0),
            base_ejection_time: model.base_ejection_time.or_else(|| alpha?.base_ejection_time).map(|time| time.0),
            max_ejection_percent: ejected.map(|percent| percent.0).filter(|percent| *percent > 0),
            enforcing_success_rate: 0,
            split_external_local_origin_errors: split,
            consecutive_local_origin_failure: local,
            enforcing_consecutive_local_origin_failure: local.map(enforced),
            enforcing_local_origin_success_rate: split.then_some(0),
        }
    }
}

impl CommonLbConfig {
    /// Istio switches Envoy's panic threshold off unless the rule names one.
    pub fn new(model: &destination_rule::OutlierDetection) -> CommonLbConfig {
        let value = model.min_health_percent.map_or(0, |percent| percent.0);
        CommonLbConfig { healthy_panic_threshold: Percent { value } }
    }
}

fn optional<S: serde::Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => wire::duration(duration, serializer),
        None => serializer.serialize_none(),
    }
}
