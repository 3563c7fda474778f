//! What two sets of resources have otherwise, in the resources' own words. Pure: two sets in, changes out.
//!
//! | room | what |
//! |---|---|
//! | `canon` | documents as they are compared |
//! | `fields` | field by field, where there are no better words |
//! | `lists` | which items of two lists are the same thing |
//! | `rules`, `pairs` | the rules of a VirtualService, and which of them are the same |
//! | `destinations`, `matching` | where requests go, and which do |
//! | `flow` | values in one line |

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;
use shared::load::Node;
use shared::model::Resources;
use shared::model::kinds::Whole;

mod canon;
mod destinations;
mod fields;
mod flow;
mod kinds;
mod lists;
mod matching;
mod pairs;
mod rules;

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was not there.
    Added,
    /// It is there no more.
    Removed,
    /// It is the same, and stands before or behind others than it did.
    Moved,
    /// It is there, and says something else.
    Changed,
}

/// A rule of a VirtualService, by its place in `spec.http` on either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleAt {
    /// Its index before; none of a new one.
    pub old: Option<usize>,
    /// Its index now; none of one that is gone.
    pub new: Option<usize>,
    /// Its name.
    pub name: Option<String>,
}

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct At {
    /// The file as it was named.
    pub file: Option<String>,
    /// The line from 1, or 0 when it is not known.
    pub line: u32,
}

/// One thing that is otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The resource's kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The rule, where it is about one.
    pub rule: Option<RuleAt>,
    /// What became of it.
    pub what: What,
    /// The field, as `spec.http[0].timeout`: where it is now, or was when it is gone. Empty for a whole resource.
    pub path: String,
    /// What it said; null for what was not there, and for a whole resource or rule.
    pub before: Value,
    /// What it says.
    pub after: Value,
    /// Where that stood.
    pub old: Option<At>,
    /// Where it stands.
    pub new: Option<At>,
    /// All of it in words.
    pub words: String,
}

/// One line: `` shop/web http[2]: new rule (uri prefix `/api`) -> api.shop ``.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject(), self.words)
    }
}

impl Change {
    /// What it is about: `shop/web http[1] "orders"`, `DestinationRule shop/reviews`.
    pub fn subject(&self) -> String {
        let name = flow::bare(&format!("{}/{}", self.namespace, self.name));
        let mut out = if self.kind == "VirtualService" { name } else { format!("{} {name}", flow::bare(&self.kind)) };
        if let Some(RuleAt { old, new, name }) = &self.rule {
            if let Some(index) = new.or(*old) {
                out.push_str(&format!(" http[{index}]"));
            }
            if let Some(name) = name {
                out.push_str(&format!(" \"{}\"", flow::bare(name)));
            }
            if let (Some(old), Some(new)) = (old, new)
                && old != new
                && self.what != What::Moved
            {
                out.push_str(&format!(" (http[{old}] before)"));
            }
        }
        out
    }
}

/// What is found out about one resource.
#[derive(Clone, Debug)]
struct Fact {
    rule: Option<RuleAt>,
    what: What,
    /// Where it was, and where it is.
    paths: (Option<String>, Option<String>),
    values: (Value, Value),
    words: String,
}

/// All that `new` has otherwise than `old`, resource by resource in the order of `new`; those that are gone come last.
pub fn changes(old: &Resources, new: &Resources) -> Vec<Change> {
    let (before, after) = (old.documents(), new.documents());
    let group = |it: &Whole<'_>| {
        let version = it.tree.text("apiVersion").unwrap_or_default();
        version.split_once('/').map_or(String::new(), |(group, _)| group.to_owned())
    };
    let key = |it: &Whole<'_>| (group(it), it.kind.to_owned(), it.namespace.to_owned(), it.name.to_owned());
    let mut known: HashMap<_, _> = before.iter().map(|it| (key(it), it)).collect();
    let mut out = Vec::new();
    for now in &after {
        let facts = match known.remove(&key(now)) {
            Some(was) if canon::identical(was.tree, now.tree) => continue,
            Some(was) => (Some(was), kinds::changed(was, now)),
            None => (None, kinds::whole(now, What::Added)),
        };
        out.extend(facts.1.into_iter().map(|fact| fact.placed(facts.0, Some(now))));
    }
    for was in before.iter().filter(|it| known.contains_key(&key(it))) {
        out.extend(kinds::whole(was, What::Removed).into_iter().map(|fact| fact.placed(Some(was), None)));
    }
    out
}

impl Fact {
    fn placed(self, old: Option<&Whole<'_>>, new: Option<&Whole<'_>>) -> Change {
        let Fact { rule, what, paths: (was, is), values: (before, after), words } = self;
        let at = |whole: Option<&Whole<'_>>, path: &Option<String>| {
            let (whole, path) = (whole?, path.as_ref()?);
            Some(At { file: whole.file.map(str::to_owned), line: mark(whole.tree, path) })
        };
        let (from, to) = (at(old, &was), at(new, &is));
        let [kind, namespace, name] =
            new.or(old).map_or([""; 3], |it| [it.kind, it.namespace, it.name]).map(str::to_owned);
        let path = is.or(was).unwrap_or_default();
        Change { kind, namespace, name, rule, what, path, before, after, old: from, new: to, words }
    }
}

fn mark(tree: &Node, path: &str) -> u32 {
    tree.mark_of(path).line
}

#[cfg(test)]
mod tests;
