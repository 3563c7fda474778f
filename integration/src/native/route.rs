//! One rule as Envoy's routes, one a match block (istiod's `BuildHTTPRoutesForVirtualService` and `TranslateRoute`).

use envoy_config::Proxy;
use serde_json::{Map, Value, json};
use shared::model::http_route::{
    CorsPolicy, DerivePort, Destination, HttpBody, HttpDirectResponse, HttpMatchRequest, HttpRedirect, HttpRetry,
    HttpRoute, UnmatchedPreflights,
};
use shared::model::regex_rewrite::RegexRewrite;
use shared::model::{Port, Resource, StringMatch, VirtualService};
use shared::names;
use shared::registry::{MeshService, carries};

use super::operations::{Operations, append, operations};
use super::{fault, mirror, retry};

/// Where routes are made for.
pub struct Listener<'a> {
    /// Who the proxy is.
    pub proxy: &'a Proxy,
    /// The Gateway, or `mesh`.
    pub gateway: &'a str,
    /// The mesh's `defaultHttpRetryPolicy`.
    pub retries: Option<&'a HttpRetry>,
    /// The port that Istio sees.
    pub port: Port,
    /// Whether the Gateway's server has a `tls` block.
    pub tls: bool,
    /// The services that istiod looks at for destinations.
    pub lookup: &'a dyn Fn(&str) -> Option<MeshService>,
}

/// A route, and whether it takes everything in istiod's sense.
#[derive(Clone, Debug)]
pub struct Route {
    /// `envoy.config.route.v3.Route`.
    pub json: Value,
    /// `IsCatchAllRoute`.
    pub takes_everything: bool,
}

/// The routes of a VirtualService on a listener, up to the first that takes everything.
pub fn routes(service: &Resource<VirtualService>, listener: &Listener<'_>) -> Vec<Route> {
    let mut all = Vec::new();
    // Rows that come to a delegate are not asked here: istiod carries it out.
    for rule in service.spec.http.iter().filter(|rule| rule.delegate.is_none()) {
        if rule.r#match.is_empty() {
            all.push(translate(service, rule, None, listener));
            return all;
        }
        for block in rule.r#match.iter().filter(|block| applies(service, block, listener)) {
            let route = translate(service, rule, Some(block), listener);
            let last = route.takes_everything;
            all.push(route);
            if last {
                return all;
            }
        }
    }
    all
}

/// What is decided when the routes are written, and never looks at a request.
fn applies(service: &Resource<VirtualService>, block: &HttpMatchRequest, listener: &Listener<'_>) -> bool {
    if block.on_port().is_some_and(|port| port != listener.port) {
        return false;
    }
    if !block.gateways.is_empty() {
        let namespace = service.meta.namespace();
        return block.gateways.iter().any(|name| names::resolve_gateway(name, namespace) == listener.gateway);
    }
    let from = block.source_namespace.as_deref().unwrap_or_default();
    carries(&listener.proxy.labels.clone().into_iter().collect(), &block.source_labels)
        && (from.is_empty() || from == listener.proxy.namespace)
}

fn translate(
    service: &Resource<VirtualService>,
    rule: &HttpRoute,
    block: Option<&HttpMatchRequest>,
    listener: &Listener<'_>,
) -> Route {
    let mut name = rule.name.clone().unwrap_or_default();
    if let Some(matched) = block.and_then(|block| block.name.as_deref()).filter(|name| !name.is_empty()) {
        name = format!("{name}.{matched}");
    }
    let (matcher, takes_everything) = matcher(block);
    let mut route = json!({"name": name, "match": matcher});
    let own = operations(rule.headers.as_deref());
    if let Some(redirect) = &rule.redirect {
        // A code that Envoy cannot redirect with leaves a route without action, which Envoy refuses: no case has one.
        route["redirect"] = redirected(redirect, listener);
    } else if let Some(response) = &rule.direct_response {
        route["direct_response"] = direct(response);
    } else {
        route["route"] = routed(service, rule, &own, listener);
    }
    append(&mut route, &own);
    if let [only] = rule.route.as_slice()
        && rule.redirect.is_none()
        && rule.direct_response.is_none()
    {
        append(&mut route, &operations(only.headers.as_deref()));
    }
    if let Some(policy) = &rule.cors_policy {
        route["typed_per_filter_config"]["envoy.filters.http.cors"] = cors(policy);
    }
    if let Some(fault) = &rule.fault {
        route["typed_per_filter_config"]["envoy.filters.http.fault"] = fault::of(fault);
    }
    Route { json: route, takes_everything }
}

