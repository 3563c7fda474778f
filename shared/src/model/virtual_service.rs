//! `VirtualService` (networking.istio.io): which requests go where.

use super::http_route::HttpRoute;
use crate::object;

object! {
    /// The `spec` of a VirtualService.
    pub struct VirtualService {
        /// Names that requests are addressed to: a DNS name, `*.suffix`, `*`, or a short name, which belongs to the
        /// VirtualService's namespace.
        hosts: Vec<String>,
        /// The Gateways it applies to, as `namespace/name` or `name`, and `mesh`. Empty is `[mesh]`.
        gateways: Vec<String>,
        /// The rules; the first that matches decides.
        http: Vec<HttpRoute>,
        /// The namespaces that see it: names, `.`, `*` or `~`. Empty is what MeshConfig says, and `*` where it says nothing.
        export_to: Vec<String>,
    } unsupported { "tls", "tcp" }
}
