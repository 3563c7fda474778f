//! Which rules of two lists are the same one: by name, by all that they say, by their match, by likeness; and which of
//! them have moved, since their order decides.

use std::collections::HashMap;

use serde_json::Value;

use super::matching;

/// A rule on either side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) old: Option<usize>,
    pub(super) new: Option<usize>,
    /// Whether it has changed places with others that are still there.
    pub(super) moved: bool,
}

/// Likeness is looked for among so many pairs of rules at most.
const MOST: usize = 1 << 16;
/// Rules that are less alike are others.
const ALIKE: u32 = 3;

struct Pairing {
    /// Of each old rule the new one.
    old: Vec<Option<usize>>,
    /// Of each new rule the old one.
    new: Vec<Option<usize>>,
}

/// Pairs rules: those of `new` in their order, then what is gone.
pub(super) fn pairs(old: &[Value], new: &[Value]) -> Vec<Pair> {
    let mut pairing = Pairing { old: vec![None; old.len()], new: vec![None; new.len()] };
    let name = |rule: &Value| rule.get("name").and_then(Value::as_str).map(str::to_owned);
    pairing.by(old, new, true, name);
    let but_name = |rule: &Value| Some(without(rule, &["name"]));
    pairing.by(old, new, false, but_name);
    let asked = |rule: &Value| Some(rule.get("match").map_or(String::new(), Value::to_string));
    pairing.by(old, new, false, asked);
    pairing.by(old, new, true, |rule| Some(without(rule, &["name", "match"])));
    pairing.by_likeness(old, new);
    let stays = longest_in_order(&pairing.new);
    let is = |(at, old): (usize, &Option<usize>)| Pair {
        old: *old,
        new: Some(at),
        moved: old.is_some() && !stays.get(at).copied().unwrap_or(true),
    };
    let mut all: Vec<Pair> = pairing.new.iter().enumerate().map(is).collect();
    let gone = pairing.old.iter().enumerate().filter(|(_, new)| new.is_none());
    all.extend(gone.map(|(at, _)| Pair { old: Some(at), new: None, moved: false }));
    all
}

/// What a rule says beside these fields.
fn without(rule: &Value, fields: &[&str]) -> String {
    let entries = rule.as_object().into_iter().flatten().filter(|(key, _)| !fields.contains(&key.as_str()));
    entries.fold(String::new(), |out, (key, value)| format!("{out}{key}:{value},"))
}

impl Pairing {
    /// Pairs rules with the same key, the first with the first; where it must be `alone`, keys that just one rule has on
    /// either side.
    fn by(&mut self, old: &[Value], new: &[Value], alone: bool, key: impl Fn(&Value) -> Option<String>) {
        let left = |rules: &[Value], taken: &[Option<usize>]| {
            let mut places: HashMap<String, Vec<usize>> = HashMap::new();
            for (at, rule) in rules.iter().enumerate() {
                if taken.get(at).is_some_and(Option::is_none)
                    && let Some(key) = key(rule)
                {
                    places.entry(key).or_default().push(at);
                }
            }
            places
        };
        let (was, is) = (left(old, &self.old), left(new, &self.new));
        for (key, places) in is {
            let Some(others) = was.get(&key) else { continue };
            if alone && (places.len(), others.len()) != (1, 1) {
                continue;
            }
            others.iter().zip(places).for_each(|(old, new)| self.pair(*old, new));
        }
    }

    fn pair(&mut self, old: usize, new: usize) {
        if let (Some(was), Some(is)) = (self.old.get_mut(old), self.new.get_mut(new)) {
            (*was, *is) = (Some(new), Some(old));
        }
    }

    /// Pairs what is left and alike, the most alike first.
    fn by_likeness(&mut self, old: &[Value], new: &[Value]) {
        let left = |taken: &[Option<usize>]| -> Vec<usize> {
            taken.iter().enumerate().filter(|(_, pair)| pair.is_none()).map(|(at, _)| at).collect()
        };
        let (was, is) = (left(&self.old), left(&self.new));
        if was.len().saturating_mul(is.len()) > MOST {
            return;
        }
        let mut all = Vec::new();
        for &a in &was {
            for &b in &is {
                let alike = old.get(a).zip(new.get(b)).map_or(0, |(a, b)| likeness(a, b));
                if alike >= ALIKE {
                    all.push((std::cmp::Reverse(alike), a.abs_diff(b), a, b));
                }
            }
        }
        all.sort_unstable();
        for (_, _, a, b) in all {
            if self.old.get(a) == Some(&None) && self.new.get(b) == Some(&None) {
                self.pair(a, b);
            }
        }
    }
}

