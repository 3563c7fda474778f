//! One Envoy for the whole tour. What it does comes from two files, which it watches: `sailcloth` writes them anew for
//! each scene, so that its counters tell of all scenes in the end.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use integration::client::Request;
use integration::envoy::{Envoy, Options};
use integration::paths::{self, TempDir};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::signals::asked_to_stop;

/// How long a new configuration may take until it is in force.
const PATIENCE: Duration = Duration::from_secs(30);

/// What `sailcloth` says about a resource.
#[derive(Clone, Debug, Deserialize)]
pub struct Finding {
    /// Such as `SC0004`.
    pub code: String,
    /// `error`, `warning` or `info`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl Finding {
    /// In a table's cell: the advice, or what is wrong where there is none.
    pub fn short(&self) -> String {
        let Finding { severity, code, message, hint } = self;
        format!("{severity}[{code}] {}", if hint.is_empty() { message } else { hint })
    }
}

/// What came of some YAML.
pub enum Outcome {
    /// It is in force.
    Applied(Vec<Finding>),
    /// `sailcloth` refuses it, and the configuration before stays in force.
    Refused(Vec<Finding>),
}

/// Where the listeners are.
#[derive(Clone, Copy)]
pub struct Ports {
    /// The Gateway's port 80.
    pub gateway: SocketAddr,
    /// The mesh.
    pub mesh: SocketAddr,
}

/// The Envoy.
pub struct Proxy {
    ports: Ports,
    files: TempDir,
    applied: u32,
    /// Started with the first configuration.
    envoy: Option<Envoy>,
}

impl Proxy {
    /// An Envoy that will listen there.
    pub fn new(ports: Ports) -> Proxy {
        Proxy { ports, files: TempDir::new("tour"), applied: 0, envoy: None }
    }

    /// Where the Gateway's port 80 listens.
    pub fn gateway(&self) -> SocketAddr {
        self.ports.gateway
    }

    /// Puts the YAML in these files and folders in force, later ones replacing earlier ones; returns when no worker
    /// has anything else any more.
    pub fn apply(&mut self, yaml: &[PathBuf]) -> Result<Outcome, String> {
        let (bootstrap, findings) = self.generate(yaml)?;
        let Some(bootstrap) = bootstrap else { return Ok(Outcome::Refused(findings)) };
        self.applied += 1;
        // A listener's modules may name clusters; these come first.
        for (file, kind) in [("clusters", "cluster.v3.Cluster"), ("listeners", "listener.v3.Listener")] {
            let mut resources = bootstrap["static_resources"][file].clone();
            for resource in resources.as_array_mut().into_iter().flatten() {
                resource["@type"] = format!("type.googleapis.com/envoy.config.{kind}").into();
            }
            let all = json!({"version_info": self.applied.to_string(), "resources": resources});
            self.files.write(&format!("{file}.json"), all.to_string());
            if let Some(envoy) = &self.envoy {
                self.await_version(envoy, file)?;
            }
        }
        if self.envoy.is_none() {
            let envoy = self.start(&bootstrap)?;
            self.await_version(&envoy, "listeners")?;
            self.envoy = Some(envoy);
        }
        Ok(Outcome::Applied(findings))
    }

    /// What `sailcloth generate bootstrap` makes of the YAML, or nothing where it refuses; and what it finds.
    fn generate(&self, yaml: &[PathBuf]) -> Result<(Option<Value>, Vec<Finding>), String> {
        let program = paths::sailcloth();
        let mut command = Command::new(&program);
        command.args(["generate", "bootstrap", "--output", "json", "--admin", "none"]);
        command.arg("--listen").arg(format!("80={}", self.ports.gateway));
        command.arg("--mesh-listen").arg(self.ports.mesh.to_string());
        for path in yaml {
            command.arg("-f").arg(path);
        }
        let output = command.output().map_err(|error| format!("{}: {error}", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        let findings = match said.trim() {
            "" => Vec::new(),
            text => serde_json::from_str(text).map_err(|_| format!("sailcloth generate bootstrap: {text}"))?,
        };
        match output.status.code() {
            Some(0) => {
                let bootstrap = serde_json::from_slice(&output.stdout);
                Ok((Some(bootstrap.map_err(|error| format!("sailcloth generate bootstrap: {error}"))?), findings))
            }
            Some(1) => Ok((None, findings)),
            _ => Err(format!("sailcloth generate bootstrap ended with {}: {said}", output.status)),
        }
    }

    fn start(&self, generated: &Value) -> Result<Envoy, String> {
        let watched = |file: &str| {
            let path = self.files.path().join(file);
            json!({"resource_api_version": "V3", "path_config_source": {"path": path}})
        };
        let bootstrap = json!({
            "node": generated["node"],
            "stats_config": generated["stats_config"],
            "dynamic_resources": {"cds_config": watched("clusters.json"), "lds_config": watched("listeners.json")},
        });
        let options = Options {
            log_level: "warning".into(),
            // What a listener had before is gone as soon as the new is there, for nobody keeps connections here.
            arguments: ["--drain-time-s", "0", "--drain-strategy", "immediate"].map(String::from).into(),
            ..Options::default()
        };
        Envoy::try_start(&bootstrap, &options).map_err(|log| format!("Envoy does not start:\n{log}"))
    }

    /// Waits until what the file says now is in force, and nothing of what it said before.
    fn await_version(&self, envoy: &Envoy, file: &str) -> Result<(), String> {
        let manager = if file == "clusters" { "cluster_manager.cds" } else { "listener_manager.lds" };
        let version = format!("{manager}.version_text: \"{}\"", self.applied);
        let rejected = format!("{manager}.update_rejected: 0");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let stats = ask(envoy, "/stats?filter=^(cluster|listener)_manager")?;
            let said = |wanted: &str| stats.lines().any(|line| line == wanted);
            let under_way = stats.lines().filter_map(|line| line.split_once(": ")).any(|(name, value)| {
                value != "0"
                    && (name.ends_with("_draining") || name.ends_with("_warming") || name.contains(".warming_"))
            });
            if said(&version) && !under_way {
                return Ok(());
            }
            if !said(&rejected) {
                return Err(format!("Envoy rejects what `sailcloth` generates:\n{}", envoy.log()));
            }
            if asked_to_stop() || Instant::now() > deadline {
                return Err(format!("Envoy did not take new {file} within {PATIENCE:?}:\n{}", envoy.log()));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// What Envoy's admin page says at this path.
    pub fn ask(&self, path: &str) -> Result<String, String> {
        ask(self.envoy.as_ref().ok_or("Envoy has not been started")?, path)
    }

    /// Where Envoy's admin page is.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.envoy.as_ref().map(Envoy::admin)
    }

    /// What happened, when Envoy has ended by itself.
    pub fn exited(&self) -> Option<String> {
        let envoy = self.envoy.as_ref()?;
        envoy.exited().map(|status| format!("Envoy ended ({status}):\n{}", envoy.log()))
    }
}

fn ask(envoy: &Envoy, path: &str) -> Result<String, String> {
    let answer = Request::get(path).try_send(envoy.admin()).map_err(|error| format!("Envoy's admin page: {error}"))?;
    if answer.status == 200 { Ok(answer.text()) } else { Err(format!("{path}: {}", answer.text())) }
}