fn routed(service: &Resource<VirtualService>, rule: &HttpRoute, own: &Operations, listener: &Listener<'_>) -> Value {
    let timeout = rule.timeout.map_or_else(|| "0s".to_owned(), |timeout| retry::seconds(timeout.get()));
    let mut action = json!({"timeout": timeout, "max_grpc_timeout": timeout});
    let mut authority = own.authority.clone();
    if let Some(rewrite) = &rule.rewrite {
        if let Some(RegexRewrite(regex)) = &rewrite.uri_regex_rewrite {
            let pattern = json!({"regex": regex.pattern()});
            action["regex_rewrite"] = json!({"pattern": pattern, "substitution": regex.rewrite()});
        } else if let Some(uri) = rewrite.uri.as_deref().filter(|uri| !uri.is_empty()) {
            action["prefix_rewrite"] = json!(uri);
        }
        let rewritten = rewrite.authority.as_deref().filter(|authority| !authority.is_empty());
        authority = rewritten.map(str::to_owned).or(authority);
    }
    let cluster = |destination: &Destination| cluster(destination, service.meta.namespace(), listener);
    if let [only] = rule.route.as_slice() {
        action["cluster"] = json!(cluster(&only.destination));
        authority = authority.or_else(|| operations(only.headers.as_deref()).authority);
    } else {
        let weighted = rule.route.iter().filter_map(|one| {
            let weight = one.weight.map(|weight| weight.0).filter(|weight| *weight > 0)?;
            let operations = operations(one.headers.as_deref());
            let mut json = json!({"name": cluster(&one.destination), "weight": weight});
            append(&mut json, &operations);
            if let Some(authority) = &operations.authority {
                json["host_rewrite_literal"] = json!(authority);
            }
            Some(json)
        });
        action["weighted_clusters"] = json!({"clusters": weighted.collect::<Vec<_>>()});
    }
    if let Some(authority) = authority {
        action["host_rewrite_literal"] = json!(authority);
    }
    if let Some(policy) = retry::of(rule.retries.as_deref().or(listener.retries)) {
        action["retry_policy"] = policy;
    }
    let mirrors = mirror::policies(rule, cluster);
    if !mirrors.is_empty() {
        action["request_mirror_policies"] = json!(mirrors);
    }
    action
}

/// istiod's `GetDestinationCluster`.
fn cluster(destination: &Destination, namespace: &str, listener: &Listener<'_>) -> String {
    let host = names::resolve_host(&destination.host, namespace);
    let service = (listener.lookup)(&host);
    let only = || service.as_ref().and_then(|service| service.only_port_for(namespace));
    let port = destination.port.as_ref().map(|port| port.number).or_else(only).unwrap_or(listener.port);
    let host = service.as_ref().and_then(|service| service.external_name.clone()).unwrap_or(host);
    names::cluster(port.get(), destination.subset.as_deref().unwrap_or_default(), &host)
}

/// The match, and whether it takes everything.
fn matcher(block: Option<&HttpMatchRequest>) -> (Value, bool) {
    let Some(block) = block else { return (json!({"prefix": "/"}), true) };
    let mut json = Map::new();
    let (field, value) = match &block.uri {
        None | Some(StringMatch::Present) => ("prefix", json!("/")),
        Some(StringMatch::Exact(path)) => ("path", json!(path)),
        Some(StringMatch::Prefix(prefix)) => ("prefix", json!(prefix)),
        Some(StringMatch::Regex(regex)) => ("safe_regex", json!({"regex": regex.pattern()})),
    };
    let any_path = (field == "prefix" && value == "/") || (field == "safe_regex" && value["regex"] == ".*");
    json.insert(field.to_owned(), value);
    json.insert("case_sensitive".to_owned(), json!(!block.ignore_uri_case));

    let mut headers: Vec<Value> = block.headers.iter().map(|(name, text)| header(name, text)).collect();
    headers.extend(block.without_headers.iter().map(|(name, text)| {
        let mut json = header(name, &text.0);
        json["invert_match"] = json!(true);
        if text.0 != StringMatch::Present {
            json["treat_missing_header_as_empty"] = json!(true);
        }
        json
    }));
    let pseudo = [(":method", &block.method), (":authority", &block.authority), (":scheme", &block.scheme)];
    headers.extend(pseudo.into_iter().filter_map(|(name, text)| Some(header(name, text.as_ref()?))));
    let parameters: Vec<Value> = block.query_params.iter().map(|(name, text)| header(name, text)).collect();

    let takes_everything = any_path && headers.is_empty() && parameters.is_empty();
    json.insert("headers".to_owned(), json!(headers));
    json.insert("query_parameters".to_owned(), json!(parameters));
    (Value::Object(json), takes_everything)
}

