//! Envoy's operators, by name: what each takes, and who knows what it stands for.
//!
//! These are all that Envoy 1.36 to 1.40 have in headers. The value of some is the same in every header, since nothing
//! has been sent by then. `filters/README.md` says why nobody here knows them.

use super::arguments;
use super::time::TimeFormat;
use super::{Command, Wrong};
use crate::model::read::{nearest, shorten};

/// The path that the destination gets.
pub const PATH: &[u8] = b":path";
/// The path that the client asked for, where it was rewritten.
pub const ORIGINAL_PATH: &[u8] = b"x-envoy-original-path";
/// What tells gRPC.
pub const CONTENT_TYPE: &[u8] = b"content-type";
/// What proxies tell each other of the client's certificate.
pub const CLIENT_CERTIFICATE: &[u8] = b"x-forwarded-client-cert";

/// What a command comes to.
#[derive(Debug)]
pub(super) enum Meaning {
    /// The same text in every header.
    Text(&'static str),
    /// Whatever is there when the header is written.
    Value(Operator),
    /// Envoy knows it, and nobody here does.
    Unknown,
}

/// What a format string can ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `%REQ(name?other)%`: a request header, else another.
    RequestHeader(Box<[u8]>, Option<Box<[u8]>>),
    /// `%RESP(name?other)%`: a response header; nothing on the way to the destination.
    ResponseHeader(Box<[u8]>, Option<Box<[u8]>>),
    /// `%PATH(NQ:ORIG)%`.
    Path {
        /// Whether the query is part of it.
        query: bool,
        /// Whether the path that the client asked for comes before the one that the destination gets.
        original: bool,
        /// Whether the one that the destination gets counts.
        current: bool,
    },
    /// `%QUERY_PARAM(name)%`: the first value, decoded.
    QueryParameter(Box<[u8]>),
    /// `%QUERY_PARAMS%`, and whether it is decoded.
    Query(bool),
    /// `%GRPC_STATUS(form)%`.
    GrpcStatus(GrpcForm),
    /// `%START_TIME(format)%` and `%EMIT_TIME(format)%`.
    Time(Clock, Box<TimeFormat>),
    /// `%DURATION%`: milliseconds since the request began.
    Duration,
    /// `%RESPONSE_FLAGS%`, and whether in words.
    Flags(bool),
    /// `%RESPONSE_CODE_DETAILS%`, and whether blanks stay.
    Details(bool),
    /// `%ROUTE_NAME%`: the rule's name, and the match block's.
    RouteName,
    /// `%XFCC_VALUE(key)%`: what the first proxy that knew it says of the client's certificate.
    ClientCertificate(Box<str>),
    /// Anything else that the proxy knows of the stream.
    Fact(Fact),
    /// `%REQUESTED_SERVER_NAME(SNI_FIRST)%` and the like: the first of these that is there.
    FirstOf(Box<[Operator; 2]>),
}

/// How a gRPC status is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcForm {
    /// `NotFound`.
    Camel,
    /// `NOT_FOUND`.
    Snake,
    /// `5`.
    Number,
}

/// A moment of which the time can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// When the request began.
    Start,
    /// Now.
    Now,
}

