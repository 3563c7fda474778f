//! What becomes of a request, by every way that chance may take, aspect by aspect.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::act::Reply;
use shared::decide::{Decision, Found, OwnReply};
use shared::plan::{Action, Plan};
use shared::simulate::{self, Answer, Change, Incoming, Outcome, Simulated};

use super::words;

/// How many requests have something: all of them at 100.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Share {
    /// What they have.
    pub what: String,
    /// Of how many in a hundred that is so.
    pub percent: f64,
}

/// A side of a treatment that can differ by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The cluster, or the status of an answer that is given here.
    To,
    /// The location of a redirect.
    Location,
    /// The body of an answer that is given here.
    Body,
    /// What the path becomes on the way.
    Path,
    /// What the authority becomes.
    Authority,
    /// Changes of the request's headers.
    RequestHeaders,
    /// Changes of the answer's headers.
    ResponseHeaders,
    /// How long the destination has.
    Timeout,
    /// Retries of the rule's own.
    Retries,
    /// Who gets copies.
    Mirrors,
    /// How long it waits first.
    Delay,
}

impl Aspect {
    /// All of them, in the order in which they are told.
    pub const ALL: [Aspect; 11] = [
        Aspect::To,
        Aspect::Location,
        Aspect::Body,
        Aspect::Path,
        Aspect::Authority,
        Aspect::RequestHeaders,
        Aspect::ResponseHeaders,
        Aspect::Timeout,
        Aspect::Retries,
        Aspect::Mirrors,
        Aspect::Delay,
    ];

    /// Whether it says something of the request's own path, so that it is another for each.
    pub(super) fn is_of_the_path(self) -> bool {
        matches!(self, Aspect::Location | Aspect::Path)
    }
}

/// What becomes of a request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Treatment {
    /// The rule that takes it, as `shop/web http[1] "orders"`; null where none does.
    pub rule: Option<String>,
    /// What is so of which share of the requests; aspects without anything are absent.
    #[serde(flatten)]
    pub aspects: BTreeMap<Aspect, Vec<Share>>,
    /// All aspects of each way together.
    #[serde(skip)]
    ways: BTreeMap<Way, u64>,
}

type Way = Vec<(Aspect, String)>;

/// Shares are the same up to a thousandth of a percent: they come from a few multiplications.
const PER_PERCENT: f64 = 1000.0;

impl Treatment {
    /// Where nobody listens.
    pub(super) fn unheard() -> Treatment {
        let mut all = Treatment::default();
        all.add(vec![(Aspect::To, "no listener".to_owned())], 1.0);
        all
    }

    /// What a plan makes of a request that has found this.
    pub(super) fn of(plan: &Plan, decision: Decision, incoming: &Incoming) -> Treatment {
        let upstream = |_: &str| Answer::of_destination(200, Vec::new());
        let outcomes = simulate::outcomes_of(plan, decision, incoming, upstream);
        let mut all = Treatment { rule: rule(plan, decision.found), ..Treatment::default() };
        let asked = |name: &[u8]| incoming.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        let asked = (asked(b":path"), asked(b":authority"));
        for Outcome { share, simulated } in outcomes {
            all.add(way(plan, &simulated, asked), share);
        }
        all
    }

    fn add(&mut self, way: Way, share: f64) {
        for (aspect, what) in &way {
            let all = self.aspects.entry(*aspect).or_default();
            match all.iter_mut().find(|known| known.what == *what) {
                Some(known) => known.percent += share * 100.0,
                None => all.push(Share { what: what.clone(), percent: share * 100.0 }),
            }
        }
        *self.ways.entry(way).or_default() += (share * 100.0 * PER_PERCENT * 1000.0) as u64;
    }

    /// The aspects that are otherwise; none where nothing is.
    pub(super) fn differences(&self, other: &Treatment) -> Vec<Aspect> {
        let all: Vec<Aspect> =
            Aspect::ALL.into_iter().filter(|aspect| !same(self.shares(*aspect), other.shares(*aspect))).collect();
        if !all.is_empty() || self.same_ways(other) {
            return all;
        }
        // What goes together with what: said where it goes.
        vec![Aspect::To]
    }

    fn same_ways(&self, other: &Treatment) -> bool {
        let near = |a: u64, b: u64| a.abs_diff(b) <= 1000;
        let of = |ways: &BTreeMap<Way, u64>, way: &Way| ways.get(way).copied().unwrap_or(0);
        let mut all = self.ways.keys().chain(other.ways.keys());
        all.all(|way| near(of(&self.ways, way), of(&other.ways, way)))
    }

    /// What is so of which share.
    pub fn shares(&self, aspect: Aspect) -> &[Share] {
        self.aspects.get(&aspect).map_or(&[], Vec::as_slice)
    }
}

fn same(one: &[Share], other: &[Share]) -> bool {
    let of = |all: &[Share], what: &str| all.iter().find(|it| it.what == what).map_or(0.0, |it| it.percent);
    let mut all = one.iter().chain(other);
    all.all(|it| (of(one, &it.what) - of(other, &it.what)).abs() * PER_PERCENT < 1.0)
}

