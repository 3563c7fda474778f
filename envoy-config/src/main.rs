//! The `sailcloth` command: Istio's traffic resources in stock Envoy.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod command;

use command::{check, diff, generate, run};

/// Enforces Istio's traffic resources in stock Envoy, with no control plane.
///
/// Exit codes: 0 fine, 1 findings that are errors, 2 wrong usage or unreadable input; `run` exits as Envoy did, `diff` as `diff`.
#[derive(Parser)]
#[command(name = "sailcloth", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Subcommands,
}

#[derive(Subcommand)]
enum Subcommands {
    Check(check::Args),
    Diff(diff::Args),
    Generate(generate::Args),
    Run(run::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Subcommands::Check(args) => check::check(&args),
        Subcommands::Diff(args) => diff::diff(&args),
        Subcommands::Generate(args) => generate::generate(&args),
        Subcommands::Run(args) => run::run(&args),
    };
    done.unwrap_or_else(command::complain)
}
