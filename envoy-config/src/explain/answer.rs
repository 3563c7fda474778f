//! The answer, as `docs/explain.schema.json` has it: nothing is absent, it is null or empty; indices count from 0.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::finding::{Code, Severity};

/// A header's name and value.
pub type Header = (String, String);

/// What becomes of a request, and why.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Explanation {
    /// What was asked.
    pub request: RequestAsked,
    /// Who was asked.
    pub proxy: ProxyAsked,
    /// The domain of the virtual host; null where none has the host.
    pub virtual_host: Option<String>,
    /// `namespace/name` of the VirtualService whose rule it is; null for the default route of a service, and for none.
    pub virtual_service: Option<String>,
    /// The rule.
    pub rule: Option<RulePlace>,
    /// The name that Envoy's route would have.
    pub route_name: Option<String>,
    /// What becomes of the request.
    pub action: Action,
    /// The status of an answer that no destination gives.
    pub status: Option<u32>,
    /// The `location` of a redirect.
    pub location: Option<String>,
    /// The body of an answer that no destination gives.
    pub body: Option<String>,
    /// Who may get the request, with the share of each.
    pub destinations: Vec<Destination>,
    /// What the rule does to the answer, and what CORS adds; a destination's own is with it.
    pub response_headers: Operations,
    /// How long the destination has; null for no limit.
    pub timeout_ms: Option<u64>,
    /// When it is tried again; null where nothing is sent.
    pub retries: Option<Retries>,
    /// What is injected.
    pub fault: Option<Fault>,
    /// Who gets copies.
    pub mirrors: Vec<Mirror>,
    /// What keeps the client at its destination.
    pub sticky: Option<Sticky>,
    /// How many requests the destinations take, by cluster.
    pub limits: BTreeMap<String, Limits>,
    /// What the rule says of other origins.
    pub cors: Option<Cors>,
    /// The match blocks that were tried before, in order.
    pub skipped: Vec<Skipped>,
    /// What plays no part for this host at this proxy.
    pub omitted: Vec<Omitted>,
    /// How much is wrong with the resources.
    pub findings: Counts,
}

/// What was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RequestAsked {
    /// The method.
    pub method: String,
    /// The URL, with the host that is asked for.
    pub url: String,
    /// Its path and query as Envoy makes them before any rule is asked; null where it refuses them.
    pub path: Option<String>,
}

/// Who was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProxyAsked {
    /// The Gateways that it serves, or `mesh`.
    pub gateways: Vec<String>,
    /// Its namespace.
    pub namespace: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The port that Istio would see; null where the request's authority says it.
    pub port: Option<u16>,
    /// Why this one.
    pub because: String,
}

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulePlace {
    /// Its index in `spec.http`.
    pub index: u32,
    /// Its name.
    pub name: Option<String>,
    /// The index of the match block that held; null for a rule without any.
    pub r#match: Option<u32>,
    /// The file; null where there is none.
    pub file: Option<String>,
    /// The rule's line, or 0 where it is not known.
    pub line: u32,
    /// The match block's line.
    pub match_line: Option<u32>,
    /// Where it stands, where it is a delegate's: the rule itself only delegates.
    pub delegate: Option<DelegatePlace>,
}

/// Where a delegate's rule stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DelegatePlace {
    /// `namespace/name` of the delegate.
    pub virtual_service: String,
    /// The rule's index in its `spec.http`.
    pub index: u32,
    /// The index of its match block; null where it has none, and where that is not known.
    pub r#match: Option<u32>,
    /// The file; null where there is none.
    pub file: Option<String>,
    /// The line, or 0 where it is not known.
    pub line: u32,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes to a destination.
    Route,
    /// It is redirected.
    Redirect,
    /// The rule answers it.
    DirectResponse,
    /// It is a CORS preflight, which is answered.
    Preflight,
    /// Nothing takes it: 404.
    #[default]
    NotFound,
    /// It is refused.
    Blocked,
    /// It goes where its connection was meant to go.
    Passthrough,
}

/// Who may get the request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destination {
    /// The cluster, as Istio names it.
    pub cluster: String,
    /// The share of such requests, of those that no fault ends; from 0 to 1.
    pub share: f64,
    /// The request as it gets there.
    pub request: Request,
    /// What is changed on the way, for people.
    #[serde(skip)]
    pub changes: Vec<String>,
    /// The headers of which some are changed.
    #[serde(skip)]
    pub changed: Vec<String>,
    /// What this destination alone does to the answer.
    pub response_headers: Operations,
}

