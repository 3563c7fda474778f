//! A rule of a listener: where it comes from, what becomes of its requests, and the clusters of its destinations.

use std::sync::Arc;

use super::parts::{Blocks, In, Parts};
use super::{Delegated, Place, Root, RootRule, Seen};
use crate::model::http_route::{self, HttpDirectResponse, HttpRedirect, HttpRouteDestination};
use crate::model::{Port, Resource, VirtualService};
use crate::names::{self, MESH};

/// One rule of a VirtualService, or the default route of a service.
#[derive(Debug)]
pub struct Rule<'r> {
    /// Where it comes from; nothing for a default route.
    pub from: Option<Provenance<'r>>,
    /// What then.
    pub action: Action<'r>,
    /// The listener's port, as Istio would see it.
    pub port: Port,
    /// Whether the listener opens TLS, or its Gateway's server says so.
    pub tls: bool,
}

/// Where a rule comes from.
#[derive(Clone, Debug)]
pub struct Provenance<'r> {
    /// The VirtualService.
    pub service: &'r Resource<VirtualService>,
    /// `namespace/name` of it.
    pub name: Arc<str>,
    /// The rule's index in its `spec.http`; of a delegate's rule that of the one that delegates.
    pub index: u32,
    /// What it says.
    pub parts: Parts<'r>,
    /// When it matches.
    pub blocks: Blocks<'r>,
    /// Where it stands, where it is a delegate's.
    pub delegated: Option<&'r Delegated>,
}

/// What becomes of requests.
#[derive(Debug)]
pub enum Action<'r> {
    /// They go to destinations.
    Forward {
        /// Those that take anything, at least one.
        destinations: Vec<Destination<'r>>,
        /// Whether the rule has more than one, those that take nothing included.
        weighted: bool,
        /// The clusters that get copies, each with the share of them in a million.
        mirrors: Vec<(String, u32)>,
    },
    /// They are redirected, with this status.
    Redirect(u32, &'r HttpRedirect),
    /// They are answered.
    Respond(&'r HttpDirectResponse),
}

/// Who may answer.
#[derive(Debug)]
pub struct Destination<'r> {
    /// Its cluster, as Istio names it, whether or not somebody writes it.
    pub cluster: Arc<str>,
    /// How many before it in the rule, those of weight 0 included, have the same cluster.
    pub twin: u32,
    /// Its part of the sum of all weights of the rule; at least 1.
    pub weight: u32,
    /// Header operations of this destination alone.
    pub headers: Option<&'r http_route::Headers>,
}

impl<'r> Rule<'r> {
    /// A rule at a place; nothing for one that can do nothing, which `check` reports.
    pub(super) fn new(root: &'r Root<'r>, it: RootRule<'r>, place: Place<'_>) -> Option<Rule<'r>> {
        let RootRule { index, parts, blocks, delegated } = it;
        let from = Provenance { service: root.service, name: Arc::clone(&root.name), index, parts, blocks, delegated };
        let Place { gateway, port, tls, registry } = place;
        let seen = Seen { registry, port, mesh: gateway == MESH };
        let action = action(parts, root.service.meta.namespace(), seen)?;
        Some(Rule { from: Some(from), action, port, tls })
    }

    /// What a service without VirtualService gets: everything to the service itself, with Istio's default retries.
    pub(super) fn of_service(host: &str, port: Port) -> Rule<'r> {
        let cluster = names::cluster(port.get(), "", host).into();
        let destinations = vec![Destination { cluster, twin: 0, weight: 1, headers: None }];
        let action = Action::Forward { destinations, weighted: false, mirrors: Vec::new() };
        Rule { from: None, action, port, tls: false }
    }
}

fn action<'r>(rule: Parts<'r>, namespace: &str, seen: Seen<'_>) -> Option<Action<'r>> {
    if let Some(redirect) = rule.redirect() {
        let status = match redirect.redirect_code {
            None | Some(0) => 301,
            Some(code @ (301 | 302 | 303 | 307 | 308)) => code,
            // Envoy cannot redirect with any other.
            Some(_) => return None,
        };
        return Some(Action::Redirect(status, redirect));
    }
    if let Some(response) = rule.direct_response() {
        return Some(Action::Respond(response));
    }
    let route = rule.route();
    let single = route.it.len() == 1;
    // One destination takes everything, whatever its weight; among several those of weight 0 take nothing.
    let weight = |it: &HttpRouteDestination| if single { 1 } else { it.weight.map_or(0, |weight| weight.0) };
    let cluster = |it: In<'_, http_route::Destination>| seen.cluster(it, namespace);
    let own = |it: &'r HttpRouteDestination| In { it: &it.destination, namespace: route.namespace };
    let clusters: Vec<Arc<str>> = route.it.iter().map(|it| cluster(own(it)).into()).collect();
    let mut destinations = Vec::with_capacity(clusters.len());
    for (at, (it, cluster)) in route.it.iter().zip(&clusters).enumerate().filter(|(_, (it, _))| weight(it) > 0) {
        let twins = clusters.iter().take(at).filter(|other| *other == cluster).count();
        destinations.push(Destination {
            cluster: Arc::clone(cluster),
            twin: u32::try_from(twins).unwrap_or(u32::MAX),
            weight: weight(it),
            headers: it.headers.as_deref(),
        });
    }
    if destinations.is_empty() {
        return None;
    }
    let mirrors = super::mirror::asked(rule).map(|(destination, ppm)| (cluster(destination), ppm)).collect();
    Some(Action::Forward { destinations, weighted: !single, mirrors })
}
