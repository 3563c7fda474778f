//! A mesh without mistakes, and mistakes to be planted into it.

use integration::random::Random;
use serde_json::{Map, Value};

pub const BASE: &str = include_str!("base.yaml");

/// A mistake: what it is called, the kind that it is made in (or none, to add a document), where, and what stands there
/// then, as YAML; nothing to take away what stood there.
pub type Mistake = (&'static str, &'static str, &'static str, &'static str);

include!("rows.rs");

/// Makes a mistake in one of the documents; false where there is none of the kind.
pub fn plant((_, kind, place, text): &Mistake, documents: &mut Vec<Value>, random: &mut Random) -> bool {
    if kind.is_empty() {
        documents.push(serde_yaml::from_str(text).expect("mistakes are YAML"));
        return true;
    }
    let of_kind: Vec<usize> =
        documents.iter().enumerate().filter(|(_, one)| one["kind"] == *kind).map(|(index, _)| index).collect();
    if of_kind.is_empty() {
        return false;
    }
    let chosen = *random.pick(&of_kind);
    let mut at = &mut documents[chosen];
    let steps: Vec<&str> = place.split('/').collect();
    let (last, above) = steps.split_last().expect("a place");
    for step in above {
        at = match step.parse::<usize>() {
            Ok(index) => match at.get_mut(index) {
                Some(item) => item,
                None => return false,
            },
            Err(_) => {
                if at.is_null() {
                    *at = Value::Object(Map::new());
                }
                match at.as_object_mut() {
                    Some(map) => map.entry(step.replace('~', "/")).or_insert(Value::Null),
                    None => return false,
                }
            }
        };
    }
    let value: Option<Value> = (!text.is_empty()).then(|| serde_yaml::from_str(text).expect("mistakes are YAML"));
    let key = last.replace('~', "/");
    match (at, value) {
        (Value::Array(items), Some(value)) if key == "+" => items.push(value),
        (Value::Array(items), value) => match (key.parse::<usize>().ok().filter(|at| *at < items.len()), value) {
            (Some(index), Some(value)) => items[index] = value,
            (Some(index), None) => drop(items.remove(index)),
            (None, _) => return false,
        },
        (at, value) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            let Some(map) = at.as_object_mut() else { return false };
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
    }
    true
}
