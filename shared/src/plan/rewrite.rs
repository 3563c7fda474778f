//! Path rewrites.

use super::matching::PathMatch;
use crate::decide::Request;
use crate::model::http_route::HttpRewrite;
use crate::model::regex_rewrite::RegexRewrite;
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
        if let Some(RegexRewrite(substitution)) = &model.uri_regex_rewrite {
            substitution.prepare();
            return Some(Rewrite::Regex(substitution.clone()));
        }
        model.uri.as_deref().filter(|uri| !uri.is_empty()).map(|uri| Rewrite::Uri(uri.as_bytes().into()))
    }

    /// The new path, with the old query. Nothing where no path is left, which Envoy takes for no rewrite.
    #[inline]
    pub fn apply(&self, request: &Request<'_>, matched: PathMatch<'_>) -> Option<Vec<u8>> {
        let (old, path) = (request.path_and_query(), request.path());
        match self {
            Rewrite::Uri(new) => {
                let replaced = match matched {
                    PathMatch::Prefix(prefix) => prefix.len(),
                    PathMatch::Whole => path.len(),
                };
                Some([new.as_ref(), old.get(replaced..).unwrap_or_default()].concat())
            }
            Rewrite::Regex(substitution) => {
                let new = substitution.apply(path);
                (!new.is_empty()).then(|| [new.as_ref(), old.get(path.len()..).unwrap_or_default()].concat())
            }
        }
    }
}
