//! `MeshConfig`: what holds for the whole mesh. It is no resource: istiod reads it from the ConfigMap `istio`, as YAML
//! under `data.mesh`.

#[cfg(feature = "yaml")]
use super::http_route::HttpRetry;
use super::read::{Place, Read, Reader};
use crate::finding::Code;
#[cfg(feature = "yaml")]
use crate::names::DOMAIN;
use crate::names::ROOT_NAMESPACE;
use crate::{object, words};

/// MeshConfig as far as Sailcloth acts on it, with Istio's defaults. What is for the command alone, modules do not have.
#[derive(Clone, Debug, PartialEq)]
pub struct MeshConfig {
    /// `rootNamespace`: its resources are for all others.
    pub root_namespace: String,
    /// `outboundTrafficPolicy.mode`.
    pub outbound: OutboundMode,
    /// `defaultHttpRetryPolicy`, of rules without `retries`; absent is Istio's own default.
    #[cfg(feature = "yaml")]
    pub default_retries: Option<Box<HttpRetry>>,
    /// `defaultServiceExportTo`, of services without `exportTo`.
    pub default_service_export_to: Vec<String>,
    /// `defaultVirtualServiceExportTo`.
    pub default_virtual_service_export_to: Vec<String>,
    /// `defaultDestinationRuleExportTo`.
    pub default_destination_rule_export_to: Vec<String>,
    /// `trustDomain`, which identities begin with.
    #[cfg(feature = "yaml")]
    pub trust_domain: String,
    /// `trustDomainAliases`: others that count as the same.
    #[cfg(feature = "yaml")]
    pub trust_domain_aliases: Vec<String>,
    /// `pathNormalization.normalization`.
    #[cfg(feature = "yaml")]
    pub path_normalization: PathNormalization,
}

/// To all namespaces.
const EVERYWHERE: &str = "*";

impl Default for MeshConfig {
    fn default() -> MeshConfig {
        let everywhere = || vec![EVERYWHERE.to_owned()];
        MeshConfig {
            root_namespace: ROOT_NAMESPACE.to_owned(),
            outbound: OutboundMode::AllowAny,
            #[cfg(feature = "yaml")]
            default_retries: None,
            default_service_export_to: everywhere(),
            default_virtual_service_export_to: everywhere(),
            default_destination_rule_export_to: everywhere(),
            #[cfg(feature = "yaml")]
            trust_domain: DOMAIN.to_owned(),
            #[cfg(feature = "yaml")]
            trust_domain_aliases: Vec::new(),
            #[cfg(feature = "yaml")]
            path_normalization: PathNormalization::Base,
        }
    }
}

words! {
    /// What becomes of requests to hosts that nobody in the mesh has.
    pub enum OutboundMode {
        /// They are answered 502.
        RegistryOnly = "REGISTRY_ONLY",
        /// They go where their connection was meant to go.
        AllowAny = "ALLOW_ANY",
        /// They go to whoever has the name in DNS. Sailcloth takes it for `ALLOW_ANY`.
        AllowAnyDynamicDns = "ALLOW_ANY_DYNAMIC_DNS",
    }
}

#[cfg(feature = "yaml")]
words! {
    /// What becomes of a path before anybody matches it.
    pub enum PathNormalization {
        /// `BASE`.
        Default = "DEFAULT",
        /// It stays as it is.
        None = "NONE",
        /// `.` and `..` are resolved, and `\` is `/`.
        Base = "BASE",
        /// The same, and `//` is `/`.
        MergeSlashes = "MERGE_SLASHES",
        /// The same, and `%2F` and `%5C` are slashes before that.
        DecodeAndMergeSlashes = "DECODE_AND_MERGE_SLASHES",
    }
}

/// `outboundTrafficPolicy.mode`, with a warning where it is acted on in part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode(pub OutboundMode);

impl Read for Mode {
    fn read(place: Place<'_>, reader: &mut Reader<'_>) -> Option<Self> {
        let mode = OutboundMode::read(place, reader)?;
        if cfg!(feature = "yaml") && mode == OutboundMode::AllowAnyDynamicDns {
            let message = "`ALLOW_ANY_DYNAMIC_DNS` is not supported by Sailcloth, which takes it for `ALLOW_ANY`";
            reader.warn(Code::Unsupported, place, message, "");
        }
        Some(Mode(mode))
    }
}

object! {
    /// What becomes of requests that leave the mesh.
    pub(crate) struct OutboundTrafficPolicy {
        /// Absent is `REGISTRY_ONLY`, although a mesh without this policy has `ALLOW_ANY`: it is proto's zero.
        mode: Option<Mode>,
    } unsupported { "tls" }
}

object! {
    /// What modules are told of it: the key `mesh` of their configuration.
    #[derive(Default)]
    pub(crate) struct MeshForModules {
        root_namespace: Option<String>,
        outbound_traffic_policy: Option<OutboundTrafficPolicy>,
        default_service_export_to: Vec<String>,
        default_virtual_service_export_to: Vec<String>,
        default_destination_rule_export_to: Vec<String>,
    }
}

