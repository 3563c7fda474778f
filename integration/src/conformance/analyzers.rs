//! Cases of Istio's analyzers: files, the analyzer that looks at them, and what it says.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use envoy_config::input::{Source, loaded};
use serde_yaml::Value;
use shared::Finding;

use super::{Outcome, read};

/// The codes that each analyzer gives, and what the field's path holds where another gives the same code to the same
/// kind.
const ANALYZERS: &[(&str, &[&str], &str)] = &[
    ("maturity.AlphaAnalyzer", &["IST0136"], ""),
    ("externalcontrolplane.ExternalControlPlaneAnalyzer", &["IST0163", "IST0164"], ""),
    ("gateway.IngressGatewayPortAnalyzer", &["IST0101", "IST0162"], "selector"),
    ("gateway.SecretAnalyzer", &["IST0101", "IST0161"], ""),
    ("gateway.ConflictingGatewayAnalyzer", &["IST0145"], ""),
    ("gateway.CertificateAnalyzer", &["IST0138"], ""),
    ("injection.Analyzer", &["IST0102", "IST0103", "IST0123", "IST0148"], ""),
    ("injection.ImageAnalyzer", &["IST0158"], ""),
    ("injection.ImageAutoAnalyzer", &["IST0146", "IST0147"], ""),
    ("service.PortNameAnalyzer", &["IST0118", "IST0150"], ""),
    ("sidecar.SelectorAnalyzer", &["IST0101", "IST0110", "IST0111", "IST0167"], ""),
    ("virtualservice.ConflictingMeshGatewayHostsAnalyzer", &["IST0109"], ""),
    ("virtualservice.DestinationHostAnalyzer", &["IST0101", "IST0112", "IST0140"], "!subset"),
    ("virtualservice.DestinationRuleAnalyzer", &["IST0101"], "subset"),
    ("virtualservice.GatewayAnalyzer", &["IST0101", "IST0132", "IST0165"], "gateways"),
    ("virtualservice.JWTClaimRouteAnalyzer", &["IST0149"], ""),
    ("deployment.ServiceAssociationAnalyzer", &["IST0116", "IST0137"], ""),
    ("deployment.ApplicationUIDAnalyzer", &["IST0144"], ""),
    ("multicluster.MeshNetworksAnalyzer", &["IST0126"], ""),
    ("authn.BlockedCIDRsAnalyzer", &["IST0175"], ""),
    ("authz.AuthorizationPoliciesAnalyzer", &["IST0101", "IST0127"], ""),
    ("destinationrule.CaCertificateAnalyzer", &["IST0128", "IST0129"], ""),
    ("destinationrule.PodNotSelectedAnalyzer", &["IST0173", "IST0174"], ""),
    ("deprecation.FieldAnalyzer", &["IST0002"], ""),
    ("annotations.K8sAnalyzer", &["IST0107", "IST0108", "IST0125", "IST0135"], ""),
    ("webhook.Analyzer", &["IST0139"], ""),
    ("envoyfilter.EnvoyPatchAnalyzer", &["IST0151", "IST0152", "IST0153", "IST0154", "IST0155"], ""),
    ("telemetry.ProviderAnalyzer", &["IST0157"], ""),
    ("telemetry.SelectorAnalyzer", &["IST0101", "IST0159"], ""),
    ("telemetry.DefaultSelectorAnalyzer", &["IST0160"], ""),
    ("telemetry.LightstepAnalyzer", &["IST0002"], ""),
    ("k8sgateway.SelectorAnalyzer", &["IST0166"], ""),
    ("k8sgateway.CRDVersionAnalyzer", &["IST0156", "IST0172", "IST0176"], ""),
    ("serviceentry.ProtocolAddressesAnalyzer", &["IST0134"], ""),
    ("serviceentry.ConflictingServiceEntryProtocolAnalyzer", &["IST0177"], ""),
    ("conditions.ConditionAnalyzer", &["IST0171"], ""),
];

