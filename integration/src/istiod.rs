//! Istio's own control plane (`integration/istiod`), asked what it would send to a proxy.
//!
//! One process answers for all tests of a program, some 0.1 s each.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::child::{dying_with_us, spawn_piped};
use crate::paths;

/// Who asks.
#[derive(Clone, Debug, Serialize)]
pub struct Asker {
    /// `router` for a gateway, or `sidecar`.
    pub r#type: &'static str,
    /// `NAME.NAMESPACE`.
    pub id: String,
    /// Its namespace.
    pub namespace: String,
    /// Its labels, by which Gateways and Sidecars select it.
    pub labels: serde_json::Map<String, Value>,
    /// Route configurations that it asks for beside those that its listeners name.
    pub routes: Vec<String>,
}

/// What a proxy is sent, as JSON of Envoy's messages (names in lowerCamelCase).
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Sent {
    /// `envoy.config.listener.v3.Listener`.
    #[serde(default)]
    pub lds: Vec<Value>,
    /// `envoy.config.route.v3.RouteConfiguration`.
    #[serde(default)]
    pub rds: Vec<Value>,
    /// `envoy.config.cluster.v3.Cluster`.
    #[serde(default)]
    pub cds: Vec<Value>,
    /// `envoy.config.endpoint.v3.ClusterLoadAssignment`.
    #[serde(default)]
    pub eds: Vec<Value>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    messages: Sent,
}

/// Whether Istio's validation takes all these resources.
pub fn accepts(documents: &[Value]) -> bool {
    let asker = Asker {
        r#type: "sidecar",
        id: "app.default".to_owned(),
        namespace: "default".to_owned(),
        labels: serde_json::Map::new(),
        routes: Vec::new(),
    };
    ask(documents, &asker).is_ok()
}

struct Process {
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// Where the program is: what `scripts/istiod.sh` has built before. Nothing where it has not; whoever must have it sets
/// `SAILCLOTH_ISTIOD=required`, and this panics.
pub fn program() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let script = paths::root().join("scripts/istiod.sh");
        let output = Command::new(&script).arg("--cached").stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", script.display()));
        let path = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| PathBuf::from(path.trim_end()))
    });
    let required = std::env::var("SAILCLOTH_ISTIOD").is_ok_and(|value| value == "required");
    assert!(found.is_some() || !required, "SAILCLOTH_ISTIOD=required, and scripts/istiod.sh has built none");
    found.as_ref()
}

/// What Istio sends to a proxy that asks it about these resources, documents as people write them.
///
/// # Errors
/// Istio's own words, where it refuses a resource.
///
/// Panics where there is no [`program`].
pub fn ask(documents: &[Value], asker: &Asker) -> Result<Sent, String> {
    put(documents, asker, false)
}

/// The same without Istio's webhook: whatever it would refuse, the code generation is asked.
///
/// # Errors
/// Istio's own words, where it cannot even read a resource.
pub fn ask_unvalidated(documents: &[Value], asker: &Asker) -> Result<Sent, String> {
    put(documents, asker, true)
}

fn put(documents: &[Value], asker: &Asker, unvalidated: bool) -> Result<Sent, String> {
    static PROCESS: Mutex<Option<Process>> = Mutex::new(None);
    // A panic of another test while it asked leaves a process that is between two answers: begin anew.
    let mut process = PROCESS.lock().unwrap_or_else(|poisoned| {
        let mut inner = PoisonError::into_inner(poisoned);
        *inner = None;
        PROCESS.clear_poison();
        inner
    });
    let Process { input, output } = process.get_or_insert_with(start);
    let (configs, kube): (Vec<_>, Vec<_>) = documents.iter().partition(|document| is_istio(document));
    let mesh =
        documents.iter().find(|document| document["kind"] == "ConfigMap" && document["metadata"]["name"] == "istio");
    let question = json!({
        "configs": joined(configs), "kube": joined(kube.iter().map(placed).collect::<Vec<_>>().iter().collect()),
        "mesh": mesh.map_or("", |map| map["data"]["mesh"].as_str().unwrap_or_default()),
        "proxy": asker, "unvalidated": unvalidated,
    });
    let mut line = String::new();
    let exchanged =
        writeln!(input, "{question}").and_then(|()| input.flush()).and_then(|()| output.read_line(&mut line));
    assert!(exchanged.is_ok_and(|length| length > 0), "Istio's control plane ended without an answer");
    let answer: Answer = serde_json::from_str(&line).expect("it answers in JSON");
    answer.error.map_or(Ok(answer.messages), Err)
}

fn start() -> Process {
    let program = program().expect("whoever asks has looked whether there is one");
    let mut command = dying_with_us(program);
    command.arg("-ask");
    let (input, output) = spawn_piped(command).unwrap_or_else(|why| panic!("{why}"));
    Process { input, output: BufReader::new(output) }
}

/// With a namespace: Kubernetes' own objects are taken as they stand.
fn placed(document: &&Value) -> Value {
    let mut document = (*document).clone();
    if document["metadata"]["namespace"].is_null() {
        document["metadata"]["namespace"] = json!("default");
    }
    document
}

fn is_istio(document: &Value) -> bool {
    document["apiVersion"].as_str().is_some_and(|version| version.contains("istio.io"))
}

/// JSON without characters that YAML does not print, and so does not read.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)))
            }
            c => out.push(c),
        }
    }
    out
}

/// As YAML documents: JSON is YAML.
fn joined(documents: Vec<&Value>) -> String {
    documents.iter().map(|document| escaped(&document.to_string())).collect::<Vec<_>>().join("\n---\n")
}
