//! Files, folders and standard input, read, loaded and checked.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use std::thread;
use std::time::Duration;

use shared::check;
use shared::check::Unenforced;
use shared::finding::{Code, Finding, Report, Severity};
use shared::load::Node;
use shared::model::Resources;

use crate::listener::STREAM_IDLE_TIMEOUT;

mod documents;
mod files;
mod mesh;
mod text;

/// What standard input is called in findings.
pub const STDIN: &str = "<stdin>";

/// No set of resources is as large; what is is the wrong file.
const LARGEST: u64 = 256 << 20;

/// A text that was read.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it was named on the command line.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// What paths name.
#[derive(Debug, Default)]
pub struct Texts {
    /// The texts that could be read, in the order in which they were named.
    pub sources: Vec<Source>,
    /// The file with MeshConfig, where one was named.
    pub mesh: Option<Source>,
    /// What is wrong with their bytes.
    pub findings: Vec<Finding>,
    /// What could not be read.
    pub unread: Vec<InputError>,
    /// Resources that stand in other texts, each with its file: they come after the texts.
    pub documents: Vec<(Option<String>, Node)>,
}

/// Resources and everything that there is to say about them.
#[derive(Debug)]
pub struct Loaded {
    /// The texts.
    pub sources: Vec<Source>,
    /// The resources.
    pub set: Resources,
    /// The findings, sorted by place.
    pub findings: Vec<Finding>,
    /// How many more there were that somebody does not want to hear.
    pub silenced: usize,
}

impl Loaded {
    /// Whether anything found keeps Envoy from being set up.
    pub fn stops(&self) -> bool {
        self.lacks_protection() || self.findings.iter().any(Finding::stops)
    }

    /// Whether protection is asked for that nobody would give.
    pub fn lacks_protection(&self) -> bool {
        self.findings.iter().any(|finding| (finding.code, finding.severity) == (Code::Unenforced, Severity::Error))
    }
}

/// What resources are read for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    /// After so long their listeners give up a request that stands idle; zero is never.
    pub stream_idle_timeout: Duration,
    /// What becomes of protection that Sailcloth does not give.
    pub unenforced: Unenforced,
}

/// To be looked at.
impl Default for Purpose {
    fn default() -> Purpose {
        Purpose { stream_idle_timeout: STREAM_IDLE_TIMEOUT, unenforced: Unenforced::Warned }
    }
}

/// Why something could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum InputError {
    /// There is nothing of this name, or it may not be read.
    Unreadable(PathBuf, io::Error),
    /// No text, and why.
    NotText(String, String),
    /// Larger than any set of resources.
    TooLarge(String),
    /// A folder without YAML or JSON right in it, or, where those inside were looked into, in any of them.
    EmptyFolder(PathBuf, bool),
    /// Standard input, twice.
    StdinTwice,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Unreadable(path, error) if error.kind() == io::ErrorKind::NotFound => {
                let link = fs::symlink_metadata(path).is_ok();
                let what = if link { "the link leads nowhere:" } else { "there is no file or folder" };
                write!(f, "{what} `{}`", path.display())
            }
            InputError::Unreadable(path, error) => write!(f, "cannot read `{}`: {error}", path.display()),
            InputError::NotText(name, why) => write!(f, "`{name}`: {why}"),
            InputError::TooLarge(name) => write!(f, "`{name}` is larger than {} MiB", LARGEST >> 20),
            InputError::EmptyFolder(path, recursive) => {
                let inside =
                    if *recursive { "or in folders inside it" } else { "itself; `-R` looks into those inside it" };
                write!(f, "no *.yaml, *.yml or *.json in the folder `{}` {inside}", path.display())
            }
            InputError::StdinTwice => f.write_str("standard input (`-`) can be read only once"),
        }
    }
}

impl std::error::Error for InputError {}

/// Everything that could not be read.
#[derive(Debug)]
pub struct Unread(pub Vec<InputError>);

/// A line each.
impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(index, error)| {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")
        })
    }
}

impl std::error::Error for Unread {}

/// Reads everything that `paths` name, loads it and checks it, to be looked at.
///
/// # Errors
/// When something cannot be read; what is wrong with the resources themselves is among the findings.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, Unread> {
    let texts = read(paths, false);
    if texts.unread.is_empty() { Ok(checked(texts, Purpose::default())) } else { Err(Unread(texts.unread)) }
}

/// Loads and checks texts, to be looked at.
pub fn loaded(sources: Vec<Source>) -> Loaded {
    checked(Texts { sources, ..Texts::default() }, Purpose::default())
}

/// Loads and checks what could be read, for whatever purpose.
pub fn checked(texts: Texts, purpose: Purpose) -> Loaded {
    checked_while(texts, purpose, |_| ()).0
}