macro_rules! facts {
    ($($(#[$doc:meta])* $Fact:ident = $name:literal,)+) => {
        /// What a proxy knows of a stream and format strings may ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Fact { $($(#[$doc])* $Fact,)+ }

        /// Every fact, and Envoy's names for them in the same order.
        const FACTS: (&[Fact], &str) = (&[$(Fact::$Fact,)+], concat!($($name, " "),+));
    };
}

facts! {
    /// The client's address and port.
    DownstreamRemoteAddress = "DOWNSTREAM_REMOTE_ADDRESS",
    /// Without the port.
    DownstreamRemoteAddressWithoutPort = "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT?",
    /// The port alone.
    DownstreamRemotePort = "DOWNSTREAM_REMOTE_PORT",
    /// Where the client connected to.
    DownstreamLocalAddress = "DOWNSTREAM_LOCAL_ADDRESS",
    /// Without the port.
    DownstreamLocalAddressWithoutPort = "DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT?",
    /// The port alone.
    DownstreamLocalPort = "DOWNSTREAM_LOCAL_PORT",
    /// The name that the client asked for by TLS.
    RequestedServerName = "REQUESTED_SERVER_NAME?",
    /// `TLSv1.3`.
    DownstreamTlsVersion = "DOWNSTREAM_TLS_VERSION",
    /// The subject of the client's certificate.
    DownstreamPeerSubject = "DOWNSTREAM_PEER_SUBJECT",
    /// The subject of the proxy's certificate.
    DownstreamLocalSubject = "DOWNSTREAM_LOCAL_SUBJECT",
    /// The URI in the client's certificate, where SPIFFE allows one.
    DownstreamPeerUriSan = "DOWNSTREAM_PEER_URI_SAN",
    /// The URI in the proxy's certificate.
    DownstreamLocalUriSan = "DOWNSTREAM_LOCAL_URI_SAN",
    /// The SHA-256 of the client's certificate.
    DownstreamPeerFingerprint = "DOWNSTREAM_PEER_FINGERPRINT_256",
    /// The number of the client's connection.
    ConnectionId = "CONNECTION_ID",
    /// Why Envoy ended the connection.
    ConnectionTerminationDetails = "CONNECTION_TERMINATION_DETAILS",
    /// Why TLS with the client failed.
    DownstreamTransportFailureReason = "DOWNSTREAM_TRANSPORT_FAILURE_REASON",
    /// `HTTP/1.1`, `HTTP/2`.
    Protocol = "PROTOCOL",
    /// The chain of network filters that took the connection.
    FilterChainName = "FILTER_CHAIN_NAME",
    /// A number that nobody else has.
    UniqueId = "UNIQUE_ID",
    /// Bytes of the request's body so far.
    BytesReceived = "BYTES_RECEIVED",
    /// Bytes of the response's headers.
    ResponseHeadersBytes = "RESPONSE_HEADERS_BYTES",
    /// The status that a destination answered with; 0 as long as none did.
    ResponseCode = "RESPONSE_CODE",
    /// Why the response is as it is.
    ResponseCodeDetails = "RESPONSE_CODE_DETAILS?",
    /// Where the request goes, as Istio's statistics call it.
    UpstreamCluster = "UPSTREAM_CLUSTER",
    /// Where the request goes.
    UpstreamClusterRaw = "UPSTREAM_CLUSTER_RAW",
    /// How often the request was tried.
    UpstreamRequestAttemptCount = "UPSTREAM_REQUEST_ATTEMPT_COUNT",
    /// The endpoint's address and port.
    UpstreamHost = "UPSTREAM_HOST",
    /// The endpoint's address and port, once it is connected.
    UpstreamRemoteAddress = "UPSTREAM_REMOTE_ADDRESS",
    /// Without the port.
    UpstreamRemoteAddressWithoutPort = "UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT?",
    /// The port alone.
    UpstreamRemotePort = "UPSTREAM_REMOTE_PORT",
    /// Where the connection to the endpoint comes from.
    UpstreamLocalAddress = "UPSTREAM_LOCAL_ADDRESS",
    /// Without the port.
    UpstreamLocalAddressWithoutPort = "UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT?",
    /// The port alone.
    UpstreamLocalPort = "UPSTREAM_LOCAL_PORT",
    /// How long it took to get a connection to the endpoint.
    UpstreamConnectionPoolReadyDuration = "UPSTREAM_CONNECTION_POOL_READY_DURATION",
    /// Why there is no connection to the endpoint.
    UpstreamTransportFailureReason = "UPSTREAM_TRANSPORT_FAILURE_REASON",
    /// `TLSv1.3`.
    UpstreamTlsVersion = "UPSTREAM_TLS_VERSION",
    /// The subject of the endpoint's certificate.
    UpstreamPeerSubject = "UPSTREAM_PEER_SUBJECT",
    /// The URI in the endpoint's certificate, where SPIFFE allows one.
    UpstreamPeerUriSan = "UPSTREAM_PEER_URI_SAN",
    /// The URI in the proxy's certificate.
    UpstreamLocalUriSan = "UPSTREAM_LOCAL_URI_SAN",
}

impl Fact {
    /// Every fact.
    pub const ALL: &[Fact] = FACTS.0;

    /// Envoy's name for it, as between percent signs.
    pub fn name(self) -> &'static str {
        let at = FACTS.0.iter().position(|fact| *fact == self);
        at.and_then(|at| words().nth(at)).map_or("", name_of)
    }
}

/// What is the same in every header.
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("ACCESS_LOG_TYPE", "NotSet"),
    ("BYTES_RETRANSMITTED", "0"),
    ("BYTES_SENT", "0"),
    ("DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", "0"),
    ("DOWNSTREAM_HEADER_BYTES_SENT", "0"),
    ("DOWNSTREAM_WIRE_BYTES_SENT", "0"),
    ("LOCAL_REPLY_BODY", ""),
    ("PACKETS_RETRANSMITTED", "0"),
    ("RESPONSE_TRAILERS_BYTES", "0"),
    ("RESPONSE_TX_DURATION", ""),
    ("ROUNDTRIP_DURATION", ""),
    // Neither istiod nor Sailcloth writes routes with virtual clusters.
    ("VIRTUAL_CLUSTER_NAME", ""),
];

