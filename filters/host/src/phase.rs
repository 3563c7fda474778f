//! What a behaviour may do in each phase of a stream: just what Envoy allows then.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::time::Duration;

use rand::Rng;
use shared::act::{self, Changes};
use shared::decide::{self, Decision, Request, Untraced};
use shared::plan::Plan;
use shared::plan::format::{Clock, Fact, Source};

use crate::abi::{self, Map};
use crate::done::final_decision;
use crate::handover::{self, Handed};
use crate::stream::Common;
use crate::vm::{StreamId, Vm};
use crate::{Reply, facts};

/// Request headers are here and may be changed; nothing is known of a response yet.
pub struct RequestPhase<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) request: Request<'a>,
    pub(crate) common: &'a mut Common,
    pub(crate) random: &'a mut rand::rngs::SmallRng,
    /// Whether a decision of another module may be taken, and ours is handed on.
    pub(crate) hands_over: bool,
    pub(crate) foreign: abi::Counter,
    pub(crate) stream: StreamId,
    pub(crate) vm: Vm<'a>,
}

impl<'a> RequestPhase<'a> {
    /// The compiled configuration.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The request as it came into this module.
    pub fn request(&self) -> Request<'a> {
        self.request
    }

    /// A uniform random number.
    pub fn draw(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Whether this is a share of `ppm` millionths of all requests; drawn anew every time.
    pub fn hits(&mut self, ppm: u32) -> bool {
        shared::plan::fault::hits(ppm, self.draw())
    }

    /// The client's address as Envoy has it, without its port. On a gateway's listener it is that of the connection: a
    /// client cannot forge it, a proxy in between hides it. On the mesh's it is the last entry of `x-forwarded-for` where
    /// there is one, since such a listener does not `use_remote_address`; Envoy's own routes see the same there.
    pub fn source_ip(&self) -> Option<Vec<u8>> {
        facts::fact(Fact::DownstreamRemoteAddressWithoutPort).map(Cow::into_owned)
    }

    /// Whether this behaviour has a module of its own, so that what it does has to show in the request itself.
    pub fn is_alone(&self) -> bool {
        self.hands_over
    }

    /// What was decided: by a behaviour or module before, else now. There is no destination in it unless somebody
    /// chose one.
    ///
    /// Nothing when a module before has decided by another configuration; this one then leaves the request alone.
    pub fn decision(&mut self) -> Option<Decision> {
        if self.common.decision.is_none() && !self.common.stands_aside {
            self.decide();
        }
        self.common.decision
    }

    fn decide(&mut self) {
        if self.hands_over
            && let Some(bytes) = abi::property(handover::PROPERTY)
        {
            match handover::decode(self.plan.fingerprint(), &bytes) {
                Handed::Decision(decision, waited) => {
                    self.common.decision = Some(decision);
                    self.common.waited = waited;
                }
                Handed::Foreign => {
                    self.common.stands_aside = true;
                    self.foreign.increment();
                }
            }
            return;
        }
        let decision = decide::find(self.plan, &self.request, &mut Untraced);
        self.common.decision = Some(decision);
        self.hand_over(decision);
    }

    /// The decision with a destination: the one that was chosen before, else one by weight.
    pub fn destination(&mut self) -> Option<Decision> {
        let before = self.decision()?;
        let mut decision = before;
        decide::choose(self.plan, &mut decision, |split| split.choose(|| self.random.next_u64()));
        if decision != before {
            self.common.decision = Some(decision);
            self.hand_over(decision);
        }
        Some(decision)
    }

    /// Changes what was decided, so that the behaviours and modules around this one know it too.
    pub fn note(&mut self, change: impl FnOnce(&mut Decision)) {
        if let Some(mut decision) = self.common.decision {
            change(&mut decision);
            self.common.decision = Some(decision);
            self.hand_over(decision);
        }
    }

    /// Which stream this is.
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The VM around it.
    pub fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// The cluster that Envoy's own routes lead to, for requests that no resource is about.
    pub fn routed_cluster(&self) -> Option<String> {
        abi::property("xds\0cluster_name").and_then(|name| String::from_utf8(name).ok()).filter(|name| !name.is_empty())
    }

    /// The request has waited for so long, which its timeout does not give it again.
    pub fn has_waited(&mut self, time: Duration) {
        self.common.waited += time;
        if let Some(decision) = self.common.decision {
            self.hand_over(decision);
        }
    }

    fn hand_over(&self, decision: Decision) {
        if self.hands_over {
            abi::set_property(
                handover::PROPERTY,
                &handover::encode(self.plan.fingerprint(), &decision, self.common.waited),
            );
        }
    }

    /// The reply, where the decision is to answer here.
    pub fn own_reply(&self) -> Option<Reply> {
        let reply = act::reply(self.plan, self.common.decision.as_ref()?, &self.request)?;
        Some(Reply {
            status: reply.status,
            headers: reply.headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect(),
            body: reply.body.into_owned(),
            details: reply.details,
            grpc_status: reply.grpc_status.map(i32::from),
        })
    }

    /// Sends the request on its way as decided: rewrites, header operations, cluster, timeout and retries.
    pub fn forward(&mut self) {
        let Some(decision) = self.common.decision else { return };
        let (plan, request) = (self.plan, self.request);
        act::request(plan, &decision, &request, &mut RequestHeaders);
        self.shorten_timeout(&decision);
        // The response phase cannot see the request any more.
        let kept = act::kept_for_response(plan, &decision, &request);
        let kept = kept.filter_map(|name| Some((name.into(), abi::header(Map::Request, name)?)));
        self.common.kept = kept.collect();
    }

    /// Draws the mirrors that get a copy of the request, and sees to it that Envoy's route has them.
    pub fn mirror(&mut self) {
        let Some(decision) = self.decision() else { return };
        let mirrors = decide::mirror(self.plan, &decision, || self.random.next_u64());
        if mirrors != decision.mirrors {
            self.note(|decision| decision.mirrors = mirrors);
        }
        // In the suite the router names the route; after a module of its own there may be none.
        if self.hands_over
            && let Some(decision) = self.common.decision
        {
            act::name_route(self.plan, &decision, &self.request, &mut RequestHeaders);
        }
    }

    /// Envoy counts the rule's timeout from here; what the request has waited is a part of it.
    fn shorten_timeout(&self, decision: &Decision) {
        if !self.common.waited.is_zero()
            && let Some(timeout) = act::timeout(self.plan, decision, &self.request)
        {
            let left = timeout.saturating_sub(self.common.waited).as_millis().max(1);
            let left = u64::try_from(left).unwrap_or(u64::MAX);
            RequestHeaders.set(b"x-envoy-upstream-rq-timeout-ms", left.to_string().as_bytes());
        }
    }

    /// Takes a request header away.
    pub fn remove_header(&mut self, name: &[u8]) {
        RequestHeaders.remove(name);
    }

    /// Puts one value in place of all that a request header has.
    pub fn set_header(&mut self, name: &[u8], value: &[u8]) {
        RequestHeaders.set(name, value);
    }
}