impl From<MeshForModules> for MeshConfig {
    fn from(told: MeshForModules) -> MeshConfig {
        let mut mesh = MeshConfig::default();
        fill(&mut mesh.root_namespace, told.root_namespace);
        if let Some(policy) = told.outbound_traffic_policy {
            mesh.outbound = policy.mode.map_or(OutboundMode::RegistryOnly, |Mode(mode)| mode);
        }
        fill_list(&mut mesh.default_service_export_to, told.default_service_export_to);
        fill_list(&mut mesh.default_virtual_service_export_to, told.default_virtual_service_export_to);
        fill_list(&mut mesh.default_destination_rule_export_to, told.default_destination_rule_export_to);
        mesh
    }
}

fn fill(field: &mut String, given: Option<String>) {
    if let Some(given) = given.filter(|given| !given.is_empty()) {
        *field = given;
    }
}

fn fill_list(field: &mut Vec<String>, given: Vec<String>) {
    if !given.is_empty() {
        *field = given;
    }
}

#[cfg(feature = "yaml")]
mod whole {
    use super::{MeshConfig, MeshForModules, OutboundTrafficPolicy, PathNormalization, fill, fill_list};
    use crate::finding::{About, Report};
    use crate::load::Node;
    use crate::model::Gaps;
    use crate::model::http_route::HttpRetry;
    use crate::model::read::{Path, Place, Read, Reader};
    use crate::object;

    object! {
        /// What becomes of paths.
        struct ProxyPathNormalization {
            /// Absent is `DEFAULT`.
            normalization: Option<PathNormalization>,
        }
    }

    object! {
        /// All that Istio reads.
        struct Written {
            root_namespace: Option<String>,
            outbound_traffic_policy: Option<OutboundTrafficPolicy>,
            default_http_retry_policy: Option<Box<HttpRetry>>,
            default_service_export_to: Vec<String>,
            default_virtual_service_export_to: Vec<String>,
            default_destination_rule_export_to: Vec<String>,
            trust_domain: Option<String>,
            trust_domain_aliases: Vec<String>,
            path_normalization: Option<ProxyPathNormalization>,
        } unsupported {
            "proxy_listen_port", "proxy_inbound_listen_port", "proxy_http_port", "connect_timeout", "hbone_idle_timeout",
            "protocol_detection_timeout", "tcp_keepalive", "ingress_class", "ingress_service", "ingress_controller_mode",
            "ingress_selector", "enable_tracing", "access_log_file", "access_log_format", "access_log_encoding",
            "enable_envoy_access_log_service", "disable_envoy_listener_log", "default_config", "inbound_traffic_policy",
            "config_sources", "enable_auto_mtls", "ca_certificates", "locality_lb_setting", "zone_aware_lb_setting",
            "dns_refresh_rate", "h2_upgrade_policy", "inbound_cluster_stat_name", "outbound_cluster_stat_name",
            "certificates", "service_settings", "service_scope_configs", "enable_prometheus_merge",
            "verify_certificate_at_client", "ca", "extension_providers", "default_providers", "discovery_selectors",
            "mesh_mTLS", "tls_defaults", "default_traffic_policy", "service_entry_visibility",
            "default_inbound_http_retry_policy",
        }
    }

    impl From<Written> for MeshConfig {
        fn from(written: Written) -> MeshConfig {
            let mut mesh = MeshConfig::from(MeshForModules {
                root_namespace: written.root_namespace,
                outbound_traffic_policy: written.outbound_traffic_policy,
                default_service_export_to: written.default_service_export_to,
                default_virtual_service_export_to: written.default_virtual_service_export_to,
                default_destination_rule_export_to: written.default_destination_rule_export_to,
            });
            mesh.default_retries = written.default_http_retry_policy;
            fill(&mut mesh.trust_domain, written.trust_domain);
            fill_list(&mut mesh.trust_domain_aliases, written.trust_domain_aliases);
            let normalization = written.path_normalization.and_then(|it| it.normalization);
            mesh.path_normalization = match normalization.unwrap_or(PathNormalization::Default) {
                PathNormalization::Default => PathNormalization::Base,
                other => other,
            };
            mesh
        }
    }

    impl MeshConfig {
        /// Reads a whole one. What is wrong with it goes to the report, with paths below `path`; a field that cannot be
        /// read has its default.
        pub fn read(mut tree: Node, path: &str, about: &About, report: &mut Report) -> MeshConfig {
            let once = |tree: &Node, report: &mut Report| {
                Written::read(Place { node: tree, path: &Path::Root }, &mut Reader::new(about, report))
            };
            let mut found = Report::new();
            let written = Gaps::read(&mut tree, &mut found, once);
            for mut finding in found.into_sorted() {
                let parts = [path, finding.path.as_str()].into_iter().filter(|part| !part.is_empty());
                finding.path = parts.collect::<Vec<_>>().join(".");
                report.push(finding);
            }
            written.map_or_else(MeshConfig::default, |(written, _)| written.into())
        }
    }
}
