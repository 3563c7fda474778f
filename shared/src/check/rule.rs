//! One rule of a VirtualService (Istio's `validateHTTPRoute`): which actions go together, and where to.

use super::name::{is_label, wildcard_domain};
use super::{Findings, cors, fault, headers, matches, mirror, redirect, response, retry, rewrite};
use crate::model::HttpRoute;
use crate::model::http_route::{Destination, HttpRouteDestination, Weight};
use crate::model::read::Path;

/// What a rule has to know of its VirtualService.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// It has no hosts.
    pub is_delegate: bool,
    /// It is for gateways alone.
    pub on_gateway: bool,
}

pub(super) fn check(rule: &HttpRoute, path: &Path<'_>, context: Context, findings: &mut Findings<'_>) {
    actions(rule, path, context, findings);
    matches::check(&rule.r#match, &Path::Key(path, "match"), context.on_gateway, findings);
    destinations(&rule.route, &Path::Key(path, "route"), findings);
    if let Some(redirect) = &rule.redirect {
        redirect::check(redirect, &rule.r#match, &Path::Key(path, "redirect"), findings);
    }
    if let Some(response) = &rule.direct_response {
        response::check(response, &Path::Key(path, "directResponse"), findings);
    }
    if let Some(rewrite) = &rule.rewrite {
        rewrite::check(rewrite, &Path::Key(path, "rewrite"), findings);
    }
    if let Some(retries) = &rule.retries {
        retry::check(retries, &Path::Key(path, "retries"), findings);
    }
    if let Some(fault) = &rule.fault {
        fault::check(fault, &Path::Key(path, "fault"), findings);
    }
    if let Some(policy) = &rule.cors_policy {
        cors::check(policy, &Path::Key(path, "corsPolicy"), findings);
    }
    if let Some(operations) = &rule.headers {
        headers::check(operations, &Path::Key(path, "headers"), findings);
    }
    headers::check_authority(rule, path, findings);
    mirror::check(rule, path, findings);
}

/// `validateHTTPRouteConflict`.
fn actions(rule: &HttpRoute, path: &Path<'_>, context: Context, findings: &mut Findings<'_>) {
    let stands = |findings: &Findings<'_>, field: &str| findings.has(&format!("{path}.{field}"));
    if stands(findings, "delegate") {
        let delegate = Path::Key(path, "delegate");
        if context.is_delegate {
            let message = "a delegate cannot delegate further; it is one since its VirtualService has no `hosts`";
            findings.invalid(&delegate, message, "");
        } else {
            for (field, is) in [("route", !rule.route.is_empty()), ("redirect", rule.redirect.is_some())] {
                if is {
                    let message = format!("a rule with `delegate` cannot have `{field}`");
                    findings.invalid(&Path::Key(path, field), message, "keep one of them");
                }
            }
            return;
        }
    }
    let actions = [
        ("redirect", rule.redirect.is_some()),
        ("directResponse", rule.direct_response.is_some()),
        ("route", !rule.route.is_empty()),
    ];
    let mut present = actions.iter().filter(|(_, is)| *is).map(|(field, _)| *field);
    let Some(action) = present.next() else {
        let message = "the rule does nothing: expected `route`, `redirect` or `directResponse`";
        return findings.invalid(path, message, "add where the requests go, as `route: [{destination: {host: ...}}]`");
    };
    let others = [("rewrite", rule.rewrite.is_some()), ("fault", stands(findings, "fault"))];
    let others = others.iter().filter(|(_, is)| *is && action != "route").map(|(field, _)| *field);
    for other in present.chain(others) {
        let message = format!("a rule with `{action}` cannot have `{other}`");
        findings.invalid(&Path::Key(path, other), message, "keep one of them");
    }
}

/// `validateHTTPRouteDestinations`.
fn destinations(route: &[HttpRouteDestination], path: &Path<'_>, findings: &mut Findings<'_>) {
    for (index, way) in route.iter().enumerate() {
        let here = Path::Index(path, index);
        destination(&way.destination, &Path::Key(&here, "destination"), findings);
        if let Some(operations) = &way.headers {
            headers::check(operations, &Path::Key(&here, "headers"), findings);
        }
    }
    let weight = |way: &HttpRouteDestination| way.weight.map_or(0, |Weight(weight)| u64::from(weight));
    let sum: u64 = route.iter().map(weight).sum();
    if route.len() > 1 && sum == 0 {
        let message = format!("the weights of {} destinations add up to 0, so none would be chosen", route.len());
        findings.invalid(path, message, "give each destination a `weight`, such as 50 and 50");
    } else if sum > u64::from(u32::MAX) {
        // Istio's sum is an int32 that wraps around; Envoy refuses more than a uint32.
        findings.invalid(path, format!("the weights add up to {sum}, expected at most {}", u32::MAX), "");
    }
}

/// `validateDestination`.
pub(super) fn destination(destination: &Destination, path: &Path<'_>, findings: &mut Findings<'_>) {
    let wrong = match destination.host.as_str() {
        "*" => Err("`*` is not a destination: expected the name of a service".to_owned()),
        host => wildcard_domain(host),
    };
    if let Err(wrong) = wrong {
        let hint = match destination.host.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() && !host.contains('/') => {
                format!("write `host: {host}` and `port: {{number: {port}}}`")
            }
            _ if super::name::is_address(&destination.host) => {
                "an address is no destination; give it a name with a ServiceEntry".into()
            }
            _ => String::new(),
        };
        findings.invalid(&Path::Key(path, "host"), wrong, hint);
    }
    if let Some(subset) = destination.subset.as_deref().filter(|subset| !subset.is_empty())
        && !is_label(subset)
    {
        findings.invalid(&Path::Key(path, "subset"), not_a_label(subset), "");
    }
}

/// For names that have to be DNS labels.
pub(super) fn not_a_label(text: &str) -> String {
    let text = crate::model::read::shorten(text);
    format!("`{text}` is not a name: expected 1 to 63 letters, digits and `-`")
}
