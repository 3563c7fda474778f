//! Protection that resources ask for and Sailcloth does not give.

use std::time::Duration;

use shared::check::Unenforced;
use shared::finding::Code::{SchemaValidationError as Invalid, Unenforced as Lacks, UnknownKind, Unsupported};
use shared::finding::{Origin, Report, Severity};
use shared::plan::ModuleConfig;
use shared::plan::proxy::NodeMetadata;

use crate::{Expected, assert_row, findings_for};

/// A policy whose spec is line 4.
fn policy(kind: &str, spec: &str) -> String {
    format!("apiVersion: security.istio.io/v1\nkind: {kind}\nmetadata: {{name: x}}\nspec: {spec}\n")
}

#[test]
fn policies() {
    const DENIED: &str = "NOT denied: Sailcloth does not enforce an AuthorizationPolicy yet";
    for (behaviour, kind, spec, expected) in [
        ("nobody is allowed", "AuthorizationPolicy", "{}", &[(Lacks, "spec", 4, DENIED)][..]),
        (
            "some are allowed",
            "AuthorizationPolicy",
            "{rules: [{to: [{operation: {methods: [GET]}}]}]}",
            &[(Lacks, "spec", 4, DENIED)],
        ),
        ("said in a word", "AuthorizationPolicy", "{action: ALLOW, rules: []}", &[(Lacks, "spec.action", 4, DENIED)]),
        ("everybody is allowed", "AuthorizationPolicy", "{rules: [{}, {from: [{source: {namespaces: [a]}}]}]}", &[]),
        (
            "an empty list",
            "AuthorizationPolicy",
            "{rules: [{to: []}]}",
            &[(Invalid, "spec.rules[0].to", 4, "expected something in the list")],
        ),
        (
            "everybody is denied",
            "AuthorizationPolicy",
            "{action: DENY, rules: [{}]}",
            &[(Lacks, "spec.action", 4, DENIED)],
        ),
        (
            "somebody else is asked",
            "AuthorizationPolicy",
            "{action: CUSTOM, provider: {name: x}, rules: [{}]}",
            &[(Lacks, "spec.action", 4, "its provider is not asked")],
        ),
        (
            "an audit denies nobody",
            "AuthorizationPolicy",
            "{action: AUDIT, rules: [{}]}",
            &[(Unsupported, "spec.action", 4, "has no effect")],
        ),
        (
            "no such action",
            "AuthorizationPolicy",
            "{action: DNEY}",
            &[(Invalid, "spec.action", 4, "one of `ALLOW` `DENY`")],
        ),
        (
            "tokens",
            "RequestAuthentication",
            "{jwtRules: [{issuer: a}]}",
            &[(Lacks, "spec.jwtRules", 4, "tokens are NOT verified")],
        ),
        ("no tokens", "RequestAuthentication", "{jwtRules: []}", &[]),
        (
            "mutual TLS",
            "PeerAuthentication",
            "{mtls: {mode: STRICT}}",
            &[(Lacks, "spec.mtls.mode", 4, "sent in plain text")],
        ),
        (
            "mutual TLS on a port",
            "PeerAuthentication",
            "{selector: {matchLabels: {a: b}}, mtls: {mode: DISABLE}, port_level_mtls: {8080: {mode: STRICT}, 80: {mode: PERMISSIVE}}}",
            &[(Lacks, "spec.portLevelMtls.8080.mode", 4, "sent in plain text")],
        ),
        ("as it comes", "PeerAuthentication", "{mtls: {mode: PERMISSIVE}}", &[]),
        ("as the mesh has it", "PeerAuthentication", "{mtls: {mode: UNSET}}", &[]),
        ("nothing at all", "PeerAuthentication", "{}", &[]),
        (
            "no such mode",
            "PeerAuthentication",
            "{mtls: {mode: strict}}",
            &[(Invalid, "spec.mtls.mode", 4, "`STRICT`, found the string `strict`")],
        ),
    ] {
        assert_row(behaviour, &policy(kind, spec), expected);
    }
}

#[test]
fn a_dry_run_denies_nobody_unless_a_provider_is_asked() {
    let dry = |action: &str, run: &str| {
        let meta = format!("metadata: {{name: x, annotations: {{istio.io/dry-run: '{run}'}}}}");
        policy("AuthorizationPolicy", &format!("{{action: {action}, rules: [{{}}]}}"))
            .replace("metadata: {name: x}", &meta)
    };
    let annotation = "metadata.annotations[\"istio.io/dry-run\"]";
    assert_row("a dry run", &dry("DENY", "true"), &[(Unsupported, annotation, 3, "no effect")]);
    assert_row(
        "no dry run",
        &dry("DENY", "yes"),
        &[(Lacks, "spec.action", 4, "NOT denied"), (Invalid, annotation, 3, "expected `true` or `false`")],
    );
    let provider = dry("CUSTOM", "true").replace("action: CUSTOM", "action: CUSTOM, provider: {name: x}");
    assert_row(
        "Istio asks all the same",
        &provider,
        &[(Lacks, "spec.action", 4, "NOT denied"), (Invalid, annotation, 3, "for the actions `ALLOW` and `DENY`")],
    );
}

