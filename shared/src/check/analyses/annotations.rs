//! Annotations of Istio's on other people's kinds (istioctl's `K8sAnalyzer`).

use super::world::{World, get};
use crate::finding::{Code, Report, Severity};
use crate::model::read::{nearest, shorten};

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    for kind in ["Namespace", "Service", "Pod", "Deployment"] {
        for item in world.of(kind) {
            let labels = item.labels();
            let mut findings = item.findings(report);
            for (name, value) in item.annotations() {
                let path = format!("metadata.annotations[\"{name}\"]");
                let of_istio = name.split('/').next().is_some_and(|domain| domain.ends_with("istio.io"));
                if (!of_istio && name != "kubernetes.io/ingress.class") || IGNORED.contains(&name) {
                    continue;
                }
                let Some((_, age, kinds)) = KNOWN.iter().find(|(known, ..)| *known == name) else {
                    let hint = nearest(name, KNOWN.iter().map(|(known, ..)| (*known).to_owned()));
                    let hint = hint.map(|known| format!("did you mean `{known}`?")).unwrap_or_default();
                    let message = format!("Istio has no annotation `{}`", shorten(name));
                    findings.analysis(Severity::Warning, Code::UnknownAnnotation, &path, message, &hint);
                    continue;
                };
                let injects = name == "sidecar.istio.io/inject";
                if *age == OLD && !(injects && get(&labels, name).is_some()) {
                    let hint = if injects { "write it as a label" } else { "" };
                    let message = format!("the annotation `{name}` is deprecated");
                    findings.analysis(Severity::Info, Code::DeprecatedAnnotation, &path, message, hint);
                }
                if *kinds == "Any" {
                    continue;
                }
                if !kinds.split(' ').any(|one| one == kind) {
                    let message = format!("the annotation `{name}` has no effect on a {kind}: it is for a {kinds}");
                    let hint = match kind {
                        "Deployment" => "write it into `spec.template.metadata.annotations`",
                        _ => "",
                    };
                    findings.analysis(Severity::Warning, Code::MisplacedAnnotation, &path, message, hint);
                } else if let Err(wrong) = valid(name, value) {
                    let message = format!("expected {wrong}, found `{}`", shorten(value));
                    findings.analysis(Severity::Warning, Code::InvalidAnnotation, &path, message, "");
                }
            }
        }
    }
}

/// Those that Istio writes itself.
const IGNORED: [&str; 3] = ["sidecar.istio.io/status", "gateway.istio.io/controller-version", "istio.io/rev"];

const OLD: bool = true;
const NOW: bool = false;

/// Each annotation with whether it is deprecated, and the kinds that it is for.
const KNOWN: &[(&str, bool, &str)] = &[
    ("alpha.istio.io/canonical-serviceaccounts", OLD, "Service"),
    ("alpha.istio.io/kubernetes-serviceaccounts", OLD, "Service"),
    ("ambient.istio.io/bypass-inbound-capture", NOW, "Pod"),
    ("ambient.istio.io/dns-capture", NOW, "Pod"),
    ("ambient.istio.io/redirection", NOW, "Pod"),
    ("ambient.istio.io/waypoint-inbound-binding", NOW, "GatewayClass Gateway"),
    ("galley.istio.io/analyze-suppress", NOW, "Any"),
    ("gateway.istio.io/controller-version", NOW, "Any"),
    ("gateway.istio.io/name-override", NOW, "Gateway"),
    ("gateway.istio.io/service-account", NOW, "Gateway"),
    ("inject.istio.io/templates", NOW, "Pod"),
    ("istio.io/autoRegistrationGroup", NOW, "WorkloadEntry"),
    ("istio.io/connectedAt", NOW, "WorkloadEntry"),
    ("istio.io/disconnectedAt", NOW, "WorkloadEntry"),
    ("istio.io/dry-run", NOW, "AuthorizationPolicy"),
    ("istio.io/reroute-virtual-interfaces", NOW, "Pod"),
    ("istio.io/rev", NOW, "Pod"),
    ("istio.io/use-waypoint-canary-weight", NOW, "Service ServiceEntry Namespace"),
    ("istio.io/workloadController", NOW, "WorkloadEntry"),
    ("kubernetes.io/ingress.class", NOW, "Ingress"),
    ("networking.istio.io/exportTo", NOW, "Service"),
    ("networking.istio.io/service-type", NOW, "Gateway"),
    ("networking.istio.io/traffic-distribution", NOW, "Namespace Service ServiceEntry"),
    ("prometheus.istio.io/merge-metrics", NOW, "Pod"),
    ("proxy.istio.io/config", NOW, "Pod"),
    ("proxy.istio.io/overrides", NOW, "Pod"),
    ("readiness.status.sidecar.istio.io/applicationPorts", NOW, "Pod"),
    ("readiness.status.sidecar.istio.io/failureThreshold", NOW, "Pod"),
    ("readiness.status.sidecar.istio.io/initialDelaySeconds", NOW, "Pod"),
    ("readiness.status.sidecar.istio.io/periodSeconds", NOW, "Pod"),
    ("sidecar.istio.io/agentLogLevel", NOW, "Pod"),
    ("sidecar.istio.io/bootstrapOverride", NOW, "Pod"),
    ("sidecar.istio.io/componentLogLevel", NOW, "Pod"),
    ("sidecar.istio.io/discoveryAddress", OLD, "Pod"),
    ("sidecar.istio.io/extraStatTags", OLD, "Pod"),
    ("sidecar.istio.io/inject", OLD, "Pod"),
    ("sidecar.istio.io/interceptionMode", NOW, "Pod"),
    ("sidecar.istio.io/logLevel", NOW, "Pod"),
    ("sidecar.istio.io/nativeSidecar", NOW, "Pod"),
    ("sidecar.istio.io/proxyCPU", NOW, "Pod"),
    ("sidecar.istio.io/proxyCPULimit", NOW, "Pod"),
    ("sidecar.istio.io/proxyImage", NOW, "Pod"),
    ("sidecar.istio.io/proxyImageType", NOW, "Pod"),
    ("sidecar.istio.io/proxyMemory", NOW, "Pod"),
    ("sidecar.istio.io/proxyMemoryLimit", NOW, "Pod"),
    ("sidecar.istio.io/rewriteAppHTTPProbers", NOW, "Pod"),
    ("sidecar.istio.io/statsCompression", OLD, "Pod"),
    ("sidecar.istio.io/statsEvictionInterval", NOW, "Pod"),
    ("sidecar.istio.io/statsFlushInterval", NOW, "Pod"),
    ("sidecar.istio.io/statsHistogramBins", NOW, "Pod"),
    ("sidecar.istio.io/statsHistogramBuckets", NOW, "Pod"),
    ("sidecar.istio.io/statsInclusionPrefixes", OLD, "Pod"),
    ("sidecar.istio.io/statsInclusionRegexps", OLD, "Pod"),
    ("sidecar.istio.io/statsInclusionSuffixes", OLD, "Pod"),
    ("sidecar.istio.io/status", NOW, "Pod"),
    ("sidecar.istio.io/userVolume", NOW, "Pod"),
    ("sidecar.istio.io/userVolumeMount", NOW, "Pod"),
    ("status.sidecar.istio.io/port", NOW, "Pod"),
    ("topology.istio.io/controlPlaneClusters", NOW, "Namespace"),
    ("traffic.istio.io/nodeSelector", NOW, "Service"),
    ("traffic.sidecar.istio.io/excludeInboundPorts", NOW, "Pod"),
    ("traffic.sidecar.istio.io/excludeInterfaces", NOW, "Pod"),
    ("traffic.sidecar.istio.io/excludeOutboundIPRanges", NOW, "Pod"),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", NOW, "Pod"),
    ("traffic.sidecar.istio.io/includeInboundPorts", NOW, "Pod"),
    ("traffic.sidecar.istio.io/includeOutboundIPRanges", NOW, "Pod"),
    ("traffic.sidecar.istio.io/includeOutboundPorts", NOW, "Pod"),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", OLD, "Pod"),
];