fn likeness(old: &Value, new: &Value) -> u32 {
    let fields = ["name", "match"];
    let action = if without(old, &fields) == without(new, &fields) {
        4
    } else if hosts(old) == hosts(new) {
        2
    } else {
        0
    };
    action + matching::likeness(old, new)
}

/// What a rule is about, more or less: who answers.
fn hosts(rule: &Value) -> Vec<String> {
    let route = rule.get("route").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<String> =
        route.iter().filter_map(|it| Some(it.get("destination")?.get("host")?.to_string())).collect();
    let others = ["redirect", "directResponse", "delegate"];
    all.extend(others.iter().filter(|key| rule.get(**key).is_some()).map(|key| (*key).to_owned()));
    all.sort();
    all.dedup();
    all
}

/// For each place of `new` whether its rule is one of the longest run of rules that keep their order.
fn longest_in_order(new: &[Option<usize>]) -> Vec<bool> {
    let mut tails: Vec<(usize, usize)> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; new.len()];
    for (at, old) in new.iter().enumerate().filter_map(|(at, old)| Some((at, (*old)?))) {
        let length = tails.partition_point(|(tail, _)| *tail < old);
        if let Some(link) = before.get_mut(at) {
            *link = length.checked_sub(1).and_then(|length| tails.get(length)).map(|(_, at)| *at);
        }
        match tails.get_mut(length) {
            Some(tail) => *tail = (old, at),
            None => tails.push((old, at)),
        }
    }
    let mut stays = vec![false; new.len()];
    let mut next = tails.last().map(|(_, at)| *at);
    while let Some(at) = next {
        if let Some(stays) = stays.get_mut(at) {
            *stays = true;
        }
        next = before.get(at).copied().flatten();
    }
    stays
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rule(name: Option<&str>, prefix: &str, host: &str) -> Value {
        let mut rule = json!({"match": [{"uri": {"prefix": prefix}}], "route": [{"destination": {"host": host}}]});
        if let Some(name) = name {
            rule["name"] = name.into();
        }
        rule
    }

    fn paired(old: &[Value], new: &[Value]) -> Vec<(Option<usize>, Option<usize>, bool)> {
        pairs(old, new).into_iter().map(|pair| (pair.old, pair.new, pair.moved)).collect()
    }

    #[test]
    fn a_name_counts_more_than_what_is_said() {
        let old = [rule(Some("a"), "/a", "x"), rule(Some("b"), "/b", "x")];
        let new = [rule(Some("b"), "/a", "x"), rule(Some("a"), "/c", "y")];
        // Both are there, and have changed places; one of the two has moved past the other.
        let pairs = paired(&old, &new);
        assert_eq!((pairs[0].0, pairs[1].0), (Some(1), Some(0)));
        assert_eq!(pairs.iter().filter(|pair| pair.2).count(), 1);
    }

    #[test]
    fn a_rule_that_goes_in_between_moves_nobody() {
        let old = [rule(None, "/a", "x"), rule(None, "/b", "x"), rule(None, "/", "y")];
        let new = [rule(None, "/new", "z"), old[0].clone(), old[1].clone(), old[2].clone()];
        assert_eq!(
            paired(&old, &new),
            [(None, Some(0), false), (Some(0), Some(1), false), (Some(1), Some(2), false), (Some(2), Some(3), false)]
        );
    }

    #[test]
    fn one_that_goes_to_the_front_has_moved_and_the_others_have_not() {
        let old: Vec<Value> = ["/a", "/b", "/c", "/d"].iter().map(|prefix| rule(None, prefix, prefix)).collect();
        let new = [old[3].clone(), old[0].clone(), old[1].clone(), old[2].clone()];
        assert_eq!(
            paired(&old, &new),
            [(Some(3), Some(0), true), (Some(0), Some(1), false), (Some(1), Some(2), false), (Some(2), Some(3), false)]
        );
    }

    #[test]
    fn what_has_nothing_in_common_is_another_rule() {
        let old = [rule(None, "/orders", "orders")];
        let new = [rule(None, "/carts", "carts")];
        assert_eq!(paired(&old, &new), [(None, Some(0), false), (Some(0), None, false)]);
        // The same requests, somewhere else: by its match; the same place, other requests: by its action.
        assert_eq!(paired(&old, &[rule(None, "/orders", "carts")]), [(Some(0), Some(0), false)]);
        assert_eq!(paired(&old, &[rule(None, "/carts", "orders")]), [(Some(0), Some(0), false)]);
    }

    #[test]
    fn the_longest_run_in_order_stays() {
        let stays = longest_in_order(&[Some(4), Some(0), None, Some(1), Some(3), Some(2)]);
        assert_eq!(stays.iter().filter(|stays| **stays).count(), 3);
        assert!(stays[1] && stays[3] && !stays[0] && !stays[2]);
    }
}
