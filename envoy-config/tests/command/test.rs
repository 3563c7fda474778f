//! `sailcloth test`: cases as a person runs them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;

use crate::common::{MESH, SERVICES, folder, root, run, run_with};

const UI: &str = "outbound|80|v1|ui.default.svc.cluster.local";

fn schema(name: &str) -> (Value, Validator) {
    let text = fs::read_to_string(root().join("docs").join(name)).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    (schema, validator)
}

/// A file of cases in a folder of its own.
fn file(test: &str, text: &str) -> PathBuf {
    let path = folder(&format!("test-{test}")).join("cases.yaml");
    fs::write(&path, text).unwrap();
    path
}

fn case(name: &str, path: &str, expect: &str) -> String {
    format!("- {{name: {name}, request: {{url: \"http://cat.example{path}\"}}, expect: {expect}}}\n")
}

/// Two that are as expected, one that is not, one that takes a proxy.
fn mixed(test: &str) -> PathBuf {
    let cases = [
        case("the page", "/", &format!("{{cluster: '{UI}'}}")),
        case("another page", "/about.html", "{status: 404}"),
        case("the page is the search's", "/", "{cluster: outbound|80|v1|backend.default.svc.cluster.local}"),
        case("counted", "/", &format!("{{cluster: '{UI}', counted: {{response_code: '200'}}}}")),
    ];
    file(test, &format!("cases:\n{}", cases.concat()))
}

#[test]
fn passes_and_failures_are_a_table_with_reasons() {
    let cases = mixed("table");
    let cases = cases.to_str().unwrap();
    let ran = run(&["test", SERVICES, MESH, "--cases", cases]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[..5],
        [
            cases,
            "  pass   the page",
            "  pass   another page",
            "  FAIL   the page is the search's",
            "  proxy  counted  (needs a proxy: counted)",
        ]
    );
    assert_eq!(lines[6], format!("FAIL {cases}:4 the page is the search's"));
    assert!(lines[7].starts_with("  asked   GET http://cat.example/ at gateway default/catacatgo-gateway, port 80"));
    assert_eq!(lines[8], format!("  wrong   cluster: got {UI}, want outbound|80|v1|backend.default.svc.cluster.local"));
    let rule =
        "  rule    VirtualService default/catcatgo http[0].match[0] (integration/catcatgo/mesh/virtual-service.yaml:";
    assert!(lines[9].starts_with(rule), "{}", lines[9]);
    assert_eq!(lines.last(), Some(&"2 passed, 1 failed, 1 needs a proxy and counts for neither"));
    assert!(!ran.out.contains('\u{1b}') && ran.err.is_empty(), "no colours in a pipe: {}", ran.err);

    let quiet =
        run(&["test", SERVICES, MESH, "--cases", cases, "--quiet", "--filter", "another", "--filter", "counted"]);
    assert_eq!((quiet.code, quiet.out.contains("pass  ")), (0, false), "{}", quiet.out);
    assert!(quiet.out.ends_with("1 passed, none failed, 1 needs a proxy and counts for neither\n"));
}

/// What the README shows.
#[test]
fn the_readme_shows_what_is_printed() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = readme.split("### Test your routing").nth(1).unwrap();
    let [command, printed] = [1, 3].map(|at| shown.split("```").nth(at).unwrap());
    let args: Vec<&str> = command.lines().nth(1).unwrap().split_whitespace().skip(1).collect();
    let ran = run(&args);
    assert_eq!(ran.code, 1, "{}", ran.err);
    for line in printed.trim().lines().filter(|line| *line != "...") {
        assert!(ran.out.lines().any(|printed| printed == line), "{line}\nis not in\n{}", ran.out);
    }
    let fine = run(&["test", SERVICES, MESH, "--coverage", "--cases", "integration/catcatgo/cases.yaml"]);
    assert_eq!(fine.code, 0, "{}", fine.out);
    assert!(fine.out.contains("0 of 2, 2 are met"), "{}", fine.out);
}

