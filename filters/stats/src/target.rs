//! Where a request went: from the decision where somebody carried it out, else from what Envoy did.

use host::{DonePhase, ServiceField};
use shared::act::{UNKNOWN_HOST_DETAILS, flags};
use shared::decide::{Decision, Found, OwnReply, host_of_any_port};
use shared::plan::telemetry::{TargetService, host_of};
use shared::plan::{PASSTHROUGH_CLUSTER, Plan};

use crate::labels::OVERFLOW;

/// Where Istio sends what it must not let through.
const BLACK_HOLE_CLUSTER: &str = "BlackHoleCluster";

/// What was reached, small enough to look a series up by.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// A service of the plan.
    Service(u32),
    /// Anything else, by a hash of what is known of it.
    Other(u64),
}

/// What was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// A service of the plan.
    Service(u32),
    /// A service that Envoy's configuration knows and the plan does not.
    Foreign(TargetService),
    /// Nobody that is known.
    Nobody {
        /// The host that was asked for, in lower case and without its port; empty where hosts are not looked at.
        host: Vec<u8>,
        /// Istio's name for where such requests go. Where that is empty the host is the service's name as well, as Istio's
        /// host header fallback has it.
        name: &'static str,
        /// Whether a client may have made the host up: no resource has it.
        made_up: bool,
    },
}

impl Reached {
    /// To look a series up by.
    pub fn key(&self, hash: impl Fn(&[u8]) -> u64) -> Target {
        match self {
            Reached::Service(index) => Target::Service(*index),
            Reached::Foreign(service) => Target::Other(hash(
                [&service.host, &service.name, &service.namespace].map(String::as_str).join("\n").as_bytes(),
            )),
            // No authority has a NUL in it.
            Reached::Nobody { host, name, .. } => {
                Target::Other(hash(&[host.as_slice(), b"\0", name.as_bytes()].concat()))
            }
        }
    }

    /// Whether a client may have made up what labels say of it.
    pub fn is_made_up(&self) -> bool {
        matches!(self, Reached::Nobody { made_up: true, .. })
    }

    /// As labels describe it.
    pub fn service(&self, plan: &Plan) -> TargetService {
        match self {
            Reached::Service(index) => plan.telemetry().get(*index).cloned().unwrap_or_default(),
            Reached::Foreign(service) => service.clone(),
            Reached::Nobody { host, name, .. } => {
                let host = String::from_utf8_lossy(host).into_owned();
                let name = if name.is_empty() { host.clone() } else { (*name).to_owned() };
                TargetService { host, name, namespace: String::new() }
            }
        }
    }

