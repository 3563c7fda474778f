//! From a set of resources to everything that an Envoy needs for them.

mod outlier;

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use shared::model::Resources;
use shared::plan::guard::Detector;

use crate::bootstrap::Bootstrap;
use crate::cluster::{self, Cluster};
use crate::example::{Example, example};
use crate::filter::{Asked, HttpFilter, Packaging, Proxy, http_filters_for};
use crate::listener::{
    AccessLog, EscapedSlashes, FileAccessLog, Front, HttpConnectionManager, Limits, ListenError, Listener,
    OverloadManager, STREAM_IDLE_TIMEOUT, fronts,
};
use crate::route::{RouteConfiguration, route_config};
use crate::stats::StatsConfig;
use crate::wire::Extension;
use crate::yaml::write_yaml;

/// Where Envoy's admin page is unless somebody says otherwise: Istio's port for it.
pub const ADMIN_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 15000);

/// How Envoy is set up.
///
/// ```
/// use envoy_config::{Options, Packaging};
///
/// let options = Options { packaging: Packaging::Separate, admin: None, ..Options::default() };
/// let generated = options.generate(&shared::model::Resources::default())?;
/// assert!(generated.listeners.is_empty());
/// # Ok::<(), envoy_config::listener::ListenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// All behaviours in one module, or one module for each.
    pub packaging: Packaging,
    /// The folder of the modules, as Envoy sees it.
    pub module_dir: PathBuf,
    /// Where the port of a Gateway listens, when not where it would by itself.
    pub listen: BTreeMap<u16, SocketAddr>,
    /// Where the mesh's listener is; without, there is one when a VirtualService asks for it.
    pub mesh_listen: Option<SocketAddr>,
    /// Envoy's admin page.
    pub admin: Option<SocketAddr>,
    /// The namespace in which the mesh's proxy lives; without, the only one there is, else `default`.
    pub namespace: Option<String>,
    /// What a client of a gateway can hold.
    pub limits: Limits,
    /// Who is told of requests that have ended.
    pub access_log: Option<AccessLog>,
    /// What a request carries whose client is told why it went where it went; without, nobody is.
    pub explain_token: Option<String>,
    /// Whether the mesh's listener is told where a connection was meant to go, as one is that connections are redirected
    /// to. Then a host that nobody knows is left to that place; else modules answer, and say why.
    pub original_destinations: bool,
    /// A request that stands idle for so long is given up; zero is never.
    pub stream_idle_timeout: Duration,
    /// How often histograms take in what was recorded; without, as often as Envoy does by itself.
    pub stats_flush_interval: Option<Duration>,
    /// Who carries `outlierDetection` out: Envoy, where these clusters are used; the filters, in an Envoy with others.
    pub detector: Detector,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            packaging: Packaging::default(),
            module_dir: PathBuf::from("target/wasm"),
            listen: BTreeMap::new(),
            mesh_listen: None,
            admin: Some(ADMIN_ADDRESS),
            namespace: None,
            limits: Limits::default(),
            access_log: None,
            explain_token: None,
            original_destinations: false,
            stream_idle_timeout: STREAM_IDLE_TIMEOUT,
            stats_flush_interval: None,
            detector: Detector::Envoy,
        }
    }
}

/// Everything that an Envoy needs, to be changed where a test wants it otherwise, and packaged.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Who listens where; in the order of `listeners`.
    pub fronts: Vec<Front>,
    /// Where requests come in.
    pub listeners: Vec<Listener>,
    /// Who answers.
    pub clusters: Vec<Cluster>,
    /// Envoy's admin page.
    pub admin: Option<SocketAddr>,
    /// How often histograms take in what was recorded.
    pub stats_flush_interval: Option<Duration>,
    /// How many connections there may be.
    pub overload_manager: Option<OverloadManager>,
    /// What people who read it have to know, a line each.
    pub remarks: Vec<String>,
}

/// What somebody who has an Envoy adds to one of its listeners.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListenerParts {
    /// The listener that `generate bootstrap` would write.
    pub listener: String,
    /// Who the proxy is there.
    pub proxy: Proxy,
    /// For the HTTP connection manager's `http_filters`.
    pub http_filters: Vec<HttpFilter>,
    /// For the HTTP connection manager's `route_config`.
    pub route_config: RouteConfiguration,
    /// For the HTTP connection manager's `access_log`, where one is asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<Extension<FileAccessLog>>,
    /// For the HTTP connection manager, where MeshConfig has paths otherwise than Istio by default: `normalize_path`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalize_path: Option<bool>,
    /// And `merge_slashes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_slashes: Option<bool>,
    /// And `path_with_escaped_slashes_action`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_with_escaped_slashes_action: Option<EscapedSlashes>,
    /// For the bootstrap's `stats_config`, the same for all listeners.
    pub stats_config: StatsConfig,
}

