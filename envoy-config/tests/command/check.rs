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
    fs::create_dir(folder.join("z")).unwrap();
    fs::write(folder.join("z/y.yaml"), rule("other")).unwrap();
    std::os::unix::fs::symlink("..", folder.join("z/up")).unwrap();
    for (args, count) in [
        (&["-f", path, "-f", &format!("{path}/a.yaml")][..], 2),
        (&[path], 2),
        (&[path, "-R"], 4),
        (&["-R", "-f", path, path], 4),
        (&[&format!("{path}/a.yaml"), &format!("{path}/b.yml"), &format!("{path}/z")], 3),
    ] {
        let ran = run(&[&["check"], args].concat());
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        assert!(ran.out.ends_with(&format!("in {count} resources\n")), "{args:?}: {}", ran.out);
    }
}

/// A VirtualService with a warning (SC0005) and an error (IST0101), and a note (SC0030) beside it.
const NOISY: &str = "\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [web.example]
  http:
  - match: [{uri: {prefix: /}, statPrefix: web}]
    route: [{destination: {host: nobody}}]
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: b}}
---
{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
";

/// The codes of what is said, and the exit code.
fn codes(args: &[&str], text: &str) -> (i32, Vec<String>) {
    let ran = run_with(&[&["check", "-", "-o", "json"], args].concat(), text);
    assert_eq!(ran.err, "", "{args:?}");
    let findings: Vec<serde_json::Map<String, Value>> = serde_json::from_str(&ran.out).unwrap();
    let code = |finding: &serde_json::Map<String, Value>| finding["code"].as_str().unwrap().to_owned();
    let mut codes: Vec<String> = findings.iter().map(code).collect();
    codes.sort();
    (ran.code, codes)
}

#[test]
fn kinds_of_others_are_one_note_that_strict_does_not_count() {
    let others = NOISY.split_once("---\n").unwrap().1;
    let ran = run_with(&["check", "-", "--strict"], others);
    let said = "note[SC0030]: 3 resources of other kinds have no effect here: 1 ConfigMap, 2 Deployment\n\n1 note in 0 resources\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, said));
    for (kind, code) in [
        ("apiVersion: networking.istio.io/v1, kind: ProxyConfig", "SC0003"),
        ("apiVersion: gateway.networking.k8s.io/v1, kind: Gateway", "SC0003"),
        ("apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute", "SC0003"),
        ("apiVersion: networking.istio.io/v1, kind: VirtualServce", "SC0003"),
        ("apiVersion: v1, kind: Servce", "SC0003"),
        ("apiVersion: v2, kind: Service", "SC0003"),
        ("apiVersion: serving.knative.dev/v1, kind: Service", "SC0030"),
        ("apiVersion: apps/v1, kind: StatefulSet", "SC0030"),
    ] {
        assert_eq!(codes(&[], &format!("{{{kind}, metadata: {{name: x}}}}")), (0, vec![code.to_owned()]), "{kind}");
    }
}

#[test]
fn findings_can_be_suppressed() {
    let all = ["IST0101", "SC0005", "SC0030"];
    for (args, code, left) in [
        (&[][..], 1, &all[..]),
        (&["--suppress", "IST0101"], 0, &all[1..]),
        (&["-S", "SC0005", "-S", "IST0101", "-S", "SC0030"], 0, &[]),
        (&["-S", "IST0101=VirtualService shop/web"], 0, &all[1..]),
        (&["-S", "IST0101=VirtualService web.shop"], 0, &all[1..]),
        (&["-S", "IST0101=VirtualService *.shop"], 0, &all[1..]),
        (&["-S", "IST0101=VirtualService shop/*"], 0, &all[1..]),
        (&["-S", "IST0101=*"], 0, &all[1..]),
        (&["-S", "IST*"], 0, &all[1..]),
        (&["-S", "IST0101=VirtualService default/web"], 1, &all[..]),
        (&["-S", "IST0101=Gateway shop/web"], 1, &all[..]),
        // Pipelines that are written for `istioctl` name codes that nobody gives here.
        (&["-S", "IST0118=Service a.b"], 1, &all[..]),
    ] {
        assert_eq!(codes(args, NOISY), (code, left.iter().map(|code| (*code).to_owned()).collect()), "{args:?}");
    }
    let ran = run_with(&["check", "-", "-S", "IST0101", "-S", "SC0005"], NOISY);
    assert!(ran.out.ends_with("1 note in 1 resource (2 findings suppressed)\n"), "{}", ran.out);
    for (annotation, code, left) in
        [("IST0101", 0, &all[1..]), ("'IST0101, SC0005'", 0, &all[2..]), ("'*'", 0, &all[2..]), ("SC0004", 1, &all[..])]
    {
        let note = format!("shop, annotations: {{galley.istio.io/analyze-suppress: {annotation}}}}}");
        let text = NOISY.replace("shop}", &note);
        assert_eq!(codes(&[], &text), (code, left.iter().map(|code| (*code).to_owned()).collect()), "{annotation}");
    }
    // What Istio would refuse keeps Envoy from being set up, whatever an annotation says.
    let text = NOISY.replace("shop}", "shop, annotations: {galley.istio.io/analyze-suppress: '*'}}");
    assert_eq!(codes(&[], &text.replace("hosts: [web", "hosts: [we_b")), (1, vec!["IST0106".into(), "SC0030".into()]));
}

#[test]
fn the_threshold_says_what_counts() {
    let (error, warning, note) = (NOISY, NOISY.replace("nobody", "web.example"), "{apiVersion: v1, kind: Secret}");
    let warning = format!(
        "{warning}---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s}}\nspec: {{hosts: [web.example], resolution: DNS, ports: [{{number: 80, name: http, protocol: HTTP}}]}}\n"
    );
    for (args, counts) in [
        (&[][..], [1, 0, 0]),
        (&["--failure-threshold", "Error"], [1, 0, 0]),
        (&["--failure-threshold", "error"], [1, 0, 0]),
        (&["--failure-threshold", "Warning"], [1, 1, 0]),
        (&["--strict"], [1, 1, 0]),
        (&["--failure-threshold=Info"], [1, 1, 1]),
    ] {
        let found = [error, &warning, note].map(|text| codes(args, text).0);
        assert_eq!(found, counts, "{args:?}");
    }
}

#[test]
fn what_cannot_be_read_is_exit_code_2_and_teaches() {
    let folder = folder("unreadable");
    fs::create_dir(folder.join("empty")).unwrap();
    let empty = folder.join("empty").display().to_string();
    for (args, said) in [
        (vec!["check", "-f", "no/such.yaml"], "there is no file or folder `no/such.yaml`"),
        (vec!["check", "-f", &empty], "no *.yaml, *.yml or *.json in the folder"),
        (vec!["check", "-R", &empty], "or in folders inside it"),
        (vec!["check", "-f", SERVICES, "--output", "xml"], "possible values: text, json, sarif, github"),
        (vec!["check"], "--filename <PATH>"),
        (vec!["check", "-R"], "--filename <PATH>"),
        (vec!["check", SERVICES, "--suppress", "SC9999"], "there is no code `SC9999`"),
        (vec!["check", SERVICES, "--suppress", "SC0005=web"], "`SC0005=VirtualService shop/web`"),
        (vec!["check", SERVICES, "--failure-threshold", "bad"], "Info, Warning, Error"),
        (vec!["check", SERVICES, "--strict", "--failure-threshold", "Info"], "cannot be used with"),
        (vec!["check", "--codes", "IST0142"], "there is no code `IST0142`; did you mean"),
        (vec!["chekc"], "similar subcommand exists: 'check'"),
    ] {
        let ran = run(&args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.err);
        assert!(ran.err.contains(said), "{args:?}: {}", ran.err);
        assert_eq!(ran.out, "", "{args:?}");
    }
}

#[test]
fn all_that_cannot_be_read_is_named_and_the_rest_is_checked() {
    let folder = folder("some-unreadable");
    let path = |name: &str| folder.join(name).display().to_string();
    fs::create_dir(folder.join("mesh")).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.join("mesh/link.yaml")).unwrap();
    let bad = "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: g}\nspec: {oops: 1}\n";
    fs::write(folder.join("mesh/gateway.yaml"), bad).unwrap();
    let (no1, no2, mesh) = (path("no1.yaml"), path("no2"), path("mesh"));
    let ran = run(&["check", &no1, "-f", &no2, &mesh, "-", "-f", "-"]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    let said: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        said,
        [
            format!("error: there is no file or folder `{no2}`"),
            format!("error: there is no file or folder `{no1}`"),
            format!("error: the link leads nowhere: `{mesh}/link.yaml`"),
            "error: standard input (`-`) can be read only once".to_owned(),
        ]
    );
    assert!(ran.out.contains("unknown field `oops`"), "{}", ran.out);
    for what in [&["generate", "filters", "--module-dir", "/modules"][..], &["run"]] {
        let ran = run(&[what, &[&no1, &no2, &mesh]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        let named = [&no1, &no2, &mesh].iter().all(|path| ran.err.contains(*path));
        assert!(named || what == ["run"], "{}", ran.err);
    }
}

#[test]
fn what_is_no_text_is_a_finding_that_says_what_to_do_and_stops_nothing_else() {
    let folder = folder("no-text");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: api}\nspec: {ports: [{port: 80, name: http}]}\n";
    let latin1: Vec<u8> = format!("# caf\u{e9}\n{service}").chars().map(|c| c as u8).collect();
    fs::write(folder.join("a.yaml"), latin1).unwrap();
    fs::write(folder.join("b.yaml"), [0u8, 1, 2, 3]).unwrap();
    fs::write(folder.join("c.yaml"), "a:\n  b: 1\n\tc: 2\n").unwrap();
    fs::write(folder.join("d.yaml"), "{{- if .Values.on }}\nkind: {{ .Values.kind }}\n{{- end }}\n").unwrap();
    let rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [api]\n  http:\n  - match: [{uri: /plain, headers: {x: alice}}]\n    route: [{destination: {host: api}}]\n";
    fs::write(folder.join("e.yaml"), rule).unwrap();
    let ran = run(&["check", folder.to_str().unwrap(), "-o", "github"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    let said: Vec<&str> = ran.out.lines().filter(|line| line.starts_with("::error ")).collect();
    let expected = [
        "a.yaml,line=1,col=6,title=SC0001::the byte 0xe9 is not UTF-8; in Latin-1 it is `\u{e9}` (save the file in UTF-8: `iconv",
        "b.yaml,title=SC0001::this is a binary file, no text (is it really YAML or JSON?)",
        "c.yaml,line=3,col=1,title=SC0001::a tab in the indentation, which YAML does not take (indent with spaces)",
        "d.yaml,line=1,col=1,title=SC0001::this is a template that nobody has rendered: `{{- if .Values.on }}` is no YAML (check what it comes to: `helm template . | sailcloth check -`)",
        "e.yaml,line=7,col=19,title=IST0106::VirtualService default/v: spec.http[0].match[0].uri: expected how to match, found the string `/plain` (write `{exact: /plain}`",
        "e.yaml,line=7,col=40,title=IST0106::VirtualService default/v: spec.http[0].match[0].headers.x: expected how to match, found the string `alice` (write `{exact: alice}`",
    ];
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with("::error file=") && said.contains(expected), "{said}\n{expected}");
    }
    assert_eq!(said.len(), expected.len(), "{}", ran.out);
    assert!(ran.out.ends_with("6 errors, 1 note in 2 resources\n"), "{}", ran.out);
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
    assert!(
        ran.out.contains("error[SC0019]: the delegate `default/other` is not among these resources"),
        "{}",
        ran.out
    );
    for what in ["bootstrap", "filters"] {
        let args = ["generate", what, "--module-dir", "/modules", "-f", SERVICES, "-f", MESH, "-f", "-"];
        let ran = run_with(&args, &rule);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("error[SC0019]") && !ran.out.is_empty(), "{}", ran.err);
    }
}

#[test]
fn what_is_missing_may_be_in_a_text_that_cannot_be_read() {
    let folder = folder("suspect");
    fs::write(folder.join("broken.yaml"), "a: [\n").unwrap();
    fs::write(folder.join("web.yaml"), NOISY).unwrap();
    let said = |path: &str| run(&["check", path]).out;
    let (folder, file) = (folder.display(), folder.join("web.yaml").display().to_string());
    let hint = format!(
        "hint: define it with a ServiceEntry or a Service; or is it in `{folder}/broken.yaml`, which cannot be read?\n"
    );
    assert!(said(&folder.to_string()).contains(&hint), "{}", said(&folder.to_string()));
    assert!(said(&file).contains("hint: define it with a ServiceEntry or a Service\n"), "{}", said(&file));
}
