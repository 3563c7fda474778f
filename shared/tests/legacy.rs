//! CatCatGo's YAML, the one of today and the one of years ago, as its first lines say.

#![expect(clippy::unwrap_used, reason = "a test ends where its files are missing")]

use std::path::{Path, PathBuf};

use shared::finding::{Code, Finding};
use shared::model::Resources;
use shared::{Report, Severity, check, load};

fn catcatgo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../integration/catcatgo")
}

/// The mesh, its services and one more file.
fn findings(legacy: Option<&str>) -> Vec<Finding> {
    let mut files: Vec<PathBuf> = ["destination-rules", "gateway", "virtual-service"]
        .map(|name| catcatgo().join(format!("mesh/{name}.yaml")))
        .into();
    files.push(catcatgo().join("services.yaml"));
    files.extend(legacy.map(|name| catcatgo().join("legacy").join(name)));
    let mut report = Report::new();
    let mut documents = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let name = file.file_name().and_then(|name| name.to_str());
        documents.extend(load::text(&text, name, &mut report));
    }
    let set = Resources::read(documents, &mut report);
    check::check(&set, &mut report);
    report.into_sorted()
}

fn about<'a>(all: &'a [Finding], file: &str) -> Vec<&'a Finding> {
    all.iter().filter(|finding| finding.file.as_deref() == Some(file)).collect()
}

#[test]
fn the_mesh_has_nothing_to_find() {
    assert_eq!(findings(None), []);
}

#[test]
fn a_misspelt_weight_is_named_with_its_line_and_the_right_spelling() {
    let all = findings(Some("canary-misspelt-weight.yaml"));
    let found = about(&all, "canary-misspelt-weight.yaml");
    let warnings: Vec<_> = found.iter().filter(|finding| finding.severity == Severity::Warning).collect();
    assert_eq!(warnings.len(), 2, "{found:#?}");
    for (warning, (line, path)) in
        warnings.iter().zip([(19, "spec.http[0].route[0].weigth"), (23, "spec.http[0].route[1].weigth")])
    {
        assert_eq!((warning.code, warning.line, warning.path.as_str()), (Code::UnknownField, line, path));
        assert!(warning.message.contains("`weigth`") && warning.hint.contains("`weight`"), "{warning}");
    }
    let errors: Vec<_> = found.iter().filter(|finding| finding.severity == Severity::Error).collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].stops() && errors[0].message.contains("add up to 0"), "{}", errors[0]);
    assert_eq!((errors[0].path.as_str(), errors[0].line), ("spec.http[0].route", 15));
}

#[test]
fn a_canary_by_user_agent_takes_the_place_of_the_mesh_and_has_nothing_to_find() {
    let all = findings(Some("canary-by-user-agent.yaml"));
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!((all[0].code, all[0].severity), (Code::Replaced, Severity::Info));
}

#[test]
fn a_mirror_has_nothing_to_find() {
    let all = findings(Some("mirror.yaml"));
    assert!(all.iter().all(|finding| finding.code == Code::Replaced), "{all:#?}");
}

#[test]
fn the_old_percents_are_honoured_with_a_deprecation_warning() {
    for (file, path, hint) in [
        ("fault-abort-percent.yaml", "spec.http[0].fault.abort.percent", "write `percentage: {value: 75}`"),
        ("fault-delay-percent.yaml", "spec.http[0].fault.delay.percent", "write `percentage: {value: 50}`"),
    ] {
        let all = findings(Some(file));
        let found: Vec<_> = about(&all, file).into_iter().filter(|finding| finding.code != Code::Replaced).collect();
        let found: Vec<_> = found.iter().map(|f| (f.severity, f.code, f.path.as_str(), f.hint.as_str())).collect();
        assert_eq!(found, [(Severity::Warning, Code::Deprecated, path, hint)], "{file}");
    }
}

#[test]
fn the_first_alpha_schemas_outlier_detection_is_deprecated_and_nothing_else() {
    let all = findings(Some("outlier-detection-http.yaml"));
    let found: Vec<_> = about(&all, "outlier-detection-http.yaml").into_iter().collect();
    let found: Vec<_> = found.iter().filter(|f| f.code != Code::Replaced).map(|f| (f.code, f.path.as_str())).collect();
    assert_eq!(found, [(Code::Deprecated, "spec.trafficPolicy.outlierDetection.http")]);
}
