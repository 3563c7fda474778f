//! `sailcloth diff`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anstyle::Style;
use envoy_config::cases;
use envoy_config::diff::{self, Change};
use envoy_config::input::{self, Loaded, Purpose, Unread};
use envoy_config::traffic::{Report, Traffic, grouped, log, text};
use serde::Serialize;

use super::{FINDINGS, Outcome, Output, namespace, print, print_styled, warn};

const EXAMPLES: &str = "\
Examples:
  sailcloth diff old.yaml new.yaml
  sailcloth diff -f services.yaml mesh/ ../after/mesh/
  sailcloth diff -f mesh/ canary.yaml                              # what applying a file will do
  git show HEAD:mesh.yaml | sailcloth diff - mesh.yaml
  kubectl get vs,dr,gw,se,svc,endpointslices -A -o yaml | sailcloth diff - mesh/ -R
  kubectl logs deploy/istio-ingressgateway -n istio-system | sailcloth diff mesh/ after/ --requests -
  sailcloth diff mesh/ after/ --requests access.log --requests cases.yaml -o json

What a log does not say (headers, the client's labels) may or may not be so. A line is decided where every way it may be
has the same answer; the others are counted, with the conditions that they depend on. A header is known where the log
has a key of its name, such as `x_user` for `x-user`.

Exit codes, as of `diff` and `kubectl diff`:
  0  nothing is otherwise
  1  something is
  2  wrong usage, or something that cannot be read";

/// Says what a change of resources will do: which rules have become others, and which requests will be treated otherwise,
/// before and after side by side.
///
/// Without --requests it makes requests from the rules themselves: for each condition of either side one that just meets
/// it and one that just misses it.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The resources as they were: a file, a folder (its *.yaml, *.yml and *.json), or `-` for standard input. With -f
    /// it may be left out.
    #[arg(value_name = "OLD")]
    old: Option<PathBuf>,
    /// The resources as they will be.
    #[arg(value_name = "NEW")]
    new: Option<PathBuf>,
    /// More resources as they were; repeat for more. A later file replaces resources of an earlier one.
    #[arg(long = "old", value_name = "PATH")]
    more_old: Vec<PathBuf>,
    /// More resources as they will be.
    #[arg(long = "new", value_name = "PATH")]
    more_new: Vec<PathBuf>,
    /// Resources that both have, such as the services; they come first.
    #[arg(short = 'f', long = "filename", value_name = "PATH")]
    both: Vec<PathBuf>,
    /// Looks into folders within folders, too.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Requests to ask both sides: an access log of Envoy, of Istio (JSON or text) or of `run --access-log`, or cases; `-`
    /// is standard input. Repeat for more.
    #[arg(long, value_name = "FILE")]
    requests: Vec<PathBuf>,
    /// The namespace from which requests in the mesh come [default: the only one that there is in the resources, else
    /// `default`].
    #[arg(short = 'n', long, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// How it is told, on standard output.
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// All of it, as `docs/diff.schema.json` has it.
#[derive(Serialize)]
struct Told<'a> {
    summary: Summary,
    changes: &'a [Change],
    requests: &'a [Report],
}

#[derive(Serialize)]
struct Summary {
    /// What Istio would refuse on either side; that far they could not be compared.
    errors: Errors,
    changes: usize,
    requests: u64,
    otherwise: u64,
    undecided: u64,
}

#[derive(Clone, Copy, Serialize)]
struct Errors {
    old: usize,
    new: usize,
}

pub fn diff(args: &Args) -> Outcome {
    let (old, new) = args.sides()?;
    let (old, new) = thread::scope(|scope| {
        let first = scope.spawn(|| load(&old, args.recursive));
        let new = load(&new, args.recursive);
        (first.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), new)
    });
    let (old, new) = match (old, new) {
        (Ok(old), Ok(new)) => (old, new),
        (old, new) => {
            let unread = [old.err(), new.err()].into_iter().flatten().flat_map(|Unread(all)| all);
            return Err(Box::new(Unread(unread.collect())));
        }
    };
    let errors = Errors { old: complain_of(&old, "OLD"), new: complain_of(&new, "NEW") };
    let (changes, traffic) = thread::scope(|scope| {
        let changes = scope.spawn(|| diff::changes(&old.set, &new.set));
        let traffic = Traffic::new(&old.set, &new.set, args.namespace.as_deref());
        (changes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), traffic)
    });
    let reports = match args.requests.as_slice() {
        [] => vec![traffic.of_rules()],
        files => files.iter().map(|file| asked(&traffic, file)).collect::<Result<_, _>>()?,
    };
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum();
    let summary = Summary {
        errors,
        changes: changes.len(),
        requests: sum(|it| it.requests),
        otherwise: sum(|it| it.otherwise),
        undecided: sum(|it| it.undecided),
    };
    let differs = summary.changes > 0 || summary.otherwise > 0;
    match args.output {
        Output::Text => print_styled(&said(&changes, &reports, traffic.listeners().count() > 1))?,
        Output::Json => {
            let told = Told { summary, changes: &changes, requests: &reports };
            print(&(serde_json::to_string_pretty(&told)? + "\n"))?;
        }
    }
    Ok(ExitCode::from(if differs { FINDINGS } else { 0 }))
}

