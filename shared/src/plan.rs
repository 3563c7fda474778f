//! The compiled form of a set of resources for one proxy: immutable, indexed, ready to decide.
//!
//! | file | compiles |
//! |---|---|
//! | [`proxy`] | who this proxy is, from a module's configuration |
//! | `build` | all of what [`resolve`](crate::resolve) says of a proxy |
//! | `hosts` | authority to virtual host |
//! | `routes` | a virtual host's routes, and their index |
//! | [`matching`] | match blocks: one file a kind of condition, one row each |
//! | `rule` | a rule: its action and all that goes with it |
//! | [`split`], [`redirect`], [`rewrite`], [`cors`], [`fault`], [`mirror`], [`sticky`], `upstream`, [`header_ops`], [`format`](mod@format) | the parts of a rule |
//! | [`guard`] | how many requests a destination takes, and when it is left alone |
//! | `unknown` | what is said of a host that nobody knows |
//! | [`variant`] | what Envoy's route table must have for the rules |
//! | [`telemetry`] | what metrics say about the proxy and its destinations |

mod build;
pub mod cors;
pub mod fault;
pub mod fingerprint;
pub mod format;
pub mod guard;
pub mod header_ops;
mod hosts;
pub mod matching;
pub mod mirror;
pub mod proxy;
pub mod redirect;
pub mod rewrite;
mod routes;
mod rule;
pub mod split;
pub mod sticky;
pub mod telemetry;
mod unknown;
mod upstream;
pub mod variant;

pub use crate::resolve::Proxy;
pub use proxy::ModuleConfig;
pub use rule::{Action, DirectResponse, RouteAction, Rule, RuleSource};
pub use split::{Destination, Split};
pub use upstream::Timeout;
pub(crate) use upstream::{PER_TRY_TIMEOUT, grpc_timeout_ms};
pub use variant::{RetryVariant, RouteVariant};

use std::sync::Arc;

use crate::decide::{Found, Request, Trace};
use crate::model::{Port, Resources};
use crate::names::{EXPLAIN_HEADER, HTTP_PORT};
use crate::resolve::{Listener, Silent};
use hosts::HostTable;
use routes::Routes;
use telemetry::Telemetry;

/// Where the mesh sends requests for hosts that nobody in it answers for, as Istio's `ALLOW_ANY` does.
pub const PASSTHROUGH_CLUSTER: &str = "PassthroughCluster";

/// Everything that a proxy needs to decide. Built once a configuration.
#[derive(Debug)]
pub struct Plan {
    fingerprint: u64,
    views: Vec<View>,
    by_authority: bool,
    passthrough: bool,
    /// Whether hosts that nobody knows are refused, as with Istio's `REGISTRY_ONLY`.
    blocks_unknown_hosts: bool,
    /// Set where hosts that nobody knows are answered: the namespace from which the mesh is seen.
    unknown_hosts: Option<Box<str>>,
    /// Whether somebody wants to know why requests went where they went.
    access_log: bool,
    /// What requests carry of which somebody may ask that.
    explain_token: Option<Box<str>>,
    hosts: Vec<VirtualHost>,
    rules: Vec<Rule>,
    telemetry: Telemetry,
    guards: guard::Guards,
}

/// What is served on one port.
#[derive(Debug)]
struct View {
    port: Port,
    table: HostTable,
}

/// The rules of one domain, in the order in which they are tried.
#[derive(Debug)]
pub struct VirtualHost {
    /// `*`, `*.suffix` or a name.
    pub domain: String,
    /// Whether plain http is sent to https.
    pub https_redirect: bool,
    /// Those of a service's many names are the same.
    routes: Arc<Routes>,
}

impl VirtualHost {
    /// Rules and their match blocks, as indices, in the order in which they are tried.
    pub fn routes(&self) -> &[(u32, u32)] {
        self.routes.list()
    }
}

impl Plan {
    /// Compiles what `set` means to `proxy`, where `detector` carries `outlierDetection` out. `set` has been checked: what
    /// a check would refuse is left out here.
    pub fn build(set: &Resources, proxy: &Proxy, detector: guard::Detector, fingerprint: u64) -> Plan {
        build::build(set, proxy, detector, fingerprint, &mut Silent)
    }

