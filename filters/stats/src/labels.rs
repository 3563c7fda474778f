//! Istio's 25 labels, in Istio's order, as they stand in a metric's name.
//!
//! Metrics of modules have no labels of their own. A name is `key=.=value;.;` for each label and then Istio's name of
//! the metric; Envoy's `stats_config.stats_tags` take the labels out of it again.

use shared::plan::telemetry::{LABELS, SOURCE_LABELS, TargetService, Workload};

/// The longest value, in bytes: as long as a DNS name may be, and a little.
const LONGEST: usize = 256;

/// What a label says that is the same for all requests that find no room.
pub const OVERFLOW: &str = "overflow";

/// What the labels say of a request, its source aside.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// Where it went; all empty when nobody knows.
    pub service: TargetService,
    /// Who answered there; all empty when nobody knows.
    pub peer: Workload,
    /// Whether it is gRPC.
    pub grpc: bool,
    /// The status; nothing when there was no response.
    pub status: Option<u32>,
    /// gRPC's status.
    pub grpc_status: Option<i64>,
    /// As Envoy spells them.
    pub flags: String,
}

/// The labels of the source, which are the same for all requests of a proxy.
pub fn source(workload: &Workload) -> String {
    let mut out = String::new();
    push(&mut out, "reporter", "source");
    known(&mut out, "source_workload", &workload.name);
    known(&mut out, "source_canonical_service", &workload.canonical_service);
    revision(&mut out, "source_canonical_revision", &workload.canonical_revision);
    known(&mut out, "source_workload_namespace", &workload.namespace);
    known(&mut out, "source_principal", "");
    known(&mut out, "source_app", &workload.app);
    known(&mut out, "source_version", &workload.version);
    known(&mut out, "source_cluster", &workload.cluster);
    out
}

/// The labels of the destination and of what came of it.
pub fn destination(out: &mut String, labels: &Labels) {
    let Labels { service, peer, .. } = labels;
    known(out, "destination_workload", &peer.name);
    known(out, "destination_workload_namespace", &peer.namespace);
    known(out, "destination_principal", "");
    known(out, "destination_app", &peer.app);
    known(out, "destination_version", &peer.version);
    known(out, "destination_service", &service.host);
    known(out, "destination_canonical_service", &peer.canonical_service);
    revision(out, "destination_canonical_revision", &peer.canonical_revision);
    known(out, "destination_service_name", &service.name);
    known(out, "destination_service_namespace", &service.namespace);
    known(out, "destination_cluster", &peer.cluster);
    push(out, "request_protocol", protocol(labels.grpc));
    push(out, "response_code", &labels.status.unwrap_or(0).to_string());
    push(out, "grpc_response_status", &labels.grpc_status.map(|status| status.to_string()).unwrap_or_default());
    push(out, "response_flags", &labels.flags);
    // A client cannot know what the other end made of the connection; Istio says so too.
    push(out, "connection_security_policy", "unknown");
}

/// Those of requests whose destination has no room for more series: where they went, and what kind of status came of it.
/// The class of a status reads as the status itself does where people ask for `5.*`.
pub fn in_short(out: &mut String, labels: &Labels) {
    const CLASSES: [&str; 10] = ["0", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx", "7xx", "8xx", "9xx"];
    let class = CLASSES.get(labels.status.map_or(0, |status| status as usize / 100)).unwrap_or(&OVERFLOW);
    for key in LABELS.into_iter().skip(SOURCE_LABELS) {
        match key {
            "destination_service" => known(out, key, &labels.service.host),
            "destination_service_name" => known(out, key, &labels.service.name),
            "destination_service_namespace" => known(out, key, &labels.service.namespace),
            "request_protocol" => push(out, key, protocol(labels.grpc)),
            "response_code" => push(out, key, class),
            _ => push(out, key, OVERFLOW),
        }
    }
}

/// The same for all requests that find no room at all.
pub fn overflow(out: &mut String) {
    for key in LABELS.iter().skip(SOURCE_LABELS) {
        push(out, key, OVERFLOW);
    }
}

fn protocol(grpc: bool) -> &'static str {
    if grpc { "grpc" } else { "http" }
}

