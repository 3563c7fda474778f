//! A request that a listener answers as its resources say: for people to try, as a line for `curl`.

use std::collections::BTreeSet;
use std::fmt::Write;

use shared::decide::{self, Found, Request, Untraced};
use shared::model::http_route::HttpMatchRequest;
use shared::model::values::StringMatch;
use shared::model::{Resource, Resources, VirtualService};
use shared::names::{DOMAIN, HTTP_PORT};
use shared::plan::guard::Detector;
use shared::plan::{self, Plan};
use shared::registry::{Registry, View};

use crate::cluster::Cluster;
use crate::listener::Front;

/// How many requests are thought of; the first VirtualServices of a large set are as good as the last.
const MOST: usize = 500;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    method: String,
    /// Nothing where any host will do.
    host: Option<String>,
    path: String,
    headers: Vec<(String, String)>,
}

/// How good an answer is to look at, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    /// Of an endpoint.
    Endpoint,
    /// Of an endpoint, as long as no fault comes between.
    MaybeFault,
    /// A redirect, or what the rule has for an answer.
    Rule,
    /// 503, as there is nobody to ask.
    Nobody,
}

/// The request that shows most of what `front` serves; nothing where no rule is known to take one.
pub fn example(set: &Resources, front: &Front, clusters: &[Cluster]) -> Option<Example> {
    let plan = Plan::build(set, &plan::Proxy::from(&front.proxy), Detector::Envoy, 0);
    let answering = clusters.iter().filter(|it| it.load_assignment.is_none() || it.endpoints().next().is_some());
    let answering: BTreeSet<&str> = answering.map(|cluster| cluster.name.as_str()).collect();
    let mut best: Option<(Answer, Example)> = None;
    for example in thought_of(set, front).into_iter().take(MOST) {
        let Some(answer) = example.answer(&plan, &answering) else { continue };
        if best.as_ref().is_none_or(|(best, _)| answer < *best) {
            best = Some((answer, example));
        }
        if answer == Answer::Endpoint {
            break;
        }
    }
    best.map(|(_, example)| example)
}

/// Requests that may be taken: one for each match of each VirtualService with each host, then one for each service.
fn thought_of(set: &Resources, front: &Front) -> Vec<Example> {
    let mut all = Vec::new();
    let registry = Registry::of(set, View::of_sidecar(&front.proxy.namespace));
    for service in &set.virtual_services {
        for host in hosts(set, front, &registry, service) {
            for rule in &service.spec.http {
                match rule.r#match.as_slice() {
                    [] => all.push(Example::get(host.clone(), "/")),
                    blocks => all.extend(blocks.iter().filter_map(|block| Example::matching(host.clone(), block))),
                }
            }
        }
        if all.len() > MOST {
            return all;
        }
    }
    if front.edge {
        return all;
    }
    for service in registry.iter().filter(|it| !it.host.starts_with('*')) {
        let named = |port: &shared::registry::MeshPort| {
            Example::get(Some(authority(&service.host, &front.proxy.namespace, port.number.get())), "/")
        };
        all.extend(service.routed_ports().map(named));
    }
    all
}

/// The hosts under which a VirtualService may be asked there; nothing is any.
pub(crate) fn hosts(
    set: &Resources,
    front: &Front,
    registry: &Registry,
    service: &Resource<VirtualService>,
) -> Vec<Option<String>> {
    let (hosts, namespace) = (&service.spec.hosts, service.meta.namespace());
    let own = |pattern: &str| match pattern.strip_prefix("*.") {
        Some(suffix) => Some(format!("www.{suffix}")),
        None => Some(pattern.to_owned()).filter(|it| !it.contains('*')),
    };
    if front.edge {
        let gateways = set.gateways.iter().filter(|it| front.proxy.gateways.contains(&it.meta.full_name()));
        let servers = gateways.flat_map(|it| &it.spec.servers).flat_map(|it| &it.hosts);
        let served: Vec<&str> = servers.map(|it| it.split_once('/').map_or(it.as_str(), |(_, host)| host)).collect();
        let mut all: Vec<_> = hosts.iter().map(|host| own(host)).collect();
        // What takes every host takes those of the Gateway, and a VirtualService may name one of a Gateway's many.
        all.extend(served.iter().map(|host| own(host)).filter(|_| hosts.iter().any(|host| host == "*")));
        return all;
    }
    let name = |host: &String| {
        let full = shared::names::resolve_host(host, namespace);
        let ports: Vec<u16> = registry.get(&full).map_or_else(
            || vec![HTTP_PORT.get()],
            |service| service.routed_ports().map(|port| port.number.get()).collect(),
        );
        let full = own(&full);
        ports.into_iter().filter_map(move |port| Some(authority(full.as_ref()?, &front.proxy.namespace, port)))
    };
    hosts.iter().flat_map(name).map(Some).collect()
}

