//! What becomes of a request, and why: the answer of `sailcloth explain`.
//!
//! | file | what |
//! |---|---|
//! | [`request`] | what is asked: a request as a client would send it |
//! | [`place`] | which proxy is asked |
//! | [`answer`] | the answer, as `docs/explain.schema.json` has it |
//! | `normal` | the path as Envoy makes it before any filter sees it |
//! | `effects` | what a rule does to a request: retries, faults, limits, header operations |
//! | `rules` | where rules stand in files |
//! | `omitted` | why other resources play no part, in words |
//! | `text` | the answer for people |
//! | `case` | a case of it, that it stays so |
//! | `decoded` | what a proxy has said of one request, in words |
//!
//! The decision is that of the modules ([`shared::simulate`]); only the match blocks that it has passed over are then
//! asked why.

pub mod answer;
mod case;
mod decoded;
mod effects;
mod normal;
mod omitted;
pub mod place;
pub mod request;
pub(crate) mod rules;
mod text;

pub use answer::Explanation;
pub use case::Scene;
pub use decoded::Decoded;
pub(crate) use normal::normalized;
pub use place::{From, Place, Whom};
pub use request::Asked;
pub use text::{decoded, text};

use std::time::{SystemTime, UNIX_EPOCH};

use shared::act;
use shared::decide::{Decision, Found, OwnReply, Request, Trace};
use shared::finding::{Finding, Severity};
use shared::model::Resources;
use shared::plan::guard::Detector;
use shared::plan::{self, Action as Does, Plan, Split};
use shared::simulate::{self, Chance, Draws, Incoming, Simulated, simulate};

use answer::{
    Action, Counts, DelegatePlace, Destination, OfRule, ProxyAsked, RequestAsked, RulePlace, Skipped, Sticky,
};
use effects::{Effects, shown};
use omitted::Omissions;
use rules::Rules;

/// Explains what becomes of a request at a proxy. What `set` says of other hosts alone may be gone afterwards.
pub fn explain(set: &mut Resources, place: &Place, asked: &Asked) -> Explanation {
    let hosts = place::spellings(&asked.host(), &place.proxy.namespace);
    let others = rules::keep_those_for(set, &hosts);
    let (explanation, found) = explain_by(set, place, asked, &hosts);
    if found || !place.answers_unknown {
        return explanation;
    }
    // Which host may have been meant.
    set.virtual_services.extend(others);
    explain_by(set, place, asked, &hosts).0
}

/// The same by all that is there, with whether somebody has the host.
fn explain_by(set: &Resources, place: &Place, asked: &Asked, hosts: &[String]) -> (Explanation, bool) {
    let rules = Rules::of(set);
    let mut left_out = Omissions::new(&rules, hosts.to_vec());
    let mut plan = Plan::build_told(set, &plan::Proxy::from(&place.proxy), Detector::Envoy, 0, &mut left_out);
    if place.answers_unknown {
        plan.answer_unknown_hosts(&place.proxy.namespace);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let path = normal::normalized_as(&asked.path, set.mesh.path_normalization);
    let request = RequestAsked { method: asked.method.clone(), url: asked.url(), path: path.clone() };
    let proxy = ProxyAsked {
        gateways: place.proxy.gateways.clone(),
        namespace: place.proxy.namespace.clone(),
        labels: place.proxy.labels.clone(),
        port: place.proxy.port,
        because: place.because.clone(),
    };
    let Some(path) = path else {
        let (action, status) = (Action::Blocked, Some(400));
        return (Explanation { request, proxy, action, status, ..Explanation::default() }, true);
    };
    let asked = Asked { path, ..asked.clone() };
    let incoming = asked.incoming(place.edge, u64::try_from(now).unwrap_or_default());
    let question = Question { plan: &plan, rules: &rules, incoming: &incoming };
    let mut heard = Heard::default();
    let first = question.ask(0, &mut heard);
    let skipped = question.skipped(&heard.skipped);
    let found = first.decision.found != Found::Nothing;
    let answer = Explanation { request, proxy, skipped, ..question.answer(&first) };
    (Explanation { omitted: left_out.all, ..answer }, found)
}

impl Explanation {
    /// Counts what is wrong with the resources, and keeps what is about the rule.
    pub fn count(&mut self, findings: &[Finding]) {
        let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
        let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Info].map(count);
        let own = self.rule.as_ref().zip(self.virtual_service.as_deref()).map(|(rule, name)| (name, rule.index));
        let delegate = self.rule.as_ref().and_then(|rule| rule.delegate.as_ref());
        let of_delegate = delegate.map(|delegate| (delegate.virtual_service.as_str(), delegate.index));
        let of_rule = [own, of_delegate].into_iter().flatten().flat_map(|(name, index)| {
            let path = format!("spec.http[{index}]");
            let is_about = move |finding: &&Finding| {
                let rest =
                    finding.path.strip_prefix(&path).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
                rest.is_some()
                    && finding.kind == "VirtualService"
                    && name.split_once('/') == Some((&finding.namespace, &finding.name))
            };
            let kept = |finding: &Finding| OfRule {
                severity: finding.severity,
                code: finding.code,
                path: finding.path.clone(),
                message: finding.message.clone(),
                hint: finding.hint.clone(),
            };
            findings.iter().filter(is_about).map(kept)
        });
        self.findings = Counts { errors, warnings, notes, of_rule: of_rule.collect() };
    }
}

