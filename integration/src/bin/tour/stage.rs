//! What scenes play on: the mesh, the Envoy in front of it, and the ledger of everything that was sent through it.

use std::path::PathBuf;

use integration::client::Request;
use integration::paths::TempDir;

use crate::crowd::{Answer, crowd};
use crate::ledger::Ledger;
use crate::mesh::Mesh;
use crate::proxy::{Finding, Outcome, Ports, Proxy};

/// The way of a request through Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over the Gateway's port 80, as from outside.
    Gateway,
    /// From the ui to the backend, over the mesh's listener: the ui is asked, past Envoy.
    Mesh,
}

/// The stage.
pub struct Stage {
    /// CatCatGo's services.
    pub mesh: Mesh,
    /// The Envoy.
    pub proxy: Proxy,
    /// What Envoy has to count.
    pub ledger: Ledger,
    published: PathBuf,
    legacy: PathBuf,
    files: TempDir,
}

impl Stage {
    /// A stage with the YAML of these folders; `mesh/` is in force.
    pub fn new(ports: Ports, published: PathBuf, legacy: PathBuf) -> Result<Stage, String> {
        let (mesh, proxy) = (Mesh::start(ports.mesh)?, Proxy::new(ports));
        let files = TempDir::new("tour-yaml");
        let mut stage = Stage { mesh, proxy, ledger: Ledger::default(), published, legacy, files };
        stage.restore()?;
        Ok(stage)
    }

    /// Puts `mesh/` in force as published.
    pub fn restore(&mut self) -> Result<(), String> {
        self.put(None).and_then(applied).map(drop)
    }

    /// Puts a file of `legacy/` in force, in place of the resource of its name. Returns what `sailcloth` says about it.
    pub fn replace(&mut self, name: &str) -> Result<Vec<Finding>, String> {
        self.put(Some(self.legacy.join(name))).and_then(applied)
    }

    /// Tries to, with a file that `sailcloth` should refuse.
    pub fn try_replace(&mut self, name: &str) -> Result<Outcome, String> {
        self.put(Some(self.legacy.join(name)))
    }

    /// Puts a file of `legacy/` in force as somebody has corrected it.
    pub fn replace_corrected(&mut self, name: &str, correct: impl Fn(&str) -> String) -> Result<Vec<Finding>, String> {
        let file = self.legacy.join(name);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        let file = self.files.write(name, correct(&text));
        self.put(Some(file)).and_then(applied)
    }

    fn put(&mut self, file: Option<PathBuf>) -> Result<Outcome, String> {
        let services = self.files.write("services.yaml", self.mesh.services());
        let yaml: Vec<PathBuf> = [Some(services), Some(self.published.clone()), file].into_iter().flatten().collect();
        self.proxy.apply(&yaml)
    }

    /// Sends the request from so many clients at once, each so many times, and enters it in the ledger.
    pub fn send(&mut self, way: Way, clients: usize, times: usize, request: &Request) -> Result<Vec<Answer>, String> {
        let address = match way {
            Way::Gateway => self.proxy.gateway(),
            Way::Mesh => self.mesh.ui()?,
        };
        let answers = crowd(address, clients, times, request);
        self.ledger.enter(way, &answers);
        Ok(answers)
    }
}

fn applied(outcome: Outcome) -> Result<Vec<Finding>, String> {
    match outcome {
        Outcome::Applied(findings) => Ok(findings),
        Outcome::Refused(findings) => {
            let said: Vec<String> =
                findings.iter().map(|finding| format!("{}: {}", finding.short(), finding.message)).collect();
            Err(format!("sailcloth refuses the YAML:\n{}", said.join("\n")))
        }
    }
}