#[test]
fn a_rule_that_was_passed_over_says_why() {
    let cases = file(
        "passed-over",
        &format!("cases:\n{}", case("search", "/api/v1.0/search", &format!("{{cluster: '{UI}'}}"))),
    );
    let ran = run(&["test", SERVICES, MESH, "-c", cases.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    let not: Vec<&str> = ran.out.lines().filter(|line| line.contains(" does not ")).collect();
    assert!(not[0].starts_with("  not     VirtualService default/catcatgo http[0].match[0]"), "{not:?}");
    assert!(
        not[0].contains("virtual-service.yaml:") && not[0].ends_with("does not match `/api/v1.0/search`"),
        "{not:?}"
    );
    assert!(ran.out.contains("  rule    none of virtual host `*` matches"), "{}", ran.out);
}

#[test]
fn json_is_by_its_schema() {
    let (_, validator) = schema("test.schema.json");
    let cases = mixed("json");
    for more in [&[][..], &["--coverage"]] {
        let ran = run(&[&["test", SERVICES, MESH, "-o", "json", "--cases", cases.to_str().unwrap()], more].concat());
        let output: Value = serde_json::from_str(&ran.out).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&output).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        assert_eq!((&output["passed"], &output["failed"], &output["needs_proxy"]), (&2.into(), &1.into(), &1.into()));
        assert_eq!(output["uncovered"].is_array(), more.len() == 1);
        assert_eq!(output["cases"][2]["wrong"][0]["got"], UI);
        // Nothing may be left out.
        for key in output["cases"][2].as_object().unwrap().keys() {
            let mut other = output.clone();
            other["cases"][2].as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&other), "{key}");
        }
    }
}

#[test]
fn coverage_lists_the_rules_that_nobody_meets() {
    let cases = mixed("coverage");
    let ran = run(&["test", SERVICES, MESH, "--coverage", "--cases", cases.to_str().unwrap()]);
    let uncovered = ran.out.split("rules that no case meets").nth(1).unwrap();
    assert!(uncovered.starts_with(": 1 of 2, 1 are met\n"), "{uncovered}");
    assert!(
        uncovered.contains("default/catcatgo http[1] (integration/catcatgo/mesh/virtual-service.yaml:"),
        "{uncovered}"
    );
}

#[test]
fn junit_is_written_beside() {
    let cases = mixed("junit");
    let report = cases.with_file_name("report.xml");
    let ran = run(&["test", SERVICES, MESH, "--cases", cases.to_str().unwrap(), "--junit", report.to_str().unwrap()]);
    assert_eq!(ran.code, 1);
    let xml = fs::read_to_string(&report).unwrap();
    assert!(xml.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sailcloth\" tests=\"4\""));
    for part in [
        "failures=\"1\" errors=\"0\" skipped=\"1\"",
        "<testcase name=\"the page\"",
        "name=\"the page is the search&apos;s\"",
        "<failure message=\"cluster: got outbound|80|v1|ui.default.svc.cluster.local, want outbound|80|v1|backend",
        "  rule    VirtualService default/catcatgo http[0].match[0]",
        "<skipped message=\"needs a proxy: counted\"/>",
    ] {
        assert!(xml.contains(part), "{part} in {xml}");
    }
    let nowhere = run(&["test", SERVICES, MESH, "--cases", cases.to_str().unwrap(), "--junit", "/nowhere/report.xml"]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.err.contains("cannot write `/nowhere/report.xml`"), "{}", nowhere.err);
}

