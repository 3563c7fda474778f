//! The codes of findings. They are stable: people write them into their CI.

use std::fmt;

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal,)+) => {
        /// The code of a finding: istioctl's (`IST....`) where it has one for the same thing, else ours (`SC....`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[doc = $doc])+ $name,)+ }

        impl Code {
            /// Every code there is, for documentation and `--help`.
            pub const ALL: &[Code] = &[$(Code::$name,)+];

            /// Its number, and that again with so much more for istioctl's.
            fn number(self) -> u16 {
                match self { $(Code::$name => const { number($code.as_bytes()) },)+ }
            }

            /// As printed.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)+ }
            }

            /// What it means.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => concat!($($doc),+),)+ }
            }
        }
    };
}

codes! {
    /// A field that Istio has deprecated.
    Deprecated = "IST0002",
    /// A host, subset, gateway or port that nobody defines.
    ReferencedResourceNotFound = "IST0101",
    /// A namespace whose Pods get no sidecar of Istio's.
    NamespaceNotInjected = "IST0102",
    /// A Pod without Istio's sidecar in a namespace where Pods are to have one.
    PodMissingProxy = "IST0103",
    /// The resource is not valid: Istio's webhook refuses it.
    SchemaValidationError = "IST0106",
    /// An annotation of Istio's on a kind that it is not for.
    MisplacedAnnotation = "IST0107",
    /// An annotation that Istio does not have.
    UnknownAnnotation = "IST0108",
    /// Two VirtualServices of the mesh claim one host; Istio takes the older one.
    ConflictingMeshGatewayVirtualServiceHosts = "IST0109",
    /// Two Sidecars select one workload; which acts is not defined.
    ConflictingSidecarWorkloadSelectors = "IST0110",
    /// Two Sidecars of a namespace without a selector; which acts is not defined.
    MultipleSidecarsWithoutWorkloadSelectors = "IST0111",
    /// A destination without a port, whose service has several.
    VirtualServiceDestinationPortSelectorRequired = "IST0112",
    /// Services that give a port of a Deployment several protocols.
    DeploymentAssociatedToMultipleServices = "IST0116",
    /// A Service's port whose name does not say what is spoken there.
    PortNameIsNotUnderNamingConvention = "IST0118",
    /// A namespace with several labels that say whether sidecars are put in.
    NamespaceMultipleInjectionLabels = "IST0123",
    /// An annotation of Istio's with a value that it cannot have.
    InvalidAnnotation = "IST0125",
    /// A policy that selects no workload.
    NoMatchingWorkloadsFound = "IST0127",
    /// TLS to a service without `caCertificates`: its certificate is not verified.
    NoServerCertificateVerificationDestinationLevel = "IST0128",
    /// The same for one port.
    NoServerCertificateVerificationPortLevel = "IST0129",
    /// A rule that no request reaches, since one before it takes everything.
    VirtualServiceUnreachableRule = "IST0130",
    /// A match that has no effect, since one before it is the same.
    VirtualServiceIneffectiveMatch = "IST0131",
    /// A VirtualService's host that none of its gateways serves.
    VirtualServiceHostNotFoundInGateway = "IST0132",
    /// What Istio's webhook takes with a warning.
    SchemaWarning = "IST0133",
    /// A ServiceEntry's port of TCP without an address that tells it from others.
    ServiceEntryAddressesRequired = "IST0134",
    /// An annotation that Istio has deprecated.
    DeprecatedAnnotation = "IST0135",
    /// Services that lead several ports to one port of a Deployment.
    DeploymentConflictingPorts = "IST0137",
    /// One certificate in two Gateways: clients that keep a connection for both may get a 404.
    GatewayDuplicateCertificate = "IST0138",
    /// A webhook that puts sidecars in twice, or whose control plane is not there.
    InvalidWebhook = "IST0139",
    /// Rules of another VirtualService that requests through a gateway do not come to.
    IngressRouteRulesNotAffected = "IST0140",
    /// An application that runs as the user of Istio's proxy, which is not captured.
    InvalidApplicationUID = "IST0144",
    /// Gateways with one selector that have a port and hosts in common.
    ConflictingGateways = "IST0145",
    /// A Deployment with `image: auto`, which nobody replaces.
    ImageAutoWithoutInjectionWarning = "IST0146",
    /// A Pod with `image: auto`, which nobody replaced.
    ImageAutoWithoutInjectionError = "IST0147",
    /// A namespace that gets sidecars since Istio puts them in by default.
    NamespaceInjectionEnabledByDefault = "IST0148",
    /// Routes by claims of a token that nobody verifies.
    JwtClaimBasedRoutingWithoutRequestAuthN = "IST0149",
    /// A port of a Service of type `ExternalName` whose name keeps out what is no HTTP.
    ExternalNameServiceTypeInvalidPortName = "IST0150",
    /// An EnvoyFilter that stands beside another one, which may not be there yet.
    EnvoyFilterUsesRelativeOperation = "IST0151",
    /// `REPLACE` of something that cannot be replaced.
    EnvoyFilterUsesReplaceOperationIncorrectly = "IST0152",
    /// `ADD` where it has no effect.
    EnvoyFilterUsesAddOperationIncorrectly = "IST0153",
    /// `REMOVE` where it has no effect.
    EnvoyFilterUsesRemoveOperationIncorrectly = "IST0154",
    /// The same as IST0151, of a filter that another patch has for one version of the proxy.
    EnvoyFilterUsesRelativeOperationWithProxyVersion = "IST0155",
    /// A Telemetry that logs to no provider.
    InvalidTelemetryProvider = "IST0157",
    /// Pods of a namespace with another sidecar than would be put in now.
    PodsIstioProxyImageMismatchInNamespace = "IST0158",
    /// Two Telemetries select one workload; which acts is not defined.
    ConflictingTelemetryWorkloadSelectors = "IST0159",
    /// Two Telemetries of a namespace without a selector; which acts is not defined.
    MultipleTelemetriesWithoutWorkloadSelectors = "IST0160",
    /// A Secret that a Gateway names and that holds no certificate.
    InvalidGatewayCredential = "IST0161",
    /// A Gateway's port that no Service forwards to its workloads.
    GatewayPortNotDefinedOnService = "IST0162",
    /// A webhook that leads to no control plane.
    InvalidExternalControlPlaneConfig = "IST0163",
    /// A webhook that leads to a control plane by its address.
    ExternalControlPlaneAddressIsNotAHostname = "IST0164",
    /// A VirtualService at a Gateway that Istio makes for itself.
    ReferencedInternalGateway = "IST0165",
    /// A selector that takes a gateway of the Gateway API, where it has no effect.
    IneffectiveSelector = "IST0166",
    /// A policy for a sidecar, where there is none.
    IneffectivePolicy = "IST0167",
    /// A resource whose status says that something went wrong.
    NegativeConditionStatus = "IST0171",
    /// A subset whose labels no endpoint of its service carries.
    DestinationRuleSubsetNotSelectPods = "IST0173",
    /// A DestinationRule for a host that no service has.
    UnknownDestinationRuleHost = "IST0174",
    /// A control plane that fetches keys from any address that a RequestAuthentication names.
    JwksUriFetchUnrestricted = "IST0175",
    /// A kind of the Gateway API in a version that Istio passes over.
    GatewayAPICRDVersionBelowMinimum = "IST0176",
    /// ServiceEntries that give one host and port several protocols.
    ConflictingServiceEntryProtocol = "IST0177",
    /// The text is neither YAML nor JSON.
    NotYaml = "SC0001",
    /// A document that is not a Kubernetes resource.
    NotAResource = "SC0002",
    /// A kind or apiVersion that Sailcloth does not read; the resource is left out.
    UnknownKind = "SC0003",
    /// A field that the resource does not have; Kubernetes prunes it.
    UnknownField = "SC0004",
    /// A field of Istio's that Sailcloth does not act on.
    Unsupported = "SC0005",
    /// The same resource twice in one file.
    Duplicate = "SC0006",
    /// A resource in a later file takes the place of an earlier one, as with `kubectl apply`.
    Replaced = "SC0007",
    /// A delay or timeout that is longer than Envoy lets a stream stand idle.
    LongerThanIdleTimeout = "SC0008",
    /// The module's own configuration (`proxy`) is not as it should be.
    ModuleConfiguration = "SC0009",
    /// A string where the text had a number or a boolean, taken as written.
    NotQuoted = "SC0010",
    /// The file or the set is larger than Sailcloth reads.
    TooLarge = "SC0011",
    /// A match, a host or a Gateway's server that no request comes to, or a rewrite that cannot do what it says.
    NeverMatches = "SC0012",
    /// A redirect code that Envoy does not have.
    NoSuchRedirect = "SC0013",
    /// An operator in a header's value that Sailcloth does not know.
    UnsupportedOperator = "SC0014",
    /// An annotation `sailcloth.dev/...` whose value says nothing; it has no effect.
    BadAnnotation = "SC0015",
    /// More mirrors than Sailcloth acts on.
    TooManyMirrors = "SC0016",
    /// A number in quotes: Istio takes it, and Kubernetes refuses it before.
    NumberInQuotes = "SC0017",
    /// Protection that a resource asks for and Sailcloth does not give: requests are let through, or go in plain text.
    Unenforced = "SC0018",
    /// A `delegate` that comes to nothing, so that its requests are left to the rules behind.
    NoDelegate = "SC0019",
    /// A destination whose cluster nobody writes: its requests are answered with 503.
    NoCluster = "SC0020",
    /// A destination that has no endpoint in the set: without one its requests are answered with 503.
    NoEndpoints = "SC0021",
    /// A DestinationRule that only proxies of its own namespace see, since its service is in another one.
    OwnNamespaceAlone = "SC0022",
    /// Resources of kinds that are other people's, and not read.
    OtherKinds = "SC0030",
    /// A rule that no request comes to, since another VirtualService for the same host comes before it.
    OvershadowedRule = "SC0031",
    /// A sign of regexes in a text that is taken as it stands.
    LiteralPattern = "SC0032",
    /// Weights that do not add up to 100: each is its part of their sum.
    WeightsNotHundred = "SC0033",
}

const ISTIOCTLS: u16 = 10_000;

const fn number(code: &[u8]) -> u16 {
    match code {
        [b'I'] => ISTIOCTLS / 10_000,
        [before @ .., digit @ b'0'..=b'9'] => number(before) * 10 + (*digit - b'0') as u16,
        [before @ .., _] => number(before),
        [] => 0,
    }
}

/// As printed. In modules numbers take less room than texts.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            number @ ISTIOCTLS.. => write!(f, "IST{:04}", number - ISTIOCTLS),
            number => write!(f, "SC{number:04}"),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn codes_are_printed_as_they_are_said() {
        for code in Code::ALL {
            assert_eq!(code.to_string(), code.as_str());
        }
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
