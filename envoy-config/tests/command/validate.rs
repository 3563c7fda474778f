//! What is generated is what Envoy takes: `envoy --mode validate` on the real thing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use envoy_config::filter::FilterConfig;
use envoy_config::generate::{bootstrap_yaml, pretty};
use envoy_config::input::{Source, load, loaded};
use envoy_config::{Options, Packaging};
use shared::model::Resources;

const EVERYTHING: &str = include_str!("everything.yaml");

/// Fractions in every spelling that YAML has.
const FRACTIONS: &str = "\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.default.svc.cluster.local]
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: ['*']
  gateways: [gw]
  http:
  - fault: {abort: {httpStatus: 418, percentage: {value: 0.5}}, delay: {fixedDelay: 1ms, percentage: {value: 0.0001}}}
    mirrors:
    - {destination: {host: web}, percentage: {value: 12.5}}
    - {destination: {host: web}, percentage: {value: 1e-3}}
    - {destination: {host: web}, percentage: {value: .5}}
    - {destination: {host: web}, percentage: {value: 100.0}}
    route: [{destination: {host: web}}]
";

pub fn envoy() -> PathBuf {
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
        accepts(&envoy, &path);
    }
}

fn accepts(envoy: &Path, bootstrap: &Path) {
    let args = ["--mode", "validate", "--disable-hot-restart", "--log-level", "warning", "--config-path"];
    let output = Command::new(envoy).args(args).arg(bootstrap).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{}: {said}", bootstrap.display());
    assert!(!said.contains("Deprecated field"), "{}: {said}", bootstrap.display());
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

/// What the command prints is what modules take, fractions included: without `check`'s own reading in between.
#[test]
fn fractions_are_accepted_as_they_are_printed() {
    let modules = crate::common::root().join("target/wasm");
    if !Packaging::Suite.files(&modules).all(|(_, there)| there) {
        return;
    }
    let folder = crate::common::folder("validate-fractions");
    let resources = folder.join("resources.yaml");
    fs::write(&resources, FRACTIONS).unwrap();
    for output in ["yaml", "json"] {
        for packaging in [&[][..], &["--separate"]] {
            let common = ["generate", "bootstrap", "--admin", "none", "--output", output];
            let places = ["--module-dir", modules.to_str().unwrap(), "-f", resources.to_str().unwrap()];
            let ran = crate::common::run(&[&common[..], &places, packaging].concat());
            assert_eq!((ran.code, ran.err.as_str()), (0, ""));
            let path = folder.join(format!("envoy.{output}"));
            fs::write(&path, ran.out).unwrap();
            accepts(&envoy(), &path);
        }
    }
}
