//! What becomes of a request: plan, request and random draws in, a [`Decision`] out.
//!
//! Why it came so is told to a [`Trace`], which costs nothing when nobody listens ([`Untraced`]).

mod client;
pub mod cookie;
mod request;
mod trace;

pub use client::client_key;
pub(crate) use request::is_grpc;
pub use request::{Request, host_of_any_port};
pub use trace::{Trace, Untraced};

use crate::plan::fault::Fault;
use crate::plan::mirror::Mirror;
use crate::plan::sticky::Sticky;
use crate::plan::variant::MirrorSet;
use crate::plan::{Action, Destination, Plan, RouteAction, Rule, Split};

/// Which rule a request has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The rule that matched: virtual host, rule and match block, as indices into the plan.
    Rule {
        /// Index of the virtual host.
        host: u32,
        /// Index of the rule among all rules of the plan.
        rule: u32,
        /// Which of the rule's match blocks held, from 0; 0 for a rule without any.
        matched: u32,
    },
    /// A virtual host none of whose rules matched.
    Host(u32),
    /// No virtual host at all.
    Nothing,
}

/// Why a request is answered here and not by a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum OwnReply {
    /// Nothing matched: 404, flag `NR`.
    NotFound = 1,
    /// The rule redirects.
    Redirect = 2,
    /// The rule answers directly.
    DirectResponse = 3,
    /// A CORS preflight.
    Preflight = 4,
    /// The Gateway wants https.
    HttpsRedirect = 5,
    /// A fault was injected: flag `FI`.
    FaultAbort = 6,
    /// The destination takes no more requests: 503, flag `UO`.
    Overflow = 7,
    /// All endpoints of the destination are failing: 503, flag `UH`.
    Ejected = 8,
    /// It waited for its destination as long as the rule lets a request take: 504, flag `UT`.
    WaitedTooLong = 9,
    /// Nobody in the mesh has the host, and there is no other place to which the request was meant to go: 404, flag `NR`.
    UnknownHost = 11,
    /// Nobody in the mesh has the host, and `REGISTRY_ONLY` lets nothing else out: 502, as Istio's `block_all`.
    Blocked = 12,
}

impl OwnReply {
    /// From the number that a hand-over carries.
    pub fn from_number(number: u8) -> Option<OwnReply> {
        use OwnReply::*;
        let all = [
            NotFound,
            Redirect,
            DirectResponse,
            Preflight,
            HttpsRedirect,
            FaultAbort,
            Overflow,
            Ejected,
            WaitedTooLong,
            UnknownHost,
            Blocked,
        ];
        all.into_iter().find(|reply| *reply as u8 == number)
    }
}

/// What becomes of one request. Indices into one [`Plan`], so it is as small as what modules hand over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What matched.
    pub found: Found,
    /// Which of the rule's destinations answers; none as long as nobody chose, and for own replies.
    pub destination: Option<u32>,
    /// Set when the request is answered here.
    pub reply: Option<OwnReply>,
    /// Whether a fault has delayed it: flag `DI`.
    pub delayed: bool,
    /// Which of the rule's mirrors get a copy; none as long as nobody drew.
    pub mirrors: MirrorSet,
}

impl Decision {
    /// The rule behind the decision.
    #[inline]
    pub fn rule<'p>(&self, plan: &'p Plan) -> Option<&'p Rule> {
        match self.found {
            Found::Rule { rule, .. } => plan.rule(rule),
            _ => None,
        }
    }

    /// The cluster that the request goes to, unless it is answered here.
    #[inline]
    pub fn cluster<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        if self.reply.is_some() {
            return None;
        }
        match self.rule(plan) {
            Some(_) => self.chosen(plan).map(|it| it.cluster.as_ref()),
            None => plan.passthrough(),
        }
    }

    /// The rule's destination that was chosen.
    #[inline]
    pub fn chosen<'p>(&self, plan: &'p Plan) -> Option<&'p Destination> {
        self.route(plan)?.destinations.get(self.destination?)
    }

    /// What a rule says about requests that go to a destination; nothing for those that are answered here.
    #[inline]
    fn route<'p>(&self, plan: &'p Plan) -> Option<&'p RouteAction> {
        match self.rule(plan) {
            Some(Rule { action: Action::Route(route), .. }) if self.reply.is_none() => Some(route),
            _ => None,
        }
    }

    /// Who gets a copy.
    pub fn mirrors<'p>(&self, plan: &'p Plan) -> impl Iterator<Item = &'p Mirror> {
        self.route(plan).into_iter().flat_map(|route| route.mirrors.of(self.mirrors))
    }
}

