//! A case of what was explained, so that it stays so: a request, and what comes of it by now, as `sailcloth test` and the
//! corpus read it.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;
use serde_yaml::Value;

use super::answer::{Action, Explanation, Header};
use super::request::Asked;
use crate::yaml::text;

/// So often a case is asked where chance decides: an engine that draws needs as many to tell shares apart.
const REPEAT: u32 = 1000;

/// A longer line is broken.
const WIDE: usize = 100;

/// A document of a case file with one case.
#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<ProxyFields>,
    cases: Vec<Case>,
}

#[derive(Clone, Debug, Serialize)]
struct ProxyFields {
    namespace: String,
    gateways: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Clone, Debug, Serialize)]
struct Case {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    request: Request,
    expect: Expect,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat: Option<u32>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Expect {
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    status_shares: BTreeMap<u32, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    shares: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    upstream_headers: Headers,
    #[serde(skip_serializing_if = "Headers::is_empty")]
    response_headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mirrors: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mirror_shares: BTreeMap<String, f64>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Headers {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    present: Vec<Header>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    absent: Vec<String>,
}

impl Headers {
    fn is_empty(&self) -> bool {
        self.present.is_empty() && self.absent.is_empty()
    }
}

impl Scene {
    /// Of what was explained. `resources` are files and folders; where `by_url` the URL says again which proxy is asked.
    pub fn of(explanation: &Explanation, asked: &Asked, resources: &[PathBuf], by_url: bool, file: &Path) -> Scene {
        let folder = file.parent().unwrap_or(Path::new(""));
        let proxy = &explanation.proxy;
        let proxy = ProxyFields {
            namespace: proxy.namespace.clone(),
            gateways: proxy.gateways.clone(),
            labels: proxy.labels.clone(),
            port: proxy.port,
        };
        Scene {
            resources: resources.iter().map(|path| relative(folder, path).display().to_string()).collect(),
            proxy: (!by_url).then_some(proxy),
            cases: vec![Case::of(explanation, asked)],
        }
    }

    /// Appends the case to a file: to the file's last document where that has the same resources and the same proxy, else
    /// as a document of its own.
    ///
    /// # Errors
    /// When the file is no text or no YAML, or cannot be written.
    pub fn append(&self, file: &Path) -> Result<(), String> {
        let wrong = |why: String| format!("`--write-case {}`: {why}", file.display());
        let before = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(wrong(format!("it cannot be read: {error}"))),
        };
        let documents = documents(&before).map_err(|error| wrong(format!("it is no case file: {error}")))?;
        fs::write(file, self.behind(&before, &documents))
            .map_err(|error| wrong(format!("it cannot be written: {error}")))
    }

    /// As people write it.
    fn text(&self) -> String {
        let head = fields(self).into_iter().filter(|(name, _)| name != "cases");
        let head: String = head.map(|(name, value)| format!("{name}: {}\n", flow(&value))).collect();
        let cases: String = self.cases.iter().map(Case::text).collect();
        format!("{head}cases:\n{cases}")
    }

    /// A file's text with the case behind it.
    fn behind(&self, before: &str, documents: &[Value]) -> String {
        let whole = self.text();
        let line = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        let Some(last) = documents.last() else { return format!("{before}{line}{whole}") };
        if self.is_scene_of(last)
            && let Some(indent) = indent_of_cases(before)
        {
            let rows = self.cases.iter().map(Case::text).collect::<String>();
            let row: String = rows.lines().map(|text| format!("{:indent$}{text}\n", "")).collect();
            let grown = format!("{before}{line}{row}");
            let count = |document: Option<&Value>| document?.get("cases")?.as_sequence().map(Vec::len);
            let now = self::documents(&grown).ok();
            if now.as_deref().is_some_and(|now| {
                now.len() == documents.len() && count(now.last()) == count(Some(last)).map(|cases| cases + 1)
            }) {
                return grown;
            }
        }
        format!("{before}{line}---\n{whole}")
    }

    /// Whether a document has the same resources and the same proxy, and nothing that would be said of the case as well.
    fn is_scene_of(&self, document: &Value) -> bool {
        let Ok(own) = serde_yaml::to_value(self) else { return false };
        let Some(fields) = document.as_mapping() else { return false };
        let known = |key: &Value| ["resources", "proxy", "cases"].iter().any(|known| key.as_str() == Some(known));
        fields.keys().all(known) && ["resources", "proxy"].iter().all(|key| own.get(key) == document.get(key))
    }
}

/// The fields of a message, in its order.
fn fields(message: &impl Serialize) -> Vec<(String, Value)> {
    // Nothing in a case is beyond YAML.
    let Ok(Value::Mapping(fields)) = serde_yaml::to_value(message) else { return Vec::new() };
    fields.into_iter().map(|(key, value)| (flow(&key), value)).collect()
}

/// A value on one line.
fn flow(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::String(it) => {
            let mut out = String::new();
            // Into a string nothing can fail.
            let _ = text(&mut out, it);
            out
        }
        Value::Sequence(items) => format!("[{}]", joined(items.iter().map(flow).collect())),
        Value::Mapping(fields) => {
            let field = |(key, value): (&Value, &Value)| format!("{}: {}", flow(key), flow(value));
            format!("{{{}}}", joined(fields.iter().map(field).collect()))
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(it) => it.to_string(),
        Value::Null | Value::Tagged(_) => "null".to_owned(),
    }
}

fn documents(text: &str) -> Result<Vec<Value>, serde_yaml::Error> {
    use serde::Deserialize;
    let all = serde_yaml::Deserializer::from_str(text).map(Value::deserialize);
    all.filter(|document| !matches!(document, Ok(Value::Null))).collect()
}

/// How far the last case of a file is indented.
fn indent_of_cases(text: &str) -> Option<usize> {
    let begins = |line: &&str| line.trim_start().starts_with("- name:");
    text.lines().rev().find(begins).map(|line| line.len() - line.trim_start().len())
}

impl Case {
    /// A line for each part, where it is not too long for one.
    fn text(&self) -> String {
        let mut out = String::new();
        for (name, value) in fields(self) {
            let (before, line) = (if out.is_empty() { "- " } else { "  " }, flow(&value));
            match &value {
                Value::Mapping(_) if line.len() > WIDE => {
                    out.push_str(&format!("{before}{name}:\n"));
                    let parts = fields(&value).into_iter();
                    parts.for_each(|(name, value)| out.push_str(&format!("    {name}: {}\n", flow(&value))));
                }
                _ => out.push_str(&format!("{before}{name}: {line}\n")),
            }
        }
        out
    }