/// Istio's names of its codes.
const CODES: &[(&str, &str)] = &[
    ("Deprecated", "IST0002"),
    ("ReferencedResourceNotFound", "IST0101"),
    ("NamespaceNotInjected", "IST0102"),
    ("PodMissingProxy", "IST0103"),
    ("SchemaValidationError", "IST0106"),
    ("MisplacedAnnotation", "IST0107"),
    ("UnknownAnnotation", "IST0108"),
    ("ConflictingMeshGatewayVirtualServiceHosts", "IST0109"),
    ("ConflictingSidecarWorkloadSelectors", "IST0110"),
    ("MultipleSidecarsWithoutWorkloadSelectors", "IST0111"),
    ("VirtualServiceDestinationPortSelectorRequired", "IST0112"),
    ("DeploymentAssociatedToMultipleServices", "IST0116"),
    ("PortNameIsNotUnderNamingConvention", "IST0118"),
    ("NamespaceMultipleInjectionLabels", "IST0123"),
    ("InvalidAnnotation", "IST0125"),
    ("UnknownMeshNetworksServiceRegistry", "IST0126"),
    ("NoMatchingWorkloadsFound", "IST0127"),
    ("NoServerCertificateVerificationDestinationLevel", "IST0128"),
    ("NoServerCertificateVerificationPortLevel", "IST0129"),
    ("VirtualServiceUnreachableRule", "IST0130"),
    ("VirtualServiceIneffectiveMatch", "IST0131"),
    ("VirtualServiceHostNotFoundInGateway", "IST0132"),
    ("SchemaWarning", "IST0133"),
    ("ServiceEntryAddressesRequired", "IST0134"),
    ("DeprecatedAnnotation", "IST0135"),
    ("AlphaAnnotation", "IST0136"),
    ("DeploymentConflictingPorts", "IST0137"),
    ("GatewayDuplicateCertificate", "IST0138"),
    ("InvalidWebhook", "IST0139"),
    ("IngressRouteRulesNotAffected", "IST0140"),
    ("InvalidApplicationUID", "IST0144"),
    ("ConflictingGateways", "IST0145"),
    ("ImageAutoWithoutInjectionWarning", "IST0146"),
    ("ImageAutoWithoutInjectionError", "IST0147"),
    ("NamespaceInjectionEnabledByDefault", "IST0148"),
    ("JwtClaimBasedRoutingWithoutRequestAuthN", "IST0149"),
    ("ExternalNameServiceTypeInvalidPortName", "IST0150"),
    ("EnvoyFilterUsesRelativeOperation", "IST0151"),
    ("EnvoyFilterUsesReplaceOperationIncorrectly", "IST0152"),
    ("EnvoyFilterUsesAddOperationIncorrectly", "IST0153"),
    ("EnvoyFilterUsesRemoveOperationIncorrectly", "IST0154"),
    ("EnvoyFilterUsesRelativeOperationWithProxyVersion", "IST0155"),
    ("UnsupportedGatewayAPIVersion", "IST0156"),
    ("InvalidTelemetryProvider", "IST0157"),
    ("PodsIstioProxyImageMismatchInNamespace", "IST0158"),
    ("ConflictingTelemetryWorkloadSelectors", "IST0159"),
    ("MultipleTelemetriesWithoutWorkloadSelectors", "IST0160"),
    ("InvalidGatewayCredential", "IST0161"),
    ("GatewayPortNotDefinedOnService", "IST0162"),
    ("InvalidExternalControlPlaneConfig", "IST0163"),
    ("ExternalControlPlaneAddressIsNotAHostname", "IST0164"),
    ("ReferencedInternalGateway", "IST0165"),
    ("IneffectiveSelector", "IST0166"),
    ("IneffectivePolicy", "IST0167"),
    ("NegativeConditionStatus", "IST0171"),
    ("DestinationRuleSubsetNotSelectPods", "IST0173"),
    ("UnknownDestinationRuleHost", "IST0174"),
    ("JwksUriFetchUnrestricted", "IST0175"),
    ("GatewayAPICRDVersionBelowMinimum", "IST0176"),
    ("ConflictingServiceEntryProtocol", "IST0177"),
];

pub(super) fn run(at: &Path, outcomes: &mut Vec<Outcome>) {
    let table: Value = serde_yaml::from_str(&read(&at.join("cases.yaml"))).expect("cases are YAML");
    for case in table["cases"].as_sequence().expect("a list of cases") {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let files = case["files"].as_sequence().into_iter().flatten().filter_map(Value::as_str);
        let files: Vec<(&str, PathBuf)> = files.map(|file| (file, at.join(file))).collect();
        // A case whose files are not there is none.
        if files.iter().any(|(_, path)| !path.is_file()) {
            continue;
        }
        let sources = files.iter().map(|(name, path)| Source { name: (*name).to_owned(), text: read(path) }).collect();
        let failure = judge(&text("analyzer"), &case["expected"], &loaded(sources).findings);
        outcomes.push(Outcome { case: format!("analyzers/{}", text("name")), failure });
    }
}

fn judge(analyzer: &str, expected: &Value, findings: &[Finding]) -> Option<String> {
    let (_, codes, field) =
        ANALYZERS.iter().find(|(name, ..)| *name == analyzer).unwrap_or_else(|| panic!("no analyzer `{analyzer}`"));
    let wanted: BTreeSet<(String, String)> = expected
        .as_sequence()
        .into_iter()
        .flatten()
        .map(|row| {
            let word = |key: &str| row[key].as_str().unwrap_or_default();
            let code = CODES.iter().find(|(name, _)| *name == word("code")).map_or("", |(_, code)| code);
            let origin = word("origin").split_once(' ').unwrap_or_default();
            // A resource without a namespace, of which Istio says nothing more.
            let name = origin.1.rsplit('/').next().unwrap_or_default();
            let full = if origin.1.contains('/') { origin.1.to_owned() } else { format!("default/{name}") };
            (code.to_owned(), format!("{} {full}", origin.0))
        })
        .collect();
    let kinds: BTreeSet<&str> = match analyzer.split('.').next().unwrap_or_default() {
        "gateway" => ["Gateway"].into(),
        "sidecar" => ["Sidecar"].into(),
        "telemetry" => ["Telemetry"].into(),
        "virtualservice" => ["VirtualService"].into(),
        "authz" => ["AuthorizationPolicy"].into(),
        _ => BTreeSet::new(),
    };
    let about = |finding: &&Finding| {
        let here = match field.strip_prefix('!') {
            Some(not) => !finding.path.contains(not) && !finding.path.contains("gateways"),
            None => finding.path.contains(field),
        };
        codes.contains(&finding.code.as_str())
            && (finding.code.as_str() != "IST0101" || here)
            && (kinds.is_empty() || kinds.contains(finding.kind.as_str()))
    };
    let given: BTreeSet<(String, String)> =
        findings.iter().filter(about).map(|finding| (finding.code.as_str().to_owned(), finding.resource())).collect();
    let list = |all: Vec<&(String, String)>| all.iter().map(|(a, b)| format!("{a} {b}")).collect::<Vec<_>>().join(", ");
    let missing = list(wanted.difference(&given).collect());
    let extra = list(given.difference(&wanted).collect());
    match (missing.is_empty(), extra.is_empty()) {
        (true, true) => None,
        _ => Some(format!("missing [{missing}], too many [{extra}]")),
    }
}
