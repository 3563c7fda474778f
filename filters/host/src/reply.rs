//! Replies of our own. All go through one function, which applies the rule's response operations, as Envoy does to
//! its own.

use std::borrow::Cow;

use shared::act::{self, Changes};
use shared::decide::{Decision, Request};
use shared::plan::Plan;
use shared::plan::format::{Clock, Fact, Source};

use crate::{abi, facts, headers};

/// An answer that a behaviour gives instead of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u32,
    /// Headers beside those that Envoy gives every reply.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// The body; `text/plain` unless the headers say otherwise.
    pub body: Vec<u8>,
    /// For `%RESPONSE_CODE_DETAILS%` in access logs.
    pub details: &'static str,
    /// The status for gRPC clients; Envoy derives one from the HTTP status where there is none.
    pub grpc_status: Option<i32>,
}

/// Sends a reply, with the response operations of the rule behind `decision`.
pub(crate) fn send(reply: Reply, plan: &Plan, decision: Option<&Decision>, request: &Request<'_>) {
    let Reply { status, headers, body, details, grpc_status } = reply;
    let mut headers = ReplyHeaders { headers, request, status: status.to_string(), details };
    if let Some(decision) = decision {
        act::response(plan, decision, &mut headers);
    }
    let pairs = headers.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
    abi::send_reply(status, details, &body, &headers::serialize(pairs), grpc_status);
}

/// Envoy writes it where its own formatter can see it before anything else.
const STATUS: &[u8] = b":status";

/// The headers of a reply before it is sent.
struct ReplyHeaders<'a> {
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    request: &'a Request<'a>,
    status: String,
    details: &'static str,
}

impl Changes for ReplyHeaders<'_> {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.add(name, value);
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        self.headers.push((name.to_vec(), value.to_vec()));
    }

    fn remove(&mut self, name: &[u8]) {
        self.headers.retain(|(known, _)| known != name);
    }
}

impl Source for ReplyHeaders<'_> {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        // As the request is by now: what a behaviour has changed counts.
        abi::header(abi::Map::Request, name).map(Cow::Owned).or_else(|| self.request.header(name))
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        if name == STATUS {
            return Some(Cow::Borrowed(self.status.as_bytes()));
        }
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| Cow::Borrowed(value.as_slice()))
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        match fact {
            Fact::ResponseCodeDetails => Some(Cow::Borrowed(self.details.as_bytes())),
            Fact::ResponseHeadersBytes => {
                let others: usize = self.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
                Some(Cow::Owned((STATUS.len() + self.status.len() + others).to_string().into_bytes()))
            }
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
