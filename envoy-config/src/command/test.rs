//! `sailcloth test`.

use std::path::PathBuf;
use std::process::ExitCode;

use envoy_config::cases::{self, Asked, CaseError, CaseFile, Suite, SuiteError};
use envoy_config::input::{self, Loaded, Source, Texts, Unread};
use shared::finding::Finding;

use super::{FINDINGS, Input, Outcome, Output, complain_of, print, print_styled, refuse, tell};

const EXAMPLES: &str = "\
Examples:
  sailcloth test mesh/ --cases cases/
  sailcloth test services.yaml mesh/ --cases cases/shop.yaml --coverage
  sailcloth test --cases cases/shop.yaml                 resources are those that the file names
  kubectl get vs,dr,gw,se,svc -A -o yaml | sailcloth test - --cases cases/
  sailcloth test mesh/ --cases cases/ --junit report.xml

A case file:
  cases:
  - name: the search goes to the backend
    request: {url: \"http://shop.example/api?q=kitten\"}
    expect: {cluster: outbound|80||backend.default.svc.cluster.local}

docs/cases.md describes all of it.

Exit codes:
  0  no case failed
  1  a case failed, or Istio's validation would refuse the resources
  2  wrong usage, a file that cannot be read, or cases that are none";

/// Asks cases, requests with what must come of them, and says which are not as expected, and why: which rule took the
/// request, and why none before it did. Nothing is sent: the code that runs in the proxy is asked.
///
/// Shares are computed, not drawn. A case of which only a proxy could tell something counts neither as passed nor as failed.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Case files: files, folders, or `-` for standard input. Resources that a file names come after those of the command
    /// line.
    #[arg(short, long, value_name = "FILE", num_args = 1.., required = true)]
    cases: Vec<PathBuf>,
    /// Asks the cases alone whose name holds this; repeat for more.
    #[arg(long, value_name = "TEXT")]
    filter: Vec<String>,
    /// Lists the rules that no case meets.
    #[arg(long)]
    coverage: bool,
    /// Writes a report of it to this file, as JUnit has it.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Does not list the cases that passed.
    #[arg(short, long)]
    quiet: bool,
    /// How it is told, on standard output; as JSON by docs/test.schema.json.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

pub fn test(args: &Args) -> Outcome {
    let files = match files(&args.cases)? {
        Ok(files) => files,
        Err(errors) => return Ok(complain_of(&errors)),
    };
    let common = if args.input.is_empty() { None } else { Some(resources(&args.input)?) };
    let suite = match Suite::new(files, common.as_ref()) {
        Ok(suite) => suite,
        Err(SuiteError::Cases(errors)) => return Ok(complain_of(&errors)),
        Err(SuiteError::Resources(loaded)) => return refused(*loaded, args.output),
    };
    let results = suite.run(&Asked { names: args.filter.clone(), coverage: args.coverage });
    if results.cases.is_empty() {
        let names = args.filter.join("` or `");
        return Err(format!("no case's name holds `{names}`").into());
    }
    if let Some(path) = &args.junit {
        let written = cases::junit(&results).and_then(|xml| std::fs::write(path, xml));
        written.map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    match args.output {
        Output::Text => print_styled(&cases::text(&results, args.quiet))?,
        Output::Json => print(&results.json())?,
    }
    Ok(ExitCode::from(if results.is_failure() { FINDINGS } else { 0 }))
}

type Read<T> = Result<T, Box<dyn std::error::Error>>;

/// All case files, or all that is wrong with them.
fn files(paths: &[PathBuf]) -> Read<Result<Vec<CaseFile>, Vec<CaseError>>> {
    let Texts { sources, findings, unread, .. } = input::read(paths, false);
    if !unread.is_empty() {
        return Err(Box::new(Unread(unread)));
    }
    let no_text = |it: Finding| CaseError {
        file: it.file.unwrap_or_default(),
        line: it.line,
        column: it.column,
        message: it.message,
        hint: it.hint,
    };
    let mut errors: Vec<CaseError> = findings.into_iter().map(no_text).collect();
    let broken: Vec<String> = errors.iter().map(|error| error.file.clone()).collect();
    let mut files = Vec::new();
    for Source { name, text } in sources.iter().filter(|source| !broken.contains(&source.name)) {
        match cases::read(name, text) {
            Ok(file) => files.push(file),
            Err(more) => errors.extend(more),
        }
    }
    Ok(if errors.is_empty() { Ok(files) } else { Err(errors) })
}

fn resources(input: &Input) -> Read<Texts> {
    let texts = input.read()?;
    if texts.unread.is_empty() { Ok(texts) } else { Err(Box::new(Unread(texts.unread))) }
}

/// Nobody is asked where no module would start.
fn refused(mut loaded: Loaded, output: Output) -> Outcome {
    loaded.findings.retain(Finding::stops);
    tell(&loaded, output)?;
    Ok(refuse("no case was asked, since Istio's validation would refuse these resources"))
}
