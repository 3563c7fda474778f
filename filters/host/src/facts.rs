//! What format strings in header values may ask of Envoy.

use std::borrow::Cow;

use shared::plan::format::{Clock, Fact};

use crate::abi;

/// What an attribute is to become.
#[derive(Clone, Copy)]
enum Form {
    /// What it is.
    Text,
    /// A number in digits.
    Number,
    /// Nanoseconds, as milliseconds.
    Millis,
    /// An address without its port.
    WithoutPort,
    /// An address's port.
    Port,
    /// Without blanks.
    Reason,
    /// A name that a client has sent.
    Host,
}

/// The attribute and what it is to become; nothing for what has no attribute of its own.
fn attribute(fact: Fact) -> Option<(&'static str, Form)> {
    const SOURCE: &str = "source\0address";
    const DESTINATION: &str = "destination\0address";
    const UPSTREAM: &str = "upstream\0address";
    const UPSTREAM_LOCAL: &str = "upstream\0local_address";
    Some(match fact {
        Fact::DownstreamRemoteAddress => (SOURCE, Form::Text),
        Fact::DownstreamRemoteAddressWithoutPort => (SOURCE, Form::WithoutPort),
        Fact::DownstreamRemotePort => (SOURCE, Form::Port),
        Fact::DownstreamLocalAddress => (DESTINATION, Form::Text),
        Fact::DownstreamLocalAddressWithoutPort => (DESTINATION, Form::WithoutPort),
        Fact::DownstreamLocalPort => (DESTINATION, Form::Port),
        Fact::RequestedServerName => ("connection\0requested_server_name", Form::Host),
        Fact::DownstreamTlsVersion => ("connection\0tls_version", Form::Text),
        Fact::DownstreamPeerSubject => ("connection\0subject_peer_certificate", Form::Text),
        Fact::DownstreamLocalSubject => ("connection\0subject_local_certificate", Form::Text),
        Fact::DownstreamPeerUriSan => ("connection\0uri_san_peer_certificate", Form::Text),
        Fact::DownstreamLocalUriSan => ("connection\0uri_san_local_certificate", Form::Text),
        Fact::DownstreamPeerFingerprint => ("connection\0sha256_peer_certificate_digest", Form::Text),
        Fact::ConnectionId => ("connection\0id", Form::Number),
        Fact::ConnectionTerminationDetails => ("connection\0termination_details", Form::Text),
        Fact::DownstreamTransportFailureReason => ("connection\0transport_failure_reason", Form::Reason),
        Fact::Protocol => ("request\0protocol", Form::Text),
        Fact::FilterChainName => ("xds\0filter_chain_name", Form::Text),
        Fact::ResponseCode => ("response\0code", Form::Number),
        Fact::ResponseCodeDetails => ("response\0code_details", Form::Text),
        Fact::UpstreamCluster | Fact::UpstreamClusterRaw => ("xds\0cluster_name", Form::Text),
        Fact::UpstreamRequestAttemptCount => ("upstream\0request_attempt_count", Form::Number),
        Fact::UpstreamHost | Fact::UpstreamRemoteAddress => (UPSTREAM, Form::Text),
        Fact::UpstreamRemoteAddressWithoutPort => (UPSTREAM, Form::WithoutPort),
        Fact::UpstreamRemotePort => (UPSTREAM, Form::Port),
        Fact::UpstreamLocalAddress => (UPSTREAM_LOCAL, Form::Text),
        Fact::UpstreamLocalAddressWithoutPort => (UPSTREAM_LOCAL, Form::WithoutPort),
        Fact::UpstreamLocalPort => (UPSTREAM_LOCAL, Form::Port),
        Fact::UpstreamConnectionPoolReadyDuration => ("upstream\0cx_pool_ready_duration", Form::Millis),
        Fact::UpstreamTransportFailureReason => ("upstream\0transport_failure_reason", Form::Reason),
        Fact::UpstreamTlsVersion => ("upstream\0tls_version", Form::Text),
        Fact::UpstreamPeerSubject => ("upstream\0subject_peer_certificate", Form::Text),
        Fact::UpstreamPeerUriSan => ("upstream\0uri_san_peer_certificate", Form::Text),
        Fact::UpstreamLocalUriSan => ("upstream\0uri_san_local_certificate", Form::Text),
        Fact::UniqueId | Fact::BytesReceived | Fact::ResponseHeadersBytes => return None,
    })
}

