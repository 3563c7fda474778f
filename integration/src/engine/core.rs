//! The engine without a proxy: what the modules decide, asked directly.

use std::borrow::Cow;

use envoy_config::filter::{self, StringValue};
use shared::act::{self, Changes, INTERNAL_HEADERS};
use shared::decide::{self, Decision, Request, Untraced};
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::fault::hits;
use shared::plan::format::{Clock, Fact, Source};
use shared::plan::guard::Detector;
use shared::plan::mirror::MOST;
use shared::plan::proxy::{ModuleConfig, NodeMetadata};
use shared::plan::{Action, PASSTHROUGH_CLUSTER, Plan, Rule};

use super::{Answer, Engine, Headers, Upstream, headers, shown};
use crate::corpus::case::RequestFields;

/// What Envoy adds to requests and responses by itself, and canary for a client without a cookie.
const OF_ENVOY: &[&str] = &[
    "date",
    "grpc-status",
    "server",
    "set-cookie",
    "content-length",
    "content-type",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
    "x-envoy-upstream-service-time",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

/// Request headers that make the upstream answer other than 200, or late.
const STEERING: &[&str] =
    &["x-echo-status", "x-echo-status-first", "x-echo-delay-ms", "x-echo-reset", "x-echo-grpc-status"];

/// The engine.
pub struct Core {
    plan: Plan,
    clusters: Vec<String>,
    random: u64,
}

impl Core {
    /// Compiles what a module on this proxy would be told.
    pub fn new(set: &Resources, proxy: &envoy_config::Proxy) -> Core {
        let StringValue { value } = StringValue::json(&filter::configuration(proxy, set, Detector::Envoy));
        let mut report = Report::new();
        let config = ModuleConfig::read(value.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
        let config = config.unwrap_or_else(|| panic!("the module refuses its configuration: {:?}", report.findings()));
        let clusters = envoy_config::cluster::clusters_for(set, [proxy]).into_iter().map(|cluster| cluster.name);
        let clusters = clusters.chain([PASSTHROUGH_CLUSTER.to_owned()]).collect();
        Core { plan: config.plan(), clusters, random: 0x5eed }
    }

    /// SplitMix64, from a fixed seed.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// What the behaviours decide, in the order of the chain.
    fn decide(&mut self, request: &Request<'_>, source: &str) -> Decision {
        let draws: Vec<u64> = (0..MOST + 2).map(|_| self.draw()).collect();
        let mut draws = draws.into_iter();
        let mut draw = || draws.next().expect("a number for each choice");
        let mut decision = decide::find(&self.plan, request, &mut Untraced);
        let abort = decide::fault(&self.plan, &decision).and_then(|fault| fault.abort);
        if abort.is_some_and(|(_, ppm)| hits(ppm, draw())) {
            decide::abort(&self.plan, &mut decision, draw);
            return decision;
        }
        if decision.reply.is_none()
            && let Some(Rule { action: Action::Route(route), .. }) = decision.rule(&self.plan)
            && let Some(sticky) = &route.sticky
            && let Some(key) = decide::client_key(sticky, request, || Some(source.as_bytes().to_vec()))
        {
            decision.destination = Some(route.destinations.stick(&key));
        }
        decide::choose(&self.plan, &mut decision, &mut draw);
        decision.mirrors = decide::mirror(&self.plan, &decision, draw);
        decision
    }
}

impl Engine for Core {
    fn ask(&mut self, fields: &RequestFields, key: &str, _: usize) -> Answer {
        let sent = as_envoy_sees(fields, key);
        let pairs: Vec<(&[u8], &[u8])> = sent.iter().map(|(name, value)| (name.as_bytes(), value.as_slice())).collect();
        let request = Request::new(&pairs);
        let source = fields.source.clone().unwrap_or_else(|| "127.0.0.1".to_owned());
        let decision = self.decide(&request, &source);
        let (request_headers, response, status) = (sent.clone(), Vec::new(), 200);
        let mut exchange = Exchange { request: request_headers, response, answering: false, source, status };
        act::request(&self.plan, &decision, &request, &mut exchange);

        let answer = Answer { unknown_headers: OF_ENVOY, ..Answer::default() };
        let (status, body, upstream) = match act::reply(&self.plan, &decision, &request) {
            Some(reply) => {
                let header = |(name, value): (Cow<'_, [u8]>, Vec<u8>)| (text(&name), value);
                exchange.response = reply.headers.into_iter().map(header).collect();
                exchange.status = reply.status;
                (u16::try_from(reply.status).ok(), Some(reply.body.to_vec()), Vec::new())
            }
            None => {
                let cluster = decision.cluster(&self.plan).expect("what is not answered goes somewhere").to_owned();
                let steered = sent.iter().any(|(name, _)| STEERING.contains(&name.as_str()));
                if self.clusters.contains(&cluster) {
                    exchange.response = echoed_headers(&sent);
                    // A mirror that nobody knows gets nothing.
                    let mirrors = decision.mirrors(&self.plan).map(|mirror| mirror.cluster.clone());
                    let mirrors = mirrors.filter(|mirror| self.clusters.contains(mirror));
                    let all = std::iter::once(cluster).chain(mirrors).map(|cluster| exchange.upstream(cluster));
                    (if steered { None } else { Some(200) }, None, all.collect())
                } else {
                    (Some(503), None, Vec::new())
                }
            }
        };
        exchange.answering = true;
        act::response(&self.plan, &decision, &mut exchange);
        Answer { status, body, upstream: Some(upstream), headers: Some(exchange.response), ..answer }
    }
}

/// The request as Envoy gives it to filters.
fn as_envoy_sees(fields: &RequestFields, key: &str) -> Headers {
    let url = fields.url.as_deref().expect("what has no URL is not for this engine");
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("`{url}` has no scheme"));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut all: Headers = [
        (":method", fields.method.as_deref().unwrap_or("GET")),
        (":scheme", scheme),
        (":authority", authority),
        (":path", &format!("{slash}{path}")),
        ("x-forwarded-proto", "http"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
    .collect();
    for (name, value) in headers(fields, key) {
        match name.as_str() {
            "host" => all[2].1 = value,
            _ => all.push((name, value)),
        }
    }
    all
}

/// The headers that the upstream is asked to answer with.
fn echoed_headers(sent: &Headers) -> Headers {
    let asked = sent.iter().find(|(name, _)| name == "x-echo-headers").map(|(_, value)| text(value));
    let asked = asked.unwrap_or_default();
    let pairs = asked.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.as_bytes().to_vec())).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Request and response with changes applied to whichever is on its way.
struct Exchange {
    request: Headers,
    response: Headers,
    answering: bool,
    source: String,
    /// Of a reply, or of an upstream that was told nothing else.
    status: u32,
}

impl Exchange {
    fn now(&mut self) -> &mut Headers {
        if self.answering { &mut self.response } else { &mut self.request }
    }

    /// What reaches the upstream: Envoy's router has taken its orders out by then.
    fn upstream(&self, cluster: String) -> Upstream {
        let pseudo = |name: &str| text(&first(&self.request, name.as_bytes()).unwrap_or_default());
        let internal = |name: &str| name.starts_with(':') || INTERNAL_HEADERS.contains(&name);
        let sent = self.request.iter().filter(|(name, _)| !internal(name));
        Upstream {
            cluster,
            path: pseudo(":path"),
            authority: pseudo(":authority"),
            version: None,
            method: pseudo(":method"),
            headers: sent.map(|(name, value)| (name.clone(), shown(value))).collect(),
        }
    }
}

impl Changes for Exchange {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let name = text(name);
        let headers = self.now();
        match headers.iter().position(|(key, _)| *key == name) {
            Some(at) => {
                headers[at].1 = value.to_vec();
                let mut index = 0;
                headers.retain(|(key, _)| {
                    index += 1;
                    *key != name || index - 1 == at
                });
            }
            None => headers.push((name, value.to_vec())),
        }
    }

    fn add(&mut self, name: &[u8], value: &[u8]) {
        let pair = (text(name), value.to_vec());
        self.now().push(pair);
    }

    fn remove(&mut self, name: &[u8]) {
        self.now().retain(|(key, _)| key.as_bytes() != name);
    }
}

impl Source for Exchange {
    fn request_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        first(&self.request, name)
    }

    fn response_header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        if name == b":status" && self.answering {
            return Some(Cow::Owned(self.status.to_string().into_bytes()));
        }
        first(&self.response, name).filter(|_| self.answering)
    }

    fn fact(&self, fact: Fact) -> Option<Cow<'_, [u8]>> {
        match fact {
            Fact::DownstreamRemoteAddressWithoutPort => Some(Cow::Borrowed(self.source.as_bytes())),
            Fact::Protocol => Some(Cow::Borrowed(b"HTTP/1.1")),
            // Cases that ask for ports and statuses leave this engine out.
            _ => None,
        }
    }

    fn flags(&self) -> u64 {
        0
    }

    /// Rows that look at times leave this engine out.
    fn time(&self, _: Clock) -> Option<u64> {
        None
    }
}

fn first<'a>(headers: &'a Headers, name: &[u8]) -> Option<Cow<'a, [u8]>> {
    let found = headers.iter().find(|(key, _)| key.as_bytes() == name);
    found.map(|(_, value)| Cow::Borrowed(value.as_slice()))
}
