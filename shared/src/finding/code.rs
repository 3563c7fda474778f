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
    /// Two VirtualServices of the mesh claim one host; Istio takes the older one.
    ConflictingMeshGatewayVirtualServiceHosts = "IST0109",
    /// A destination without a port, whose service has several.
    VirtualServiceDestinationPortSelectorRequired = "IST0112",
    /// The resource is not valid: Istio's webhook refuses it.
    SchemaValidationError = "IST0106",
    /// A rule that no request reaches, since one before it takes everything.
    VirtualServiceUnreachableRule = "IST0130",
    /// A match that has no effect, since one before it is the same.
    VirtualServiceIneffectiveMatch = "IST0131",
    /// A VirtualService's host that none of its gateways serves.
    VirtualServiceHostNotFoundInGateway = "IST0132",
    /// What Istio's webhook takes with a warning.
    SchemaWarning = "IST0133",
    /// A subset whose labels no endpoint of its service carries.
    DestinationRuleSubsetNotSelectPods = "IST0173",
    /// A DestinationRule for a host that no service has.
    UnknownDestinationRuleHost = "IST0174",
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
    /// A match, a host or a Gateway's server that no request comes to.
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
    /// A rule with a `delegate`, which Sailcloth does not carry out yet; its requests are answered with 503.
    Delegated = "SC0019",
    /// A destination whose cluster nobody writes: its requests are answered with 503.
    NoCluster = "SC0020",
    /// A destination that has no endpoint in the set: without one its requests are answered with 503.
    NoEndpoints = "SC0021",
    /// A DestinationRule that only proxies of its own namespace see, since its service is in another one.
    OwnNamespaceAlone = "SC0022",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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
    fn codes_are_unique() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }
}