/// The value, in the form that Envoy's own formatter gives it.
pub(crate) fn fact(fact: Fact) -> Option<Cow<'static, [u8]>> {
    let digits = |number: u64| number.to_string().into_bytes();
    let value = match (attribute(fact), fact) {
        (Some((path, form)), _) => {
            // An endpoint that could not be connected to has an address, and no connection one.
            let connected =
                [Fact::UpstreamRemoteAddress, Fact::UpstreamRemoteAddressWithoutPort, Fact::UpstreamRemotePort];
            if connected.contains(&fact) {
                abi::property("upstream\0local_address")?;
            }
            match form {
                Form::Number => digits(abi::number(path)?),
                Form::Millis => digits(abi::number(path)? / 1_000_000),
                Form::Text => abi::property(path)?,
                Form::WithoutPort => without_port(abi::property(path)?),
                Form::Port => port(abi::property(path)?)?,
                Form::Reason => replaced(abi::property(path)?, |byte| byte == b' '),
                Form::Host => {
                    replaced(abi::property(path)?, |byte| !byte.is_ascii_alphanumeric() && !b"-.".contains(&byte))
                }
            }
        }
        (None, Fact::UniqueId) => unique_id()?,
        // Where the request's headers are gone, they are no part of it.
        (None, Fact::BytesReceived) => {
            let headers = abi::map_bytes(abi::Map::Request);
            digits(abi::number("request\0total_size")?.saturating_sub(headers))
        }
        _ => return None,
    };
    // Some attributes are there and empty where Envoy's formatter has nothing.
    (!value.is_empty()).then_some(Cow::Owned(value))
}

/// The bytes of the response's headers so far.
pub(crate) fn response_headers_bytes() -> Option<Cow<'static, [u8]>> {
    Some(Cow::Owned(abi::map_bytes(abi::Map::Response).to_string().into_bytes()))
}

/// Envoy's response flags.
pub(crate) fn flags() -> u64 {
    abi::number("response\0flags").unwrap_or(0)
}

/// A time, in nanoseconds since 1970.
pub(crate) fn time(clock: Clock) -> Option<u64> {
    match clock {
        Clock::Start => abi::number("request\0time"),
        Clock::Now => Some(abi::wall_clock()),
    }
}

/// A random UUID (RFC 9562, version 4).
fn unique_id() -> Option<Vec<u8>> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    let [_, _, _, _, _, _, version, _, variant, ..] = &mut random;
    (*version, *variant) = (*version & 0x0f | 0x40, *variant & 0x3f | 0x80);
    let mut out = Vec::with_capacity(36);
    for (at, byte) in random.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        let digit = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    Some(out)
}

fn replaced(mut text: Vec<u8>, bad: impl Fn(u8) -> bool) -> Vec<u8> {
    text.iter_mut().filter(|byte| bad(**byte)).for_each(|byte| *byte = b'_');
    text
}

/// What stands behind the last colon.
fn port(mut address: Vec<u8>) -> Option<Vec<u8>> {
    let colon = address.iter().rposition(|byte| *byte == b':')?;
    let port = address.split_off(colon + 1);
    port.iter().all(u8::is_ascii_digit).then_some(port)
}

/// `10.0.0.1:80` and `[::1]:80` without port and brackets.
fn without_port(mut address: Vec<u8>) -> Vec<u8> {
    if let Some(colon) = address.iter().rposition(|byte| *byte == b':') {
        address.truncate(colon);
    }
    if address.first() == Some(&b'[') && address.last() == Some(&b']') {
        address.pop();
        address.remove(0);
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_port_and_brackets() {
        assert_eq!(without_port(b"10.0.0.1:80".to_vec()), b"10.0.0.1");
        assert_eq!(without_port(b"[::1]:80".to_vec()), b"::1");
        assert_eq!(without_port(b"".to_vec()), b"");
        assert_eq!(port(b"[::1]:80".to_vec()).as_deref(), Some(&b"80"[..]));
        assert_eq!(port(b"/tmp/socket".to_vec()), None);
    }

    #[test]
    fn a_unique_id_is_one_of_version_4() {
        let (one, other) = (unique_id().unwrap(), unique_id().unwrap());
        assert_ne!(one, other);
        let text = String::from_utf8(one).unwrap();
        let sizes: Vec<usize> = text.split('-').map(str::len).collect();
        assert_eq!((sizes.as_slice(), text.as_bytes()[14]), (&[8, 4, 4, 4, 12][..], b'4'));
        assert!(b"89ab".contains(&text.as_bytes()[19]), "{text}");
    }
}
