//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{NonEmptyStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use hyper::header::HeaderValue;
use hyper::http::uri::Authority;

use crate::forward::Address;
use crate::serve::Version;

const EXAMPLES: &str = "\
Examples:
  catcatgo backend --version v1 --listen 127.0.0.1:9011 --db /tmp/cats-v1.redb
  catcatgo ui --version v1 --listen 127.0.0.1:9001 --backend http://127.0.0.1:9011
  curl http://127.0.0.1:9001/api/v1.0/search/kitten";

const UI_EXAMPLES: &str = "\
Examples:
  Straight to a backend:
    catcatgo ui --version v1 --listen 127.0.0.1:9001 --backend http://127.0.0.1:9011
  To the service `backend` through the mesh listener of a proxy:
    catcatgo ui --version v2 --listen 127.0.0.1:9002 --backend http://127.0.0.1:15001 --backend-host backend";

const BACKEND_EXAMPLES: &str = "\
Examples:
  catcatgo backend --version v1 --listen 127.0.0.1:9011 --db /tmp/cats-v1.redb
  A free port, cats in memory, and 50 ms for each search:
    catcatgo backend --version v2 --listen 127.0.0.1:0 --work 50";

/// CatCatGo, a search engine for cat pictures.
#[derive(Parser)]
#[command(name = "catcatgo", version, after_help = EXAMPLES)]
pub struct Cli {
    /// Which of the programs to be.
    #[command(subcommand)]
    pub role: RoleArgs,
}

/// The roles and their options.
#[derive(Subcommand)]
pub enum RoleArgs {
    /// Serve the page, and pass its searches on to a backend
    #[command(after_help = UI_EXAMPLES)]
    Ui(UiArgs),
    /// Answer searches with cats
    #[command(after_help = BACKEND_EXAMPLES)]
    Backend(BackendArgs),
}

/// What all roles take.
#[derive(Args)]
pub struct Common {
    /// The version to be: v1 is the first, every other one the new one
    #[arg(long, value_name = "VERSION")]
    pub version: Version,
    /// Where to listen; port 0 takes a free one, and the ready line on standard output says which
    #[arg(long, value_name = "IP:PORT")]
    pub listen: SocketAddr,
}

/// The options of the ui.
#[derive(Args)]
pub struct UiArgs {
    /// What all roles take.
    #[command(flatten)]
    pub common: Common,
    /// Where searches go; without it, they are answered with 502
    #[arg(long, value_name = "URL")]
    pub backend: Option<Address>,
    /// The Host header of searches, by which a proxy knows the service
    #[arg(long, value_name = "HOST", default_value = "backend", value_parser = NonEmptyStringValueParser::new().try_map(host))]
    pub backend_host: HeaderValue,
    /// How long to wait for an answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = clap::value_parser!(u64).range(1..=3600).map(Duration::from_secs))]
    pub backend_timeout: Duration,
}

/// The options of the backend.
#[derive(Args)]
pub struct BackendArgs {
    /// What all roles take.
    #[command(flatten)]
    pub common: Common,
    /// The file of the database, made if there is none; without it, the cats live in memory
    #[arg(long, value_name = "PATH")]
    pub db: Option<PathBuf>,
    /// How much longer each search takes than it needs, in milliseconds
    #[arg(long, value_name = "MS", default_value = "0", value_parser = clap::value_parser!(u64).range(..=600_000).map(Duration::from_millis))]
    pub work: Duration,
}

fn host(text: String) -> Result<HeaderValue, &'static str> {
    let wrong = "a host is a name or an address, with or without a port, as in backend.default:80";
    match text.parse::<Authority>() {
        Ok(authority) if !authority.as_str().contains('@') => HeaderValue::from_str(&text).map_err(|_| wrong),
        _ => Err(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_is_sound() {
        Cli::command().debug_assert();
    }
}
