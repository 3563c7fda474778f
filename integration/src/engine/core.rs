//! The engine without a proxy: what the modules decide, asked directly.

use envoy_config::cases::{answer, incoming, of_destination};
use envoy_config::filter::{self, StringValue};
use shared::decide::Untraced;
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::guard::Detector;
use shared::plan::proxy::{ModuleConfig, NodeMetadata};
use shared::plan::{PASSTHROUGH_CLUSTER, Plan};
use shared::simulate::{Numbers, simulate};

use super::{Answer, Engine, headers};
use crate::corpus::case::RequestFields;

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
        let incoming = incoming(fields, &headers(fields, key)).expect("what has no URL is not for this engine");
        let clusters = &self.clusters;
        let known = |cluster: &str| clusters.iter().any(|known| known == cluster);
        let upstream = |cluster: &str| of_destination(&incoming, known(cluster));
        let draws = &mut Numbers(|| draw(&mut self.random));
        let simulated = simulate(&self.plan, &incoming, draws, upstream, &mut Untraced);
        answer(&simulated, &incoming, known)
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
