//! What format strings in header values may ask of Envoy.

use std::borrow::Cow;

use shared::plan::format::Fact;

use crate::abi;

/// The value, in the form that Envoy's own formatter gives it.
pub(crate) fn fact(fact: Fact) -> Option<Cow<'static, [u8]>> {
    let address = |path| abi::property(path);
    let value = match fact {
        Fact::DownstreamRemoteAddress => address("source\0address")?,
        Fact::DownstreamRemoteAddressWithoutPort => without_port(address("source\0address")?),
        Fact::DownstreamLocalAddress => address("destination\0address")?,
        Fact::DownstreamLocalAddressWithoutPort => without_port(address("destination\0address")?),
        Fact::DownstreamLocalPort => abi::number("destination\0port")?.to_string().into_bytes(),
        Fact::Protocol => abi::property("request\0protocol")?,
        Fact::ResponseCode => abi::number("response\0code")?.to_string().into_bytes(),
        Fact::UpstreamHost => address("upstream\0address")?,
    };
    Some(Cow::Owned(value))
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
    use super::without_port;

    #[test]
    fn addresses_lose_port_and_brackets() {
        assert_eq!(without_port(b"10.0.0.1:80".to_vec()), b"10.0.0.1");
        assert_eq!(without_port(b"[::1]:80".to_vec()), b"::1");
        assert_eq!(without_port(b"".to_vec()), b"");
    }
}
