//! What Envoy takes as a format string, asked of Envoy itself: the table that the parser of the core is held to
//! (`shared/tests/formats.txt`), and what becomes of the same bytes in the other fields that a route can write.

use integration::envoy::Envoy;
use serde_json::{Value, json};

/// `+` taken by all versions that are supported, `-` by none, `?` by some.
const TABLE: &str = include_str!("../../shared/tests/formats.txt");

fn bootstrap(route: &Value) -> Value {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "formats",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
        }],
    });
    let address = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
    let filters = json!([{"name": "http", "typed_config": manager}]);
    json!({"static_resources": {"listeners": [{"address": address, "filter_chains": [{"filters": filters}]}]}})
}

fn with_values<'v>(values: impl Iterator<Item = &'v str>) -> Value {
    let header = |value: &str| json!({"header": {"key": "x-value", "value": value}});
    let headers: Vec<Value> = values.map(header).collect();
    bootstrap(&json!({
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "request_headers_to_add": headers,
        "response_headers_to_add": headers,
    }))
}

fn rows(mark: &str) -> impl Iterator<Item = &'static str> {
    TABLE.lines().filter_map(move |row| row.strip_prefix(mark)?.strip_prefix(' '))
}

/// All at once, since Envoy would name the first that it does not take.
#[test]
fn envoy_takes_what_the_table_says() {
    assert_eq!(Envoy::validate(&with_values(rows("+"))), Ok(()));
    assert!(rows("+").count() > 200 && rows("?").count() > 20);
}

/// One by one, since Envoy stops at the first.
#[test]
fn envoy_refuses_what_the_table_says() {
    let refused: Vec<&str> = rows("-").collect();
    assert!(refused.len() > 100, "{}", refused.len());
    for value in refused {
        let validated = Envoy::validate(&with_values([value].into_iter()));
        assert!(validated.is_err(), "Envoy takes `{value}`");
    }
}

/// The fields that hold a `Line` in the model, and the bytes that end one.
#[test]
fn envoy_refuses_what_ends_a_header() {
    let route = |field: &str, value: &str| match field.split_once('.') {
        Some(("redirect", name)) => json!({"match": {"prefix": "/"}, "redirect": {name: value}}),
        Some((_, "substitution")) => json!({
            "match": {"prefix": "/"},
            "route": {"cluster_header": "x", "regex_rewrite": {"pattern": {"regex": "a"}, "substitution": value}},
        }),
        Some((_, name)) => json!({"match": {"prefix": "/"}, "route": {"cluster_header": "x", name: value}}),
        None => json!(null),
    };
    for field in [
        "redirect.path_redirect",
        "redirect.prefix_rewrite",
        "redirect.host_redirect",
        "route.prefix_rewrite",
        "route.host_rewrite_literal",
        "route.substitution",
    ] {
        assert_eq!(Envoy::validate(&bootstrap(&route(field, "/a\tb\u{1}\u{7f}ä"))), Ok(()), "{field}");
        for end in ["\r", "\n", "\0"] {
            let validated = Envoy::validate(&bootstrap(&route(field, &format!("/a{end}b"))));
            assert!(validated.is_err(), "{field} takes {end:?}");
        }
    }
}