/// The same, while something else is done with the resources, which may turn out not to be right.
pub fn checked_while<T: Send>(
    Texts { mut sources, mesh, findings, documents: others, .. }: Texts,
    purpose: Purpose,
    work: impl FnOnce(&Resources) -> T + Send,
) -> (Loaded, T) {
    let mut report = Report::new();
    findings.into_iter().for_each(|finding| report.push(finding));
    let mut documents = Vec::new();
    for source in &sources {
        documents.extend(documents::documents(source, &mut report));
    }
    documents.extend(others);
    let mut set = Resources::read(documents, &mut report);
    set.mesh = mesh::mesh(mesh.as_ref(), &set, &sources, &mut report);
    sources.extend(mesh);
    let (findings, worked) = thread::scope(|scope| {
        let worker = scope.spawn(|| work(&set));
        let findings = findings_of(&set, purpose, report);
        let worked = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (findings, worked)
    });
    let mut loaded = Loaded { sources, set, findings, silenced: 0 };
    loaded.silence(&[]);
    (loaded, worked)
}

/// All that there is to say of a set, beside what reading it has shown.
fn findings_of(set: &Resources, purpose: Purpose, mut report: Report) -> Vec<Finding> {
    check::check(set, &mut report);
    check::expired(set, now(), &mut report);
    check::idle(set, purpose.stream_idle_timeout, &mut report);
    crate::listener::unsupported(set, &mut report);
    crate::cluster::unsupported(set, &mut report);
    // There may be more findings than there is room for. These decide whether anything is written.
    let mut first = Report::new();
    check::unenforced(set, purpose.unenforced, &mut first);
    first.append(report);
    let mut findings = first.into_sorted();
    suspect(&mut findings);
    findings
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// What is not in the set may be in a text that cannot be read.
fn suspect(findings: &mut [Finding]) {
    let broken = findings.iter().find(|finding| finding.code == Code::NotYaml).and_then(|finding| finding.file.clone());
    let Some(broken) = broken else { return };
    let missing = [Code::ReferencedResourceNotFound, Code::UnknownDestinationRuleHost];
    for finding in findings.iter_mut().filter(|finding| missing.contains(&finding.code)) {
        let known = ["did you mean", "exists", "write", "its ", "has it"];
        if !known.iter().any(|word| finding.hint.contains(word)) {
            let or = if finding.hint.is_empty() { "" } else { "; " };
            finding.hint.push_str(&format!("{or}or is it in `{broken}`, which cannot be read?"));
        }
    }
}

/// The texts that `paths` name.
///
/// # Errors
/// When something cannot be read or is no text.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Unread> {
    let Texts { sources, findings, mut unread, .. } = read(paths, false);
    let name = |finding: &Finding| finding.file.clone().unwrap_or_default();
    unread.extend(findings.into_iter().map(|finding| InputError::NotText(name(&finding), finding.message)));
    if unread.is_empty() { Ok(sources) } else { Err(Unread(unread)) }
}

/// Reads what `paths` name, in that order, a folder's files by name; with `recursive` those of the folders inside as
/// well. A file that is named twice is read once. What cannot be read stops nothing.
pub fn read(paths: &[PathBuf], recursive: bool) -> Texts {
    let mut seen = BTreeSet::new();
    let mut stdin = false;
    let mut texts = Texts::default();
    for path in paths {
        if path.as_os_str() == "-" {
            match std::mem::replace(&mut stdin, true) {
                true => texts.unread.push(InputError::StdinTwice),
                false => texts.take(STDIN.to_owned(), path, Ok(io::stdin().lock())),
            }
            continue;
        }
        let (files, unread) = files::files(path, recursive);
        texts.unread.extend(unread);
        for file in files {
            // What has no path of its own, such as the pipes of `<(...)`, is nobody else.
            if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                texts.take(file.display().to_string(), &file, fs::File::open(&file));
            }
        }
    }
    texts
}

impl Texts {
    /// Reads the file with MeshConfig; where it is among the resources as well, it is none of them.
    pub fn read_mesh(&mut self, path: &Path) {
        let own = fs::canonicalize(path).ok();
        self.sources.retain(|source| own.is_none() || fs::canonicalize(&source.name).ok() != own);
        let before = self.sources.len();
        self.take(path.display().to_string(), path, fs::File::open(path));
        self.mesh = self.sources.drain(before..).next();
    }

    fn take(&mut self, name: String, path: &Path, from: io::Result<impl Read>) {
        let mut bytes = Vec::new();
        let read = from.and_then(|from| from.take(LARGEST + 1).read_to_end(&mut bytes));
        match read {
            Err(error) => self.unread.push(InputError::Unreadable(path.to_owned(), error)),
            Ok(_) if bytes.len() as u64 > LARGEST => self.unread.push(InputError::TooLarge(name)),
            Ok(_) => {
                let (text, finding) = text::text(&name, bytes);
                self.findings.extend(finding);
                self.sources.push(Source { name, text });
            }
        }
    }
}
