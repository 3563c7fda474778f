//! Path rewrites.

use super::matching::PathMatch;
use crate::decide::Request;
use crate::model::http_route::HttpRewrite;
use crate::re2::Substitution;

/// How the path changes on the way to the destination.
#[derive(Debug)]
pub enum Rewrite {
    /// In place of the matched prefix, or of the whole path. `/foo` to `/` turns `/foo/bar` into `//bar`, as in Istio.
    Uri(Box<[u8]>),
    /// Every match is replaced.
    Regex(Substitution),
}

impl Rewrite {
    /// Compiles; nothing when the path stays.
    pub fn compile(model: &HttpRewrite) -> Option<Rewrite> {
        if let Some(regex) = &model.uri_regex_rewrite {
            let substitution = Substitution::as_envoy(regex.r#match.0.pattern(), &regex.rewrite)?;
            substitution.prepare();
            return Some(Rewrite::Regex(substitution));
        }
        model.uri.as_deref().filter(|uri| !uri.is_empty()).map(|uri| Rewrite::Uri(uri.as_bytes().into()))
    }

    /// The new path, with the old query.
    #[inline]
    pub fn apply(&self, request: &Request<'_>, matched: PathMatch<'_>) -> Vec<u8> {
        let (old, path) = (request.path_and_query(), request.path());
        match self {
            Rewrite::Uri(new) => {
                let replaced = match matched {
                    PathMatch::Prefix(prefix) => prefix.len(),
                    PathMatch::Whole => path.len(),
                };
                [new.as_ref(), old.get(replaced..).unwrap_or_default()].concat()
            }
            Rewrite::Regex(substitution) => {
                [substitution.apply(path).as_ref(), old.get(path.len()..).unwrap_or_default()].concat()
            }
        }
    }
}
