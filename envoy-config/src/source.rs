//! Where rules stand in the files that they come from.

use std::collections::BTreeMap;

use shared::finding::{Code, Origin, Severity};
use shared::model::Resources;

/// `FILE:LINE` of every rule, by the name that modules call it: `NAMESPACE/NAME#RULE`.
#[derive(Clone, Debug, Default)]
pub struct RuleSources(BTreeMap<String, String>);

impl RuleSources {
    /// Of all VirtualServices of `set`.
    pub fn of(set: &Resources) -> RuleSources {
        let mut all = BTreeMap::new();
        for service in &set.virtual_services {
            for (index, rule) in service.spec.http.iter().enumerate() {
                // A finding knows where its field stands.
                let nothing = (Severity::Info, Origin::Sailcloth, Code::Unsupported);
                let here = service.finding(nothing, format!("spec.http[{index}]"), String::new(), String::new());
                let Some(file) = here.file.filter(|_| here.line > 0) else { continue };
                let named = rule.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned);
                // A delegate's rules go by their indices, whatever they are called.
                for name in named.into_iter().chain([index.to_string()]) {
                    let rule = format!("{}#{name}", service.meta.full_name());
                    all.entry(rule).or_insert_with(|| format!("{file}:{}", here.line));
                }
            }
        }
        RuleSources(all)
    }

    /// What a module says of a request, with the place of the rule that it names: `rule=shop/web#orders (shop.yaml:12) ...`.
    pub fn placed(&self, message: &str) -> Option<String> {
        let rest = message.strip_prefix("rule=")?;
        let (rule, rest) = rest.split_once(" reason=")?;
        let place = self.0.get(rule)?;
        Some(format!("rule={rule} ({place}) reason={rest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Source, loaded};

    #[test]
    fn a_rule_is_placed_by_its_name_or_its_index() {
        let text = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: [a.x]
  http:
  - name: named one
    match: [{uri: {prefix: /a}}]
    redirect: {uri: /}
  - redirect: {uri: /}
";
        let sources = RuleSources::of(&loaded(vec![Source { name: "a.yaml".into(), text: text.into() }]).set);
        let placed = |message| sources.placed(message);
        assert_eq!(
            placed("rule=shop/web#named one reason=redirect version= cluster=").as_deref(),
            Some("rule=shop/web#named one (a.yaml:7) reason=redirect version= cluster=")
        );
        assert!(placed("rule=shop/web#1 reason=redirect").is_some_and(|it| it.contains(" (a.yaml:10) ")));
        for other in ["rule= reason=no_rule", "rule=default reason=route", "something else"] {
            assert_eq!(placed(other), None);
        }
    }
}
