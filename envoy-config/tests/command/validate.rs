//! What is generated is what Envoy takes: `envoy --mode validate` on the real thing.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use envoy_config::filter::FilterConfig;
use envoy_config::generate::{bootstrap_yaml, pretty};
use envoy_config::input::{Source, load, loaded};
use envoy_config::{Options, Packaging};
use shared::model::Resources;

const EVERYTHING: &str = include_str!("everything.yaml");

fn envoy() -> PathBuf {
    let named = std::env::var_os("ENVOY").filter(|path| !path.is_empty());
    named.map(PathBuf::from).unwrap_or_else(|| {
        let found = Command::new(crate::common::root().join("scripts/envoy.sh")).output().unwrap();
        assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
        String::from_utf8(found.stdout).unwrap().trim().into()
    })
}

/// Validates `set` as JSON and as YAML. Modules that are not built are left out: what they take is for the tests on
/// real Envoy.
fn validate(name: &str, set: &Resources, packaging: Packaging) {
    let options = Options {
        packaging,
        module_dir: crate::common::root().join("target/wasm"),
        mesh_listen: Some("127.0.0.1:15001".parse().unwrap()),
        ..Options::default()
    };
    let mut generated = options.generate(set).unwrap();
    let built = packaging.files(&options.module_dir).all(|(_, there)| there);
    if !built {
        for manager in generated.listeners.iter_mut().flat_map(|listener| listener.http_mut()) {
            manager.http_filters.retain(|filter| !matches!(filter.typed_config, FilterConfig::Wasm(_)));
        }
    }
    let folder = crate::common::folder(name);
    let envoy = envoy();
    for (file, text) in
        [("envoy.json", pretty(&generated.clone().bootstrap())), ("envoy.yaml", bootstrap_yaml(generated))]
    {
        let path = folder.join(file);
        fs::write(&path, text).unwrap();
        let args = ["--mode", "validate", "--disable-hot-restart", "--log-level", "warning", "--config-path"];
        let output = Command::new(&envoy).args(args).arg(&path).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{}: {said}", path.display());
        assert!(!said.contains("Deprecated field"), "{}: {said}", path.display());
    }
}

#[test]
fn catcatgo_is_accepted() {
    let paths = [crate::common::SERVICES, crate::common::MESH].map(|path| crate::common::root().join(path));
    let loaded = load(&paths).unwrap();
    validate("validate-catcatgo", &loaded.set, Packaging::Suite);
    validate("validate-catcatgo-separate", &loaded.set, Packaging::Separate);
}

#[test]
fn every_kind_of_cluster_and_route_is_accepted() {
    let loaded = loaded(vec![Source { name: "everything.yaml".into(), text: EVERYTHING.into() }]);
    assert!(!loaded.stops(), "{:#?}", loaded.findings);
    validate("validate-everything", &loaded.set, Packaging::Suite);
}
