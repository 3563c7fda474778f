//! Why a block does not match.

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::finding::{About, Report};
use crate::load;
use crate::model::http_route::HttpMatchRequest;
use crate::model::read::{Path, Place, Read, Reader};
use crate::resolve::parts::{Blocks, In};

/// A match block as people write it.
fn block(json: &str) -> Match {
    let node = load::json(json.as_bytes()).unwrap();
    let (about, mut report) = (About::default(), Report::new());
    let read = HttpMatchRequest::read(Place { node: &node, path: &Path::Root }, &mut Reader::new(&about, &mut report));
    Match::compile(Block::of(&read.unwrap(), ""))
}

/// Every kind of condition says which part failed, with what was asked for and what there was; and says nothing exactly
/// where the block holds.
#[test]
fn every_condition_says_what_failed_with_both_values() {
    for (json, path, headers, expected) in [
        (r#"{"uri": {"exact": "/"}}"#, "/x", &[][..], "uri exact `/` does not match `/x`"),
        (r#"{"uri": {"exact": "/x"}}"#, "/x?a", &[], ""),
        (r#"{"uri": {"prefix": "/api/"}}"#, "/api", &[], "uri prefix `/api/` does not match `/api`"),
        (
            r#"{"uri": {"exact": "/Api"}}"#,
            "/api",
            &[],
            "uri exact `/Api` does not match `/api`; `ignoreUriCase: true` would take it",
        ),
        (r#"{"uri": {"exact": "/Api"}, "ignoreUriCase": true}"#, "/api", &[], ""),
        (
            r#"{"uri": {"prefix": "/Api"}, "ignoreUriCase": true}"#,
            "/b",
            &[],
            "uri prefix `/Api` (ignoreUriCase) does not match `/b`",
        ),
        (
            r#"{"uri": {"regex": "/x[0-9]"}}"#,
            "/x12",
            &[],
            "uri regex `/x[0-9]` does not match `/x12`, but a part of it: a regex has to match the whole value",
        ),
        (r#"{"uri": {"regex": "/x[0-9]"}}"#, "/y", &[], "uri regex `/x[0-9]` does not match `/y`"),
        (r#"{}"#, "*", &[], "uri prefix `/` does not match `*`"),
        (r#"{"method": {"exact": "PUT"}}"#, "/", &[], "method exact `PUT` does not match `GET`"),
        (
            r#"{"method": {"exact": "get"}}"#,
            "/",
            &[],
            "method exact `get` does not match `GET`, which differs in capitals alone",
        ),
        (r#"{"scheme": {"exact": "https"}}"#, "/", &[], "scheme exact `https` does not match `http`"),
        (
            r#"{"authority": {"exact": "a.example"}}"#,
            "/",
            &[],
            "authority exact `a.example` does not match `a.example:80`",
        ),
        (
            r#"{"headers": {"X-User": {"exact": "elena"}}}"#,
            "/",
            &[],
            "headers `x-user` exact `elena` asks for a header that the request does not have",
        ),
        (
            r#"{"headers": {"x-user": {"prefix": "e"}}}"#,
            "/",
            &[("x-user", "maria")],
            "headers `x-user` prefix `e` does not match `maria`",
        ),
        (
            r#"{"headers": {"x-user": {"prefix": "e"}}}"#,
            "/",
            &[("x-user", "maria"), ("x-user", "nina")],
            "headers `x-user` prefix `e` matches none of `maria`, `nina`",
        ),
        (r#"{"headers": {"x-user": {"prefix": "e"}}}"#, "/", &[("x-user", "maria"), ("x-user", "elena")], ""),
        (
            r#"{"withoutHeaders": {"x-user": {}}}"#,
            "/",
            &[("x-user", "elena")],
            "withoutHeaders `x-user` present matches `elena`, and must not",
        ),
        (r#"{"withoutHeaders": {"x-user": {}}}"#, "/", &[], ""),
        (
            r#"{"withoutHeaders": {"x-user": {"regex": ".*"}}}"#,
            "/",
            &[],
            "withoutHeaders `x-user` regex `.*` matches the empty value that a missing header counts as",
        ),
        (
            r#"{"withoutHeaders": {"x-user": {"exact": "b"}}}"#,
            "/",
            &[("x-user", "a"), ("x-user", "b")],
            "withoutHeaders `x-user` exact `b` matches `b`, and must not",
        ),
        (r#"{"queryParams": {"q": {"exact": "1"}}}"#, "/?q=2&q=1", &[], "queryParams `q` exact `1` does not match `2`"),
        (
            r#"{"queryParams": {"q": {"exact": "1"}}}"#,
            "/?a=1&b",
            &[],
            "queryParams `q` exact `1` asks for a parameter that the URL does not have: it has `a`, `b`",
        ),
        (
            r#"{"uri": {"prefix": "/"}, "method": {"exact": "GET"}, "headers": {"a": {}}, "queryParams": {"q": {}}}"#,
            "/",
            &[("a", "1")],
            "queryParams `q` present asks for a parameter that the URL does not have: it has none",
        ),
    ] {
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example:80"), (":path", path)];
        let pairs: Vec<(&[u8], &[u8])> =
            pseudo.iter().chain(headers).map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        let (block, request) = (block(json), Request::new(&pairs));
        assert_eq!(block.because(&request).unwrap_or_default(), expected, "{json} {path}");
        assert_eq!(block.holds(&request), expected.is_empty(), "{json} {path}");
    }
}
