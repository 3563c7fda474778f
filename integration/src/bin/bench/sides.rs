//! The sides of a comparison: what carries the resources out, and the Envoy that runs it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use envoy_config::cluster::{self, Cluster};
use envoy_config::filter::{self, Module, StringValue};
use envoy_config::listener::{Front, Listener};
use envoy_config::{Packaging, Proxy, http_filters, route_config, to_json};
use integration::envoy::{Envoy, Options};
use integration::sail::for_each_configuration;
use integration::{native, paths};
use serde_json::{Value, json};
use shared::finding::Report;
use shared::model::Resources;
use shared::plan::guard::Detector;

use crate::setup::{Cors, FAR, Fault, Limits, Setup};
use crate::upstream::Upstream;

/// Who carries the resources out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Envoy's own routes and filters, as a control plane would write them.
    Native,
    /// Envoy's own `matcher_tree` in place of the list of routes.
    MatcherTree,
    /// The native side with an empty module before its filters: what any filter costs, whatever it does.
    Floor,
    /// An empty module and one route for everything: the least that a proxy with a module can cost.
    FloorOneRoute,
    /// An empty module that makes the suite's calls to Envoy and decides nothing, on the suite's routes.
    FloorCalls,
    /// The suite, with metrics switched off.
    Suite,
    /// The suite, with Istio's metrics.
    SuiteStats,
    /// A module for each behaviour but metrics.
    Modules,
    /// A module for each behaviour, with Istio's metrics.
    ModulesStats,
    /// The suite of an earlier build, with metrics switched off.
    SuiteBefore,
    /// The suite of an earlier build, with Istio's metrics.
    SuiteStatsBefore,
    /// The modules of an earlier build, without metrics.
    ModulesBefore,
    /// The modules of an earlier build, with Istio's metrics.
    ModulesStatsBefore,
}

impl Side {
    /// A side of today's modules, and the same side of an earlier build.
    const PAIRS: [(Side, Side); 4] = [
        (Side::Suite, Side::SuiteBefore),
        (Side::SuiteStats, Side::SuiteStatsBefore),
        (Side::Modules, Side::ModulesBefore),
        (Side::ModulesStats, Side::ModulesStatsBefore),
    ];

    /// The same side of an earlier build; none where no module that may have changed takes part.
    pub fn before(self) -> Option<Side> {
        Side::PAIRS.iter().find(|(now, _)| *now == self).map(|(_, before)| *before)
    }

    /// The same side of today's build.
    fn now(self) -> Side {
        Side::PAIRS.iter().find(|(_, before)| *before == self).map_or(self, |(now, _)| *now)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Native => "native",
            Side::MatcherTree => "matcher_tree",
            Side::Floor => "floor",
            Side::FloorOneRoute => "floor, 1 route",
            Side::FloorCalls => "floor, calls",
            Side::Suite => "suite",
            Side::SuiteStats => "suite+stats",
            Side::Modules => "modules",
            Side::ModulesStats => "modules+stats",
            Side::SuiteBefore => "suite, then",
            Side::SuiteStatsBefore => "suite+s, then",
            Side::ModulesBefore => "modules, then",
            Side::ModulesStatsBefore => "mods+s, then",
        })
    }
}

const LISTENER: &str = "bench";

/// The resources of a setup, read and checked.
pub fn resources(setup: &Setup) -> Result<Resources, String> {
    let mut report = Report::new();
    let set = Resources::read(shared::load::text(&setup.yaml(), Some("bench.yaml"), &mut report), &mut report);
    if report.stops() {
        let first = report.findings().first().map(ToString::to_string);
        return Err(format!("the bench's own resources are not valid: {}", first.unwrap_or_default()));
    }
    Ok(set)
}

/// The clusters of a setup, each with an upstream of its own.
pub fn clusters(setup: &Setup, set: &Resources) -> Result<(Vec<Cluster>, Vec<Upstream>), String> {
    let (mut clusters, mut upstreams) = (cluster::clusters(set), Vec::new());
    for cluster in &mut clusters {
        let upstream = Upstream::bind(&cluster.name, setup.due(), setup.body)?;
        cluster.set_endpoints([upstream.address]);
        upstreams.push(upstream);
    }
    Ok((clusters, upstreams))
}

/// A side that runs.
pub struct Running {
    /// Which one.
    pub side: Side,
    /// Its process.
    pub envoy: Envoy,
    /// Where it listens.
    pub address: SocketAddr,
    /// How long its start took.
    pub start: Duration,
}

/// Starts a side.
pub fn start(side: Side, setup: &Setup, set: &Resources, clusters: &[Cluster]) -> Result<Running, String> {
    let bootstrap = bootstrap(side, setup, set, clusters)?;
    // Debug lines and access logs would be measured as well.
    // As `sailcloth run` starts it.
    let options =
        Options { concurrency: setup.workers, log_level: "error".to_owned(), json: true, ..Options::default() };
    let began = Instant::now();
    let envoy = Envoy::try_start(&bootstrap, &options).map_err(|log| {
        let end: Vec<&str> = log.lines().rev().take(3).collect();
        format!("the Envoy of side `{side}` does not start: {}", end.join(" | "))
    })?;
    let start = began.elapsed();
    let address = envoy.listener(LISTENER);
    Ok(Running { side, envoy, address, start })
}

/// Who the proxy is, on all sides.
pub fn proxy() -> Proxy {
    Proxy {
        namespace: "default".to_owned(),
        gateways: vec!["default/gw".to_owned()],
        labels: BTreeMap::new(),
        port: Some(80),
    }
}

