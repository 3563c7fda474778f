//! The access log: Istio's fields, then which rule took the request, why it went where it went, and to which version.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use crate::wire::{Any, Extension, Message};

/// An access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// The file that it goes to; nothing is standard output.
    pub file: Option<PathBuf>,
    /// How a request is written.
    pub format: AccessLogFormat,
}

/// How a request is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// A line in Istio's order.
    #[default]
    Text,
    /// An object with Istio's names.
    Json,
}

/// Istio's fields in the order of its text, each with its name in JSON.
const FIELDS: [(&str, &str); 24] = [
    ("start_time", "%START_TIME%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("connection_termination_details", "%CONNECTION_TERMINATION_DETAILS%"),
    ("upstream_transport_failure_reason", "%UPSTREAM_TRANSPORT_FAILURE_REASON%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    ("duration", "%DURATION%"),
    ("upstream_service_time", "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("authority", "%REQ(:AUTHORITY)%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("route_name", "%ROUTE_NAME%"),
];

/// What modules know, as they leave it in filter state.
const OURS: [(&str, &str); 3] = [
    ("rule", "%FILTER_STATE(wasm.sailcloth.rule:PLAIN)%"),
    ("reason", "%FILTER_STATE(wasm.sailcloth.reason:PLAIN)%"),
    ("version", "%FILTER_STATE(wasm.sailcloth.version:PLAIN)%"),
];

/// `envoy.extensions.access_loggers.file.v3.FileAccessLog`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileAccessLog {
    /// The file.
    pub path: PathBuf,
    /// How a request is written.
    pub log_format: LogFormat,
}

impl Message for FileAccessLog {
    const NAME: &'static str = "envoy.extensions.access_loggers.file.v3.FileAccessLog";
}

/// `envoy.config.core.v3.SubstitutionFormatString`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line.
    TextFormatSource {
        /// With its end.
        inline_string: String,
    },
    /// An object.
    JsonFormat(Value),
}

impl AccessLog {
    /// As Envoy is told it.
    pub fn logger(&self) -> Extension<FileAccessLog> {
        let log_format = match self.format {
            AccessLogFormat::Text => LogFormat::TextFormatSource { inline_string: text() },
            AccessLogFormat::Json => LogFormat::JsonFormat(
                FIELDS.into_iter().chain(OURS).map(|(name, value)| (name.to_owned(), Value::from(value))).collect(),
            ),
        };
        let path = self.file.clone().unwrap_or_else(|| PathBuf::from("/dev/stdout"));
        Extension {
            name: "envoy.access_loggers.file".to_owned(),
            typed_config: Any(FileAccessLog { path, log_format }),
        }
    }
}

/// `[START] "METHOD PATH PROTOCOL" CODE ... ROUTE rule=... reason=... version=...`.
fn text() -> String {
    let mut line = String::new();
    for (name, operator) in FIELDS {
        let (before, after) = match name {
            "start_time" => ("[", "] "),
            "method" => ("\"", " "),
            "protocol" => ("", "\" "),
            "upstream_transport_failure_reason"
            | "x_forwarded_for"
            | "user_agent"
            | "request_id"
            | "authority"
            | "upstream_host" => ("\"", "\" "),
            _ => ("", " "),
        };
        line.extend([before, operator, after]);
    }
    let ours = OURS.map(|(name, operator)| format!("{name}={operator}"));
    line + &ours.join(" ") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Istio has it since 1.9, so that whoever reads its logs reads these.
    #[test]
    fn the_text_is_istios_and_three_fields() {
        let istio = concat!(
            "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" %RESPONSE_CODE% ",
            "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% ",
            "\"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% ",
            "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" ",
            "\"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% ",
            "%UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% ",
            "%REQUESTED_SERVER_NAME% %ROUTE_NAME% "
        );
        let (before, ours) = text().split_once("rule=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert_eq!(before, istio);
        assert!(ours.ends_with("version=%FILTER_STATE(wasm.sailcloth.version:PLAIN)%\n"));
    }
}
