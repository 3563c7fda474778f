//! Envoy's operators, by name: what each takes, and who knows what it stands for.
//!
//! These are all that Envoy 1.36 to 1.40 have in headers. The value of some is the same in every header, since nothing
//! has been sent by then. `filters/README.md` says why nobody here knows [`UNKNOWN`].

use super::time::TimeFormat;
use super::{Command, Wrong};
use crate::model::read::{nearest, shorten};
use crate::names::{is_header, is_internal_header};

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
    /// Anything else that the proxy knows of the stream.
    Fact(Fact),
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

/// What is the same in every header.
const TEXTS: &[(&str, &str)] = &[
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
    DOWNSTREAM_TRANSPORT_FAILURE_REASON DOWNSTREAM_WIRE_BYTES_RECEIVED DYNAMIC_METADATA!: EMIT_TIME_LOCAL? \
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
    UPSTREAM_TLS_SESSION_ID UPSTREAM_WIRE_BYTES_RECEIVED UPSTREAM_WIRE_BYTES_SENT XFCC_VALUE!:";

/// What is neither a fact, nor a text, nor unknown.
const OTHERS: &str = "\
    DURATION EMIT_TIME? GRPC_STATUS? GRPC_STATUS_NUMBER PATH?: QUERY_PARAM!: QUERY_PARAMS?: REQ!: REQUEST_HEADER!: \
    RESP!: RESPONSE_FLAGS RESPONSE_FLAGS_LONG RESPONSE_HEADER!: RESPONSE_TRAILER!: ROUTE_NAME START_TIME? STREAM_ID \
    STREAM_INFO_REQ!: TRAILER!:";

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
        return arguments_of(name, arguments, FACTS.0.get(at).copied());
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

/// The names of all operators.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    words().map(name_of)
}

/// What the arguments come to, of which each operator has its own idea.
fn arguments_of(name: &str, arguments: &str, fact: Option<Fact>) -> Result<Meaning, Wrong> {
    let value = |operator| Ok(Meaning::Value(operator));
    let (first, rest) = arguments.split_once(':').map_or((arguments, ""), |(first, rest)| (first, rest));
    let second = rest.split(':').next().unwrap_or_default();
    let unknown = |fits: bool, expected| if fits { Ok(Meaning::Unknown) } else { Err(unfit(arguments, expected)) };
    match name {
        "REQ" | "REQUEST_HEADER" | "STREAM_INFO_REQ" => Ok(headers(arguments, true)?
            .map_or(Meaning::Text(""), |(first, other)| Meaning::Value(Operator::RequestHeader(first, other)))),
        "RESP" | "RESPONSE_HEADER" => Ok(headers(arguments, false)?
            .map_or(Meaning::Text(""), |(first, other)| Meaning::Value(Operator::ResponseHeader(first, other)))),
        // Headers are written before there are any.
        "TRAILER" | "RESPONSE_TRAILER" => headers(arguments, false).map(|_| Meaning::Text("")),
        "STREAM_ID" => value(Operator::RequestHeader(b"x-request-id"[..].into(), None)),
        "PATH" => {
            let expected = "nothing, `WQ` or `NQ`, and `ORIG`, `PATH` or `ORIG_OR_PATH` behind a colon";
            let query = one_of(first, &["", "WQ", "NQ"]).ok_or_else(|| unfit(arguments, expected))? != 2;
            let which = one_of(second, &["", "ORIG_OR_PATH", "ORIG", "PATH"]);
            let which = which.ok_or_else(|| unfit(arguments, expected))?;
            value(Operator::Path { query, original: which != 3, current: which != 2 })
        }
        "QUERY_PARAM" => value(Operator::QueryParameter(arguments.as_bytes().into())),
        "QUERY_PARAMS" => {
            let form = one_of(arguments, &["", "ORIG", "DECODED"]);
            value(Operator::Query(form.ok_or_else(|| unfit(arguments, "`ORIG` or `DECODED`"))? == 2))
        }
        "GRPC_STATUS_NUMBER" => value(Operator::GrpcStatus(GrpcForm::Number)),
        "GRPC_STATUS" => value(Operator::GrpcStatus(match arguments {
            "" | "CAMEL_STRING" => GrpcForm::Camel,
            "SNAKE_STRING" => GrpcForm::Snake,
            "NUMBER" => GrpcForm::Number,
            _ => return Err(unfit(arguments, "`CAMEL_STRING`, `SNAKE_STRING` or `NUMBER`")),
        })),
        "START_TIME" | "EMIT_TIME" => {
            let clock = if name == "START_TIME" { Clock::Start } else { Clock::Now };
            let format = TimeFormat::parse(arguments).map_err(|()| line_break(arguments))?;
            Ok(format.map_or(Meaning::Unknown, |format| Meaning::Value(Operator::Time(clock, Box::new(format)))))
        }
        "DURATION" => value(Operator::Duration),
        "RESPONSE_FLAGS" => value(Operator::Flags(false)),
        "RESPONSE_FLAGS_LONG" => value(Operator::Flags(true)),
        "ROUTE_NAME" => value(Operator::RouteName),
        "METADATA" => {
            let kinds =
                ["DYNAMIC", "CLUSTER", "ROUTE", "UPSTREAM_HOST", "LISTENER", "LISTENER_FILTER_CHAIN", "VIRTUAL_HOST"];
            unknown(kinds.contains(&first), "`DYNAMIC`, `CLUSTER`, `ROUTE`, ... and a namespace behind a colon")
        }
        "FILTER_STATE" | "UPSTREAM_FILTER_STATE" => {
            let field = rest.split_once(':').is_some_and(|(_, field)| !field.is_empty());
            let fits = one_of(second, &["", "PLAIN", "TYPED", "FIELD"]).is_some_and(|at| (at == 3) == field);
            unknown(fits && !first.is_empty(), "a key, and maybe `:PLAIN`, `:TYPED` or `:FIELD:name` behind it")
        }
        "COMMON_DURATION" => {
            let precision = rest.split_once(':').map_or("ms", |(_, precision)| precision);
            let fits = arguments.contains(':') && ["ms", "us", "ns"].contains(&precision);
            unknown(fits, "two moments, and maybe `ms`, `us` or `ns`, with colons between them")
        }
        "XFCC_VALUE" => {
            let known = ["by", "hash", "cert", "chain", "subject", "uri", "dns"];
            unknown(known.iter().any(|key| key.eq_ignore_ascii_case(arguments)), "`by`, `hash`, `uri` or the like")
        }
        "COALESCE" => unknown(arguments.contains('{'), "a JSON object with `operators`"),
        "START_TIME_LOCAL"
        | "EMIT_TIME_LOCAL"
        | "DOWNSTREAM_PEER_CERT_V_START"
        | "DOWNSTREAM_PEER_CERT_V_END"
        | "UPSTREAM_PEER_CERT_V_START"
        | "UPSTREAM_PEER_CERT_V_END" => {
            TimeFormat::parse(arguments).map_err(|()| line_break(arguments)).map(|_| Meaning::Unknown)
        }
        "RESPONSE_CODE_DETAILS" => value(Operator::Details(arguments == "ALLOW_WHITESPACES")),
        // These are new in Envoy 1.37 or later.
        "REQUESTED_SERVER_NAME" if !arguments.is_empty() => {
            let fits = one_of(first, &["", "SNI_ONLY", "SNI_FIRST", "HOST_FIRST"])
                .and(one_of(second, &["", "ORIG_OR_HOST", "HOST", "ORIG"]));
            unknown(
                fits.is_some(),
                "`SNI_ONLY`, `SNI_FIRST` or `HOST_FIRST`, and maybe `HOST` or `ORIG` behind a colon",
            )
        }
        // Masks of addresses are new in Envoy 1.37 or later as well.
        _ if !arguments.is_empty() => Ok(Meaning::Unknown),
        _ => Ok(match fact {
            Some(fact) => Meaning::Value(Operator::Fact(fact)),
            None => {
                TEXTS.iter().find(|(known, _)| *known == name).map_or(Meaning::Unknown, |(_, text)| Meaning::Text(text))
            }
        }),
    }
}

