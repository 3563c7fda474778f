//! Istio's resources, and the few of Kubernetes' that say who answers, as people write them: one file a kind.
//!
//! A value that one of these types holds is well-formed by itself (a percentage is between 0 and 100, a regex
//! compiles); what fields say together is for [`check`](crate::check). A new kind is a file here and a row in
//! [`kinds`].

pub mod destination_rule;
#[cfg(feature = "yaml")]
mod document;
pub mod fault;
pub mod format;
#[cfg(feature = "yaml")]
pub mod gaps;
pub mod gateway;
pub mod http_route;
pub mod kinds;
pub mod kubernetes;
pub mod mesh_config;
pub mod meta;
pub mod read;
pub mod regex_rewrite;
pub mod restriction;
pub mod service_entry;
pub mod sidecar;
pub mod values;
pub mod virtual_service;

/// Modules have no use for a resource with a bad field.
#[cfg(not(feature = "yaml"))]
pub mod gaps {
    use crate::finding::Report;
    use crate::load::Node;

    /// Nothing.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Gaps;

    impl Gaps {
        /// All or nothing.
        pub(super) fn read<T>(
            tree: &mut Node,
            report: &mut Report,
            read: impl FnOnce(&Node, &mut Report) -> Option<T>,
        ) -> Option<(T, Gaps)> {
            read(tree, report).map(|all| (all, Gaps))
        }

        /// Never.
        pub fn touch(&self, _: &str) -> bool {
            false
        }

        /// The path itself.
        pub fn original(&self, path: String) -> String {
            path
        }
    }
}

pub use crate::{object, words};
pub use destination_rule::DestinationRule;
#[cfg(feature = "yaml")]
pub use document::Document;
pub use gaps::Gaps;
pub use gateway::Gateway;
pub use http_route::HttpRoute;
pub use kinds::{Resource, Resources};
pub use kubernetes::{EndpointSlice, Pod, Service};
pub use mesh_config::MeshConfig;
pub use meta::Meta;
pub use restriction::Restriction;
pub use service_entry::{ServiceEntry, WorkloadEntry};
pub use sidecar::Sidecar;
pub use values::{Millis, Percent, Port, StringMatch};
pub use virtual_service::VirtualService;