impl Options {
    /// Everything that an Envoy needs for `set`. The same input gives the same output, byte by byte.
    ///
    /// # Errors
    /// When listeners cannot be placed.
    pub fn generate(&self, set: &Resources) -> Result<Generated, ListenError> {
        let fronts = fronts(set, self.namespace.as_deref(), &self.listen, self.mesh_listen, self.admin)?;
        let listener = |front: &Front| {
            let asked = Asked {
                access_log: self.access_log.is_some(),
                unknown_hosts: !front.edge && !self.original_destinations,
                explain_token: self.explain_token.as_deref(),
            };
            let packaged = (self.packaging, self.module_dir.as_path());
            let filters = http_filters_for(&front.proxy, set, self.detector, asked, packaged);
            let routes = route_config(&front.proxy, set);
            let mut listener =
                Listener::new(front, set.mesh.path_normalization, self.stream_idle_timeout, routes, filters);
            if front.edge {
                self.limits.hold(&mut listener);
            }
            for manager in listener.http_mut() {
                manager.access_log = self.access_log.iter().map(AccessLog::logger).collect();
            }
            listener
        };
        let listeners = fronts.iter().map(listener).collect();
        let mut clusters = cluster::clusters_for(set, fronts.iter().map(|front| &front.proxy));
        if self.original_destinations && fronts.iter().any(|front| !front.edge) {
            clusters.push(cluster::passthrough());
        }
        let stats_flush_interval = self.stats_flush_interval;
        let remarks = outlier::remarks(set, self.detector, &clusters);
        let overload_manager = self.limits.overload_manager();
        Ok(Generated {
            fronts,
            listeners,
            clusters,
            admin: self.admin,
            stats_flush_interval,
            overload_manager,
            remarks,
        })
    }
}

impl Generated {
    /// The cluster called `name`, to give it other endpoints.
    pub fn cluster_mut(&mut self, name: &str) -> Option<&mut Cluster> {
        self.clusters.iter_mut().find(|cluster| cluster.name == name)
    }

    /// As a bootstrap.
    pub fn bootstrap(self) -> Bootstrap {
        let bootstrap = Bootstrap::new(self.listeners, self.clusters, self.admin);
        let (stats_flush_interval, overload_manager) = (self.stats_flush_interval, self.overload_manager);
        Bootstrap { stats_flush_interval, overload_manager, ..bootstrap }
    }

    /// As what one pastes into listeners that are already there.
    pub fn parts(self) -> Vec<ListenerParts> {
        let managers = self.listeners.into_iter().flat_map(|listener| listener.filter_chains);
        let managers = managers.flat_map(|chain| chain.filters).map(|filter| filter.typed_config.0);
        let part = |(front, manager): (Front, HttpConnectionManager)| ListenerParts {
            normalize_path: (!manager.normalize_path || manager.merge_slashes).then_some(manager.normalize_path),
            listener: front.name,
            proxy: front.proxy,
            http_filters: manager.http_filters,
            route_config: manager.route_config,
            merge_slashes: manager.merge_slashes.then_some(true),
            path_with_escaped_slashes_action: manager.path_with_escaped_slashes_action,
            access_log: manager.access_log,
            stats_config: StatsConfig::default(),
        };
        self.fronts.into_iter().zip(managers).map(part).collect()
    }
}

/// A listener, for those who ask it.
#[derive(Clone, Debug)]
pub struct Listening {
    /// Who listens where.
    pub front: Front,
    /// A request that it answers as the resources say.
    pub example: Option<Example>,
}

impl Listening {
    /// A command that sends that request.
    pub fn curl(&self) -> Option<String> {
        self.example.as_ref().map(|example| example.curl(&self.front.url()))
    }

    /// For programs.
    pub fn address(&self) -> ListenerAddress {
        ListenerAddress {
            listener: self.front.name.clone(),
            gateways: self.front.proxy.gateways.clone(),
            port: self.front.proxy.port,
            url: self.front.url(),
            curl: self.curl(),
        }
    }
}

/// Where a listener is, for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListenerAddress {
    /// The listener.
    pub listener: String,
    /// The Gateways that it serves.
    pub gateways: Vec<String>,
    /// The port that Istio would see.
    pub port: Option<u16>,
    /// Where it is.
    pub url: String,
    /// A command that sends it a request.
    pub curl: Option<String>,
}