#[test]
fn bad_input_is_told_with_its_place() {
    let bad = |test: &str, text: &str| {
        let path = file(&format!("bad-{test}"), text);
        let ran = run(&["test", SERVICES, MESH, "--cases", path.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
        ran.err.replace(path.to_str().unwrap(), "FILE")
    };
    assert!(bad("empty", "").starts_with("error: FILE: there are no cases here"));
    let typo = format!("cases:\n{}", case("a", "/", "{stauts: 404}"));
    assert!(
        bad("typo", &typo).contains("error: FILE:2:61: unknown key `stauts` (did you mean `status`?)"),
        "{}",
        bad("typo", &typo)
    );
    let two = format!("cases:\n{}{}", case("a", "/", "{status: 1}"), case("a", "/", "{status: 1}"));
    assert!(bad("two", &two).contains("FILE:3:3: the case on line 2 is called `a` as well"));
    let shares = format!("cases:\n{}", case("a", "/", "{shares: {x: 0.5, y: 0.6}}"));
    assert!(bad("shares", &shares).contains("the shares sum up to 1.1, not to 1"));
    assert!(
        bad("host", &typo.replace("http://cat.example/", "/cats").replace("stauts", "status"))
            .contains("`/cats` is no URL")
    );
    assert!(bad("yaml", "cases: [\n").starts_with("error: FILE:1:"));
    assert!(bad("latin1", "cases: \u{0}").contains("binary file"));
    let both = format!("cases:\n{}{}", case("a", "/", "{stauts: 404}"), case("b", "/", "{clutser: x}"));
    assert_eq!(bad("both", &both).lines().count(), 2, "all at once");
    let missing = bad("resources", &format!("resources: [nowhere]\n{}", typo.replace("stauts", "status")));
    assert!(missing.contains("FILE:1:13: there is no file or folder"), "{missing}");
}

#[test]
fn what_is_missing_is_asked_for() {
    let none = run(&["test", SERVICES, MESH]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("--cases <FILE>"), "{}", none.err);
    let no_file = run(&["test", SERVICES, MESH, "--cases", "nowhere.yaml"]);
    assert_eq!(no_file.code, 2);
    assert!(no_file.err.contains("there is no file or folder `nowhere.yaml`"), "{}", no_file.err);
    let cases = mixed("no-resources");
    let alone = run(&["test", "--cases", cases.to_str().unwrap()]);
    assert_eq!(alone.code, 2);
    assert!(alone.err.contains(":1:1: there are no resources to ask (name files or folders"), "{}", alone.err);
    let nobody = run(&["test", SERVICES, MESH, "--cases", cases.to_str().unwrap(), "--filter", "dogs"]);
    assert_eq!((nobody.code, nobody.err.as_str()), (2, "error: no case's name holds `dogs`\n"));
}

#[test]
fn resources_that_istio_would_refuse_are_not_asked() {
    let cases = mixed("refused");
    let bad = cases.with_file_name("bad.yaml");
    fs::write(
        &bad,
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: bad}\nspec: {hosts: [a.example], http: [{}]}\n",
    )
    .unwrap();
    let ran = run(&["test", MESH, SERVICES, bad.to_str().unwrap(), "--cases", cases.to_str().unwrap()]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("error[") && ran.err.contains("bad.yaml:4:"), "{}", ran.err);
    assert!(
        ran.err.contains("no case was asked, since Istio's validation would refuse these resources"),
        "{}",
        ran.err
    );
}

#[test]
fn cases_may_come_from_standard_input() {
    let text = format!("cases:\n{}", case("the page", "/", &format!("{{cluster: '{UI}'}}")));
    let ran = run_with(&["test", SERVICES, MESH, "--cases", "-"], &text);
    assert_eq!((ran.code, ran.out.lines().next()), (0, Some("<stdin>")), "{}", ran.err);
}

fn corpus() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("integration/corpus")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}