/// A `HeaderMatcher`, which a `QueryParameterMatcher` looks alike.
fn header(name: &str, text: &StringMatch) -> Value {
    match string(text) {
        Some(text) => json!({"name": name, "string_match": text}),
        None => json!({"name": name, "present_match": true}),
    }
}

fn string(text: &StringMatch) -> Option<Value> {
    match text {
        StringMatch::Exact(text) => Some(json!({"exact": text})),
        StringMatch::Prefix(text) => Some(json!({"prefix": text})),
        StringMatch::Regex(regex) => Some(json!({"safe_regex": {"regex": regex.pattern()}})),
        StringMatch::Present => None,
    }
}

/// istiod's `ApplyRedirect`.
fn redirected(redirect: &HttpRedirect, listener: &Listener<'_>) -> Value {
    let mut json = json!({"host_redirect": redirect.authority.as_deref().unwrap_or_default()});
    match redirect.prefix_rewrite.as_deref().filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => json["prefix_rewrite"] = json!(prefix),
        None => json["path_redirect"] = json!(redirect.uri.as_deref().unwrap_or_default()),
    }
    let scheme = redirect.scheme.as_deref().filter(|scheme| !scheme.is_empty());
    if let Some(scheme) = scheme {
        json["scheme_redirect"] = json!(scheme);
    }
    let derived = (redirect.derive_port == Some(DerivePort::FromRequestPort)).then_some(listener.port);
    if let Some(port) = redirect.port.map_or(derived, |port| port.0) {
        let goes_without_saying = match scheme.unwrap_or(if listener.tls { "https" } else { "http" }) {
            "https" => port.get() == 443,
            _ => port.get() == 80,
        };
        json["port_redirect"] = json!(if goes_without_saying { 0 } else { port.get() });
    }
    json["response_code"] = json!(match redirect.redirect_code {
        None | Some(0 | 301) => "MOVED_PERMANENTLY",
        Some(302) => "FOUND",
        Some(303) => "SEE_OTHER",
        Some(307) => "TEMPORARY_REDIRECT",
        Some(308) => "PERMANENT_REDIRECT",
        Some(code) => panic!("Envoy cannot redirect with {code}"),
    });
    json
}

fn direct(response: &HttpDirectResponse) -> Value {
    let mut json = json!({"status": response.status});
    match &response.body {
        Some(HttpBody { string: Some(text), .. }) => json["body"] = json!({"inline_string": text}),
        Some(HttpBody { bytes: Some(bytes), .. }) => {
            let text = std::str::from_utf8(&bytes.0).expect("cases have text in bodies");
            json["body"] = json!({"inline_string": text});
        }
        _ => {}
    }
    json
}

/// istiod's `TranslateCORSPolicy`.
fn cors(policy: &CorsPolicy) -> Value {
    let exact = || policy.allow_origin.iter().map(|origin| json!({"exact": origin})).collect();
    let matchers: Vec<Value> = policy.allow_origins.iter().filter_map(string).collect();
    let origins: Vec<Value> = if policy.allow_origins.is_empty() { exact() } else { matchers };
    let mut json = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
        "forward_not_matching_preflights": policy.unmatched_preflights != Some(UnmatchedPreflights::Ignore),
        "allow_origin_string_match": origins,
        "filter_enabled": {"default_value": {"numerator": 100, "denominator": "HUNDRED"}},
        "allow_methods": policy.allow_methods.join(","),
        "allow_headers": policy.allow_headers.join(","),
        "expose_headers": policy.expose_headers.join(","),
    });
    if let Some(credentials) = policy.allow_credentials {
        json["allow_credentials"] = json!(credentials);
    }
    if let Some(age) = policy.max_age {
        json["max_age"] = json!(age.0.as_secs().to_string());
    }
    json
}
