//! What Istio refuses beside what Sailcloth acts on: for each rule a resource that breaks it, and those that just do not.

use shared::finding::Origin;

use crate::findings;

/// What the webhook and the schemas refuse of a spec, as `path: message`.
fn refused(kind: &str, metadata: &str, spec: &str) -> Vec<String> {
    let text = format!(
        "apiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: x{metadata}}}\nspec: {{{spec}}}\n"
    );
    let stops = findings(&text).into_iter().filter(|finding| finding.stops() && finding.origin == Origin::Validation);
    stops.map(|finding| format!("{}: {} ({})", finding.path, finding.message, finding.hint)).collect()
}

/// Rows of a spec, the path under `spec` at which something is wrong, and a part of the message. An empty path is for
/// a spec that nothing is wrong with.
fn rows<S: std::fmt::Display>(kind: &str, before: &str, rows: &[(S, &str, &str)]) {
    for (spec, path, part) in rows {
        let found = refused(kind, "", &format!("{before}{spec}"));
        if path.is_empty() {
            assert_eq!(found, Vec::<String>::new(), "{kind} {spec}");
            continue;
        }
        let here = format!("spec.{path}: ");
        let fits = found.len() == 1 && found.iter().all(|text| text.starts_with(&here) && text.contains(part));
        assert!(fits, "{kind} {spec}: expected {path} `{part}`, got {found:#?}");
    }
}

#[test]
fn load_balancers() {
    let at = "trafficPolicy.loadBalancer";
    let all = [
        ("simple: RANDOM, consistentHash: {httpHeaderName: a}", "", "`simple` and `consistentHash`"),
        (
            "consistentHash: {httpHeaderName: a, useSourceIp: true}",
            ".consistentHash",
            "`httpHeaderName` and `useSourceIp`",
        ),
        ("consistentHash: {useSourceIp: true, ringHash: {}, maglev: {tableSize: 7}}", ".consistentHash", "`ringHash`"),
        ("consistentHash: {httpHeaderName: 5}", ".consistentHash.httpHeaderName", "a string"),
        ("consistentHash: {useSourceIp: 'yes!'}", ".consistentHash.useSourceIp", "`true` or `false`"),
        ("consistentHash: {httpCookie: {ttl: 0s}}", ".consistentHash.httpCookie", "`name` is missing"),
        ("consistentHash: {httpCookie: {name: ''}}", ".consistentHash.httpCookie.name", "empty"),
        ("consistentHash: {httpCookie: {name: a, ttl: soon}}", ".consistentHash.httpCookie.ttl", "a duration"),
        (
            "consistentHash: {httpCookie: {name: a, attributes: [{value: b}]}}",
            ".consistentHash.httpCookie.attributes[0]",
            "`name` is missing",
        ),
        (
            "consistentHash: {httpCookie: {name: a, attributes: [{name: b}, {name: b}]}}",
            ".consistentHash.httpCookie.attributes[1].name",
            "stands twice",
        ),
        ("consistentHash: {useSourceIp: true, minimumRingSize: -1}", ".consistentHash.minimumRingSize", "at least 0"),
        (
            "consistentHash: {useSourceIp: true, minimumRingSize: 1, ringHash: {}}",
            ".consistentHash.minimumRingSize",
            "beside `ringHash`",
        ),
        ("consistentHash: {useSourceIp: true, maglev: {}}", ".consistentHash.maglev", "missing"),
        ("consistentHash: {useSourceIp: true, maglev: {tableSize: 9}}", ".consistentHash.maglev.tableSize", "a prime"),
        (
            "consistentHash: {useSourceIp: true, maglev: {tableSize: 5000011}}",
            ".consistentHash.maglev.tableSize",
            "below 5000011",
        ),
        ("localityLbSetting: {enabled: 1}", ".localityLbSetting.enabled", "`true` or `false`"),
        ("localityLbSetting: {}, zoneAwareLbSetting: {}", ".zoneAwareLbSetting", "beside `localityLbSetting`"),
        (
            "localityLbSetting: {distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]}",
            ".localityLbSetting.failover",
            "beside `distribute`",
        ),
        (
            "localityLbSetting: {failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]}",
            ".localityLbSetting.failoverPriority[0]",
            "beside `failover`",
        ),
        (
            "localityLbSetting: {distribute: [{from: a, to: {b: 60, c: 30}}]}",
            ".localityLbSetting.distribute[0].to",
            "90",
        ),
        (
            "localityLbSetting: {distribute: [{from: a, to: {b: 0, c: 100}}]}",
            ".localityLbSetting.distribute[0].to.b",
            "from 1 to 100",
        ),
        (
            "localityLbSetting: {distribute: [{from: a/b, to: {c: 100}}, {from: a/*, to: {c: 100}}, {from: a, to: {c: 100}}]}",
            ".localityLbSetting.distribute[2].from",
            "overlaps",
        ),
        ("localityLbSetting: {distribute: [{from: a, to: {b/c/d: 50, 'b/c/*': 50}}]}", "", ""),
        (
            "localityLbSetting: {distribute: [{from: a, to: {'b/c/*': 50, b/c/d: 50}}]}",
            ".localityLbSetting.distribute[0].to[\"b/c/d\"]",
            "overlaps",
        ),
        (
            "localityLbSetting: {distribute: [{from: 'a*/b', to: {c: 100}}]}",
            ".localityLbSetting.distribute[0].from",
            "`*`",
        ),
        (
            "localityLbSetting: {distribute: [{from: a//b, to: {c: 100}}]}",
            ".localityLbSetting.distribute[0].from",
            "empty",
        ),
        ("localityLbSetting: {failover: [{from: a, to: a}]}", ".localityLbSetting.failover[0]", "two regions"),
        ("localityLbSetting: {failover: [{from: a/b, to: c}]}", ".localityLbSetting.failover[0].from", "not a region"),
        ("zoneAwareLbSetting: {minClusterSize: 0}", ".zoneAwareLbSetting.minClusterSize", "from 1"),
        (
            "zoneAwareLbSetting: {failoverPriority: [topology.kubernetes.io/region]}",
            ".zoneAwareLbSetting.failoverPriority[0]",
            "by itself",
        ),
        ("warmup: {minimumPercent: 10}", ".warmup", "`duration` is missing"),
        ("warmup: {duration: 10us}", ".warmup.duration", "at least `1ms`"),
        (
            "warmup: {duration: 1s, minimumPercent: 150}",
            ".warmup.minimumPercent",
            "from 0 to 100, found the number `150`",
        ),
        ("warmup: {duration: 1s, aggression: -1}", ".warmup.aggression", "at least 0"),
        ("warmup: {duration: 1s, aggression: 0}", ".warmup.aggression", "above 0"),
        ("warmup: {duration: 1s, aggression: 0.5, minimumPercent: 100}", "", ""),
        ("warmupDurationSecs: 10", ".warmupDurationSecs", "a duration"),
    ];
    for (settings, path, part) in all {
        let path = if part.is_empty() { String::new() } else { format!("{at}{path}") };
        let policy = format!("trafficPolicy: {{loadBalancer: {{{settings}}}}}");
        rows("DestinationRule", "host: web, ", &[(&policy, &path, part)]);
    }
}

