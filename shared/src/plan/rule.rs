//! A compiled rule: when it matches, what then, and where it stands in the resources.

use std::sync::Arc;

use super::cors::Cors;
use super::fault::Fault;
use super::header_ops::{self, HeaderOps};
use super::matching::Match;
use super::mirror::{self, Mirror, Mirrors};
use super::redirect::Redirect;
use super::rewrite::Rewrite;
use super::seen::Seen;
use super::split::{Destination, Split};
use super::sticky::{self, Sticky};
use super::upstream::{self, Timeout, Writes};
use super::variant::{RetryVariant, Variants};
use crate::model::http_route::{self, HttpBody, HttpRoute};
use crate::model::{Resource, VirtualService};
use crate::names;

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
    /// Another VirtualService would say, and is not asked yet: it is answered with an error, and no later rule gets it.
    Delegate,
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
    /// Compiles a rule for a listener; nothing for one that can do nothing, which `check` reports.
    pub(super) fn compile(
        (service, name): (&Resource<VirtualService>, &Arc<str>),
        (index, model): (usize, &HttpRoute),
        seen: Seen<'_>,
        tls: bool,
    ) -> Option<Rule> {
        let matches = match model.r#match.as_slice() {
            [] => Box::new([Match::any()]),
            blocks => blocks.iter().map(Match::compile).collect::<Box<[_]>>(),
        };
        let headers = model.headers.as_ref().filter(|_| model.delegate.is_none());
        let source = RuleSource {
            virtual_service: Arc::clone(name),
            index: u32::try_from(index).ok()?,
            name: model.name.as_deref().map(Box::from),
        };
        let action = action(service, model, seen, tls)?;
        let request_headers = HeaderOps::compile(headers.and_then(|headers| headers.request.as_ref()));
        let response_headers = HeaderOps::compile(headers.and_then(|headers| headers.response.as_ref()));
        Some(Rule::new(source, matches, action, request_headers, response_headers))
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

    /// What a service without VirtualService gets: everything to the service itself, with Istio's default retries.
    pub(super) fn default_route(host: &str, port: u16) -> Option<Rule> {
        let destinations = Split::new(
            vec![Destination {
                cluster: names::cluster(port, "", host).into(),
                twin: 0,
                guard: None,
                weight: 1,
                authority: None,
                request_headers: HeaderOps::default(),
                response_headers: HeaderOps::default(),
            }],
            false,
        )?;
        let route = RouteAction {
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
        };
        let source = RuleSource { virtual_service: "".into(), index: 0, name: Some("default".into()) };
        let none = HeaderOps::default;
        Some(Rule::new(source, Box::new([Match::any()]), Action::Route(Box::new(route)), none(), none()))
    }
}

fn action(service: &Resource<VirtualService>, model: &HttpRoute, seen: Seen<'_>, tls: bool) -> Option<Action> {
    if model.delegate.is_some() {
        return Some(Action::Delegate);
    }
    if let Some(redirect) = &model.redirect {
        return Redirect::compile(redirect, seen.port.get(), tls).map(Box::new).map(Action::Redirect);
    }
    if let Some(response) = &model.direct_response {
        let body = match &response.body {
            Some(HttpBody { string: Some(text), .. }) => text.as_bytes().into(),
            Some(HttpBody { bytes: Some(bytes), .. }) => bytes.0.as_slice().into(),
            _ => Box::default(),
        };
        return Some(Action::DirectResponse(Box::new(DirectResponse { status: response.status, body })));
    }
    let single = model.route.len() == 1;
    // One destination takes everything, whatever its weight; among several those of weight 0 take nothing.
    let weight =
        |it: &http_route::HttpRouteDestination| if single { 1 } else { it.weight.map_or(0, |weight| weight.0) };
    let cluster = |it: &http_route::Destination| seen.cluster(it, service.meta.namespace());
    let clusters: Vec<Arc<str>> = model.route.iter().map(|it| cluster(&it.destination).into()).collect();
    let taken = model.route.iter().zip(&clusters).enumerate().filter(|(_, (it, _))| weight(it) > 0);
    let destinations = taken.map(|(at, (it, cluster))| {
        let headers = it.headers.as_ref();
        let request = headers.and_then(|headers| headers.request.as_ref());
        let twins = clusters.iter().take(at).filter(|other| *other == cluster).count();
        Destination {
            cluster: Arc::clone(cluster),
            twin: u32::try_from(twins).unwrap_or(u32::MAX),
            guard: None,
            weight: weight(it),
            authority: header_ops::authority(request),
            request_headers: HeaderOps::compile(request),
            response_headers: HeaderOps::compile(headers.and_then(|headers| headers.response.as_ref())),
        }
    });
    let rewritten = model.rewrite.as_ref().and_then(|rewrite| rewrite.authority.as_deref()).filter(|it| !it.is_empty());
    let set = || header_ops::authority(model.headers.as_ref().and_then(|headers| headers.request.as_ref()));
    let mirror = |(destination, ppm): (&http_route::Destination, u32)| Mirror { cluster: cluster(destination), ppm };
    let mirrors = Mirrors::new(mirror::asked(model).map(mirror));
    Some(Action::Route(Box::new(RouteAction {
        destinations: Split::new(destinations.collect(), !single)?,
        rewrite: model.rewrite.as_deref().and_then(Rewrite::compile).map(Box::new),
        authority: rewritten.map(|text| text.as_bytes().into()).or_else(set),
        timeout: Timeout::compile(model).map(Box::new),
        retries: upstream::retries(model),
        variants: Variants::compile(model.retries.as_deref().map(RetryVariant::of), &mirrors),
        mirrors,
        cors: model.cors_policy.as_deref().map(Cors::compile).map(Box::new),
        fault: model.fault.as_deref().and_then(Fault::compile).map(Box::new),
        sticky: service
            .meta
            .annotations
            .get(sticky::ANNOTATION)
            .filter(|_| !single)
            .and_then(|it| Sticky::parse(it))
            .map(Box::new),
    })))
}