/// A request at a proxy.
struct Question<'a> {
    plan: &'a Plan,
    rules: &'a Rules<'a>,
    incoming: &'a Incoming,
}

impl<'a> Question<'a> {
    /// What becomes of the request that goes to this of the rule's destinations, unless the client's own word leads it
    /// elsewhere; without the faults and the copies, which have shares of their own.
    fn ask(&self, destination: u32, trace: &mut impl Trace) -> Simulated<'a> {
        let upstream = |_: &str| simulate::Answer::of_destination(200, Vec::new());
        simulate(self.plan, self.incoming, &mut To(destination), upstream, trace)
    }

    fn answer(&self, first: &Simulated<'a>) -> Explanation {
        let (plan, decision) = (self.plan, &first.decision);
        let effects = Effects { plan, decision, simulated: first, incoming: self.incoming };
        let (host, rule) = match decision.found {
            Found::Rule { host, rule, matched } => (Some(host), plan.rule(rule).map(|rule| (rule, matched))),
            Found::Host(host) => (Some(host), None),
            Found::Nothing => (None, None),
        };
        let stands = rule.and_then(|(rule, matched)| {
            let service = Some(rule.source.virtual_service.to_string()).filter(|name| !name.is_empty())?;
            Some((service, self.rules.place(rule, matched), &rule.source, self.delegate(rule, matched)))
        });
        let place = stands.as_ref().map(|(_, place, source, delegate)| RulePlace {
            index: place.index,
            name: source.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned),
            r#match: place.matched,
            file: place.file.map(str::to_owned),
            line: self.rules.line(source),
            match_line: place.matched.map(|_| place.line),
            delegate: delegate.clone(),
        });
        let reply = first.reply.as_ref();
        let text = |bytes: &[u8]| Some(shown(bytes)).filter(|text| !text.is_empty());
        let header = |name: &[u8]| first.answer.headers.iter().find(|(known, _)| known == name);
        let route =
            rule.and_then(|(rule, _)| if let Does::Route(route) = &rule.action { Some(route.as_ref()) } else { None });
        let routed = route.filter(|_| reply.is_none());
        Explanation {
            virtual_host: host.and_then(|host| plan.host(host)).map(|host| host.domain.clone()),
            virtual_service: stands.map(|(service, ..)| service),
            rule: place,
            route_name: text(&act::route_name(plan, decision)),
            action: action(decision),
            status: reply.map(|_| first.answer.status),
            location: reply.and_then(|_| header(b"location")).and_then(|(_, value)| text(value)),
            body: reply.and_then(|reply| text(&reply.body)),
            destinations: self.destinations(first),
            response_headers: effects.of_rule(),
            timeout_ms: first.timeout.map(|timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)),
            retries: routed.map(effects::retries),
            // A preflight runs into a fault as well.
            fault: route.filter(|_| shared::decide::fault(plan, decision).is_some()).and_then(effects::fault),
            mirrors: routed.map(effects::mirrors).unwrap_or_default(),
            sticky: routed.and_then(|route| self.sticky(route, first)),
            limits: self.limits(first),
            cors: route.and_then(|route| effects.cors(route)),
            ..Explanation::default()
        }
    }

    /// Everybody to whom the request may go.
    fn destinations(&self, first: &Simulated<'a>) -> Vec<Destination> {
        let Some(cluster) = first.cluster else { return Vec::new() };
        let Some(split) = self.split(&first.decision).filter(|_| !is_settled(first)) else {
            return vec![self.destination(cluster, 1.0, first)];
        };
        let total: f64 = split.destinations().iter().map(|it| f64::from(it.weight)).sum();
        let all = (0..).zip(split.destinations());
        all.map(|(index, destination)| {
            let simulated = self.ask(index, &mut shared::decide::Untraced);
            self.destination(&destination.cluster, f64::from(destination.weight) / total, &simulated)
        })
        .collect()
    }

    fn destination(&self, cluster: &str, share: f64, simulated: &Simulated<'a>) -> Destination {
        let effects = Effects { plan: self.plan, decision: &simulated.decision, simulated, incoming: self.incoming };
        Destination {
            cluster: cluster.to_owned(),
            share,
            request: effects.request(),
            changes: effects.changes(),
            changed: effects.changed(),
            response_headers: effects.of_destination(),
        }
    }

    fn split(&self, decision: &Decision) -> Option<&'a Split> {
        match &decision.rule(self.plan)?.action {
            Does::Route(route) => Some(&route.destinations),
            _ => None,
        }
    }

    fn sticky(&self, route: &plan::RouteAction, first: &Simulated<'a>) -> Option<Sticky> {
        let by = route.sticky.as_deref()?;
        let stuck = first.sticky.as_ref();
        let key = stuck.and_then(|stuck| stuck.key.as_deref()).map(shown);
        let chosen = key.as_ref().and(first.cluster).map(str::to_owned);
        Some(Sticky { by: effects::sticky(by), key, chosen, new: stuck.is_some_and(|stuck| stuck.new) })
    }

    /// What guards the destinations, by cluster.
    fn limits(&self, first: &Simulated<'a>) -> std::collections::BTreeMap<String, answer::Limits> {
        let split = self.split(&first.decision).filter(|_| first.reply.is_none());
        let all = split.into_iter().flat_map(Split::destinations);
        let guarded = all.filter_map(|it| Some((it.cluster.to_string(), effects::limits(self.plan.guard_of(it)?)?)));
        guarded.collect()
    }

    fn delegate(&self, rule: &plan::Rule, matched: u32) -> Option<DelegatePlace> {
        let (name, stands) = self.rules.delegate(rule, matched)?;
        Some(DelegatePlace {
            virtual_service: name.to_owned(),
            index: stands.index,
            r#match: stands.matched,
            file: stands.file.map(str::to_owned),
            line: stands.line,
        })
    }

    /// Why each block that was looked at before did not hold.
    fn skipped(&self, all: &[(u32, u32)]) -> Vec<Skipped> {
        let pairs = self.incoming.pairs();
        let request = Request::new(&pairs);
        let skipped = |&(rule, matched): &(u32, u32)| {
            let rule = self.plan.rule(rule)?;
            let place = self.rules.place(rule, matched);
            let delegate = self.rules.delegate(rule, matched);
            let unread = place.unread || delegate.is_some_and(|(_, stands)| stands.unread);
            let block = rule.matches.get(usize::try_from(matched).ok()?)?;
            let because = match unread {
                true => "it has an error, and takes no request; `sailcloth check` says more".to_owned(),
                // CONNECT has no path, and no rule takes it.
                false if request.path_and_query().is_empty() => "the request has no path".to_owned(),
                false => block.because(&request).unwrap_or_default(),
            };
            Some(Skipped {
                virtual_service: rule.source.virtual_service.to_string(),
                rule: place.index,
                r#match: place.matched,
                file: place.file.map(str::to_owned),
                line: place.line,
                delegate: self.delegate(rule, matched),
                because,
            })
        };
        all.iter().filter_map(skipped).collect()
    }
}

