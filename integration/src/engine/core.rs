//! The engine without a proxy: what the modules decide, asked directly.

use envoy_config::filter::{self, StringValue};
use shared::decide::Untraced;
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::guard::Detector;
use shared::plan::proxy::{ModuleConfig, NodeMetadata};
use shared::plan::{PASSTHROUGH_CLUSTER, Plan};
use shared::simulate::{self, Incoming, Numbers, simulate};

use super::{Answer, Engine, Upstream, headers, shown};
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
    /// From a fixed seed.
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
}

impl Engine for Core {
    fn ask(&mut self, fields: &RequestFields, key: &str, _: usize) -> Answer {
        let incoming = as_envoy_sees(fields, key);
        let echoed = echoed_headers(&incoming);
        let clusters = &self.clusters;
        let known = |cluster: &str| clusters.iter().any(|known| known == cluster);
        let upstream = |cluster: &str| match known(cluster) {
            true => simulate::Answer::of_destination(200, echoed),
            false => simulate::Answer::of_proxy(503),
        };
        let draws = &mut Numbers(|| draw(&mut self.random));
        let simulated = simulate(&self.plan, &incoming, draws, upstream, &mut Untraced);

        let answered = &simulated.answer;
        let steered = incoming.headers.iter().any(|(name, _)| STEERING.iter().any(|it| it.as_bytes() == name));
        let status = u16::try_from(answered.status).ok().filter(|_| !(answered.by_destination && steered));
        // A cluster or a mirror that nobody knows gets nothing.
        let mirrors = simulated.mirrors.iter().map(|mirror| mirror.cluster.as_str());
        let to = simulated.cluster.into_iter().chain(mirrors).filter(|cluster| known(cluster));
        Answer {
            status,
            body: simulated.reply.as_ref().map(|reply| reply.body.to_vec()),
            upstream: Some(to.map(|cluster| sent(cluster, &simulated.request)).collect()),
            headers: Some(answered.headers.iter().map(|(name, value)| (text(name), value.clone())).collect()),
            unknown_headers: OF_ENVOY,
            ..Answer::default()
        }
    }
}

/// SplitMix64.
fn draw(random: &mut u64) -> u64 {
    *random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *random;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The request as Envoy gives it to filters.
fn as_envoy_sees(fields: &RequestFields, key: &str) -> Incoming {
    let url = fields.url.as_deref().expect("what has no URL is not for this engine");
    let (scheme, rest) = url.split_once("://").unwrap_or_else(|| panic!("`{url}` has no scheme"));
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let slash = if path.starts_with('/') { "" } else { "/" };
    let headers = headers(fields, key);
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
    let method = fields.method.as_deref().unwrap_or("GET");
    let source = fields.source.as_deref().unwrap_or("127.0.0.1").as_bytes().to_vec();
    let incoming = Incoming::new(method, scheme, authority, &format!("{slash}{path}"), headers);
    Incoming { source: Some(source), ..incoming }
}

/// The headers that the upstream is asked to answer with.
fn echoed_headers(incoming: &Incoming) -> simulate::Headers {
    let asked = incoming.headers.iter().find(|(name, _)| name == b"x-echo-headers");
    let asked = asked.map(|(_, value)| text(value)).unwrap_or_default();
    let pairs = asked.split(';').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (name.to_ascii_lowercase().into_bytes(), value.as_bytes().to_vec())).collect()
}

/// The request at an upstream.
fn sent(cluster: &str, headers: &simulate::Headers) -> Upstream {
    let pseudo = |name: &[u8]| headers.iter().find(|(key, _)| key == name).map(|(_, value)| text(value));
    let others = headers.iter().filter(|(name, _)| !name.starts_with(b":"));
    Upstream {
        cluster: cluster.to_owned(),
        path: pseudo(b":path").unwrap_or_default(),
        authority: pseudo(b":authority").unwrap_or_default(),
        version: None,
        method: pseudo(b":method").unwrap_or_default(),
        headers: others.map(|(name, value)| (text(name), shown(value))).collect(),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
