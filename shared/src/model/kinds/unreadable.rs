//! Documents that are not read, and why.

use super::{KINDS, restriction};
use crate::finding::{About, Code, Finding, Origin, Severity};
use crate::load::{Mark, Node, Value};
use crate::model::read::nearest;

/// What to do with files that belong to a tool, and stand among resources.
fn tools(file: &str) -> Option<&'static str> {
    match file.rsplit('/').next()? {
        _ if !cfg!(feature = "yaml") => None,
        "Chart.yaml" | "values.yaml" => {
            Some("it is a Helm chart's; check what that comes to: `helm template . | sailcloth check -`")
        }
        "kustomization.yaml" | "kustomization.yml" => {
            Some("check what it comes to: `kustomize build . | sailcloth check -`")
        }
        _ => None,
    }
}

/// Why a document is not one of ours.
pub(super) struct Unreadable {
    severity: Severity,
    origin: Origin,
    code: Code,
    path: &'static str,
    message: String,
    hint: String,
    /// It is other people's, and has nothing to do with traffic. Nobody hands such to a module.
    #[cfg_attr(not(feature = "yaml"), expect(dead_code, reason = "modules say it of each"))]
    pub(super) is_foreign: bool,
}

impl Unreadable {
    pub(super) fn finding(self, about: &About, node: &Node) -> Finding {
        let About { kind, namespace, name, file } = about.clone();
        let Mark { line, column } = node.mark_of(self.path);
        let Unreadable { severity, origin, code, path, message, mut hint, .. } = self;
        if let Some(instead) = file.as_deref().filter(|_| code == Code::NotAResource).and_then(tools) {
            hint = instead.into();
        }
        let path = path.into();
        Finding { severity, origin, code, kind, namespace, name, path, file, line, column, message, hint }
    }
}

pub(super) fn unreadable(kind: &str, version: &str, node: &Node) -> Option<Unreadable> {
    let (severity, origin, code) = (Severity::Error, Origin::Validation, Code::NotAResource);
    if !matches!(node.value, Value::Map(_)) || (kind.is_empty() && version.is_empty()) {
        let message = "this is not a Kubernetes resource".into();
        let hint = "a resource is a mapping with `apiVersion`, `kind`, `metadata` and `spec`".into();
        return Some(Unreadable { severity, origin, code, path: "", message, hint, is_foreign: false });
    }
    if kind.is_empty() || version.is_empty() {
        let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
        let message = format!("`{missing}` is missing");
        return Some(Unreadable { severity, origin, code, path: "", message, hint: String::new(), is_foreign: false });
    }
    let known = || KINDS.iter().chain(restriction::KINDS);
    let Some((_, versions)) = known().find(|(name, _)| *name == kind) else {
        let near = nearest(kind, known().map(|(name, _)| (*name).to_owned()));
        let is_foreign = cfg!(feature = "yaml") && near.is_none() && !is_istios(version);
        let hint = near.map(|name| format!("did you mean `{name}`?")).unwrap_or_default();
        return Some(Unreadable { hint, is_foreign, ..unread(kind) });
    };
    if !versions.contains(&version) {
        let message = format!("Sailcloth does not read `{kind}` of `{version}`; this resource has no effect");
        let hint = format!("it reads {}", versions.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", "));
        let is_foreign = cfg!(feature = "yaml")
            && !is_istios(version)
            && versions.iter().all(|known| group(known) != group(version));
        return Some(Unreadable { path: "apiVersion", message, hint, is_foreign, ..unread(kind) });
    }
    None
}

pub(super) fn unread(kind: &str) -> Unreadable {
    Unreadable {
        severity: Severity::Warning,
        origin: Origin::Sailcloth,
        code: Code::UnknownKind,
        path: "kind",
        message: format!("Sailcloth does not read `{kind}`; this resource has no effect"),
        hint: String::new(),
        is_foreign: false,
    }
}

fn group(version: &str) -> &str {
    version.split_once('/').map_or("", |(group, _)| group)
}

/// Whether Istio acts on kinds of this group: its own, and those of the Gateway API.
fn is_istios(version: &str) -> bool {
    group(version).ends_with("istio.io") || group(version) == "gateway.networking.k8s.io"
}
