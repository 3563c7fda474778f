//! Names as Istio takes them: DNS labels and domains (`pkg/config/labels`, `agent.ValidateWildcardDomain`), label keys
//! and values.

/// Longest DNS label.
const LABEL: usize = 63;

/// A DNS label (`IsDNS1123Label`, which takes upper case as well).
pub(super) fn is_label(text: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= LABEL
        && alphanumeric(text.chars().next())
        && alphanumeric(text.chars().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// A first label that may be `*`, or begin with `*` or `*-` (`IsWildcardDNS1123Label`).
fn is_wildcard_label(text: &str) -> bool {
    text.len() <= LABEL
        && match text.strip_prefix('*') {
            Some("") => true,
            Some(rest) => is_label(rest.strip_prefix('-').unwrap_or(rest)),
            None => is_label(text),
        }
}

/// What is wrong with a domain (`ValidateFQDN`).
pub(super) fn domain(text: &str) -> Result<(), String> {
    length(text)?;
    labels(text, text)
}

/// What is wrong with a domain whose first label may be a wildcard (`ValidateWildcardDomain`).
pub(super) fn wildcard_domain(text: &str) -> Result<(), String> {
    length(text)?;
    let (first, rest) = text.split_once('.').map_or((text, None), |(first, rest)| (first, Some(rest)));
    if !is_wildcard_label(first) {
        return Err(bad_label(text, first));
    }
    rest.map_or(Ok(()), |rest| labels(rest, text))
}

/// Whether it is a name that Istio's gateways give to TLS between clusters: `outbound_.80_._.reviews.shop.global`
/// (`ValidateWildcardDomainForVirtualServiceBoundToGateway`).
pub(super) fn is_sni_of_istio(text: &str) -> bool {
    let mut parts = text.split('_');
    text.len() <= 255
        && parts.next() == Some("outbound")
        && parts.next().is_some_and(|port| port.contains(|c: char| c.is_ascii_digit()))
        && parts.nth(1).is_some_and(|host| host.contains(|c: char| c.is_ascii_alphabetic()))
}

/// `ValidatePartialWildCard`.
pub(super) fn is_partial_wildcard(text: &str) -> bool {
    text.contains('*') && text != "*" && !text.starts_with("*.")
}

/// An IPv4 or IPv6 address. The standard library's parser, which also says which, is five times as large.
pub(crate) fn is_address(text: &str) -> bool {
    if is_ipv4(text) {
        return true;
    }
    match text.split_once("::") {
        // It stands for one group at least.
        Some((before, after)) => {
            let before = if before.contains('.') { None } else { groups(before) };
            before.zip(groups(after)).is_some_and(|(before, after)| before + after < 8)
        }
        None => groups(text) == Some(8),
    }
}

/// What is wrong with what stands behind `unix://` (`ValidateUnixAddress`, and the schemas' rules of `address`).
pub(super) fn socket_path(text: &str) -> Result<(), String> {
    if text.ends_with('/') {
        return Err(format!("`{}` is a folder, expected a socket", short(text)));
    }
    if !text.starts_with(['/', '@']) {
        let expected = "expected an absolute path, or `@` and a name";
        return Err(format!("`{}` is not a socket's place: {expected}", short(text)));
    }
    Ok(())
}

fn is_ipv4(text: &str) -> bool {
    let fits = |part: &str| is_digits(part, 3, 10) && (part.len() == 1 || !part.starts_with('0'));
    text.split('.').count() == 4 && text.split('.').all(|part| fits(part) && part.parse::<u8>().is_ok())
}

/// How many groups of an IPv6 address these are; an IPv4 address at their end is two.
fn groups(text: &str) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    let (rest, last) = text.rsplit_once(':').map_or((None, text), |(rest, last)| (Some(rest), last));
    let last = if is_ipv4(last) { 2 } else { usize::from(is_digits(last, 4, 16)) };
    let rest = rest
        .map_or(Some(0), |rest| rest.split(':').all(|group| is_digits(group, 4, 16)).then(|| rest.split(':').count()));
    (last > 0).then_some(last + rest?)
}

fn is_digits(text: &str, most: usize, radix: u32) -> bool {
    (1..=most).contains(&text.len()) && text.chars().all(|c| c.is_digit(radix))
}

fn length(text: &str) -> Result<(), String> {
    match text.len() {
        0 => Err("expected a host, found an empty string".into()),
        1..=255 => Ok(()),
        more => Err(format!("expected a host of at most 255 characters, found one of {more}")),
    }
}

/// `ValidateDNS1123Labels`, of a host or of what comes behind its first label.
fn labels(text: &str, host: &str) -> Result<(), String> {
    let parts = text.split('.');
    let last = parts.clone().next_back().unwrap_or_default();
    if last.parse::<i64>().is_ok() {
        return Err(format!("`{}` is not a host: its last label `{last}` is a number", short(host)));
    }
    // One dot at the end is allowed, as in `istio.io.`
    let wrong = text.strip_suffix('.').unwrap_or(text).split('.').find(|label| !is_label(label));
    wrong.map_or(Ok(()), |label| Err(bad_label(host, label)))
}

fn bad_label(text: &str, label: &str) -> String {
    let text = crate::model::read::shorten(text);
    if label.is_empty() {
        return format!("`{text}` is not a host: it has an empty label");
    }
    let label = crate::model::read::shorten(label);
    format!("`{text}` is not a host: expected letters, digits and `-` up to {LABEL}, found the label `{label}`")
}

/// What is wrong with a label of Kubernetes (`labels.Instance.Validate`).
pub(super) fn label(key: &str, value: &str) -> Result<(), String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let prefix_fits = prefix.is_none_or(|prefix| prefix.len() <= 253 && prefix.split('.').all(is_label));
    if !prefix_fits || !is_qualified(name) || name.len() > LABEL {
        return Err(format!("`{}` is not a label's key, such as `version` or `app.kubernetes.io/name`", short(key)));
    }
    if !value.is_empty() && !is_qualified(value) {
        let expected = "expected letters, digits, `-`, `_` and `.`";
        return Err(format!("`{}` is not a label's value: {expected}", short(value)));
    }
    Ok(())
}