/// As somebody in `namespace` calls a service.
pub(crate) fn authority(host: &str, namespace: &str, port: u16) -> String {
    let short = host.strip_suffix(&format!(".svc.{DOMAIN}")).unwrap_or(host);
    let short = short.strip_suffix(&format!(".{namespace}")).filter(|_| short.len() < host.len()).unwrap_or(short);
    if port == HTTP_PORT.get() { short.to_owned() } else { format!("{short}:{port}") }
}

impl Example {
    fn get(host: Option<String>, path: &str) -> Example {
        Example { method: "GET".to_owned(), host, path: path.to_owned(), headers: Vec::new() }
    }

    /// A request that a match block asks for; nothing where that takes a regular expression to think of.
    fn matching(host: Option<String>, block: &HttpMatchRequest) -> Option<Example> {
        let text = |wanted: &StringMatch| match wanted {
            StringMatch::Exact(text) | StringMatch::Prefix(text) => Some(text.clone()),
            StringMatch::Present => Some("x".to_owned()),
            StringMatch::Regex(_) => None,
        };
        let asked = |wanted: &Option<StringMatch>, otherwise: &str| match wanted {
            Some(wanted) => text(wanted),
            None => Some(otherwise.to_owned()),
        };
        let host = match &block.authority {
            Some(authority) => Some(text(authority)?),
            None => host,
        };
        let mut path = asked(&block.uri, "/")?;
        for (at, (name, value)) in block.query_params.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(path, "{}{name}={}", if at == 0 { '?' } else { '&' }, text(value)?);
        }
        let headers = block.headers.iter().map(|(name, value)| Some((name.clone(), text(value)?)));
        let headers = headers.collect::<Option<_>>()?;
        Some(Example { method: asked(&block.method, "GET")?, host, path, headers })
    }

    /// What comes of it; nothing where no rule takes it, or a command line cannot hold it.
    fn answer(&self, plan: &Plan, answering: &BTreeSet<&str>) -> Option<Answer> {
        let texts = self.headers.iter().flat_map(|(name, value)| [name, value]).chain(&self.host);
        let all = texts.chain([&self.path, &self.method]);
        if !self.path.starts_with('/') || self.path.contains(' ') || !all.clone().all(|text| is_plain(text)) {
            return None;
        }
        let authority = self.host.as_deref().unwrap_or("127.0.0.1");
        let mut pairs: Vec<(&[u8], &[u8])> = vec![
            (b":method", self.method.as_bytes()),
            (b":scheme", b"http"),
            (b":authority", authority.as_bytes()),
            (b":path", self.path.as_bytes()),
        ];
        pairs.extend(self.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let decision = decide::decide(plan, &Request::new(&pairs), || 0, &mut Untraced);
        let Found::Rule { .. } = decision.found else { return None };
        Some(match decision.cluster(plan) {
            Some(cluster) if !answering.contains(cluster) => Answer::Nobody,
            Some(_) if decide::fault(plan, &decision).is_some() => Answer::MaybeFault,
            Some(_) => Answer::Endpoint,
            None => Answer::Rule,
        })
    }

    /// The line for a shell.
    pub fn curl(&self, url: &str) -> String {
        let mut line = String::from("curl -i");
        if self.method != "GET" {
            line.push_str(&format!(" -X {}", quoted(&self.method)));
        }
        if let Some(host) = &self.host {
            line.push_str(&format!(" -H {}", quoted(&format!("host: {host}"))));
        }
        for (name, value) in &self.headers {
            line.push_str(&format!(" -H {}", quoted(&format!("{name}: {value}"))));
        }
        format!("{line} {}", quoted(&format!("{url}{}", self.path)))
    }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !text.contains(['\'', '[', ']', '{', '}', '\\'])
}

/// A word of a command line.
fn quoted(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/%+,=@".contains(&byte);
    if text.bytes().all(bare) { text.to_owned() } else { format!("'{text}'") }
}

#[cfg(test)]
mod tests;
