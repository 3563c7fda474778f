//! What a rule does to a request and its answer.

use std::borrow::Cow;

use shared::act;
use shared::decide::{Decision, OwnReply};
use shared::model::StringMatch;
use shared::plan::fault::AbortWith;
use shared::plan::format::{Clock, Fact, Source, Template};
use shared::plan::guard::Guard;
use shared::plan::header_ops::HeaderOps;
use shared::plan::variant::{DEFAULT_BACKOFF_MS, DEFAULT_RETRIES, DEFAULT_RETRY_ON, RetryVariant};
use shared::plan::{Action, Plan, RouteAction, sticky};
use shared::simulate::{Change, Headers, Incoming, Simulated};

use super::answer::{Abort, Cors, Delay, Fault, Header, Limits, Mirror, Operations, Request, Retries};

/// One way of a request, to say what is done on it.
pub(super) struct Effects<'a> {
    pub(super) plan: &'a Plan,
    pub(super) decision: &'a Decision,
    pub(super) simulated: &'a Simulated<'a>,
    pub(super) incoming: &'a Incoming,
}

impl Effects<'_> {
    /// The request as it gets to its destination.
    pub(super) fn request(&self) -> Request {
        let headers = &self.simulated.request;
        let pseudo = |name: &[u8]| value(headers, name).map(shown).unwrap_or_default();
        let others = headers.iter().filter(|(name, _)| !name.starts_with(b":"));
        Request {
            method: pseudo(b":method"),
            authority: pseudo(b":authority"),
            path: pseudo(b":path"),
            headers: others.map(|(name, value)| (shown(name), shown(value))).collect(),
        }
    }

    /// What is changed on the way there, in words. What Envoy tells of the path and the authority before goes without
    /// saying.
    pub(super) fn changes(&self) -> Vec<String> {
        let before = |name: &[u8]| value(&self.incoming.headers, name).map(shown).unwrap_or_default();
        let told: [&[u8]; 2] = [b"x-envoy-original-path", b"x-envoy-original-host"];
        let mut all = Vec::new();
        for change in &self.simulated.request_changes {
            all.push(match change {
                Change::Set(name, _) if told.contains(&name.as_slice()) => continue,
                Change::Set(name, value) if name == b":path" => format!("path {} → {}", before(name), shown(value)),
                Change::Set(name, value) if name == b":authority" => {
                    format!("authority {} → {}", before(name), shown(value))
                }
                Change::Set(name, value) => format!("set {}: {}", shown(name), shown(value)),
                Change::Add(name, value) => format!("add {}: {}", shown(name), shown(value)),
                Change::Remove(name) => format!("remove {}", shown(name)),
            });
        }
        all
    }

    /// The names of the headers that are changed, without pseudo headers.
    pub(super) fn changed(&self) -> Vec<String> {
        let names = self.simulated.request_changes.iter().map(Change::name);
        names.filter(|name| !name.starts_with(b":")).map(shown).collect()
    }

    /// What the rule does to the answer, and what CORS adds to it.
    pub(super) fn of_rule(&self) -> Operations {
        let mut all = Operations::default();
        let Some(rule) = self.decision.rule(self.plan) else { return all };
        if act::touches_response(self.plan, self.decision) {
            all = self.operations(&rule.response_headers);
        }
        if let Action::Route(route) = &rule.action
            && let Some(cors) = &route.cors
        {
            let mut set = |name: &str, value: &[u8]| {
                all.set.retain(|(known, _)| known != name);
                all.set.push((name.to_owned(), shown(value)));
            };
            match &self.simulated.reply {
                Some(reply) if self.decision.reply == Some(OwnReply::Preflight) => {
                    reply.headers.iter().for_each(|(name, value)| set(&shown(name), value));
                }
                Some(_) => {}
                None => cors.mark(&self.request_header(b"origin").unwrap_or_default(), set),
            }
        }
        all
    }

    /// What the destination alone does to the answer.
    pub(super) fn of_destination(&self) -> Operations {
        let chosen = self.decision.chosen(self.plan);
        chosen.map(|destination| self.operations(&destination.response_headers)).unwrap_or_default()
    }

    fn operations(&self, ops: &HeaderOps) -> Operations {
        let render = |(name, template): &(Box<[u8]>, Template)| -> Option<Header> {
            let value = act::answer_value(self.plan, self.decision, template, self);
            Some((shown(name), shown(&value))).filter(|(_, value)| !value.is_empty())
        };
        Operations {
            set: ops.set().iter().filter_map(render).collect(),
            add: ops.add().iter().filter_map(render).collect(),
            remove: ops.remove().iter().map(|name| shown(name)).collect(),
        }
    }

    /// What the rule says of other origins.
    pub(super) fn cors(&self, route: &RouteAction) -> Option<Cors> {
        let cors = route.cors.as_ref()?;
        let origin = value(&self.incoming.headers, b"origin").filter(|origin| !origin.is_empty());
        Some(Cors {
            allowed: origin.is_some_and(|origin| cors.allows(origin)),
            origin: origin.map(shown),
            allow_origins: cors.origins().iter().map(matcher).collect(),
            forwards_unmatched: cors.forwards_unmatched(),
        })
    }
}

