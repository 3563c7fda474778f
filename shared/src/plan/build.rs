//! From what a proxy's rules are to the plan that decides by them.

use std::sync::Arc;

use super::guard::{Detector, Guards};
use super::hosts::HostTable;
use super::routes::Routes;
use super::rule::Rule;
use super::telemetry::Telemetry;
use super::{Plan, Proxy, View, VirtualHost};
use crate::Map;
use crate::model::Resources;
use crate::resolve::{self, Domain, Listener, Resolved, Served, Silent, Source};

pub(super) fn build(
    set: &Resources,
    proxy: &Proxy,
    detector: Detector,
    fingerprint: u64,
    listener: &mut impl Listener,
) -> Plan {
    let roots = resolve::roots(set, proxy, Source::Proxy, listener);
    // As many as there are at least, or each of many small VirtualServices moves all rules there are.
    let mut rules = Vec::with_capacity(roots.iter().map(|root| root.service.spec.http.len()).sum());
    let mut compile = |rule| rules.push(Rule::compile(rule));
    let Resolved { ports, registry, by_authority, mesh, edge, blocks_unknown_hosts } =
        resolve::resolve(set, proxy, Source::Proxy, &roots, &mut compile, listener);
    let mut hosts = Vec::new();
    let view = |Served { port, domains }| View { port, table: table(domains, &rules, &mut hosts) };
    let views = ports.into_iter().map(view).collect();
    let mut guards = Guards::compile(set, &registry, detector, Some(proxy.namespace()));
    guards.assign(&mut rules);
    let telemetry = Telemetry::new(&rules, &registry, proxy, edge);
    let explain_token = proxy.explain.as_ref().map(|explain| explain.token.0.clone());
    Plan {
        fingerprint,
        views,
        by_authority,
        passthrough: mesh && !blocks_unknown_hosts,
        blocks_unknown_hosts,
        unknown_hosts: None,
        access_log: false,
        explain_token,
        hosts,
        rules,
        telemetry,
        guards,
    }
}

/// The rules that requests can come to where `proxy` listens, whatever its labels and its namespace are: more than any
/// one proxy has.
pub(super) fn rules_for_any_source(set: &Resources, proxy: &Proxy) -> Vec<Rule> {
    let mut rules = Vec::new();
    let mut resolve = |proxy: &Proxy| {
        let roots = resolve::roots(set, proxy, Source::Any, &mut Silent);
        resolve::resolve(set, proxy, Source::Any, &roots, &mut |rule| rules.push(Rule::compile(rule)), &mut Silent);
    };
    resolve(proxy);
    // Whose labels are not known may be any Sidecar's.
    if proxy.labels.is_empty() && !proxy.gateways.is_empty() {
        let own = set.sidecars.iter().filter(|sidecar| sidecar.meta.namespace() == proxy.namespace());
        for selector in own.filter_map(|sidecar| sidecar.spec.workload_selector.as_ref()) {
            resolve(&Proxy { labels: selector.labels.clone(), ..proxy.clone() });
        }
    }
    rules
}

/// Gives each domain of a port its virtual host.
fn table(domains: Map<Domain>, rules: &[Rule], hosts: &mut Vec<VirtualHost>) -> HostTable {
    let mut table = Vec::new();
    let mut last: Option<Arc<Routes>> = None;
    for (domain, Domain { routes, https_redirect }) in domains.into_sorted() {
        let Ok(index) = u32::try_from(hosts.len()) else { break };
        let routes: Vec<_> = routes.into_iter().map(|route| (route.rule, route.matched)).collect();
        // The names of a service follow each other.
        let routes = match last {
            Some(last) if last.list() == routes => last,
            _ => Arc::new(Routes::new(routes, rules)),
        };
        last = Some(Arc::clone(&routes));
        table.push((domain.clone(), index));
        hosts.push(VirtualHost { domain, https_redirect, routes });
    }
    HostTable::new(table)
}
