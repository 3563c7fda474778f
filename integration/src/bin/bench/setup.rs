//! What a row is about: which rules there are, which one is hit, and what else is asked of the proxy.

use std::path::PathBuf;
use std::time::Duration;

use crate::ask::Ask;

/// What the rules match on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// `uri.prefix`.
    Prefix,
    /// `uri.exact`.
    Exact,
    /// `uri.regex`, which begin with what tells them apart.
    Regex,
    /// `uri.regex`, where what tells them apart comes behind a class: no index helps, and all are tried in turn.
    RegexOfOnePrefix,
    /// A header, exactly.
    Header,
}

/// Which rule requests are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The first.
    First,
    /// The one in the middle.
    Middle,
    /// The last.
    Last,
}

/// Faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// None is written.
    Off,
    /// Delay and abort are written, at 0 %.
    Never,
    /// A short delay is written, at 0.0001 %, the least there is: of a fault at 0 % the suite keeps nothing.
    Rarely,
    /// Each request is aborted.
    Abort,
    /// Each request is delayed by 5 ms.
    Delay,
}

/// Mirrors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mirror {
    /// None is written.
    Off,
    /// One is written, at 0 %.
    Never,
    /// One is written, at 0.0001 %, the least there is: at 0 % native routes have none.
    Rarely,
    /// Each request is copied.
    Always,
}

/// CORS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cors {
    /// No policy is written.
    Off,
    /// There is a policy, and requests are from the same origin.
    SameOrigin,
    /// Requests are from another origin, which is allowed.
    OtherOrigin,
    /// Each request is a preflight.
    Preflight,
}

/// Destinations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// One.
    Off,
    /// Two by weight, 90 to 10.
    Weights,
    /// Two by weight, where clients keep theirs by a cookie that they have. Envoy's routes cannot do it: the native
    /// twin splits by weight.
    Sticky,
}

/// Limits of the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limits {
    /// None is written.
    Off,
    /// They are far away.
    Far,
    /// Most requests wait for a connection.
    Near,
}

/// What a row is about.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How many rules.
    pub rules: usize,
    /// What they match on.
    pub matches: Match,
    /// Which is hit.
    pub hit: Hit,
    /// Whether each rule has a host, and a VirtualService, of its own.
    pub many_hosts: bool,
    /// Faults.
    pub fault: Fault,
    /// Mirrors.
    pub mirror: Mirror,
    /// CORS.
    pub cors: Cors,
    /// Destinations.
    pub split: Split,
    /// Limits.
    pub limits: Limits,
    /// Header operations, a rewrite, a timeout and retries.
    pub changes: bool,
    /// Bytes of body, of requests and of answers.
    pub body: usize,
    /// Whether clients speak HTTP/2.
    pub http2: bool,
    /// Envoy's workers.
    pub workers: u32,
    /// The folder with the modules of an earlier build, where these are compared with.
    pub before: Option<PathBuf>,
}

impl Setup {
    /// So many rules of this kind, the last one hit, one host, nothing else asked, small answers over HTTP/1.1.
    pub fn plain(rules: usize, matches: Match) -> Setup {
        Setup {
            rules,
            matches,
            hit: Hit::Last,
            many_hosts: false,
            fault: Fault::Off,
            mirror: Mirror::Off,
            cors: Cors::Off,
            split: Split::Off,
            limits: Limits::Off,
            changes: false,
            body: 0,
            http2: false,
            workers: 1,
            before: None,
        }
    }

    /// All behaviours configured, and none of them fires.
    pub fn everything(rules: usize) -> Setup {
        Setup {
            fault: Fault::Never,
            mirror: Mirror::Never,
            cors: Cors::SameOrigin,
            split: Split::Weights,
            limits: Limits::Far,
            ..Setup::plain(rules, Match::Prefix)
        }
    }

    pub(crate) fn target(&self) -> usize {
        match self.hit {
            Hit::First => 0,
            Hit::Middle => self.rules / 2,
            Hit::Last => self.rules - 1,
        }
    }

    pub(crate) fn host(&self, rule: usize) -> String {
        if self.many_hosts { format!("h{rule:05}.example") } else { "web.example".to_owned() }
    }

    /// `maxConnections`, where limits are written.
    pub fn most_connections(&self) -> Option<u32> {
        match self.limits {
            Limits::Off => None,
            Limits::Far => Some(FAR),
            Limits::Near => Some(NEAR),
        }
    }

    /// What is asked.
    pub fn ask(&self) -> Ask {
        let rule = self.target();
        let cluster = |subset: &str| format!("outbound|80|{subset}|{HIT}.default.svc.cluster.local");
        let mut ask = Ask {
            method: if self.body > 0 { "POST" } else { "GET" },
            authority: self.host(rule),
            path: match self.matches {
                Match::RegexOfOnePrefix => format!("/api/v1/r{rule:05}/item"),
                _ => format!("/r{rule:05}/item"),
            },
            headers: Vec::new(),
            body: self.body,
            status: 200,
            served_by: if self.split == Split::Off { vec![cluster("")] } else { vec![cluster("v1"), cluster("v2")] },
            with: None,
            answer: Some(self.body),
            at_least: Duration::ZERO,
        };
        if self.matches == Match::Header {
            ask.headers.push(("x-rule", format!("r{rule:05}")));
        }
        if self.split == Split::Sticky {
            ask.headers.push(("cookie", "version=0123456789abcdef".to_owned()));
        }
        if matches!(self.cors, Cors::OtherOrigin | Cors::Preflight) {
            ask.headers.push(("origin", ORIGIN.to_owned()));
            ask.with = Some(("access-control-allow-origin", ORIGIN));
        }
        if self.cors == Cors::Preflight {
            ask.method = "OPTIONS";
            ask.answer = None;
            ask.headers.push(("access-control-request-method", "GET".to_owned()));
            ask.served_by.clear();
        }
        if self.fault == Fault::Abort {
            ask.status = 503;
            ask.answer = None;
            ask.served_by.clear();
        }
        if self.fault == Fault::Delay {
            // Envoy counts the 5 ms from when its loop last looked at the clock, which may be earlier.
            ask.at_least = Duration::from_millis(3);
        }
        if self.changes {
            ask.with = Some(("x-answer", "three"));
        }
        ask
    }

    /// What the destination gets to see, by `:path` and headers' names.
    pub fn due(&self) -> Vec<(&'static str, String)> {
        if self.changes {
            let path = (":path", "/items/item".to_owned());
            return vec![path, ("x-set", "one".to_owned()), ("x-add", "two".to_owned())];
        }
        vec![(":path", self.ask().path)]
    }

    /// The cluster that gets copies.
    pub fn shadow() -> String {
        format!("outbound|80||{SHADOW}.default.svc.cluster.local")
    }
}

/// Where clients come from that are of another origin.
const ORIGIN: &str = "http://other.example";

pub(crate) const HIT: &str = "hit";
pub(crate) const OTHER: &str = "other";
pub(crate) const SHADOW: &str = "shadow";

/// Limits that nobody comes near.
pub const FAR: u32 = 100_000;
/// Fewer connections than the load has.
const NEAR: u32 = 4;
