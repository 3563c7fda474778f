//! AuthorizationPolicies (Istio's `ValidateAuthorizationPolicy`).

use super::super::Findings;
use super::at::At;
use super::{selection, service};
use crate::load::Value;
use crate::model::read::shorten;

pub(super) fn check(spec: &At<'_>, findings: &mut Findings<'_>) {
    selection::policy(spec, findings);
    let (action, provider, rules) = (spec.field("action"), spec.field("provider"), spec.field("rules"));
    let custom = action.text() == "CUSTOM";
    let none = rules.items().next().is_none();
    if none && (custom || action.text() == "DENY") {
        let message = format!("without `rules` the action `{}` is never taken", action.text());
        findings.invalid(&action.path, message, "an empty rule, `rules: [{}]`, takes every request");
    }
    if custom && !none && provider.field("name").text().is_empty() {
        findings.invalid(&spec.path, "the action `CUSTOM` needs `provider.name`", "");
    }
    if provider.is() && !custom {
        findings.invalid(&provider.path, "a `provider` is for the action `CUSTOM` alone", "remove it");
    }
    for rule in rules.items() {
        if is_null(&rule) {
            findings.invalid(&rule.path, "expected a rule, found nothing", "an empty one is `{}`");
            continue;
        }
        check_rule(&rule, action.text(), findings);
    }
}

/// Fields of a `source`, each with whether it has a meaning for TCP as well.
const SOURCE: [(&str, bool); 14] = [
    ("principals", true),
    ("notPrincipals", true),
    ("requestPrincipals", false),
    ("notRequestPrincipals", false),
    ("namespaces", true),
    ("notNamespaces", true),
    ("serviceAccounts", true),
    ("notServiceAccounts", true),
    ("trustDomains", false),
    ("notTrustDomains", false),
    ("ipBlocks", true),
    ("notIpBlocks", true),
    ("remoteIpBlocks", true),
    ("notRemoteIpBlocks", true),
];

const OPERATION: [&str; 8] = ["hosts", "notHosts", "ports", "notPorts", "methods", "notMethods", "paths", "notPaths"];

fn check_rule(rule: &At<'_>, action: &str, findings: &mut Findings<'_>) {
    let (from, to) = (rule.field("from"), rule.field("to"));
    for list in [&from, &to] {
        if list.is() && list.items().next().is_none() {
            findings.invalid(&list.path, "expected something in the list", "without the field everything fits");
        }
    }
    let (mut sources, mut operations, mut tcp_from, mut tcp_to) = (false, false, false, false);
    for item in from.items() {
        let source = item.field("source");
        if !source.is() {
            findings.invalid(&item.path, "`source` is missing", "");
            continue;
        }
        sources = true;
        tcp_from |= SOURCE.iter().any(|(name, tcp)| *tcp && source.field(name).is());
        check_source(&source, action == "CUSTOM", findings);
    }
    for item in to.items() {
        let operation = item.field("operation");
        if !operation.is() {
            findings.invalid(&item.path, "`operation` is missing", "");
            continue;
        }
        operations = true;
        tcp_to |= operation.field("ports").is() || operation.field("notPorts").is();
        check_operation(&operation, findings);
    }
    for condition in rule.field("when").items() {
        check_condition(&condition, action == "CUSTOM", findings);
    }
    if action == "DENY" && ((sources && !operations && !tcp_from) || (operations && !tcp_to)) {
        let message = "on ports with TCP everything is denied, since all that this rule says is of HTTP";
        findings.doubtful(&rule.path, message, "name the `ports`");
    }
}

fn check_source(source: &At<'_>, custom: bool, findings: &mut Findings<'_>) {
    if !SOURCE.iter().any(|(name, _)| source.field(name).items().next().is_some()) {
        findings.invalid(
            &source.path,
            "expected something in `source`, found nothing",
            "leave `from` out for everybody",
        );
    }
    let has = |name: &&str| source.field(name).items().next().is_some();
    let accounts = ["serviceAccounts", "notServiceAccounts"];
    let others = ["principals", "notPrincipals", "namespaces", "notNamespaces"];
    if accounts.iter().any(has) && others.iter().any(has) {
        findings.invalid(&source.path, "`serviceAccounts` cannot stand beside namespaces or principals", "");
    }
    for (name, _) in SOURCE {
        let list = source.field(name);
        if custom && list.items().next().is_some() && !name.to_ascii_lowercase().contains("ipblocks") {
            findings.invalid(&list.path, format!("the action `CUSTOM` does not go together with `{name}`"), "");
        }
        let kind = name.strip_prefix("not").unwrap_or(name).to_ascii_lowercase();
        values(&list, findings);
        match kind.as_str() {
            "ipblocks" | "remoteipblocks" => each(&list, addresses, findings),
            "serviceaccounts" => {
                if list.items().nth(16).is_some() {
                    findings.invalid(&list.path, "expected at most 16 service accounts", "");
                }
                each(&list, account, findings);
            }
            "trustdomains" => {
                each(&list, wildcard, findings);
                each(&list, |text| if text.contains('/') { Err("has no `/`".into()) } else { Ok(()) }, findings);
            }
            _ => {}
        }
    }
}

