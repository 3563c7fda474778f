//! `HTTPFaultInjection`: delays and aborts on purpose.

use super::read::{Place, Read, Reader};
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
        percent: Option<OldPercent>,
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
        percent: Option<OldPercent>,
        /// Istio's schema has it, Istio refuses it.
        http2_error: Option<String>,
    }
}

/// Whole percents. Istio takes any number for them; what is above 100, and what is below 0 as a number without a sign,
/// is everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OldPercent(pub i32);

impl OldPercent {
    /// 0 to 100.
    pub fn whole(self) -> u32 {
        u32::try_from(self.0).map_or(100, |percent| percent.min(100))
    }

    /// Millionths.
    pub fn ppm(self) -> u32 {
        self.whole() * 10_000
    }
}

impl Read for OldPercent {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        i32::read(place, reader).map(OldPercent)
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
