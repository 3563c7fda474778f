//! What a proxy has said of one request in `x-sailcloth-explain`, in words and with the places of the rules.

use serde::Serialize;
use shared::act::explain::{Place, Told};
use shared::model::Resources;
use shared::plan::matching::Match;
use shared::resolve::roots::roots;
use shared::resolve::{self, Root, Silent};

use super::answer::{DelegatePlace, RulePlace, Skipped};
use super::rules::{Rules, Stands, place};

/// What was said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decoded {
    /// The virtual host's domain; null where none has the host.
    pub virtual_host: Option<String>,
    /// `namespace/name` of the VirtualService whose rule it is.
    pub virtual_service: Option<String>,
    /// The rule.
    pub rule: Option<RulePlace>,
    /// What chose the destination, or why there is none.
    pub why: Option<String>,
    /// The cluster.
    pub cluster: Option<String>,
    /// The clusters of the rule's mirrors that got a copy, by their place among them, from 0.
    pub copies: Vec<u32>,
    /// The match blocks that were tried before, in order, each with the condition that failed.
    pub skipped: Vec<Skipped>,
    /// How many more there were.
    pub more: usize,
}

impl Decoded {
    /// Words what a proxy has said by the resources that it had.
    ///
    /// # Errors
    /// When it is something else, or names rules that the resources do not have.
    pub fn read(text: &str, set: &Resources) -> Result<Decoded, String> {
        let shown = shared::model::read::shorten(text);
        let told = Told::read(text).ok_or_else(|| {
            format!("`--decode {shown}`: expected the value of the response header `x-sailcloth-explain`, which begins with `1 `")
        })?;
        let (rules, roots) = (Rules::of(set), roots(set, None, &mut Silent));
        let words = Words { rules: &rules, roots: &roots };
        let rule = told.rule.as_ref().filter(|rule| !rule.virtual_service.is_empty());
        Ok(Decoded {
            virtual_host: told.host.map(str::to_owned),
            virtual_service: rule.map(|rule| rule.virtual_service.to_owned()),
            rule: rule.map(|rule| words.rule(rule)).transpose()?,
            why: told.why.map(str::to_owned),
            cluster: told.to.map(str::to_owned),
            copies: (0..8).filter(|bit| told.copies >> bit & 1 == 1).collect(),
            skipped: told.skipped.iter().map(|skipped| words.skipped(skipped)).collect::<Result<_, _>>()?,
            more: told.more,
        })
    }
}

struct Words<'a> {
    rules: &'a Rules<'a>,
    roots: &'a [Root<'a>],
}

impl Words<'_> {
    fn rule(&self, at: &Place<'_>) -> Result<RulePlace, String> {
        let (stands, delegate, has_blocks) = self.stands(at)?;
        let service = self.rules.service(at.virtual_service);
        let model = service.and_then(|service| service.spec.http.get(usize::try_from(at.index).ok()?));
        Ok(RulePlace {
            index: stands.index,
            name: model.and_then(|rule| rule.name.clone()).filter(|name| !name.is_empty()),
            r#match: stands.matched,
            file: stands.file.map(str::to_owned),
            line: service.map_or(0, |service| place(service, Some(at.index), None).line),
            match_line: has_blocks.then_some(stands.line),
            delegate,
        })
    }

    fn skipped(&self, at: &Place<'_>) -> Result<Skipped, String> {
        let (stands, delegate, _) = self.stands(at)?;
        Ok(Skipped {
            virtual_service: at.virtual_service.to_owned(),
            rule: stands.index,
            r#match: stands.matched,
            file: stands.file.map(str::to_owned),
            line: stands.line,
            delegate,
            because: self.condition(at).unwrap_or_else(|| "it does not match".to_owned()),
        })
    }

    /// The condition that failed, as the resource has it.
    fn condition(&self, at: &Place<'_>) -> Option<String> {
        let root = self.roots.iter().find(|root| *root.name == *at.virtual_service)?;
        let delegated = |rule: &resolve::RootRule<'_>| rule.delegated.map(|it| (it.delegate.to_string(), it.index));
        let asked = at.delegated.map(|(name, index)| (name.to_owned(), index));
        let rule = root.rules().find(|rule| rule.index == at.index && delegated(rule) == asked)?;
        let block = rule.blocks.get(usize::try_from(at.matched).ok()?);
        let block = block.map_or_else(Match::any, Match::compile);
        let condition = block.conditions.get(usize::try_from(at.failed?).ok()?)?;
        Some(format!("{condition} does not hold"))
    }

    /// Where a rule stands, and whether it has match blocks of its own.
    fn stands(&self, at: &Place<'_>) -> Result<(Stands<'_>, Option<DelegatePlace>, bool), String> {
        let missing = |name: &str, index: u32| {
            format!("there is no rule spec.http[{index}] in VirtualService `{name}`: are these the proxy's resources?")
        };
        let of = |name: &str, index: u32| -> Result<_, String> {
            let service = self.rules.service(name).ok_or_else(|| missing(name, index))?;
            let rule = usize::try_from(index).ok().and_then(|index| service.spec.http.get(index));
            Ok((service, rule.ok_or_else(|| missing(name, index))?))
        };
        if at.virtual_service.is_empty() {
            return Ok((Stands { index: at.index, ..Stands::default() }, None, false));
        }
        let (service, rule) = of(at.virtual_service, at.index)?;
        let Some((name, index)) = at.delegated else {
            let block = (!rule.r#match.is_empty()).then_some(at.matched);
            return Ok((place(service, Some(at.index), block), None, block.is_some()));
        };
        let (delegate, _) = of(name, index)?;
        let stands = place(delegate, Some(index), None);
        let told = DelegatePlace {
            virtual_service: name.to_owned(),
            index: stands.index,
            r#match: None,
            file: stands.file.map(str::to_owned),
            line: stands.line,
        };
        Ok((place(service, Some(at.index), None), Some(told), false))
    }
}
