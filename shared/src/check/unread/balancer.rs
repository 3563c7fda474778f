//! `loadBalancer` (Istio's `validateLoadBalancer`).

use super::super::Findings;
use super::at::At;
use super::locality;
use crate::Names;
use crate::model::read::shorten;

/// Envoy's largest table of Maglev has fewer places.
const TOO_MANY_PLACES: u64 = 5_000_011;

pub(super) fn check(balancer: &At<'_>, with_outlier_detection: bool, findings: &mut Findings<'_>) {
    consistent_hash(&balancer.field("consistentHash"), findings);
    let (locality, zone_aware) = (balancer.field("localityLbSetting"), balancer.field("zoneAwareLbSetting"));
    if locality.is() && zone_aware.is() {
        findings.invalid(&zone_aware.path, "cannot stand beside `localityLbSetting`", "keep one of them");
    }
    locality::check(&locality, with_outlier_detection, findings);
    locality::zone_aware(&zone_aware, with_outlier_detection, findings);
    let aggression = balancer.field("warmup");
    let aggression = aggression.field("aggression");
    // The schema has seen to numbers below.
    if aggression.is() && aggression.number() == 0.0 {
        findings.invalid(&aggression.path, "expected a number above 0", "1 grows in step with time");
    }
}

fn consistent_hash(hash: &At<'_>, findings: &mut Findings<'_>) {
    let cookie = hash.field("httpCookie");
    if cookie.field("name").is() && cookie.field("name").text().is_empty() {
        findings.invalid(&cookie.field("name").path, "expected a cookie's name, found an empty string", "");
    }
    let mut names = Names::new();
    for attribute in cookie.field("attributes").items() {
        let name = attribute.field("name");
        if name.is() && name.text().is_empty() {
            findings.invalid(&name.path, "expected an attribute's name, found an empty string", "");
        } else if name.is() && !names.add(name.text()) {
            let message = format!("the attribute `{}` stands twice", shorten(name.text()));
            findings.invalid(&name.path, message, "keep one of them");
        }
    }
    let (ring, maglev) = (hash.field("ringHash"), hash.field("maglev"));
    let old = hash.field("minimumRingSize");
    if old.number() != 0.0 {
        findings.doubtful(&old.path, "`minimumRingSize` is deprecated", "write it under `ringHash`");
        if ring.is() || maglev.is() {
            findings.invalid(&old.path, "cannot stand beside `ringHash` or `maglev`", "keep one of them");
        }
    }
    if maglev.is() {
        let size = maglev.field("tableSize");
        let places = size.number() as u64;
        let wrong = match places {
            0 => "`tableSize` is missing".to_owned(),
            TOO_MANY_PLACES.. => format!("expected a prime below {TOO_MANY_PLACES}, found `{places}`"),
            _ if !is_prime(places) => format!("expected a prime, found `{places}`"),
            _ => return,
        };
        findings.invalid(if size.is() { &size.path } else { &maglev.path }, wrong, "Envoy's default is 65537");
    }
}

/// As Envoy asks (`Primes::isPrime`), to which 1 is one as well.
fn is_prime(number: u64) -> bool {
    let mut divisors = (3_u64..).step_by(2).take_while(|divisor| divisor * divisor <= number);
    matches!(number, 1..=3) || (number % 2 == 1 && !divisors.any(|divisor| number.is_multiple_of(divisor)))
}
