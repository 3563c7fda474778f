//! `DestinationRule` (networking.istio.io): the versions of a service, and how its endpoints are used.

use super::values::{Count, GoDuration, Port, WholePercent};
use crate::{Map, object, words};

object! {
    /// The `spec` of a DestinationRule.
    pub struct DestinationRule {
        /// The service; a short name belongs to the DestinationRule's namespace.
        host: String = required,
        /// How its endpoints are used.
        traffic_policy: Option<TrafficPolicy>,
        /// Its versions.
        subsets: Vec<Subset>,
        /// The namespaces that see it, as of a VirtualService.
        export_to: Vec<String>,
    } unsupported { "workload_selector" }
}

object! {
    /// A version of a service.
    pub struct Subset {
        /// What `destination.subset` says.
        name: String = required,
        /// Which endpoints belong to it; none means all.
        labels: Map<String>,
        /// Block by block in place of the rule's own.
        traffic_policy: Option<TrafficPolicy>,
    }
}

object! {
    /// How endpoints are used.
    pub struct TrafficPolicy {
        /// How one is chosen.
        load_balancer: Option<LoadBalancerSettings>,
        /// Connections.
        connection_pool: Option<ConnectionPoolSettings>,
        /// Endpoints that fail.
        outlier_detection: Option<OutlierDetection>,
        /// Ports that are used otherwise.
        port_level_settings: Vec<PortTrafficPolicy>,
    } unsupported { "tunnel", "proxy_protocol", "retry_budget" } ignored { "tls" }
}

object! {
    /// How one port is used. For that port it takes the place of the whole policy: what it leaves out is the default,
    /// not what the policy says.
    pub struct PortTrafficPolicy {
        /// Which port.
        port: Option<PolicyPort>,
        /// How an endpoint is chosen.
        load_balancer: Option<LoadBalancerSettings>,
        /// Connections.
        connection_pool: Option<ConnectionPoolSettings>,
        /// Endpoints that fail.
        outlier_detection: Option<OutlierDetection>,
    } ignored { "tls" }
}

object! {
    /// The port that settings are for.
    pub struct PolicyPort {
        /// Istio takes any number here; what is no port is for none.
        number: Option<u32>,
    }
}

impl PolicyPort {
    /// 1 to 65535.
    pub fn port(&self) -> Option<Port> {
        u16::try_from(self.number?).ok().and_then(Port::new)
    }
}

object! {
    /// How an endpoint is chosen.
    pub struct LoadBalancerSettings {
        /// One of the simple ways; absent is `LEAST_REQUEST`.
        simple: Option<SimpleLb>,
    } unsupported {
        "consistent_hash", "locality_lb_setting", "zone_aware_lb_setting", "warmup_duration_secs", "warmup",
    }
}

words! {
    /// `loadBalancer.simple`.
    pub enum SimpleLb {
        /// As `LEAST_REQUEST`.
        Unspecified = "UNSPECIFIED",
        /// Deprecated, as `LEAST_REQUEST`.
        LeastConn = "LEAST_CONN",
        /// Any.
        Random = "RANDOM",
        /// The address the client asked for.
        Passthrough = "PASSTHROUGH",
        /// In turn.
        RoundRobin = "ROUND_ROBIN",
        /// The less busy of two.
        LeastRequest = "LEAST_REQUEST",
    }
}

object! {
    /// Connections to the destination.
    pub struct ConnectionPoolSettings {
        /// For every kind of connection.
        tcp: Option<TcpSettings>,
        /// For HTTP.
        http: Option<HttpSettings>,
    }
}

object! {
    /// `connectionPool.tcp`.
    pub struct TcpSettings {
        /// On HTTP/1.1, as many requests are on their way at once; 0 is no limit.
        max_connections: Option<Count>,
        /// Absent is 10 s.
        connect_timeout: Option<GoDuration>,
        /// Read to be checked; Sailcloth does not act on it.
        max_connection_duration: Option<GoDuration>,
        /// Read to be checked; Sailcloth does not act on it.
        idle_timeout: Option<GoDuration>,
        /// Read to be checked; Sailcloth does not act on it.
        tcp_keepalive: Option<TcpKeepalive>,
    }
}

