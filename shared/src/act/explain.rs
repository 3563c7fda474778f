//! What a proxy says of one request to somebody who may know: names, indices and reasons, which the command words
//! (`sailcloth explain --decode`). No value of the request is in it.
//!
//! `1 host=shop.example.com rule=shop/web#1.0 why=weight to=outbound|80|v1|... copies=1 skip=shop/web#0.0:0,shop/web#0.1:1
//! more=7`: a rule is the VirtualService, the rule's index, and the match block's behind a dot; with a delegate
//! `shop/web#1>team/shop#0.0`. Behind the colon of what was passed over stands which of the block's conditions failed.

use super::why;
use crate::decide::{self, Decision, Found, Request, Trace};
use crate::plan::{Plan, Rule, RuleSource};

/// So many blocks that were passed over are told: a header has to bear it.
const MOST: usize = 24;

/// Says it. The request is matched once more, to hear what was passed over.
pub fn explain(plan: &Plan, decision: &Decision, request: &Request<'_>) -> Vec<u8> {
    let mut out = b"1".to_vec();
    let mut field = |name: &str, value: &[u8]| {
        if !value.is_empty() {
            out.extend([b" ", name.as_bytes(), b"="].concat());
            // A header's value ends at no line, and a field at no blank.
            out.extend(value.iter().map(|byte| if byte.is_ascii_graphic() { *byte } else { b'?' }));
        }
    };
    let host = match decision.found {
        Found::Rule { host, .. } | Found::Host(host) => plan.host(host),
        Found::Nothing => None,
    };
    field("host", host.map(|host| host.domain.as_bytes()).unwrap_or_default());
    if let (Some(rule), Found::Rule { matched, .. }) = (decision.rule(plan), decision.found) {
        field("rule", &place(&rule.source, matched));
    }
    field("why", &why(plan, decision).reason);
    field("to", decision.cluster(plan).unwrap_or_default().as_bytes());
    if decision.mirrors != 0 {
        field("copies", decision.mirrors.to_string().as_bytes());
    }
    let mut heard = Heard::default();
    decide::find(plan, request, &mut heard);
    let skipped = heard.first.iter().filter_map(|(rule, matched)| skipped(plan.rule(*rule)?, *matched, request));
    field("skip", &skipped.collect::<Vec<_>>().join(&b','));
    if heard.more > 0 {
        field("more", heard.more.to_string().as_bytes());
    }
    out
}

fn place(source: &RuleSource, matched: u32) -> Vec<u8> {
    let index = source.index.to_string();
    let mut out = [source.virtual_service.as_bytes(), b"#", index.as_bytes()].concat();
    if let Some(delegated) = &source.delegated {
        let index = delegated.index.to_string();
        out.extend([b">", delegated.delegate.as_bytes(), b"#", index.as_bytes()].concat());
    }
    out.push(b'.');
    out.extend(matched.to_string().bytes());
    out
}

fn skipped(rule: &Rule, matched: u32, request: &Request<'_>) -> Option<Vec<u8>> {
    let block = rule.matches.get(usize::try_from(matched).ok()?)?;
    let failed = block.conditions.iter().position(|condition| !condition.holds(request));
    let mut out = place(&rule.source, matched);
    if let Some(failed) = failed {
        out.push(b':');
        out.extend(failed.to_string().bytes());
    }
    Some(out)
}

/// The blocks that were passed over, the first of them.
#[derive(Default)]
struct Heard {
    first: Vec<(u32, u32)>,
    more: usize,
}

impl Trace for Heard {
    fn skipped(&mut self, rule: u32, matched: u32) {
        match self.first.len() < MOST {
            true => self.first.push((rule, matched)),
            false => self.more += 1,
        }
    }
}

/// A rule's place, as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place<'t> {
    /// `namespace/name`; empty for a service without VirtualService.
    pub virtual_service: &'t str,
    /// The rule's index.
    pub index: u32,
    /// The delegate's name and the rule's index in it, where it is a delegate's.
    pub delegated: Option<(&'t str, u32)>,
    /// The match block's index.
    pub matched: u32,
    /// Which of the block's conditions failed.
    pub failed: Option<u32>,
}

/// What was told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told<'t> {
    /// The virtual host's domain.
    pub host: Option<&'t str>,
    /// The rule.
    pub rule: Option<Place<'t>>,
    /// What chose the destination, or why there is none.
    pub why: Option<&'t str>,
    /// The cluster.
    pub to: Option<&'t str>,
    /// Which of the rule's mirrors got a copy.
    pub copies: u8,
    /// What was passed over.
    pub skipped: Vec<Place<'t>>,
    /// How many more were.
    pub more: usize,
}

impl<'t> Told<'t> {
    /// Reads it; nothing where it is something else. Fields of later versions are passed over.
    pub fn read(text: &'t str) -> Option<Told<'t>> {
        let mut words = text.split_ascii_whitespace();
        if words.next() != Some("1") {
            return None;
        }
        let mut told = Told::default();
        for word in words {
            let (name, value) = word.split_once('=')?;
            match name {
                "host" => told.host = Some(value),
                "rule" => told.rule = Some(Place::read(value)?),
                "why" => told.why = Some(value),
                "to" => told.to = Some(value),
                "copies" => told.copies = value.parse().ok()?,
                "skip" => told.skipped = value.split(',').map(Place::read).collect::<Option<_>>()?,
                "more" => told.more = value.parse().ok()?,
                _ => {}
            }
        }
        Some(told)
    }
}

impl<'t> Place<'t> {
    fn read(text: &'t str) -> Option<Place<'t>> {
        let (text, failed) = match text.rsplit_once(':') {
            Some((text, failed)) => (text, Some(failed.parse().ok()?)),
            None => (text, None),
        };
        let (text, matched) = text.rsplit_once('.')?;
        let named = |text: &'t str| {
            let (name, index) = text.rsplit_once('#')?;
            Some((name, index.parse::<u32>().ok()?))
        };
        let (own, delegated) = match text.split_once('>') {
            Some((own, delegate)) => (own, Some(named(delegate)?)),
            None => (text, None),
        };
        let (virtual_service, index) = named(own)?;
        Some(Place { virtual_service, index, delegated, matched: matched.parse().ok()?, failed })
    }
}
