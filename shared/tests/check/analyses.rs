//! What `istioctl analyze` says where it takes other people's kinds, labels, annotations and exports.

use shared::Severity;
use shared::finding::Code::{self, *};

use crate::findings;

/// A document of a kind, in the namespace `a`.
fn document(version: &str, kind: &str, name: &str, rest: &str) -> String {
    format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: a}}\n{rest}\n---\n")
}

fn istio(kind: &str, name: &str, spec: &str) -> String {
    let group = match kind {
        "AuthorizationPolicy" | "RequestAuthentication" => "security.istio.io/v1",
        "Telemetry" => "telemetry.istio.io/v1",
        _ => "networking.istio.io/v1",
    };
    document(group, kind, name, &format!("spec: {spec}"))
}

fn labelled(kind: &str, name: &str, labels: &str, rest: &str) -> String {
    let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    let metadata = format!("metadata: {{name: {name}, namespace: a, labels: {labels}}}");
    format!("apiVersion: {version}\nkind: {kind}\n{metadata}\n{rest}\n---\n")
}

fn annotated(kind: &str, annotations: &str) -> String {
    let version = if kind == "Deployment" { "apps/v1" } else { "v1" };
    format!(
        "apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x, namespace: a, annotations: {annotations}}}\n---\n"
    )
}

const POD: &str = "spec: {containers: [{name: main, image: x}]}";

/// The codes of these that are said, and of which resource.
fn said(text: &str, codes: &[Code]) -> Vec<String> {
    let of = findings(text).into_iter().filter(|finding| codes.contains(&finding.code));
    let mut said: Vec<String> =
        of.map(|finding| format!("{} {} {}", finding.code, finding.name, finding.path)).collect();
    said.sort();
    said
}

#[track_caller]
fn assert_said(behaviour: &str, text: &str, codes: &[Code], expected: &[&str]) {
    assert_eq!(said(text, codes), expected, "{behaviour}:\n{text}");
}

#[test]
fn selectors_of_gateways() {
    let gateway = |name: &str, labels: &str, port: u32| {
        let servers = format!("servers: [{{port: {{number: {port}, name: http, protocol: HTTP}}, hosts: ['*']}}]");
        istio("Gateway", name, &format!("{{selector: {labels}, {servers}}}"))
    };
    let pod = labelled("Pod", "edge", "{app: edge}", POD);
    let service =
        document("v1", "Service", "edge", "spec: {selector: {app: edge}, ports: [{port: 80, targetPort: 8080}]}");
    let own = gateway("g", "{app: edge}", 80);
    let codes = [ReferencedResourceNotFound, GatewayPortNotDefinedOnService, ConflictingGateways];
    assert_said("its own workload", &format!("{pod}{service}{own}"), &codes, &[]);
    assert_said(
        "a port that is forwarded to",
        &format!("{pod}{service}{}", gateway("g", "{app: edge}", 8080)),
        &codes,
        &[],
    );
    assert_said("Istio's", &gateway("g", "{istio: ingressgateway}", 443), &codes, &[]);
    assert_said(
        "another port",
        &format!("{pod}{service}{}", gateway("g", "{app: edge}", 81)),
        &codes,
        &["IST0162 g spec.servers[0].port.number"],
    );
    let nobody = gateway("g", "{app: edgy}", 80);
    assert_said("nobody", &format!("{pod}{nobody}"), &codes, &["IST0101 g spec.selector"]);
    // Where a set has no workloads at all, they are elsewhere.
    let severity = |text: &str| findings(text).iter().find(|one| one.path == "spec.selector").map(|one| one.severity);
    assert_eq!(severity(&format!("{pod}{nobody}")), Some(Severity::Error));
    assert_eq!(severity(&nobody), Some(Severity::Info));
    let deployment = "spec: {template: {metadata: {labels: {app: edgy}}, spec: {containers: []}}}";
    let deployment = labelled("Deployment", "edge", "{}", deployment);
    assert_eq!(severity(&format!("{deployment}{nobody}")), None);
    let two = format!("{}{}", gateway("g", "{app: edge}", 80), gateway("h", "{app: edge}", 80));
    let both = ["IST0145 g spec.servers[0]", "IST0145 h spec.servers[0]"];
    assert_said("the same hosts", &format!("{pod}{service}{two}"), &codes, &both);
    let wider = format!("{}{}", gateway("g", "{app: edge}", 80), gateway("h", "{app: edge, tier: x}", 80));
    let wide = labelled("Pod", "edge", "{app: edge, tier: x}", POD);
    assert_said("of one workload", &format!("{wide}{service}{wider}"), &codes, &both);
    let elsewhere = format!("{}{}", gateway("g", "{app: edge}", 80), gateway("h", "{app: edge}", 8080));
    assert_said("on another port", &format!("{pod}{service}{elsewhere}"), &codes, &[]);
}