#[test]
fn traffic_policies() {
    rows(
        "DestinationRule",
        "host: web, ",
        &[
            ("trafficPolicy: {tls: {mode: SIMPLY}}", "trafficPolicy.tls.mode", "one of `DISABLE`"),
            ("trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: a}}", "trafficPolicy.tls", "needs `privateKey`"),
            (
                "subsets: [{name: v1, trafficPolicy: {tls: {mode: MUTUAL, privateKey: a}}}]",
                "subsets[0].trafficPolicy.tls",
                "needs `clientCertificate`",
            ),
            ("trafficPolicy: {tls: {mode: MUTUAL, credentialName: a}}", "", ""),
            (
                "trafficPolicy: {tls: {mode: SIMPLE, credentialName: a, caCertificates: b}}",
                "trafficPolicy.tls.caCertificates",
                "beside `credentialName`",
            ),
            (
                "trafficPolicy: {tls: {mode: SIMPLE, credentialName: 'configmap://other/a'}}",
                "trafficPolicy.tls.credentialName",
                "`configmap://default/NAME`",
            ),
            (
                "trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}}]}",
                "trafficPolicy.portLevelSettings[0].tls.subjectAltNames",
                "nothing is verified",
            ),
            ("trafficPolicy: {portLevelSettings: []}", "trafficPolicy", "at least one setting"),
            ("trafficPolicy: {portLevelSettings: [{port: {number: 70000}, tls: {mode: SIMPLE}}]}", "", ""),
            (
                "trafficPolicy: {tunnel: {targetHost: a.b, targetPort: 443}, proxyProtocol: {version: V1}}",
                "trafficPolicy.proxyProtocol",
                "beside `tunnel`",
            ),
            (
                "trafficPolicy: {tunnel: {protocol: GET, targetHost: a.b, targetPort: 443}}",
                "trafficPolicy.tunnel.protocol",
                "`CONNECT` or `POST`",
            ),
            ("trafficPolicy: {tunnel: {targetHost: a.b}}", "trafficPolicy.tunnel", "`targetPort` is missing"),
            ("trafficPolicy: {tunnel: {targetHost: a_b, targetPort: 1}}", "trafficPolicy.tunnel.targetHost", "`a_b`"),
            ("trafficPolicy: {tunnel: {targetHost: a.b, targetPort: 0}}", "trafficPolicy.tunnel.targetPort", "65535"),
            ("trafficPolicy: {proxyProtocol: {version: V3}}", "trafficPolicy.proxyProtocol.version", "`V1` `V2`"),
            ("trafficPolicy: {retryBudget: {percent: 101}}", "trafficPolicy.retryBudget.percent", "from 0 to 100"),
            (
                "trafficPolicy: {retryBudget: {budgetInterval: x}}",
                "trafficPolicy.retryBudget.budgetInterval",
                "a duration",
            ),
            (
                "trafficPolicy: {outlierDetection: {outlierDetectionHttpErrorCodes: [600]}}",
                "trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes[0]",
                "from 100 to 599",
            ),
            ("trafficPolicy: {outlierDetection: {consecutiveErrors: -1}}", "", ""),
            ("workloadSelector: {matchLabels: {'a*': b}}", "workloadSelector.matchLabels.a*", "no meaning"),
            ("workloadSelector: {matchLabels: {a: '*'}}", "workloadSelector.matchLabels.a", "no meaning"),
        ],
    );
}

