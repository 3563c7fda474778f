//! What a rule says: its own words, and beneath them those of the rule that delegates to it (istiod's `mergeHTTPRoute` and
//! `mergeHTTPMatchRequest`).

use std::borrow::Cow;

use crate::model::fault::HttpFault;
use crate::model::http_route::{
    CorsPolicy, Destination, Headers, HttpDirectResponse, HttpMatchRequest, HttpMirrorPolicy, HttpRedirect, HttpRetry,
    HttpRewrite, HttpRoute, HttpRouteDestination,
};
use crate::model::values::{MirrorPercent, WithoutMatch};
use crate::model::{Millis, Port, StringMatch};
use crate::{Map, names};

/// Something, and the namespace in which it is written, to which short names in it belong.
#[derive(Debug)]
pub struct In<'r, T: ?Sized> {
    /// What is written.
    pub it: &'r T,
    /// The namespace.
    pub namespace: &'r str,
}

impl<T: ?Sized> Clone for In<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for In<'_, T> {}

/// A rule, part by part.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'r> {
    own: In<'r, HttpRoute>,
    /// The rule that delegates, whose parts count where the own one has none.
    root: Option<In<'r, HttpRoute>>,
}

impl<'r> Parts<'r> {
    /// Those of a rule that nobody delegates to.
    pub fn of(it: &'r HttpRoute, namespace: &'r str) -> Parts<'r> {
        Parts { own: In { it, namespace }, root: None }
    }

    /// Those of a delegate's rule.
    pub(super) fn delegated(own: In<'r, HttpRoute>, root: In<'r, HttpRoute>) -> Parts<'r> {
        Parts { own, root: Some(root) }
    }

    fn pick<T: 'r>(self, part: fn(&'r HttpRoute) -> Option<T>) -> Option<T> {
        part(self.own.it).or_else(|| part(self.root?.it))
    }

    /// Its name: `ROOT-DELEGATE` where both have one.
    pub fn name(self) -> Option<Cow<'r, str>> {
        joined(self.root.and_then(|root| root.it.name.as_deref()), self.own.it.name.as_deref())
    }

    /// `route`, which is never the other's.
    pub fn route(self) -> In<'r, Vec<HttpRouteDestination>> {
        In { it: &self.own.it.route, namespace: self.own.namespace }
    }

    /// `redirect`, which is never the other's.
    pub fn redirect(self) -> Option<&'r HttpRedirect> {
        self.own.it.redirect.as_deref()
    }

    /// `directResponse`.
    pub fn direct_response(self) -> Option<&'r HttpDirectResponse> {
        self.pick(|rule| rule.direct_response.as_deref())
    }

    /// `rewrite`.
    pub fn rewrite(self) -> Option<&'r HttpRewrite> {
        self.pick(|rule| rule.rewrite.as_deref())
    }

    /// `timeout`.
    pub fn timeout(self) -> Option<Millis> {
        self.pick(|rule| rule.timeout)
    }

    /// `retries`.
    pub fn retries(self) -> Option<&'r HttpRetry> {
        self.pick(|rule| rule.retries.as_deref())
    }

    /// `fault`.
    pub fn fault(self) -> Option<&'r HttpFault> {
        self.pick(|rule| rule.fault.as_deref())
    }

    /// `corsPolicy`.
    pub fn cors(self) -> Option<&'r CorsPolicy> {
        self.pick(|rule| rule.cors_policy.as_deref())
    }

    /// `headers`.
    pub fn headers(self) -> Option<&'r Headers> {
        self.pick(|rule| rule.headers.as_deref())
    }

    /// `mirror`.
    pub fn mirror(self) -> Option<In<'r, Destination>> {
        let of = |rule: In<'r, HttpRoute>| rule.it.mirror.as_deref().map(|it| In { it, namespace: rule.namespace });
        of(self.own).or_else(|| of(self.root?))
    }

    /// `mirrorPercentage`.
    pub fn mirror_percentage(self) -> Option<MirrorPercent> {
        self.pick(|rule| rule.mirror_percentage)
    }

    /// `mirrorPercent`.
    pub fn mirror_percent(self) -> Option<u32> {
        self.pick(|rule| rule.mirror_percent)
    }

    /// `mirrors`.
    pub fn mirrors(self) -> In<'r, Vec<HttpMirrorPolicy>> {
        let rule = self.root.filter(|_| self.own.it.mirrors.is_empty()).unwrap_or(self.own);
        In { it: &rule.it.mirrors, namespace: rule.namespace }
    }
}

/// The match blocks of a rule; none means every request.
#[derive(Clone, Copy, Debug)]
pub enum Blocks<'r> {
    /// As they are written.
    Own(In<'r, [HttpMatchRequest]>),
    /// Those of a delegate's rule with those of the one that delegates.
    Merged(&'r [Block<'r>]),
}

impl<'r> Blocks<'r> {
    /// How many there are.
    pub fn len(self) -> usize {
        match self {
            Blocks::Own(blocks) => blocks.it.len(),
            Blocks::Merged(blocks) => blocks.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// One by its index.
    pub fn get(self, index: usize) -> Option<Block<'r>> {
        match self {
            Blocks::Own(blocks) => Some(Block::of(blocks.it.get(index)?, blocks.namespace)),
            Blocks::Merged(blocks) => blocks.get(index).copied(),
        }
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = Block<'r>> {
        (0..self.len()).filter_map(move |index| self.get(index))
    }
}

/// A match block, part by part.
#[derive(Clone, Copy, Debug)]
pub struct Block<'r> {
    pub(super) own: In<'r, HttpMatchRequest>,
    /// That of the rule that delegates, whose parts count where the own one has none.
    pub(super) root: Option<In<'r, HttpMatchRequest>>,
}