/// Envoy's request headers, as they are by now.
struct RequestHeaders;

impl Changes for RequestHeaders {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        abi::set_header(Map::Request, name, value);
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        abi::add_header(Map::Request, name, value);
    }

    fn remove(&mut self, name: &[u8]) {
        abi::remove_header(Map::Request, name);
    }
}

impl Source for RequestHeaders {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        abi::header(Map::Request, name).map(Cow::Owned)
    }

    fn response_header(&self, _: &[u8]) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        facts::fact(fact)
    }

    fn flags(&self) -> u64 {
        facts::flags()
    }

    fn time(&self, clock: Clock) -> Option<u64> {
        facts::time(clock)
    }
}

/// Response headers are here and may be changed; the request's are gone but for what was kept.
pub struct ResponsePhase<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) common: &'a Common,
    pub(crate) hands_over: bool,
}

impl<'a> ResponsePhase<'a> {
    /// The compiled configuration.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// What was decided, by behaviours and modules further in as well; nothing when nobody asked, or when this module
    /// stood aside.
    pub fn decision(&self) -> Option<Decision> {
        final_decision(self.plan, self.common, self.hands_over)
    }

    /// The first value of a response header.
    pub fn header(&self, name: &[u8]) -> Option<Vec<u8>> {
        abi::header(Map::Response, name)
    }

    /// Adds a value beside those that a response header has.
    pub fn add_header(&mut self, name: &[u8], value: &[u8]) {
        abi::add_header(Map::Response, name, value);
    }

    /// Whether this is a reply of this module, which has the rule's response operations already.
    pub fn is_own_reply(&self) -> bool {
        self.common.replied
    }

    /// Applies the rule's response operations and CORS headers.
    pub fn finish(&mut self) {
        if let Some(decision) = self.common.decision {
            let mut headers = ResponseHeaders { kept: &self.common.kept, of_envoy: OnceCell::new() };
            act::response(self.plan, &decision, &mut headers);
        }
    }
}

/// The only header of a reply of Envoy's own when its formatter sees it.
const STATUS: &[u8] = b":status";

/// Its bytes, with a status of three digits.
const ONLY_STATUS: &[u8] = b"10";

/// Envoy's response headers, as they are by now.
struct ResponseHeaders<'a> {
    kept: &'a [(Box<[u8]>, Vec<u8>)],
    of_envoy: OnceCell<bool>,
}

impl ResponseHeaders<'_> {
    /// Whether Envoy itself has answered. Its own formatter sees such a reply before it has a status, a body, or whatever
    /// gRPC clients are told.
    fn is_of_envoy(&self) -> bool {
        let ask = || abi::property("response\0code_details").is_some_and(|details| details != b"via_upstream");
        *self.of_envoy.get_or_init(ask)
    }
}

impl Changes for ResponseHeaders<'_> {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        abi::set_header(Map::Response, name, value);
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        abi::add_header(Map::Response, name, value);
    }

    fn remove(&mut self, name: &[u8]) {
        abi::remove_header(Map::Response, name);
    }
}

impl Source for ResponseHeaders<'_> {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.kept.iter().find(|(known, _)| known.as_ref() == name).map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        match (self.is_of_envoy(), name) {
            (false, _) => abi::header(Map::Response, name).map(Cow::Owned),
            (true, STATUS) => facts::fact(Fact::ResponseCode),
            (true, _) => None,
        }
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        match fact {
            Fact::ResponseCode if self.is_of_envoy() => None,
            Fact::ResponseHeadersBytes if self.is_of_envoy() => Some(Cow::Borrowed(ONLY_STATUS)),
            Fact::ResponseHeadersBytes => facts::response_headers_bytes(),
            other => facts::fact(other),
        }
    }

    fn flags(&self) -> u64 {
        facts::flags()
    }

    fn time(&self, clock: Clock) -> Option<u64> {
        facts::time(clock)
    }
}

/// Nothing is known but what the behaviours themselves keep.
pub struct AttendPhase<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) vm: Vm<'a>,
    pub(crate) wake: &'a mut Vec<StreamId>,
}

impl<'a> AttendPhase<'a> {
    /// The compiled configuration.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The VM.
    pub fn vm(&self) -> Vm<'a> {
        self.vm
    }

    /// Ends the wait of a stream, which goes on soon, in the order in which they came; a stream that is gone or does
    /// not wait is left alone.
    pub fn wake(&mut self, stream: StreamId) {
        self.wake.push(stream);
    }
}
