//! `mirror`, `mirrors` and their shares (Istio's `validateHTTPRoute`).

use super::{Findings, rule};
use crate::finding::Code;
use crate::model::HttpRoute;
use crate::model::read::Path;
use crate::plan::mirror::MOST;
use crate::resolve::mirror::asked;
use crate::resolve::parts::Parts;

pub(super) fn check(rule: &HttpRoute, path: &Path<'_>, findings: &mut Findings<'_>) {
    let mirrors = Path::Key(path, "mirrors");
    if rule.mirror.is_some() && !rule.mirrors.is_empty() {
        findings.invalid(&mirrors, "a rule cannot have both `mirror` and `mirrors`", "keep one of them");
    }
    if let Some(destination) = &rule.mirror {
        rule::destination(destination, &Path::Key(path, "mirror"), findings);
    }
    for (index, mirror) in rule.mirrors.iter().enumerate() {
        let here = Path::Index(&mirrors, index);
        rule::destination(&mirror.destination, &Path::Key(&here, "destination"), findings);
    }
    if let Some(percent) = rule.mirror_percent {
        let here = Path::Key(path, "mirrorPercent");
        if percent > 100 {
            findings.invalid(&here, format!("expected a percentage of at most 100, found `{percent}`"), "");
        }
        let hint = match rule.mirror_percentage {
            Some(_) => "`mirrorPercentage` is what counts here; leave it out".to_owned(),
            None => format!("write `mirrorPercentage: {{value: {}}}`", percent.min(100)),
        };
        findings.doubtful(&here, "`mirrorPercent` is deprecated", hint);
    }
    let number = asked(Parts::of(rule, "")).count();
    if number > MOST {
        let message = format!("the rule has {number} mirrors, of which the first {MOST} get copies");
        findings.warn(Code::TooManyMirrors, &mirrors, message, "leave some out");
    }
}