impl Args {
    /// What was, and what will be.
    fn sides(&self) -> Result<(Vec<PathBuf>, Vec<PathBuf>), String> {
        // Beside what both have, or what was, a single path is what will be.
        let (first, second) = match (&self.old, &self.new) {
            (Some(one), None) if !self.both.is_empty() || !self.more_old.is_empty() => (None, Some(one)),
            (first, second) => (first.as_ref(), second.as_ref()),
        };
        let side = |one: Option<&PathBuf>, more: &[PathBuf]| one.into_iter().chain(more).cloned().collect::<Vec<_>>();
        let (old, new) = (side(first, &self.more_old), side(second, &self.more_new));
        if new.is_empty() && (old.is_empty() || self.both.is_empty()) || old.is_empty() && self.both.is_empty() {
            let what = if old.is_empty() { "which resources?" } else { "and what will they be?" };
            return Err(format!("{what} Name them as they were and as they will be: `sailcloth diff OLD NEW`"));
        }
        let real = |paths: &[PathBuf]| -> BTreeSet<PathBuf> {
            paths.iter().map(|path| fs::canonicalize(path).unwrap_or_else(|_| path.clone())).collect()
        };
        let stdin =
            old.iter().chain(&new).chain(&self.both).chain(&self.requests).filter(|path| is_stdin(path)).count();
        if stdin > 1 {
            return Err("standard input (`-`) can be read only once".to_owned());
        }
        if real(&old) == real(&new) {
            let name = old.first().map(|path| path.display().to_string()).unwrap_or_default();
            let hint = "`git show HEAD:FILE | sailcloth diff - FILE` compares a file with what was committed";
            return Err(format!("OLD and NEW are both `{name}`, so there is nothing to compare; {hint}"));
        }
        let with = |side: Vec<PathBuf>| [self.both.clone(), side].concat();
        Ok((with(old), with(new)))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn load(paths: &[PathBuf], recursive: bool) -> Result<Loaded, Unread> {
    let texts = input::read(paths, recursive);
    if texts.unread.is_empty() { Ok(input::checked(texts, Purpose::default())) } else { Err(Unread(texts.unread)) }
}

/// Says that a set has errors, and how many.
fn complain_of(loaded: &Loaded, side: &str) -> usize {
    let errors: Vec<_> = loaded.findings.iter().filter(|finding| finding.stops()).collect();
    if let Some(first) = errors.first() {
        let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
        warn(&format!(
            "{side} has {count} that Istio would refuse, and is compared as far as it could be read: {first}; \
             `sailcloth check` says the rest"
        ));
    }
    errors.len()
}

/// Asks both sides what stands in a file.
fn asked(traffic: &Traffic<'_>, file: &Path) -> Result<Report, String> {
    let name = if is_stdin(file) { input::STDIN.to_owned() } else { file.display().to_string() };
    let wrong = |error: &dyn std::fmt::Display| format!("`{name}`: {error}");
    let from: Box<dyn Read> = match is_stdin(file) {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file `{name}`"),
            _ => format!("cannot read `{name}`: {error}"),
        })?),
    };
    let mut from = BufReader::with_capacity(1 << 16, from);
    let unreadable = |error: io::Error| format!("cannot read `{name}`: {error}");
    if is_cases(file, from.fill_buf().map_err(unreadable)?) {
        let mut text = String::new();
        from.read_to_string(&mut text).map_err(unreadable)?;
        let file = cases::read(&name, &text)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))?;
        return Ok(traffic.of_cases(&file));
    }
    let wanted = traffic.wanted();
    let log = log::read(from, &wanted).map_err(|error| wrong(&error))?;
    Ok(traffic.of_log(&log, &wanted, &name))
}

/// Whether a file has cases: by its name, else by how it begins.
fn is_cases(file: &Path, begin: &[u8]) -> bool {
    let named = file.extension().is_some_and(|end| end == "yaml" || end == "yml");
    let keys = [&b"cases:"[..], b"resources:", b"proxy:", b"- cases:", b"\"cases\":"];
    named || begin.split(|byte| *byte == b'\n').any(|line| keys.iter().any(|key| line.trim_ascii().starts_with(key)))
}

/// For people: a summary, the changes, the requests.
fn said(changes: &[Change], reports: &[Report], several: bool) -> String {
    const BOLD: Style = Style::new().bold();
    let mut out = String::new();
    let resources: BTreeSet<_> = changes.iter().map(|it| (&it.kind, &it.namespace, &it.name)).collect();
    let count =
        |count: usize, word: &str| format!("{} {word}{}", grouped(count as u64), if count == 1 { "" } else { "s" });
    let first = match changes.len() {
        0 => "no changes".to_owned(),
        changes => format!("{} in {}", count(changes, "change"), count(resources.len(), "resource")),
    };
    let asked: Vec<String> = reports.iter().map(text::summary).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{first}; {}", asked.join("; "));
    if !changes.is_empty() {
        out.push('\n');
        for change in changes {
            let _ = writeln!(out, "{BOLD}{}{BOLD:#}: {}", change.subject(), change.words);
        }
    }
    for report in reports {
        let said = text::text(report, several);
        if said.is_empty() {
            continue;
        }
        let _ = match &report.name {
            Some(name) => writeln!(out, "\nrequests of {}", shared::model::read::visible(name)),
            None => writeln!(out, "\nrequests"),
        };
        out.push_str(&said);
    }
    out
}