#[test]
fn secrets_of_gateways() {
    let gateway = |name: &str| {
        let tls = "tls: {mode: SIMPLE, credentialName: cert}";
        let port = "port: {number: 443, name: https, protocol: HTTPS}";
        istio("Gateway", name, &format!("{{selector: {{app: edge}}, servers: [{{{port}, hosts: [{name}.x], {tls}}}]}}"))
    };
    let pod = labelled("Pod", "edge", "{app: edge}", POD);
    let codes = [InvalidGatewayCredential, GatewayDuplicateCertificate, ReferencedResourceNotFound];
    let field = "spec.servers[0].tls.credentialName";
    let other = document("v1", "Secret", "other", "data: {}");
    assert_said("none", &format!("{pod}{other}{}", gateway("g")), &codes, &[&format!("IST0101 g {field}")]);
    for (behaviour, data) in [
        ("empty", "data: {}"),
        ("no key", "data: {tls.crt: eA==}"),
        ("no certificate", "data: {tls.crt: eA==, tls.key: eA==}"),
        (
            "in plain text, and cut",
            "stringData: {tls.crt: '-----BEGIN CERTIFICATE-----MAA=-----END CERTIFICATE-----', tls.key: x}",
        ),
    ] {
        let secret = document("v1", "Secret", "cert", data);
        assert_said(behaviour, &format!("{pod}{secret}{}", gateway("g")), &codes, &[&format!("IST0161 g {field}")]);
    }
    // 30 0E: (30 02 05 00) (30 02 05 00) (03 02 00 00)
    let good =
        "stringData: {tls.crt: '-----BEGIN CERTIFICATE-----MAwwAgUAMAIFAAMCAAA=-----END CERTIFICATE-----', tls.key: x}";
    let secret = document("v1", "Secret", "cert", good);
    let two = format!("{}{}", gateway("g"), gateway("h"));
    let twice = ["IST0138 g spec.servers[0].tls", "IST0138 h spec.servers[0].tls"];
    assert_said("one for two", &format!("{pod}{secret}{two}"), &codes, &twice);
}

#[test]
fn workloads_that_two_select() {
    let pod = labelled("Pod", "p", "{app: x}", POD);
    let sidecar =
        |name: &str, selector: &str| istio("Sidecar", name, &format!("{{{selector}egress: [{{hosts: ['./*']}}]}}"));
    let codes = [
        ReferencedResourceNotFound,
        ConflictingSidecarWorkloadSelectors,
        MultipleSidecarsWithoutWorkloadSelectors,
        ConflictingTelemetryWorkloadSelectors,
        MultipleTelemetriesWithoutWorkloadSelectors,
    ];
    let mine = "workloadSelector: {labels: {app: x}}, ";
    assert_said("one", &format!("{pod}{}", sidecar("s", mine)), &codes, &[]);
    let nobody = sidecar("s", "workloadSelector: {labels: {app: z}}, ");
    assert_said("nobody", &format!("{pod}{nobody}"), &codes, &["IST0101 s spec.workloadSelector.labels"]);
    let two = format!("{}{}", sidecar("s", mine), sidecar("t", mine));
    let both = ["IST0110 s spec.workloadSelector", "IST0110 t spec.workloadSelector"];
    assert_said("two", &format!("{pod}{two}"), &codes, &both);
    let all = format!("{}{}", sidecar("s", ""), sidecar("t", ""));
    assert_said("two for all", &all, &codes, &["IST0111 s spec", "IST0111 t spec"]);
    let telemetry = |name: &str, selector: &str| istio("Telemetry", name, &format!("{{{selector}tracing: [{{}}]}}"));
    let mine = "selector: {matchLabels: {app: x}}, ";
    let two = format!("{}{}", telemetry("s", mine), telemetry("t", mine));
    assert_said(
        "two Telemetries",
        &format!("{pod}{two}"),
        &codes,
        &["IST0159 s spec.selector", "IST0159 t spec.selector"],
    );
    let all = format!("{}{}", telemetry("s", ""), telemetry("t", ""));
    assert_said("two Telemetries for all", &all, &codes, &["IST0160 s spec", "IST0160 t spec"]);
}

