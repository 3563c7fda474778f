//! What every Kubernetes resource says about itself.

use crate::names::DEFAULT_NAMESPACE;
use crate::{Map, object};

object! {
    /// `metadata`.
    pub struct Meta {
        /// The name, unique among its kind in the namespace.
        name: String = required,
        /// The namespace; absent is `default`.
        namespace: Option<String>,
        /// Labels, which selectors look at.
        labels: Map<String>,
        /// Annotations; `sailcloth.dev/...` are ours.
        annotations: Map<String>,
        /// RFC 3339 in UTC, so that text order is time order; absent means that all are equally old.
        creation_timestamp: Option<String>,
    } ignored {
        "cluster_name", "deletion_grace_period_seconds", "deletion_timestamp", "finalizers", "generate_name",
        "generation", "managed_fields", "owner_references", "resource_version", "self_link", "uid",
    }
}

impl Meta {
    /// The namespace, `default` when none is written.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().filter(|ns| !ns.is_empty()).unwrap_or(DEFAULT_NAMESPACE)
    }

    /// What the oldest has the least of: when it was created; of equally old ones the name counts.
    pub fn age(&self) -> (Option<&str>, &str, &str) {
        (self.creation_timestamp.as_deref(), &self.name, self.namespace())
    }

    /// `namespace/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.namespace(), self.name)
    }
}
