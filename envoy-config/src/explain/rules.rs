//! Where rules stand in files, with the indices that their text has.

use std::collections::HashMap;

use shared::model::{Resource, Resources, VirtualService};
use shared::names;
use shared::plan::{Rule, RuleSource};

/// The VirtualServices of a set, by name.
pub(super) struct Rules<'a>(HashMap<String, &'a Resource<VirtualService>>);

/// Where a rule, or one of its match blocks, stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stands<'a> {
    /// The rule's index, as its file has it.
    pub(crate) index: u32,
    /// The block's; none for a rule without any.
    pub(crate) matched: Option<u32>,
    pub(crate) file: Option<&'a str>,
    /// 0 where it is not known.
    pub(crate) line: u32,
    /// Whether the block could not be read, so that another that takes nothing stands in its place.
    pub(crate) unread: bool,
}

impl<'a> Rules<'a> {
    pub(super) fn of(set: &'a Resources) -> Rules<'a> {
        Rules(set.virtual_services.iter().map(|service| (service.meta.full_name(), service)).collect())
    }

    pub(super) fn service(&self, name: &str) -> Option<&'a Resource<VirtualService>> {
        self.0.get(name).copied()
    }

    /// Of a rule that the plan knows, and one of its blocks.
    pub(super) fn place(&self, rule: &Rule, matched: u32) -> Stands<'a> {
        let source = &rule.source;
        let Some(service) = self.service(&source.virtual_service) else {
            return Stands { index: source.index, ..Stands::default() };
        };
        let (own, _) = self.blocks(rule, matched);
        place(service, Some(source.index), own)
    }

    /// Of the delegate's rule that it is, where it is one: the delegate's name, and where the rule stands in it.
    pub(super) fn delegate<'p>(&self, rule: &'p Rule, matched: u32) -> Option<(&'p str, Stands<'a>)> {
        let delegated = rule.source.delegated.as_deref()?;
        let (_, block) = self.blocks(rule, matched);
        Some((&delegated.delegate, place(self.service(&delegated.delegate)?, Some(delegated.index), block)))
    }

    /// The line of a rule itself, which is above those of its blocks.
    pub(super) fn line(&self, source: &RuleSource) -> u32 {
        self.service(&source.virtual_service).map_or(0, |service| place(service, Some(source.index), None).line)
    }

    /// The rule's own block, and the delegate's, that a block of the plan is made of. Each of the delegate's is put together
    /// with each of the rule's own, unless they contradict each other: then nobody knows which two it is.
    fn blocks(&self, rule: &Rule, matched: u32) -> (Option<u32>, Option<u32>) {
        let count = |name: &str, index: u32| {
            let rule = usize::try_from(index).ok().and_then(|index| self.service(name)?.spec.http.get(index));
            rule.and_then(|rule| u32::try_from(rule.r#match.len()).ok()).unwrap_or_default()
        };
        let source = &rule.source;
        let own = count(&source.virtual_service, source.index);
        let Some(delegated) = &source.delegated else { return ((own > 0).then_some(matched), None) };
        match (own, count(&delegated.delegate, delegated.index)) {
            (0, 0) => (None, None),
            (0, _) => (None, Some(matched)),
            (_, 0) => (Some(matched), None),
            (own, of_delegate) if u64::from(own) * u64::from(of_delegate) == rule.matches.len() as u64 => {
                (Some(matched % own), Some(matched / own))
            }
            _ => (None, None),
        }
    }
}

/// Takes the VirtualServices out of a set that have none of these hosts, each in lower case: no other host's rules can
/// take requests for them. What has no hosts is a delegate, and may be anybody's.
pub(super) fn keep_those_for(set: &mut Resources, hosts: &[String]) -> Vec<Resource<VirtualService>> {
    let concerns = |service: &Resource<VirtualService>| service.spec.hosts.is_empty() || has_one_of(service, hosts);
    let (kept, others) = std::mem::take(&mut set.virtual_services).into_iter().partition(concerns);
    set.virtual_services = kept;
    others
}

/// Whether a VirtualService has one of these hosts, each in lower case, by its name or by a wildcard.
pub(super) fn has_one_of(service: &Resource<VirtualService>, hosts: &[String]) -> bool {
    let own = service.spec.hosts.iter();
    let mut own = own.map(|host| names::resolve_host(host, service.meta.namespace()).to_ascii_lowercase());
    own.any(|own| hosts.iter().any(|host| names::covers(&own, host)))
}

/// The place of a resource, of one of its rules or of one of a rule's blocks.
pub(crate) fn place(service: &Resource<VirtualService>, rule: Option<u32>, matched: Option<u32>) -> Stands<'_> {
    let path = match (rule, matched) {
        (Some(rule), Some(matched)) => format!("spec.http[{rule}].match[{matched}]"),
        (Some(rule), None) => format!("spec.http[{rule}]"),
        (None, _) => String::new(),
    };
    let line = service.tree.mark_of(&path).line;
    let original = service.gaps.original(path);
    let mut indices = original.split('[').skip(1).filter_map(|part| part.split(']').next()?.parse().ok());
    let index = indices.next().or(rule).unwrap_or_default();
    let of_block = matched.map(|matched| indices.next().unwrap_or(matched));
    let unread = matched.is_some() && service.gaps.touch(&original);
    Stands { index, matched: of_block, file: service.file.as_deref(), line, unread }
}
