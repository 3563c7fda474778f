//! The bootstrap: what an Envoy starts with, and one packaging of everything else here.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::cluster::Cluster;
use crate::listener::{Listener, OverloadManager};
use crate::stats::StatsConfig;
use crate::wire::{self, Address};

/// `envoy.config.bootstrap.v3.Bootstrap`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bootstrap {
    /// Who this Envoy is.
    pub node: Node,
    /// Its admin page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin: Option<Admin>,
    /// What its metrics look like.
    pub stats_config: StatsConfig,
    /// How often histograms take in what was recorded; absent is Envoy's 5 s.
    #[serde(serialize_with = "wire::some_duration", skip_serializing_if = "Option::is_none")]
    pub stats_flush_interval: Option<Duration>,
    /// How many connections there may be; absent is any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overload_manager: Option<OverloadManager>,
    /// Everything it does.
    pub static_resources: StaticResources,
}

/// `envoy.config.core.v3.Node`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Its name.
    pub id: String,
    /// The name of all that are like it.
    pub cluster: String,
}

/// `envoy.config.bootstrap.v3.Admin`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Admin {
    /// Where it listens.
    pub address: Address,
}

/// `envoy.config.bootstrap.v3.Bootstrap.StaticResources`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StaticResources {
    /// Where requests come in.
    pub listeners: Vec<Listener>,
    /// Who answers.
    pub clusters: Vec<Cluster>,
}

impl Bootstrap {
    /// These listeners and clusters, and the admin page at `admin`.
    pub fn new(listeners: Vec<Listener>, clusters: Vec<Cluster>, admin: Option<SocketAddr>) -> Bootstrap {
        Bootstrap {
            node: Node { id: "sailcloth".to_owned(), cluster: "sailcloth".to_owned() },
            admin: admin.map(|at| Admin { address: at.into() }),
            stats_config: StatsConfig::default(),
            stats_flush_interval: None,
            overload_manager: None,
            static_resources: StaticResources { listeners, clusters },
        }
    }
}
