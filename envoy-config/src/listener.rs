//! Listeners: where requests come in, and everything between the socket and the routes.
//!
//! The messages are here; `gateways` finds out who listens where, `limits` holds strangers to what they may take, and
//! `access_log` tells of what was asked.

use std::time::Duration;

use serde::Serialize;
use shared::model::mesh_config::PathNormalization;

use crate::filter::HttpFilter;
use crate::route::RouteConfiguration;
use crate::wire::{self, Address, Any, Extension, Message};

mod access_log;
mod gateways;
mod limits;

pub use access_log::{AccessLog, AccessLogFormat, FileAccessLog, LogFormat};
pub(crate) use gateways::only_namespace;
pub use gateways::{Front, ListenError, fronts, unsupported};
pub use limits::{CommonHttpProtocolOptions, DownstreamConnections, Http2Limits, Limits, OverloadManager, Underscores};

/// How long a request may stand idle unless somebody says otherwise. Istio has no such limit; a stream that nobody ends
/// should not be kept for ever.
pub const STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(3600);

/// The same of an Envoy that nobody told.
pub const ENVOYS_STREAM_IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// `envoy.config.listener.v3.Listener`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Listener {
    /// Its name: `gateway-80`, `mesh`.
    pub name: String,
    /// Where it listens.
    pub address: Address,
    /// How many bytes are held for a connection; absent is Envoy's 1 MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_connection_buffer_limit_bytes: Option<u32>,
    /// What it does with connections; there is one way.
    pub filter_chains: Vec<FilterChain>,
}

/// `envoy.config.listener.v3.FilterChain`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FilterChain {
    /// What happens to a connection; there is one filter.
    pub filters: Vec<Extension<HttpConnectionManager>>,
}

/// `envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HttpConnectionManager {
    /// What its statistics begin with.
    pub stat_prefix: String,
    /// HTTP/1.1, and HTTP/2 where the client begins with it.
    pub codec_type: CodecType,
    /// Whether the connection's address is the client's, and `x-forwarded-for` grows by it. So it is at the edge.
    pub use_remote_address: bool,
    /// Whether `..` and the like are resolved before anybody matches the path.
    pub normalize_path: bool,
    /// Whether `//` becomes `/` before that.
    #[serde(skip_serializing_if = "is_false")]
    pub merge_slashes: bool,
    /// What becomes of `%2F` and `%5C`; absent, they stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_with_escaped_slashes_action: Option<EscapedSlashes>,
    /// A request that stands idle for so long is given up; zero is never.
    #[serde(serialize_with = "wire::duration")]
    pub stream_idle_timeout: Duration,
    /// How long the headers of a request may take to arrive; absent is for ever.
    #[serde(serialize_with = "wire::some_duration", skip_serializing_if = "Option::is_none")]
    pub request_headers_timeout: Option<Duration>,
    /// What HTTP/1.1 connections may become.
    pub upgrade_configs: Vec<Upgrade>,
    /// The longest request headers in KiB; absent is 60.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_headers_kb: Option<u32>,
    /// For every version of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_http_protocol_options: Option<CommonHttpProtocolOptions>,
    /// For HTTP/2 alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http2_protocol_options: Option<Http2Limits>,
    /// Who is told of requests that have ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub access_log: Vec<Extension<FileAccessLog>>,
    /// Where requests go.
    pub route_config: RouteConfiguration,
    /// What happens to them on the way.
    pub http_filters: Vec<HttpFilter>,
}

impl Message for HttpConnectionManager {
    const NAME: &'static str = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
}

/// Which version of HTTP clients speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CodecType {
    /// What they begin with.
    Auto,
}

/// `HttpConnectionManager.PathWithEscapedSlashesAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EscapedSlashes {
    /// They become slashes.
    UnescapeAndForward,
}

/// `HttpConnectionManager.UpgradeConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    /// The protocol.
    pub upgrade_type: String,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Listener {
    /// A listener for `front`, with paths as the mesh has them.
    pub fn new(
        front: &Front,
        normalization: PathNormalization,
        stream_idle_timeout: Duration,
        route_config: RouteConfiguration,
        http_filters: Vec<HttpFilter>,
    ) -> Listener {
        use PathNormalization::{DecodeAndMergeSlashes, MergeSlashes};
        let manager = HttpConnectionManager {
            stat_prefix: front.name.clone(),
            codec_type: CodecType::Auto,
            use_remote_address: front.edge,
            normalize_path: normalization != PathNormalization::None,
            merge_slashes: matches!(normalization, MergeSlashes | DecodeAndMergeSlashes),
            path_with_escaped_slashes_action: (normalization == DecodeAndMergeSlashes)
                .then_some(EscapedSlashes::UnescapeAndForward),
            stream_idle_timeout,
            request_headers_timeout: None,
            upgrade_configs: vec![Upgrade { upgrade_type: "websocket".to_owned() }],
            max_request_headers_kb: None,
            common_http_protocol_options: None,
            http2_protocol_options: None,
            access_log: Vec::new(),
            route_config,
            http_filters,
        };
        let filter =
            Extension { name: "envoy.filters.network.http_connection_manager".to_owned(), typed_config: Any(manager) };
        Listener {
            name: front.name.clone(),
            address: front.at.into(),
            per_connection_buffer_limit_bytes: None,
            filter_chains: vec![FilterChain { filters: vec![filter] }],
        }
    }

    /// Its HTTP side, for tests that want it otherwise.
    pub fn http_mut(&mut self) -> impl Iterator<Item = &mut HttpConnectionManager> {
        self.filter_chains.iter_mut().flat_map(|chain| &mut chain.filters).map(|filter| &mut filter.typed_config.0)
    }
}
