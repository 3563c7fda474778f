//! Clusters: who answers, as Envoy is told it.
//!
//! The messages are here; `services` makes them from a mesh's services and DestinationRules, `metadata` is what
//! metrics are told of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::wire::{self, Address, Any, Message};

mod metadata;
pub mod outlier;
mod services;

pub use metadata::{IstioMetadata, Metadata, ServiceMetadata};
pub use services::{clusters, passthrough, unsupported};

/// `envoy.config.cluster.v3.Cluster`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cluster {
    /// As Istio names it: `outbound|80|v1|backend.default.svc.cluster.local`.
    pub name: String,
    /// How endpoints are found.
    pub r#type: Discovery,
    /// How long a connection may take to come up.
    #[serde(serialize_with = "wire::duration")]
    pub connect_timeout: Duration,
    /// How an endpoint is chosen.
    pub lb_policy: LbPolicy,
    /// Which addresses DNS is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_lookup_family: Option<DnsLookupFamily>,
    /// Who answers; not for [`Discovery::OriginalDst`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_assignment: Option<LoadAssignment>,
    /// Envoy's own limits, which are lifted.
    pub circuit_breakers: CircuitBreakers,
    /// Which service it is, for metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
    /// When single endpoints are left alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outlier_detection: Option<outlier::OutlierDetection>,
    /// How many healthy endpoints there have to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_lb_config: Option<outlier::CommonLbConfig>,
    /// What is spoken, when it is not plain HTTP/1.1.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub typed_extension_protocol_options: BTreeMap<&'static str, Any<HttpProtocolOptions>>,
}

impl Cluster {
    /// Where its endpoints are, in order.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.endpoints().map(|endpoint| &endpoint.endpoint.address)
    }

    /// Its endpoints, in order.
    pub fn endpoints(&self) -> impl Iterator<Item = &LbEndpoint> {
        self.load_assignment.iter().flat_map(|all| &all.endpoints).flat_map(|locality| &locality.lb_endpoints)
    }

    /// Puts these in place of its endpoints, whatever they were: for tests and demos that answer themselves.
    pub fn set_endpoints(&mut self, at: impl IntoIterator<Item = SocketAddr>) {
        if self.lb_policy == LbPolicy::ClusterProvided {
            self.lb_policy = LbPolicy::LeastRequest;
        }
        (self.r#type, self.dns_lookup_family) = (Discovery::Static, None);
        self.load_assignment = Some(LoadAssignment::of(&self.name, at.into_iter().map(|at| LbEndpoint::at(at.into()))));
    }
}

/// How endpoints are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Discovery {
    /// They are written in the configuration.
    Static,
    /// All that DNS answers.
    StrictDns,
    /// One of what DNS answers at a time.
    LogicalDns,
    /// Where the client's connection was going before it was redirected to Envoy.
    OriginalDst,
}

/// How an endpoint is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LbPolicy {
    /// In turn.
    RoundRobin,
    /// The less busy of two.
    LeastRequest,
    /// Any.
    Random,
    /// As [`Discovery::OriginalDst`] does it.
    ClusterProvided,
}

/// Which addresses DNS is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DnsLookupFamily {
    /// IPv4, and IPv6 where there is none.
    V4Preferred,
}

/// `envoy.config.endpoint.v3.ClusterLoadAssignment`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LoadAssignment {
    /// The cluster's name.
    pub cluster_name: String,
    /// By locality, of which there is one as long as nobody answers by locality.
    pub endpoints: Vec<LocalityEndpoints>,
}

impl LoadAssignment {
    fn of(cluster: &str, endpoints: impl Iterator<Item = LbEndpoint>) -> LoadAssignment {
        let lb_endpoints: Vec<_> = endpoints.collect();
        let endpoints = if lb_endpoints.is_empty() { Vec::new() } else { vec![LocalityEndpoints { lb_endpoints }] };
        LoadAssignment { cluster_name: cluster.to_owned(), endpoints }
    }
}

/// `envoy.config.endpoint.v3.LocalityLbEndpoints`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LocalityEndpoints {
    /// Who answers there.
    pub lb_endpoints: Vec<LbEndpoint>,
}

/// `envoy.config.endpoint.v3.LbEndpoint`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LbEndpoint {
    /// Where it is.
    pub endpoint: Endpoint,
    /// Relative to the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancing_weight: Option<u32>,
    /// Who answers there, for metrics.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

impl LbEndpoint {
    /// An endpoint of which nothing is known but where it is.
    pub fn at(address: Address) -> LbEndpoint {
        LbEndpoint { endpoint: Endpoint { address }, load_balancing_weight: None, metadata: None }
    }
}

/// `envoy.config.endpoint.v3.Endpoint`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Endpoint {
    /// Where it is.
    pub address: Address,
}

/// `envoy.config.cluster.v3.CircuitBreakers`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CircuitBreakers {
    /// By priority; there is one.
    pub thresholds: Vec<Thresholds>,
}

/// `envoy.config.cluster.v3.CircuitBreakers.Thresholds`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Connections.
    pub max_connections: u32,
    /// Requests that wait for one.
    pub max_pending_requests: u32,
    /// Requests.
    pub max_requests: u32,
    /// Requests that are tried again.
    pub max_retries: u32,
}

impl CircuitBreakers {
    /// No limits: the circuit-breaker filter is the one that limits, and Envoy's defaults (1024, and 3 retries) would
    /// come first.
    pub fn lifted() -> CircuitBreakers {
        let all = u32::MAX;
        let thresholds =
            Thresholds { max_connections: all, max_pending_requests: all, max_requests: all, max_retries: all };
        CircuitBreakers { thresholds: vec![thresholds] }
    }
}

/// `envoy.extensions.upstreams.http.v3.HttpProtocolOptions`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpProtocolOptions {
    /// For every version of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_http_protocol_options: Option<CommonHttpProtocolOptions>,
    /// The version that is spoken.
    #[serde(flatten)]
    pub version: HttpVersion,
}

impl HttpProtocolOptions {
    /// The name that clusters know these options by.
    pub const KEY: &'static str = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
}

impl Message for HttpProtocolOptions {
    const NAME: &'static str = HttpProtocolOptions::KEY;
}

/// `envoy.config.core.v3.HttpProtocolOptions`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CommonHttpProtocolOptions {
    /// More requests than that, and a connection is closed.
    pub max_requests_per_connection: u32,
}

/// Who says which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpVersion {
    /// The cluster.
    ExplicitHttpConfig(ExplicitHttpConfig),
    /// The client: what it speaks is spoken on.
    UseDownstreamProtocolConfig(BothVersions),
}

/// The options of each version, all as they are by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BothVersions {
    http_protocol_options: Empty,
    http2_protocol_options: Empty,
}

/// A message whose fields are all as they are by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// Which version of HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExplicitHttpConfig {
    /// HTTP/1.1.
    HttpProtocolOptions {},
    /// HTTP/2, without negotiation.
    Http2ProtocolOptions {},
}
