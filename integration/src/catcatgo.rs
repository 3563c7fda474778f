//! CatCatGo's programs and its YAML: the mesh of the demo, and of tests on the walkthrough.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};
use std::{fs, thread};

use serde::Deserialize;

use crate::child::{dying_with_us, spawn, stop};
use crate::client::Request;
use crate::paths::{self, TempDir};

/// One of CatCatGo's files, such as `legacy/mirror.yaml`.
pub fn file(name: &str) -> PathBuf {
    paths::root().join("integration/catcatgo").join(name)
}

/// A running `catcatgo`, on a free port. Dropping it stops it.
#[derive(Debug)]
pub struct Program {
    role: String,
    version: String,
    address: SocketAddr,
    child: Child,
    // After `child`: what it says is of use until it has gone.
    _directory: TempDir,
}

/// What a backend counts, as its `/stats` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Stats {
    /// Searches that came in.
    pub requests: u64,
    /// Searches that are not answered yet.
    pub in_flight: u64,
    /// The most that were in flight at a time.
    pub high_water: u64,
}

impl Program {
    /// Starts `ui` or `backend` in this version and waits until it listens; where it does not, what it says is the error.
    pub fn start(role: &str, version: &str, more: &[&str]) -> Result<Program, String> {
        let directory = TempDir::new("catcatgo");
        let log = directory.path().join("log");
        let mut command = dying_with_us(&paths::catcatgo());
        command.args([role, "--version", version, "--listen", "127.0.0.1:0"]).args(more);
        let mut child = spawn(command, &log)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            // Asked before its log is read: what it says last is then there.
            let ended = !matches!(child.try_wait(), Ok(None));
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(address) = ready(&said) {
                let (role, version) = (role.to_owned(), version.to_owned());
                return Ok(Program { role, version, address, child, _directory: directory });
            }
            if ended || Instant::now() > deadline {
                stop(&mut child);
                return Err(format!("catcatgo {role} {version} did not start; it said:\n{said}"));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it is this version of this role.
    pub fn is(&self, role: &str, version: &str) -> bool {
        self.role == role && self.version == version
    }

    /// What a backend has counted so far.
    pub fn stats(&self) -> Result<Stats, String> {
        let answer = Request::get("/stats").try_send(self.address).map_err(|error| error.to_string())?;
        serde_json::from_slice(&answer.body).map_err(|error| format!("/stats: {error}: {}", answer.text()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

/// The address in the line that says that it listens.
fn ready(said: &str) -> Option<SocketAddr> {
    said.lines().find_map(|line| line.split_once(" listens on ")?.1.parse().ok())
}

/// `services.yaml`, with these programs in place of those of the file.
pub fn services<'a>(programs: impl IntoIterator<Item = &'a Program>) -> String {
    let programs: Vec<&Program> = programs.into_iter().collect();
    let mut out = String::new();
    for role in ["ui", "backend"] {
        out += &format!(
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {role}}}\nspec:\n  \
             hosts: [{role}.default.svc.cluster.local]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
             ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints:\n"
        );
        for program in programs.iter().filter(|program| program.role == role) {
            let (ip, port, version) = (program.address.ip(), program.address.port(), &program.version);
            out += &format!(
                "  - {{address: {ip}, ports: {{http: {port}}}, labels: {{app: {role}, version: {version}}}}}\n"
            );
        }
    }
    out
}