impl Generated {
    /// The listeners, each with a request to try. `set` is what this was generated from.
    pub fn listening(&self, set: &Resources) -> Vec<Listening> {
        let listening =
            |front: &Front| Listening { front: front.clone(), example: example(set, front, &self.clusters) };
        self.fronts.iter().map(listening).collect()
    }
}

/// What to say when no listener comes of a set.
pub const NOTHING_TO_LISTEN_FOR: &str = "nothing to listen for: there is no Gateway with an HTTP server, and no \
     VirtualService for `mesh`; `--mesh-listen 127.0.0.1:15001` asks for the mesh's listener all the same";

/// As indented JSON.
pub fn pretty(message: &impl Serialize) -> String {
    // Nothing in Envoy's resources is beyond JSON.
    let mut text = serde_json::to_string_pretty(message).unwrap_or_default();
    text.push('\n');
    text
}

/// The same, piece by piece.
///
/// # Errors
/// When `out` takes no more.
pub fn write_pretty(out: &mut dyn Write, message: &impl Serialize) -> fmt::Result {
    struct Bytes<'a>(&'a mut dyn Write);
    impl io::Write for Bytes<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // serde_json writes whole strings, or what is ASCII.
            let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
            self.0.write_str(text).map_err(io::Error::other)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    serde_json::to_writer_pretty(Bytes(out), message).map_err(|_| fmt::Error)?;
    out.write_char('\n')
}

/// The bootstrap as YAML, with a line on how to use it.
pub fn bootstrap_yaml(generated: Generated) -> String {
    let mut text = String::new();
    // Into a string nothing can fail.
    let _ = write_bootstrap_yaml(&mut text, generated);
    text
}

/// The same, piece by piece.
///
/// # Errors
/// When `out` takes no more.
pub fn write_bootstrap_yaml(out: &mut dyn Write, generated: Generated) -> fmt::Result {
    out.write_str("# Written by `sailcloth generate bootstrap`. Start it with: envoy -c FILE\n")?;
    for front in &generated.fronts {
        writeln!(out, "# {front}")?;
    }
    out.write_str(&comment(&generated.remarks))?;
    write_yaml(out, &generated.bootstrap())
}

fn comment(lines: &[String]) -> String {
    lines.iter().map(|line| format!("# {line}\n")).collect()
}

/// The parts of every listener as a stream of YAML documents, each with a word on where to paste it.
pub fn parts_yaml(generated: Generated) -> String {
    let mut text = String::new();
    // Into a string nothing can fail.
    let _ = write_parts_yaml(&mut text, generated);
    text
}

/// The same, piece by piece.
///
/// # Errors
/// When `out` takes no more.
pub fn write_parts_yaml(out: &mut dyn Write, generated: Generated) -> fmt::Result {
    let remarks = comment(&generated.remarks);
    let fronts = generated.fronts.clone();
    for (front, part) in fronts.into_iter().zip(generated.parts()) {
        let who = front.proxy.gateways.join(", ");
        let who = match front.proxy.port {
            Some(port) => format!("port {port} of gateway {who}"),
            None => "the mesh".to_owned(),
        };
        write!(
            out,
            "---\n\
             # For {who}.\n\
             # `http_filters` and `route_config` go into the HTTP connection manager of that listener, in place of its own;\n\
             # other filters may stand before these. The routes follow the header in which the filters name the cluster,\n\
             # as Istio names it: outbound|PORT|SUBSET|HOST. `sailcloth generate bootstrap` writes such clusters.\n\
             # `stats_config` goes into the bootstrap, once: it turns Istio's labels in metrics' names into labels, and gives\n\
             # their histograms some of Istio's buckets, so that a scrape stays small.\n\
             {remarks}"
        )?;
        let ListenerParts { http_filters, route_config, normalize_path, merge_slashes, access_log, .. } = part;
        let ListenerParts { path_with_escaped_slashes_action, stats_config, .. } = part;
        let pasted = Pasted {
            http_filters,
            route_config,
            normalize_path,
            merge_slashes,
            path_with_escaped_slashes_action,
            access_log,
            stats_config,
        };
        write_yaml(out, &pasted)?;
    }
    Ok(())
}

#[derive(Serialize)]
struct Pasted {
    http_filters: Vec<HttpFilter>,
    route_config: RouteConfiguration,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalize_path: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merge_slashes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_with_escaped_slashes_action: Option<EscapedSlashes>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_log: Vec<Extension<FileAccessLog>>,
    stats_config: StatsConfig,
}

#[cfg(test)]
mod tests;
