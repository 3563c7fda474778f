//! The demo: CatCatGo behind Envoy, a tour through what its YAML asks, and then a mesh to try for oneself.
//!
//! Started by `scripts/demo.sh`, which builds everything first.

mod crowd;
mod ledger;
mod mesh;
mod proxy;
mod scenes;
mod signals;
mod stage;
mod table;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use integration::catcatgo;

use proxy::Ports;
use stage::Stage;

const HELP: &str = "\
Runs CatCatGo behind a stock Envoy that Sailcloth routes, and shows on real requests what its YAML asks for.

Usage: scripts/demo.sh [--tour] [--mesh DIR] [--legacy DIR] [--port PORT]

  --tour        ends after the tour; exits 1 if what came back was not what the YAML asks
  --mesh DIR    takes the mesh's YAML from DIR instead of integration/catcatgo/mesh
  --legacy DIR  takes the variations of the walkthrough from DIR instead of integration/catcatgo/legacy
  --port PORT   where the gateway's port 80 listens on 127.0.0.1 (8080, or a free port if that is taken)

Examples:
  scripts/demo.sh
  scripts/demo.sh --tour --mesh my-mesh/
";

/// What the command line asks for.
struct Options {
    tour_only: bool,
    mesh: PathBuf,
    legacy: PathBuf,
    port: Option<u16>,
}

fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match signals::listen().and_then(|()| demo(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        // Ctrl-C ends Envoy as well, and the scene that was under way misses it.
        Err(_) if signals::asked_to_stop() => {
            eprintln!("Stopped before the end.");
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let (mesh, legacy) = (catcatgo::file("mesh"), catcatgo::file("legacy"));
    let mut options = Options { tour_only: false, mesh, legacy, port: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        match word.as_str() {
            "--tour" => options.tour_only = true,
            "--mesh" => options.mesh = value()?.into(),
            "--legacy" => options.legacy = value()?.into(),
            "--port" => {
                let port = value()?;
                options.port = Some(port.parse().map_err(|_| format!("expected a port, found `{port}`"))?);
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option `{word}`")),
        }
    }
    if let Some(missing) = [&options.mesh, &options.legacy].into_iter().find(|path| !path.exists()) {
        return Err(format!("there is no `{}`", missing.display()));
    }
    Ok(Some(options))
}

/// Whether everything came back as the YAML asks.
fn demo(options: &Options) -> Result<bool, String> {
    let started = Instant::now();
    let mut stage = Stage::new(ports(options.port)?, options.mesh.clone(), options.legacy.clone())?;
    let mut good = true;
    for scene in scenes::ALL {
        let table = scene(&mut stage)?;
        if signals::asked_to_stop() {
            return Err("stopped".to_owned());
        }
        good &= table.print();
    }
    println!();
    let outcome =
        if good { "everything came back as the YAML asks" } else { "the rows with a cross did not come back as asked" };
    println!("The tour is done, in {:.1} s: {outcome}.", started.elapsed().as_secs_f64());
    if !options.tour_only {
        stage.restore()?;
        let gateway = stage.proxy.gateway();
        println!();
        println!("CatCatGo is up:  http://{gateway}/  (Ctrl-C ends it)");
        println!("Try:             curl -i http://{gateway}/api/v1.0/search/kitten");
        if let Some(admin) = stage.proxy.admin() {
            println!("Metrics:         curl http://{admin}/stats/prometheus");
        }
        signals::wait(|| stage.proxy.exited())?;
    }
    Ok(good)
}

/// The Gateway's port is the one that was asked for, else 8080, else a free one; the mesh's is free.
fn ports(wanted: Option<u16>) -> Result<Ports, String> {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let no_port = |error: std::io::Error| format!("there is no port to listen on: {error}");
    let gateway = match wanted {
        Some(port) => listen(port).map_err(|error| format!("cannot listen on port {port}: {error}"))?,
        None => listen(8080).or_else(|_| listen(0)).map_err(no_port)?,
    };
    let mesh = listen(0).map_err(no_port)?;
    // Both are free again when this returns, and were different while they were taken.
    let address = |listener: TcpListener| -> Result<SocketAddr, String> { listener.local_addr().map_err(no_port) };
    Ok(Ports { gateway: address(gateway)?, mesh: address(mesh)? })
}