    fn of(it: &Explanation, asked: &Asked) -> Case {
        let rule = it.rule.as_ref().zip(it.virtual_service.as_ref());
        let why = rule.map(|(rule, service)| {
            let name = rule.name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default();
            format!("VirtualService {service} spec.http[{}]{name}", rule.index)
        });
        let shown = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let expect = Expect::of(it);
        let chance = !(expect.shares.is_empty() && expect.status_shares.is_empty() && expect.mirror_shares.is_empty());
        let request = Request {
            method: Some(asked.method.clone()).filter(|method| method != "GET"),
            url: asked.url(),
            headers: asked.headers.iter().map(|(name, value)| (name.clone(), shown(value))).collect(),
            source: asked.source.map(|source| source.to_string()),
            repeat: chance.then_some(REPEAT),
        };
        Case { name: format!("{} {}", asked.method, asked.url()), why, request, expect }
    }
}

impl Expect {
    fn of(it: &Explanation) -> Expect {
        let mut expect = Expect::default();
        let abort = it.fault.as_ref().and_then(|fault| fault.abort);
        match abort {
            Some(abort) if abort.ppm >= 1_000_000 => {
                return Expect { status: Some(abort.http.unwrap_or(200)), ..expect };
            }
            Some(abort) => {
                let share = f64::from(abort.ppm) / 1e6;
                for (status, share) in [(abort.http.unwrap_or(200), share), (it.status.unwrap_or(200), 1.0 - share)] {
                    *expect.status_shares.entry(status).or_default() += share;
                }
            }
            None => expect.status = it.status,
        }
        expect.response_headers = answered(it, abort.is_some());
        if !matches!(it.action, Action::Route | Action::Passthrough) {
            (expect.location, expect.body) = (it.location.clone(), it.body.clone());
            return expect;
        }
        match it.destinations.as_slice() {
            [only] => expect.cluster = Some(only.cluster.clone()),
            all => {
                for to in all {
                    *expect.shares.entry(to.cluster.clone()).or_default() += to.share;
                }
            }
        }
        let common = |part: fn(&super::answer::Request) -> &String| {
            let (first, others) = it.destinations.split_first()?;
            let value = part(&first.request);
            others.iter().all(|other| part(&other.request) == value).then(|| value.clone())
        };
        (expect.path, expect.authority) = (common(|it| &it.path), common(|it| &it.authority));
        expect.upstream_headers = sent(it);
        for mirror in &it.mirrors {
            match mirror.ppm {
                1_000_000.. => expect.mirrors.push(mirror.cluster.clone()),
                ppm => _ = expect.mirror_shares.insert(mirror.cluster.clone(), f64::from(ppm) / 1e6),
            }
        }
        expect
    }
}

/// What stays open without a proxy.
fn is_open(value: &str) -> bool {
    value.contains('%')
}

/// The headers that were changed on the way, as far as all destinations get the same.
fn sent(it: &Explanation) -> Headers {
    let Some((first, others)) = it.destinations.split_first() else { return Headers::default() };
    let values = |request: &super::answer::Request, name: &str| -> Vec<String> {
        let of = request.headers.iter().filter(|(known, _)| known == name);
        of.map(|(_, value)| value.clone()).collect()
    };
    let mut headers = Headers::default();
    for name in it.destinations.iter().flat_map(|to| &to.changed) {
        let here = values(&first.request, name);
        let alike = others.iter().all(|other| values(&other.request, name) == here);
        let known = headers.present.iter().any(|(known, _)| known == name) || headers.absent.contains(name);
        if known || !alike || here.iter().any(|value| is_open(value)) {
            continue;
        }
        match here.is_empty() {
            true => headers.absent.push(name.clone()),
            false => headers.present.extend(here.into_iter().map(|value| (name.clone(), value))),
        }
    }
    headers
}

/// What the rule sets in the answer, whoever gives it. Envoy's CORS filter has no part in that of a fault.
fn answered(it: &Explanation, aborted: bool) -> Headers {
    let of_destinations = || it.destinations.iter().map(|to| &to.response_headers);
    let others = |name: &str| of_destinations().any(|ops| ops.set.iter().chain(&ops.add).any(|(it, _)| it == name));
    let added = |name: &str| it.response_headers.add.iter().any(|(known, _)| known == name);
    let of_cors = |name: &str| aborted && it.cors.is_some() && name.starts_with("access-control-");
    let is_left_out = |(name, value): &&Header| is_open(value) || added(name) || others(name) || of_cors(name);
    Headers {
        present: it.response_headers.set.iter().filter(|it| !is_left_out(it)).cloned().collect(),
        absent: Vec::new(),
    }
}

/// A path as it is seen from a folder.
fn relative(folder: &Path, path: &Path) -> PathBuf {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    // Nothing is the folder in which the command runs.
    let (folder, path) =
        (absolute(if folder.as_os_str().is_empty() { Path::new(".") } else { folder }), absolute(path));
    let parts = |path: &Path| -> Vec<PathBuf> {
        let named = path.components().filter(|part| *part != Component::CurDir);
        named.map(|part| PathBuf::from(part.as_os_str())).collect()
    };
    let (from, to) = (parts(&folder), parts(&path));
    let shared = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(PathBuf::from(".."), from.len() - shared);
    let found: PathBuf = up.chain(to.into_iter().skip(shared)).collect();
    if found.as_os_str().is_empty() { PathBuf::from(".") } else { found }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever reads a case must find all of it, whatever stands in it.
    #[test]
    fn what_is_written_is_what_is_read() {
        let strange = "a: b, [c] {d} # 'e' \"f\" é\u{7f}";
        let request =
            Request { url: strange.into(), headers: vec![(strange.into(), "1".into())], ..Request::default() };
        let shares = BTreeMap::from([(strange.to_owned(), 0.25), ("y".to_owned(), 0.75)]);
        let expect = Expect { shares, body: Some("no".into()), ..Expect::default() };
        let case = Case { name: strange.into(), why: Some("- x".into()), request, expect };
        let scene = Scene { resources: vec![strange.into(), ".".into()], proxy: None, cases: vec![case.clone(), case] };
        let read: Value = serde_yaml::from_str(&scene.text()).unwrap();
        assert_eq!(read, serde_yaml::to_value(&scene).unwrap(), "{}", scene.text());
    }

    #[test]
    fn paths_are_seen_from_the_case_file() {
        for (folder, path, expected) in [
            ("", "mesh", "mesh"),
            ("cases", "mesh/a.yaml", "../mesh/a.yaml"),
            ("mesh", "mesh", "."),
            ("a/b", "a/c", "../c"),
            ("/x/y", "/x/z", "../z"),
        ] {
            assert_eq!(relative(Path::new(folder), Path::new(path)), Path::new(expected), "{folder} {path}");
        }
    }
}
