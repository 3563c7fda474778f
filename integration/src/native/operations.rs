//! Header operations as Envoy's lists (istiod's `TranslateHeadersOperations`).

use serde_json::{Value, json};
use shared::model::format::Template;
use shared::model::http_route::{HeaderOperations, Headers};

/// What the header operations of a rule or a destination come to.
#[derive(Default)]
pub struct Operations {
    /// By the name of Envoy's field.
    lists: Vec<(&'static str, Vec<Value>)>,
    /// What `set` or `add` of `host` or `:authority` asks for.
    pub authority: Option<String>,
}

/// Translates.
pub fn operations(headers: Option<&Headers>) -> Operations {
    let Some(headers) = headers else { return Operations::default() };
    let (request, response) = (headers.request.as_ref(), headers.response.as_ref());
    let authority = |list: &shared::Map<Template>| {
        let found = list.iter().find(|(name, _)| is_authority(name));
        found.map(|(_, value)| value.text().to_owned()).filter(|value| !value.is_empty())
    };
    Operations {
        lists: vec![
            ("request_headers_to_add", added(request)),
            ("request_headers_to_remove", removed(request)),
            ("response_headers_to_add", added(response)),
            ("response_headers_to_remove", removed(response)),
        ],
        authority: request.and_then(|request| authority(&request.set).or_else(|| authority(&request.add))),
    }
}

/// Puts operations behind those that a route, or a weighted cluster, has already.
pub fn append(target: &mut Value, operations: &Operations) {
    for (field, list) in operations.lists.iter().filter(|(_, list)| !list.is_empty()) {
        match &mut target[*field] {
            Value::Array(there) => there.extend(list.iter().cloned()),
            empty => *empty = json!(list),
        }
    }
}

/// Everything that is set, by name, then everything that is added, by name.
fn added(operations: Option<&HeaderOperations>) -> Vec<Value> {
    let Some(operations) = operations else { return Vec::new() };
    let list = |map: &shared::Map<Template>, action: &str| -> Vec<Value> {
        let ours = map.iter().filter(|(name, _)| !is_internal(name));
        let header = |name: &String, value: &Template| json!({"key": name, "value": value.text()});
        ours.map(|(name, value)| json!({"header": header(name, value), "append_action": action})).collect()
    };
    let mut all = list(&operations.set, "OVERWRITE_IF_EXISTS_OR_ADD");
    all.extend(list(&operations.add, "APPEND_IF_EXISTS_OR_ADD"));
    all
}

fn removed(operations: Option<&HeaderOperations>) -> Vec<Value> {
    let names = operations.into_iter().flat_map(|operations| &operations.remove);
    names.filter(|name| !is_internal(name)).map(|name| json!(name)).collect()
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}