object! {
    /// `connectionPool.tcp.tcpKeepalive`.
    pub struct TcpKeepalive {
        /// How many probes go unanswered.
        probes: Option<u32>,
        /// Until the first.
        time: Option<GoDuration>,
        /// Between two.
        interval: Option<GoDuration>,
    }
}

object! {
    /// `connectionPool.http`.
    pub struct HttpSettings {
        /// On HTTP/1.1, how many requests wait for one of the connections; 0 is no limit.
        http1_max_pending_requests: Option<Count>,
        /// How many requests are on their way at once; 0 is no limit. On HTTP/1.1 it holds as well.
        http2_max_requests: Option<Count>,
        /// Whether HTTP/2 is spoken to a port that does not ask for it.
        h2_upgrade_policy: Option<H2UpgradePolicy>,
        /// More than so many requests, and a connection is closed; 0 is no limit.
        max_requests_per_connection: Option<Count>,
        /// Read to be checked; Sailcloth does not act on it.
        max_retries: Option<Count>,
        /// Read to be checked; Sailcloth does not act on it.
        idle_timeout: Option<GoDuration>,
        /// Read to be checked; Sailcloth does not act on it.
        use_client_protocol: bool,
        /// Read to be checked; Sailcloth does not act on it.
        max_concurrent_streams: Option<Count>,
        /// Read to be checked; Sailcloth does not act on it.
        http2_keep_alive: Option<Http2KeepAlive>,
    }
}

object! {
    /// `connectionPool.http.http2KeepAlive`.
    pub struct Http2KeepAlive {
        /// Between two pings.
        interval: Option<GoDuration>,
        /// For an answer.
        timeout: Option<GoDuration>,
    }
}

object! {
    /// When an endpoint counts as failing, and for how long it is left alone then.
    pub struct OutlierDetection {
        /// Deprecated, and without effect since Istio 1.6.
        consecutive_errors: Option<i32>,
        /// Whether failures of the connection are counted apart from the answers.
        split_external_local_origin_errors: bool,
        /// So many failures of the connection in a row; absent and 0 are 5. Only when counted apart.
        consecutive_local_origin_failures: Option<u32>,
        /// So many 502, 503 and 504 in a row; absent and 0 are never.
        consecutive_gateway_errors: Option<u32>,
        /// So many 5xx in a row; absent is 5, 0 is never.
        consecutive_5xx_errors: Option<u32>,
        /// How often Envoy looks at endpoints that were ejected; absent is 10 s.
        interval: Option<GoDuration>,
        /// Times the number of ejections; absent is 30 s.
        base_ejection_time: Option<GoDuration>,
        /// How many of the endpoints may be ejected; absent and 0 are 10.
        max_ejection_percent: Option<WholePercent>,
        /// With fewer healthy endpoints than that all are used again; 0 is never.
        min_health_percent: Option<WholePercent>,
        /// How the first alpha schema nested these.
        http: Option<AlphaOutlierDetection>,
    } unsupported { "outlier_detection_http_error_codes" }
}

object! {
    /// `outlierDetection.http`, of the schema of 2018. Istio ignores it today.
    pub struct AlphaOutlierDetection {
        /// What is `consecutive5xxErrors` today.
        consecutive_errors: Option<Count>,
        /// As today.
        interval: Option<GoDuration>,
        /// As today.
        base_ejection_time: Option<GoDuration>,
        /// As today.
        max_ejection_percent: Option<WholePercent>,
    }
}

words! {
    /// `connectionPool.http.h2UpgradePolicy`.
    pub enum H2UpgradePolicy {
        /// As the port says.
        Default = "DEFAULT",
        /// As the port says.
        DoNotUpgrade = "DO_NOT_UPGRADE",
        /// HTTP/2.
        Upgrade = "UPGRADE",
    }
}
