//! `DestinationRule` (networking.istio.io): the versions of a service, and how its endpoints are used.

use std::collections::BTreeMap;

use super::values::GoDuration;
use crate::{object, words};

object! {
    /// The `spec` of a DestinationRule.
    pub struct DestinationRule {
        /// The service; a short name belongs to the DestinationRule's namespace.
        host: String = required,
        /// How its endpoints are used.
        traffic_policy: Option<TrafficPolicy>,
        /// Its versions.
        subsets: Vec<Subset>,
    } unsupported { "export_to", "workload_selector" }
}

object! {
    /// A version of a service.
    pub struct Subset {
        /// What `destination.subset` says.
        name: String = required,
        /// Which endpoints belong to it; none means all.
        labels: BTreeMap<String, String>,
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
    } unsupported {
        "outlier_detection", "tls", "port_level_settings", "tunnel", "proxy_protocol", "retry_budget",
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
        /// Absent is 10 s.
        connect_timeout: Option<GoDuration>,
    } unsupported { "max_connections", "tcp_keepalive", "max_connection_duration", "idle_timeout" }
}

object! {
    /// `connectionPool.http`.
    pub struct HttpSettings {
        /// Whether HTTP/2 is spoken to a port that does not ask for it.
        h2_upgrade_policy: Option<H2UpgradePolicy>,
        /// More than so many requests, and a connection is closed; 0 is no limit.
        max_requests_per_connection: Option<u32>,
    } unsupported {
        "http1_max_pending_requests", "http2_max_requests", "max_retries", "idle_timeout",
        "use_client_protocol", "max_concurrent_streams", "http2_keep_alive",
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
