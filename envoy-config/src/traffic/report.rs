//! What is treated otherwise, told together where it is alike.

use serde::Serialize;

use super::log::{Log, Stray};
use super::treatment::{Aspect, Treatment};

/// Where requests come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum From {
    /// They were made from the rules.
    Rules,
    /// From an access log.
    Log,
    /// From files of cases.
    Cases,
}

/// A request that somebody could make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Example {
    /// What its case is called.
    pub case: Option<String>,
    /// The method.
    pub method: String,
    /// Scheme, authority and path.
    pub url: String,
    /// The headers that count.
    pub headers: Vec<(String, String)>,
}

/// What one aspect was and is, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AspectChange {
    /// Which.
    pub aspect: Aspect,
    /// What it was.
    pub before: String,
    /// What it is.
    pub after: String,
}

/// Requests that are treated otherwise in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// Where they come in.
    pub listener: String,
    /// Their method.
    pub method: String,
    /// What their URLs have in common.
    pub url: String,
    /// Whether there are several.
    pub several: bool,
    /// How many.
    pub count: u64,
    /// Of how many in a hundred that is.
    pub percent: f64,
    /// The line of the first, in a log.
    pub line: Option<u64>,
    /// The first of them, ten at most; of a log one.
    pub examples: Vec<Example>,
    /// What is otherwise.
    pub changes: Vec<AspectChange>,
    /// Which of several ways it is depends on these conditions, of which a log says nothing.
    pub conditions: Vec<String>,
    /// What was made of the first.
    pub before: Treatment,
    /// What is made of it.
    pub after: Treatment,
}

/// Requests of which a log does not say enough.
#[derive(Clone, Debug, Serialize)]
pub struct Undecided {
    /// Where they come in.
    pub listener: String,
    /// Their method.
    pub method: String,
    /// Their host.
    #[serde(skip)]
    pub authority: String,
    /// What their URLs have in common.
    pub url: String,
    /// Whether there are several.
    pub several: bool,
    /// How many.
    pub count: u64,
    /// The line of the first.
    pub line: Option<u64>,
    /// What it depends on, such as `` headers `x-user` exact `1` ``.
    pub conditions: Vec<String>,
}

/// What else there is to say of a log.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LogFacts {
    /// Lines of the side of the server, where no rules are looked at.
    pub inbound: u64,
    /// Lines of connections that are not HTTP.
    pub connections: u64,
    /// Requests for hosts that neither side has.
    pub unknown_hosts: u64,
    /// Lines that are something else.
    pub strays: u64,
    /// The first of those.
    pub shown: Vec<Stray>,
}

/// What became of all requests.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where they come from.
    pub from: From,
    /// The file.
    pub name: Option<String>,
    /// How many there are.
    pub requests: u64,
    /// How many are treated as they were.
    pub same: u64,
    /// How many are not.
    pub otherwise: u64,
    /// Of how many that is not known.
    pub undecided: u64,
    /// How they are treated, the most frequent first.
    pub differences: Vec<Group>,
    /// Why that is not known.
    pub depends: Vec<Undecided>,
    /// So many were made; there could have been more.
    pub bound: Option<u64>,
    /// For so many matches nobody could think of a request.
    pub unthinkable: u64,
    /// So many cases are bytes on the wire, which only a proxy can be asked.
    pub unasked: u64,
    /// What else there is to say of a log.
    pub log: Option<LogFacts>,
}

impl std::convert::From<&Log> for LogFacts {
    fn from(log: &Log) -> LogFacts {
        let Log { inbound, connections, strays, shown, .. } = log;
        LogFacts {
            inbound: *inbound,
            connections: *connections,
            unknown_hosts: 0,
            strays: *strays,
            shown: shown.clone(),
        }
    }
}