#[test]
fn sidecars() {
    let sidecar = |spec: &str| policy("Sidecar", spec).replace("security", "networking");
    for (behaviour, spec, expected) in [
        ("known hosts alone", "{outboundTrafficPolicy: {mode: REGISTRY_ONLY}}", &[][..]),
        ("the same, by the enum's first word", "{outboundTrafficPolicy: {}}", &[]),
        ("any host", "{outboundTrafficPolicy: {mode: ALLOW_ANY}}", &[]),
        ("nothing about hosts", "{egress: [{hosts: ['./*']}]}", &[]),
        (
            "what is not acted upon",
            "{egress: [{hosts: ['./*'], captureMode: NONE}]}",
            &[(Unsupported, "spec.egress[0].captureMode", 4, "has no effect")],
        ),
    ] {
        assert_row(behaviour, &sidecar(spec), expected);
    }
}

#[test]
fn tls_to_services() {
    let rule = |spec: &str| {
        format!("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: x}}\nspec: {spec}\n")
    };
    let plain = |path: &'static str| {
        let tls = path.strip_suffix(".mode").unwrap_or(path);
        [(Unsupported, tls, 4, "has no effect"), (Lacks, path, 4, "sent in plain text")]
    };
    let rows: &[(&str, &str, &[Expected<'_>])] = &[
        ("for all", "{host: web, trafficPolicy: {tls: {mode: SIMPLE}}}", &plain("spec.trafficPolicy.tls.mode")),
        (
            "for a port, as proto spells it",
            "{host: '*.local', traffic_policy: {port_level_settings: [{port: {number: 80}, tls: {mode: ISTIO_MUTUAL}}]}}",
            &plain("spec.trafficPolicy.portLevelSettings[0].tls.mode"),
        ),
        (
            "for a port of a subset",
            "{host: web, subsets: [{name: a}, {name: b, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: MUTUAL, clientCertificate: c, privateKey: k}}]}}]}",
            &plain("spec.subsets[1].trafficPolicy.portLevelSettings[0].tls.mode"),
        ),
        (
            "for a subset",
            "{host: web, subsets: [{name: a, trafficPolicy: {tls: {mode: MUTUAL, clientCertificate: c, privateKey: k}}}]}",
            &plain("spec.subsets[0].trafficPolicy.tls.mode"),
        ),
        ("switched off", "{host: web, trafficPolicy: {tls: {mode: DISABLE}}}", &[]),
        ("switched off by not being said", "{host: web, trafficPolicy: {tls: {}}}", &[]),
        (
            "no such mode",
            "{host: web, trafficPolicy: {tls: {mode: TLS}}}",
            &[(Invalid, "spec.trafficPolicy.tls.mode", 4, "`DISABLE` `SIMPLE`")],
        ),
        (
            "for a host without a cluster",
            "{host: nobody, trafficPolicy: {tls: {mode: SIMPLE}}}",
            &[(shared::finding::Code::UnknownDestinationRuleHost, "spec.host", 4, "nobody")],
        ),
    ];
    for (behaviour, spec, expected) in rows {
        assert_row(behaviour, &rule(spec), expected);
    }
}

#[test]
fn it_is_refused_where_clusters_are_written_and_left_to_others_elsewhere() {
    let text = policy("PeerAuthentication", "{mtls: {mode: STRICT}}");
    for (by, severity, said) in [
        (Unenforced::Warned, Severity::Warning, "sent in plain text"),
        (Unenforced::Refused, Severity::Error, "sent in plain text"),
        (Unenforced::LeftToOthers, Severity::Info, "Sailcloth does not speak mutual TLS yet"),
    ] {
        let found = findings_for(&text, Duration::ZERO, by);
        let one: Vec<_> = found.iter().map(|it| (it.code, it.severity, it.origin, it.stops())).collect();
        assert_eq!(one, [(Lacks, severity, Origin::Sailcloth, false)], "no module stops for it");
        assert!(found[0].message.contains(said), "{}", found[0]);
    }
}

#[test]
fn a_later_policy_takes_the_place_of_its_name_and_kind() {
    let deny = policy("AuthorizationPolicy", "{action: DENY, rules: [{}]}");
    let strict = policy("PeerAuthentication", "{mtls: {mode: STRICT}}");
    let both = [(Lacks, "spec.action", 4, ""), (Lacks, "spec.mtls.mode", 9, "")];
    assert_row("two kinds may have one name", &format!("{deny}---\n{strict}"), &both);
    let twice = format!("{deny}---\n{deny}");
    let code = shared::finding::Code::Duplicate;
    assert_row("twice", &twice, &[(Lacks, "spec.action", 9, ""), (code, "metadata.name", 8, "already defined")]);
}

#[test]
fn modules_say_what_they_do_not_do_and_go_on() {
    let resources = r#"{"resources": [
        {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "x"}, "spec": {}},
        {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "x"},
         "spec": {"host": "web", "trafficPolicy": {"tls": {"mode": "SIMPLE"}}}},
        {"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "x"},
         "spec": {"hosts": ["web"], "http": [{"route": [{"destination": {"host": "web"}}]}]}}]}"#;
    let mut report = Report::new();
    let config = ModuleConfig::read(resources.as_bytes().to_vec(), NodeMetadata::default(), &mut report);
    let said: Vec<_> = report.findings().iter().map(|it| (it.code, it.severity)).collect();
    // Whether clusters open TLS is not for a module to know.
    assert_eq!(said, [(UnknownKind, Severity::Warning)]);
    assert!(config.is_some_and(|config| config.plan().rule_count() > 0));
}