/// Decides everything: which rule, whether it is answered here, and by its weights which destination.
///
/// `draw` gives uniform 64-bit numbers; it is asked only where there is a choice.
pub fn decide(plan: &Plan, request: &Request<'_>, draw: impl FnOnce() -> u64, trace: &mut impl Trace) -> Decision {
    let mut decision = find(plan, request, trace);
    choose(plan, &mut decision, |split| split.choose(draw));
    decision
}

/// Finds the rule and sees whether the request is answered here; chooses no destination.
pub fn find(plan: &Plan, request: &Request<'_>, trace: &mut impl Trace) -> Decision {
    let found = plan.find(request, trace);
    let reply = match found {
        Found::Rule { host, rule, .. } => {
            if plan.wants_https(host) && !request.is_https() {
                Some(OwnReply::HttpsRedirect)
            } else {
                match plan.rule(rule).map(|rule| &rule.action) {
                    Some(Action::Redirect(_)) => Some(OwnReply::Redirect),
                    Some(Action::DirectResponse(_)) => Some(OwnReply::DirectResponse),
                    Some(Action::Route(route)) => {
                        route.cors.as_ref().filter(|cors| cors.answers(request)).map(|_| OwnReply::Preflight)
                    }
                    None => Some(OwnReply::NotFound),
                }
            }
        }
        Found::Host(host) if plan.wants_https(host) && !request.is_https() => Some(OwnReply::HttpsRedirect),
        Found::Host(_) => Some(OwnReply::NotFound),
        Found::Nothing if plan.passthrough().is_some() => None,
        // Istio's route takes every path, and so no request without one.
        Found::Nothing if plan.blocks_unknown_hosts() && request.path_and_query().starts_with(b"/") => {
            Some(OwnReply::Blocked)
        }
        Found::Nothing if plan.answers_unknown_hosts() => Some(OwnReply::UnknownHost),
        Found::Nothing => Some(OwnReply::NotFound),
    };
    Decision { found, destination: None, reply, delayed: false, mirrors: 0 }
}

/// Lets `choose` take one of the rule's destinations, by their weights, unless somebody did already.
pub fn choose(plan: &Plan, decision: &mut Decision, choose: impl FnOnce(&Split) -> u32) {
    if decision.destination.is_some() || decision.reply.is_some() {
        return;
    }
    if let Some(Rule { action: Action::Route(route), .. }) = decision.rule(plan) {
        decision.destination = Some(choose(&route.destinations));
    }
}

/// What keeps the client of a request at its destination, where nobody has chosen one yet.
pub fn sticky<'p>(plan: &'p Plan, decision: &Decision) -> Option<(&'p Sticky, &'p Split)> {
    let route = decision.route(plan).filter(|_| decision.destination.is_none())?;
    Some((route.sticky.as_deref()?, &route.destinations))
}

/// The fault that a request may run into. Requests that are redirected or answered directly have none; a preflight has
/// one, since Envoy's fault filter stands before its CORS filter.
#[inline]
pub fn fault<'p>(plan: &'p Plan, decision: &Decision) -> Option<&'p Fault> {
    if !matches!(decision.reply, None | Some(OwnReply::Preflight)) {
        return None;
    }
    match &decision.rule(plan)?.action {
        Action::Route(route) => route.fault.as_deref(),
        _ => None,
    }
}

/// Answers the request with its fault's abort. Envoy has a destination by then, for a preflight as well, whose response
/// operations apply to the reply.
pub fn abort(plan: &Plan, decision: &mut Decision, choose: impl FnOnce(&Split) -> u32) {
    decision.reply = None;
    self::choose(plan, decision, choose);
    decision.reply = Some(OwnReply::FaultAbort);
}

/// The mirrors of which [`mirror`] draws each by itself, in this order.
pub fn drawn_mirrors<'p>(plan: &'p Plan, decision: &Decision) -> impl Iterator<Item = &'p Mirror> {
    decision.route(plan).into_iter().flat_map(|route| route.mirrors.all()).filter(|mirror| !mirror.takes_all())
}

/// Draws the mirrors that get a copy; none of a request that is answered here.
///
/// `draw` gives uniform 64-bit numbers; it is asked once for each mirror that does not take everything.
pub fn mirror(plan: &Plan, decision: &Decision, draw: impl FnMut() -> u64) -> MirrorSet {
    decision.route(plan).map_or(0, |route| route.mirrors.draw(draw))
}