fn check_operation(operation: &At<'_>, findings: &mut Findings<'_>) {
    if !OPERATION.iter().any(|name| operation.field(name).items().next().is_some()) {
        findings.invalid(&operation.path, "expected something in `operation`, found nothing", "leave `to` out for all");
    }
    for name in OPERATION {
        let list = operation.field(name);
        values(&list, findings);
        match name {
            "ports" | "notPorts" => each(&list, port, findings),
            "paths" | "notPaths" => each(&list, template, findings),
            _ => {}
        }
    }
}

/// Values of `key` are addresses, ports, ...
fn check_condition(condition: &At<'_>, custom: bool, findings: &mut Findings<'_>) {
    let key = condition.field("key");
    let text = key.text();
    if text.is_empty() {
        if key.is() {
            findings.invalid(&key.path, "expected a string that is not empty", "");
        }
        return;
    }
    let identity = ["source.namespace", "source.serviceAccount", "source.trustDomain", "source.principal"];
    if custom && (identity.contains(&text) || text.starts_with("request.auth.")) {
        let message = format!("the action `CUSTOM` does not go together with `{}`", shorten(text));
        findings.invalid(&key.path, message, "");
    }
    let lists = [condition.field("values"), condition.field("notValues")];
    if !lists.iter().any(|list| list.items().next().is_some()) {
        findings.invalid(&condition.path, "`values` or `notValues` is missing", "");
        return;
    }
    let mapped = ["request.headers", "request.auth.claims", "experimental.envoy.filters."];
    let plain = [
        "source.namespace",
        "source.principal",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "connection.sni",
    ];
    let is = |check: Check| Some(check);
    let check = match text {
        "source.ip" | "remote.ip" | "destination.ip" => is(addresses),
        "destination.port" => is(port),
        "source.serviceAccount" => is(account),
        "source.trustDomain" => is(wildcard),
        _ if mapped.iter().any(|prefix| text.starts_with(prefix)) => {
            let open = text.find('[').unwrap_or(0);
            if !text.ends_with(']') || open == 0 || open + 2 >= text.len() {
                let message = format!("`{}` is not a key with a name in brackets", shorten(text));
                findings.invalid(&key.path, message, "write `request.headers[x-name]`");
            }
            None
        }
        _ if plain.contains(&text) => None,
        _ => {
            let message = format!("there is no attribute `{}`", shorten(text));
            findings.invalid(&key.path, message, "");
            None
        }
    };
    for list in &lists {
        values(list, findings);
        if let Some(check) = check {
            each(list, check, findings);
        }
    }
}

/// What is wrong with a value.
type Check = fn(&str) -> Result<(), String>;

fn each(list: &At<'_>, check: impl Fn(&str) -> Result<(), String>, findings: &mut Findings<'_>) {
    for value in list.items().filter(|value| !value.text().is_empty()) {
        if let Err(wrong) = check(value.text()) {
            findings.invalid(&value.path, format!("`{}`: {wrong}", shorten(value.text())), "");
        }
    }
}

/// None may be empty.
fn values(list: &At<'_>, findings: &mut Findings<'_>) {
    for value in list.items().filter(|value| value.text().is_empty()) {
        findings.invalid(&value.path, "expected a string that is not empty", "");
    }
}

fn addresses(text: &str) -> Result<(), String> {
    service::subnet(text)
}

fn port(text: &str) -> Result<(), String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(0..=65_535) if digits => Ok(()),
        _ => Err("expected a port from 0 to 65535".into()),
    }
}

fn wildcard(text: &str) -> Result<(), String> {
    match text.matches('*').count() {
        0 => Ok(()),
        1 if text.starts_with('*') || text.ends_with('*') => Ok(()),
        _ => Err("`*` stands once, at the start or at the end".into()),
    }
}

fn account(text: &str) -> Result<(), String> {
    let parts = text.split('/').count();
    if text.contains('*') {
        Err("a service account has no `*`".into())
    } else if text.len() > 320 || parts > 2 || text.split('/').any(str::is_empty) {
        Err("expected `NAME` or `NAMESPACE/NAME`".into())
    } else {
        Ok(())
    }
}

/// Segments `{*}` and `{**}`, of which the latter is the last.
fn template(text: &str) -> Result<(), String> {
    let templated = text.contains("{*}") || text.contains("{**}");
    let mut rest = false;
    for part in text.trim_matches('/').split('/') {
        match part {
            "{*}" | "{**}" if rest => return Err("`{**}` has to be the last of the templates".into()),
            "{*}" => {}
            "{**}" => rest = true,
            _ if part.contains(['{', '}']) => return Err("a segment is `{*}`, `{**}` or plain text".into()),
            _ if templated && !is_literal(part) => return Err(format!("`{part}` cannot stand beside a template")),
            _ => {}
        }
    }
    Ok(())
}

fn is_literal(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;:@=".contains(&byte))
}

fn is_null(at: &At<'_>) -> bool {
    at.node.is_none_or(|node| node.value == Value::Null)
}
