//! CatCatGo, a search engine for cat pictures: the mesh that Sailcloth's demo runs. One program, one role a process.

mod backend;
mod cat;
mod cats;
mod cli;
mod draw;
mod forward;
mod load;
mod rank;
mod seed;
mod serve;
mod ui;
mod word;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;

use backend::Backend;
use cats::Cats;
use cli::{BackendArgs, Cli, RoleArgs, UiArgs};
use forward::Forward;
use serve::serve;
use ui::Ui;

#[tokio::main]
async fn main() -> ExitCode {
    // Wrong usage ends here, with code 2.
    let done = match Cli::parse().role {
        RoleArgs::Ui(args) => run_ui(args).await,
        RoleArgs::Backend(args) => run_backend(args).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("catcatgo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run_ui(UiArgs { common, backend, backend_host, backend_timeout }: UiArgs) -> Result<(), Box<dyn Error>> {
    let forward = backend.map(|address| Forward::new(address, backend_host, backend_timeout));
    Ok(serve(Ui::new(&common.version, forward), &common.version, common.listen).await?)
}

async fn run_backend(BackendArgs { common, db, work }: BackendArgs) -> Result<(), Box<dyn Error>> {
    let backend = Backend::new(common.version.clone(), Cats::open(db.as_deref())?, work);
    Ok(serve(backend, &common.version, common.listen).await?)
}
