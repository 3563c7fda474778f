//! What a stranger can hold of a gateway: time, connections, streams and memory.

use std::time::Duration;

use serde::Serialize;

use super::Listener;
use crate::wire::{self, Any, Extension, Message};

/// What a client of a gateway can hold. Istio sets none of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the headers of a request may take to arrive; zero is for ever.
    pub request_headers_timeout: Duration,
    /// How long a connection may stand without a request; zero is for ever.
    pub connection_idle_timeout: Duration,
    /// How many connections there may be, to all listeners together; zero is any number.
    pub connections: u32,
    /// How many requests a connection of HTTP/2 may have under way.
    pub streams: u32,
    /// How many bytes are held for a connection of HTTP/1.1, or a stream of HTTP/2, whose client or destination does not
    /// take them. No request with more is tried again.
    pub buffer: u32,
    /// What becomes of headers that have an underscore in their name.
    pub underscores: Underscores,
}

/// What becomes of headers that have an underscore in their name: to many a framework `x_user` is `x-user`, which a proxy
/// may have taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Underscores {
    /// They are as good as others.
    Allow,
    /// The request is answered 400.
    RejectRequest,
    /// They are taken away.
    DropHeader,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_headers_timeout: Duration::from_secs(10),
            connection_idle_timeout: Duration::from_secs(15 * 60),
            connections: 10_000,
            streams: 100,
            buffer: 256 << 10,
            underscores: Underscores::RejectRequest,
        }
    }
}

impl Limits {
    /// Holds a gateway's listener to them.
    pub fn hold(&self, listener: &mut Listener) {
        listener.per_connection_buffer_limit_bytes = Some(self.buffer);
        for manager in listener.http_mut() {
            manager.request_headers_timeout = Some(self.request_headers_timeout).filter(|it| !it.is_zero());
            let common = manager.common_http_protocol_options.get_or_insert_default();
            common.idle_timeout = Some(self.connection_idle_timeout);
            common.headers_with_underscores_action = Some(self.underscores);
            // Envoy takes windows from 64 KiB on.
            let window = self.buffer.max(SMALLEST_WINDOW);
            manager.http2_protocol_options = Some(Http2Limits {
                max_concurrent_streams: self.streams,
                initial_stream_window_size: window,
                initial_connection_window_size: window.saturating_mul(4).min(LARGEST_WINDOW),
            });
        }
    }

    /// What watches over all connections of an Envoy; nothing where there may be any number.
    pub fn overload_manager(&self) -> Option<OverloadManager> {
        let limit = DownstreamConnections { max_active_downstream_connections: self.connections };
        let monitor = Extension {
            name: "envoy.resource_monitors.global_downstream_max_connections".to_owned(),
            typed_config: Any(limit),
        };
        (self.connections > 0).then(|| OverloadManager { resource_monitors: vec![monitor] })
    }
}

const SMALLEST_WINDOW: u32 = 65_535;
const LARGEST_WINDOW: u32 = (1 << 31) - 1;

/// `envoy.config.core.v3.Http2ProtocolOptions`, of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Http2Limits {
    /// How many requests a connection may have under way.
    pub max_concurrent_streams: u32,
    /// How many bytes of a request may come before Envoy has passed them on.
    pub initial_stream_window_size: u32,
    /// The same of all requests of a connection.
    pub initial_connection_window_size: u32,
}

/// `envoy.config.overload.v3.OverloadManager`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OverloadManager {
    /// What is watched.
    pub resource_monitors: Vec<Extension<DownstreamConnections>>,
}

/// `envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DownstreamConnections {
    /// How many there may be.
    pub max_active_downstream_connections: u32,
}

impl Message for DownstreamConnections {
    const NAME: &'static str =
        "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";
}

/// `envoy.config.core.v3.HttpProtocolOptions`, of clients.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CommonHttpProtocolOptions {
    /// How long a connection may stand without a request; Envoy's default is an hour.
    #[serde(serialize_with = "wire::some_duration", skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    /// The most headers that a request may have; Envoy's default is 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_headers_count: Option<u32>,
    /// What becomes of headers that have an underscore in their name; absent allows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers_with_underscores_action: Option<Underscores>,
}
