//! The resources that cases are asked of, compiled once for each proxy.

use std::collections::{BTreeSet, HashMap};

use shared::decide::{Found, Request, Trace, find};
use shared::finding::{Code, Origin, Severity};
use shared::model::Resources;
use shared::plan::guard::Detector;
use shared::plan::{PASSTHROUGH_CLUSTER, Plan, RuleSource};

use super::answer::{headers, incoming, parts};
use super::ask::{Judged, ask};
use super::form::{Case, Scene};
use super::place::place;
use super::report::{Passed, Rule};
use crate::filter::Proxy;
use crate::input::Loaded;

/// A finding knows where its field stands.
const NOTHING: (Severity, Origin, Code) = (Severity::Info, Origin::Sailcloth, Code::Unsupported);

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
            return Some(self.index_of(Proxy::from(fields)));
        }
        let (scheme, authority, _) = case.request.url.as_deref().and_then(|url| parts(url).ok())?;
        let key = format!("{scheme}://{authority}");
        if let Some(at) = self.by_authority.get(&key) {
            return Some(*at);
        }
        let at = self.index_of(by_url(&self.loaded.set, scheme, authority));
        self.by_authority.insert(key, at);
        Some(at)
    }

    pub(super) fn proxy(&self, index: usize) -> Option<&AtProxy> {
        self.proxies.get(index)
    }

    fn index_of(&mut self, proxy: Proxy) -> usize {
        if let Some(at) = self.proxies.iter().position(|known| known.proxy == proxy) {
            return at;
        }
        let set = &self.loaded.set;
        let plan = Plan::build(set, &shared::plan::Proxy::from(&proxy), Detector::Envoy, 0);
        let clusters = crate::cluster::clusters_for(set, [&proxy]).into_iter().map(|cluster| cluster.name);
        let clusters = clusters.chain([PASSTHROUGH_CLUSTER.to_owned()]).collect();
        self.proxies.push(AtProxy { proxy, plan, clusters });
        self.proxies.len() - 1
    }
}

fn by_url(set: &Resources, scheme: &str, authority: &str) -> Proxy {
    let pairs: [(&[u8], &[u8]); 1] = [(b":authority", authority.as_bytes())];
    let request = Request::new(&pairs);
    let by_scheme = if scheme == "https" { 443 } else { 80 };
    let host = String::from_utf8_lossy(request.host()).to_ascii_lowercase();
    place(set, &host, Some(request.port().unwrap_or(by_scheme)))
}

impl AtProxy {
    pub(super) fn ask(&self, case: &Case) -> Judged {
        ask(&self.plan, &|cluster| self.clusters.contains(cluster), case)
    }

    /// The match blocks that a request was held against before one took it, and why they do not match it.
    fn passed(&self, case: &Case) -> Vec<(u32, u32, String)> {
        let Some(incoming) = incoming(&case.request, &headers(&case.request)) else { return Vec::new() };
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
        let block = if has_blocks { format!(".match[{matched}]") } else { String::new() };
        let place = service.map(|it| it.finding(NOTHING, format!("spec.http[{}]{block}", source.index), "", ""));
        Rule {
            virtual_service: source.virtual_service.to_string(),
            index: source.index,
            name: source.name.as_deref().map(str::to_owned),
            r#match: has_blocks.then_some(matched),
            line: place.as_ref().map_or(0, |place| place.line),
            file: place.and_then(|place| place.file),
        }
    }
}

/// Every rule of a set.
pub(super) fn rules(set: &Resources) -> Vec<Rule> {
    let of_service = |service: &shared::model::Resource<shared::model::VirtualService>| {
        let rules = (0_u32..).zip(&service.spec.http);
        let rule = |(index, rule): (u32, &shared::model::HttpRoute)| {
            let place = service.finding(NOTHING, format!("spec.http[{index}]"), "", "");
            let virtual_service = service.meta.full_name();
            Rule { virtual_service, index, name: rule.name.clone(), r#match: None, file: place.file, line: place.line }
        };
        rules.map(rule).collect::<Vec<_>>()
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
