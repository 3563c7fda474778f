//! What came of cases, as `docs/test.schema.json` has it.

use serde::Serialize;

use super::ask::{Verdict, Wrong};

/// What came of all cases.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    /// How many are as expected.
    pub passed: usize,
    /// How many are not.
    pub failed: usize,
    /// How many take a proxy.
    pub needs_proxy: usize,
    /// One for each case, in their order.
    pub cases: Vec<Row>,
    /// The rules that no case meets; nothing where nobody asked for them.
    pub uncovered: Option<Vec<Rule>>,
    /// How many rules there are, where somebody asked.
    pub rules: Option<usize>,
}

/// What came of a case.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The file of the case.
    pub file: String,
    /// The line that it begins on.
    pub line: u32,
    /// Its name.
    pub name: String,
    /// What came of it, in a word.
    pub result: Verdict,
    /// What only a proxy could tell.
    pub needs_proxy: Vec<String>,
    /// What is not as expected.
    pub wrong: Vec<Wrong>,
    /// What else there is to know of a failure.
    pub notes: Vec<String>,
    /// What was asked, as a method and a URL.
    pub request: String,
    /// Who was asked, in words; nothing where nobody was.
    pub proxy: Option<String>,
    /// The domain of the virtual host that has the request's host.
    pub virtual_host: Option<String>,
    /// The rule that takes the request.
    pub rule: Option<Rule>,
    /// Whom it goes to, of those that are sent on.
    pub destinations: Vec<Destination>,
    /// Of a failure, what was tried before the rule.
    pub skipped: Vec<Passed>,
}

/// Whom requests go to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destination {
    /// The cluster.
    pub cluster: String,
    /// How many of those that are sent on, from 0 to 1.
    pub share: f64,
}

/// A rule of a VirtualService, or the default route of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Rule {
    /// `namespace/name`; empty for the default route of a service.
    pub virtual_service: String,
    /// Its index in `spec.http`.
    pub index: u32,
    /// Its name.
    pub name: Option<String>,
    /// The index of the match block; nothing for a rule without any.
    pub r#match: Option<u32>,
    /// Its file.
    pub file: Option<String>,
    /// Its line, or 0 where it is not known.
    pub line: u32,
}

/// A match block that does not match the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Passed {
    /// Where it stands.
    #[serde(flatten)]
    pub rule: Rule,
    /// Why it does not match, with both values.
    pub because: String,
}

impl Results {
    /// Whether something is not as expected.
    pub fn is_failure(&self) -> bool {
        self.failed > 0
    }

    pub(super) fn push(&mut self, row: Row) {
        match row.result {
            Verdict::Passed => self.passed += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::NeedsProxy => self.needs_proxy += 1,
        }
        self.cases.push(row);
    }

    /// As a JSON document.
    pub fn json(&self) -> String {
        crate::generate::pretty(self)
    }
}
