//! What `-f` names: files, folders and standard input, read, loaded and checked.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use std::time::Duration;

use shared::check::Unenforced;
use shared::finding::{Code, Finding, Report, Severity};
use shared::model::Resources;
use shared::{check, load};

use crate::listener::STREAM_IDLE_TIMEOUT;

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

/// Resources and everything that there is to say about them.
#[derive(Debug)]
pub struct Loaded {
    /// The texts.
    pub sources: Vec<Source>,
    /// The resources.
    pub set: Resources,
    /// The findings, sorted by place.
    pub findings: Vec<Finding>,
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
    /// Text that is not UTF-8, and where it ceases to be.
    NotUtf8(String, usize),
    /// Larger than any set of resources.
    TooLarge(String),
    /// A folder without YAML or JSON right in it.
    EmptyFolder(PathBuf),
    /// Standard input, twice.
    StdinTwice,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InputError::Unreadable(path, error) if error.kind() == io::ErrorKind::NotFound => {
                write!(f, "there is no file or folder `{}`; `-f` takes files, folders and `-`", path.display())
            }
            InputError::Unreadable(path, error) => write!(f, "cannot read `{}`: {error}", path.display()),
            InputError::NotUtf8(name, at) => {
                write!(f, "`{name}` is not text in UTF-8 (from byte {at} on); is it really YAML or JSON?")
            }
            InputError::TooLarge(name) => write!(f, "`{name}` is larger than {} MiB", LARGEST >> 20),
            InputError::EmptyFolder(path) => write!(
                f,
                "no *.yaml, *.yml or *.json in the folder `{}`; folders inside it are not looked into, name them too",
                path.display()
            ),
            InputError::StdinTwice => f.write_str("standard input (`-f -`) can be read only once"),
        }
    }
}

impl std::error::Error for InputError {}

/// Reads everything that `paths` name, loads it and checks it, to be looked at.
///
/// # Errors
/// When something cannot be read; what is wrong with the resources themselves is among the findings.
pub fn load(paths: &[PathBuf]) -> Result<Loaded, InputError> {
    load_for(paths, Purpose::default())
}

/// The same, for whatever purpose.
///
/// # Errors
/// As [`load()`].
pub fn load_for(paths: &[PathBuf], purpose: Purpose) -> Result<Loaded, InputError> {
    Ok(loaded_for(sources(paths)?, purpose))
}

/// Loads and checks texts, to be looked at.
pub fn loaded(sources: Vec<Source>) -> Loaded {
    loaded_for(sources, Purpose::default())
}

/// The same, for whatever purpose.
pub fn loaded_for(sources: Vec<Source>, purpose: Purpose) -> Loaded {
    let mut report = Report::new();
    let mut documents = Vec::new();
    for source in &sources {
        documents.extend(load::text(&source.text, Some(&source.name), &mut report));
    }
    let set = Resources::read(documents, &mut report);
    check::check(&set, &mut report);
    check::expired(&set, now(), &mut report);
    check::idle(&set, purpose.stream_idle_timeout, &mut report);
    crate::listener::unsupported(&set, &mut report);
    crate::cluster::unsupported(&set, &mut report);
    // There may be more findings than there is room for. These decide whether anything is written.
    let mut first = Report::new();
    check::unenforced(&set, purpose.unenforced, &mut first);
    first.append(report);
    Loaded { sources, set, findings: first.into_sorted() }
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs().cast_signed())
}

/// The texts that `paths` name, in that order; a folder's by name. A file that is named twice is read once.
///
/// # Errors
/// When something cannot be read.
pub fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, InputError> {
    let mut seen = BTreeSet::new();
    let mut stdin = false;
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            if std::mem::replace(&mut stdin, true) {
                return Err(InputError::StdinTwice);
            }
            let unreadable = |error| InputError::Unreadable(path.clone(), error);
            sources.push(text(STDIN.to_owned(), io::stdin().lock()).map_err(unreadable)??);
            continue;
        }
        for file in files(path)? {
            let unreadable = |error| InputError::Unreadable(file.clone(), error);
            // What has no path of its own, such as the pipes of `<(...)`, is nobody else.
            if seen.insert(fs::canonicalize(&file).unwrap_or_else(|_| file.clone())) {
                let name = file.display().to_string();
                sources.push(fs::File::open(&file).and_then(|open| text(name, open)).map_err(unreadable)??);
            }
        }
    }
    Ok(sources)
}

fn text(name: String, from: impl Read) -> io::Result<Result<Source, InputError>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Ok(Err(InputError::TooLarge(name)));
    }
    Ok(match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => Err(InputError::NotUtf8(name, error.utf8_error().valid_up_to())),
    })
}

/// A folder's files, as `kubectl apply -f` takes them: not those of folders inside.
fn files(path: &Path) -> Result<Vec<PathBuf>, InputError> {
    let unreadable = |error| InputError::Unreadable(path.to_owned(), error);
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        let fits = file.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if fits && !file.is_dir() {
            files.push(file);
        }
    }
    if files.is_empty() {
        return Err(InputError::EmptyFolder(path.to_owned()));
    }
    files.sort();
    Ok(files)
}