    /// As labels describe it where series are short: made-up hosts are one.
    pub fn in_short(&self, plan: &Plan) -> TargetService {
        match self {
            Reached::Nobody { name, made_up: true, .. } => {
                let name = if name.is_empty() { OVERFLOW } else { name };
                TargetService { host: OVERFLOW.to_owned(), name: name.to_owned(), namespace: String::new() }
            }
            known => known.service(plan),
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug)]
pub struct End {
    /// Where it went, or would have gone.
    pub target: Reached,
    /// Flags that Envoy does not know of.
    pub flags: u64,
    /// Whether no endpoint had part in it.
    pub answered_here: bool,
}

/// How a request ended.
pub fn end(done: &DonePhase<'_>) -> End {
    let Some(decision) = done.decision() else {
        return End { target: by_cluster(done), flags: 0, answered_here: false };
    };
    let carried_out = decision.reply.is_none_or(|reply| !done.may_stand_alone() || answered(reply, &done.details()));
    if !carried_out {
        // Envoy's routes are not ours, and only they had a say.
        let flags = flags::of_decision(&Decision { reply: None, ..decision });
        return End { target: by_cluster(done), flags, answered_here: false };
    }
    let target = match (decision.found, decision.reply) {
        (
            Found::Rule { rule, .. },
            None
            | Some(
                OwnReply::Preflight
                | OwnReply::FaultAbort
                | OwnReply::Overflow
                | OwnReply::Ejected
                | OwnReply::WaitedTooLong,
            ),
        ) => of_rule(done, rule, &decision),
        (_, None) => by_cluster(done),
        // As Istio counts a host that its `REGISTRY_ONLY` knows nothing of.
        (_, Some(OwnReply::UnknownHost | OwnReply::Blocked)) => nobody(done, BLACK_HOLE_CLUSTER),
        _ => nobody(done, ""),
    };
    End { target, flags: flags::of_decision(&decision), answered_here: decision.reply.is_some() }
}

/// Whether a response is the reply that was decided, and not Envoy's or somebody else's.
fn answered(reply: OwnReply, details: &[u8]) -> bool {
    match reply {
        OwnReply::NotFound => details == b"route_not_found",
        OwnReply::Redirect | OwnReply::DirectResponse | OwnReply::HttpsRedirect | OwnReply::Blocked => {
            details == b"direct_response"
        }
        OwnReply::Preflight => details == b"cors_response",
        OwnReply::UnknownHost => details == UNKNOWN_HOST_DETAILS.as_bytes(),
        // Nobody decides these without carrying them out.
        OwnReply::FaultAbort | OwnReply::Overflow | OwnReply::Ejected | OwnReply::WaitedTooLong => true,
    }
}

fn of_rule(done: &DonePhase<'_>, rule: u32, decision: &Decision) -> Reached {
    let telemetry = done.plan().telemetry();
    if let Some(service) = decision.destination.and_then(|chosen| telemetry.service(rule, Some(chosen))) {
        return Reached::Service(service);
    }
    // Nobody chose: this module is alone, or the request ended before.
    let reached = by_cluster(done);
    match (&reached, telemetry.service(rule, None)) {
        (Reached::Nobody { .. }, Some(service)) => Reached::Service(service),
        _ => reached,
    }
}

/// By the cluster that Envoy's route chose.
fn by_cluster(done: &DonePhase<'_>) -> Reached {
    let name = done.cluster();
    let Ok(name) = std::str::from_utf8(&name) else { return nobody(done, "") };
    let special = match name {
        // Istio's routes for hosts that it does not know.
        "" => match done.route().as_slice() {
            b"allow_any" => Some(PASSTHROUGH_CLUSTER),
            b"block_all" => Some(BLACK_HOLE_CLUSTER),
            _ => Some(""),
        },
        PASSTHROUGH_CLUSTER => Some(PASSTHROUGH_CLUSTER),
        BLACK_HOLE_CLUSTER => Some(BLACK_HOLE_CLUSTER),
        _ => None,
    };
    if let Some(special) = special {
        return nobody(done, special);
    }
    if let Some(service) = done.plan().telemetry().of_cluster(name) {
        return Reached::Service(service);
    }
    let field = |what| String::from_utf8_lossy(&done.cluster_service(what)).into_owned();
    let host = field(ServiceField::Host);
    if !host.is_empty() {
        let (name, namespace) = (field(ServiceField::Name), field(ServiceField::Namespace));
        return Reached::Foreign(TargetService { host, name, namespace });
    }
    if name.starts_with("outbound|") {
        return Reached::Foreign(TargetService::named(host_of(name)));
    }
    nobody(done, "")
}

/// Nobody, by the host that was asked for where hosts are looked at.
fn nobody(done: &DonePhase<'_>, name: &'static str) -> Reached {
    if !done.plan().telemetry().host_header_fallback {
        return Reached::Nobody { host: Vec::new(), name, made_up: false };
    }
    let host = host_of_any_port(&done.host()).to_ascii_lowercase();
    let made_up = !host.is_empty() && !is_of_a_resource(done, &host);
    Reached::Nobody { host, name, made_up }
}

/// Whether the virtual host that the request found has this very name, and does not take any name that ends so.
fn is_of_a_resource(done: &DonePhase<'_>, host: &[u8]) -> bool {
    let found = match done.decision().map(|decision| decision.found) {
        Some(Found::Rule { host, .. } | Found::Host(host)) => done.plan().host(host),
        Some(Found::Nothing) | None => None,
    };
    found.is_some_and(|found| found.domain.as_bytes() == host)
}