impl<'r> Block<'r> {
    /// One that nobody delegates to.
    pub fn of(it: &'r HttpMatchRequest, namespace: &'r str) -> Block<'r> {
        Block { own: In { it, namespace }, root: None }
    }

    fn pick<T: 'r>(self, part: fn(&'r HttpMatchRequest) -> Option<T>) -> Option<T> {
        part(self.own.it).or_else(|| part(self.root?.it))
    }

    /// Tells the values of a map, those of the root that the own one has not included.
    fn both<V>(self, map: fn(&'r HttpMatchRequest) -> &'r Map<V>, tell: &mut dyn FnMut(&'r String, &'r V)) {
        let own = map(self.own.it);
        own.iter().for_each(|(name, value)| tell(name, value));
        if let Some(root) = self.root {
            map(root.it).iter().filter(|(name, _)| !own.contains(name)).for_each(|(name, value)| tell(name, value));
        }
    }

    /// `name`: `ROOT-DELEGATE` where both have one.
    pub fn name(self) -> Option<Cow<'r, str>> {
        joined(self.root.and_then(|root| root.it.name.as_deref()), self.own.it.name.as_deref())
    }

    /// `uri`.
    pub fn uri(self) -> Option<&'r StringMatch> {
        self.pick(|block| block.uri.as_ref())
    }

    /// `ignoreUriCase`.
    pub fn ignores_uri_case(self) -> bool {
        self.own.it.ignore_uri_case
    }

    /// `scheme`.
    pub fn scheme(self) -> Option<&'r StringMatch> {
        self.pick(|block| block.scheme.as_ref())
    }

    /// `method`.
    pub fn method(self) -> Option<&'r StringMatch> {
        self.pick(|block| block.method.as_ref())
    }

    /// `authority`.
    pub fn authority(self) -> Option<&'r StringMatch> {
        self.pick(|block| block.authority.as_ref())
    }

    /// `headers`, one by one.
    pub fn headers(self, tell: &mut dyn FnMut(&'r String, &'r StringMatch)) {
        self.both(|block| &block.headers, tell);
    }

    /// `withoutHeaders`, one by one.
    pub fn without_headers(self, tell: &mut dyn FnMut(&'r String, &'r WithoutMatch)) {
        self.both(|block| &block.without_headers, tell);
    }

    /// `queryParams`, one by one.
    pub fn query_params(self, tell: &mut dyn FnMut(&'r String, &'r StringMatch)) {
        self.both(|block| &block.query_params, tell);
    }

    /// `port`.
    pub fn on_port(self) -> Option<Port> {
        self.pick(HttpMatchRequest::on_port)
    }

    /// `gateways`, as they are written.
    pub fn gateways(self) -> &'r [String] {
        self.with_gateways().map_or(&[], |block| &block.it.gateways)
    }

    /// Whether one of its `gateways` is this one.
    pub(super) fn names_gateway(self, gateway: &str) -> bool {
        self.with_gateways().is_some_and(|block| {
            block.it.gateways.iter().any(|name| names::resolve_gateway(name, block.namespace) == gateway)
        })
    }

    fn with_gateways(self) -> Option<In<'r, HttpMatchRequest>> {
        [Some(self.own), self.root].into_iter().flatten().find(|block| !block.it.gateways.is_empty())
    }

    /// `sourceNamespace`, unless it is empty.
    pub fn source_namespace(self) -> Option<&'r str> {
        self.pick(|block| block.source_namespace.as_deref().filter(|namespace| !namespace.is_empty()))
    }

    /// `sourceLabels`, one by one.
    pub fn source_labels(self, tell: &mut dyn FnMut(&'r String, &'r String)) {
        self.both(|block| &block.source_labels, tell);
    }

    /// Whether it takes certain labels or a certain namespace of the client's proxy; with `gateways` it does not.
    pub(super) fn asks_for_source(self) -> bool {
        self.gateways().is_empty() && (self.source_namespace().is_some() || self.has_source_labels())
    }

    fn has_source_labels(self) -> bool {
        !self.own.it.source_labels.is_empty() || self.root.is_some_and(|root| !root.it.source_labels.is_empty())
    }

    /// Whether it asks nothing of a request.
    pub fn is_catch_all(self) -> bool {
        super::matching::is_catch_all(self.own.it)
            && self.root.is_none_or(|root| super::matching::is_catch_all(root.it))
    }
}

/// `ROOT-OWN`, or whichever of the two there is.
fn joined<'r>(root: Option<&'r str>, own: Option<&'r str>) -> Option<Cow<'r, str>> {
    let said = |name: Option<&'r str>| name.filter(|name| !name.is_empty());
    match (said(root), said(own)) {
        (Some(root), Some(own)) => Some(Cow::Owned([root, "-", own].concat())),
        (root, own) => own.or(root).map(Cow::Borrowed),
    }
}
