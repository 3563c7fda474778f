//! The routes of a domain: the first that holds counts. An index finds it without trying all that come before.
//!
//! Routes are sorted by what a path must begin with, and those by a value that a header or a query parameter must have.
//! What a request has leads to the few routes that can hold; of these the earliest that does is taken, so that the
//! answer is the one that trying them in their order gives. Of several such values a route goes by the one that it
//! shares with the fewest: all tenants' rules may ask for `GET`.

use std::cmp::Ordering;

use super::matching::{Match, Selector};
use super::rule::Rule;
use crate::decide::Request;
use crate::order;

/// Rule and match block.
pub(super) type Route = (u32, u32);

/// Routes in the order in which they count.
#[derive(Debug)]
pub(super) struct Routes {
    routes: Box<[Route]>,
    /// Sorted by the path's beginning, then by selector, then by the selector's value.
    sorted: Box<[Entry]>,
    /// What paths begin with, in order.
    keys: Box<[Key]>,
    groups: Box<[Group]>,
}

/// A route, and what it is looked up by.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Its position in `routes`.
    position: u32,
    /// Which of its conditions has the selector; none of them where nothing selects.
    condition: u32,
}

/// Routes whose paths begin alike.
#[derive(Debug)]
struct Key {
    /// One of them; the bytes themselves stand in its block.
    example: u32,
    /// The longest other key with which this one begins.
    parent: Option<u32>,
    /// The first of its groups; the others follow, up to the next key's.
    first: usize,
}

/// Of these the routes that look at the same header or parameter for one certain value, sorted by it; or all that look
/// for none.
#[derive(Debug)]
struct Group {
    selects: bool,
    /// The first of its routes, as they count.
    earliest: u32,
    /// Where its entries begin; they end where the next group's begin.
    begin: usize,
}

impl Routes {
    pub(super) fn new(routes: Vec<Route>, rules: &[Rule]) -> Routes {
        let mut all =
            Routes { routes: routes.into(), sorted: Box::default(), keys: Box::default(), groups: Box::default() };
        all.sorted = all.sort(rules);
        (all.keys, all.groups) = all.cut(rules);
        all
    }

    /// Each route once, by the rarest of the values that it may be looked up by; the first of equally rare ones.
    fn sort(&self, rules: &[Rule]) -> Box<[Entry]> {
        let mut entries: Vec<Entry> = Vec::with_capacity(self.routes.len());
        for (position, route) in (0..).zip(&self.routes) {
            let before = entries.len();
            let conditions = block(rules, *route).into_iter().flat_map(Match::selectors);
            entries.extend(conditions.map(|condition| Entry { position, condition }));
            if entries.len() == before {
                entries.push(Entry { position, condition: u32::MAX });
            }
        }
        let place =
            |entry: Entry| Some((self.block(rules, entry.position)?.path_literal(), self.selector(rules, entry)));
        let compare = |a, b| match (entries.get(a), entries.get(b)) {
            (Some(a), Some(b)) => place(*a).cmp(&place(*b)),
            _ => Ordering::Equal,
        };
        let mut order = order::sorted_indices(entries.len(), &compare);
        if entries.len() > self.routes.len() {
            let mut chosen: Vec<(usize, usize)> = vec![(usize::MAX, usize::MAX); self.routes.len()];
            // Entries that share a value stand beside each other.
            for same in order.chunk_by(|a, b| compare(*a, *b) == Ordering::Equal) {
                for index in same {
                    let Some(entry) = entries.get(*index) else { continue };
                    if let Some(best) = chosen.get_mut(entry.position as usize) {
                        *best = (*best).min((same.len(), *index));
                    }
                }
            }
            order.retain(|index| {
                let entry = entries.get(*index);
                entry.and_then(|entry| chosen.get(entry.position as usize)).is_some_and(|(_, best)| best == index)
            });
        }
        order.into_iter().filter_map(|index| entries.get(index).copied()).collect()
    }

