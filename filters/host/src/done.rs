//! The end of a stream: nothing can be changed any more, and all is known of it that Envoy knows.

use shared::decide::Decision;
use shared::plan::Plan;

use std::cell::OnceCell;

use crate::abi;
use crate::handover::{self, Handed};
use crate::stream::Common;
use crate::vm::{StreamId, Vm};

/// The stream has ended; nothing can be changed any more.
///
/// Each question is a call to Envoy, about a microsecond; what nobody asks costs nothing.
pub struct DonePhase<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) common: &'a Common,
    pub(crate) hands_over: bool,
    pub(crate) stream: StreamId,
    pub(crate) vm: Vm<'a>,
    /// Several behaviours ask for these.
    pub(crate) status: OnceCell<Option<u32>>,
    pub(crate) flags: OnceCell<u64>,
}

/// What was decided by the end: modules further in may have gone on deciding after this one had its turn.
pub(crate) fn final_decision(plan: &Plan, common: &Common, hands_over: bool) -> Option<Decision> {
    if hands_over
        && common.decision.is_some()
        && let Some(bytes) = abi::property(handover::PROPERTY)
        && let Handed::Decision(decision, _) = handover::decode(plan.fingerprint(), &bytes)
    {
        return Some(decision);
    }
    common.decision
}

impl<'a> DonePhase<'a> {
    /// The compiled configuration.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Which stream this is.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The VM around it.
    pub fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// What was decided, by behaviours and modules further in as well; nothing when nobody asked, or when this module
    /// stood aside.
    pub fn decision(&self) -> Option<Decision> {
        final_decision(self.plan, self.common, self.hands_over)
    }

    /// Whether what was decided may have been carried out by nobody: a module without the others around it decides, and
    /// Envoy goes its own way.
    pub fn may_stand_alone(&self) -> bool {
        self.hands_over
    }

    /// The response's status; nothing when the stream ended before there was one.
    pub fn status(&self) -> Option<u32> {
        let ask = || abi::number("response\0code").and_then(|code| u32::try_from(code).ok()).filter(|code| *code > 0);
        *self.status.get_or_init(ask)
    }

    /// Envoy's response flags, a bit each.
    pub fn flags(&self) -> u64 {
        *self.flags.get_or_init(|| abi::number("response\0flags").unwrap_or(0))
    }

    /// The endpoint that was asked last; nothing when none was.
    pub fn upstream(&self) -> Option<Vec<u8>> {
        abi::property("upstream\0address").filter(|address| !address.is_empty())
    }

    /// Why Envoy answered as it did: `via_upstream`, `route_not_found`, ...
    pub fn details(&self) -> Vec<u8> {
        abi::property("response\0code_details").unwrap_or_default()
    }

    /// The status of a gRPC response. Envoy derives one for any other response as well.
    pub fn grpc_status(&self) -> Option<i64> {
        abi::number("response\0grpc_status").map(u64::cast_signed)
    }

    /// From the request's first byte to the response's last, in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        let nanos = abi::number("request\0duration").map_or(0, u64::cast_signed);
        u64::try_from(nanos / 1_000_000).unwrap_or(0)
    }

    /// Bytes of the request: headers, body and trailers.
    pub fn request_bytes(&self) -> u64 {
        abi::number("request\0total_size").unwrap_or(0)
    }

    /// Bytes of the response: headers, body and trailers.
    pub fn response_bytes(&self) -> u64 {
        abi::number("response\0total_size").unwrap_or(0)
    }

    /// The authority, as it was sent on.
    pub fn host(&self) -> Vec<u8> {
        abi::property("request\0host").unwrap_or_default()
    }

    /// The cluster that Envoy's route chose; empty where there was none.
    pub fn cluster(&self) -> Vec<u8> {
        abi::property("xds\0cluster_name").unwrap_or_default()
    }

    /// The name of Envoy's route.
    pub fn route(&self) -> Vec<u8> {
        abi::property("xds\0route_name").unwrap_or_default()
    }

    /// What the chosen cluster's `istio` metadata says of its first service: `host`, `name` or `namespace`.
    pub fn cluster_service(&self, what: ServiceField) -> Vec<u8> {
        let path = match what {
            ServiceField::Host => "xds\0cluster_metadata\0filter_metadata\0istio\0services\x000\0host",
            ServiceField::Name => "xds\0cluster_metadata\0filter_metadata\0istio\0services\x000\0name",
            ServiceField::Namespace => "xds\0cluster_metadata\0filter_metadata\0istio\0services\x000\0namespace",
        };
        abi::property(path).unwrap_or_default()
    }

    /// What the chosen endpoint's `istio` metadata says of its workload; empty where it says nothing.
    pub fn upstream_workload(&self) -> Vec<u8> {
        abi::property("xds\0upstream_host_metadata\0filter_metadata\0istio\0workload").unwrap_or_default()
    }
}

/// A field of a service in a cluster's metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceField {
    /// Its host in the mesh.
    Host,
    /// Its name.
    Name,
    /// Its namespace.
    Namespace,
}
