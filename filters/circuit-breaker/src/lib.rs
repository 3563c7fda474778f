//! The circuit breaker: it lets a request to its destination, lets it wait, or refuses it, as the destination's
//! `connectionPool` says; and it leaves a destination alone all of whose endpoints are ejected, as its
//! `outlierDetection` says, where no cluster of Envoy's does that.
//!
//! | file | what |
//! |---|---|
//! | [`table`] | who holds how many slots and who waits, shared by all VMs; pure |
//! | [`ejection`] | what is known of a destination's endpoints, shared by all VMs; pure |
//! | `outlook` | what this VM knows of a destination's health without asking |
//! | `slots` | what this VM holds, and how it keeps the table right |
//! | `by_name` | what there is of each destination |

mod by_name;
pub mod ejection;
mod outlook;
mod slots;
pub mod table;

use std::sync::Arc;
use std::time::Duration;

use host::vm::Vm;
use host::{AttendPhase, Behaviour, DonePhase, Reply, RequestPhase, ResponsePhase, Step, Wait};
use shared::act;
use shared::decide::{Found, OwnReply};
use shared::plan::Plan;
use shared::plan::guard::{Ejection, Guard};
use shared::plan::variant::CLUSTER_HEADER;

use crate::ejection::{Verdict, grpc_as_http};
use crate::outlook::Outlook;
use crate::slots::Slots;
use crate::table::Admission;

/// How long a request waits beyond those that may: other VMs give back what they keep within milliseconds, unless their
/// workers are busy.
const HOPES: Duration = Duration::from_millis(50);

/// The behaviour.
#[derive(Debug)]
pub struct CircuitBreaker {
    slots: Slots,
    outlook: Outlook,
}

/// What it remembers of one request.
#[derive(Debug, Default)]
pub struct Guarded {
    /// The destination, where something guards it.
    cluster: Option<Arc<str>>,
    place: Place,
    watched: Option<Watched>,
}

/// Where the request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Not counted.
    #[default]
    Nowhere,
    /// Waiting for a slot, since then, at the latest until then; and what is said when that has come.
    Waiting(u64, Option<u64>, OwnReply),
    /// On its way, with a slot.
    Active,
}

/// A request whose answer tells something about its endpoint.
#[derive(Debug)]
struct Watched {
    ejection: Arc<Ejection>,
    grpc: bool,
    /// The status that stands for the one of gRPC in the response's headers; Envoy does not count one in trailers.
    status: Option<u64>,
}

impl Behaviour for CircuitBreaker {
    type Stream = Guarded;

    fn new(_: &Plan) -> CircuitBreaker {
        CircuitBreaker { slots: Slots::new(), outlook: Outlook::new() }
    }

    fn request(&self, own: &mut Guarded, request: &mut RequestPhase<'_>) -> Step {
        let Some((cluster, guard)) = guarded(request) else { return Step::Next };
        let cluster = own.cluster.insert(cluster);
        if let Some(ejection) = guard.ejection {
            if !self.outlook.lets_through(cluster, request.vm()) {
                return refuse(OwnReply::Ejected, request);
            }
            own.watched = Some(Watched { ejection, grpc: request.request().is_grpc(), status: None });
        }
        let Some(limits) = guard.limits else { return Step::Next };
        match self.slots.admit(cluster, limits, request) {
            Admission::Admitted => {
                own.place = Place::Active;
                Step::Next
            }
            admission @ (Admission::Waits | Admission::Hopes) => {
                let now = request.vm().now();
                let decision = request.decision();
                let mut most = decision.and_then(|it| act::timeout(request.plan(), &it, &request.request()));
                let mut why = OwnReply::WaitedTooLong;
                if admission == Admission::Hopes && most.is_none_or(|most| most > HOPES) {
                    (most, why) = (Some(HOPES), OwnReply::Overflow);
                }
                let until = most.map(|most| now.saturating_add(u64::try_from(most.as_millis()).unwrap_or(u64::MAX)));
                own.place = Place::Waiting(now, until, why);
                Step::Wait(Wait::UntilWoken(most))
            }
            Admission::Refused => {
                own.watched = None;
                refuse(OwnReply::Overflow, request)
            }
        }
    }

