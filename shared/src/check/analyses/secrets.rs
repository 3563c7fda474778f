//! Secrets that Gateways name (istioctl's `SecretAnalyzer`).

use super::world::{World, pairs, text};
use crate::finding::{Code, Report, Severity};
use crate::load::Node;
use crate::model::read::shorten;

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    each(world, &certificate, true, report);
}

/// Certificates that were valid until before `now`, in seconds since 1970.
pub(super) fn expired(world: &World<'_>, now: i64, report: &mut Report) {
    let expired = |secret: &Node| match pem(secret).ok().and_then(|(_, der)| not_after(&der)) {
        Some(end) if end < now => Err("its certificate has expired".to_owned()),
        _ => Ok(()),
    };
    each(world, &expired, false, report);
}

fn each(world: &World<'_>, check: &dyn Fn(&Node) -> Result<(), String>, says_missing: bool, report: &mut Report) {
    for gateway in world.of("Gateway") {
        let selector = pairs(gateway.tree.at("spec.selector"));
        // The Secret is where the workload is, not where the Gateway is. Without a workload, that is what is said.
        let Some(namespace) = world.selected(&selector).map(|one| one.namespace).next() else { continue };
        for (index, server) in gateway.list("spec.servers").iter().enumerate() {
            let name = text(server.at("tls.credentialName"));
            if name.is_empty() {
                continue;
            }
            let path = format!("spec.servers[{index}].tls.credentialName");
            let mut findings = gateway.findings(report);
            let (from, short) = name.split_once('/').unwrap_or((namespace, name));
            let secret = world.find("Secret", from, short);
            if secret.is_none() && !says_missing {
                continue;
            }
            let Some(secret) = secret else {
                // People seldom keep their keys beside their routes.
                let known = !world.of("Secret").is_empty();
                let severity = if known { Severity::Error } else { Severity::Info };
                let message = format!("there is no Secret `{}` in this set", shorten(&format!("{from}/{short}")));
                let hint = "without it the port serves nobody";
                findings.analysis(severity, Code::ReferencedResourceNotFound, &path, message, hint);
                continue;
            };
            if let Err(wrong) = check(secret.tree) {
                let message = format!("the Secret `{from}/{short}` is none for TLS: {wrong}");
                findings.analysis(Severity::Error, Code::InvalidGatewayCredential, &path, message, "");
            }
        }
    }
}

/// Keys of a Secret that a certificate and its key can stand under.
const KEYS: [(&str, &str); 2] = [("cert", "key"), ("tls.crt", "tls.key")];

/// What is wrong with a Secret as a server's certificate.
fn certificate(secret: &Node) -> Result<(), String> {
    let (key, der) = pem(secret)?;
    match is_certificate(&der) {
        true => Ok(()),
        false => Err(format!("`{key}` holds no certificate that can be read")),
    }
}

/// The first certificate of a Secret that has a key for it, and where it stands.
fn pem(secret: &Node) -> Result<(&'static str, Vec<u8>), String> {
    let data = |key: &str| {
        let said = secret.get("data").and_then(|data| data.get(key)).map(|node| decoded(text(Some(node))));
        said.or_else(|| secret.get("stringData").and_then(|data| data.text(key)).map(|text| text.as_bytes().to_vec()))
    };
    let pair = KEYS.into_iter().find(|(certificate, _)| data(certificate).is_some());
    let Some((certificate, key)) = pair else { return Err("it has no `tls.crt`".into()) };
    if data(key).is_none_or(|key| key.is_empty()) {
        return Err(format!("it has no `{key}`"));
    }
    let bytes = data(certificate).unwrap_or_default();
    let pem = String::from_utf8_lossy(&bytes);
    let inside = pem.split_once("-----BEGIN CERTIFICATE-----").map(|(_, rest)| rest);
    let inside = inside.and_then(|rest| rest.split_once("-----END CERTIFICATE-----")).map(|(inside, _)| inside);
    match inside {
        Some(inside) => Ok((certificate, decoded(inside))),
        None => Err(format!("`{certificate}` is not a certificate in PEM")),
    }
}

/// Base64; nothing of what is none.
fn decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for byte in text.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' => break,
            _ => return Vec::new(),
        };
        bits = (bits << 6) | u32::from(six);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    out
}

/// Whether it is as a certificate in DER is: a sequence of what is signed, an algorithm and a signature, to the end.
fn is_certificate(der: &[u8]) -> bool {
    let Some((0x30, inside, [])) = part(der) else { return false };
    let Some((0x30, signed, rest)) = part(inside) else { return false };
    let Some((0x30, _, rest)) = part(rest) else { return false };
    matches!(part(rest), Some((0x03, _, []))) && part(signed).is_some()
}

/// The first value of DER: its tag, what is inside, and what comes after it.
fn part(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

/// Until when a certificate is valid, in seconds since 1970.
fn not_after(der: &[u8]) -> Option<i64> {
    let (_, inside, _) = part(der)?;
    let (_, mut rest, _) = part(inside)?;
    // Behind version, serial number, algorithm and issuer; the version is left out of the oldest.
    while let Some((tag, value, after)) = part(rest) {
        let is_validity = tag == 0x30 && part(value).is_some_and(|(tag, ..)| tag == 0x17 || tag == 0x18);
        if is_validity {
            let (_, _, end) = part(value)?;
            let (tag, end, _) = part(end)?;
            return seconds(std::str::from_utf8(end).ok()?, tag == 0x17);
        }
        rest = after;
    }
    None
}

/// `YYMMDDhhmmssZ`, or with four digits of the year.
fn seconds(text: &str, short: bool) -> Option<i64> {
    let (year, rest) = text.split_at_checked(if short { 2 } else { 4 })?;
    let year: i64 = year.parse().ok()?;
    let year = match year {
        _ if !short => year,
        0..50 => year + 2000,
        _ => year + 1900,
    };
    let mut pairs = (0..5).map(|index| rest.get(index * 2..index * 2 + 2)?.parse::<i64>().ok());
    let mut next = || pairs.next().flatten();
    let (month, day, hour, minute, second) = (next()?, next()?, next()?, next()?, next()?);
    // Days since 1970 of a year that begins in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + (153 * month + 2) / 5 + day
            - 1
            - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_certificates() {
        assert_eq!(seconds("700101000000Z", true), Some(0));
        assert_eq!(seconds("20240229123456Z", false), Some(1_709_210_096));
        assert_eq!(seconds("2024", false), None);
    }
}