#[test]
fn exports_hide_services() {
    let entry = |to: &str| {
        let rest = format!("exportTo: [{to}], ports: [{{number: 80, name: http, protocol: HTTP}}]");
        istio("ServiceEntry", "e", &format!("{{hosts: [x.example], resolution: DNS, {rest}}}"))
    };
    let service = |namespace: &str, kind: &str| {
        let spec = format!("{{hosts: [x.example], {kind}: [{{route: [{{destination: {{host: x.example}}}}]}}]}}");
        istio("VirtualService", "v", &spec).replace("namespace: a", &format!("namespace: {namespace}"))
    };
    let codes = [ReferencedResourceNotFound, UnknownDestinationRuleHost];
    for kind in ["http", "tcp"] {
        let at = format!("IST0101 v spec.{kind}[0].route[0].destination.host");
        assert_said("its own namespace", &format!("{}{}", entry("'.'"), service("a", kind)), &codes, &[]);
        assert_said("all", &format!("{}{}", entry("'*'"), service("b", kind)), &codes, &[]);
        assert_said("that one", &format!("{}{}", entry("b"), service("b", kind)), &codes, &[]);
        assert_said("another", &format!("{}{}", entry("'.'"), service("b", kind)), &codes, &[&at]);
    }
    let rule = istio("DestinationRule", "d", "{host: x.example}").replace("namespace: a", "namespace: b");
    assert_said("a rule of another", &format!("{}{rule}", entry("'.'")), &codes, &["IST0174 d spec.host"]);
}

#[test]
fn rules_of_tcp_and_tls() {
    let service = |rules: &str| istio("VirtualService", "v", &format!("{{hosts: [web], {rules}}}"));
    let to = |host: &str| format!("route: [{{destination: {{{host}}}}}]");
    let web = to("host: web.default.svc.cluster.local");
    let codes = [
        ReferencedResourceNotFound,
        VirtualServiceDestinationPortSelectorRequired,
        VirtualServiceUnreachableRule,
        VirtualServiceIneffectiveMatch,
    ];
    let api = |rest: &str| to(&format!("host: api.default.svc.cluster.local{rest}"));
    let at = "spec.tcp[0].route[0].destination";
    assert_said("one", &service(&format!("tcp: [{{{web}}}]")), &codes, &[]);
    assert_said(
        "nobody",
        &service(&format!("tcp: [{{{}}}]", to("host: wob"))),
        &codes,
        &[&format!("IST0101 v {at}.host")],
    );
    assert_said("which port", &service(&format!("tcp: [{{{}}}]", api(""))), &codes, &[&format!("IST0112 v {at}")]);
    let port = api(", port: {number: 81}");
    assert_said(
        "no such port",
        &service(&format!("tcp: [{{{port}}}]")),
        &codes,
        &[&format!("IST0101 v {at}.port.number")],
    );
    let subset = api(", port: {number: 80}, subset: v9");
    assert_said("no subset", &service(&format!("tcp: [{{{subset}}}]")), &codes, &[&format!("IST0101 v {at}.subset")]);
    assert_said("after all", &service(&format!("tcp: [{{{web}}}, {{{web}}}]")), &codes, &["IST0130 v spec.tcp[1]"]);
    let sni = |name: &str| format!("{{match: [{{sniHosts: [{name}], port: 443}}], {web}}}");
    let again = format!("{{match: [{{port: 443, sniHosts: [web]}}], {web}}}");
    let twice = ["IST0130 v spec.tls[1]", "IST0131 v spec.tls[1].match[0]"];
    assert_said("the same name", &service(&format!("tls: [{}, {again}]", sni("web"))), &codes, &twice);
}