/// A request as it reaches a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The authority.
    pub authority: String,
    /// The path with the query.
    pub path: String,
    /// All other headers, without those that Envoy adds by itself.
    pub headers: Vec<Header>,
}

/// What is done to headers; removed first, then set, then added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Operations {
    /// In place of what is there.
    pub set: Vec<Header>,
    /// Beside what is there.
    pub add: Vec<Header>,
    /// Taken away.
    pub remove: Vec<String>,
}

/// When a request is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retries {
    /// How often; 0 is never.
    pub attempts: u32,
    /// Envoy's conditions.
    pub on: Vec<String>,
    /// Those of gRPC.
    pub grpc_on: Vec<String>,
    /// Statuses.
    pub status_codes: Vec<u32>,
    /// How long a try may take; null for as long as the request.
    pub per_try_ms: Option<u64>,
    /// The base of the back-off.
    pub backoff_ms: u64,
    /// Whether this is Istio's default, since the rule says nothing.
    pub default: bool,
}

/// What is injected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// A wait.
    pub delay: Option<Delay>,
    /// An error.
    pub abort: Option<Abort>,
}

/// A wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Delay {
    /// How long.
    pub ms: u64,
    /// Of how many in a million.
    pub ppm: u32,
}

/// An error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Abort {
    /// The HTTP status.
    pub http: Option<u32>,
    /// The gRPC status.
    pub grpc: Option<u8>,
    /// Of how many in a million.
    pub ppm: u32,
}

/// Who gets copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// The cluster.
    pub cluster: String,
    /// Of how many in a million.
    pub ppm: u32,
}

/// What keeps a client at its destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sticky {
    /// The annotation: `cookie=user`.
    pub by: String,
    /// What the client says of itself; null where it says nothing.
    pub key: Option<String>,
    /// Where that leads; null where chance decides.
    pub chosen: Option<String>,
    /// Whether the client gets a cookie.
    pub new: bool,
}

/// How many requests a destination takes at once; null is no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// On their way; those beyond wait.
    pub active: Option<u32>,
    /// Waiting; those beyond are refused.
    pub waiting: Option<u32>,
    /// On their way; those beyond are refused without a wait.
    pub requests: Option<u32>,
}

/// What a rule says of other origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cors {
    /// The origin that asks; null where the request names none.
    pub origin: Option<String>,
    /// Whether it is allowed.
    pub allowed: bool,
    /// Who is: `exact http://a.example`.
    pub allow_origins: Vec<String>,
    /// Whether preflights of other origins go to the destination.
    pub forwards_unmatched: bool,
}

/// A match block that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// `namespace/name`.
    pub virtual_service: String,
    /// The rule's index.
    pub rule: u32,
    /// The block's index; null for a rule without any.
    pub r#match: Option<u32>,
    /// The file; null where there is none.
    pub file: Option<String>,
    /// The line, or 0 where it is not known.
    pub line: u32,
    /// Where it stands, where it is a delegate's.
    pub delegate: Option<DelegatePlace>,
    /// The part that failed, with both values.
    pub because: String,
}

/// What plays no part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// `namespace/name`.
    pub virtual_service: String,
    /// The rule's index; null for all of them.
    pub rule: Option<u32>,
    /// The block's index; null for all of them.
    pub r#match: Option<u32>,
    /// The file; null where there is none.
    pub file: Option<String>,
    /// The line, or 0 where it is not known.
    pub line: u32,
    /// Why.
    pub because: String,
}

/// How much is wrong with the resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// What cannot work as written.
    pub errors: usize,
    /// What works, but probably not as meant.
    pub warnings: usize,
    /// What is worth knowing.
    pub notes: usize,
    /// Those about the rule.
    pub of_rule: Vec<OfRule>,
}

/// What `sailcloth check` says of the rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OfRule {
    /// How bad it is.
    pub severity: Severity,
    /// What `sailcloth check --codes` explains.
    pub code: Code,
    /// The field.
    pub path: String,
    /// What was found, and what was expected.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}