    /// Cuts the sorted entries into keys and groups.
    fn cut(&self, rules: &[Rule]) -> (Box<[Key]>, Box<[Group]>) {
        let (mut keys, mut groups): (Vec<Key>, Vec<Group>) = (Vec::new(), Vec::new());
        let mut before: Option<(&[u8], Option<Selector<'_>>)> = None;
        for (begin, entry) in (0..).zip(&self.sorted) {
            let Some(block) = self.block(rules, entry.position) else { continue };
            let (key, selector) = (block.path_literal(), self.selector(rules, *entry).map(|(selector, _)| selector));
            let new_key = before.is_none_or(|before| before.0 != key);
            if new_key {
                let parent = self.parent(rules, &keys, key);
                keys.push(Key { example: entry.position, parent, first: groups.len() });
            }
            if new_key || before.is_none_or(|before| before.1 != selector) {
                groups.push(Group { selects: selector.is_some(), earliest: entry.position, begin });
            }
            if let Some(group) = groups.last_mut() {
                group.earliest = group.earliest.min(entry.position);
            }
            before = Some((key, selector));
        }
        (keys.into(), groups.into())
    }

    /// The longest of the keys so far with which another begins, which comes after them all.
    fn parent(&self, rules: &[Rule], keys: &[Key], key: &[u8]) -> Option<u32> {
        let mut parent = last(keys.len());
        while let Some(above) = keys.get(parent? as usize) {
            if key.starts_with(self.literal(rules, above)) {
                break;
            }
            parent = above.parent;
        }
        parent
    }

    /// All routes, in their order.
    pub(super) fn list(&self) -> &[Route] {
        &self.routes
    }

    /// The position of the first route that holds.
    #[inline]
    pub(super) fn find(&self, rules: &[Rule], request: &Request<'_>) -> Option<u32> {
        let path = request.path();
        let (mut best, mut begins) = (u32::MAX, false);
        // Whatever the path begins with stands before it in order, and all that stands between the two begins so too:
        // the way up from the last key before the path passes every key that it begins with.
        let mut at = last(self.keys.partition_point(|key| self.literal(rules, key) <= path));
        while let Some(index) = at
            && let Some(key) = self.keys.get(index as usize)
        {
            begins = begins || path.starts_with(self.literal(rules, key));
            if begins {
                let end = self.keys.get(index as usize + 1).map_or(self.groups.len(), |next| next.first);
                (key.first..end).for_each(|group| self.try_group(rules, request, group, &mut best));
            }
            at = key.parent;
        }
        (best != u32::MAX).then_some(best)
    }

    /// Looks for a route before `best` in a group.
    #[inline]
    fn try_group(&self, rules: &[Rule], request: &Request<'_>, index: usize, best: &mut u32) {
        let Some(group) = self.groups.get(index).filter(|group| group.earliest < *best) else { return };
        let end = self.groups.get(index + 1).map_or(self.sorted.len(), |next| next.begin);
        let entries = self.sorted.get(group.begin..end).unwrap_or_default();
        if !group.selects {
            return self.try_in_order(rules, request, entries.iter(), best);
        }
        let wanted = |entry: &Entry| self.selector(rules, *entry);
        let Some((selector, _)) = entries.first().and_then(wanted) else { return };
        selector.values(request, |value| {
            let begin = entries.partition_point(|entry| wanted(entry).is_some_and(|(_, it)| it < value));
            let same = entries.get(begin..).unwrap_or_default().iter();
            let same = same.take_while(|entry| wanted(entry).is_some_and(|(_, it)| it == value));
            self.try_in_order(rules, request, same, best);
        });
    }

    #[inline]
    fn try_in_order<'e>(
        &self,
        rules: &[Rule],
        request: &Request<'_>,
        entries: impl Iterator<Item = &'e Entry>,
        best: &mut u32,
    ) {
        for &entry in entries {
            if entry.position >= *best {
                return;
            }
            if self.block(rules, entry.position).is_some_and(|block| block.holds(request)) {
                *best = entry.position;
                return;
            }
        }
    }

    #[inline]
    fn block<'r>(&self, rules: &'r [Rule], position: u32) -> Option<&'r Match> {
        block(rules, *self.routes.get(position as usize)?)
    }

    #[inline]
    fn selector<'r>(&self, rules: &'r [Rule], entry: Entry) -> Option<(Selector<'r>, &'r [u8])> {
        self.block(rules, entry.position)?.selector(entry.condition)
    }

    #[inline]
    fn literal<'r>(&self, rules: &'r [Rule], key: &Key) -> &'r [u8] {
        self.block(rules, key.example).map_or(&[], Match::path_literal)
    }
}

#[inline]
fn block(rules: &[Rule], (rule, matched): Route) -> Option<&Match> {
    rules.get(rule as usize)?.matches.get(matched as usize)
}

#[inline]
fn last(count: usize) -> Option<u32> {
    u32::try_from(count.checked_sub(1)?).ok()
}