#[test]
fn other_people_s_kinds() {
    let spec = |containers: &str| format!("spec: {{containers: [{containers}]}}");
    let proxy = "{name: istio-proxy, image: docker.io/istio/proxyv2:1}";
    let injected = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a, labels: {istio-injection: enabled}}\n---\n";
    let values =
        r#"data: {values: '{"global": {"hub": "docker.io/istio", "tag": "2", "proxy": {"image": "proxyv2"}}}'}"#;
    let map = document("v1", "ConfigMap", "istio-sidecar-injector", values)
        .replace("namespace: a", "namespace: istio-system");
    let sidecar = document("v1", "Pod", "p", &spec(proxy));
    let rows: &[(&str, String, &[Code], &[&str])] = &[
        ("a sidecar", format!("{injected}{sidecar}"), &[PodMissingProxy, NamespaceNotInjected], &[]),
        (
            "none",
            format!("{injected}{}", document("v1", "Pod", "p", POD)),
            &[PodMissingProxy],
            &["IST0103 p metadata.name"],
        ),
        (
            "a namespace without",
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n".into(),
            &[NamespaceNotInjected],
            &["IST0102 b metadata.labels"],
        ),
        (
            "an old sidecar",
            format!("{injected}{map}{sidecar}"),
            &[PodsIstioProxyImageMismatchInNamespace],
            &["IST0158 a metadata.name"],
        ),
        (
            "the proxy's user",
            document("v1", "Pod", "p", &spec("{name: m, securityContext: {runAsUser: 1337}}")),
            &[InvalidApplicationUID],
            &["IST0144 p spec.containers[0].securityContext.runAsUser"],
        ),
        (
            "automatic",
            document("v1", "Pod", "p", &spec("{name: istio-proxy, image: auto}")),
            &[ImageAutoWithoutInjectionError],
            &["IST0147 p spec.containers"],
        ),
        (
            "no such annotation",
            annotated("Pod", "{sidecar.istio.io/enject: x}"),
            &[UnknownAnnotation],
            &["IST0108 x metadata.annotations[\"sidecar.istio.io/enject\"]"],
        ),
        (
            "on another kind",
            annotated("Deployment", "{sidecar.istio.io/proxyImage: x}"),
            &[MisplacedAnnotation],
            &["IST0107 x metadata.annotations[\"sidecar.istio.io/proxyImage\"]"],
        ),
        (
            "another value",
            annotated("Pod", "{sidecar.istio.io/proxyCPU: much}"),
            &[InvalidAnnotation],
            &["IST0125 x metadata.annotations[\"sidecar.istio.io/proxyCPU\"]"],
        ),
        (
            "a good one",
            annotated("Pod", "{sidecar.istio.io/proxyCPU: 100m}"),
            &[InvalidAnnotation, UnknownAnnotation],
            &[],
        ),
        (
            "a port's name",
            document("v1", "Service", "s", "spec: {ports: [{port: 80, name: web}]}"),
            &[PortNameIsNotUnderNamingConvention],
            &["IST0118 s spec.ports[0]"],
        ),
        (
            "said beside",
            document("v1", "Service", "s", "spec: {ports: [{port: 80, name: web, appProtocol: http}]}"),
            &[PortNameIsNotUnderNamingConvention],
            &[],
        ),
        (
            "two protocols",
            format!(
                "{}{}{}",
                injected,
                labelled(
                    "Deployment",
                    "d",
                    "{}",
                    "spec: {template: {metadata: {labels: {app: x}}, spec: {containers: []}}}"
                ),
                document(
                    "v1",
                    "Service",
                    "s",
                    "spec: {selector: {app: x}, ports: [{port: 80, name: http}, {port: 80, name: dns, protocol: UDP}]}"
                ),
            ),
            &[DeploymentAssociatedToMultipleServices],
            &["IST0116 d metadata.name"],
        ),
        (
            "a bad condition",
            istio(
                "ServiceEntry",
                "e",
                "{hosts: [x.y], resolution: DNS, ports: [{number: 80, name: http, protocol: HTTP}]}\nstatus: {conditions: [{type: istio.io/WaypointBound, status: 'False', reason: No, message: none}]}",
            ),
            &[NegativeConditionStatus],
            &["IST0171 e status.conditions[0]"],
        ),
        (
            "relative",
            istio(
                "EnvoyFilter",
                "f",
                "{configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: {name: x}}}]}",
            ),
            &[EnvoyFilterUsesRelativeOperation],
            &["IST0151 f spec.configPatches[0].patch.operation"],
        ),
        (
            "with a priority",
            istio(
                "EnvoyFilter",
                "f",
                "{priority: 1, configPatches: [{applyTo: HTTP_FILTER, patch: {operation: INSERT_BEFORE, value: {name: x}}}]}",
            ),
            &[EnvoyFilterUsesRelativeOperation],
            &[],
        ),
    ];
    for (behaviour, text, codes, expected) in rows {
        assert_said(behaviour, text, codes, expected);
    }
}