#[test]
fn who_may_see_it() {
    rows(
        "DestinationRule",
        "host: web, ",
        &[
            ("exportTo: ['*']", "", ""),
            ("exportTo: [., shop]", "", ""),
            ("exportTo: [a_b]", "exportTo[0]", "not a namespace"),
            ("exportTo: ['~']", "exportTo[0]", "ServiceEntry alone"),
            ("exportTo: [., default]", "exportTo[1]", "stands twice"),
            ("exportTo: ['*', shop]", "exportTo", "everybody"),
            ("exportTo: [shop], workloadSelector: {matchLabels: {a: b}}", "exportTo", "its own namespace alone"),
            ("exportTo: [default], workloadSelector: {matchLabels: {a: b}}", "", ""),
            ("exportTo: shop", "exportTo", "a list"),
        ],
    );
    let entry = "hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}], ";
    rows("ServiceEntry", entry, &[("exportTo: ['~']", "", ""), ("exportTo: ['~', shop]", "exportTo", "nobody")]);
}

#[test]
fn servers() {
    let server = |port: &str, rest: &str| format!("servers: [{{port: {{name: a, {port}}}, hosts: [a.b], {rest}}}]");
    let https = "number: 443, protocol: HTTPS";
    let http = "number: 80, protocol: HTTP";
    let all = [
        (server(https, "tls: {mode: SIMPLE}"), "two", ""),
        (server(https, "tls: {mode: SIMPLE, credentialName: a}"), "", ""),
        (server(https, "tls: {mode: SIMPLE, serverCertificate: a}"), "tls", "needs `privateKey`"),
        (server(https, "tls: {mode: MUTUAL, serverCertificate: a, privateKey: b}"), "tls", "needs `caCertificates`"),
        (server(https, "tls: {mode: ISTIO_MUTUAL, privateKey: b}"), "tls.privateKey", "certificates of its own"),
        (server(https, "tls: {mode: SIMPLE, tlsCertificates: [{privateKey: b}]}"), "tls.tlsCertificates[0]", "needs"),
        (server(https, "tls: {mode: SIMPLE, tlsCertificates: []}"), "three", ""),
        (server(https, "tls: {mode: SIMPLE, credentialNames: [a, b, c]}"), "tls.credentialNames", "at most 2"),
        (
            server(https, "tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, credentialName: c}"),
            "tls.serverCertificate",
            "cannot stand together",
        ),
        (
            server(https, "tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, caCrl: c}"),
            "tls.caCrl",
            "no certificate",
        ),
        (server(https, "tls: {credentialName: a, minProtocolVersion: TLSV9}"), "tls.minProtocolVersion", "one of"),
        (server(https, "tls: {credentialName: a, cipherSuites: [5]}"), "tls.cipherSuites[0]", "a string"),
        (server("number: 0, protocol: HTTP", "bind: 'unix://@x'"), "", ""),
        (server("number: 0, protocol: HTTP", "bind: 'unix:///run/x'"), "", ""),
        (server("number: 0, protocol: HTTP", "name: x"), "port.number", "from 1 to 65535"),
        (server(http, "bind: 'unix://@x'"), "port.number", "has no port"),
        (server("number: 0, protocol: HTTP", "bind: 'unix:///run/'"), "bind", "a folder"),
        (server("number: 0, protocol: HTTP", "bind: 'unix://run'"), "bind", "an absolute path"),
        (server(http, "bind: here"), "bind", "not an IP address"),
        (server(http, "bind: '::1'"), "", ""),
        (server("number: 80, protocol: HTTP, targetPort: 0", "name: x"), "", ""),
    ];
    for (spec, path, part) in &all {
        match *path {
            "two" => assert_eq!(refused("Gateway", "", spec).len(), 2, "{spec}"),
            "three" => assert_eq!(refused("Gateway", "", spec).len(), 3, "{spec}"),
            "" => rows("Gateway", "", &[(spec, "", "")]),
            path => rows("Gateway", "", &[(spec, &format!("servers[0].{path}"), part)]),
        }
    }
}

