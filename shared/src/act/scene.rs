//! What a format string's answer takes beside the proxy: the plan, and what was decided.
//!
//! Envoy works values out in its router, as the request goes on and as a response comes back. What it knows then is not
//! always what a filter is told: the cluster that was decided is nowhere to be read before the router has read it, and
//! replies that filters make have no flags.

use std::borrow::Cow;

use super::flags;
use crate::decide::{Decision, Found, OwnReply};
use crate::plan::format::{Clock, Fact, Scene, Source, Template};
use crate::plan::{Action, Plan};

/// When values are worked out.
#[derive(Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) plan: &'a Plan,
    pub(super) decision: &'a Decision,
    /// Whether a response is on its way, be it a reply of our own.
    pub(super) answering: bool,
}

impl<'a> Moment<'a> {
    pub(super) fn with(self, source: &'a dyn Source) -> Known<'a> {
        Known { moment: self, source }
    }
}

/// A source, and all that is known besides.
pub(super) struct Known<'a> {
    moment: Moment<'a>,
    source: &'a dyn Source,
}

impl Source for Known<'_> {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.source.request_header(name)
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.source.response_header(name)
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        let text = |text: &'static str| Some(Cow::Borrowed(text.as_bytes()));
        match fact {
            Fact::UpstreamClusterRaw => self.cluster(),
            // istiod gives each cluster a name for statistics, and that is what Envoy writes.
            Fact::UpstreamCluster => Some(Cow::Owned([&*self.cluster()?, b";"].concat())),
            Fact::UpstreamRequestAttemptCount => match self.moment.decision.reply {
                _ if !self.moment.answering => text("1"),
                // Envoy would be the one who asks for a connection and is given none.
                Some(OwnReply::Overflow | OwnReply::Ejected | OwnReply::WaitedTooLong) => text("1"),
                Some(_) => text("0"),
                None => self.source.fact(fact).or(text("0")),
            },
            Fact::ResponseCode | Fact::ResponseHeadersBytes | Fact::BytesReceived | Fact::ConnectionId => {
                self.source.fact(fact).or(text("0"))
            }
            _ => self.source.fact(fact),
        }
    }

    fn flags(&self) -> u64 {
        self.source.flags() | flags::of_decision(self.moment.decision)
    }

    fn time(&self, clock: Clock) -> Option<u64> {
        self.source.time(clock)
    }
}

impl Scene for Known<'_> {
    fn route_name(&self) -> Vec<u8> {
        route_name(self.moment.plan, self.moment.decision)
    }

    fn flags_text(&self, long: bool) -> String {
        if long { flags::words(self.flags()) } else { flags::text(self.flags()) }
    }
}

/// The name that Envoy's route would have: the rule's, and the match block's behind a dot; empty where neither has one.
pub fn route_name(plan: &Plan, decision: &Decision) -> Vec<u8> {
    let (Some(rule), Found::Rule { matched, .. }) = (decision.rule(plan), decision.found) else {
        return Vec::new();
    };
    let block = rule.matches.get(matched as usize).and_then(|block| block.name.as_deref());
    let block = block.filter(|name| !name.is_empty()).map(|name| [".", name].concat());
    [rule.source.name.as_deref().unwrap_or_default(), block.as_deref().unwrap_or_default()].concat().into_bytes()
}

/// What a format string comes to in an answer, by itself; empty where no header comes of it. For whoever explains it.
pub fn answer_value(plan: &Plan, decision: &Decision, template: &Template, answer: &dyn Source) -> Vec<u8> {
    template.render(&Moment { plan, decision, answering: true }.with(answer)).into_owned()
}

impl Known<'_> {
    /// Where the request goes. Of a response that came by Envoy, Envoy knows; it may not have the cluster.
    fn cluster(&self) -> Option<Cow<'_, [u8]>> {
        let Moment { plan, decision, answering } = self.moment;
        if answering && decision.reply.is_none() {
            return self.source.fact(Fact::UpstreamClusterRaw).filter(|name| !name.is_empty());
        }
        let Action::Route(route) = &decision.rule(plan)?.action else { return None };
        let destination = route.destinations.get(decision.destination?)?;
        Some(Cow::Borrowed(destination.cluster.as_bytes()))
    }
}
