//! CatCatGo's services, and an Envoy in front of them for each set of YAML.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use integration::client::Request;
use integration::paths::{self, TempDir};

use crate::process::{Process, asked_to_stop};

/// The services, two versions of each.
pub struct Mesh {
    /// Where each answers, by role and version.
    services: Vec<(Service, SocketAddr)>,
    /// Where the uis find the mesh.
    mesh_port: u16,
    directory: TempDir,
    _processes: Vec<Process>,
}

/// A role and a version.
type Service = (&'static str, &'static str);

/// An Envoy that `sailcloth run` started.
pub struct Gateway {
    /// Where the Gateway's port 80 listens.
    pub address: SocketAddr,
    process: Process,
}

impl Gateway {
    /// What happened, when Envoy has ended by itself.
    pub fn exited(&self) -> Option<String> {
        self.process.exited()
    }
}

impl Mesh {
    /// Starts all services on free ports.
    pub fn start() -> Result<Mesh, String> {
        let directory = TempDir::new("catcatgo");
        let mesh_port = free_port(None);
        let mut mesh = Mesh { services: Vec::new(), mesh_port, directory, _processes: Vec::new() };
        for (role, version) in [("backend", "v1"), ("backend", "v2"), ("ui", "v1"), ("ui", "v2")] {
            let mut arguments: Vec<String> =
                [role, "--version", version, "--listen", "127.0.0.1:0"].map(String::from).into();
            if role == "ui" {
                arguments.extend(["--backend".into(), format!("http://127.0.0.1:{mesh_port}")]);
            }
            let name = format!("{role} {version}");
            let log = mesh.directory.path().join(format!("{role}-{version}.log"));
            let (process, address) = Process::start(&name, &catcatgo(), &arguments, &log, |line| {
                line.split_once("listens on ").and_then(|(_, address)| address.trim().parse().ok())
            })?;
            mesh.services.push(((role, version), address));
            mesh._processes.push(process);
        }
        mesh.directory.write("services.yaml", mesh.yaml());
        Ok(mesh)
    }

    /// Where a version of a role answers.
    pub fn service(&self, role: &str, version: &str) -> Option<SocketAddr> {
        self.services.iter().find(|(service, _)| *service == (role, version)).map(|(_, address)| *address)
    }

    /// `integration/catcatgo/services.yaml` with the ports of this run.
    fn yaml(&self) -> String {
        let mut out = String::new();
        for role in ["ui", "backend"] {
            out += &format!(
                "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {role}}}\nspec:\n  \
                 hosts: [{role}.default.svc.cluster.local]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
                 ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints:\n"
            );
            for ((_, version), address) in self.services.iter().filter(|((other, _), _)| *other == role) {
                out += &format!(
                    "  - {{address: {}, ports: {{http: {}}}, labels: {{app: {role}, version: {version}}}}}\n",
                    address.ip(),
                    address.port()
                );
            }
        }
        out
    }

    /// Starts an Envoy on the YAML in `files`, later ones replacing earlier ones, and waits until it answers.
    ///
    /// The first Envoy gets the mesh listener that the uis know; those after it a listener of their own.
    pub fn envoy(&self, files: &[&Path], port: Option<u16>) -> Result<Gateway, String> {
        let wanted = port.or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 8080)).is_ok().then_some(8080));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, wanted.unwrap_or_else(|| free_port(None))));
        let mut arguments: Vec<String> = vec!["run".into()];
        for file in files {
            arguments.extend(["-f".into(), file.display().to_string()]);
        }
        arguments.extend(["-f".into(), self.directory.path().join("services.yaml").display().to_string()]);
        arguments.extend(["--listen".into(), format!("80={address}")]);
        arguments.extend(["--mesh-listen".into(), format!("127.0.0.1:{}", free_port(Some(self.mesh_port)))]);
        arguments.extend(["--admin".into(), "none".into(), "--envoy".into(), paths::envoy().display().to_string()]);
        let log = self.directory.path().join(format!("envoy-{}.log", address.port()));
        let said = format!("{}", address.port());
        let (process, ()) = Process::start("sailcloth run", &paths::sailcloth(), &arguments, &log, |line| {
            line.contains(&said).then_some(())
        })?;
        let gateway = Gateway { address, process };
        let deadline = Instant::now() + Duration::from_secs(30);
        while Request::get("/").timeout(Duration::from_secs(2)).try_send(address).is_err() {
            if let Some(problem) = gateway.exited() {
                return Err(problem);
            }
            if asked_to_stop() || Instant::now() > deadline {
                return Err(format!("Envoy does not answer on {address}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(gateway)
    }
}

fn catcatgo() -> PathBuf {
    paths::sailcloth().with_file_name("catcatgo")
}

/// A port that nobody listens on: this one if it is free, else any.
fn free_port(wanted: Option<u16>) -> u16 {
    let wanted = wanted.and_then(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok());
    let listener = wanted.or_else(|| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok());
    listener.and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port())
}
