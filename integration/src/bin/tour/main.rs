//! The demo: CatCatGo behind Envoy, a tour through what its YAML asks, and then a mesh to try for oneself.
//!
//! Started by `scripts/demo.sh`, which builds everything first.

mod mesh;
mod process;
mod scenes;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;

use mesh::Mesh;

const HELP: &str = "\
Runs CatCatGo behind a stock Envoy that Sailcloth routes, and shows on real requests what its YAML asks for.

Usage: scripts/demo.sh [--tour] [--mesh DIR] [--port PORT]

  --tour        ends after the tour; exits 1 if what came back was not what the YAML asks
  --mesh DIR    takes the mesh's YAML from DIR instead of integration/catcatgo/mesh
  --port PORT   where the gateway's port 80 listens on 127.0.0.1 (8080, or a free port if that is taken)

Examples:
  scripts/demo.sh
  scripts/demo.sh --tour --mesh my-mesh/
";

/// What the command line asks for.
struct Options {
    tour_only: bool,
    mesh: PathBuf,
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
    process::stop_on_signals();
    match tour(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut words: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options =
        Options { tour_only: false, mesh: integration::paths::root().join("integration/catcatgo/mesh"), port: None };
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("`{word}` wants a value"));
        match word.as_str() {
            "--tour" => options.tour_only = true,
            "--mesh" => options.mesh = value()?.into(),
            "--port" => {
                let port = value()?;
                options.port = Some(port.parse().map_err(|_| format!("expected a port, found `{port}`"))?);
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("unknown option `{word}`")),
        }
    }
    if !options.mesh.exists() {
        return Err(format!("there is no `{}`", options.mesh.display()));
    }
    Ok(Some(options))
}

/// Whether everything came back as the YAML asks.
fn tour(options: &Options) -> Result<bool, String> {
    let mesh = Mesh::start()?;
    let gateway = mesh.envoy(&[&options.mesh], options.port)?;
    let mut good = scenes::published(&mesh, &gateway);
    {
        // A second Envoy, beside the first, on the YAML with one resource replaced.
        let canary = integration::paths::root().join("integration/catcatgo/legacy/canary-by-user-agent.yaml");
        let gateway = mesh.envoy(&[&options.mesh, &canary], None)?;
        good &= scenes::canary_by_user_agent(&gateway);
    }
    println!();
    println!(
        "{}",
        if good {
            "The tour is done: everything came back as the YAML asks."
        } else {
            "The tour is done: the rows with a cross did not come back as the YAML asks."
        }
    );
    if !options.tour_only && !process::asked_to_stop() {
        println!();
        println!("CatCatGo is up:  http://{}/  (Ctrl-C ends it)", gateway.address);
        println!("Try:             curl -i http://{}/api/v1.0/search/kitten", gateway.address);
        process::wait_for_signal(|| gateway.exited())?;
    }
    Ok(good)
}
