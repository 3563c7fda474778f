//! `tcp` and `tls` rules that nothing comes to (Istio's `analyzeUnreachableTCPRules` and its like for TLS).

use super::world::{World, list};
use crate::Map;
use crate::finding::{Code, Report, Severity};
use crate::load::{Node, Value};

pub(super) fn check(world: &World<'_>, report: &mut Report) {
    for service in world.of("VirtualService") {
        for kind in ["tcp", "tls"] {
            let mut seen: Map<usize> = Map::new();
            let mut takes_all: Option<usize> = None;
            let mut findings = service.findings(report);
            for (index, rule) in service.list(&format!("spec.{kind}")).iter().enumerate() {
                let path = format!("spec.{kind}[{index}]");
                let matches = list(rule.get("match"));
                if let Some(before) = takes_all {
                    let message = format!("nothing comes to this rule, since `spec.{kind}[{before}]` takes everything");
                    let hint = "move the rule without `match` to the end";
                    findings.analysis(Severity::Warning, Code::VirtualServiceUnreachableRule, &path, message, hint);
                    continue;
                }
                if matches.is_empty() {
                    takes_all = Some(index);
                    continue;
                }
                let mut known = 0;
                for (at, one) in matches.iter().enumerate() {
                    let mut key = String::new();
                    canonical(one, &mut key);
                    if let Some(before) = seen.get(&key) {
                        known += 1;
                        let message = format!("has no effect, since `spec.{kind}[{before}]` has the same match");
                        let code = Code::VirtualServiceIneffectiveMatch;
                        findings.analysis(Severity::Info, code, &format!("{path}.match[{at}]"), message, "");
                    } else {
                        seen.insert(key, index);
                    }
                }
                if known == matches.len() {
                    let message = "nothing comes to this rule, since earlier rules have all of its matches";
                    findings.analysis(Severity::Warning, Code::VirtualServiceUnreachableRule, &path, message, "");
                }
            }
        }
    }
}

/// The same text for values that are the same, in whichever order their keys stand.
fn canonical(node: &Node, out: &mut String) {
    match &node.value {
        Value::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            crate::order::sort_by(&mut sorted, |a, b| a.key.cmp(&b.key));
            for entry in sorted {
                out.push_str(&format!("{:?}:", entry.key));
                canonical(&entry.value, out);
            }
            out.push('}');
        }
        Value::List(items) => {
            items.iter().for_each(|item| canonical(item, out));
            out.push(']');
        }
        Value::Null | Value::Later(_) => out.push('~'),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Integer(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&value.to_string()),
        Value::Text(text) => out.push_str(&format!("{text:?}")),
    }
    out.push(',');
}
