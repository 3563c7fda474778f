//! `directResponse` (Istio's `validateHTTPDirectResponse`).

use super::Findings;
use crate::model::http_route::{Base64, HttpDirectResponse};
use crate::model::read::Path;

const LARGE: usize = 100 << 10;
const TOO_LARGE: usize = 1 << 20;

pub(super) fn check(response: &HttpDirectResponse, path: &Path<'_>, findings: &mut Findings<'_>) {
    // Istio's message says 599 and its code takes 600, which is no status that Envoy could send.
    if !(200..=599).contains(&response.status) {
        let message = format!("expected a status from 200 to 599, found `{}`", response.status);
        findings.invalid(&Path::Key(path, "status"), message, "");
    }
    let Some(body) = &response.body else { return };
    let path = Path::Key(path, "body");
    if body.string.is_some() && body.bytes.is_some() {
        findings.invalid(&path, "a body cannot have both `string` and `bytes`", "keep one of them");
    }
    let string = body.string.as_ref().map_or(0, String::len);
    let size = string.max(body.bytes.as_ref().map_or(0, |Base64(bytes)| bytes.len()));
    if size > TOO_LARGE {
        findings.invalid(&path, format!("expected a body of at most 1 MiB, found {size} bytes"), "");
    } else if size > LARGE {
        let message = format!("a body of {size} bytes is kept in the configuration of every proxy");
        findings.doubtful(&path, message, "serve it from a service");
    }
}
