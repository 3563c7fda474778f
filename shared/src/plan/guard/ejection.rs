//! When a destination is left alone: DestinationRule's `outlierDetection`, compiled.
//!
//! A filter cannot choose among endpoints. What it can do is what Envoy does when it has ejected all of them: answer
//! that nobody is left. Envoy ejects an endpoint as long as no more than `maxEjectionPercent` of them are ejected with
//! it, so that all are at 100 alone; and with a `minHealthPercent` it goes back to all of them when there are fewer.

use std::time::Duration;

use crate::check::is_address;
use crate::model::Port;
use crate::model::destination_rule::{OutlierDetection, Subset};
use crate::model::service_entry::Resolution;
use crate::model::values::GoDuration;
use crate::registry::MeshService;
use crate::{Names, words};

/// A destination with more endpoints than that is never left alone.
const MOST_LISTED: usize = 256;

words! {
    /// Who carries `outlierDetection` out.
    pub enum Detector {
        /// Envoy, whose clusters have an `outlier_detection`.
        Envoy = "envoy",
        /// The circuit breaker, for destinations whose endpoints the resources list.
        Module = "module",
    }
}

/// When an endpoint is ejected, and which of them have to be for their destination to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// So many 5xx in a row.
    pub errors: Option<u32>,
    /// So many 502, 503 and 504 in a row.
    pub gateway_errors: Option<u32>,
    /// So many failures of the connection in a row, where they are counted apart; else they are 5xx.
    pub local_failures: Option<u32>,
    /// Whether they are.
    pub split: bool,
    /// How long an endpoint is ejected, in milliseconds, times the number of ejections.
    pub base_ms: u64,
    /// Endpoints return at multiples of this, and every one without an ejection forgets an earlier ejection;
    /// milliseconds.
    pub interval_ms: u64,
    /// Which endpoints there are.
    pub endpoints: Endpoints,
}

/// The endpoints of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// Those that the resources list, as Envoy writes addresses. Another one that answers shows that there are more than
    /// that.
    Listed(Names),
    /// Whoever has answered, of which so many percent may be ejected, or all: the first alpha schema's.
    Seen(Option<u32>),
}

impl Endpoints {
    /// Whether an endpoint is one of these.
    pub fn has(&self, address: &[u8]) -> bool {
        match self {
            Endpoints::Listed(all) => std::str::from_utf8(address).is_ok_and(|address| all.contains(address)),
            Endpoints::Seen(_) => true,
        }
    }
}

impl Ejection {
    /// Whether a single failure is enough.
    pub fn at_once(&self) -> bool {
        [self.errors, self.gateway_errors, self.local_failures].contains(&Some(1))
    }

    /// Nothing where somebody else carries it out, and where the destination is never left alone: no number of failures
    /// ejects, some endpoints stay or are used again, or nobody knows which there are.
    pub(super) fn compile(
        model: &OutlierDetection,
        detector: Detector,
        listed: &dyn Fn() -> Option<Endpoints>,
    ) -> Option<Ejection> {
        let alpha = model.http.as_ref();
        let count = |count: u32| (count > 0).then_some(count);
        let ms = |own: Option<GoDuration>, alpha: Option<GoDuration>, default: Duration| {
            let duration = own.or(alpha).map_or(default, |duration| duration.0);
            u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
        };
        let most_percent = model.max_ejection_percent.or_else(|| alpha?.max_ejection_percent);
        let most_percent = most_percent.and_then(|percent| count(percent.0));
        if model.min_health_percent.is_some_and(|percent| percent.0 > 0) {
            return None;
        }
        let endpoints = match (alpha, detector) {
            (Some(_), _) => Endpoints::Seen(most_percent),
            (None, Detector::Module) if most_percent == Some(100) => listed()?,
            (None, _) => return None,
        };
        let errors = model.consecutive_5xx_errors;
        let errors = errors.or_else(|| alpha?.consecutive_errors.map(|count| count.0)).unwrap_or(5);
        let split = model.split_external_local_origin_errors;
        let local_failures = model.consecutive_local_origin_failures.and_then(count).unwrap_or(5);
        let base = alpha.and_then(|alpha| alpha.base_ejection_time);
        let interval = alpha.and_then(|alpha| alpha.interval);
        let ejection = Ejection {
            errors: count(errors),
            gateway_errors: model.consecutive_gateway_errors.and_then(count),
            local_failures: split.then_some(local_failures),
            split,
            base_ms: ms(model.base_ejection_time, base, Duration::from_secs(30)),
            interval_ms: ms(model.interval, interval, Duration::from_secs(10)).max(1),
            endpoints,
        };
        let counts = [ejection.errors, ejection.gateway_errors, ejection.local_failures];
        counts.iter().any(Option::is_some).then_some(ejection)
    }
}

/// The endpoints that a service is written with, for one of its ports and of its subsets; nothing where they are found
/// otherwise, or where one stands there twice, for which Envoy counts apart.
pub(super) fn listed(service: &MeshService, port: Port, subset: Option<&Subset>) -> Option<Endpoints> {
    if service.resolution != Resolution::Static || service.external_name.is_some() {
        return None;
    }
    let chosen = service.endpoints.iter().filter(|it| subset.is_none_or(|subset| it.carries(&subset.labels)));
    let mut all = Names::new();
    for endpoint in chosen {
        if let Some(at) = endpoint.port(port)
            && (all.len() == MOST_LISTED || !all.add(&written(&endpoint.address, at)?))
        {
            return None;
        }
    }
    (!all.is_empty()).then_some(Endpoints::Listed(all))
}

/// Where an endpoint is, as Envoy writes it; nothing for a name. IPv6 is taken to be in its shortest form, as Kubernetes
/// writes it.
fn written(address: &str, port: Port) -> Option<String> {
    if let Some(path) = address.strip_prefix("unix://") {
        return Some(path.to_owned());
    }
    let (open, close) = if address.contains(':') { ("[", "]") } else { ("", "") };
    is_address(address).then(|| format!("{open}{}{close}:{port}", address.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests;