fn one_of(text: &str, words: &[&str]) -> Option<usize> {
    words.iter().position(|word| *word == text)
}

fn unfit(arguments: &str, expected: &str) -> Wrong {
    Wrong::new(format!("expected {expected}, found `({})`", shorten(arguments)), "")
}

fn line_break(arguments: &str) -> Wrong {
    Wrong::new(format!("`({})` would write a line break, which no header may have", shorten(arguments)), "")
}

/// One header's name and maybe another.
type Names = (Box<[u8]>, Option<Box<[u8]>>);

/// `name` or `name?other`, in lower case; nothing where both are empty.
fn headers(arguments: &str, of_request: bool) -> Result<Option<Names>, Wrong> {
    let wrong = || Err(unfit(arguments, "one header's name, or two with `?` between them"));
    let mut names = Vec::new();
    for name in arguments.split('?') {
        if !name.is_empty() && !is_header(name.strip_prefix(':').unwrap_or(name)) {
            return wrong();
        }
        if is_internal_header(name) {
            return Err(Wrong::internal_header(name));
        }
        // For Envoy `host` is the authority, wherever it looks a request header up.
        let name = if of_request && name.eq_ignore_ascii_case("host") { ":authority" } else { name };
        names.push(name.to_ascii_lowercase().into_bytes().into_boxed_slice());
    }
    let at_most_two = names.len() <= 2;
    let mut names = names.into_iter().filter(|name| !name.is_empty());
    if at_most_two { Ok(names.next().map(|first| (first, names.next()))) } else { wrong() }
}

impl Operator {
    /// The request headers that it asks for.
    pub fn request_headers(&self) -> [Option<&[u8]>; 2] {
        const PATH: &[u8] = b":path";
        match self {
            Operator::RequestHeader(name, other) => [Some(name), other.as_deref()],
            Operator::Path { original, current, .. } => {
                [original.then_some(&b"x-envoy-original-path"[..]), current.then_some(PATH)]
            }
            Operator::QueryParameter(_) | Operator::Query(_) => [Some(PATH), None],
            Operator::GrpcStatus(_) => [Some(b"content-type"), None],
            _ => [None, None],
        }
    }
}