fn bootstrap(side: Side, setup: &Setup, set: &Resources, clusters: &[Cluster]) -> Result<Value, String> {
    let proxy = proxy();
    let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let front = Front { name: LISTENER.to_owned(), at, edge: true, proxy: proxy.clone() };
    let earlier = setup.before.as_ref().filter(|_| side.now() != side);
    let modules = earlier.cloned().unwrap_or_else(paths::modules);
    let side = side.now();
    let packaging =
        if matches!(side, Side::Modules | Side::ModulesStats) { Packaging::Separate } else { Packaging::Suite };
    if let Some((missing, _)) = packaging.files(&modules).find(|(_, there)| !there) {
        return Err(format!("{} is missing: run scripts/build.sh, which builds it", missing.display()));
    }
    let filters = http_filters(&proxy, set, Detector::Envoy, packaging, &modules);
    let listener = Listener::new(
        &front,
        set.mesh.path_normalization,
        Duration::from_secs(3600),
        route_config(&proxy, set),
        filters,
    );
    let mut listener = to_json(&listener);
    let manager = listener.pointer_mut("/filter_chains/0/filters/0/typed_config");
    let manager = manager.ok_or("a listener has an HTTP connection manager")?;
    let mut clusters: Vec<Value> = clusters.iter().map(to_json).collect();
    match side {
        Side::Suite => {
            for_each_configuration(manager, &mut |configuration| configuration["stats"] = json!({"enabled": false}));
        }
        // Those of an earlier build are configured as today's.
        Side::SuiteBefore | Side::SuiteStatsBefore | Side::ModulesBefore | Side::ModulesStatsBefore => {}
        Side::SuiteStats | Side::ModulesStats => {}
        Side::Modules => {
            if let Some(filters) = manager["http_filters"].as_array_mut() {
                filters.retain(|filter| filter["name"] != "sailcloth.stats");
            }
        }
        Side::FloorCalls => manager["http_filters"] = json!([floor_calls(&modules, setup), to_json(&filter::router())]),
        Side::Native | Side::MatcherTree | Side::Floor | Side::FloorOneRoute => {
            manager["route_config"] = native_routes(set, &proxy);
            manager["http_filters"] = native_filters(setup).into();
            limit(&mut clusters, setup);
            if side == Side::MatcherTree {
                crate::matcher_tree::replace(&mut manager["route_config"])?;
            }
            if side == Side::FloorOneRoute {
                only_one_route(&mut manager["route_config"], &setup.ask().served_by);
                manager["http_filters"] = json!([to_json(&filter::router())]);
            }
            if matches!(side, Side::Floor | Side::FloorOneRoute)
                && let Some(filters) = manager["http_filters"].as_array_mut()
            {
                filters.insert(0, floor(&modules, ""));
            }
        }
    }
    Ok(json!({
        "node": {"id": "sailcloth", "cluster": "sailcloth"},
        "stats_config": to_json(&envoy_config::stats::StatsConfig::default()),
        "static_resources": {"listeners": [listener], "clusters": clusters},
    }))
}

/// Without what the twin takes away for the sake of equal answers, and no control plane does.
fn native_routes(set: &Resources, proxy: &Proxy) -> Value {
    let mut config = native::route_config(set, proxy);
    if let Some(config) = config.as_object_mut() {
        config.remove("request_headers_to_remove");
    }
    config
}

/// Those that have something to do.
fn native_filters(setup: &Setup) -> Vec<Value> {
    let mut filters = native::http_filters();
    filters.retain(|filter| match filter["name"].as_str() {
        Some("envoy.filters.http.fault") => setup.fault != Fault::Off,
        Some("envoy.filters.http.cors") => setup.cors != Cors::Off,
        _ => true,
    });
    filters
}

/// The limits that a control plane writes into clusters, and the suite keeps itself.
fn limit(clusters: &mut [Value], setup: &Setup) {
    let Some(most) = setup.most_connections() else { return };
    for cluster in clusters {
        let thresholds = json!([{"max_connections": most, "max_pending_requests": FAR, "max_requests": FAR}]);
        cluster["circuit_breakers"] = json!({"thresholds": thresholds});
    }
}

/// The empty module, which is told this.
fn floor(folder: &Path, told: &str) -> Value {
    let module = Module { name: "floor", file: "floor.wasm" };
    to_json(&filter::module_filter(module, folder, StringValue { value: told.into() }))
}

/// The empty module, which is told what to ask of Envoy.
fn floor_calls(folder: &Path, setup: &Setup) -> Value {
    let clusters = setup.ask().served_by.into_iter().map(|name| format!("cluster {name}"));
    // The status is asked for where failures are looked for.
    let status = (setup.limits != Limits::Off).then(|| "status".to_owned());
    let calls: Vec<String> = clusters.chain(status).collect();
    floor(folder, &calls.join("\n"))
}

/// Leaves one route for whatever comes, to the clusters that are due.
fn only_one_route(config: &mut Value, clusters: &[String]) {
    let weights = if clusters.len() > 1 { vec![90, 10] } else { vec![100] };
    let weighted = clusters.iter().zip(weights).map(|(name, weight)| json!({"name": name, "weight": weight}));
    let clusters = weighted.collect::<Value>();
    config["virtual_hosts"] = json!([{"name": "all", "domains": ["*"], "routes": [
        {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}, "timeout": "0s"}},
    ]}]);
}