#[test]
fn services_and_endpoints() {
    let ports = "ports: [{number: 80, name: http, protocol: HTTP}], ";
    let long = "a".repeat(64);
    let many = vec!["{address: 1.2.3.4}"; 4097].join(", ");
    rows(
        "ServiceEntry",
        &format!("{ports}hosts: [a.b], "),
        &[
            ("addresses: [10.0.0.0/8], resolution: NONE", "", ""),
            ("addresses: [10.0.0.0/8], resolution: STATIC", "", ""),
            ("addresses: [10.0.0.0/8], resolution: DNS", "addresses[0]", "needs the resolution `NONE` or `STATIC`"),
            ("addresses: [10.0.0.0/33]", "addresses[0]", "a block such as"),
            ("addresses: [10.0.0.0/08]", "addresses[0]", "a block such as"),
            ("addresses: ['fd00::/129']", "addresses[0]", "a block such as"),
            ("addresses: ['fd00::/128']", "", ""),
            ("addresses: [here]", "addresses[0]", "an address such as"),
            ("endpoints: [], resolution: NONE", "endpoints", "not even empty"),
            ("endpoints: [], workloadSelector: {labels: {a: b}}, resolution: STATIC", "endpoints", "beside"),
            ("endpoints: [], resolution: STATIC", "", ""),
            ("resolution: STATIC, endpoints: [{address: 'unix:///run/'}]", "endpoints[0].address", "a folder"),
            ("resolution: STATIC, endpoints: [{address: 'unix://@x'}]", "", ""),
            ("resolution: STATIC, endpoints: [{address: 'unix://@x', ports: {}}]", "endpoints[0].ports", "no ports"),
            ("resolution: STATIC, endpoints: [{network: ''}]", "endpoints[0]", "`address` is missing"),
            ("resolution: DNS, endpoints: [{network: a}]", "endpoints[0]", "`address` is missing"),
            ("resolution: STATIC, endpoints: [{network: a}]", "", ""),
            (&format!("resolution: STATIC, endpoints: [{many}]"), "endpoints", "at most 4096 items"),
            (
                &format!("resolution: STATIC, workloadSelector: {{labels: {{a: {long}}}}}"),
                "workloadSelector.labels.a",
                "63",
            ),
        ],
    );
    let hosts = "hosts: ['*foo.com'], workloadSelector: {labels: {a: b}}, ";
    rows("ServiceEntry", ports, &[(&format!("{hosts}resolution: DNS"), "hosts[0]", "cannot be asked of DNS")]);
    let spec = "ports: [{number: 80, name: http, protocol: HTTP}], hosts: ['*.a.b'], resolution: DYNAMIC_DNS";
    let waypoint = ", labels: {istio.io/use-waypoint: w}";
    assert_eq!(refused("ServiceEntry", waypoint, &format!("{spec}, location: MESH_INTERNAL")).len(), 1);
    assert_eq!(refused("ServiceEntry", waypoint, &format!("{spec}, location: MESH_EXTERNAL")).len(), 0);
    rows(
        "WorkloadEntry",
        "",
        &[
            ("address: 'unix:///run/x/'".to_owned(), "address", "a folder"),
            ("address: 'unix:///run/x', ports: {}".to_owned(), "ports", "no ports"),
            (format!("address: 1.2.3.4, serviceAccount: {}", "a".repeat(254)), "serviceAccount", "253"),
        ],
    );
    assert_eq!(refused("WorkloadEntry", "", "network: ''").len(), 1);
    assert_eq!(refused("WorkloadEntry", "", &format!("address: {}", "a.".repeat(130))).len(), 2);
}

