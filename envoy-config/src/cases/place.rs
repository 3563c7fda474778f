//! Which proxy a case is asked of that names none.

use std::collections::BTreeMap;

use shared::model::Resources;
use shared::names::{self, DEFAULT_NAMESPACE, MESH};

use crate::filter::Proxy;
use crate::listener::{Front, fronts};

/// Of the listeners that `run` writes the Gateway's that serves the host, on the URL's port where it has that, else the
/// mesh's.
pub(super) fn place(set: &Resources, host: &str, port: Option<u16>) -> Proxy {
    let fronts = fronts(set, None, &BTreeMap::new(), None, None).unwrap_or_default();
    let serving = fronts.iter().filter(|front| front.edge && serves(set, front, host));
    let found = serving.min_by_key(|front| front.proxy.port != Some(port.unwrap_or(80)));
    let found = found.or_else(|| fronts.iter().find(|front| !front.edge));
    let mesh = || Proxy {
        namespace: DEFAULT_NAMESPACE.to_owned(),
        gateways: vec![MESH.to_owned()],
        labels: BTreeMap::new(),
        port: None,
    };
    found.map_or_else(mesh, |front| front.proxy.clone())
}

fn serves(set: &Resources, front: &Front, host: &str) -> bool {
    let here = set.gateways.iter().filter(|gateway| front.proxy.gateways.contains(&gateway.meta.full_name()));
    let servers = here.flat_map(|gateway| &gateway.spec.servers);
    let on_port = servers.filter(|server| server.port.number.0.map(|port| port.get()) == front.proxy.port);
    let mut hosts = on_port.flat_map(|server| &server.hosts);
    hosts.any(|pattern| {
        let bare = pattern.split_once('/').map_or(pattern.as_str(), |(_, host)| host);
        names::covers(&bare.to_ascii_lowercase(), host)
    })
}
