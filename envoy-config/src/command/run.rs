//! `sailcloth run`.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::process::ExitCode;

use envoy_config::envoy::{Envoy, TemporaryFolder};
use envoy_config::input::Purpose;
use envoy_config::{generate, to_json};

use super::{FINDINGS, Input, Outcome, Output, Setup, print, stops, tell};

const EXAMPLES: &str = "\
Examples:
  sailcloth run -f services.yaml -f mesh/
  sailcloth run -f mesh/ --listen 80=127.0.0.1:9080 --admin none --concurrency 2
  sailcloth run -f mesh/ -f policies/ --allow-unenforced
  sailcloth run -f mesh/ --envoy ~/bin/envoy -- --log-level debug";

/// Starts Envoy on resources, and stops it with this program. Exits as Envoy did.
///
/// It does not start where resources ask for protection that Sailcloth does not give yet (SC0018), unless
/// `--allow-unenforced` is given.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    setup: Setup,
    /// The Envoy to start [default: $ENVOY, else `envoy` on PATH, else `func-e` on PATH].
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
    /// How many workers Envoy has [default: Envoy's own, one for each core].
    #[arg(long, value_name = "N")]
    concurrency: Option<NonZeroU32>,
    /// How findings (on standard error) and addresses (on standard output) are told.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
    /// What else Envoy is told. Its log begins at `warning` unless these say otherwise.
    #[arg(last = true, value_name = "ENVOY ARGS")]
    rest: Vec<OsString>,
}

pub fn run(args: &Args) -> Outcome {
    let options = args.setup.options(true)?;
    let purpose =
        Purpose { stream_idle_timeout: options.stream_idle_timeout, unenforced: args.setup.protection.unenforced() };
    let loaded = args.input.load(purpose)?;
    tell(&loaded, args.output)?;
    if stops(&loaded, args.output) {
        return Ok(ExitCode::from(FINDINGS));
    }
    let generated = options.generate(&loaded.set)?;
    if generated.fronts.is_empty() {
        return Err(generate::NOTHING_TO_LISTEN_FOR.into());
    }
    let envoy = Envoy::find(args.envoy.as_deref())?;
    let addresses = match args.output {
        Output::Text => generated.fronts.iter().map(|front| format!("{front}\n")).collect(),
        Output::Json => generate::pretty(&to_json(&generated.addresses())),
    };
    let folder = TemporaryFolder::new()?;
    let bootstrap = folder.write("envoy.json", generate::pretty(&generated.bootstrap()).as_bytes())?;
    let command = envoy.command(&bootstrap, args.concurrency, &args.rest);
    // That nobody reads the addresses is no reason to stop Envoy.
    let code = envoy.run(command, || drop(print(&addresses)))?;
    Ok(ExitCode::from(code))
}
