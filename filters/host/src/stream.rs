//! One request's way through the chain.

use std::cell::OnceCell;
use std::time::Duration;

use shared::act;
use shared::decide::{Decision, Request};
use shared::names::EXPLAIN_HEADER;

use crate::abi::{self, Map};
use crate::behaviour::{Chain, Step, Wait};
use crate::done::DonePhase;
use crate::module::Configured;
use crate::phase::{RequestPhase, ResponsePhase};
use crate::vm::{StreamId, Vm};
use crate::{headers, reply, why};

/// What all behaviours of a chain know of a stream.
#[derive(Debug, Default)]
pub(crate) struct Common {
    pub(crate) decision: Option<Decision>,
    /// A module with another configuration has decided: the behaviours here do nothing.
    pub(crate) stands_aside: bool,
    /// This module answered the request itself.
    pub(crate) replied: bool,
    /// How long it has waited until it was woken.
    pub(crate) waited: Duration,
    /// Request headers for the response phase.
    pub(crate) kept: Vec<(Box<[u8]>, Vec<u8>)>,
    /// Why it goes where it goes, where somebody may ask that and does.
    pub(crate) explained: Option<Vec<u8>>,
}

/// A stream's state; it lives from the request's headers to the stream's end.
pub(crate) struct Stream<C: Chain> {
    id: StreamId,
    own: C::Streams,
    common: Common,
    /// The behaviour whose turn it is; the length of the chain when all had theirs.
    at: usize,
    /// Whether everybody has seen the end.
    ended: bool,
}

/// How far a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the whole chain.
    On,
    /// To a behaviour that waits.
    Waits(Wait),
    /// It was answered.
    Back,
}

impl<C: Chain> Stream<C> {
    pub(crate) fn new(id: StreamId) -> Stream<C> {
        Stream { id, own: C::Streams::default(), common: Common::default(), at: 0, ended: false }
    }

    /// Goes on from the behaviour whose turn it is. The stream must be Envoy's effective one.
    pub(crate) fn request(&mut self, module: &Configured<C>, resumed: bool) -> Way {
        let map = abi::header_map(Map::Request).unwrap_or_default();
        let pairs = headers::pairs(&map);
        let mut random = module.random.borrow_mut();
        let mut phase = RequestPhase {
            plan: &module.plan,
            request: Request::new(&pairs),
            common: &mut self.common,
            random: &mut random,
            hands_over: C::HANDS_OVER,
            foreign: module.foreign,
            stream: self.id,
            vm: Vm(&module.attention),
        };
        let mut resumed = resumed;
        while self.at < C::LENGTH {
            match module.chain.request(self.at, std::mem::take(&mut resumed), &mut self.own, &mut phase) {
                Step::Next => self.at += 1,
                Step::Wait(wait) => return Way::Waits(wait),
                Step::Reply(mut reply) => {
                    phase.common.replied = true;
                    let decision = phase.common.decision;
                    if module.plan.explains(&phase.request) {
                        let explained = decision.map(|it| act::explain::explain(&module.plan, &it, &phase.request));
                        reply.headers.extend(explained.map(|it| (EXPLAIN_HEADER.as_bytes().to_vec(), it)));
                    }
                    reply::send(reply, &module.plan, decision.as_ref(), &Request::new(&pairs));
                    return Way::Back;
                }
            }
        }
        // Of several modules the one that routes says it, since all is decided by then.
        if (!C::HANDS_OVER || module.routes) && module.plan.explains(&phase.request) {
            let decision = phase.common.decision;
            phase.common.explained = decision.map(|it| act::explain::explain(&module.plan, &it, &phase.request));
        }
        Way::On
    }

    /// Shows the response to those who have seen the request, the innermost first, as Envoy does with filters.
    pub(crate) fn response(&mut self, module: &Configured<C>) {
        let mut phase = ResponsePhase { plan: &module.plan, common: &self.common, hands_over: C::HANDS_OVER };
        for index in (0..=self.at.min(C::LENGTH - 1)).rev() {
            module.chain.response(index, &mut self.own, &mut phase);
        }
        if let Some(explained) = &self.common.explained {
            abi::set_header(Map::Response, EXPLAIN_HEADER.as_bytes(), explained);
        }
    }

    /// Shows the end to everybody, the outermost first, once.
    pub(crate) fn done(&mut self, module: &Configured<C>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let mut phase = DonePhase {
            plan: &module.plan,
            common: &self.common,
            hands_over: C::HANDS_OVER,
            stream: self.id,
            vm: Vm(&module.attention),
            status: OnceCell::new(),
            flags: OnceCell::new(),
        };
        for index in 0..C::LENGTH {
            module.chain.done(index, &mut self.own, &mut phase);
        }
        // In a chain of modules whoever answers logs it, else the last that has a say in where a request goes.
        why::tell(&phase, !C::HANDS_OVER || self.common.replied || module.routes);
    }
}