/// Sailcloth's own corpus, which real Envoys and Istio's control plane agree with.
#[test]
fn no_case_of_the_corpus_fails() {
    let files = corpus();
    let files: Vec<&str> = files.iter().map(|path| path.to_str().unwrap()).collect();
    let ran = run(&[&["test", "-o", "json", "--cases"][..], &files].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let output: Value = serde_json::from_str(&ran.out).unwrap();
    let [passed, failed, proxy] = ["passed", "failed", "needs_proxy"].map(|key| output[key].as_u64().unwrap());
    assert_eq!(failed, 0);
    assert!(passed > 4 * proxy && proxy > 100, "{passed} passed, {proxy} need a proxy");
    let unexplained = output["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["result"] == "needs_proxy" && row["needs_proxy"].as_array().unwrap().is_empty());
    assert_eq!(unexplained.count(), 0, "each says why");
}

/// The documents of a YAML stream, as a schema sees them.
fn documents(text: &str) -> Vec<Value> {
    use serde::Deserialize;
    serde_yaml::Deserializer::from_str(text).map(|document| Value::deserialize(document).unwrap()).collect()
}

/// The examples of the page: the mesh, and the case files.
fn examples() -> (String, Vec<String>) {
    let page = fs::read_to_string(root().join("docs/cases.md")).unwrap();
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let mut blocks: Vec<String> = blocks.collect();
    (blocks.remove(0), blocks)
}

#[test]
fn the_examples_of_the_page_are_as_it_says() {
    let (mesh, examples) = examples();
    let here = folder("test-page");
    fs::write(here.join("mesh.yaml"), mesh).unwrap();
    fs::create_dir(here.join("cases")).unwrap();
    for (number, example) in examples.iter().enumerate() {
        fs::write(here.join(format!("cases/{number}.yaml")), example).unwrap();
    }
    let path = |name: &str| here.join(name).to_str().unwrap().to_owned();
    let ran = run(&["test", &path("mesh.yaml"), "--cases", &path("cases")]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("3 need a proxy"), "those of that chapter: {}", ran.out);
}

#[test]
fn case_files_are_by_their_schema() {
    let (_, validator) = schema("cases.schema.json");
    let held = |name: &Path, text: &str| {
        for document in documents(text) {
            let wrong: Vec<String> =
                validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(wrong.is_empty(), "{}: {wrong:?}", name.display());
        }
    };
    corpus().iter().for_each(|path| held(path, &fs::read_to_string(path).unwrap()));
    let (_, examples) = examples();
    examples.iter().for_each(|example| held(Path::new("docs/cases.md"), example));
    let right = "cases: [{name: a, request: {url: 'http://a/'}, expect: {status: 200}}]";
    assert!(validator.is_valid(&documents(right)[0]));
    for (from, to) in [("status", "stauts"), ("name", "nam"), ("url: 'http://a/'", "url: /a"), ("cases", "cases2")] {
        assert!(!validator.is_valid(&documents(&right.replace(from, to))[0]), "{to}");
    }
}

/// Every key is in the schema and in an example of the page.
#[test]
fn the_schema_and_the_page_know_every_key() {
    let (schema, _) = schema("cases.schema.json");
    let keys_of =
        |schema: &Value| -> BTreeSet<String> { schema["properties"].as_object().unwrap().keys().cloned().collect() };
    let row = |request: &str, expect: &str| {
        format!("cases: [{{name: a, request: {{url: 'http://a/'{request}}}, expect: {{status: 200{expect}}}}}]\n")
    };
    // What the command says of a key that no other is like.
    let told = |text: &str| -> BTreeSet<String> {
        let path = file("keys", text);
        let ran = run(&["test", SERVICES, "--cases", path.to_str().unwrap()]);
        let keys = ran.err.split("the keys here are ").nth(1).unwrap_or_else(|| panic!("{}", ran.err));
        keys.split(')').next().unwrap().split(", ").map(str::to_owned).collect()
    };
    let defs = &schema["$defs"];
    let odd = "zzzzzzzzzzzzzzzz: 1";
    for (told, schema) in [
        (told(&format!("{odd}\n{}", row("", ""))), &schema),
        (told(&row("", "").replace("name: a", &format!("name: a, {odd}"))), &defs["case"]),
        (told(&row(&format!(", {odd}"), "")), &defs["request"]),
        (told(&row("", &format!(", {odd}"))), &defs["expect"]),
        (told(&format!("proxy: {{{odd}}}\n{}", row("", ""))), &defs["proxy"]),
        (told(&format!("engines: {{{odd}}}\n{}", row("", ""))), &defs["engines"]),
    ] {
        assert_eq!(told, keys_of(schema));
        let (_, examples) = examples();
        for key in told {
            assert!(examples.iter().any(|example| example.contains(&format!("{key}:"))), "no example of `{key}`");
        }
    }
}
