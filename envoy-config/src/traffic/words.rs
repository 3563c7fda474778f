//! Treatments in words.

use shared::model::read::visible;
use shared::names::DOMAIN;
use shared::plan::PASSTHROUGH_CLUSTER;

use super::treatment::{Aspect, Share, Treatment};

/// What one aspect was and is, in words.
pub(super) fn change(aspect: Aspect, old: &Treatment, new: &Treatment) -> (String, String) {
    let mut said = String::new();
    let of = |treatment: &Treatment, said: &mut String| shares(aspect, treatment.shares(aspect), said);
    let before = of(old, &mut said);
    (before, of(new, &mut said))
}

/// What an aspect is, in words that stand by themselves.
pub(super) fn alone(aspect: Aspect, treatment: &Treatment) -> String {
    shares(aspect, treatment.shares(aspect), &mut String::new())
}

/// What an aspect is called before its values; where requests go goes without saying.
pub(super) fn label(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::To => "",
        Aspect::Location => "location ",
        Aspect::Body => "body ",
        Aspect::Path => "path ",
        Aspect::Authority => "authority ",
        Aspect::RequestHeaders => "request headers ",
        Aspect::ResponseHeaders => "response headers ",
        Aspect::Timeout => "timeout ",
        Aspect::Retries => "retries ",
        Aspect::Mirrors => "mirrors ",
        Aspect::Delay => "delay ",
    }
}

fn shares(aspect: Aspect, all: &[Share], said: &mut String) -> String {
    if all.is_empty() {
        return match aspect {
            Aspect::Path | Aspect::Authority => "as asked",
            Aspect::Retries => "the default",
            _ => "none",
        }
        .to_owned();
    }
    let mut one = |Share { what, percent }: &Share| {
        let what = match aspect {
            Aspect::To | Aspect::Mirrors => cluster(what, said),
            _ => visible(what),
        };
        if (percent - 100.0).abs() < 1e-6 { what } else { format!("{what} {} %", number(*percent)) }
    };
    all.iter().map(&mut one).collect::<Vec<_>>().join(", ")
}

/// `reviews.shop v1`; of a host that was just said the version alone. What is no cluster stays as it is.
fn cluster(name: &str, said: &mut String) -> String {
    if name == PASSTHROUGH_CLUSTER {
        return "wherever it was going".to_owned();
    }
    let mut parts = name.splitn(4, '|').skip(1);
    let (Some(port), Some(subset), Some(host)) = (parts.next(), parts.next(), parts.next()) else {
        return visible(name);
    };
    let host = host.strip_suffix(&format!(".svc.{DOMAIN}")).unwrap_or(host);
    let port = if port == "80" { String::new() } else { format!(":{port}") };
    let host = visible(&format!("{host}{port}"));
    let again = *said == host;
    let word = match (subset.is_empty(), again) {
        (true, _) => host.clone(),
        (false, true) => visible(subset),
        (false, false) => format!("{host} {}", visible(subset)),
    };
    // After one without a version a version alone would be a riddle.
    *said = if subset.is_empty() { String::new() } else { host };
    word
}

/// At most three digits behind the point.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `1.5s`, `20ms`.
pub(super) fn duration(ms: u128) -> String {
    match ms {
        1000.. => format!("{}s", number(ms as f64 / 1000.0)),
        _ => format!("{ms}ms"),
    }
}

/// `1,204,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
