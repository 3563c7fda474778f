//! Destinations whose cluster nobody writes.

use shared::finding::Code::{NoCluster, NoEndpoints, ReferencedResourceNotFound as NotFound};

use shared::Severity;

use crate::{Expected, assert_row, findings};

/// What the rows lead to. The VirtualService begins in line 1, its rule is in line 6.
const SERVICES: &str = "---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: bare}
spec: {type: ExternalName, externalName: web.default.svc.cluster.local}
---
apiVersion: v1
kind: Service
metadata: {name: lost}
spec: {type: ExternalName, externalName: wbe.default.svc.cluster.local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: further}
spec: {type: ExternalName, externalName: away.default.svc.cluster.local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: none}
spec: {selector: {a: b}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: high}
spec: {hosts: [high.default.svc.cluster.local], resolution: DNS, ports: [{number: 8080, name: http, protocol: HTTP}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec: {hosts: ['*.wild.example'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}
";

const HOST: &str = "spec.http[0].route[0].destination.host";

fn row(behaviour: &str, gateway: &str, rule: &str, expected: &[Expected<'_>]) {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: x}}\nspec:\n  {{hosts: [a.example], gateways: [{gateway}], http: [\n  {rule}]}}\n{SERVICES}"
    );
    assert_row(&format!("{behaviour}, {gateway}"), &text, expected);
}

/// With one destination.
fn to(destination: &str) -> String {
    format!("{{route: [{{destination: {{{destination}}}}}]}}")
}

#[test]
fn services_of_type_external_name() {
    for gateway in ["gw", "mesh"] {
        for (behaviour, destination, expected) in [
            ("it leads to a service", "host: away", &[][..]),
            ("to a version of it", "host: away, subset: v1", &[]),
            (
                "to a version that it has not",
                "host: away, subset: v3",
                &[(NotFound, "spec.http[0].route[0].destination.subset", 6, "`v3` of `web.default.svc.cluster.local`")],
            ),
            ("to nobody", "host: lost", &[(NoCluster, HOST, 6, "`lost` leads to `wbe.default.svc.cluster.local`")]),
            ("past another one", "host: further", &[(NoCluster, HOST, 6, "where Istio does not follow")]),
            (
                "to a port that is not there",
                "host: away, port: {number: 81}",
                &[(NoCluster, HOST, 6, "has no port 81")],
            ),
        ] {
            row(behaviour, gateway, &to(destination), expected);
        }
    }
    row("without ports", "gw", &to("host: bare"), &[]);
    row("without ports", "mesh", &to("host: bare"), &[(NoCluster, HOST, 6, "give `bare` the port 80")]);
}

#[test]
fn other_hosts() {
    for gateway in ["gw", "mesh"] {
        for (behaviour, destination, expected) in [
            ("a wildcard itself", "host: '*.wild.example'", &[][..]),
            (
                "a host below a wildcard",
                "host: a.wild.example",
                &[(NoCluster, HOST, 6, "or write `host: '*.wild.example'`")],
            ),
            ("no ports", "host: none", &[(NoCluster, HOST, 6, "add `ports`")]),
            ("a port that is named", "host: high, port: {number: 8080}", &[]),
        ] {
            row(behaviour, gateway, &to(destination), expected);
        }
    }
    row("its only port", "gw", &to("host: high"), &[]);
    row("the mesh's port", "mesh", &to("host: high"), &[(NoCluster, HOST, 6, "add `port: {number: 8080}`")]);
    let elsewhere = "{match: [{port: 8080}], route: [{destination: {host: high}}]}";
    row("a rule that is not there", "mesh", elsewhere, &[]);
    let mirror = "{mirror: {host: none}, route: [{destination: {host: web}}]}";
    row("a mirror", "gw", mirror, &[(NoCluster, "spec.http[0].mirror.host", 6, "no ports")]);
}

#[test]
fn a_destination_rule_for_another_name() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: x}\nspec: {host: away}\n";
    let expected = [(NoCluster, "spec.host", 4, "write `host: web.default.svc.cluster.local`")];
    assert_row("it has no cluster", &format!("{rule}{SERVICES}"), &expected);
}

#[test]
fn nowhere_is_an_error_and_not_everywhere_a_warning() {
    let rule = |host: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: x}}\n\
             spec: {{hosts: [{host}], http: [{{route: [{{destination: {{host: high}}}}]}}]}}\n{SERVICES}"
        )
    };
    for (host, expected) in [("web", Severity::Error), ("both", Severity::Warning)] {
        let both = "---\napiVersion: v1\nkind: Service\nmetadata: {name: both}\nspec: {ports: [{port: 80, name: http}, {port: 8080, name: grpc}]}\n";
        let mut found = findings(&format!("{}{both}", rule(host)));
        found.retain(|one| one.code == NoCluster);
        let severities: Vec<_> = found.iter().map(|one| (one.code, one.severity)).collect();
        assert_eq!(severities, [(NoCluster, expected)], "{host}: {found:?}");
    }
}

#[test]
fn nobody_in_a_cluster_is_noted_once() {
    let services = "---
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: away}
spec: {type: ExternalName, externalName: empty.default.svc.cluster.local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: unasked}
spec: {ports: [{port: 80}]}
";
    let rule = |destinations: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: x}}\n\
             spec: {{hosts: [web], http: [{{route: [{destinations}]}}]}}\n{services}"
        )
    };
    let twice = rule("{destination: {host: away}, weight: 1}, {destination: {host: empty}, weight: 1}");
    let said = "no endpoint of `empty.default.svc.cluster.local`";
    assert_row("once, by whichever name", &twice, &[(NoEndpoints, HOST, 4, said)]);
    assert_eq!(findings(&twice)[0].severity, Severity::Info);
    let pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: nobody}}\nstatus: {podIP: 10.0.0.1}\n";
    assert_row("somebody", &format!("{twice}{pod}"), &[]);
}
