//! A compiled rule: when it matches, what then, and where it stands in the resources.

use std::sync::Arc;

use super::cors::Cors;
use super::fault::Fault;
use super::header_ops::{self, HeaderOps};
use super::matching::Match;
use super::mirror::{Mirror, Mirrors};
use super::redirect::Redirect;
use super::rewrite::Rewrite;
use super::split::{Destination, Split};
use super::sticky::{self, Sticky};
use super::upstream::{self, Timeout, Writes};
use super::variant::{RetryVariant, Variants};
use crate::model::http_route::HttpBody;
use crate::resolve::rule::Provenance;
use crate::resolve::{self, Delegated};

/// One rule of a VirtualService, or the default route of a service.
#[derive(Debug)]
pub struct Rule {
    /// Where it comes from.
    pub source: RuleSource,
    /// Any of these.
    pub matches: Box<[Match]>,
    /// What then.
    pub action: Action,
    /// Header operations on the way to any destination.
    pub request_headers: HeaderOps,
    /// Header operations on the way back, for replies of our own as well.
    pub response_headers: HeaderOps,
    /// Request headers that the way back looks at; whoever carries out the response keeps them.
    pub kept: Box<[Box<[u8]>]>,
    /// Whether the way back changes anything.
    pub touches_response: bool,
}

/// Where a rule comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleSource {
    /// `namespace/name` of the VirtualService; empty for the default route of a service.
    pub virtual_service: Arc<str>,
    /// The rule's index in `spec.http`.
    pub index: u32,
    /// Its name.
    pub name: Option<Box<str>>,
    /// Where it stands, where it is a delegate's; `index` is then that of the rule that delegates.
    pub delegated: Option<Box<Delegated>>,
}

/// What becomes of a request.
#[derive(Debug)]
pub enum Action {
    /// It goes to a destination.
    Route(Box<RouteAction>),
    /// It is redirected.
    Redirect(Box<Redirect>),
    /// It is answered.
    DirectResponse(Box<DirectResponse>),
}

/// How a request goes to a destination.
#[derive(Debug)]
pub struct RouteAction {
    /// Who may answer.
    pub destinations: Split,
    /// Changes of the path.
    pub rewrite: Option<Box<Rewrite>>,
    /// The authority that all destinations get.
    pub authority: Option<Box<[u8]>>,
    /// For the whole request.
    pub timeout: Option<Box<Timeout>>,
    /// Headers that ask Envoy's router for the rule's retries.
    pub retries: Writes,
    /// Who gets copies.
    pub mirrors: Mirrors,
    /// Which route of Envoy's the requests take.
    pub variants: Variants,
    /// Cross-origin requests.
    pub cors: Option<Box<Cors>>,
    /// Delays and aborts.
    pub fault: Option<Box<Fault>>,
    /// What keeps a client at its destination; none for a rule with a single one.
    pub sticky: Option<Box<Sticky>>,
}

/// A fixed answer.
#[derive(Debug)]
pub struct DirectResponse {
    /// 200 to 599.
    pub status: u32,
    /// May be empty.
    pub body: Box<[u8]>,
}

impl Rule {
    /// Compiles a rule of a listener.
    pub(super) fn compile(resolved: resolve::Rule<'_>) -> Rule {
        let from = resolved.from.as_ref();
        let matches = match from.map(|from| from.blocks).filter(|blocks| !blocks.is_empty()) {
            None => Box::new([Match::any()]),
            Some(blocks) => blocks.iter().map(Match::compile).collect::<Box<[_]>>(),
        };
        let headers = from.and_then(|from| from.parts.headers());
        let source = RuleSource::new(from);
        let request_headers = HeaderOps::compile(headers.and_then(|headers| headers.request.as_ref()));
        let response_headers = HeaderOps::compile(headers.and_then(|headers| headers.response.as_ref()));
        Rule::new(source, matches, action(resolved), request_headers, response_headers)
    }

