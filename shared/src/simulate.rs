//! The whole chain without a proxy: what becomes of a request from the first behaviour to the client's answer.
//!
//! The order is that of the modules: fault, canary (sticky splits), circuit breaker (it lets everything pass, since nothing
//! is on its way), mirror, router. What each does is the code that the modules run; only the chain itself stands here
//! once more, since theirs waits and goes on with other requests in between.
//!
//! | file | what |
//! |---|---|
//! | `draws` | what chance decides |
//! | `exchange` | request and answer, with changes applied and written down |
//! | `outcomes` | every way that chance may take, with its share |

mod draws;
mod exchange;
mod outcomes;

pub use draws::{Chance, Draws, Numbers};
pub use exchange::{Answer, Change, Headers, Incoming};
pub use outcomes::{Outcome, outcomes, outcomes_of};

use std::time::Duration;

use crate::act::{self, Reply};
use crate::decide::{self, Decision, Request, Trace, cookie};
use crate::plan::Plan;
use crate::plan::mirror::Mirror;
use crate::plan::sticky::Sticky;
use exchange::Exchange;

/// What became of a request.
#[derive(Clone, Debug)]
pub struct Simulated<'p> {
    /// What was decided.
    pub decision: Decision,
    /// How long a fault makes it wait first.
    pub delay: Option<Duration>,
    /// The answer that is given here, without the rule's response operations.
    pub reply: Option<Reply<'p>>,
    /// The cluster that the request goes to, unless it is answered here.
    pub cluster: Option<&'p str>,
    /// Who gets copies.
    pub mirrors: Vec<&'p Mirror>,
    /// What kept the client at its destination.
    pub sticky: Option<Stuck<'p>>,
    /// How long the destination has, where the rule or a gRPC client says so.
    pub timeout: Option<Duration>,
    /// The request as it reaches the destination, pseudo headers included; empty where it is answered here.
    pub request: Headers,
    /// What was changed on the way there, in order; internal headers are left out.
    pub request_changes: Vec<Change>,
    /// The answer as the client gets it, with the status and headers that the destination or the reply has.
    pub answer: Answer,
    /// What was changed on the way back, in order.
    pub answer_changes: Vec<Change>,
}

/// What kept a client at its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck<'p> {
    /// What tells clients apart.
    pub by: &'p Sticky,
    /// What the client says of itself, or is told to say from now on; nothing where that is left open.
    pub key: Option<Vec<u8>>,
    /// Whether the client had no cookie and gets one.
    pub new: bool,
}

/// Sends one request through the chain. `upstream` answers for the cluster that gets it.
pub fn simulate<'p>(
    plan: &'p Plan,
    incoming: &Incoming,
    draws: &mut impl Draws,
    upstream: impl FnOnce(&str) -> Answer,
    trace: &mut impl Trace,
) -> Simulated<'p> {
    let pairs = incoming.pairs();
    let request = Request::new(&pairs);
    let decision = decide::find(plan, &request, trace);
    go(plan, decision, incoming, &request, draws, upstream)
}

/// What follows when the rule is found.
fn go<'p>(
    plan: &'p Plan,
    mut decision: Decision,
    incoming: &Incoming,
    request: &Request<'_>,
    draws: &mut impl Draws,
    upstream: impl FnOnce(&str) -> Answer,
) -> Simulated<'p> {
    let delay = fault(plan, &mut decision, draws);
    let (sticky, new_cookie) = canary(plan, &mut decision, incoming, request, draws);
    // Whoever is not sticky is drawn by weight.
    decide::choose(plan, &mut decision, |split| draws.destination(split));
    decision.mirrors = mirror(plan, &decision, draws);
    let reply = act::reply(plan, &decision, request);
    let cluster = decision.cluster(plan);

    let mut exchange = Exchange::new(incoming);
    let mut timeout = None;
    match (&reply, cluster) {
        (Some(reply), _) => exchange.reply(reply),
        (None, Some(cluster)) => {
            act::request(plan, &decision, request, &mut exchange);
            timeout = act::timeout(plan, &decision, request);
            exchange.answer(cluster, upstream(cluster));
        }
        (None, None) => {}
    }
    act::response(plan, &decision, &mut exchange);
    if let Some(cookie) = new_cookie {
        act::Changes::add(&mut exchange, b"set-cookie", &cookie);
    }
    let mirrors = decision.mirrors(plan).collect();
    let sent = reply.is_none() && cluster.is_some();
    let (request, request_changes) = if sent { exchange.sent() } else { Default::default() };
    let (answer, answer_changes) = exchange.answered();
    Simulated {
        decision,
        delay,
        reply,
        cluster,
        mirrors,
        sticky,
        timeout,
        request,
        request_changes,
        answer,
        answer_changes,
    }
}

/// A delay and an abort are drawn apart, and the delay comes first.
fn fault(plan: &Plan, decision: &mut Decision, draws: &mut impl Draws) -> Option<Duration> {
    let fault = decide::fault(plan, decision)?;
    let (ms, _) = fault.delay.filter(|(_, ppm)| draws.hits(Chance::Delay(*ppm))).unzip();
    decision.delayed = ms.is_some();
    if fault.abort.is_some_and(|(_, ppm)| draws.hits(Chance::Abort(ppm))) {
        decide::abort(plan, decision, |split| draws.destination(split));
    }
    ms.map(Duration::from_millis)
}

/// Keeps a client at its destination, with the `set-cookie` for one that had no cookie.
fn canary<'p>(
    plan: &'p Plan,
    decision: &mut Decision,
    incoming: &Incoming,
    request: &Request<'_>,
    draws: &mut impl Draws,
) -> (Option<Stuck<'p>>, Option<Vec<u8>>) {
    let Some((by, split)) = decide::sticky(plan, decision) else { return (None, None) };
    if let Some(key) = decide::client_key(by, request, || incoming.source.clone()) {
        decision.destination = Some(split.stick(&key));
        return (Some(Stuck { by, key: Some(key.into_owned()), new: false }), None);
    }
    let Sticky::Cookie(name) = by else { return (None, None) };
    let value = draws.cookie().map(cookie::value);
    decision.destination = value.as_deref().map(|value| split.stick(value));
    let set = value.as_deref().map(|value| cookie::set(name, value, request.is_https()));
    (Some(Stuck { by, key: value, new: true }), set)
}

/// Every mirror that does not take everything is drawn by itself.
fn mirror(plan: &Plan, decision: &Decision, draws: &mut impl Draws) -> u8 {
    let mut shares = decide::drawn_mirrors(plan, decision).map(|mirror| mirror.ppm);
    // The ends of the range hit any share and none.
    let ends = || if shares.next().is_some_and(|ppm| draws.hits(Chance::Mirror(ppm))) { 0 } else { u64::MAX };
    decide::mirror(plan, decision, ends)
}
