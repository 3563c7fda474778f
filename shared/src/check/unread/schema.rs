//! What Istio's CustomResourceDefinitions say of fields that the model does not read, and of the length of lists.

use super::super::Findings;
use super::at::At;
use crate::finding::Code;
use crate::load::Value;
use crate::model::read::{self, describe, in_quotes, shorten};
use crate::model::values::parse_duration;

mod extension;
mod security;
mod sidecar;
mod telemetry;

pub(super) use extension::{ENVOY_FILTER, TRAFFIC_EXTENSION, WASM_PLUGIN};
pub(super) use security::{AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, SELECTION};
pub(super) use sidecar::SIDECAR;
pub(super) use telemetry::{PROXY_CONFIG, TELEMETRY, WORKLOAD_GROUP};

/// What a value has to be.
pub(super) enum Is {
    /// A string.
    Text,
    /// What `unenforced` reads.
    Elsewhere,
    /// A string that is not empty, of so many bytes at most.
    Filled(usize),
    /// A string of so many bytes at most.
    ShortText(usize),
    /// One of these words.
    Word(&'static [&'static str]),
    Flag,
    /// A whole number from the first to the last.
    Whole(i64, i64),
    /// Any number from the first to the last.
    Number(f64, f64),
    /// As Go writes it.
    Duration,
    /// The same, at least `1ms`.
    Millis,
    /// A list of so many items.
    List(usize, usize),
    /// A mapping of so many keys at most.
    Keys(usize),
    /// A mapping that has these fields.
    Has(&'static [&'static str]),
    /// A mapping that has one of these fields at most.
    OneOf(&'static [&'static str]),
}

use Is::{Duration, Elsewhere, Filled, Flag, Has, Keys, List, Millis, Number, OneOf, ShortText, Text, Whole, Word};

