//! Findings that somebody knows of and does not want to hear again: by `--suppress`, and by Istio's annotation on the
//! resource, both as `istioctl analyze` has them.

use std::collections::BTreeMap;
use std::str::FromStr;

use shared::finding::{Code, Finding, Severity};

use crate::input::Loaded;

/// Istio's annotation: codes with commas between them, or `*`.
pub const ANNOTATION: &str = "galley.istio.io/analyze-suppress";

/// A code, and the resources about which it is not to be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    code: String,
    /// `KIND NAMESPACE/NAME`, or `KIND NAME.NAMESPACE` as `istioctl` has it; nothing is all of them.
    resource: Option<String>,
}

impl FromStr for Suppression {
    type Err = String;

    fn from_str(text: &str) -> Result<Suppression, String> {
        let (code, resource) = match text.split_once('=') {
            Some((code, resource)) => (code.trim(), Some(resource.trim().to_owned())),
            None => (text.trim(), None),
        };
        // A code of `istioctl`'s that is never given here is no mistake.
        let theirs = code.strip_prefix("IST").is_some_and(|number| number.len() == 4 && number.parse::<u16>().is_ok());
        if !theirs && !Code::ALL.iter().any(|known| glob(code, known.as_str())) {
            return Err(format!("there is no code `{code}`; `sailcloth check --codes` lists them"));
        }
        if resource.as_deref().is_some_and(|resource| resource != "*" && !resource.contains(' ')) {
            let example = format!("{code}=VirtualService shop/web");
            return Err(format!("expected `CODE` or `CODE=KIND NAMESPACE/NAME`, such as `{example}`"));
        }
        Ok(Suppression { code: code.to_owned(), resource })
    }
}

impl Suppression {
    fn fits(&self, finding: &Finding) -> bool {
        if !glob(&self.code, finding.code.as_str()) {
            return false;
        }
        let Some(resource) = &self.resource else { return true };
        let Finding { kind, namespace, name, .. } = finding;
        glob(resource, &finding.resource()) || glob(resource, &format!("{kind} {name}.{namespace}"))
    }
}

/// Whether `*` in the pattern can stand for something that makes it the text.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

impl Loaded {
    /// Takes out what somebody does not want to hear, and counts it. What keeps Envoy from being set up cannot be
    /// silenced by an annotation.
    pub fn silence(&mut self, suppressions: &[Suppression]) {
        let mut annotated: BTreeMap<String, Vec<String>> = BTreeMap::new();
        self.set.annotated(ANNOTATION, &mut |resource, text| {
            annotated.insert(resource, text.split(',').map(|code| code.trim().to_owned()).collect());
        });
        let silenced = |finding: &Finding| {
            let stops = finding.stops() || (finding.code, finding.severity) == (Code::Unenforced, Severity::Error);
            let by_itself = || {
                let codes = annotated.get(&finding.resource()).into_iter().flatten();
                codes.into_iter().any(|code| code == "*" || code == finding.code.as_str())
            };
            (!stops && !annotated.is_empty() && by_itself()) || suppressions.iter().any(|it| it.fits(finding))
        };
        let before = self.findings.len();
        self.findings.retain(|finding| !silenced(finding));
        self.silenced += before - self.findings.len();
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text, fits) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*", "abc", true),
            ("a*", "ba", false),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("ab*bc", "abc", false),
            ("*.shop", "web.shop", true),
            ("*b*", "abc", true),
            ("*b*c*", "acb", false),
            ("VirtualService shop/*", "VirtualService shop/web", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }
}
