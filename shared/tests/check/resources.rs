//! Whole resources, each by itself.

use shared::finding::Code::{
    Deprecated, Duplicate, NotAResource, NotYaml, SchemaValidationError as Invalid, SchemaWarning, UnknownField,
    UnknownKind, Unsupported,
};

use crate::{Expected, assert_row};

/// A resource whose spec begins in line 4, without indentation.
fn spec(kind: &str, body: &str) -> String {
    let indented: String = body.lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{indented}")
}

fn rows(kind: &str, rows: &[(&str, &str, &[Expected<'_>])]) {
    for (behaviour, body, expected) in rows {
        assert_row(behaviour, &spec(kind, body), expected);
    }
}

#[test]
fn what_is_no_resource() {
    for (behaviour, text, expected) in [
        ("no YAML", "a: b: c", &[(NotYaml, "", 1, "mapping values")][..]),
        ("no resource", "a: 1", &[(NotAResource, "", 1, "not a Kubernetes resource")]),
        (
            "an unknown kind",
            "apiVersion: networking.istio.io/v1\nkind: VirtualServce\nmetadata: {name: x}",
            &[(UnknownKind, "kind", 2, "did you mean `VirtualService`?")],
        ),
        (
            "an unknown field beside the spec",
            "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {}\nports: []",
            &[(UnknownField, "ports", 5, "under `spec`")],
        ),
        (
            "an unknown field of the metadata, beside one that is Kubernetes' own",
            "apiVersion: v1\nkind: Service\nmetadata: {name: x, namspace: shop, uid: 1}\nspec: {}",
            &[(UnknownField, "metadata.namspace", 3, "did you mean `namespace`?")],
        ),
        (
            "the same name twice in a file",
            "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: x}",
            &[(Duplicate, "metadata.name", 7, "already defined at row.yaml:1")],
        ),
        (
            "wrong types, all of them",
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x}\nspec:\n  hosts: web\n  gateways: [1]\n  http: {}",
            &[
                (Invalid, "spec.hosts", 5, "expected a list, found the string `web`"),
                (Invalid, "spec.gateways[0]", 6, "write it in quotes"),
                (Invalid, "spec.http", 7, "expected a list, found a mapping"),
            ],
        ),
        (
            "a list of resources, in JSON",
            "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n\t{\"apiVersion\": \"v1\", \"kind\": \"Service\", \"metadata\": {\n\t\t\"nme\": 1}}]}",
            &[(Invalid, "metadata", 2, "`name` is missing"), (UnknownField, "metadata.nme", 3, "did you mean `name`?")],
        ),
    ] {
        assert_row(behaviour, text, expected);
    }
}

#[test]
fn virtual_services() {
    let http = "http: [{route: [{destination: {host: web}}]}]";
    for (behaviour, hosts, expected) in [
        ("an address", "hosts: [10.0.0.1]", &[][..]),
        (
            "hosts that are none",
            "hosts: [a_b, 'https://x/']",
            &[
                (Invalid, "spec.hosts[0]", 5, "found the label `a_b`"),
                (Invalid, "spec.hosts[1]", 5, "without scheme and path"),
            ],
        ),
        ("a host with its port", "hosts: ['a:80']", &[(Invalid, "spec.hosts[0]", 5, "without its port")]),
        (
            "a longer host with its port, which the message has whole",
            "hosts: ['shop.a.b:80']",
            &[(Invalid, "spec.hosts[0]", 5, "`shop.a.b:80` is not a host")],
        ),
        ("everything, for sidecars", "hosts: ['*']", &[(Invalid, "spec.hosts[0]", 5, "not allowed for sidecars")]),
        ("everything, at a gateway", "hosts: ['*']\ngateways: [gw]", &[]),
        ("a host twice", "hosts: [a.b, a.b]", &[(Invalid, "spec.hosts[1]", 5, "`a.b` stands twice")]),
        (
            "hosts that overlap",
            "hosts: ['*.foo.bar', c.d, '*.bar']",
            &[(Invalid, "spec.hosts[2]", 5, "`*.bar` and `*.foo.bar` overlap")],
        ),
        (
            "a wildcard first",
            "hosts: ['*.bar', a.bar]",
            &[(Invalid, "spec.hosts[1]", 5, "`a.bar` and `*.bar` overlap")],
        ),
        (
            "gateways that are none",
            "hosts: [a.b]\ngateways: [ns/*, ./gw, gw.default.svc]",
            &[
                (Invalid, "spec.gateways[0]", 6, "`ns/*` is not a gateway"),
                (Invalid, "spec.gateways[1]", 6, "write `gw`"),
                (SchemaWarning, "spec.gateways[2]", 6, "write `default/gw`"),
                (shared::finding::Code::ReferencedResourceNotFound, "spec.gateways[0]", 6, "`ns/*` is not in this set"),
            ],
        ),
        ("a delegate", "{}", &[]),
        ("a delegate with gateways", "gateways: [gw]", &[(Invalid, "spec.gateways", 5, "is a delegate")]),
    ] {
        let text = if hosts == "{}" { http.to_owned() } else { format!("{hosts}\n{http}") };
        assert_row(behaviour, &spec("VirtualService", &text), expected);
    }
    rows(
        "VirtualService",
        &[
            ("no rules", "hosts: [a.b]", &[(Invalid, "spec", 4, "no rules")]),
            (
                "other rules",
                "hosts: [a.b]\ntcp: [{route: [{destination: {host: web}}]}]",
                &[(Unsupported, "spec.tcp", 6, "")],
            ),
        ],
    );
}

#[test]
fn destination_rules() {
    rows(
        "DestinationRule",
        &[
            ("no host", "subsets: []", &[(Invalid, "spec", 5, "`host` is missing")]),
            (
                "subsets",
                "host: api\nsubsets:\n- name: v1\n- name: v1\n- name: v_1\n- name: ok\n  labels: {a/: b}",
                &[
                    (Invalid, "spec.subsets[1].name", 8, "`v1` is already defined"),
                    (Invalid, "spec.subsets[2].name", 9, "`v_1` is not a name"),
                    (Invalid, "spec.subsets[3].labels[\"a/\"]", 11, "`a/` is not a label's key"),
                ],
            ),
            (
                "a subset without a name",
                "host: api\nsubsets: [{}]",
                &[(Invalid, "spec.subsets[0]", 6, "`name` is missing")],
            ),
            (
                "policies",
                "host: api\ntrafficPolicy:\n  connectionPool: {}\nsubsets:\n- name: a\n  trafficPolicy:\n    loadBalancer: {simple: LEAST_CONN}\n    connectionPool: {tcp: {connectTimeout: 0s}}",
                &[
                    (Invalid, "spec.trafficPolicy.connectionPool", 7, "expected `tcp` or `http`"),
                    (Deprecated, "spec.subsets[0].trafficPolicy.loadBalancer.simple", 11, "write `LEAST_REQUEST`"),
                    (Invalid, "spec.subsets[0].trafficPolicy.connectionPool.tcp.connectTimeout", 12, "at least `1ms`"),
                ],
            ),
        ],
    );
}

#[test]
fn connection_pools_and_outlier_detection() {
    const POOL: &str = "spec.trafficPolicy.connectionPool";
    const OUTLIER: &str = "spec.trafficPolicy.outlierDetection";
    let policy = |policy: &str| format!("host: api\ntrafficPolicy: {policy}");
    for (behaviour, text, expected) in [
        ("nothing", "{}", &[(Invalid, "spec.trafficPolicy".to_owned(), "at least one setting")][..]),
        (
            "all that is acted on",
            "{connectionPool: {tcp: {maxConnections: 7, connectTimeout: 2s}, http: {http1MaxPendingRequests: 2, \
             http2MaxRequests: 11, maxRequestsPerConnection: 5, h2UpgradePolicy: UPGRADE}}, outlierDetection: {interval: \
             2s, baseEjectionTime: 2s, maxEjectionPercent: 50, minHealthPercent: 20, consecutiveGatewayErrors: 1}}",
            &[],
        ),
        (
            "numbers below zero",
            "{connectionPool: {tcp: {maxConnections: -1}, http: {http1MaxPendingRequests: -1, http2MaxRequests: -2, \
             maxRequestsPerConnection: 3000000000, maxRetries: -1, maxConcurrentStreams: -1}}}",
            &[
                (Invalid, format!("{POOL}.tcp.maxConnections"), "from 0 to 2147483647"),
                (Invalid, format!("{POOL}.http.http1MaxPendingRequests"), "from 0"),
                (Invalid, format!("{POOL}.http.http2MaxRequests"), "from 0"),
                (Invalid, format!("{POOL}.http.maxRequestsPerConnection"), "from 0"),
                (Invalid, format!("{POOL}.http.maxRetries"), "from 0"),
                (Invalid, format!("{POOL}.http.maxConcurrentStreams"), "from 0"),
            ],
        ),
        (
            "what is not acted on",
            "{connectionPool: {tcp: {idleTimeout: 0s, maxConnectionDuration: 0.5ms}, http: {maxRetries: 4, idleTimeout: \
             30s, http2KeepAlive: {timeout: 5s}}}}",
            &[
                (Invalid, format!("{POOL}.tcp.maxConnectionDuration"), "at least `1ms`"),
                (Unsupported, format!("{POOL}.tcp.maxConnectionDuration"), "no effect"),
                (Unsupported, format!("{POOL}.tcp.idleTimeout"), "no effect"),
                (Unsupported, format!("{POOL}.http.maxRetries"), "no effect"),
                (Unsupported, format!("{POOL}.http.idleTimeout"), "no effect"),
                (Invalid, format!("{POOL}.http.http2KeepAlive"), "`interval` is missing"),
                (Unsupported, format!("{POOL}.http.http2KeepAlive"), "no effect"),
            ],
        ),
        (
            "the client's protocol and an upgrade",
            "{connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}",
            &[
                (Invalid, format!("{POOL}.http.useClientProtocol"), "does not go together"),
                (Unsupported, format!("{POOL}.http.useClientProtocol"), "no effect"),
            ],
        ),
        (
            "outlier detection",
            "{outlierDetection: {interval: 2.000000005s, baseEjectionTime: 0s, maxEjectionPercent: 105, \
             consecutiveErrors: 101, consecutiveLocalOriginFailures: 10}}",
            &[
                (Invalid, format!("{OUTLIER}.maxEjectionPercent"), "from 0 to 100"),
                (Invalid, format!("{OUTLIER}.interval"), "whole milliseconds"),
                (Invalid, format!("{OUTLIER}.baseEjectionTime"), "at least `1ms`"),
                (SchemaWarning, format!("{OUTLIER}.consecutiveErrors"), "consecutive5xxErrors"),
                (Invalid, format!("{OUTLIER}.consecutiveLocalOriginFailures"), "splitExternalLocalOriginErrors"),
            ],
        ),
        (
            "the first alpha schema",
            "{outlierDetection: {http: {consecutiveErrors: 1, interval: 0s}}}",
            &[
                (Deprecated, format!("{OUTLIER}.http"), "consecutive5xxErrors"),
                (Invalid, format!("{OUTLIER}.http.interval"), "at least `1ms`"),
            ],
        ),
        (
            "settings of ports",
            "{portLevelSettings: [{connectionPool: {tcp: {maxConnections: 1}}}, {port: {number: 80}}, {port: {number: \
             90}, connectionPool: {}}]}",
            &[
                (Invalid, "spec.trafficPolicy.portLevelSettings[0]".to_owned(), "`port` is missing"),
                (Invalid, "spec.trafficPolicy.portLevelSettings[1]".to_owned(), "at least one setting for a port"),
                (Invalid, "spec.trafficPolicy.portLevelSettings[2].connectionPool".to_owned(), "`tcp` or `http`"),
            ],
        ),
    ] {
        let expected: Vec<_> = expected.iter().map(|(code, path, part)| (*code, path.as_str(), 6, *part)).collect();
        let mut expected = expected;
        expected.sort_by_key(|row| (row.1.to_owned(), row.0));
        assert_row(behaviour, &spec("DestinationRule", &policy(text)), &expected);
    }
}

#[test]
fn gateways() {
    rows(
        "Gateway",
        &[
            ("no servers", "selector: {a: b}", &[(Invalid, "spec.servers", 4, "at least one server")]),
            (
                "servers without what they need",
                "servers:\n- port: {number: 80, protocol: http}\n- port: {number: 443, name: a, protocol: HTTPS}\n  hosts: [a.b]\n- port: {number: 81, name: a, protocol: HTTP, targetPort: 1}\n  hosts: ['*']",
                &[
                    (Invalid, "spec.servers[0].port", 6, "`name` is missing"),
                    (Invalid, "spec.servers[0].hosts", 6, "at least one host"),
                    (Invalid, "spec.servers[1]", 7, "needs `tls`"),
                    (Invalid, "spec.servers[2].port.name", 9, "already used"),
                    (Invalid, "spec.servers[2].port.targetPort", 9, "no effect"),
                    (Unsupported, "spec.servers[2].port.targetPort", 9, ""),
                ],
            ),
            (
                "hosts",
                "servers:\n- port: {number: 80, name: a, protocol: HTTP}\n  hosts: [./a.b, '*/*', ns/a.b, 10.0.0.1, x, '*a.b', a_b/c.d, 'e.f:80']",
                &[
                    (Invalid, "spec.servers[0].hosts[4]", 7, "`x` is a short name"),
                    (Invalid, "spec.servers[0].hosts[5]", 7, "whole labels"),
                    (Invalid, "spec.servers[0].hosts[6]", 7, "`a_b` is not a namespace"),
                    (Invalid, "spec.servers[0].hosts[7]", 7, "not a host"),
                ],
            ),
            (
                "TLS where there is none",
                "servers:\n- port: {number: 80, name: a, protocol: HTTP}\n  hosts: [a.b]\n  tls: {mode: SIMPLE}\n- port: {number: 81, name: b, protocol: TCP}\n  hosts: [a.b]\n  tls: {httpsRedirect: true}",
                &[
                    (Unsupported, "spec.servers[0].tls.mode", 8, ""),
                    (Invalid, "spec.servers[0].tls", 8, "cannot open TLS"),
                    (Invalid, "spec.servers[0].tls", 8, "needs `serverCertificate`"),
                    (Invalid, "spec.servers[0].tls", 8, "needs `privateKey`"),
                    (Invalid, "spec.servers[1].tls", 11, "cannot have `tls`"),
                    (SchemaWarning, "spec.servers[1].tls.httpsRedirect", 11, "plain HTTP"),
                ],
            ),
            (
                "a redirect to https",
                "servers:\n- port: {number: 80, name: a, protocol: HTTP}\n  hosts: [a.b]\n  tls: {httpsRedirect: true}",
                &[],
            ),
        ],
    );
}

#[test]
fn service_entries() {
    rows(
        "ServiceEntry",
        &[
            ("names of DNS", "hosts: [a.b]\nresolution: DNS\nports: [{number: 80, name: http}]", &[]),
            (
                "nobody",
                "ports: [{number: 80, name: a b, protocol: HTP}]",
                &[
                    (Invalid, "spec.hosts", 4, "at least one host"),
                    (Invalid, "spec.ports[0].name", 5, "`a b` is not a name"),
                    (Invalid, "spec.ports[0].protocol", 5, "`HTP` is not a protocol"),
                ],
            ),
            ("everybody", "hosts: ['*']", &[(Invalid, "spec.hosts[0]", 5, "not allowed in a ServiceEntry")]),
            (
                "ports that collide",
                "hosts: [a.b]\nports:\n- {number: 80, name: a}\n- {number: 80, name: b}\n- {number: 81, name: a}",
                &[
                    (Invalid, "spec.ports[1].number", 8, "port 80 is already defined"),
                    (Invalid, "spec.ports[2].name", 9, "`a` is already defined"),
                ],
            ),
            (
                "endpoints without a resolution",
                "hosts: [a.b]\nendpoints: [{address: 1.2.3.4}]",
                &[(Invalid, "spec.endpoints", 6, "add `resolution: STATIC`")],
            ),
            (
                "a name where addresses are asked for",
                "hosts: [a.b]\nresolution: STATIC\nports: [{number: 80, name: http}]\nendpoints:\n- address: x.y\n- address: 1.2.3.4\n  ports: {htp: 1}\n- ports: {}",
                &[
                    (Invalid, "spec.endpoints[0].address", 9, "use `resolution: DNS`"),
                    (Invalid, "spec.endpoints[1].ports.htp", 11, "did you mean `http`?"),
                    (Invalid, "spec.endpoints[2]", 12, "`address` is missing"),
                ],
            ),
            (
                "a wildcard asked of DNS",
                "hosts: ['*.b']\nresolution: DNS",
                &[(Invalid, "spec.hosts[0]", 5, "cannot be asked of DNS")],
            ),
            ("part of a label", "hosts: ['*a.b']", &[(SchemaWarning, "spec.hosts[0]", 5, "whole labels")]),
            (
                "two of one",
                "hosts: [a.b]\nresolution: DNS_ROUND_ROBIN\nendpoints: [{address: a}, {address: b}]",
                &[(Invalid, "spec.endpoints", 7, "takes one endpoint")],
            ),
            (
                "two ways to endpoints",
                "hosts: [a.b]\nresolution: STATIC\nworkloadSelector: {labels: {a: b}}\nendpoints: [{address: 1.2.3.4}]",
                &[(Invalid, "spec.endpoints", 8, "beside `workloadSelector`")],
            ),
            (
                "hosts that a port cannot tell apart",
                "hosts: [a.b, c.d]\nresolution: DNS\nports: [{number: 1, name: a, protocol: TCP}]",
                &[(Invalid, "spec.ports[0].protocol", 7, "several hosts")],
            ),
        ],
    );
    rows(
        "WorkloadEntry",
        &[
            ("an address", "address: 1.2.3.4\nlabels: {a: b}", &[]),
            ("a socket", "address: unix:///a/b", &[]),
            ("no address", "labels: {a: b}", &[(Invalid, "spec", 4, "`address` is missing")]),
            ("no host either", "address: a_b", &[(Invalid, "spec.address", 5, "neither an IP address nor a host")]),
        ],
    );
}