    /// The same, told to a listener: what of the set plays no part for the proxy, and why.
    pub fn build_told(
        set: &Resources,
        proxy: &Proxy,
        detector: guard::Detector,
        fingerprint: u64,
        listener: &mut impl Listener,
    ) -> Plan {
        build::build(set, proxy, detector, fingerprint, listener)
    }

    /// Identifies the configuration: decisions can be handed over between modules that have the same.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// A rule by its index.
    #[inline]
    pub fn rule(&self, index: u32) -> Option<&Rule> {
        self.rules.get(index as usize)
    }

    /// A virtual host by its index.
    #[inline]
    pub fn host(&self, index: u32) -> Option<&VirtualHost> {
        self.hosts.get(index as usize)
    }

    /// What guards a rule's destination.
    #[inline]
    pub fn guard_of(&self, destination: &Destination) -> Option<&guard::Guard> {
        self.guards.of(destination)
    }

    /// What guards the destination behind a cluster's name.
    pub fn guard(&self, cluster: &str) -> Option<guard::Guard> {
        self.guards.get(cluster)
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// What metrics say about the proxy and its destinations.
    #[inline]
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// Whether an access log asks why requests went where they went.
    #[inline]
    pub fn access_log(&self) -> bool {
        self.access_log
    }

    /// Whether a request carries the token of those who may ask why it goes where it goes.
    #[inline]
    pub fn explains(&self, request: &Request<'_>) -> bool {
        self.explain_token.as_deref().is_some_and(|token| {
            let carried = request.header(EXPLAIN_HEADER.as_bytes()).unwrap_or_default();
            // How long it takes says nothing of how much of it is right.
            let differ = carried.iter().zip(token.as_bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
            carried.len() == token.len() && differ == 0
        })
    }

    /// Whether hosts that nobody knows are answered here.
    #[inline]
    pub(crate) fn answers_unknown_hosts(&self) -> bool {
        self.unknown_hosts.is_some()
    }

    /// Whether hosts that nobody knows are refused.
    #[inline]
    pub(crate) fn blocks_unknown_hosts(&self) -> bool {
        self.blocks_unknown_hosts
    }

    /// The cluster for hosts that are not of the mesh; a gateway has none.
    #[inline]
    pub fn passthrough(&self) -> Option<&'static str> {
        self.passthrough.then_some(PASSTHROUGH_CLUSTER)
    }

    #[inline]
    pub(crate) fn wants_https(&self, host: u32) -> bool {
        self.host(host).is_some_and(|host| host.https_redirect)
    }

    /// The first rule that matches.
    pub(crate) fn find(&self, request: &Request<'_>, trace: &mut impl Trace) -> Found {
        let host = if self.by_authority { request.host() } else { request.host_of_any_port() };
        let Some(index) = self.view(request).and_then(|view| view.table.find(host)) else {
            return Found::Nothing;
        };
        let Some(host) = self.host(index) else { return Found::Nothing };
        trace.host(index);
        // CONNECT has no path, and Envoy's routes take only what has one.
        if request.path_and_query().is_empty() {
            return Found::Host(index);
        }
        let found = host.routes.find(&self.rules, request).map(|at| at as usize);
        for &(rule, matched) in host.routes().get(..found.unwrap_or(usize::MAX)).unwrap_or(host.routes()) {
            trace.skipped(rule, matched);
        }
        match found.and_then(|at| host.routes().get(at)) {
            Some(&(rule, matched)) => {
                trace.matched(rule, matched);
                Found::Rule { host: index, rule, matched }
            }
            None => Found::Host(index),
        }
    }

    #[inline]
    fn view(&self, request: &Request<'_>) -> Option<&View> {
        if self.by_authority {
            // Whoever asks the mesh for a host without a port means HTTP's.
            let bare = request.host().len() == request.authority().len();
            let port = if bare { Some(HTTP_PORT.get()) } else { request.port() };
            self.views.iter().find(|view| Some(view.port.get()) == port)
        } else {
            self.views.first()
        }
    }
}
