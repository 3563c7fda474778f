//! The rules of a VirtualService.

use serde_json::Value;

use super::fields::{self, Field};
use super::pairs::{Pair, pairs};
use super::{Fact, RuleAt, What, destinations, matching};

/// Compares the `spec` of two VirtualServices: the rules last.
pub(super) fn virtual_service(field: &Field<'_>, namespace: &str, out: &mut Vec<Fact>) {
    for key in field.keys().into_iter().filter(|key| *key != "http") {
        match key {
            "gateways" => gateways(&field.child(key), out),
            _ => fields::compare(&field.child(key), out),
        }
    }
    let http = field.child("http");
    if http.old == http.new {
        return;
    }
    let rules = |value: Option<&'_ Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let (old, new) = (rules(http.old), rules(http.new));
    for pair in pairs(&old, &new) {
        rule(&http, pair, namespace, out);
    }
}

/// None are the mesh.
fn gateways(field: &Field<'_>, out: &mut Vec<Fact>) {
    let mesh = Value::Array(vec![Value::from("mesh")]);
    let there = |value: Option<&Value>| value.unwrap_or(&mesh).clone();
    let (old, new) = (there(field.old), there(field.new));
    fields::compare(&Field { old: Some(&old), new: Some(&new), ..field.clone() }, out);
}

fn rule(http: &Field<'_>, pair: Pair, namespace: &str, out: &mut Vec<Fact>) {
    let get = |value: Option<&'_ Value>, at: Option<usize>| value.and_then(|it| it.get(at?)).cloned();
    let (was, is) = (get(http.old, pair.old), get(http.new, pair.new));
    let name = |rule: &Option<Value>| rule.as_ref().and_then(|it| it.get("name")?.as_str()).map(str::to_owned);
    let at = RuleAt { old: pair.old, new: pair.new, name: name(&is).or_else(|| name(&was)) };
    let path = |path: &str, at: Option<usize>| at.map_or(String::new(), |at| format!("{path}[{at}]"));
    let field = Field {
        old: was.as_ref(),
        new: is.as_ref(),
        paths: (path(&http.paths.0, pair.old), path(&http.paths.1, pair.new)),
        words: String::new(),
        rule: Some(&at),
    };
    let bare = |fact: Fact, what| Fact { what, values: (Value::Null, Value::Null), ..fact };
    match (&was, &is) {
        (None, Some(rule)) => {
            let words = format!("new rule {}{}", matching::of(rule), destinations::action(rule));
            out.push(bare(field.fact(words), What::Added));
        }
        (Some(rule), None) => {
            let words = format!("rule removed {}{}", matching::of(rule), destinations::action(rule));
            out.push(bare(field.fact(words), What::Removed));
        }
        _ => {
            if let (true, Some(old), Some(new)) = (pair.moved, pair.old, pair.new) {
                let way = if new < old { "up" } else { "down" };
                out.push(bare(field.fact(format!("moved {way} from http[{old}]")), What::Moved));
            }
            inside(&field, namespace, out);
        }
    }
}

/// What a rule that is on both sides has otherwise: which requests, where to, and all the rest.
fn inside(field: &Field<'_>, namespace: &str, out: &mut Vec<Fact>) {
    matching::compare(&field.child("match"), out);
    let route = field.child("route");
    if route.old != route.new {
        destinations::compare(&route, namespace, out);
    }
    let rest = field.keys().into_iter().filter(|key| !["match", "route"].contains(key));
    rest.for_each(|key| fields::compare(&field.child(key), out));
}
