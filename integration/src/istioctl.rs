//! What `istioctl validate` and `istioctl analyze` say of resources (`integration/istiod/judge`), asked as tests go on.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::json;

use crate::child::{dying_with_us, spawn_piped};
use crate::paths;

/// A code and the resource that has it, as `KIND NAMESPACE/NAME`.
pub type Said = (String, String);

/// What istioctl says of a set.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// Codes of the analyses.
    pub codes: BTreeSet<Said>,
    /// Resources that `validate` refuses, and why.
    pub refused: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Answer {
    error: Option<String>,
    refused: Vec<Refusal>,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Refusal {
    resource: String,
    why: String,
}

#[derive(Deserialize)]
struct Message {
    code: String,
    resource: String,
}

/// Where the program is: what `scripts/istiod.sh --judge` has built before. Nothing where it has not; whoever must have
/// it sets `SAILCLOTH_ISTIOD=required`, and this panics.
pub fn program() -> Option<&'static PathBuf> {
    static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = PROGRAM.get_or_init(|| {
        let script = paths::root().join("scripts/istiod.sh");
        let output = Command::new(&script).args(["--judge", "--cached"]).stdin(Stdio::null()).output();
        let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", script.display()));
        let path = String::from_utf8_lossy(&output.stdout);
        output.status.success().then(|| PathBuf::from(path.trim_end()))
    });
    let required = std::env::var("SAILCLOTH_ISTIOD").is_ok_and(|value| value == "required");
    assert!(found.is_some() || !required, "SAILCLOTH_ISTIOD=required, and scripts/istiod.sh --judge has built none");
    found.as_ref()
}

/// Asks about many sets, one after the other, and hands on what is said of each.
///
/// Panics where there is no [`program`].
pub fn ask_all(sets: impl Iterator<Item = String>, take: &mut dyn FnMut(&str, Verdict)) {
    let command = dying_with_us(program().expect("whoever asks has looked whether there is one"));
    let (mut input, output) = spawn_piped(command).unwrap_or_else(|why| panic!("{why}"));
    let mut output = BufReader::new(output);
    for yaml in sets {
        let mut line = String::new();
        let question = json!({"yaml": yaml});
        let exchanged =
            writeln!(input, "{question}").and_then(|()| input.flush()).and_then(|()| output.read_line(&mut line));
        assert!(exchanged.is_ok_and(|length| length > 0), "istioctl ended without an answer:\n{yaml}");
        let answer: Answer = serde_json::from_str(&line).expect("it answers in JSON");
        if let Some(error) = answer.error {
            panic!("{error}:\n{yaml}");
        }
        let codes = answer.messages.into_iter().map(|said| (said.code, placed(&said.resource))).collect();
        let refused = answer.refused.into_iter().map(|one| (one.resource, one.why)).collect();
        take(&yaml, Verdict { codes, refused });
    }
}

/// With a namespace: of what has none istioctl says the name alone.
fn placed(resource: &str) -> String {
    match resource.split_once(' ') {
        Some((kind, name)) if !name.contains('/') => format!("{kind} default/{name}"),
        _ => resource.to_owned(),
    }
}
