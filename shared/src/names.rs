//! How Istio names things: hosts, gateways, clusters.

use std::fmt::Write;

use crate::model::Port;

/// The domain of the cluster, which short names belong to.
pub const DOMAIN: &str = "cluster.local";

/// The namespace of what names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// HTTP's port: where the mesh looks for a host without one, and for hosts that are no service.
pub const HTTP_PORT: Port = match Port::new(80) {
    Some(port) => port,
    None => Port::MIN,
};

/// The reserved gateway name that stands for all sidecars.
pub const MESH: &str = "mesh";

/// What names of Sailcloth's own headers begin with.
pub const INTERNAL_PREFIX: &str = "x-sailcloth-";

/// Whether this is a header's name: RFC 9110's token.
pub fn is_header(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Whether a header is one of Sailcloth's own, in upper or lower case.
pub fn is_internal_header(name: &str) -> bool {
    name.get(..INTERNAL_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(INTERNAL_PREFIX))
}

/// A host as it is known in the mesh: `reviews` in namespace `prod` is `reviews.prod.svc.cluster.local`; `*`, addresses
/// and whatever has a dot stay as they are (istiod's `ResolveShortnameToFQDN`; `reviews.prod` is therefore a name of its
/// own). Capitals stay as well: a destination in capitals is another one, and where istiod makes no difference it says so
/// by itself.
pub fn resolve_host(host: &str, namespace: &str) -> String {
    if host.is_empty() || host == "*" || host.contains(['.', ':']) {
        host.to_owned()
    } else {
        format!("{host}.{namespace}.svc.{DOMAIN}")
    }
}

/// A gateway as `namespace/name`, or `mesh` (istiod's `resolveGatewayName`): `gw`, `./gw`, `ns/gw` and the old
/// `gw.ns.svc.cluster.local` are all understood.
pub fn resolve_gateway(name: &str, namespace: &str) -> String {
    if name == MESH {
        return name.to_owned();
    }
    match name.split_once('/') {
        Some((".", name)) => format!("{namespace}/{name}"),
        Some(_) => name.to_owned(),
        None => match name.split_once('.') {
            Some((name, rest)) => format!("{}/{name}", rest.split('.').next().unwrap_or(namespace)),
            None => format!("{namespace}/{name}"),
        },
    }
}

/// Whether `gateways` of a VirtualService in `namespace` bind it to a gateway, by its full name, or to the mesh. None
/// at all is the mesh.
pub fn binds(gateways: &[String], namespace: &str, gateway: &str) -> bool {
    if gateways.is_empty() {
        return gateway == MESH;
    }
    gateways.iter().any(|name| resolve_gateway(name, namespace) == gateway)
}

/// An outbound cluster as Istio names it: `outbound|80|v1|backend.default.svc.cluster.local`.
pub fn cluster(port: u16, subset: &str, host: &str) -> String {
    let mut name = String::with_capacity(host.len() + subset.len() + 16);
    let _ = write!(name, "outbound|{port}|{subset}|{host}");
    name
}

/// Whether the host pattern `pattern` (`*`, `*.suffix` or a name) takes every host that `host` takes.
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => {
            host.strip_prefix('*').unwrap_or(host).ends_with(suffix)
                && (host.starts_with('*') || host.len() > suffix.len())
        }
        None => pattern == host,
    }
}

/// The hosts that both patterns take, which is the narrower of the two (istiod's `Names.Intersection`).
pub fn intersection<'a>(a: &'a str, b: &'a str) -> Option<&'a str> {
    if covers(a, b) {
        Some(b)
    } else if covers(b, a) {
        Some(a)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn short_names_belong_to_their_namespace() {
        assert_eq!(resolve_host("reviews", "prod"), "reviews.prod.svc.cluster.local");
        for unchanged in ["reviews.prod", "API.Example.com", "*", "*.example.com", "10.0.0.1", "::1", ""] {
            assert_eq!(resolve_host(unchanged, "prod"), unchanged);
        }
        assert_eq!(resolve_host("API", "prod"), "API.prod.svc.cluster.local");
        assert_eq!(resolve_host("*api", "prod"), "*api.prod.svc.cluster.local");
    }

    #[test]
    fn gateways_have_four_spellings() {
        for (name, expected) in [
            ("gw", "ns/gw"),
            ("./gw", "ns/gw"),
            ("other/gw", "other/gw"),
            ("gw.other.svc.cluster.local", "other/gw"),
            ("mesh", "mesh"),
        ] {
            assert_eq!(resolve_gateway(name, "ns"), expected);
        }
    }

    #[test]
    fn the_narrower_pattern_is_the_intersection() {
        for (a, b, both) in [
            ("*", "a.com", Some("a.com")),
            ("*.com", "*.a.com", Some("*.a.com")),
            ("a.com", "*.com", Some("a.com")),
            ("*.a.com", "a.com", None),
            ("*.a.com", "*.b.com", None),
            ("*", "*", Some("*")),
            ("a", "b", None),
        ] {
            assert_eq!(intersection(a, b), both, "{a} and {b}");
            assert_eq!(intersection(b, a), both, "{b} and {a}");
        }
    }
}