    fn resume(&self, own: &mut Guarded, request: &mut RequestPhase<'_>) -> Step {
        let (Place::Waiting(since, until, why), Some(cluster)) = (own.place, &own.cluster) else { return Step::Next };
        let now = request.vm().now();
        if self.slots.has_slot(cluster, request.stream()) {
            own.place = Place::Active;
            request.has_waited(Duration::from_millis(now.saturating_sub(since)));
            return Step::Next;
        }
        match until {
            Some(until) if until <= now => {
                self.slots.leave(cluster, request.stream(), now);
                (own.place, own.watched) = (Place::Nowhere, None);
                refuse(why, request)
            }
            until => Step::Wait(Wait::UntilWoken(until.map(|until| Duration::from_millis(until.saturating_sub(now))))),
        }
    }

    fn response(&self, own: &mut Guarded, response: &mut ResponsePhase<'_>) {
        if let Some(watched) = own.watched.as_mut().filter(|watched| watched.grpc) {
            watched.status = response.header(b"grpc-status").map(|status| grpc_as_http(&status));
        }
    }

    fn done(&self, own: &mut Guarded, done: &mut DonePhase<'_>) {
        let Some(cluster) = &own.cluster else { return };
        match std::mem::take(&mut own.place) {
            Place::Nowhere => {}
            Place::Waiting(..) => self.slots.leave(cluster, done.stream(), done.vm().now()),
            Place::Active => self.slots.end(cluster, || done.vm().now()),
        }
        // Without a status the client did not wait for an answer.
        let (Some(watched), Some(status)) = (own.watched.take(), done.status()) else { return };
        let status = watched.status.unwrap_or(status.into());
        let verdict = Verdict::of(status, watched.ejection.at_once(), || done.flags());
        self.outlook.tell(cluster, verdict, &watched.ejection, done);
    }

    fn attend(&self, attend: &mut AttendPhase<'_>) {
        self.outlook.attend(attend);
        self.slots.attend(attend);
    }

    fn close(&self, vm: Vm<'_>) {
        self.outlook.close(vm);
        self.slots.close(vm);
    }
}

/// The cluster of the destination that was decided, and what guards it; of a request that no resource is about, the one
/// that Envoy's own routes lead to. Nothing for a request that is answered here.
fn guarded(request: &mut RequestPhase<'_>) -> Option<(Arc<str>, Guard)> {
    let (decision, plan) = (request.destination()?, request.plan());
    if let Some(destination) = decision.chosen(plan) {
        return Some((Arc::clone(&destination.cluster), plan.guard_of(destination)?.clone()));
    }
    // A client that names a cluster itself leads generated routes nowhere, since the router takes the name away.
    let own_route = decision.reply == Some(OwnReply::NotFound)
        && !matches!(decision.found, Found::Rule { .. })
        && request.request().header(CLUSTER_HEADER.as_bytes()).is_none();
    let cluster = request.routed_cluster().filter(|_| own_route)?;
    let guard = plan.guard(&cluster)?;
    Some((cluster.into(), guard))
}

/// The reply that Envoy itself would give.
fn refuse(why: OwnReply, request: &mut RequestPhase<'_>) -> Step {
    request.note(|decision| decision.reply = Some(why));
    let (status, body, details) = match why {
        OwnReply::Ejected => (503, "no healthy upstream", "no_healthy_upstream"),
        OwnReply::WaitedTooLong => (504, "upstream request timeout", "response_timeout"),
        _ => (
            503,
            "upstream connect error or disconnect/reset before headers. reset reason: overflow",
            "upstream_reset_before_response_started{overflow}",
        ),
    };
    let headers = match why {
        OwnReply::Overflow => vec![(b"x-envoy-overloaded".to_vec(), b"true".to_vec())],
        _ => Vec::new(),
    };
    Step::Reply(Reply { status, headers, body: body.as_bytes().to_vec(), details, grpc_status: None })
}