/// Whether the client's own word has led the request to its destination.
fn is_settled(simulated: &Simulated<'_>) -> bool {
    simulated.sticky.as_ref().is_some_and(|stuck| stuck.key.is_some())
}

fn action(decision: &Decision) -> Action {
    match decision.reply {
        Some(OwnReply::NotFound | OwnReply::UnknownHost) => Action::NotFound,
        Some(OwnReply::Redirect | OwnReply::HttpsRedirect) => Action::Redirect,
        Some(OwnReply::DirectResponse) => Action::DirectResponse,
        Some(OwnReply::Preflight) => Action::Preflight,
        Some(_) => Action::Blocked,
        None if matches!(decision.found, Found::Rule { .. }) => Action::Route,
        None => Action::Passthrough,
    }
}

/// Goes to one destination, and runs into nothing.
struct To(u32);

impl Draws for To {
    fn hits(&mut self, _: Chance) -> bool {
        false
    }

    fn destination(&mut self, _: &Split) -> u32 {
        self.0
    }

    fn cookie(&mut self) -> Option<u64> {
        None
    }
}

/// What the decision has passed over.
#[derive(Default)]
struct Heard {
    skipped: Vec<(u32, u32)>,
}

impl Trace for Heard {
    fn skipped(&mut self, rule: u32, matched: u32) {
        self.skipped.push((rule, matched));
    }
}
