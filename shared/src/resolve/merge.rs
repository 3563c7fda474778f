//! Which match blocks a delegate's rule has, and whether it goes together with the rule that delegates at all (istiod's
//! `mergeHTTPMatchRequests` and `hasConflict`).

use super::parts::{Block, In};
use crate::Map;
use crate::model::StringMatch;
use crate::model::http_route::{HttpMatchRequest, HttpRoute};
use crate::names;

/// The blocks of both, each pair that goes together as one; nothing where one of the delegate's is left alone.
pub(super) fn blocks<'a>(root: In<'a, HttpRoute>, own: In<'a, HttpRoute>) -> Option<Vec<Block<'a>>> {
    let alone = |rule: In<'a, HttpRoute>| {
        let block = |it| Block::of(it, rule.namespace);
        Some(rule.it.r#match.iter().map(block).collect())
    };
    if root.it.r#match.is_empty() || own.it.r#match.is_empty() {
        return alone(if root.it.r#match.is_empty() { own } else { root });
    }
    let mut all = Vec::new();
    for it in &own.it.r#match {
        let (before, own) = (all.len(), In { it, namespace: own.namespace });
        let roots = root.it.r#match.iter().map(|it| In { it, namespace: root.namespace });
        all.extend(roots.filter(|root| !conflict(*root, own)).map(|root| Block { own, root: Some(root) }));
        if all.len() == before {
            return None;
        }
    }
    Some(all)
}

/// Whether no request is meant by both blocks, in Istio's eyes: a delegate's has to ask for what its root's asks for, or more.
fn conflict(In { it: root, namespace: above }: In<'_, HttpMatchRequest>, own: In<'_, HttpMatchRequest>) -> bool {
    let In { it: own, namespace } = own;
    let texts = [
        (&root.uri, &own.uri),
        (&root.scheme, &own.scheme),
        (&root.method, &own.method),
        (&root.authority, &own.authority),
    ];
    let namespace_of = |block: &'_ HttpMatchRequest| block.source_namespace.clone().unwrap_or_default();
    let full = |names: &[String], namespace: &str| -> Vec<String> {
        names.iter().map(|name| names::resolve_gateway(name, namespace)).collect()
    };
    let (roots, owns) = (full(&root.gateways, above), full(&own.gateways, namespace));
    texts.into_iter().any(|(root, own)| root.as_ref().zip(own.as_ref()).is_some_and(|(root, own)| differ(root, own)))
        || any(&root.headers, &own.headers, differ)
        || any(&root.without_headers, &own.without_headers, |root, own| differ(&root.0, &own.0))
        || any(&root.query_params, &own.query_params, differ)
        || root.ignore_uri_case != own.ignore_uri_case
        || root.on_port().zip(own.on_port()).is_some_and(|(root, own)| root != own)
        || (!namespace_of(root).is_empty() && namespace_of(root) != namespace_of(own))
        || any(&root.source_labels, &own.source_labels, |root, own| root != own)
        || (!roots.is_empty()
            && !owns.is_empty()
            && (roots.len() < owns.len() || owns.iter().any(|name| !roots.contains(name))))
}

/// Whether what both name differs for any name.
fn any<V>(root: &Map<V>, own: &Map<V>, differ: fn(&V, &V) -> bool) -> bool {
    own.iter().any(|(name, own)| root.get(name).is_some_and(|root| differ(root, own)))
}

/// Whether a value cannot be meant by both (istiod's `stringMatchConflict`): beside a regex there may be nothing, and what
/// the delegate's says must lie within what the root's says.
fn differ(root: &StringMatch, own: &StringMatch) -> bool {
    let empty =
        |it: &StringMatch| matches!(it, StringMatch::Exact(text) | StringMatch::Prefix(text) if text.is_empty());
    match (root, own) {
        // An empty text is as good as none that either could agree with.
        _ if empty(root) || empty(own) => true,
        (StringMatch::Exact(root), StringMatch::Exact(own)) => root != own,
        (StringMatch::Prefix(root), StringMatch::Exact(own) | StringMatch::Prefix(own)) => !own.starts_with(root),
        _ => true,
    }
}
