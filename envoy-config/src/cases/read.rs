//! Reads case files. All that is wrong is said at once, each with its place.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use shared::load::{self, Entry, Mark, Node, Value};
use shared::model::read::visible;

use super::answer::parts;
use super::form::{Case, Expect, Head, RequestFields, ResourceSource, Scene, beyond_latin1};
use super::located::{Located, Problem};
use super::shares;

/// A case file.
#[derive(Clone, Debug)]
pub struct CaseFile {
    /// As it was named.
    pub name: String,
    /// Its documents.
    pub scenes: Vec<Scene>,
}

/// What is wrong with a case file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError {
    /// The file, as it was named.
    pub file: String,
    /// The line from 1, or 0 where it is the file as a whole.
    pub line: u32,
    /// The column from 1.
    pub column: u32,
    /// What was found and what was expected.
    pub message: String,
    /// What to write instead; may be empty.
    pub hint: String,
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, " ({})", self.hint) }
    }
}

impl std::error::Error for CaseError {}

/// Reads the text of a case file.
///
/// # Errors
/// Everything that is wrong with it, by place: what is no YAML, no case, or a case that nothing could come of.
pub fn read(name: &str, text: &str) -> Result<CaseFile, Vec<CaseError>> {
    let (documents, errors) = load::yaml(text);
    let mut problems: Vec<Problem> =
        errors.into_iter().map(|error| Problem::new(error.mark, error.message, error.hint)).collect();
    let scenes: Vec<Scene> = documents.into_iter().filter_map(|node| scene(node, &mut problems)).collect();
    scenes.iter().for_each(|scene| twice(scene, &mut problems));
    if problems.is_empty() && scenes.iter().all(|scene| scene.cases.is_empty()) {
        let hint = "write `cases: [{name: ..., request: {url: ...}, expect: {cluster: ...}}]`";
        problems.push(Problem::new(Mark::default(), "there are no cases here", hint));
    }
    if problems.is_empty() {
        return Ok(CaseFile { name: name.to_owned(), scenes });
    }
    problems.sort_by_key(|problem| problem.mark);
    let error = |Problem { mark: Mark { line, column }, message, hint }| CaseError {
        file: name.to_owned(),
        line,
        column,
        message,
        hint,
    };
    Err(problems.into_iter().map(error).collect())
}

