//! The real command on files of this tree.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The root of the workspace, where the command runs.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The command with these arguments, without anything of the environment that it looks at.
pub fn sailcloth(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sailcloth"));
    command.args(args).current_dir(root()).env_remove("ENVOY").env_remove("CLICOLOR_FORCE");
    command
}

/// What became of a run.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// Runs the command to its end.
pub fn run(args: &[&str]) -> Ran {
    run_with(args, "")
}

/// Runs the command to its end with this on standard input.
pub fn run_with(args: &[&str], input: &str) -> Ran {
    let piped = Stdio::piped;
    let mut child = sailcloth(args).stdin(piped()).stdout(piped()).stderr(piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

/// A new, empty folder for the test of this name.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// CatCatGo's files.
pub const SERVICES: &str = "integration/catcatgo/services.yaml";
pub const MESH: &str = "integration/catcatgo/mesh";
pub const LEGACY: &str = "integration/catcatgo/legacy";

/// Whether whoever started these tests has HUP ignored, as `nohup` does: what they start then ignores it, too.
pub fn hang_up_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}
