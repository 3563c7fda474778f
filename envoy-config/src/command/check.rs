//! `sailcloth check`.

use std::process::ExitCode;

use envoy_config::input::Purpose;
use envoy_config::render;
use shared::Severity;

use super::{FINDINGS, Idle, Input, Outcome, Output, print, print_styled};

const EXAMPLES: &str = "\
Examples:
  sailcloth check -f mesh/
  sailcloth check -f services.yaml -f mesh/ --strict
  sailcloth check -f mesh/ --stream-idle-timeout 5m
  kubectl get virtualservices,destinationrules,gateways -A -o yaml | sailcloth check -f -
  sailcloth check -f mesh/ --output json";

/// Says what is wrong with resources: what Istio would refuse, what it would only act on in part, and what Sailcloth
/// does not act on.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    idle: Idle,
    /// Warnings count as errors for the exit code.
    #[arg(long)]
    strict: bool,
    /// How findings are told, on standard output.
    #[arg(long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn check(args: &Args) -> Outcome {
    let purpose = Purpose { stream_idle_timeout: args.idle.ours(), ..Purpose::default() };
    let loaded = args.input.load(purpose)?;
    match args.output {
        Output::Text => print_styled(&render::text(&loaded)),
        Output::Json => print(&render::json(&loaded.findings)),
    }?;
    let worst = if args.strict { Severity::Warning } else { Severity::Error };
    let bad = loaded.findings.iter().any(|finding| finding.severity <= worst);
    Ok(ExitCode::from(if bad { FINDINGS } else { 0 }))
}
