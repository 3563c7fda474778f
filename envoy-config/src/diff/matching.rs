//! Which requests a rule takes, in words: `` uri prefix `/api`, headers `x` exact `1` ``.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::Field;
use super::{Fact, flow};

/// Fields of a match block whose values say how a text must be.
const TEXTS: &[&str] = &["uri", "method", "scheme", "authority"];
/// The same, of names that people give.
const NAMED: &[&str] = &["headers", "queryParams", "withoutHeaders"];
/// What a rule without a match asks for.
const ANY: &str = "any request";

/// A condition: what it looks at, and what it asks of that.
type Condition = (String, String);

/// What a rule asks for: its blocks in brackets.
pub(super) fn of(rule: &Value) -> String {
    match blocks(rule.get("match")) {
        [] => format!("({ANY})"),
        blocks => blocks.iter().map(block).collect::<Vec<_>>().join(" or "),
    }
}

fn blocks(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn block(block: &Value) -> String {
    let all: Vec<String> = conditions(block).iter().map(said).collect();
    if all.is_empty() { format!("({ANY})") } else { format!("({})", all.join(", ")) }
}

fn said((label, asked): &Condition) -> String {
    if asked.is_empty() { label.clone() } else { format!("{label} {asked}") }
}

fn conditions(block: &Value) -> Vec<Condition> {
    let mut all = Vec::new();
    for key in TEXTS {
        if let Some(value) = block.get(key) {
            let ignored = *key == "uri" && block.get("ignoreUriCase") == Some(&Value::Bool(true));
            let case = if ignored { " in any case" } else { "" };
            all.push(((*key).to_owned(), format!("{}{case}", text(value))));
        }
    }
    for key in NAMED {
        let entries = block.get(key).and_then(Value::as_object);
        all.extend(
            entries.into_iter().flatten().map(|(name, value)| (format!("{key} {}", flow::quoted(name)), text(value))),
        );
    }
    let entries = block.as_object();
    let known = |key: &str| TEXTS.contains(&key) || NAMED.contains(&key) || key == "ignoreUriCase";
    let others = entries.into_iter().flatten().filter(|(key, _)| !known(key));
    all.extend(others.map(|(key, value)| (flow::bare(key), flow::value(value))));
    all
}

/// `` prefix `/api` ``.
fn text(value: &Value) -> String {
    let entries = value.as_object().into_iter().flatten();
    let said: Vec<String> = entries
        .map(|(how, what)| {
            format!("{} {}", flow::bare(how), what.as_str().map_or_else(|| flow::value(what), flow::quoted))
        })
        .collect();
    if said.is_empty() { "present".to_owned() } else { said.join(" ") }
}

/// Compares the `match` of a rule.
pub(super) fn compare(field: &Field<'_>, out: &mut Vec<Fact>) {
    if field.old == field.new {
        return;
    }
    let (old, new) = (blocks(field.old), blocks(field.new));
    let (gone, added) = (without(old, new), without(new, old));
    let words = match (gone.as_slice(), added.as_slice()) {
        _ if old.is_empty() || new.is_empty() => {
            let list = |blocks: &[Value]| match blocks {
                [] => format!("({ANY})"),
                blocks => blocks.iter().map(block).collect::<Vec<_>>().join(" or "),
            };
            format!("match {} -> {}", list(old), list(new))
        }
        ([], []) => "match: the same in another order".to_owned(),
        ([was], [is]) => format!("match {}", within(was, is)),
        _ => {
            let added = added.iter().map(|it| format!("+ {}", block(it)));
            let gone = gone.iter().map(|it| format!("- {}", block(it)));
            format!("match {}", added.chain(gone).collect::<Vec<_>>().join(", "))
        }
    };
    out.push(field.fact(words));
}

fn without<'a>(blocks: &'a [Value], others: &[Value]) -> Vec<&'a Value> {
    blocks.iter().filter(|block| !others.contains(block)).collect()
}

/// What one block has otherwise than another.
fn within(old: &Value, new: &Value) -> String {
    let (was, is) = (conditions(old), conditions(new));
    let known: BTreeMap<&str, &str> = was.iter().map(|(label, asked)| (label.as_str(), asked.as_str())).collect();
    let kept: BTreeMap<&str, &str> = is.iter().map(|(label, asked)| (label.as_str(), asked.as_str())).collect();
    let mut words = Vec::new();
    for condition @ (label, asked) in &is {
        match known.get(label.as_str()) {
            Some(before) if before == asked => {}
            Some(before) => words.push(format!("{label} {before} -> {asked}")),
            None => words.push(format!("+ {}", said(condition))),
        }
    }
    words
        .extend(was.iter().filter(|(label, _)| !kept.contains_key(label.as_str())).map(|it| format!("- {}", said(it))));
    words.join(", ")
}

/// How much two rules' matches have in common, 0 to 4.
pub(super) fn likeness(old: &Value, new: &Value) -> u32 {
    let (was, is) = (blocks(old.get("match")), blocks(new.get("match")));
    let of = |a: &Value, b: &Value| {
        let (a, b) = (conditions(a), conditions(b));
        let same = a.iter().filter(|condition| b.contains(condition)).count();
        if same > 0 {
            return 2 + u32::from(same * 2 >= a.len().max(b.len()));
        }
        u32::from(a.iter().any(|(label, asked)| b.iter().any(|(other, it)| label == other && begins(asked, it))))
    };
    was.iter().take(4).flat_map(|a| is.iter().take(4).map(move |b| of(a, b))).max().unwrap_or(0)
}

/// Whether two conditions ask for values that begin alike: the same path segment behind `/`, say.
fn begins(a: &str, b: &str) -> bool {
    let value = |text: &str| text.split('`').nth(1).unwrap_or_default().to_owned();
    let (a, b) = (value(a), value(b));
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    same >= 3 && same * 2 >= a.len().max(b.len())
}
