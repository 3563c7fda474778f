//! The `sailcloth` command: Istio's traffic resources in stock Envoy.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod command;

use command::{check, diff, explain, generate, run, test};

/// Enforces Istio's traffic resources in stock Envoy, with no control plane.
///
/// Exit codes: 0 fine, 1 findings that are errors, cases that failed or differences, 2 wrong usage or unreadable input;
/// `run` exits as Envoy did.
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
    Explain(explain::Args),
    Generate(generate::Args),
    Run(run::Args),
    Test(test::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Subcommands::Check(args) => check::check(&args),
        Subcommands::Diff(args) => diff::diff(&args),
        Subcommands::Explain(args) => explain::explain(&args),
        Subcommands::Generate(args) => generate::generate(&args),
        Subcommands::Run(args) => run::run(&args),
        Subcommands::Test(args) => test::test(&args),
    };
    done.unwrap_or_else(command::complain)
}
