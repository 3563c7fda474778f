//! What an Envoy is, asked before it is started: its version, and whether it can run WebAssembly.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{fmt, thread};

use super::{Envoy, EnvoyError, TemporaryFolder};

/// The oldest Envoy that takes what is generated here.
pub const OLDEST: Version = Version { major: 1, minor: 36, patch: 0 };
/// The newest that it was tried on.
pub const NEWEST: Version = Version { major: 1, minor: 40, patch: 0 };

/// How long Envoy may take for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// The same of func-e, which may have to download Envoy first.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// A listener with an empty module: Envoy refuses the module, and says so otherwise where it has no runtime for any.
const EMPTY_MODULE: &str = r#"{"static_resources": {"listeners": [{"name": "x",
    "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}, "filter_chains": [{"filters": [{
        "name": "x", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "x", "route_config": {}, "http_filters": [{"name": "x", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {"vm_config": {"runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"inline_bytes": "AGFzbQEAAAA="}}}}}}]}}]}]}]}}"#;

/// What an Envoy says that was built without V8, or without any filter of WebAssembly.
const WITHOUT: [&str; 2] = ["compiled without support", "envoy.extensions.filters.http.wasm.v3.Wasm"];

/// A version of Envoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1 so far.
    pub major: u32,
    /// Which quarter's release.
    pub minor: u32,
    /// Which of its repairs.
    pub patch: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl Version {
    /// From `envoy  version: COMMIT/1.40.0/Clean/RELEASE/BoringSSL`, whatever stands around it.
    fn from_output(text: &str) -> Option<Version> {
        let (_, rest) = text.split_once("version: ")?;
        // Other programs have versions as well, of fewer words.
        let &[_commit, version, _changed, _build, ..] = rest.split('/').collect::<Vec<_>>().as_slice() else {
            return None;
        };
        let mut numbers = version.split(['.', '-']).map(|part| part.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Version { major: next()?, minor: next()?, patch: next()? })
    }

    /// Whether it is of a release that nobody here has tried.
    pub fn is_untried(self) -> bool {
        (self.major, self.minor) > (NEWEST.major, NEWEST.minor)
    }
}

impl Envoy {
    /// Its version. `folder` is for what it writes meanwhile.
    ///
    /// # Errors
    /// When it is no Envoy, is too old, or cannot run Sailcloth's modules.
    pub fn probe(&self, folder: &TemporaryFolder) -> Result<Version, EnvoyError> {
        let path = || self.program().to_owned();
        let answer = self.ask(folder, "version", &["--version".as_ref()])?;
        let version =
            Version::from_output(&answer.text).ok_or_else(|| EnvoyError::NotEnvoy(path(), answer.in_short()))?;
        if version < OLDEST {
            return Err(EnvoyError::TooOld(path(), version));
        }
        let empty = folder.write("empty-module.json", EMPTY_MODULE.as_bytes())?;
        let quietly = ["--mode", "validate", "--disable-hot-restart", "--log-level", "warning", "--config-path"];
        let arguments: Vec<&Path> = quietly.iter().map(Path::new).chain([empty.as_path()]).collect();
        let refusal = self.ask(folder, "validate", &arguments)?;
        match WITHOUT.iter().any(|words| refusal.text.contains(words)) {
            true => Err(EnvoyError::NoWasm(path(), version)),
            false => Ok(version),
        }
    }

    /// Runs it to its end.
    fn ask(&self, folder: &TemporaryFolder, name: &str, arguments: &[&Path]) -> Result<Answer, EnvoyError> {
        let failed = |error| EnvoyError::Process(self.program().to_owned(), error);
        let output = folder.path().join(name);
        let file = File::create(&output).map_err(|error| EnvoyError::Write(output.clone(), error))?;
        let mut command = Command::new(self.program());
        let patience = match self {
            Envoy::Binary(_) => PATIENCE,
            Envoy::FuncE(_) => {
                command.arg("run");
                DOWNLOAD
            }
        };
        command.args(arguments).stdin(Stdio::null());
        command.stdout(file.try_clone().map_err(failed)?).stderr(file);
        let mut child = super::Leash(command.spawn().map_err(failed)?);
        let start = Instant::now();
        let status = loop {
            match child.0.try_wait().map_err(failed)? {
                None if start.elapsed() < patience => thread::sleep(Duration::from_millis(2)),
                status => break status,
            }
        };
        Ok(Answer { status, text: first_bytes(&output).map_err(failed)? })
    }
}

/// What a program said, and how it ended; nothing where it did not in time.
struct Answer {
    status: Option<ExitStatus>,
    text: String,
}

impl Answer {
    fn in_short(&self) -> String {
        let first = self.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let first: String = first.chars().filter(|c| !c.is_control()).take(80).collect();
        match self.status {
            None => format!("did not end within {} s", PATIENCE.as_secs()),
            Some(status) if first.is_empty() => format!("says nothing, and ends with {status}"),
            Some(_) => format!("says `{first}`"),
        }
    }
}

/// Enough to know it by; a program that is no Envoy may say anything at any length.
fn first_bytes(file: &PathBuf) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(file)?.take(64 << 10).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_envoy_says() {
        let version = |text| Version::from_output(text).map(|version| version.to_string());
        assert_eq!(
            version("\n/usr/bin/envoy  version: 9e55/1.40.0/Clean/RELEASE/BoringSSL\n\n").as_deref(),
            Some("1.40.0")
        );
        assert_eq!(version("envoy  version: 9e55/1.41.0-dev/Clean/DEBUG/BoringSSL").as_deref(), Some("1.41.0"));
        for other in ["nginx version: nginx/1.22.1", "", "version: 1.40.0", "envoy  version: x/y/z"] {
            assert_eq!(version(other), None, "{other}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        let version = |minor, patch| Version { major: 1, minor, patch };
        assert!(version(9, 10) < OLDEST && version(36, 0) >= OLDEST);
        assert!(!version(40, 7).is_untried() && version(41, 0).is_untried());
    }
}
