//! What came of every request.

use std::collections::BTreeMap;
use std::fmt;

use super::asked::KINDS;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// A whole answer.
    Status(u16),
    /// Its client left.
    Left,
    /// An answer that broke off.
    Broken,
    /// Its connection ended with all other requests on it, over HTTP/2.
    Disconnected,
    /// No answer, though its client stayed.
    Lost,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Status(status) => write!(formatter, "{status}"),
            Outcome::Left => formatter.write_str("left"),
            Outcome::Broken => formatter.write_str("broken off"),
            Outcome::Disconnected => formatter.write_str("disconnected"),
            Outcome::Lost => formatter.write_str("no answer"),
        }
    }
}

/// How many of the requests with a wrong end are described.
const DESCRIBED: usize = 20;

/// How often each kind of request had each outcome.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<(usize, Outcome), u64>,
    /// Requests that ended as none may, the first of them in words.
    pub(super) wrong: u64,
    pub(super) described: Vec<String>,
}

impl Tally {
    /// One more. `how` is asked for words where it was not to end like that.
    pub(super) fn count(&mut self, kind: usize, outcome: Outcome, how: impl FnOnce() -> String) {
        *self.counts.entry((kind, outcome)).or_default() += 1;
        // Of those that are disconnected the verdict says how many there may be.
        if !matches!(outcome, Outcome::Left | Outcome::Disconnected) && !KINDS[kind].allows(&outcome) {
            self.wrong += 1;
            if self.described.len() < DESCRIBED {
                self.described.push(how());
            }
        }
    }

    pub(super) fn add(&mut self, other: Tally) {
        for (key, count) in other.counts {
            *self.counts.entry(key).or_default() += count;
        }
        self.wrong += other.wrong;
        let room = DESCRIBED - self.described.len();
        self.described.extend(other.described.into_iter().take(room));
    }

    pub(super) fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn all_of(&self, outcome: Outcome) -> u64 {
        (0..KINDS.len()).map(|kind| self.of(kind, outcome)).sum()
    }

    pub(super) fn of(&self, kind: usize, outcome: Outcome) -> u64 {
        self.counts.get(&(kind, outcome)).copied().unwrap_or_default()
    }

    /// A line for each kind.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> {
        KINDS.iter().enumerate().map(|(at, kind)| {
            let of_kind = self.counts.range((at, Outcome::Status(0))..=(at, Outcome::Lost));
            let parts: Vec<String> = of_kind.map(|((_, outcome), count)| format!("{outcome}: {count}")).collect();
            format!("{:9} {}", kind.name, parts.join(", "))
        })
    }
}
