//! `sailcloth check`.

use std::process::ExitCode;

use clap::ValueEnum;
use envoy_config::input::{self, Loaded, Purpose, Unread};
use envoy_config::silence::Suppression;
use envoy_config::{codes, render};
use shared::Severity;

use super::{FINDINGS, Idle, Input, Outcome, complain, print, print_bytes, print_styled};

const EXAMPLES: &str = "\
Examples:
  sailcloth check mesh/
  sailcloth check services.yaml -R mesh/ --strict
  sailcloth check mesh/*.yaml --stream-idle-timeout 5m
  helm template . | sailcloth check -
  kubectl get virtualservices,destinationrules,gateways -A -o yaml | sailcloth check -f -
  sailcloth check mesh/ --suppress SC0005 --suppress 'IST0101=VirtualService legacy/*'
  sailcloth check mesh/ -o sarif > sailcloth.sarif
  sailcloth check --codes IST0101

Exit codes:
  0  nothing that counts: no errors, or with --strict no warnings either (--failure-threshold says where it begins)
  1  findings that count
  2  wrong usage, or a file that cannot be read; what could be read is checked all the same";

/// Says what is wrong with resources: what Istio would refuse, what it would only act on in part, and what Sailcloth
/// does not act on.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    #[command(flatten)]
    idle: Idle,
    /// Does not say findings of this code, everywhere or about a resource; `*` stands for anything. Repeat for more.
    /// The annotation `galley.istio.io/analyze-suppress: CODE,...` on a resource does the same there, except for what
    /// Istio would refuse.
    #[arg(short = 'S', long, value_name = "CODE[=KIND NS/NAME]")]
    suppress: Vec<Suppression>,
    /// Findings from here on are exit code 1.
    #[arg(long, value_enum, ignore_case = true, value_name = "LEVEL", default_value_t = Level::Error)]
    failure_threshold: Level,
    /// The same as `--failure-threshold Warning`.
    #[arg(long, conflicts_with = "failure_threshold")]
    strict: bool,
    /// How findings are told, on standard output.
    #[arg(short, long, value_enum, default_value_t = Form::Text)]
    output: Form,
    /// Lists the codes of findings, or says what one means, with an example and what to write. Checks nothing.
    #[arg(long, value_name = "CODE", num_args = 0..=1, exclusive = true)]
    codes: Option<Option<String>>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    #[value(name = "Info")]
    Info,
    #[value(name = "Warning")]
    Warning,
    #[value(name = "Error")]
    Error,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// For people.
    Text,
    /// For programs: a list of findings.
    Json,
    /// SARIF 2.1.0, which code scanning and editors read.
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines of a pull request.
    Github,
}

pub fn check(args: &Args) -> Outcome {
    if let Some(code) = &args.codes {
        print(&match code {
            Some(code) => codes::explain(code)?,
            None => codes::list(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let purpose = Purpose { stream_idle_timeout: args.idle.ours(), ..Purpose::default() };
    let mut texts = args.input.read()?;
    let unread = std::mem::take(&mut texts.unread);
    // A program that reads the findings gets what it can read, be there none.
    if texts.sources.is_empty() && !unread.is_empty() && matches!(args.output, Form::Text | Form::Github) {
        return Err(Box::new(Unread(unread)));
    }
    let mut loaded = input::checked(texts, purpose);
    loaded.silence(&args.suppress);
    tell(&loaded, args.output)?;
    if !unread.is_empty() {
        return Ok(complain(Box::new(Unread(unread))));
    }
    let worst = match (args.strict, args.failure_threshold) {
        (false, Level::Info) => Severity::Info,
        (true, _) | (_, Level::Warning) => Severity::Warning,
        (false, Level::Error) => Severity::Error,
    };
    let bad = loaded.findings.iter().any(|finding| finding.severity <= worst);
    Ok(ExitCode::from(if bad { FINDINGS } else { 0 }))
}

fn tell(loaded: &Loaded, form: Form) -> std::io::Result<()> {
    match form {
        Form::Text => print_styled(&render::text(loaded)),
        Form::Json => print(&render::json(&loaded.findings)),
        Form::Sarif => {
            let first = loaded.sources.first().map_or(input::STDIN, |source| &source.name);
            print_bytes(|out| render::sarif(&loaded.findings, first, out))
        }
        Form::Github => print(&render::github(loaded)),
    }
}