/// What is expected of a value, where it is something else.
fn valid(name: &str, value: &str) -> Result<(), &'static str> {
    let whole = |most: u64| move |text: &str| is_digits(text) && text.parse::<u64>().is_ok_and(|number| number <= most);
    let port = |text: &str| whole(65_535)(text.trim());
    let ports = |text: &str| text.trim().is_empty() || text.split(',').all(port);
    let blocks = |text: &str| text.is_empty() || text.split(',').all(is_block);
    let flag =
        |text: &str| ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"].contains(&text);
    let (fits, expected) = match name {
        "sidecar.istio.io/interceptionMode" => {
            (["REDIRECT", "TPROXY", "NONE"].contains(&value), "`REDIRECT`, `TPROXY` or `NONE`")
        }
        "status.sidecar.istio.io/port" => (port(value), "a port"),
        "readiness.status.sidecar.istio.io/initialDelaySeconds"
        | "readiness.status.sidecar.istio.io/periodSeconds"
        | "readiness.status.sidecar.istio.io/failureThreshold" => (whole(u64::from(u32::MAX))(value), "a whole number"),
        "traffic.sidecar.istio.io/includeOutboundIPRanges" => {
            (value == "*" || blocks(value), "`*`, or blocks of addresses such as `10.0.0.0/8`, with commas")
        }
        "traffic.sidecar.istio.io/excludeOutboundIPRanges" => {
            (blocks(value), "blocks of addresses such as `10.0.0.0/8`, with commas")
        }
        "traffic.sidecar.istio.io/includeInboundPorts" => (value == "*" || ports(value), "`*`, or ports with commas"),
        "traffic.sidecar.istio.io/excludeInboundPorts" | "traffic.sidecar.istio.io/excludeOutboundPorts" => {
            (ports(value), "ports with commas")
        }
        "prometheus.istio.io/merge-metrics" => (flag(value), "`true` or `false`"),
        "sidecar.istio.io/proxyCPU"
        | "sidecar.istio.io/proxyMemory"
        | "sidecar.istio.io/proxyCPULimit"
        | "sidecar.istio.io/proxyMemoryLimit" => (is_quantity(value), "a quantity such as `100m` or `128Mi`"),
        _ => return Ok(()),
    };
    if fits { Ok(()) } else { Err(expected) }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_block(text: &str) -> bool {
    text.contains('/') && super::super::unread::is_block(text)
}

/// As Kubernetes writes an amount: a number and a unit.
fn is_quantity(text: &str) -> bool {
    let number = text.trim_start_matches(['+', '-']);
    let end = number.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(number.len());
    let (digits, unit) = number.split_at_checked(end).unwrap_or_default();
    let plain = digits.bytes().any(|byte| byte.is_ascii_digit()) && digits.matches('.').count() <= 1;
    let exponent = unit.strip_prefix(['e', 'E']).map(|power| power.trim_start_matches(['+', '-']));
    let units = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    plain && text.len() - number.len() <= 1 && (units.contains(&unit) || exponent.is_some_and(is_digits))
}
