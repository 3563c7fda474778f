//! Filters whose configuration Envoy takes from files, which are replaced while requests are under way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::envoy::Envoy;
use crate::paths::TempDir;
use crate::sail::{Sail, for_each_object};

/// The folder of the files. It has to outlive the Envoy that follows them.
#[derive(Debug)]
pub struct Discovery {
    directory: TempDir,
}

/// What Envoy made of a new configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is in use.
    InUse,
    /// A module refused it; what was there before stays in use.
    Refused,
}

const OURS: &str = "sailcloth.";

/// How long Envoy may take to look at a new file.
const WITHIN: Duration = Duration::from_secs(20);

impl Discovery {
    /// An empty folder.
    pub fn new() -> Discovery {
        Discovery { directory: TempDir::new("discovery") }
    }

    /// Lets Sailcloth's filters of this Envoy follow files here, which have what they would have been told otherwise.
    pub fn follow(&self, sail: Sail) -> Sail {
        self.write(&sail.bootstrap());
        let folder = self.directory.path().to_owned();
        sail.adjust(move |bootstrap| {
            each_filter(bootstrap, &mut |filter| {
                let kind = &filter["typed_config"]["@type"];
                let path = folder.join(file(&filter["name"]));
                let source = json!({"path_config_source": {"path": path}, "resource_api_version": "V3"});
                let discovery = json!({"config_source": source, "type_urls": [kind]});
                *filter = json!({"name": filter["name"], "config_discovery": discovery});
            });
        })
    }

    /// Replaces what the filters are told by what they would be told in this Envoy, and waits until Envoy has looked at
    /// it. Workers follow within milliseconds. Panics where Envoy does not look, as with what is there already.
    pub fn replace(&self, envoy: &Envoy, sail: &Sail) -> Made {
        let before = looked(envoy);
        let filters = self.write(&sail.bootstrap());
        let deadline = Instant::now() + WITHIN;
        loop {
            let now = looked(envoy);
            if now.1 > before.1 {
                return Made::Refused;
            }
            if now.0 >= before.0 + filters {
                return Made::InUse;
            }
            assert!(Instant::now() < deadline, "Envoy does not look at new files: {before:?}, then {now:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes the files; how many there are.
    fn write(&self, bootstrap: &Value) -> u64 {
        let mut files: Vec<PathBuf> = Vec::new();
        each_filter(&mut bootstrap.clone(), &mut |filter| {
            let config = json!({
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": filter["name"], "typed_config": filter["typed_config"],
            });
            let path = self.directory.write(&file(&filter["name"]), json!({"resources": [config]}).to_string());
            assert!(
                !files.contains(&path),
                "two listeners have a filter {}: one file cannot serve both",
                filter["name"]
            );
            files.push(path);
        });
        assert!(!files.is_empty(), "there is no filter of Sailcloth to configure");
        files.len() as u64
    }
}

impl Default for Discovery {
    fn default() -> Discovery {
        Discovery::new()
    }
}

fn each_filter(bootstrap: &mut Value, change: &mut dyn FnMut(&mut Value)) {
    for_each_object(bootstrap, &mut |object| {
        let Some(Value::Array(filters)) = object.get_mut("http_filters") else { return };
        let ours = |filter: &&mut Value| filter["name"].as_str().is_some_and(|name| name.starts_with(OURS));
        filters.iter_mut().filter(ours).for_each(&mut *change);
    });
}

fn file(name: &Value) -> String {
    format!("{}.json", name.as_str().expect("a filter has a name"))
}

/// How many configurations Envoy took, and how many it refused.
fn looked(envoy: &Envoy) -> (u64, u64) {
    let stats = envoy
        .stats(r"^extension_config_discovery\.http_filter\.sailcloth\..*(config_reload|config_fail|update_rejected)$");
    let sum = |end: &str| stats.iter().filter(|(name, _)| name.ends_with(end)).map(|(_, value)| value).sum();
    (sum(".config_reload"), sum(".update_rejected"))
}