/// Fields, `[]` for each item of a list and `{}` for each value of a mapping.
pub(super) type Row = (&'static str, Is);

const ANY: usize = usize::MAX;
const UINT32: Is = Whole(0, u32::MAX as i64);
const UINT64: Is = Whole(0, i64::MAX);

pub(super) const VIRTUAL_SERVICE: &[Row] = &[
    ("exportTo", List(0, ANY)),
    ("exportTo[]", Text),
    ("http[].delegate", Has(&[])),
    ("http[].delegate.name", Text),
    ("http[].delegate.namespace", Text),
    ("http[].match[].statPrefix", Text),
    ("tls", List(0, ANY)),
    ("tls[]", Has(&["match"])),
    ("tls[].match", List(0, ANY)),
    ("tls[].match[]", Has(&["sniHosts"])),
    ("tls[].match[].sniHosts", List(0, ANY)),
    ("tls[].match[].sniHosts[]", Text),
    ("tls[].match[].destinationSubnets", List(0, ANY)),
    ("tls[].match[].destinationSubnets[]", Text),
    ("tls[].match[].gateways", List(0, ANY)),
    ("tls[].match[].gateways[]", Text),
    ("tls[].match[].port", UINT32),
    ("tls[].match[].sourceLabels", Has(&[])),
    ("tls[].match[].sourceLabels{}", Text),
    ("tls[].match[].sourceNamespace", Text),
    ("tls[].route", List(0, ANY)),
    ("tls[].route[]", Has(&["destination"])),
    ("tls[].route[].destination", Has(&["host"])),
    ("tls[].route[].destination.host", Text),
    ("tls[].route[].destination.subset", Text),
    ("tls[].route[].destination.port", Has(&[])),
    ("tls[].route[].destination.port.number", UINT32),
    ("tls[].route[].weight", Whole(i32::MIN as i64, i32::MAX as i64)),
    ("tcp", List(0, ANY)),
    ("tcp[]", Has(&[])),
    ("tcp[].match", List(0, ANY)),
    ("tcp[].match[]", Has(&[])),
    ("tcp[].match[].destinationSubnets", List(0, ANY)),
    ("tcp[].match[].destinationSubnets[]", Text),
    ("tcp[].match[].gateways", List(0, ANY)),
    ("tcp[].match[].gateways[]", Text),
    ("tcp[].match[].port", UINT32),
    ("tcp[].match[].sourceLabels", Has(&[])),
    ("tcp[].match[].sourceLabels{}", Text),
    ("tcp[].match[].sourceNamespace", Text),
    ("tcp[].match[].sourceSubnet", Text),
    ("tcp[].route", List(0, ANY)),
    ("tcp[].route[]", Has(&["destination"])),
    ("tcp[].route[].destination", Has(&["host"])),
    ("tcp[].route[].destination.host", Text),
    ("tcp[].route[].destination.subset", Text),
    ("tcp[].route[].destination.port", Has(&[])),
    ("tcp[].route[].destination.port.number", UINT32),
    ("tcp[].route[].weight", Whole(i32::MIN as i64, i32::MAX as i64)),
];

pub(super) const DESTINATION_RULE: &[Row] = &[
    ("exportTo", List(0, ANY)),
    ("exportTo[]", Text),
    ("workloadSelector", Has(&[])),
    ("workloadSelector.matchLabels", Keys(4096)),
    ("workloadSelector.matchLabels{}", ShortText(63)),
];

/// Of a `trafficPolicy`, and, but for the last, of the settings of a port.
pub(super) const TRAFFIC_POLICY: &[Row] = &[
    ("loadBalancer", OneOf(&["simple", "consistentHash"])),
    ("loadBalancer.consistentHash", OneOf(&["httpHeaderName", "httpCookie", "useSourceIp", "httpQueryParameterName"])),
    ("loadBalancer.consistentHash", OneOf(&["ringHash", "maglev"])),
    ("loadBalancer.consistentHash.httpHeaderName", Text),
    ("loadBalancer.consistentHash.httpQueryParameterName", Text),
    ("loadBalancer.consistentHash.useSourceIp", Flag),
    ("loadBalancer.consistentHash.httpCookie", Has(&["name"])),
    ("loadBalancer.consistentHash.httpCookie.name", Text),
    ("loadBalancer.consistentHash.httpCookie.path", Text),
    ("loadBalancer.consistentHash.httpCookie.ttl", Duration),
    ("loadBalancer.consistentHash.httpCookie.attributes", List(0, ANY)),
    ("loadBalancer.consistentHash.httpCookie.attributes[]", Has(&["name"])),
    ("loadBalancer.consistentHash.httpCookie.attributes[].name", Text),
    ("loadBalancer.consistentHash.httpCookie.attributes[].value", Text),
    ("loadBalancer.consistentHash.minimumRingSize", UINT64),
    ("loadBalancer.consistentHash.ringHash", Has(&[])),
    ("loadBalancer.consistentHash.ringHash.minimumRingSize", UINT64),
    ("loadBalancer.consistentHash.maglev", Has(&[])),
    ("loadBalancer.consistentHash.maglev.tableSize", UINT64),
    ("loadBalancer.localityLbSetting", Has(&[])),
    ("loadBalancer.localityLbSetting.enabled", Flag),
    ("loadBalancer.localityLbSetting.distribute", List(0, ANY)),
    ("loadBalancer.localityLbSetting.distribute[]", Has(&[])),
    ("loadBalancer.localityLbSetting.distribute[].from", Text),
    ("loadBalancer.localityLbSetting.distribute[].to", Has(&[])),
    ("loadBalancer.localityLbSetting.distribute[].to{}", UINT32),
    ("loadBalancer.localityLbSetting.failover", List(0, ANY)),
    ("loadBalancer.localityLbSetting.failover[]", Has(&[])),
    ("loadBalancer.localityLbSetting.failover[].from", Text),
    ("loadBalancer.localityLbSetting.failover[].to", Text),
    ("loadBalancer.localityLbSetting.failoverPriority", List(0, ANY)),
    ("loadBalancer.localityLbSetting.failoverPriority[]", Text),
    ("loadBalancer.zoneAwareLbSetting", Has(&[])),
    ("loadBalancer.zoneAwareLbSetting.enabled", Flag),
    ("loadBalancer.zoneAwareLbSetting.failover", List(0, ANY)),
    ("loadBalancer.zoneAwareLbSetting.failover[]", Has(&[])),
    ("loadBalancer.zoneAwareLbSetting.failover[].from", Text),
    ("loadBalancer.zoneAwareLbSetting.failover[].to", Text),
    ("loadBalancer.zoneAwareLbSetting.failoverPriority", List(0, ANY)),
    ("loadBalancer.zoneAwareLbSetting.failoverPriority[]", Text),
    ("loadBalancer.zoneAwareLbSetting.minClusterSize", Whole(1, u32::MAX as i64)),
    ("loadBalancer.warmup", Has(&["duration"])),
    ("loadBalancer.warmup.duration", Millis),
    ("loadBalancer.warmup.minimumPercent", Number(0.0, 100.0)),
    ("loadBalancer.warmup.aggression", Number(0.0, f64::MAX)),
    ("loadBalancer.warmupDurationSecs", Millis),
    ("outlierDetection.outlierDetectionHttpErrorCodes", List(0, ANY)),
    ("outlierDetection.outlierDetectionHttpErrorCodes[]", Whole(100, 599)),
    ("tls", Has(&[])),
    ("tls.clientCertificate", Text),
    ("tls.privateKey", Text),
    ("tls.caCertificates", Text),
    ("tls.caCrl", Text),
    ("tls.credentialName", Text),
    ("tls.sni", Text),
    ("tls.subjectAltNames", List(0, ANY)),
    ("tls.subjectAltNames[]", Text),
    ("tls.insecureSkipVerify", Flag),
    ("tunnel", Has(&["targetHost", "targetPort"])),
    ("tunnel.protocol", Text),
    ("tunnel.targetHost", Text),
    ("tunnel.targetPort", UINT32),
    ("proxyProtocol", Has(&[])),
    ("proxyProtocol.version", Word(&["V1", "V2"])),
    ("retryBudget", Has(&[])),
    ("retryBudget.percent", Number(0.0, 100.0)),
    ("retryBudget.minRetryConcurrency", UINT32),
    ("retryBudget.budgetInterval", Duration),
    ("portLevelSettings", List(0, 4096)),
];

pub(super) const GATEWAY: &[Row] = &[
    ("servers[].bind", Text),
    ("servers[].defaultEndpoint", Text),
    ("servers[].port.targetPort", UINT32),
    ("servers[].tls", OneOf(&["tlsCertificates", "credentialNames"])),
    ("servers[].tls", OneOf(&["credentialName", "credentialNames"])),
    ("servers[].tls.mode", Word(&TLS_MODES)),
    ("servers[].tls.minProtocolVersion", Word(&TLS_VERSIONS)),
    ("servers[].tls.maxProtocolVersion", Word(&TLS_VERSIONS)),
    ("servers[].tls.serverCertificate", Text),
    ("servers[].tls.privateKey", Text),
    ("servers[].tls.caCertificates", Text),
    ("servers[].tls.caCrl", Text),
    ("servers[].tls.caCertCredentialName", Text),
    ("servers[].tls.credentialName", Text),
    ("servers[].tls.credentialNames", List(1, 2)),
    ("servers[].tls.credentialNames[]", Text),
    ("servers[].tls.tlsCertificates", List(1, 2)),
    ("servers[].tls.tlsCertificates[]", Has(&[])),
    ("servers[].tls.tlsCertificates[].serverCertificate", Text),
    ("servers[].tls.tlsCertificates[].privateKey", Text),
    ("servers[].tls.tlsCertificates[].caCertificates", Text),
    ("servers[].tls.subjectAltNames", List(0, ANY)),
    ("servers[].tls.subjectAltNames[]", Text),
    ("servers[].tls.verifyCertificateSpki", List(0, ANY)),
    ("servers[].tls.verifyCertificateSpki[]", Text),
    ("servers[].tls.verifyCertificateHash", List(0, ANY)),
    ("servers[].tls.verifyCertificateHash[]", Text),
    ("servers[].tls.cipherSuites", List(0, ANY)),
    ("servers[].tls.cipherSuites[]", Text),
    ("servers[].tls.insecureSkipVerify", Flag),
];

const TLS_MODES: [&str; 6] = ["PASSTHROUGH", "SIMPLE", "MUTUAL", "AUTO_PASSTHROUGH", "ISTIO_MUTUAL", "OPTIONAL_MUTUAL"];
const TLS_VERSIONS: [&str; 5] = ["TLS_AUTO", "TLSV1_0", "TLSV1_1", "TLSV1_2", "TLSV1_3"];

pub(super) const SERVICE_ENTRY: &[Row] = &[
    ("hosts", List(0, 256)),
    ("addresses", List(0, 256)),
    ("addresses[]", ShortText(64)),
    ("ports", List(0, 256)),
    ("ports[].name", ShortText(256)),
    ("ports[].protocol", ShortText(256)),
    ("endpoints", List(0, 4096)),
    ("endpoints[].address", ShortText(256)),
    ("endpoints[].labels", Keys(256)),
    ("endpoints[].ports", Keys(128)),
    ("endpoints[].network", ShortText(2048)),
    ("endpoints[].locality", ShortText(2048)),
    ("endpoints[].serviceAccount", ShortText(253)),
    ("exportTo", List(0, ANY)),
    ("exportTo[]", Text),
    ("subjectAltNames", List(0, ANY)),
    ("subjectAltNames[]", Text),
    ("workloadSelector.labels", Keys(256)),
    ("workloadSelector.labels{}", ShortText(63)),
];

pub(super) const WORKLOAD_ENTRY: &[Row] = &[
    ("address", ShortText(256)),
    ("labels", Keys(256)),
    ("ports", Keys(128)),
    ("network", ShortText(2048)),
    ("locality", ShortText(2048)),
    ("serviceAccount", ShortText(253)),
];

/// Holds what is at a place against the rows for it.
pub(super) fn check(at: &At<'_>, rows: &[Row], findings: &mut Findings<'_>) {
    for (steps, is) in rows {
        each(at, steps, &mut |at| is.check(at, findings));
    }
}

/// The same for a kind that nothing else reads: what no row names is no field.
pub(super) fn check_all(spec: &At<'_>, tables: &[&[Row]], findings: &mut Findings<'_>) {
    tables.iter().for_each(|rows| check(spec, rows, findings));
    unknown(spec, "", tables, findings);
}

/// Fields that no row names, where rows name any.
fn unknown(at: &At<'_>, above: &str, tables: &[&[Row]], findings: &mut Findings<'_>) {
    let below = || {
        let rows = tables.iter().flat_map(|rows| rows.iter());
        rows.filter_map(|(steps, _)| {
            let rest = steps.strip_prefix(above)?;
            let step = if above.is_empty() { rest } else { rest.strip_prefix('.')? };
            (!step.contains('.')).then_some((*steps, step))
        })
    };
    if below().next().is_none() {
        return;
    }
    for entry in at.entries() {
        let key = entry.key();
        let named = |step: &str| step.trim_end_matches(['[', ']', '{', '}']) == key;
        let mut known = false;
        for (steps, step) in below() {
            if !named(step) && !spelt(step, key) {
                continue;
            }
            known = true;
            if step.ends_with("[]") {
                entry.items().for_each(|item| unknown(&item, steps, tables, findings));
            } else if step.ends_with("{}") {
                entry.entries().for_each(|value| unknown(&value, steps, tables, findings));
            } else {
                unknown(&entry, steps, tables, findings);
            }
        }
        if !known {
            let names = below().map(|(_, step)| step.trim_end_matches(['[', ']', '{', '}']).to_owned());
            let hint = read::nearest(key, names).map(|name| format!("did you mean `{name}`?")).unwrap_or_default();
            let message = format!("unknown field `{}`, which has no effect", shorten(key));
            findings.warn(Code::UnknownField, &entry.path, message, hint);
        }
    }
}

/// Whether it is the field in proto's spelling.
fn spelt(step: &str, key: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_ascii_lowercase();
    key.contains('_') && letters(step) == letters(key)
}

fn each(at: &At<'_>, steps: &str, act: &mut dyn FnMut(&At<'_>)) {
    let (step, rest) = steps.split_once('.').unwrap_or((steps, ""));
    if step.is_empty() {
        act(at);
    } else if let Some(name) = step.strip_suffix("[]") {
        at.field(name).items().for_each(|item| each(&item, rest, act));
    } else if let Some(name) = step.strip_suffix("{}") {
        at.field(name).entries().for_each(|entry| each(&entry, rest, act));
    } else if at.field(step).is() {
        each(&at.field(step), rest, act);
    }
}

