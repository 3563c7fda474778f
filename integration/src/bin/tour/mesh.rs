//! CatCatGo's services, two versions of each.

use std::net::SocketAddr;

use integration::catcatgo::{self, Program};

/// The services that run.
pub struct Mesh {
    uis: Vec<Program>,
    backends: Vec<Program>,
}

impl Mesh {
    /// Starts all of them; the uis find the backend through the mesh's listener, which will be there.
    pub fn start(mesh: SocketAddr) -> Result<Mesh, String> {
        let backend = format!("http://{mesh}");
        let ui = |version| Program::start("ui", version, &["--backend", &backend]);
        Ok(Mesh { uis: vec![ui("v1")?, ui("v2")?], backends: backends()? })
    }

    /// Where the first version of the ui answers.
    pub fn ui(&self) -> Result<SocketAddr, String> {
        let ui = self.uis.iter().find(|program| program.is("ui", "v1"));
        ui.map(Program::address).ok_or_else(|| "there is no ui v1".to_owned())
    }

    /// In place of all backends one of version v1 that has counted nothing yet, and takes so long for each search.
    pub fn one_backend(&mut self, work_ms: u32) -> Result<(), String> {
        self.backends = vec![Program::start("backend", "v1", &["--work", &work_ms.to_string()])?];
        Ok(())
    }

    /// Both backends again.
    pub fn all_backends(&mut self) -> Result<(), String> {
        self.backends = backends()?;
        Ok(())
    }

    /// What the first of the backends has counted.
    pub fn backend_stats(&self) -> Result<catcatgo::Stats, String> {
        self.backends.first().ok_or("there is no backend")?.stats()
    }

    /// `services.yaml` for what runs.
    pub fn services(&self) -> String {
        catcatgo::services(self.uis.iter().chain(&self.backends))
    }
}

fn backends() -> Result<Vec<Program>, String> {
    ["v1", "v2"].into_iter().map(|version| Program::start("backend", version, &[])).collect()
}