/// What an answer is to be, as far as it is known without one: what only the destination, or a running proxy, could say
/// stays as the resource has it, `%RESP(x)%`.
impl Source for Effects<'_> {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let sent = if self.simulated.request.is_empty() { &self.incoming.headers } else { &self.simulated.request };
        value(sent, name).map(Cow::Borrowed)
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        match &self.simulated.reply {
            Some(reply) if name == b":status" => Some(Cow::Owned(reply.status.to_string().into_bytes())),
            Some(reply) => {
                let found = reply.headers.iter().find(|(known, _)| known.as_ref() == name);
                found.map(|(_, value)| Cow::Borrowed(value.as_slice()))
            }
            None => Some(Cow::Owned([b"%RESP(", name, b")%"].concat())),
        }
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        let known = match (&self.simulated.reply, fact) {
            (_, Fact::DownstreamRemoteAddressWithoutPort) => self.incoming.source.as_deref(),
            (Some(reply), Fact::ResponseCodeDetails) => Some(reply.details.as_bytes()),
            (Some(_), Fact::ResponseCode) => return None,
            (None, Fact::ResponseCodeDetails) => Some(&b"via_upstream"[..]),
            (None, Fact::UpstreamClusterRaw) => self.simulated.cluster.map(str::as_bytes),
            _ => None,
        };
        let told = || self.incoming.facts.iter().find(|(known, _)| *known == fact).map(|(_, value)| value.as_slice());
        known.or_else(told).map(Cow::Borrowed).or_else(|| Some(Cow::Owned(format!("%{}%", fact.name()).into_bytes())))
    }

    fn flags(&self) -> u64 {
        0
    }

    fn time(&self, _: Clock) -> Option<u64> {
        self.incoming.time
    }
}

/// When a rule's requests are tried again.
pub(super) fn retries(route: &RouteAction) -> Retries {
    let own = route.variants.plain().and_then(|variant| variant.retries);
    let mut all = Retries {
        attempts: 0,
        on: Vec::new(),
        grpc_on: Vec::new(),
        status_codes: Vec::new(),
        per_try_ms: None,
        backoff_ms: DEFAULT_BACKOFF_MS,
        default: own.is_none(),
    };
    match own {
        Some(RetryVariant::Never) => return all,
        Some(RetryVariant::Own { backoff_ms, .. }) => all.backoff_ms = backoff_ms,
        None => {
            all.attempts = DEFAULT_RETRIES;
            all.on = words(DEFAULT_RETRY_ON);
        }
    }
    for (name, value) in &route.retries {
        let value = shown(value);
        match *name {
            "x-envoy-max-retries" => all.attempts = value.parse().unwrap_or_default(),
            "x-envoy-retry-on" => all.on = words(&value),
            "x-envoy-retry-grpc-on" => all.grpc_on = words(&value),
            "x-envoy-retriable-status-codes" => {
                all.status_codes = words(&value).iter().filter_map(|code| code.parse().ok()).collect();
            }
            "x-envoy-upstream-rq-per-try-timeout-ms" => all.per_try_ms = value.parse().ok(),
            _ => {}
        }
    }
    all
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

/// What a rule injects.
pub(super) fn fault(route: &RouteAction) -> Option<Fault> {
    let fault = route.fault.as_deref()?;
    let abort = |(with, ppm)| match with {
        AbortWith::Http(status) => Abort { http: Some(status), grpc: None, ppm },
        AbortWith::Grpc(status) => Abort { http: None, grpc: Some(status), ppm },
    };
    Some(Fault { delay: fault.delay.map(|(ms, ppm)| Delay { ms, ppm }), abort: fault.abort.map(abort) })
}

/// Who gets copies.
pub(super) fn mirrors(route: &RouteAction) -> Vec<Mirror> {
    route.mirrors.all().iter().map(|mirror| Mirror { cluster: mirror.cluster.clone(), ppm: mirror.ppm }).collect()
}

/// How many requests a destination takes; nothing where that is any number.
pub(super) fn limits(guard: &Guard) -> Option<Limits> {
    let limits = guard.limits?;
    let limit = |number: u32| Some(number).filter(|number| *number < u32::MAX);
    Some(Limits { active: limit(limits.active), waiting: limit(limits.waiting), requests: limit(limits.requests) })
}

/// The annotation's value.
pub(super) fn sticky(by: &sticky::Sticky) -> String {
    match by {
        sticky::Sticky::Cookie(name) => format!("cookie={}", shown(name)),
        sticky::Sticky::Header(name) => format!("header={}", shown(name)),
        sticky::Sticky::Query(name) => format!("query={}", shown(name)),
        sticky::Sticky::SourceIp => "source-ip".to_owned(),
    }
}

fn matcher(matcher: &StringMatch) -> String {
    match matcher {
        StringMatch::Exact(text) => format!("exact {text}"),
        StringMatch::Prefix(text) => format!("prefix {text}"),
        StringMatch::Regex(re2) => format!("regex {}", re2.pattern()),
        StringMatch::Present => "any".to_owned(),
    }
}

fn value<'h>(headers: &'h Headers, name: &[u8]) -> Option<&'h [u8]> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_slice())
}

/// Bytes as text: UTF-8 where they are, else a character a byte.
pub(super) fn shown(bytes: &[u8]) -> String {
    let latin1 = || bytes.iter().map(|byte| char::from(*byte)).collect();
    std::str::from_utf8(bytes).map_or_else(|_| latin1(), str::to_owned)
}
