//! Findings: what is wrong with a set of resources, told so that it can be put right.
//!
//! The command prints them on the terminal and as JSON, a module writes them to Envoy's log; it is the same
//! [`Finding`] everywhere.

use std::fmt;

use serde::Serialize;

mod code;
pub use code::Code;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot work as written.
    Error,
    /// It works, but probably not as meant.
    Warning,
    /// Worth knowing.
    Info,
}

/// Who would say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Istio's admission webhook, about a single resource (and text that is no resource at all). Errors of this origin
    /// stop a module, `generate` and `run`.
    Validation,
    /// `istioctl analyze`, about resources together.
    Analysis,
    /// Sailcloth itself.
    Sailcloth,
}

/// Which resource a finding is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct About {
    /// `VirtualService`, ...; empty when the text never became a resource.
    pub kind: String,
    /// The namespace, `default` when the resource names none.
    pub namespace: String,
    /// `metadata.name`.
    pub name: String,
    /// The file as it was named on the command line; none inside a module.
    pub file: Option<String>,
}

/// One thing that somebody should know about their resources.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Who would say so.
    pub origin: Origin,
    /// A stable code: istioctl's (`IST0101`) where it has one, else ours (`SC0001`).
    pub code: Code,
    /// The kind of the resource; empty when the text never became one.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The field, as `spec.http[0].route[1].weight`; empty for the whole resource.
    pub path: String,
    /// The file, when there is one.
    pub file: Option<String>,
    /// The line from 1, or 0 when it is not known.
    pub line: u32,
    /// The column from 1, or 0 when it is not known.
    pub column: u32,
    /// What was found and what was expected: lower case, no full stop, the user's words in backticks.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl Finding {
    /// Whether it keeps a module from starting, and `generate` and `run` from going on.
    pub fn stops(&self) -> bool {
        self.severity == Severity::Error && self.origin == Origin::Validation
    }

    /// `namespace/name`, as people name resources; empty when the text never became a resource.
    pub fn resource(&self) -> String {
        if self.name.is_empty() { self.kind.clone() } else { format!("{} {}/{}", self.kind, self.namespace, self.name) }
    }
}

/// One line: `mesh/vs.yaml:12:7: error[IST0106]: VirtualService default/web: spec.http[0]: ... (hint)`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            f.write_str(file)?;
            if self.line > 0 {
                write!(f, ":{}:{}", self.line, self.column)?;
            }
            f.write_str(": ")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        write!(f, "{severity}[{}]: ", self.code)?;
        let resource = self.resource();
        if !resource.is_empty() {
            write!(f, "{resource}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if !self.hint.is_empty() {
            write!(f, " ({})", self.hint)?;
        }
        Ok(())
    }
}

impl Finding {
    /// What findings at one place are sorted by.
    fn texts(&self) -> [&str; 5] {
        [&self.kind, &self.namespace, &self.name, &self.path, &self.message]
    }
}

/// Collects findings; nothing stops at the first.
#[derive(Debug, Default)]
pub struct Report {
    findings: Vec<Finding>,
}

/// Beyond so many findings a set is not looked at by a person anyway, and memory stays bounded.
const MOST: usize = 10_000;

impl Report {
    /// An empty report.
    pub fn new() -> Report {
        Report::default()
    }

    /// Takes a finding. Errors, of which one alone makes a set a bad one, have as much room once more.
    pub fn push(&mut self, finding: Finding) {
        let room = if finding.severity == Severity::Error { 2 * MOST } else { MOST };
        if self.findings.len() < room {
            self.findings.push(finding);
        }
    }

    /// Takes those of another report, as far as there is room.
    pub fn append(&mut self, later: Report) {
        later.findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// What was found so far, in the order it was found.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether anything found keeps a module from starting.
    pub fn stops(&self) -> bool {
        self.findings.iter().any(Finding::stops)
    }

    /// Everything, sorted by place (file, line, column; what has none comes last), then severity, code and path; said once
    /// each.
    pub fn into_sorted(mut self) -> Vec<Finding> {
        crate::order::sort_by(&mut self.findings, |a, b| {
            let place = |f: &Finding| (f.line, f.column, f.severity, f.code);
            // In a module none has one.
            let file = |f: &Finding| cfg!(feature = "yaml") && f.file.is_none();
            file(a)
                .cmp(&file(b))
                .then_with(|| a.file.cmp(&b.file))
                .then_with(|| place(a).cmp(&place(b)))
                .then_with(|| a.texts().cmp(&b.texts()))
        });
        self.findings.dedup();
        self.findings
    }
}
