//! Protection that resources ask for and Sailcloth does not give yet: what each command says, and whether it goes on.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::common::{MESH, Ran, SERVICES, folder, run, run_with};
use serde_json::Value;

const DENY_ALL: &str = "\
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: deny-all}
spec: {}
";

const PLAIN: &str = "\
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: tls}
spec:
  host: ui
  trafficPolicy: {tls: {mode: ISTIO_MUTUAL}}
";

const ON_CATCATGO: [&str; 6] = ["-f", SERVICES, "-f", MESH, "-f", "-"];

fn generate(what: &str, more: &[&str], policy: &str) -> Ran {
    run_with(&[&["generate", what, "--module-dir", "/modules"], &ON_CATCATGO[..], more].concat(), policy)
}

#[test]
fn check_warns_of_what_would_happen() {
    for (policy, said) in [
        (DENY_ALL, "warning[SC0018]: requests, none of which it allows, are NOT denied: Sailcloth does not enforce"),
        (PLAIN, "warning[SC0018]: requests to this service are sent in plain text: Sailcloth does not speak TLS"),
    ] {
        let ran = run_with(&[&["check"], &ON_CATCATGO[..]].concat(), policy);
        assert_eq!(ran.code, 0, "{}", ran.out);
        assert!(ran.out.contains(said) && ran.out.contains("--allow-unenforced"), "{}", ran.out);
        assert!(!ran.out.contains("SC0003"), "that it has no effect says too little: {}", ran.out);
        let strict = run_with(&[&["check", "--strict"], &ON_CATCATGO[..]].concat(), policy);
        assert_eq!(strict.code, 1);
    }
}

#[test]
fn a_bootstrap_is_not_written_without_it() {
    for policy in [DENY_ALL, PLAIN] {
        let ran = generate("bootstrap", &[], policy);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        assert!(ran.err.contains("error[SC0018]: requests"), "{}", ran.err);
        assert!(ran.err.ends_with("(SC0018); `--allow-unenforced` goes on without it\n"), "{}", ran.err);
        let allowed = generate("bootstrap", &["--allow-unenforced"], policy);
        assert_eq!(allowed.code, 0, "{}", allowed.err);
        assert!(allowed.err.contains("warning[SC0018]: requests") && allowed.out.contains("static_resources:"));
    }
    let json = generate("bootstrap", &["--output", "json"], DENY_ALL);
    assert_eq!((json.code, json.out.as_str()), (1, ""));
    let findings: Vec<Value> = serde_json::from_str(&json.err).unwrap();
    assert_eq!((&findings[0]["code"], &findings[0]["severity"]), (&"SC0018".into(), &"error".into()));
}

#[test]
fn what_denies_nobody_stops_nobody() {
    let without = |what: &str| DENY_ALL.replace("spec: {}", what);
    let audit = without("spec: {action: AUDIT, rules: [{}]}");
    let open = without("spec: {rules: [{}]}");
    let disabled = PLAIN.replace("ISTIO_MUTUAL", "DISABLE");
    let permissive = without("spec: {mtls: {mode: PERMISSIVE}}").replace("AuthorizationPolicy", "PeerAuthentication");
    for policy in [&audit, &open, &disabled, &permissive] {
        let ran = generate("bootstrap", &[], policy);
        assert_eq!(ran.code, 0, "{policy}: {}", ran.err);
        assert!(!ran.err.contains("SC0018"), "{policy}: {}", ran.err);
    }
}

#[test]
fn filters_leave_it_to_the_envoy_that_they_go_into() {
    let ran = generate("filters", &[], &format!("{DENY_ALL}---\n{PLAIN}"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("note[SC0018]: Sailcloth does not enforce an AuthorizationPolicy yet"), "{}", ran.err);
    assert!(!ran.err.contains("NOT denied") && !ran.err.contains("sent in plain text"), "{}", ran.err);
    assert!(ran.out.contains("http_filters:"));
}

/// A program in Envoy's place that says that it was started.
fn envoy(folder: &std::path::Path) -> String {
    let path = folder.join("envoy");
    fs::write(&path, format!("#!/bin/sh\ncase $1 in --version) echo 'envoy  version: c0ffee/1.40.0/Clean/RELEASE/BoringSSL'; exit;; --mode) exit 1;; esac\necho > {}/started\n", folder.display())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("suite.wasm"), "").unwrap();
    path.display().to_string()
}

#[test]
fn envoy_is_not_started_without_it() {
    let folder = folder("unenforced");
    let envoy = envoy(&folder);
    let modules = folder.display().to_string();
    let start = |more: &[&str]| {
        let args = ["run", "--module-dir", &modules, "--envoy", &envoy];
        run_with(&[&args, &ON_CATCATGO[..], more].concat(), DENY_ALL)
    };
    let ran = start(&[]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
    assert!(
        ran.err.contains("error[SC0018]") && ran.err.ends_with("`--allow-unenforced` goes on without it\n"),
        "{}",
        ran.err
    );
    assert!(!folder.join("started").exists());
    let ran = start(&["--allow-unenforced"]);
    assert_eq!(ran.code, 1, "what was started serves nobody: {}", ran.err);
    assert!(ran.err.contains("warning[SC0018]") && folder.join("started").exists(), "{}", ran.err);
}

#[test]
fn help_says_so() {
    for args in [&["generate", "--help"], &["run", "--help"]] {
        let ran = run(args);
        assert!(ran.out.contains("--allow-unenforced\n") && ran.out.contains("SC0018"), "{}", ran.out);
        assert!(ran.out.contains("-f policies/ --allow-unenforced"), "an example: {}", ran.out);
    }
}

#[test]
fn no_number_of_other_findings_hides_it() {
    let other = "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}\n".repeat(10_001);
    let ran = generate("bootstrap", &["--output", "json"], &format!("{other}---\n{DENY_ALL}"));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}