impl Is {
    fn check(&self, at: &At<'_>, findings: &mut Findings<'_>) {
        let Some(node) = at.node else { return };
        let mut expected = |what: &str| {
            findings.invalid(&at.path, format!("expected {what}, found {}", describe(&node.value)), "");
        };
        match (self, &node.value) {
            (Elsewhere, _) => {}
            (Text | ShortText(_) | Filled(_), value) if !matches!(value, Value::Text(_)) => expected("a string"),
            (Filled(_), Value::Text(text)) if text.is_empty() => expected("a string that is not empty"),
            (ShortText(most) | Filled(most), Value::Text(text)) if text.len() > *most => {
                expected(&format!("a string of at most {most} characters"));
            }
            (Text | ShortText(_) | Filled(_), _) => {}
            (Word(words), Value::Text(text)) if words.contains(&text.as_str()) => {}
            (Word(words), _) => expected(&format!("one of `{}`", words.join("` `"))),
            (Flag, Value::Bool(_)) => {}
            (Flag, _) => expected("`true` or `false`"),
            (Whole(least, most), value) => match read::Number::written(value) {
                Some(read::Number::Integer(number)) if (least..=most).contains(&&number) => quotes(at, findings),
                _ if *most == i64::MAX => expected(&format!("a whole number, at least {least}")),
                _ => expected(&format!("a whole number from {least} to {most}")),
            },
            (Number(least, most), value) => match read::Number::written(value) {
                Some(number) if (*least..=*most).contains(&number.get()) => quotes(at, findings),
                _ if *most == f64::MAX => expected(&format!("a number, at least {least}")),
                _ => expected(&format!("a number from {least} to {most}")),
            },
            (Duration | Millis, Value::Text(text)) => match parse_duration(text) {
                Some(duration) if matches!(self, Duration) || duration.as_nanos() >= 1_000_000 => {}
                Some(_) => expected("a duration of at least `1ms`"),
                None => expected("a duration such as `1.5s`, `100ms` or `1h30m`"),
            },
            (Duration | Millis, _) => expected("a duration such as `1.5s`, `100ms` or `1h30m`"),
            (List(least, most), Value::List(items)) => {
                if items.len() > *most {
                    expected(&format!("at most {most} items"));
                } else if items.len() < *least {
                    expected("at least one item");
                }
            }
            (List(..), _) => expected("a list"),
            (Keys(most), Value::Map(entries)) if entries.len() > *most => expected(&format!("at most {most} keys")),
            (Has(fields), Value::Map(_)) => {
                for field in fields.iter().filter(|field| !at.field(field).is()) {
                    findings.invalid(&at.path, format!("`{field}` is missing"), "");
                }
            }
            (OneOf(fields), Value::Map(_)) => {
                let mut there = fields.iter().filter(|field| at.field(field).is());
                if let (Some(first), Some(second)) = (there.next(), there.next()) {
                    let message = format!("`{first}` and `{second}` cannot stand together");
                    findings.invalid(&at.path, shorten(&message), "keep one of them");
                }
            }
            (Keys(_), Value::Map(_)) => {}
            (Keys(_) | Has(_) | OneOf(_), _) => expected("a mapping"),
        }
    }
}

/// Kubernetes refuses a number in quotes, and Istio takes it.
fn quotes(at: &At<'_>, findings: &mut Findings<'_>) {
    if let Some(Value::Text(text)) = at.node.map(|node| &node.value) {
        let (message, hint) = in_quotes(text);
        findings.warn(Code::NumberInQuotes, &at.path, message, hint);
    }
}
