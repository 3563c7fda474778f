//! `HTTPFaultInjection`: delays and aborts on purpose.

use super::read::{Place, Read, Reader, whole};
use super::values::{Millis, Percent};
use crate::load::Value;
use crate::object;

object! {
    /// What happens to some of a rule's requests before they go anywhere.
    pub struct HttpFault {
        /// They wait.
        delay: Option<Delay>,
        /// They are answered with an error. Decided apart from the delay; both can hit.
        abort: Option<Abort>,
    }
}

object! {
    /// A delay.
    pub struct Delay {
        /// How long.
        fixed_delay: Option<Millis>,
        /// How many; absent is none, unless `percent` says otherwise.
        percentage: Option<Percent>,
        /// Deprecated, whole percents; used when `percentage` is absent.
        percent: Option<WholePercent>,
        /// Istio's schema has it, Istio refuses it.
        exponential_delay: Option<super::values::GoDuration>,
    }
}

object! {
    /// An abort.
    pub struct Abort {
        /// The HTTP status, 200 to 599.
        http_status: Option<u32>,
        /// The gRPC status by its name, such as `UNAVAILABLE`.
        grpc_status: Option<GrpcStatus>,
        /// How many; absent is none, unless `percent` says otherwise.
        percentage: Option<Percent>,
        /// Istio's first alpha schema had it; honoured on purpose, as Istio today is not.
        percent: Option<WholePercent>,
        /// Istio's schema has it, Istio refuses it.
        http2_error: Option<String>,
    }
}

/// Whole percents, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WholePercent(pub u8);

impl WholePercent {
    /// Millionths.
    pub fn ppm(self) -> u32 {
        u32::from(self.0) * 10_000
    }
}

impl Read for WholePercent {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        u8::try_from(whole(place, reader, 0..=100)?).ok().map(WholePercent)
    }
}

/// A gRPC status, written by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrpcStatus(pub u8);

/// By number, as in gRPC's `statuscodes.md`.
pub(crate) const GRPC_STATUSES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Read for GrpcStatus {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let name = match &place.node.value {
            Value::Text(name) => name.as_str(),
            _ => "",
        };
        let number = GRPC_STATUSES.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok());
        if number.is_none() {
            reader.expected(place, "the name of a gRPC status, such as `UNAVAILABLE`");
        }
        number.map(GrpcStatus)
    }
}
