//! Mirrors of a route: who gets copies, and for how long a copy may take.

use std::time::Duration;

use serde::Serialize;

/// How long a copy may take, its upload included. Envoy holds the request itself back while a mirror does not read, so
/// that a mirror that is stuck would hold it back for ever.
pub const LONGEST_COPY: Duration = Duration::from_secs(1);

/// `envoy.config.route.v3.RouteAction.RequestMirrorPolicy`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MirrorPolicy {
    /// Who gets the copies. The filters have drawn, so there is no share here.
    pub cluster: String,
    /// Copies are not traced, as in istiod.
    pub trace_sampled: bool,
    /// Copies carry the authority of the request, as in istiod: plain Envoy adds `-shadow`.
    pub disable_shadow_host_suffix_append: bool,
    /// What is changed in the copy alone.
    pub request_headers_mutations: Vec<HeaderMutation>,
}

/// `envoy.config.common.mutation_rules.v3.HeaderMutation`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeaderMutation {
    /// A header is written.
    Append(HeaderValueOption),
}

/// `envoy.config.core.v3.HeaderValueOption`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeaderValueOption {
    /// The header.
    pub header: HeaderValue,
    /// What becomes of values that are there.
    pub append_action: AppendAction,
}

/// `envoy.config.core.v3.HeaderValue`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeaderValue {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

/// `envoy.config.core.v3.HeaderValueOption.HeaderAppendAction`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AppendAction {
    /// They go.
    OverwriteIfExistsOrAdd,
}

impl MirrorPolicy {
    /// Copies for `cluster`.
    pub fn new(cluster: &str) -> MirrorPolicy {
        // Envoy's router, which sends copies as well, reads this header and takes it away. `max_stream_duration` of the
        // cluster would cut off requests of its own too.
        let bound = HeaderValue {
            key: "x-envoy-upstream-stream-duration-ms".to_owned(),
            value: LONGEST_COPY.as_millis().to_string(),
        };
        MirrorPolicy {
            cluster: cluster.to_owned(),
            trace_sampled: false,
            disable_shadow_host_suffix_append: true,
            request_headers_mutations: vec![HeaderMutation::Append(HeaderValueOption {
                header: bound,
                append_action: AppendAction::OverwriteIfExistsOrAdd,
            })],
        }
    }
}