fn short(text: &str) -> String {
    crate::model::read::shorten(text)
}

fn is_qualified(text: &str) -> bool {
    let alphanumeric = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    alphanumeric(text.chars().next())
        && alphanumeric(text.chars().next_back())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn domains_as_istio_takes_them() {
        for good in ["a", "A.b", "istio.io.", "*.foo.com", "*", "*-foo.bar", "*foo.bar", "a-b.c1"] {
            assert_eq!(wildcard_domain(good), Ok(()), "{good}");
        }
        for bad in ["", "a_b", "-a", "a.-b", "a..b", "a.*.b", "10.0.0.1", "a.1", "*.", "a b", "ü.de", "**.a"] {
            assert!(wildcard_domain(bad).is_err() || bad == "*.", "{bad}");
        }
        assert!(domain("*.foo").is_err());
        assert!(wildcard_domain(&"a.".repeat(200)).is_err());
        assert!(is_partial_wildcard("*foo.bar") && !is_partial_wildcard("*.bar") && !is_partial_wildcard("*"));
    }

    #[test]
    fn addresses_as_the_standard_library_takes_them() {
        let pieces = ["", "1", "ffff", "12345", "g", ":", "::", "1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "7:8"];
        let mut all = 0;
        for count in 1..=4 {
            for mut number in 0..pieces.len().pow(count) {
                let mut parts = Vec::new();
                for _ in 0..count {
                    parts.push(pieces[number % pieces.len()]);
                    number /= pieces.len();
                }
                for text in [parts.concat(), parts.join(":"), format!("1:2:3:4:{}", parts.join(":"))] {
                    assert_eq!(is_address(&text), text.parse::<std::net::IpAddr>().is_ok(), "{text}");
                    all += usize::from(is_address(&text));
                }
            }
        }
        assert!(all > 500, "{all}");
    }

    #[test]
    fn labels_as_kubernetes_takes_them() {
        for (key, value) in [("version", "v1"), ("app.kubernetes.io/name", ""), ("A_b.c", "1.0_x")] {
            assert_eq!(label(key, value), Ok(()), "{key}");
        }
        for (key, value) in [("", "v"), ("a/", "v"), ("/a", "v"), ("-a", "v"), ("a", "v!"), ("a", "-v")] {
            assert!(label(key, value).is_err(), "{key}={value}");
        }
    }
}
