//! What `check` prints for programs: JSON by its schema, SARIF by its own, GitHub's workflow commands.

use std::fs;

use envoy_config::codes::PAGE;
use serde_json::Value;

use crate::common::{MESH, SERVICES, root, run, run_with};

/// Everything of the page of codes that gives findings, as one file.
fn examples() -> String {
    let blocks = PAGE.split("```yaml\n").skip(1).filter_map(|block| block.split_once("```"));
    blocks.map(|(text, _)| format!("---\n{text}")).collect()
}

/// Files and their names, standard input, and nothing at all.
fn outputs(form: &str) -> Vec<String> {
    let folder = crate::common::folder(&format!("forms-{form}"));
    let strange = folder.join("with space, colon: 100%é.yaml").display().to_string();
    fs::write(&strange, "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {}\nports: []\n").unwrap();
    fs::write(folder.join("binary.yaml"), [0]).unwrap();
    let all = run_with(&["check", "-", folder.to_str().unwrap(), "-o", form], &examples());
    assert_eq!(all.code, 1, "{}", all.err);
    let none = run(&["check", SERVICES, MESH, "-o", form]);
    assert_eq!(none.code, 0, "{}", none.out);
    vec![all.out, none.out]
}

#[test]
fn json_is_by_its_schema() {
    let schema = fs::read_to_string(root().join("docs/check.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for output in outputs("json") {
        let output: Value = serde_json::from_str(&output).unwrap();
        let wrong: Vec<String> = validator.iter_errors(&output).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}");
        // And nothing else is.
        let mut other = output.clone();
        let Some(first) = other.get_mut(0).and_then(Value::as_object_mut) else { continue };
        for key in first.clone().keys() {
            let mut other = output.clone();
            other[0].as_object_mut().unwrap().remove(key);
            assert!(!validator.is_valid(&other), "{key} may be missing");
            other[0][key] = Value::Array(Vec::new());
            assert!(!validator.is_valid(&other), "{key} may be anything");
        }
        first.insert("more".into(), Value::Null);
        assert!(!validator.is_valid(&other));
    }
}

/// What SARIF 2.1.0's schema requires of the objects that stand here, and what code scanning asks beside it.
#[test]
fn sarif_has_what_its_schema_requires() {
    for output in outputs("sarif") {
        let log: Value = serde_json::from_str(&output).unwrap();
        assert_eq!(log["version"], "2.1.0");
        assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
        let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("{log}") };
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "sailcloth");
        let rules = driver["rules"].as_array().unwrap();
        let ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert!(rules.iter().all(|rule| !rule["shortDescription"]["text"].as_str().unwrap().is_empty()));
        let mut unique = ids.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), ids.len());
        for result in run["results"].as_array().unwrap() {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(ids[index], result["ruleId"].as_str().unwrap());
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "{result}");
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            // Code scanning takes no file in which one result has no place.
            let [location] = result["locations"].as_array().unwrap().as_slice() else { panic!("{result}") };
            let place = &location["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/%:".contains(c);
            assert!(uri.chars().all(allowed) && (!uri.contains(':') || uri.starts_with("file:///")), "{uri}");
            let region = &place["region"];
            assert!(region["startLine"].as_u64().unwrap() >= 1 && region["startColumn"].as_u64().unwrap() >= 1);
        }
        let text = |result: &Value| result["message"]["text"].as_str().unwrap().to_owned();
        let about_none = |result: &&Value| result["ruleId"] == "SC0030";
        if let Some(result) = run["results"].as_array().unwrap().iter().find(about_none) {
            let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
            assert_eq!(uri, "%3Cstdin%3E", "{}", text(result));
        }
    }
    let strange = outputs("sarif").concat();
    assert!(strange.contains("with%20space%2C%20colon%3A%20100%25%C3%A9.yaml"), "{strange}");
    assert!(strange.contains("\"uri\": \"%3Cstdin%3E\""), "{strange}");
}

#[test]
fn github_gets_a_command_a_line() {
    let [all, none] = <[String; 2]>::try_from(outputs("github")).unwrap();
    assert_eq!(none, "no problems in 6 resources\n");
    let mut lines: Vec<&str> = all.lines().collect();
    assert!(lines.pop().unwrap().contains(" errors, "), "{all}");
    for line in lines {
        let (properties, said) = line.strip_prefix("::").and_then(|rest| rest.split_once("::")).unwrap();
        let (command, properties) = properties.split_once(' ').unwrap();
        assert!(["error", "warning", "notice"].contains(&command) && !said.is_empty(), "{line}");
        for property in properties.split(',') {
            let (key, value) = property.split_once('=').unwrap();
            assert!(["file", "line", "col", "title"].contains(&key) && !value.contains(':'), "{line}");
        }
    }
    assert!(all.contains("with space%2C colon%3A 100%25é.yaml,line=5,col=1,title=SC0004::"), "{all}");
    assert!(all.contains("::notice title=SC0030::"), "{all}");
}

/// Whoever pipes it on does not learn of the exit code first.
#[test]
fn what_cannot_be_read_is_no_reason_for_a_form_that_cannot_be() {
    let missing = |form: &str| run(&["check", "no-such-folder", "-o", form]);
    for form in ["json", "sarif", "text", "github"] {
        let ran = missing(form);
        assert_eq!((ran.code, ran.err.as_str()), (2, "error: there is no file or folder `no-such-folder`\n"), "{form}");
    }
    assert_eq!(missing("json").out, "[]\n");
    let log: Value = serde_json::from_str(&missing("sarif").out).unwrap();
    assert_eq!((&log["version"], &log["runs"][0]["results"]), (&"2.1.0".into(), &Value::Array(Vec::new())));
    assert_eq!(missing("text").out, "");
}
