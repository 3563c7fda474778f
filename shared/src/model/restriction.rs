//! Kinds that restrict what is let through, of which Sailcloth carries out none yet: `AuthorizationPolicy`,
//! `PeerAuthentication` and `RequestAuthentication` (security.istio.io).
//!
//! They stay unread, since modules have no use for them; [`check::unenforced`](crate::check::unenforced()) looks at
//! what they ask for, in the words that are here.

use super::read::{Place, Read, Reader};
use crate::finding::About;
use crate::load::Node;
use crate::words;

/// A resource of one of these kinds, unread.
#[derive(Clone, Debug)]
pub struct Restriction {
    /// Which it is.
    pub about: About,
    /// The document.
    pub tree: Node,
}

/// The `spec` of one, which whoever asks looks up in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked;

impl Read for Asked {
    fn read(_: Place<'_>, _: &mut Reader<'_>) -> Option<Self> {
        Some(Asked)
    }
}

/// `(kind, apiVersion)` of each.
pub(super) const KINDS: &[(&str, &[&str])] =
    &[(AUTHORIZATION_POLICY, SECURITY), (PEER_AUTHENTICATION, SECURITY), (REQUEST_AUTHENTICATION, SECURITY)];

const SECURITY: &[&str] = &["security.istio.io/v1", "security.istio.io/v1beta1"];

/// Who may ask for what.
pub const AUTHORIZATION_POLICY: &str = "AuthorizationPolicy";
/// Whether others have to show a certificate.
pub const PEER_AUTHENTICATION: &str = "PeerAuthentication";
/// Which tokens are right.
pub const REQUEST_AUTHENTICATION: &str = "RequestAuthentication";

words! {
    /// An AuthorizationPolicy's `action`; absent is `ALLOW`.
    pub enum Action {
        /// What no policy allows is denied.
        Allow = "ALLOW",
        /// What it matches is denied.
        Deny = "DENY",
        /// What it matches is noted down.
        Audit = "AUDIT",
        /// A provider is asked about what it matches.
        Custom = "CUSTOM",
    }
}

words! {
    /// A PeerAuthentication's `mode`; absent is `UNSET`.
    pub enum MutualTls {
        /// As the namespace or the mesh has it.
        Unset = "UNSET",
        /// Plain text alone.
        Disable = "DISABLE",
        /// Plain text and mutual TLS.
        Permissive = "PERMISSIVE",
        /// Mutual TLS alone.
        Strict = "STRICT",
    }
}

words! {
    /// The `mode` of a DestinationRule's `tls`; absent is `DISABLE`.
    pub enum ClientTls {
        /// Plain text.
        Disable = "DISABLE",
        /// The service shows a certificate.
        Simple = "SIMPLE",
        /// Both do.
        Mutual = "MUTUAL",
        /// Both show those of the mesh.
        IstioMutual = "ISTIO_MUTUAL",
    }
}
