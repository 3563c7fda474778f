//! `sailcloth check` as a person runs it.

use std::fs;

use crate::common::{LEGACY, MESH, SERVICES, folder, run, run_with};
use serde_json::Value;

const MISSPELT: &str = "integration/catcatgo/legacy/canary-misspelt-weight.yaml";

#[test]
fn catcatgo_is_fine() {
    let ran = run(&["check", "-f", SERVICES, "-f", MESH]);
    assert_eq!((ran.code, ran.out.as_str(), ran.err.as_str()), (0, "no problems in 6 resources\n", ""));
}

#[test]
fn an_error_is_exit_code_1_and_is_shown_in_its_line() {
    let ran = run(&["check", "-f", SERVICES, "-f", MESH, "-f", MISSPELT]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("19 |       weigth: 50\n   |       ^^^^^^\n"), "{}", ran.out);
    assert!(ran.out.contains("hint: did you mean `weight`?"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1b}'), "colours are for terminals: {}", ran.out);
}

#[test]
fn json_findings_have_every_key_of_the_contract() {
    let ran = run(&["check", "-f", MISSPELT, "--output", "json"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    let findings: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&ran.out).unwrap();
    let keys = [
        "code",
        "column",
        "file",
        "hint",
        "kind",
        "line",
        "message",
        "name",
        "namespace",
        "origin",
        "path",
        "severity",
    ];
    for finding in &findings {
        let mut found: Vec<_> = finding.keys().map(String::as_str).collect();
        found.sort_unstable();
        assert_eq!(found, keys);
        assert_eq!(finding["file"], MISSPELT);
    }
    let typo = findings.iter().find(|finding| finding["code"] == "SC0004").unwrap();
    assert_eq!((&typo["line"], &typo["column"]), (&Value::from(19), &Value::from(7)));
}

#[test]
fn strict_makes_warnings_count() {
    let warned = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g}, spec: {oops: 1, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.x]}], selector: {a: b}}}";
    assert_eq!(run_with(&["check", "-f", "-"], warned).code, 0);
    let strict = run_with(&["check", "--strict", "-f", "-"], warned);
    assert_eq!(strict.code, 1);
    assert!(strict.out.contains("--> <stdin>:1:"), "{}", strict.out);
}

#[test]
fn the_other_legacy_files_load_without_an_error() {
    for entry in fs::read_dir(crate::common::root().join(LEGACY)).unwrap() {
        let path = entry.unwrap().path();
        if !path.ends_with("canary-misspelt-weight.yaml") {
            let ran = run(&["check", "-f", SERVICES, "-f", MESH, "-f", path.to_str().unwrap()]);
            assert_eq!(ran.code, 0, "{}: {}", path.display(), ran.out);
        }
    }
}

#[test]
fn folders_are_read_by_name_and_not_those_inside() {
    let folder = folder("folders");
    let rule = |name: &str| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}}}, spec: {{host: a.x}}}}"
        )
    };
    for (file, name) in [("b.yml", "b"), ("a.yaml", "a"), ("c.json", "c"), ("d.txt", "d")] {
        fs::write(folder.join(file), rule(name).replace('{', "{ ").replace("apiVersion", "\"apiVersion\"")).unwrap();
    }
    fs::write(folder.join("c.json"), r#"{"apiVersion": "v1", "kind": "List", "items": []}"#).unwrap();
    fs::create_dir(folder.join("inner.yaml")).unwrap();
    fs::write(folder.join("inner.yaml/e.yaml"), rule("e")).unwrap();
    let path = folder.to_str().unwrap();
    let ran = run(&["check", "-f", path, "-f", &format!("{path}/a.yaml")]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.ends_with("in 2 resources\n"), "{}", ran.out);
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_teaches() {
    let folder = folder("unreadable");
    fs::write(folder.join("binary.yaml"), b"a: \xff\xfe").unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    let binary = folder.join("binary.yaml").display().to_string();
    let empty = folder.join("empty").display().to_string();
    for (args, said) in [
        (vec!["check", "-f", "no/such.yaml"], "there is no file or folder `no/such.yaml`"),
        (vec!["check", "-f", &binary], "is not text in UTF-8 (from byte 3 on)"),
        (vec!["check", "-f", &empty], "no *.yaml, *.yml or *.json"),
        (vec!["check", "-f", "-", "-f", "-"], "can be read only once"),
        (vec!["check"], "--filename <PATH>"),
        (vec!["check", "-f", SERVICES, "--output", "xml"], "possible values: text, json"),
        (vec!["chekc"], "similar subcommand exists: 'check'"),
    ] {
        let ran = run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn help_has_examples() {
    for args in [&["check", "--help"], &["generate", "--help"], &["run", "--help"]] {
        let ran = run(args);
        assert_eq!(ran.code, 0);
        assert!(ran.out.contains("Examples:\n"), "{}", ran.out);
    }
}

/// A rule that takes so long.
fn slow(timeout: &str) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: slow}}, spec: {{hosts: [ui], \
         http: [{{timeout: {timeout}, route: [{{destination: {{host: ui, subset: v1}}}}]}}]}}}}"
    )
}

#[test]
fn times_are_held_against_the_idle_timeout_that_there_will_be() {
    let said = |args: &[&str], timeout: &str| {
        let ran = run_with(&[args, &["-f", SERVICES, "-f", MESH, "-f", "-"]].concat(), &slow(timeout));
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        let all = ran.out + &ran.err;
        let line = all.lines().find(|line| line.starts_with("warning[SC0008]: ")).map(str::to_owned);
        line.map(|line| line.split(" that a stream").next().unwrap().replace("warning[SC0008]: longer than the ", ""))
    };
    let bootstrap = ["generate", "bootstrap", "--module-dir", "/modules"];
    let filters = ["generate", "filters", "--module-dir", "/modules"];
    let idle = ["--stream-idle-timeout", "90s"];
    for (args, timeout, longer_than) in [
        (vec!["check"], "61m", Some("1h")),
        (vec!["check"], "59m", None),
        ([&["check"], &idle[..]].concat(), "2m", Some("90s")),
        ([&["check"], &idle[..]].concat(), "1m", None),
        (vec!["check", "--stream-idle-timeout", "0s"], "9h", None),
        (bootstrap.to_vec(), "61m", Some("1h")),
        ([&bootstrap, &idle[..]].concat(), "2m", Some("90s")),
        ([&bootstrap, &["--stream-idle-timeout", "2h"][..]].concat(), "61m", None),
        // Somebody else's listener has what Envoy has by itself, unless it is said what it has.
        (filters.to_vec(), "6m", Some("5m")),
        (filters.to_vec(), "5m", None),
        ([&filters, &["--stream-idle-timeout", "1h"][..]].concat(), "6m", None),
    ] {
        assert_eq!(said(&args, timeout).as_deref(), longer_than, "{args:?} {timeout}");
    }
}

#[test]
fn a_delegate_is_an_error_that_keeps_nobody_from_starting() {
    let rule =
        slow("1s").replace("timeout: 1s, route: [{destination: {host: ui, subset: v1}}]", "delegate: {name: other}");
    let ran = run_with(&["check", "-f", SERVICES, "-f", MESH, "-f", "-"], &rule);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("error[SC0019]: requests that match this rule are answered with 503"), "{}", ran.out);
    for what in ["bootstrap", "filters"] {
        let args = ["generate", what, "--module-dir", "/modules", "-f", SERVICES, "-f", MESH, "-f", "-"];
        let ran = run_with(&args, &rule);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("error[SC0019]") && !ran.out.is_empty(), "{}", ran.err);
    }
}
