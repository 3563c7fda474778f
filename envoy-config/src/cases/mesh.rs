//! The resources that cases are asked of, compiled once for each proxy.

use std::collections::{BTreeSet, HashMap};

use shared::decide::{Found, Request, Trace, find};
use shared::model::{HttpRoute, Resource, Resources, VirtualService};
use shared::plan::guard::Detector;
use shared::plan::{PASSTHROUGH_CLUSTER, Plan, RuleSource};

use super::answer::parts;
use super::ask::{Judged, ask, sent};
use super::form::{Case, Scene};
use super::report::{Passed, Rule};
use crate::explain::place::place;
use crate::explain::{self, Whom, rules};
use crate::filter::Proxy;
use crate::input::Loaded;

/// Resources, and what they mean to each proxy that was asked so far.
pub(super) struct Mesh {
    pub(super) loaded: Loaded,
    proxies: Vec<AtProxy>,
    /// Which proxy it is by the authority of the URL.
    by_authority: HashMap<String, usize>,
    /// VirtualServices by their names.
    services: HashMap<String, usize>,
}

/// What the resources mean to a proxy.
pub(super) struct AtProxy {
    pub(super) proxy: Proxy,
    /// Whether hosts that nobody knows are answered, as by the mesh's listener of `run`.
    answers_unknown: bool,
    plan: Plan,
    clusters: BTreeSet<String>,
}

impl Mesh {
    pub(super) fn new(loaded: Loaded) -> Mesh {
        let services = loaded.set.virtual_services.iter().enumerate();
        let services = services.map(|(index, service)| (service.meta.full_name(), index)).collect();
        Mesh { loaded, proxies: Vec::new(), by_authority: HashMap::new(), services }
    }

    /// Who is asked: the scene's proxy, else the one that the URL leads to.
    pub(super) fn proxy_of(&mut self, scene: &Scene, case: &Case) -> Option<usize> {
        if let Some(fields) = &scene.proxy {
            return Some(self.index_of(Proxy::from(fields), false));
        }
        let (scheme, authority, _) = case.request.url.as_deref().and_then(|url| parts(url).ok())?;
        let key = format!("{scheme}://{authority}");
        if let Some(at) = self.by_authority.get(&key) {
            return Some(*at);
        }
        let (proxy, answers_unknown) = by_url(&self.loaded.set, scheme, authority)?;
        let at = self.index_of(proxy, answers_unknown);
        self.by_authority.insert(key, at);
        Some(at)
    }

    pub(super) fn proxy(&self, index: usize) -> Option<&AtProxy> {
        self.proxies.get(index)
    }

    fn index_of(&mut self, proxy: Proxy, answers_unknown: bool) -> usize {
        let same = |known: &AtProxy| known.proxy == proxy && known.answers_unknown == answers_unknown;
        if let Some(at) = self.proxies.iter().position(same) {
            return at;
        }
        let set = &self.loaded.set;
        let mut plan = Plan::build(set, &shared::plan::Proxy::from(&proxy), Detector::Envoy, 0);
        if answers_unknown {
            plan.answer_unknown_hosts(&proxy.namespace);
        }
        let clusters = crate::cluster::clusters_for(set, [&proxy]).into_iter().map(|cluster| cluster.name);
        let clusters = clusters.chain([PASSTHROUGH_CLUSTER.to_owned()]).collect();
        self.proxies.push(AtProxy { proxy, answers_unknown, plan, clusters });
        self.proxies.len() - 1
    }
}

/// The listener that `explain` takes for the URL, and whether it answers hosts that nobody knows.
fn by_url(set: &Resources, scheme: &str, authority: &str) -> Option<(Proxy, bool)> {
    let asked = explain::Asked {
        method: "GET".to_owned(),
        scheme: scheme.to_owned(),
        authority: authority.to_owned(),
        path: "/".to_owned(),
        headers: Vec::new(),
        source: None,
    };
    place(set, &Whom::Anybody, None, &asked).ok().map(|place| (place.proxy, place.answers_unknown))
}

impl AtProxy {
    pub(super) fn ask(&self, case: &Case) -> Judged {
        ask(&self.plan, &|cluster| self.clusters.contains(cluster), case)
    }

    /// The match blocks that a request was held against before one took it, and why they do not match it.
    fn passed(&self, case: &Case) -> Vec<(u32, u32, String)> {
        let Some(incoming) = sent(&self.plan, &case.request) else { return Vec::new() };
        let pairs = incoming.pairs();
        let request = Request::new(&pairs);
        let mut heard = Heard(Vec::new());
        find(&self.plan, &request, &mut heard);
        let why = |(rule, matched): (u32, u32)| {
            let block = self.plan.rule(rule)?.matches.get(usize::try_from(matched).ok()?)?;
            Some((rule, matched, block.because(&request).unwrap_or_default()))
        };
        heard.0.into_iter().filter_map(why).collect()
    }

    /// The virtual host that has the request's host.
    pub(super) fn host(&self, found: Option<Found>) -> Option<String> {
        match found? {
            Found::Rule { host, .. } | Found::Host(host) => Some(self.plan.host(host)?.domain.clone()),
            Found::Nothing => None,
        }
    }
}

impl Mesh {
    /// The rule that takes a request.
    pub(super) fn rule(&self, at: &AtProxy, found: Option<Found>) -> Option<Rule> {
        let Found::Rule { rule, matched, .. } = found? else { return None };
        Some(self.placed(&at.plan.rule(rule)?.source, matched))
    }

    /// What a case was held against before.
    pub(super) fn passed(&self, at: &AtProxy, case: &Case) -> Vec<Passed> {
        let placed = |(rule, matched, because): (u32, u32, String)| {
            Some(Passed { rule: self.placed(&at.plan.rule(rule)?.source, matched), because })
        };
        at.passed(case).into_iter().filter_map(placed).collect()
    }

    /// What a rule is called, and where it stands.
    fn placed(&self, source: &RuleSource, matched: u32) -> Rule {
        let index = self.services.get(&*source.virtual_service);
        let service = index.and_then(|index| self.loaded.set.virtual_services.get(*index));
        let model = service.and_then(|service| service.spec.http.get(usize::try_from(source.index).ok()?));
        let has_blocks = model.is_some_and(|rule| !rule.r#match.is_empty());
        let stands = service.map(|service| rules::place(service, Some(source.index), has_blocks.then_some(matched)));
        let stands = stands.unwrap_or_else(|| rules::Stands { index: source.index, ..rules::Stands::default() });
        Rule {
            virtual_service: source.virtual_service.to_string(),
            index: stands.index,
            name: source.name.as_deref().map(str::to_owned),
            r#match: stands.matched,
            line: stands.line,
            file: stands.file.map(str::to_owned),
        }
    }
}

/// Every rule of a set.
pub(super) fn all_rules(set: &Resources) -> Vec<Rule> {
    let of_service = |service: &Resource<VirtualService>| {
        let rule = |(index, rule): (u32, &HttpRoute)| {
            let stands = rules::place(service, Some(index), None);
            let (virtual_service, name) = (service.meta.full_name(), rule.name.clone());
            Rule {
                virtual_service,
                index: stands.index,
                name,
                r#match: None,
                file: stands.file.map(str::to_owned),
                line: stands.line,
            }
        };
        (0..).zip(&service.spec.http).map(rule).collect::<Vec<_>>()
    };
    set.virtual_services.iter().flat_map(of_service).collect()
}

/// The match blocks that did not hold.
struct Heard(Vec<(u32, u32)>);

impl Trace for Heard {
    fn skipped(&mut self, rule: u32, matched: u32) {
        self.0.push((rule, matched));
    }
}
