//! `sailcloth generate`.

use std::process::ExitCode;

use clap::ValueEnum;
use envoy_config::generate;
use envoy_config::input::Purpose;
use envoy_config::listener::ENVOYS_STREAM_IDLE_TIMEOUT;
use shared::check::Unenforced;
use shared::plan::guard::Detector;

use super::{FINDINGS, Input, Outcome, Output, Setup, Strict, print_pieces, refuse, stops, tell};

const EXAMPLES: &str = "\
Examples:
  sailcloth generate bootstrap -f services.yaml -f mesh/ > envoy.yaml && envoy -c envoy.yaml
  sailcloth generate bootstrap -f mesh/ --listen 80=9080 --module-dir /etc/envoy/wasm
  sailcloth generate bootstrap -f mesh/ -f policies/ --allow-unenforced > envoy.yaml
  sailcloth generate filters -f mesh/ --separate --output json";

/// Prints Envoy's configuration for resources. Findings go to standard error; errors that Istio's validation would
/// refuse keep it from printing anything.
///
/// So does protection that resources ask for and Sailcloth does not give yet (SC0018), unless `--allow-unenforced` is
/// given. Filters for an Envoy of somebody else's leave it to that Envoy and its clusters, and only say so.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to print.
    #[arg(value_enum)]
    what: What,
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    setup: Setup,
    #[command(flatten)]
    strict: Strict,
    /// How it is printed. Findings are text with YAML, and JSON with JSON.
    #[arg(short, long, value_enum, default_value_t = Format::Yaml)]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    /// A whole configuration, with which Envoy starts.
    Bootstrap,
    /// For each listener the HTTP filters and the routes, to paste into the configuration of an Envoy that somebody
    /// already runs.
    Filters,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// YAML.
    #[value(alias = "text")]
    Yaml,
    /// JSON.
    Json,
}

pub fn generate(args: &Args) -> Outcome {
    let mut options = args.setup.options(false)?;
    options.detector = match args.what {
        What::Bootstrap => Detector::Envoy,
        What::Filters => Detector::Module,
    };
    // Whoever has an Envoy may have its listeners told where connections were meant to go.
    options.original_destinations = matches!(args.what, What::Filters);
    let purpose = match args.what {
        What::Bootstrap => {
            Purpose { stream_idle_timeout: options.stream_idle_timeout, unenforced: args.setup.protection.unenforced() }
        }
        What::Filters => Purpose {
            stream_idle_timeout: args.setup.idle.or(ENVOYS_STREAM_IDLE_TIMEOUT),
            unenforced: Unenforced::LeftToOthers,
        },
    };
    // That a set is right turns out while what comes of it is made.
    let (loaded, generated) = args.input.load_while(purpose, |set| options.generate(set))?;
    let output = if matches!(args.output, Format::Json) { Output::Json } else { Output::Text };
    tell(&loaded, output)?;
    if stops(&loaded, args.strict, output) {
        return Ok(ExitCode::from(FINDINGS));
    }
    let generated = generated?;
    if generated.fronts.is_empty() {
        return Ok(refuse(generate::NOTHING_TO_LISTEN_FOR));
    }
    // What is left goes with the process: to let go of thousands of resources one by one takes longer than to write.
    std::mem::forget(loaded);
    print_pieces(|out| match (args.what, args.output) {
        (What::Bootstrap, Format::Yaml) => generate::write_bootstrap_yaml(out, generated),
        (What::Bootstrap, Format::Json) => generate::write_pretty(out, &generated.bootstrap()),
        (What::Filters, Format::Yaml) => generate::write_parts_yaml(out, generated),
        (What::Filters, Format::Json) => generate::write_pretty(out, &generated.parts()),
    })?;
    Ok(ExitCode::SUCCESS)
}