    fn new(
        source: RuleSource,
        matches: Box<[Match]>,
        action: Action,
        request_headers: HeaderOps,
        response_headers: HeaderOps,
    ) -> Rule {
        let (destinations, cors): (&[Destination], bool) = match &action {
            Action::Route(route) => (route.destinations.destinations(), route.cors.is_some()),
            _ => (&[], false),
        };
        let ops = || std::iter::once(&response_headers).chain(destinations.iter().map(|it| &it.response_headers));
        let mut kept: Vec<Box<[u8]>> = Vec::new();
        ops().for_each(|ops| ops.request_headers(&mut |name| kept.push(name.into())));
        if cors {
            kept.push(b"origin"[..].into());
        }
        crate::order::sort(&mut kept);
        kept.dedup();
        let touches_response = cors || ops().any(|ops| !ops.is_empty());
        Rule { source, matches, action, request_headers, response_headers, kept: kept.into(), touches_response }
    }
}

impl RuleSource {
    /// Of a rule of a VirtualService, or else of a service's default route.
    fn new(from: Option<&Provenance<'_>>) -> RuleSource {
        match from {
            Some(from) => RuleSource {
                virtual_service: Arc::clone(&from.name),
                index: from.index,
                name: from.parts.name().map(|name| name.as_ref().into()),
                delegated: from.delegated.cloned().map(Box::new),
            },
            None => RuleSource { virtual_service: "".into(), index: 0, name: Some("default".into()), delegated: None },
        }
    }
}

fn action(resolved: resolve::Rule<'_>) -> Action {
    let resolve::Rule { from, action, port, tls } = resolved;
    let (destinations, weighted, mirrors) = match action {
        resolve::Action::Redirect(status, redirect) => {
            return Action::Redirect(Box::new(Redirect::compile(status, redirect, port.get(), tls)));
        }
        resolve::Action::Respond(response) => {
            let body = match &response.body {
                Some(HttpBody { string: Some(text), .. }) => text.as_bytes().into(),
                Some(HttpBody { bytes: Some(bytes), .. }) => bytes.0.as_slice().into(),
                _ => Box::default(),
            };
            return Action::DirectResponse(Box::new(DirectResponse { status: response.status, body }));
        }
        resolve::Action::Forward { destinations, weighted, mirrors } => (destinations, weighted, mirrors),
    };
    let destinations = Split::new(destinations.into_iter().map(destination).collect(), weighted);
    let Some(from) = from else { return Action::Route(Box::new(RouteAction::to(destinations))) };
    let rule = from.parts;
    let mirrors = Mirrors::new(mirrors.into_iter().map(|(cluster, ppm)| Mirror { cluster, ppm }));
    let rewritten = rule.rewrite().and_then(|rewrite| rewrite.authority.as_deref()).filter(|it| !it.is_empty());
    let set = || header_ops::authority(rule.headers().and_then(|headers| headers.request.as_ref()));
    let sticky = from.service.meta.annotations.get(sticky::ANNOTATION).filter(|_| weighted);
    Action::Route(Box::new(RouteAction {
        rewrite: rule.rewrite().and_then(Rewrite::compile).map(Box::new),
        authority: rewritten.map(|text| text.as_bytes().into()).or_else(set),
        timeout: rule.timeout().map(Timeout::compile).map(Box::new),
        retries: rule.retries().map(upstream::retries).unwrap_or_default(),
        variants: Variants::compile(rule.retries().map(RetryVariant::of), &mirrors),
        mirrors,
        cors: rule.cors().map(Cors::compile).map(Box::new),
        fault: rule.fault().and_then(Fault::compile).map(Box::new),
        sticky: sticky.and_then(|it| Sticky::parse(it)).map(Box::new),
        ..RouteAction::to(destinations)
    }))
}

fn destination(it: resolve::Destination<'_>) -> Destination {
    let request = it.headers.and_then(|headers| headers.request.as_ref());
    Destination {
        cluster: it.cluster,
        twin: it.twin,
        guard: None,
        weight: it.weight,
        authority: header_ops::authority(request),
        request_headers: HeaderOps::compile(request),
        response_headers: HeaderOps::compile(it.headers.and_then(|headers| headers.response.as_ref())),
    }
}

impl RouteAction {
    /// To these destinations, with Istio's default retries and nothing else.
    fn to(destinations: Split) -> RouteAction {
        RouteAction {
            destinations,
            rewrite: None,
            authority: None,
            timeout: None,
            retries: Writes::default(),
            mirrors: Mirrors::default(),
            variants: Variants::default(),
            cors: None,
            fault: None,
            sticky: None,
        }
    }
}