fn scene(mut node: Node, problems: &mut Vec<Problem>) -> Option<Scene> {
    let mark = node.mark;
    if node.text("kind").is_some() && node.text("apiVersion").is_some() {
        let hint = "name resources before `--cases`, or in a case file's `resources`";
        problems.push(Problem::new(mark, "this is a resource, and no case file", hint));
        return None;
    }
    let head = match Head::deserialize(Located(&node)) {
        Ok(head) => Some(head),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    if !matches!(node.value, Value::Map(_)) {
        return None;
    }
    let resources = take(&mut node, "resources").map(|node| resources(node, problems)).unwrap_or_default();
    let cases = match take(&mut node, "cases") {
        Some(cases) => self::cases(cases, problems),
        None => {
            problems.push(Problem::new(mark, "`cases` is missing", ""));
            Vec::new()
        }
    };
    let Head { proxy, workers, alone_to, unvalidated, engines, outlier_detection, .. } = head?;
    Some(Scene { resources, proxy, workers, alone_to, unvalidated, engines, outlier_detection, cases, mark })
}

/// Takes the value of a key out; nothing where it is null.
fn take(node: &mut Node, key: &str) -> Option<Node> {
    let Value::Map(entries) = &mut node.value else { return None };
    let Entry { value, .. } = entries.iter_mut().find(|entry| entry.key == key)?;
    let taken = std::mem::replace(value, Node::unplaced(Value::Null));
    (taken.value != Value::Null).then_some(taken)
}

fn items(node: Node, problems: &mut Vec<Problem>) -> Vec<Node> {
    match node.value {
        Value::List(items) => items,
        _ => {
            problems.push(Problem::new(node.mark, "expected a list", "begin each item with `- `"));
            Vec::new()
        }
    }
}

fn resources(node: Node, problems: &mut Vec<Problem>) -> Vec<ResourceSource> {
    let mut all = Vec::new();
    for item in items(node, problems) {
        match item.value {
            Value::Text(path) => all.push(ResourceSource::Path(path, item.mark)),
            Value::Map(_) => all.push(ResourceSource::Inline(item)),
            _ => problems.push(Problem::new(item.mark, "expected the path of a file or folder, or a resource", "")),
        }
    }
    all
}

fn cases(node: Node, problems: &mut Vec<Problem>) -> Vec<Case> {
    let mut all = Vec::new();
    for item in items(node, problems) {
        match Case::deserialize(Located(&item)) {
            Err(problem) => problems.push(problem),
            Ok(case) => {
                let at = |path: &str| Some(item.mark_of(path)).filter(|mark| mark.line > 0).unwrap_or(item.mark);
                check(&case, &at, problems);
                all.push(Case { mark: item.mark, ..case });
            }
        }
    }
    all
}

/// What the types cannot say.
fn check(case: &Case, at: &dyn Fn(&str) -> Mark, problems: &mut Vec<Problem>) {
    let mut wrong = |path: &str, message: String, hint: &str| problems.push(Problem::new(at(path), message, hint));
    if case.name.trim().is_empty() {
        wrong("name", "the name is empty".to_owned(), "say in words what the case shows");
    }
    for (index, request) in case.before.iter().enumerate() {
        check_request(request, &format!("before[{index}]"), &mut wrong);
    }
    check_request(&case.request, "request", &mut wrong);
    check_expect(&case.request, &case.expect, &mut wrong);
}

fn check_request(request: &RequestFields, path: &str, wrong: &mut dyn FnMut(&str, String, &str)) {
    match (&request.url, &request.raw) {
        (None, None) => wrong(path, "the `url` is missing".to_owned(), "write `url: http://shop.example/path`"),
        (Some(_), Some(_)) => wrong(path, "a request has either `url` or `raw`".to_owned(), ""),
        (Some(url), None) => {
            if let Err(why) = parts(url) {
                wrong(&format!("{path}.url"), format!("`{}` is no URL", visible(url)), why);
            }
        }
        (None, Some(raw)) => {
            if let Some(c) = beyond_latin1(raw) {
                wrong(&format!("{path}.raw"), format!("`{c}` is not a byte in Latin-1"), "");
            }
        }
    }
    if let Some(method) = request.method.as_ref().filter(|method| !is_token(method)) {
        let message = format!("`{}` is no method", visible(method));
        wrong(&format!("{path}.method"), message, "a method is a word, such as `POST`");
    }
    if request.repeat == 0 || request.at_once == Some(0) {
        wrong(path, "a request that is asked 0 times".to_owned(), "");
    }
    for (index, (name, value)) in request.headers.iter().enumerate() {
        let at = format!("{path}.headers[{index}]");
        // `:path` and its like have keys of their own.
        if !is_token(name) {
            wrong(&at, format!("`{}` is no header's name", visible(name)), "");
        }
        if let Some(c) = value.beyond_latin1() {
            wrong(&at, format!("`{c}` is not a byte in Latin-1"), "write text as a string, without `latin1`");
        }
        if value.is_too_long() {
            wrong(&at, "more than a MiB in one header".to_owned(), "Envoy takes 60 KiB in all of them");
        }
    }
}

/// RFC 9110's `token`.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn check_expect(request: &RequestFields, expect: &Expect, wrong: &mut dyn FnMut(&str, String, &str)) {
    let mut wrong = |key: &str, message: &str, hint: &str| {
        let path = if key.is_empty() { "expect".to_owned() } else { format!("expect.{key}") };
        wrong(&path, message.to_owned(), hint);
    };
    let crowd = request.at_once.is_some();
    let says = crowd || expect.routed() || expect.status.is_some() || !expect.status_shares.is_empty();
    if !says {
        let hint = "say the `cluster` that gets it, or the `status` of a request that nobody gets";
        wrong("", "neither `status` nor `cluster` nor `shares`: what must come of it?", hint);
    }
    match (crowd, expect.statuses.is_empty()) {
        (true, true) => wrong("", "`statuses` is missing, of those who ask `at_once`", ""),
        (false, false) => {
            wrong("statuses", "`statuses` are of those who ask `at_once`", "of shares write `status_shares`")
        }
        _ => {}
    }
    if expect.cluster.is_some() && !expect.shares.is_empty() {
        wrong("cluster", "`cluster` beside `shares`", "`cluster` is for what goes to one alone");
    }
    if expect.status.is_some() && !expect.status_shares.is_empty() {
        wrong("status", "`status` beside `status_shares`", "`status` is for what all get");
    }
    let copied = !expect.mirrors.is_empty() || !expect.mirror_shares.is_empty();
    if copied && !expect.routed() {
        wrong("", "mirrors of a request that goes nowhere", "say its `cluster`, or leave them out");
    }
    if expect.mirrors.iter().any(|mirror| expect.mirror_shares.contains_key(mirror)) {
        wrong("mirrors", "a cluster stands both in `mirrors` and in `mirror_shares`", "");
    }
    for (key, sum) in [
        ("shares", shares::wrong_sum(expect.shares.values()).filter(|_| !expect.shares.is_empty())),
        (
            "status_shares",
            shares::wrong_sum(expect.status_shares.values()).filter(|_| !expect.status_shares.is_empty()),
        ),
    ] {
        if let Some(sum) = sum {
            wrong(key, &sum, "all of the requests are 1, so that half of them are 0.5");
        }
    }
    if let Some(share) = expect.mirror_shares.values().find(|share| !(0.0..=1.0).contains(*share)) {
        wrong("mirror_shares", &format!("a share is a number from 0 to 1, found `{share}`"), "");
    }
}

/// Two cases of one name, of which nobody would know which one failed; in documents of their own they may be the same
/// question to two proxies.
fn twice(scene: &Scene, problems: &mut Vec<Problem>) {
    let mut seen: BTreeMap<&str, Mark> = BTreeMap::new();
    for case in &scene.cases {
        if let Some(first) = seen.insert(&case.name, case.mark) {
            let message = format!("the case on line {} is called `{}` as well", first.line, visible(&case.name));
            problems.push(Problem::new(case.mark, message, "give one of them another name"));
        }
    }
}

#[cfg(test)]
mod tests;
