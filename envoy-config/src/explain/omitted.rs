//! Why resources play no part for a proxy, in words.

use shared::resolve::{Listener, Omission, Reason};

use super::answer::Omitted;
use super::rules::{Rules, has_one_of, place};

/// Keeps what is left out of a host.
pub(super) struct Omissions<'r, 's> {
    rules: &'r Rules<'s>,
    hosts: Vec<String>,
    pub(super) all: Vec<Omitted>,
}

impl<'r, 's> Omissions<'r, 's> {
    /// Of a host, in lower case, and of whatever it may be short for.
    pub(super) fn new(rules: &'r Rules<'s>, hosts: Vec<String>) -> Omissions<'r, 's> {
        Omissions { rules, hosts, all: Vec::new() }
    }
}

impl Listener for Omissions<'_, '_> {
    fn omitted(&mut self, omission: Omission<'_>) {
        let Some(service) = self.rules.service(omission.virtual_service) else { return };
        if !has_one_of(service, &self.hosts) {
            return;
        }
        let stands = place(service, omission.rule, omission.matched);
        let omitted = Omitted {
            virtual_service: omission.virtual_service.to_owned(),
            rule: omission.rule.map(|_| stands.index),
            r#match: stands.matched,
            file: stands.file.map(str::to_owned),
            line: stands.line,
            because: because(&omission),
        };
        if !self.all.contains(&omitted) {
            self.all.push(omitted);
        }
    }
}

/// The reason, as a sentence about what is left out.
pub(super) fn because(omission: &Omission<'_>) -> String {
    let here = omission.port.map(|port| format!(" on port {port}")).unwrap_or_default();
    match &omission.reason {
        Reason::OtherGateways([]) => "it is bound to no Gateway, so that it is for the mesh alone".to_owned(),
        Reason::OtherGateways(gateways) => format!("it is bound to {}, and to nobody else", listed(gateways)),
        Reason::OtherPort(port) => format!("it is for port {port} alone"),
        Reason::OtherSource => {
            "it is for proxies with other labels or in another namespace (`sourceLabels`, `sourceNamespace`)".to_owned()
        }
        Reason::NotExported(to) if to.iter().any(|to| to == ".") => {
            "`exportTo` keeps it in its own namespace".to_owned()
        }
        Reason::NotExported(to) => format!("it is exported to {}, and to no other namespace", listed(to)),
        Reason::NotImported(sidecar) => format!("the Sidecar `{sidecar}` imports none of its hosts"),
        Reason::OlderHas { host, by } => format!("`{by}` has the host `{host}`, and counts before it"),
        Reason::BehindCatchAll(rule) => format!("spec.http[{rule}] takes every request before it"),
        Reason::NotServed { gateway, hosts: [] } => format!("Gateway `{gateway}` serves no host{here}"),
        Reason::NotServed { gateway, hosts } => {
            format!("none of its hosts is among those of Gateway `{gateway}`{here}: {}", listed(hosts))
        }
        Reason::NoServiceOnPort => format!("no service of its hosts listens{here}"),
        Reason::NothingToDo => "it has no destination that takes anything, and does nothing else".to_owned(),
        Reason::NoDelegate(delegate) => {
            format!("its delegate `{delegate}` is not in the resources, or not exported to its namespace")
        }
        Reason::DelegateOfDelegate(delegate) => {
            format!("its delegate `{delegate}` delegates on, which Istio does not follow")
        }
        Reason::DelegateConflict { delegate, rule } => {
            format!("spec.http[{rule}] of its delegate `{delegate}` asks for what its own match rules out")
        }
    }
}

fn listed(all: &[String]) -> String {
    all.iter().map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{Source, loaded};

    const TEXT: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
spec:
  hosts: ['*.example.com']
  http:
  - match: [{uri: {prefix: /a}}, {uri: {prefix: /b}}]
    redirect: {uri: /}
";

    #[test]
    fn what_is_left_out_of_the_host_is_placed_and_worded_once() {
        let set = loaded(vec![Source { name: "a.yaml".into(), text: TEXT.into() }]).set;
        let rules = Rules::of(&set);
        let gateways = ["shop/other".to_owned()];
        let mut heard = Omissions::new(&rules, vec!["a.example.com".to_owned()]);
        let of = |rule, matched, reason| Omission { virtual_service: "shop/web", rule, matched, port: None, reason };
        for _ in 0..2 {
            heard.omitted(of(None, None, Reason::OtherGateways(&gateways)));
            heard.omitted(of(Some(0), Some(1), Reason::OtherSource));
        }
        let said: Vec<_> = heard.all.iter().map(|it| (it.rule, it.r#match, it.line, it.because.as_str())).collect();
        let source = "it is for proxies with other labels or in another namespace (`sourceLabels`, `sourceNamespace`)";
        let expected =
            [(None, None, 1, "it is bound to `shop/other`, and to nobody else"), (Some(0), Some(1), 7, source)];
        assert_eq!(said, expected);
        let mut elsewhere = Omissions::new(&rules, vec!["a.example.org".to_owned()]);
        elsewhere.omitted(of(None, None, Reason::NothingToDo));
        assert!(elsewhere.all.is_empty());
    }

    #[test]
    fn every_reason_has_words_with_what_it_names() {
        let port = shared::model::Port::new(81).unwrap();
        let (some, own, none) = (["a".to_owned(), "b".to_owned()], [".".to_owned()], Vec::new());
        for (reason, words) in [
            (Reason::OtherGateways(&none), &["mesh"][..]),
            (Reason::OtherGateways(&some), &["`a`, `b`"]),
            (Reason::OtherPort(port), &["port 81"]),
            (Reason::NotExported(&own), &["own namespace"]),
            (Reason::NotExported(&some), &["`a`, `b`"]),
            (Reason::NotImported("shop/sidecar"), &["Sidecar `shop/sidecar`"]),
            (Reason::OlderHas { host: "a.x", by: "shop/old" }, &["`a.x`", "`shop/old`"]),
            (Reason::BehindCatchAll(3), &["spec.http[3]"]),
            (Reason::NotServed { gateway: "shop/gw", hosts: &some }, &["`shop/gw` on port 81", "`a`, `b`"]),
            (Reason::NotServed { gateway: "shop/gw", hosts: &none }, &["serves no host on port 81"]),
            (Reason::NoServiceOnPort, &["on port 81"]),
            (Reason::NothingToDo, &["destination"]),
            (Reason::NoDelegate("shop/d"), &["`shop/d`"]),
            (Reason::DelegateOfDelegate("shop/d"), &["`shop/d`"]),
            (Reason::DelegateConflict { delegate: "shop/d", rule: 2 }, &["spec.http[2] of its delegate `shop/d`"]),
        ] {
            let said = because(&Omission { virtual_service: "", rule: None, matched: None, port: Some(port), reason });
            assert!(words.iter().all(|word| said.contains(word)), "{said}");
        }
    }
}