/// What no filter can know.
const UNKNOWN: &str = "\
    CEL!: CLUSTER_METADATA! COALESCE!: COMMON_DURATION! CUSTOM_FLAGS DOWNSTREAM_CX_RTT \
    DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED DOWNSTREAM_DETECTED_CLOSE_TYPE DOWNSTREAM_DIRECT_LOCAL_ADDRESS \
    DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT? \
    DOWNSTREAM_DIRECT_LOCAL_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT? \
    DOWNSTREAM_DIRECT_REMOTE_PORT DOWNSTREAM_HANDSHAKE_DURATION DOWNSTREAM_HEADER_BYTES_RECEIVED \
    DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID DOWNSTREAM_LOCAL_CLOSE_REASON DOWNSTREAM_LOCAL_DNS_SAN \
    DOWNSTREAM_LOCAL_EMAIL_SAN DOWNSTREAM_LOCAL_IP_SAN DOWNSTREAM_LOCAL_OTHERNAME_SAN DOWNSTREAM_PEER_CERT \
    DOWNSTREAM_PEER_CERT_V_END? DOWNSTREAM_PEER_CERT_V_START? DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1 \
    DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256 DOWNSTREAM_PEER_CHAIN_SERIALS DOWNSTREAM_PEER_DNS_SAN \
    DOWNSTREAM_PEER_EMAIL_SAN DOWNSTREAM_PEER_FINGERPRINT_1 DOWNSTREAM_PEER_IP_SAN DOWNSTREAM_PEER_ISSUER \
    DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256 DOWNSTREAM_PEER_ISSUER_SERIAL DOWNSTREAM_PEER_OTHERNAME_SAN \
    DOWNSTREAM_PEER_SERIAL DOWNSTREAM_TLS_CIPHER DOWNSTREAM_TLS_GROUP DOWNSTREAM_TLS_SESSION_ID \
     DOWNSTREAM_WIRE_BYTES_RECEIVED DYNAMIC_METADATA!: EMIT_TIME_LOCAL? \
    ENVIRONMENT!: FILTER_STATE!: HOSTNAME LISTENER_NAME METADATA!: PER_REQUEST_STATE! REQUEST_DURATION \
    REQUEST_HEADERS_BYTES REQUEST_TX_DURATION RESPONSE_DURATION ROUTE_RESOLUTION_COUNT ROUTE_RESOLUTION_TIME_US \
    SPAN_ID START_TIME_LOCAL? TLS_JA3_FINGERPRINT TLS_JA4_FINGERPRINT TRACE_ID TYPED_CEL!: UPSTREAM_CONNECTION_ID \
    UPSTREAM_CONNECTION_IDS_ATTEMPTED UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED \
    UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT UPSTREAM_DETECTED_CLOSE_TYPE UPSTREAM_FILTER_STATE!: \
    UPSTREAM_HEADER_BYTES_RECEIVED UPSTREAM_HEADER_BYTES_SENT UPSTREAM_HOSTS_ATTEMPTED \
    UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME UPSTREAM_HOST_NAMES_ATTEMPTED \
    UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT UPSTREAM_HOST_NAME_WITHOUT_PORT UPSTREAM_LOCAL_CLOSE_REASON \
    UPSTREAM_LOCAL_DNS_SAN UPSTREAM_LOCAL_IP_SAN UPSTREAM_METADATA! UPSTREAM_PEER_CERT UPSTREAM_PEER_CERT_V_END? \
    UPSTREAM_PEER_CERT_V_START? UPSTREAM_PEER_DNS_SAN UPSTREAM_PEER_IP_SAN UPSTREAM_PEER_ISSUER UPSTREAM_PROTOCOL \
    UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID UPSTREAM_SERVER_NAME UPSTREAM_TLS_CIPHER UPSTREAM_TLS_GROUP \
    UPSTREAM_TLS_SESSION_ID UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT";