#[test]
fn rules_of_other_protocols() {
    let route = "route: [{destination: {host: web}}]";
    let tls = |inner: &str| format!("tls: [{{match: [{{sniHosts: [a.b], {inner}}}], {route}}}]");
    rows(
        "VirtualService",
        "hosts: [a.b], ",
        &[
            (tls("port: 443"), "", ""),
            (tls("port: 70000"), "tls[0].match[0].port", "from 1 to 65535"),
            (tls("port: -1"), "tls[0].match[0].port", "from 0"),
            (tls("destinationSubnets: [10.0.0.0/40]"), "tls[0].match[0].destinationSubnets[0]", "a block"),
            (tls("sourceLabels: {'a!': b}"), "tls[0].match[0].sourceLabels.a!", "not a label's key"),
            (tls("gateways: [a/b_c]"), "tls[0].match[0].gateways[0]", "not a gateway"),
            (format!("tls: [{{match: [], {route}}}]"), "tls[0]", "at least one match"),
            (format!("tls: [{{match: [{{sniHosts: []}}], {route}}}]"), "tls[0].match[0]", "needs `sniHosts`"),
            (format!("tls: [{{match: [{{sniHosts: [c.d]}}], {route}}}]"), "tls[0].match[0].sniHosts[0]", "none of"),
            (format!("tls: [{{match: [{{sniHosts: [a_b]}}], {route}}}]"), "tls[0].match[0].sniHosts[0]", "`a_b`"),
            ("tls: [{match: [{sniHosts: [a.b]}]}]".to_owned(), "tls[0]", "does nothing"),
            ("tcp: [{match: [{port: 80}]}]".to_owned(), "tcp[0]", "does nothing"),
            ("tcp: [{route: [{weight: 1}]}]".to_owned(), "tcp[0].route[0]", "`destination` is missing"),
            (
                "tcp: [{route: [{destination: {host: '*'}}]}]".to_owned(),
                "tcp[0].route[0].destination.host",
                "cannot be",
            ),
            (
                "tcp: [{route: [{destination: {host: web, port: {}}}]}]".to_owned(),
                "tcp[0].route[0].destination.port",
                "65535",
            ),
            (
                "tcp: [{route: [{destination: {host: web, subset: a_b}}]}]".to_owned(),
                "tcp[0].route[0].destination.subset",
                "a_b",
            ),
            (
                "tcp: [{route: [{destination: {host: web}, weight: -1}]}]".to_owned(),
                "tcp[0].route[0].weight",
                "0 or more",
            ),
            (
                "tcp: [{route: [{destination: {host: web}}, {destination: {host: web}}]}]".to_owned(),
                "tcp[0].route",
                "no destination",
            ),
        ],
    );
    assert_eq!(refused("VirtualService", "", "hosts: [a.b], tcp: []").len(), 1);
    assert_eq!(refused("VirtualService", "", &format!("hosts: [a.b], tls: [{{{route}}}]")).len(), 2);

    let between = |host: &str, gateways: &str| {
        format!("hosts: [{host}], gateways: [{gateways}], tls: [{{match: [{{sniHosts: [{host}]}}], {route}}}]")
    };
    rows("VirtualService", "", &[(&between("outbound_.15010_._.x", "gw"), "", "")]);
    for (host, gateways) in [("outbound_.15010_._.x", "mesh"), ("outbound_.x_._.x", "gw"), ("outbound_.1_", "gw")] {
        assert_eq!(refused("VirtualService", "", &between(host, gateways)).len(), 2, "{host}");
    }
    assert_eq!(
        refused("VirtualService", "", &format!("hosts: [outbound_.1_._.x], gateways: [gw], http: [{{{route}}}]")).len(),
        1
    );
}

#[test]
fn annotations_that_are_not_for_people() {
    let spec = "hosts: [a.b], resolution: STATIC, ports: [{number: 80, name: http, protocol: HTTP}]";
    for name in ["istio.io/dry-run", "internal.istio.io/parents"] {
        let found = refused("ServiceEntry", &format!(", annotations: {{{name}: 'true'}}"), spec);
        assert_eq!(found.len(), 1, "{name}: {found:?}");
    }
    assert_eq!(refused("ServiceEntry", ", annotations: {istio.io/rev: a}", spec), Vec::<String>::new());
}