/// The rule's name, where one was found.
pub(super) fn rule(plan: &Plan, found: Found) -> Option<String> {
    let Found::Rule { rule, .. } = found else { return None };
    let source = &plan.rule(rule)?.source;
    if source.virtual_service.is_empty() {
        return Some("the service's default route".to_owned());
    }
    let name = source.name.as_deref().filter(|name| !name.is_empty());
    let name = name.map_or(String::new(), |name| format!(" \"{name}\""));
    let by = source.delegated.as_deref().map(|it| format!(" by its delegate {} http[{}]", it.delegate, it.index));
    Some(format!("{} http[{}]{name}{}", source.virtual_service, source.index, by.unwrap_or_default()))
}

fn way(plan: &Plan, simulated: &Simulated<'_>, asked: (Option<&Vec<u8>>, Option<&Vec<u8>>)) -> Way {
    let mut way = Vec::new();
    let mut add = |aspect, what: String| {
        if !what.is_empty() {
            way.push((aspect, what));
        }
    };
    match (&simulated.reply, simulated.cluster) {
        (Some(reply), _) => {
            add(Aspect::To, answered(simulated.decision.reply, reply));
            let location = reply.headers.iter().find(|(name, _)| name.as_ref() == b"location");
            add(Aspect::Location, location.map_or(String::new(), |(_, value)| text(value)));
            // What Envoy's filters say by themselves says nothing more.
            let is_own = simulated.decision.reply == Some(OwnReply::DirectResponse);
            add(Aspect::Body, if is_own { text(&reply.body) } else { String::new() });
        }
        (None, Some(cluster)) => {
            add(Aspect::To, cluster.to_owned());
            let now = |name: &[u8]| simulated.request.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let becomes = |name: &[u8], asked: Option<&Vec<u8>>| {
                now(name).filter(|now| Some(*now) != asked).map_or(String::new(), |now| text(now))
            };
            add(Aspect::Path, becomes(b":path", asked.0));
            add(Aspect::Authority, becomes(b":authority", asked.1));
            add(Aspect::RequestHeaders, changes(&simulated.request_changes));
            let timeout = simulated.timeout.map(|timeout| words::duration(timeout.as_millis()));
            add(Aspect::Timeout, timeout.unwrap_or_default());
            add(Aspect::Retries, retries(plan, &simulated.decision));
        }
        (None, None) => add(Aspect::To, simulated.answer.status.to_string()),
    }
    let headers =
        simulated.reply.iter().flat_map(|reply| &reply.headers).filter(|(name, _)| name.as_ref() != b"location");
    let own: Vec<Change> = headers.map(|(name, value)| Change::Set(name.to_vec(), value.clone())).collect();
    add(Aspect::ResponseHeaders, changes(&[own, simulated.answer_changes.clone()].concat()));
    for mirror in &simulated.mirrors {
        add(Aspect::Mirrors, mirror.cluster.clone());
    }
    add(Aspect::Delay, simulated.delay.map_or(String::new(), |delay| words::duration(delay.as_millis())));
    way
}

fn answered(reply: Option<OwnReply>, Reply { status, grpc_status, .. }: &Reply<'_>) -> String {
    let why = match reply {
        Some(OwnReply::FaultAbort) => " by a fault",
        Some(OwnReply::Preflight) => " to a preflight",
        _ => "",
    };
    match grpc_status {
        Some(grpc) => format!("{status} (gRPC {grpc}){why}"),
        None => format!("{status}{why}"),
    }
}

/// What Envoy's router is told of retries; nothing for Istio's default.
fn retries(plan: &Plan, decision: &Decision) -> String {
    let Some(Action::Route(route)) = decision.rule(plan).map(|rule| &rule.action) else { return String::new() };
    let of = |header: &str| {
        let write = route.retries.iter().find(|(name, _)| *name == header);
        write.map_or(String::new(), |(_, value)| text(value))
    };
    let variant = route.variants.name(0).map_or(String::new(), text);
    let variant = variant.split('+').next().filter(|it| it.starts_with("retry-")).unwrap_or_default().to_owned();
    let attempts = of("x-envoy-max-retries");
    if attempts.is_empty() {
        return if variant == "retry-none" { "none at all".to_owned() } else { String::new() };
    }
    let on: Vec<String> = ["x-envoy-retry-on", "x-envoy-retry-grpc-on", "x-envoy-retriable-status-codes"]
        .iter()
        .map(|it| of(it))
        .collect();
    let on: Vec<&str> = on.iter().map(String::as_str).filter(|it| !it.is_empty()).collect();
    let each = of("x-envoy-upstream-rq-per-try-timeout-ms");
    let each = each.parse().map_or(String::new(), |ms| format!(", {} each", words::duration(ms)));
    // Of the variant the usual is not said.
    let variant = variant.trim_start_matches("retry-");
    let more = if variant == "25ms-previous-hosts" { String::new() } else { format!(" ({variant})") };
    format!("{attempts} on {}{each}{more}", on.join(","))
}

/// `set x-a b, add c d, remove e`; Envoy's own headers, which say what stands elsewhere, are left out.
fn changes(all: &[Change]) -> String {
    let is_shown = |name: &[u8]| !name.starts_with(b":") && !name.starts_with(b"x-envoy-");
    let said = all.iter().filter_map(|change| {
        Some(match change {
            Change::Set(name, value) if is_shown(name) => format!("set {} {}", text(name), text(value)),
            Change::Add(name, value) if is_shown(name) => format!("add {} {}", text(name), text(value)),
            Change::Remove(name) if is_shown(name) => format!("remove {}", text(name)),
            _ => return None,
        })
    });
    said.collect::<Vec<_>>().join(", ")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
