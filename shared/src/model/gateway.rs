//! `Gateway` (networking.istio.io): where traffic enters the mesh.

use super::values::PortOrNone;
use crate::{Map, object, words};

object! {
    /// The `spec` of a Gateway.
    pub struct Gateway {
        /// What it listens for.
        servers: Vec<Server>,
        /// Which proxies take it on: those that carry all these labels.
        selector: Map<String>,
    }
}

object! {
    /// A port and the hosts that it serves.
    pub struct Server {
        /// Where it listens.
        port: ServerPort = required,
        /// `[namespace/]name`: names, `*.suffix` or `*`, and from which namespace their VirtualServices may come (`*`
        /// any, the default; `.` the Gateway's own).
        hosts: Vec<String>,
        /// TLS.
        tls: Option<ServerTls>,
        /// A name for people.
        name: Option<String>,
    } unsupported { "bind", "default_endpoint" }
}

object! {
    /// A server's port.
    pub struct ServerPort {
        /// Absent from a server whose `bind` is a socket in the file system.
        number: PortOrNone = required,
        /// What is spoken there.
        protocol: Protocol = required,
        /// A name for people.
        name: Option<String>,
    } unsupported { "target_port" }
}

words! {
    /// What a port speaks, in upper or lower case (`protocol.Parse`).
    pub enum Protocol {
        /// HTTP/1.1, and HTTP/2 where the client begins with it.
        Http = "HTTP",
        /// HTTP over TLS.
        Https = "HTTPS",
        /// gRPC, which is HTTP/2.
        Grpc = "GRPC",
        /// gRPC for browsers.
        GrpcWeb = "GRPC-WEB",
        /// HTTP/2.
        Http2 = "HTTP2",
        /// MongoDB's.
        Mongo = "MONGO",
        /// Any bytes.
        Tcp = "TCP",
        /// TLS that the proxy does not open.
        Tls = "TLS",
    } any_case true
}

impl Protocol {
    /// Whether it is HTTP in plain text.
    pub fn is_http(self) -> bool {
        matches!(self, Protocol::Http | Protocol::Http2 | Protocol::Grpc | Protocol::GrpcWeb)
    }
}

object! {
    /// `servers[].tls`.
    pub struct ServerTls {
        /// Whether plain HTTP is sent to https with 301.
        https_redirect: bool,
    } unsupported {
        "mode", "server_certificate", "private_key", "ca_certificates", "ca_crl", "credential_name", "credential_names",
        "ca_cert_credential_name", "tls_certificates", "subject_alt_names", "verify_certificate_spki",
        "verify_certificate_hash", "min_protocol_version", "max_protocol_version", "cipher_suites", "insecure_skip_verify",
    }
}