/// What is neither a fact, nor a text, nor unknown.
const OTHERS: &str = "\
    DURATION EMIT_TIME? GRPC_STATUS? GRPC_STATUS_NUMBER PATH?: QUERY_PARAM!: QUERY_PARAMS?: REQ!: REQUEST_HEADER!: \
    RESP!: RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADER!: RESPONSE_TRAILER!: ROUTE_NAME START_TIME? STREAM_ID \
    STREAM_INFO_REQ!: TRAILER!: XFCC_VALUE!:";

/// Behind a name: it may have arguments.
const OPTIONAL: u8 = b'?';
/// Behind a name: it must have arguments.
const REQUIRED: u8 = b'!';
/// Behind a name and these: it may have a length.
const LENGTH: u8 = b':';

/// What a command means; an error where Envoy would refuse it.
pub(super) fn meaning(command: &Command<'_>) -> Result<Meaning, Wrong> {
    let (name, arguments) = (command.name, command.arguments);
    let Some((at, word)) = words().enumerate().find(|(_, word)| name_of(word) == name) else {
        let near = nearest(name, words().map(|word| name_of(word).to_owned()));
        let hint = near.map(|name| format!("did you mean `%{name}%`?")).unwrap_or_default();
        return Err(Wrong::new(format!("Envoy has no operator `{}`", shorten(name)), hint));
    };
    let takes = |mark: u8| word.bytes().any(|byte| byte == mark);
    let wrong = if arguments.is_empty() && takes(REQUIRED) {
        "needs arguments, as `%REQ(name)%` has"
    } else if !arguments.is_empty() && !takes(REQUIRED) && !takes(OPTIONAL) {
        "takes no arguments"
    } else if command.most.is_some() && !takes(LENGTH) {
        "takes no length"
    } else {
        return arguments::meaning(name, arguments, FACTS.0.get(at).copied());
    };
    Err(Wrong::new(format!("`%{}%` {wrong}", shorten(name)), ""))
}

/// The names of all operators, each with what it takes; those of the facts first.
fn words() -> impl Iterator<Item = &'static str> {
    let lists = [FACTS.1.trim_end(), OTHERS, UNKNOWN].into_iter().flat_map(|list| list.split(' '));
    lists.chain(TEXTS.iter().map(|(name, _)| *name))
}

fn name_of(word: &str) -> &str {
    let marks = word.bytes().rev().take_while(|byte| [OPTIONAL, REQUIRED, LENGTH].contains(byte)).count();
    word.get(..word.len() - marks).unwrap_or(word)
}

/// The names of those that nobody here knows.
#[cfg(test)]
pub(super) fn unknown() -> impl Iterator<Item = &'static str> {
    UNKNOWN.split(' ').map(name_of)
}

/// The names of all operators.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    words().map(name_of)
}

impl Operator {
    /// The request headers that it asks for.
    pub fn request_headers<'o>(&'o self, tell: &mut dyn FnMut(&'o [u8])) {
        match self {
            Operator::RequestHeader(name, other) => {
                [Some(name), other.as_ref()].into_iter().flatten().for_each(|it| tell(it))
            }
            Operator::Path { original, current, .. } => {
                let names: [(&bool, &[u8]); 2] = [(original, ORIGINAL_PATH), (current, PATH)];
                names.into_iter().filter(|(asked, _)| **asked).for_each(|(_, name)| tell(name));
            }
            Operator::QueryParameter(_) | Operator::Query(_) => tell(PATH),
            Operator::GrpcStatus(_) => tell(CONTENT_TYPE),
            Operator::ClientCertificate(_) => tell(CLIENT_CERTIFICATE),
            Operator::FirstOf(all) => all.iter().for_each(|operator| operator.request_headers(tell)),
            _ => {}
        }
    }
}
