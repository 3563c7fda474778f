//! The soak's load on an Envoy without any module: what Envoy and the clients do by themselves. Its routes are those that
//! a control plane would write for the same resources.

use std::collections::BTreeMap;
use std::time::Instant;

use envoy_config::{Proxy, to_json};
use shared::finding::Report;
use shared::model::Resources;

use super::load::Load;
use super::mesh::{self, Settings};
use super::tally::Outcome;
use super::{Plan, TOLD_EVERY, Upstreams, Verdict, verdict};
use crate::native;
use crate::sail::{Sail, for_each_object};

/// Runs it. `tell` gets a line of progress every two seconds.
pub fn run(plan: &Plan, tell: &mut dyn FnMut(&str)) -> Verdict {
    let upstreams = Upstreams::start();
    let yaml = mesh::resources(upstreams.ports(), &Settings::FIRST);
    let mut report = Report::new();
    let set = Resources::read(shared::load::text(&yaml, None, &mut report), &mut report);
    let proxy = Proxy {
        namespace: "default".into(),
        gateways: vec!["default/gw".into()],
        labels: BTreeMap::new(),
        port: Some(80),
    };
    let routes = native::route_config(&set, &proxy);
    let sail = Sail::new(yaml).workers(plan.workers).adjust(move |bootstrap| {
        for_each_object(bootstrap, &mut |object| {
            if object.contains_key("http_filters") {
                object.insert("http_filters".into(), native::http_filters().into());
                object.insert("route_config".into(), to_json(&routes));
            }
        });
    });
    let envoy = sail.start();
    let (started, mut told) = (Instant::now(), Instant::now());
    let load = Load::start(envoy.listener("gateway-80"), plan);
    while load.running() {
        if started.elapsed() > plan.within {
            load.stop();
        }
        if told.elapsed() >= TOLD_EVERY {
            told = Instant::now();
            tell(&format!("{:6.1} s  {} of {} requests", started.elapsed().as_secs_f64(), load.done(), plan.requests));
        }
        std::thread::sleep(TOLD_EVERY / 20);
    }
    let tally = load.tally();
    let errors = verdict::codec_errors(&envoy);
    let mut verdict = Verdict::default();
    verdict.told.push(format!(
        "without a module: {} requests, {errors} connections ended by Envoy's codec, {} requests with them",
        tally.total(),
        tally.all_of(Outcome::Disconnected),
    ));
    verdict.told.extend(tally.lines());
    verdict.hold(tally.total() == plan.requests, || format!("only {} requests were sent", tally.total()));
    verdict
}