fn known(out: &mut String, key: &str, value: &str) {
    push(out, key, if value.is_empty() { "unknown" } else { value });
}

fn revision(out: &mut String, key: &str, value: &str) {
    push(out, key, if value.is_empty() { "latest" } else { value });
}

fn push(out: &mut String, key: &str, value: &str) {
    out.push_str(key);
    out.push_str("=.=");
    let begin = out.len();
    for c in value.chars() {
        if out.len() - begin + c.len_utf8() > LONGEST {
            break;
        }
        // A newline breaks Envoy's regexes. `;` and `=` could end a label or begin another; no name of Kubernetes or
        // DNS has them.
        out.push(if c.is_control() || matches!(c, ';' | '=') { '_' } else { c });
    }
    out.push_str(";.;");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(name: &str) -> Vec<(String, String)> {
        let pair = |text: &str| text.split_once("=.=").map(|(key, value)| (key.to_owned(), value.to_owned())).unwrap();
        name.split_terminator(";.;").map(pair).collect()
    }

    #[test]
    fn what_is_missing_is_unknown() {
        let mut name = source(&Workload::default());
        destination(&mut name, &Labels { flags: "-".to_owned(), ..Labels::default() });
        let all = pairs(&name);
        assert_eq!(all.len(), 25);
        for (key, value) in all {
            let expected = match key.as_str() {
                "reporter" => "source",
                "source_canonical_revision" | "destination_canonical_revision" => "latest",
                "request_protocol" => "http",
                "response_code" => "0",
                "grpc_response_status" => "",
                "response_flags" => "-",
                _ => "unknown",
            };
            assert_eq!(value, expected, "{key}");
        }
    }

    #[test]
    fn no_value_can_end_its_label_or_begin_another() {
        let hostile = "a\"b\\c\nd\re\0f;.;g=.=.=reporter=.=x;.;.\u{fffd}é";
        let mut out = String::new();
        push(&mut out, "k", hostile);
        assert_eq!(out, "k=.=a\"b\\c_d_e_f_._g_._._reporter_._x_._.\u{fffd}é;.;");
        let mut long = String::new();
        push(&mut long, "k", &"é".repeat(10_000));
        assert_eq!(long.len(), "k=.=;.;".len() + LONGEST);
    }

    #[test]
    fn overflow_has_the_same_keys() {
        let (mut some, mut short, mut over) = (String::new(), String::new(), String::new());
        destination(&mut some, &Labels::default());
        in_short(&mut short, &Labels::default());
        overflow(&mut over);
        let keys = |name: &str| pairs(name).into_iter().map(|(key, _)| key).collect::<Vec<_>>();
        assert_eq!((keys(&some), keys(&some)), (keys(&short), keys(&over)));
        assert!(pairs(&over).iter().all(|(_, value)| value == OVERFLOW));
    }

    #[test]
    fn in_short_service_protocol_and_the_status_class_are_left() {
        let service = TargetService { host: "a.b".to_owned(), name: "a".to_owned(), namespace: "b".to_owned() };
        for (status, class) in [
            (None, "0"),
            (Some(0), "0"),
            (Some(100), "1xx"),
            (Some(404), "4xx"),
            (Some(999), "9xx"),
            (Some(1000), OVERFLOW),
        ] {
            let mut out = String::new();
            let peer = Workload { version: "v1".to_owned(), ..Workload::default() };
            let (service, flags) = (service.clone(), "NR".to_owned());
            in_short(&mut out, &Labels { service, peer, grpc: true, status, grpc_status: Some(5), flags });
            for (key, value) in pairs(&out) {
                let expected = match key.as_str() {
                    "destination_service" => "a.b",
                    "destination_service_name" => "a",
                    "destination_service_namespace" => "b",
                    "request_protocol" => "grpc",
                    "response_code" => class,
                    _ => OVERFLOW,
                };
                assert_eq!(value, expected, "{key} of {status:?}");
            }
        }
    }
}