#[test]
fn what_else_istioctl_says() {
    let tls = |rest: &str| istio("DestinationRule", "d", &format!("{{host: web, trafficPolicy: {{{rest}}}}}"));
    let codes = [NoServerCertificateVerificationDestinationLevel, NoServerCertificateVerificationPortLevel];
    assert_said("no authority", &tls("tls: {mode: SIMPLE}"), &codes, &["IST0128 d spec.trafficPolicy.tls"]);
    assert_said("one", &tls("tls: {mode: SIMPLE, caCertificates: /a}"), &codes, &[]);
    let port = tls("portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]");
    assert_said("for a port", &port, &codes, &["IST0129 d spec.trafficPolicy.portLevelSettings[0].tls"]);

    let entry = |name: &str, protocol: &str| {
        let port = format!("ports: [{{number: 80, name: x, protocol: {protocol}}}]");
        istio("ServiceEntry", name, &format!("{{hosts: [x.y], resolution: DNS, {port}}}"))
    };
    let codes = [ServiceEntryAddressesRequired, ConflictingServiceEntryProtocol];
    assert_said("TCP", &entry("e", "tcp"), &codes, &["IST0134 e spec.ports[0]"]);
    let both = ["IST0177 e metadata.name", "IST0177 f metadata.name"];
    assert_said("two protocols", &format!("{}{}", entry("e", "HTTP"), entry("f", "HTTPS")), &codes, &both);

    let claim = "match: [{headers: {'@request.auth.claims.sub': {exact: a}}}], route: [{destination: {host: web}}]";
    let service = istio("VirtualService", "v", &format!("{{hosts: [a.b], gateways: [g], http: [{{{claim}}}]}}"));
    let servers = "servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]";
    let gateway = istio("Gateway", "g", &format!("{{selector: {{app: edge}}, {servers}}}"));
    let pod = labelled("Pod", "edge", "{app: edge}", POD);
    let verified = istio("RequestAuthentication", "r", "{jwtRules: [{issuer: a}]}");
    let codes = [JwtClaimBasedRoutingWithoutRequestAuthN];
    let at = ["IST0149 v spec.gateways[0]"];
    assert_said("a claim of nobody", &format!("{service}{gateway}{pod}"), &codes, &at);
    assert_said("one that is verified", &format!("{service}{gateway}{pod}{verified}"), &codes, &[]);

    let policy = istio("AuthorizationPolicy", "p", "{selector: {matchLabels: {app: x}}, rules: [{}]}");
    let meshed = labelled("Pod", "p", "{app: x, sidecar.istio.io/inject: 'true'}", POD);
    let codes = [NoMatchingWorkloadsFound];
    assert_said("nobody", &policy, &codes, &["IST0127 p spec.selector"]);
    assert_said("somebody", &format!("{policy}{meshed}"), &codes, &[]);
}
