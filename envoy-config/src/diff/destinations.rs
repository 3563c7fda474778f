//! Where requests go, in words: `reviews v1 90, v2 10`.

use serde_json::Value;
use shared::names;

use super::fields::{self, Field};
use super::{Fact, flow};

/// One of a rule's destinations.
struct To<'a> {
    index: usize,
    host: &'a str,
    /// By its full name.
    full: String,
    subset: &'a str,
    port: String,
    /// None where it is the only one, which takes everything.
    weight: Option<i64>,
}

/// The host of a destination or of a DestinationRule.
pub(super) fn host(value: &Value) -> String {
    value.get("host").and_then(Value::as_str).map_or_else(String::new, flow::bare)
}

/// A single destination: `reviews v1`, `api.shop:8080`.
pub(super) fn destination(value: &Value) -> String {
    let subset = value.get("subset").and_then(Value::as_str).filter(|it| !it.is_empty());
    let port = value.get("port").and_then(|port| port.get("number"));
    let port = port.map_or(String::new(), |port| format!(":{}", flow::value(port)));
    let subset = subset.map_or(String::new(), |subset| format!(" {}", flow::bare(subset)));
    format!("{}{port}{subset}", host(value))
}

/// Where a rule's requests go, after `-> `; nothing where it says none of this.
pub(super) fn action(rule: &Value) -> String {
    let text = |value: &Value, key: &str| value.get(key).map(flow::value);
    if let Some(redirect) = rule.get("redirect") {
        let [uri, authority] = ["uri", "authority"].map(|key| text(redirect, key).unwrap_or_default());
        let to = if redirect.get("uri").is_some() { uri } else { authority };
        return format!(" -> redirect {to}").trim_end().to_owned();
    }
    if let Some(direct) = rule.get("directResponse") {
        return format!(" -> {}", text(direct, "status").unwrap_or_default());
    }
    if let Some(delegate) = rule.get("delegate") {
        let name = ["namespace", "name"].iter().filter_map(|key| delegate.get(key)?.as_str()).map(flow::bare);
        return format!(" -> delegate {}", name.collect::<Vec<_>>().join("/"));
    }
    let all = tos(rule.get("route"), "");
    if all.is_empty() { String::new() } else { format!(" -> {}", list(&all)) }
}

fn tos<'a>(route: Option<&'a Value>, namespace: &str) -> Vec<To<'a>> {
    let items = route.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let single = items.len() == 1;
    let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let to = |(index, item): (usize, &'a Value)| {
        let destination = item.get("destination")?;
        let host = text(destination, "host");
        let port = destination.get("port").and_then(|port| port.get("number"));
        Some(To {
            index,
            host,
            full: names::resolve_host(host, namespace),
            subset: text(destination, "subset"),
            port: port.map_or(String::new(), |port| format!(":{port}")),
            weight: (!single).then(|| item.get("weight").and_then(Value::as_i64).unwrap_or(0)),
        })
    };
    items.iter().enumerate().filter_map(to).collect()
}

impl To<'_> {
    fn key(&self) -> (&str, &str, &str) {
        (&self.full, self.subset, &self.port)
    }

    /// What it is called beside another, whose host need not be said again.
    fn name(&self, said: &mut Option<String>) -> String {
        let host = format!("{}{}", flow::bare(self.host), self.port);
        let again = said.as_ref() == Some(&host) && !self.subset.is_empty();
        let name = match (again, self.subset.is_empty()) {
            (true, _) => flow::bare(self.subset),
            (false, true) => host.clone(),
            (false, false) => format!("{host} {}", flow::bare(self.subset)),
        };
        *said = Some(host);
        name
    }

    fn weight(&self) -> String {
        self.weight.map_or("all".to_owned(), |weight| weight.to_string())
    }
}

fn list(all: &[To<'_>]) -> String {
    let mut said = None;
    let name = |to: &To<'_>| {
        let weight = to.weight.map_or(String::new(), |weight| format!(" {weight}"));
        format!("{}{weight}", to.name(&mut said))
    };
    all.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Compares the `route` of a rule: who is there with which weight in one line, what else they say field by field.
pub(super) fn compare(field: &Field<'_>, namespace: &str, out: &mut Vec<Fact>) {
    let (old, new) = (tos(field.old, namespace), tos(field.new, namespace));
    let pairs = pairs(&old, &new);
    if let Some(words) = words(&old, &new, &pairs) {
        out.push(field.fact(words));
    }
    for (was, is) in pairs.iter().filter_map(|(was, is)| Some((old.get((*was)?)?, new.get((*is)?)?))) {
        let name = is.name(&mut None);
        let mut headers = field.item(Some(was.index), Some(is.index), String::new()).child("headers");
        headers.words = format!("{name} headers");
        fields::compare(&headers, out);
    }
}

type Pair = (Option<usize>, Option<usize>);

/// The same destinations belong together; twins in their order.
fn pairs(old: &[To<'_>], new: &[To<'_>]) -> Vec<Pair> {
    let mut taken = vec![false; old.len()];
    let mut pairs: Vec<Pair> = Vec::with_capacity(new.len());
    for (at, to) in new.iter().enumerate() {
        let same = old.iter().zip(&taken).position(|(it, taken)| !taken && it.key() == to.key());
        if let Some(taken) = same.and_then(|same| taken.get_mut(same)) {
            *taken = true;
        }
        pairs.push((same, Some(at)));
    }
    pairs.extend(taken.iter().enumerate().filter(|(_, taken)| !**taken).map(|(at, _)| (Some(at), None)));
    pairs
}

fn words(old: &[To<'_>], new: &[To<'_>], pairs: &[Pair]) -> Option<String> {
    let to = |(was, is): &Pair| (was.and_then(|at| old.get(at)), is.and_then(|at| new.get(at)));
    if let ([was], [is], [_, _]) = (old, new, pairs) {
        // One in the place of another.
        let mut said = None;
        return Some(format!("{} -> {}", was.name(&mut said), is.name(&mut None)));
    }
    if pairs.iter().map(to).all(|it| matches!(it, (Some(was), Some(is)) if was.weight == is.weight)) {
        return None;
    }
    let mut said = None;
    let word = |pair: &Pair| {
        Some(match to(pair) {
            (Some(was), Some(is)) if was.weight == is.weight => return None,
            (Some(was), Some(is)) => format!("{} {} -> {}", is.name(&mut said), was.weight(), is.weight()),
            (None, Some(is)) => format!("+ {} {}", is.name(&mut said), is.weight()),
            (Some(was), None) => format!("- {} {}", was.name(&mut said), was.weight()),
            (None, None) => return None,
        })
    };
    Some(pairs.iter().filter_map(word).collect::<Vec<_>>().join(", "))
}
