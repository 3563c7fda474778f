//! Routes lead to clusters that are written, or somebody says that they do not.

use std::collections::BTreeSet;

use shared::Severity;
use shared::finding::Code;
use shared::model::Resources;
use shared::plan::{Action, Plan};

use super::{Options, Source, loaded};
use crate::Proxy;

/// A service of each kind, as it is called, and a few that are no better than their name.
fn services() -> Vec<(&'static str, String)> {
    let entry = |host: &str, rest: &str| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: s}}, \
             spec: {{hosts: ['{host}'], {rest}}}}}"
        )
    };
    let service = |spec: &str| format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{{spec}}}}}");
    let http = "ports: [{number: 80, name: http, protocol: HTTP}]";
    vec![
        ("s.x", entry("s.x", &format!("{http}, resolution: STATIC, endpoints: [{{address: 10.0.0.1}}]"))),
        ("s.x", entry("s.x", &format!("{http}, resolution: DNS"))),
        ("s.x", entry("s.x", &format!("{http}, resolution: DNS_ROUND_ROBIN"))),
        ("s.x", entry("s.x", &format!("{http}, resolution: NONE"))),
        ("s.x", entry("s.x", "resolution: STATIC")),
        ("s.x", entry("s.x", "ports: [{number: 8080, name: http, protocol: HTTP}], resolution: DNS")),
        ("s.x", entry("*.x", &format!("{http}, resolution: NONE"))),
        ("'*.x'", entry("*.x", &format!("{http}, resolution: NONE"))),
        ("'*.x'", entry("*.x", &format!("{http}, resolution: DYNAMIC_DNS"))),
        ("s", service("ports: [{port: 80}]")),
        ("s", service("clusterIP: None, ports: [{port: 80}], selector: {a: b}")),
        ("s", service("clusterIP: None, selector: {a: b}")),
        ("s", service("ports: [{port: 80}, {port: 8080, name: http-more}]")),
        ("s", service("ports: [{port: 53, protocol: UDP, name: dns}]")),
        ("s", service("type: ExternalName, externalName: web.x, ports: [{port: 80}]")),
        ("s", service("type: ExternalName, externalName: web.x")),
        ("s", service("type: ExternalName, externalName: web.x, ports: [{port: 8080}]")),
        ("s", service("type: ExternalName, externalName: nobody.x, ports: [{port: 80}]")),
        ("s", service("type: ExternalName, externalName: again.default.svc.cluster.local, ports: [{port: 80}]")),
        ("s", service("type: ExternalName, externalName: s.default.svc.cluster.local, ports: [{port: 80}]")),
        ("s", service("type: ClusterIP, externalName: web.x, ports: [{port: 80}]")),
        ("nobody", service("ports: [{port: 80}]")),
    ]
}

const AROUND: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec: {selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec: {hosts: [web.x], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
---
apiVersion: v1
kind: Service
metadata: {name: again}
spec: {type: ExternalName, externalName: web.x, ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: all}
spec: {host: '*', subsets: [{name: v1}]}
";

/// The clusters that the rules lead to, for all that listen.
fn named(set: &Resources, proxies: impl Iterator<Item = Proxy>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for proxy in proxies {
        let plan = Plan::build(set, &shared::plan::Proxy::from(&proxy), shared::plan::guard::Detector::Envoy, 0);
        let rules = (0..plan.rule_count()).filter_map(|index| plan.rule(u32::try_from(index).unwrap()));
        for rule in rules.filter(|rule| !rule.source.virtual_service.is_empty()) {
            if let Action::Route(route) = &rule.action {
                all.extend(route.destinations.destinations().iter().map(|it| it.cluster.to_string()));
                all.extend(route.mirrors.all().iter().map(|it| it.cluster.clone()));
            }
        }
    }
    all
}

#[test]
fn no_route_leads_nowhere_unsaid() {
    let known =
        [Code::ReferencedResourceNotFound, Code::VirtualServiceDestinationPortSelectorRequired, Code::NoCluster];
    let mut nowhere = 0;
    for (host, service) in services() {
        for rest in [
            "",
            ", port: {number: 80}",
            ", port: {number: 8080}",
            ", port: {number: 53}",
            ", subset: v1",
            ", subset: v2",
        ] {
            for gateway in ["gw", "mesh"] {
                let to = format!("{{host: {host}{rest}}}");
                for rule in [
                    format!("route: [{{destination: {to}}}]"),
                    format!("mirror: {to}, route: [{{destination: {{host: web.x}}}}]"),
                ] {
                    let rule = format!(
                        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v}}, \
                         spec: {{hosts: [a.y], gateways: [{gateway}], http: [{{{rule}}}]}}}}"
                    );
                    let text = format!("{AROUND}\n---\n{service}\n---\n{rule}\n");
                    let loaded = loaded(vec![Source { name: "v.yaml".into(), text: text.clone() }]);
                    assert!(!loaded.stops(), "{text}: {:#?}", loaded.findings);
                    let generated = Options::default().generate(&loaded.set).unwrap();
                    let written: BTreeSet<String> =
                        generated.clusters.iter().map(|cluster| cluster.name.clone()).collect();
                    let named = named(&loaded.set, generated.fronts.into_iter().map(|front| front.proxy));
                    assert!(!named.is_empty(), "{text}");
                    let missing: Vec<_> = named.difference(&written).collect();
                    let said = loaded.findings.iter().any(|finding| {
                        finding.kind == "VirtualService"
                            && known.contains(&finding.code)
                            && finding.severity == Severity::Error
                    });
                    let about = || format!("{text}\n{missing:?}\n{:#?}", loaded.findings);
                    assert!(missing.is_empty() || said, "nobody says so: {}", about());
                    // Istio's analysis wants a port where there are several, whatever comes of it.
                    let port = loaded.findings.iter().any(|finding| finding.code == known[1]);
                    assert!(!missing.is_empty() || !said || port, "it leads somewhere: {}", about());
                    nowhere += missing.len();
                }
            }
        }
    }
    assert!(nowhere > 100, "{nowhere}");
}
