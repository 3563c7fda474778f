//! Redirects: where `location` points.

use std::borrow::Cow;

use super::matching::PathMatch;
use crate::decide::Request;
use crate::model::http_route::{DerivePort, HttpRedirect};
use crate::model::values::{Line, Port, PortOrNone};

/// The URL of the request itself, which Envoy puts into direct responses of 201 and 3xx.
pub fn same_location(request: &Request<'_>) -> Vec<u8> {
    let forwarded = request.header(b"x-forwarded-proto");
    let scheme: &[u8] = forwarded.as_deref().unwrap_or(request.scheme());
    [scheme, b"://", request.authority(), request.path_and_query()].concat()
}

/// Where a Gateway's `httpsRedirect` leads: the authority stays as it came, port and all (Envoy's `require_tls`).
pub fn https_location(request: &Request<'_>) -> Vec<u8> {
    [b"https://", request.authority(), request.path_and_query()].concat()
}

/// A compiled redirect.
#[derive(Debug)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u32,
    scheme: Option<Box<[u8]>>,
    authority: Option<Box<[u8]>>,
    /// With its colon.
    port: Option<Box<[u8]>>,
    path: NewPath,
}

#[derive(Debug)]
enum NewPath {
    Same,
    Whole(Box<[u8]>),
    Prefix(Box<[u8]>),
}

impl Redirect {
    /// Compiles one with this status. `listener_port` is what `FROM_REQUEST_PORT`
    /// means: istiod writes routes for one listener, so it is not the port that the client's `host` names. `tls` is
    /// whether clients come to it by https, in istiod's eyes.
    pub fn compile(status: u32, model: &HttpRedirect, listener_port: u16, tls: bool) -> Redirect {
        let bytes = |text: &Option<Line>| text.as_deref().filter(|text| !text.is_empty()).map(|t| t.as_bytes().into());
        let asked = match (model.port, model.derive_port) {
            (Some(PortOrNone(port)), _) => port.map(Port::get),
            (None, Some(DerivePort::FromRequestPort)) => Some(listener_port),
            (None, _) => None,
        };
        // istiod leaves out the ports that go without saying, by the redirect's scheme or else the listener's.
        let scheme = model.scheme.as_deref().filter(|scheme| !scheme.is_empty());
        let default = if scheme.map_or(tls, |scheme| scheme == "https") { 443 } else { 80 };
        let path = match (rooted(&model.prefix_rewrite), rooted(&model.uri)) {
            (Some(prefix), _) => NewPath::Prefix(prefix),
            (None, Some(uri)) => NewPath::Whole(uri),
            (None, None) => NewPath::Same,
        };
        Redirect {
            status,
            scheme: bytes(&model.scheme),
            authority: bytes(&model.authority),
            port: asked.filter(|port| *port != default).map(|port| format!(":{port}").into_bytes().into()),
            path,
        }
    }

    /// The value of `location` (Envoy's `newUri`).
    pub fn location(&self, request: &Request<'_>, matched: PathMatch<'_>) -> Vec<u8> {
        let forwarded = request.header(b"x-forwarded-proto");
        let came_by: &[u8] = forwarded.as_deref().unwrap_or(request.scheme());
        let scheme = self.scheme.as_deref().unwrap_or(came_by);
        let port = self.port.as_deref().unwrap_or_default();
        let authority = match &self.authority {
            Some(authority) => authority.as_ref(),
            None => host(request.authority(), scheme, came_by, !port.is_empty()),
        };
        [scheme, b"://", authority, port, &self.path(request, matched)].concat()
    }

    fn path<'a>(&'a self, request: &Request<'a>, matched: PathMatch<'_>) -> Cow<'a, [u8]> {
        let old = request.path_and_query();
        let query = old.get(request.path().len()..).unwrap_or_default();
        match &self.path {
            NewPath::Same => Cow::Borrowed(old),
            // A query in the new path replaces the old one.
            NewPath::Whole(new) if new.contains(&b'?') || query.is_empty() => Cow::Borrowed(new),
            NewPath::Whole(new) => Cow::Owned([new.as_ref(), query].concat()),
            NewPath::Prefix(new) => {
                let replaced = match matched {
                    PathMatch::Prefix(prefix) => prefix.len(),
                    PathMatch::Whole => request.path().len(),
                };
                Cow::Owned([new.as_ref(), old.get(replaced..).unwrap_or_default()].concat())
            }
        }
    }
}

/// A path behind an authority begins with a slash, which Envoy adds where there is none.
fn rooted(path: &Option<Line>) -> Option<Box<[u8]>> {
    let path = path.as_deref().filter(|path| !path.is_empty())?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    Some([slash, path].concat().into_bytes().into())
}

/// The authority without the port where another one is put in its place, or where the scheme changes and the port was
/// the old scheme's own.
fn host<'a>(authority: &'a [u8], scheme: &[u8], came_by: &[u8], other_port: bool) -> &'a [u8] {
    let bracket = authority.first() == Some(&b'[');
    let colon = authority.iter().rposition(|byte| *byte == b':');
    let colon =
        colon.filter(|at| !bracket || at.checked_sub(1).and_then(|before| authority.get(before)) == Some(&b']'));
    let Some((host, port)) = colon.and_then(|at| authority.split_at_checked(at)) else { return authority };
    let own = (came_by == b"https" && port == b":443") || (came_by == b"http" && port == b":80");
    if other_port || (scheme != came_by && own) { host } else { authority }
}
