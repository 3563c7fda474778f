//! A real Envoy for one test: started on free ports, asked through its admin interface, gone when dropped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use envoy_config::generate;
use envoy_config::yaml::yaml;
use serde_json::{Value, json};

use crate::child::{dying_with_us, spawn, stop};
use crate::client::Request;
use crate::paths::{self, TempDir};

/// How Envoy is started. `Options { concurrency: 1, ..Options::default() }` changes what matters.
#[derive(Clone, Debug)]
pub struct Options {
    /// The number of worker threads. 2 by default, so that what is shared between workers is tested.
    pub concurrency: u32,
    /// Envoy's `--log-level`: `info` by default, which includes what modules log at info.
    pub log_level: String,
    /// Envoy's `--component-log-level`, such as `wasm:debug`; empty for none.
    pub component_log_level: String,
    /// More arguments for Envoy.
    pub arguments: Vec<String>,
    /// The binary; by default [`paths::envoy`].
    pub binary: Option<PathBuf>,
    /// Whether the bootstrap is JSON, as `sailcloth run` writes it, and not YAML, as `sailcloth generate` prints it.
    pub json: bool,
    /// Whether static listeners are moved to free ports, so that a config with ports of its own can run many times.
    pub free_ports: bool,
    /// How long the start may take. 60 s by default: modules compile first, on machines that have other work as well.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            concurrency: 2,
            log_level: "info".to_owned(),
            component_log_level: String::new(),
            arguments: Vec::new(),
            binary: None,
            json: false,
            free_ports: false,
            timeout: Duration::from_secs(60),
        }
    }
}

/// A running Envoy. Dropping it kills the process and removes its folder, or, in a failing test, says where its log is.
#[derive(Debug)]
pub struct Envoy {
    child: Mutex<Child>,
    pid: u32,
    admin: SocketAddr,
    binary: PathBuf,
    // After `child`: its log is of use until the process has gone.
    directory: TempDir,
}

const LOG: &str = "envoy.log";
const POLL: Duration = Duration::from_millis(5);

impl Envoy {
    /// Starts Envoy with this bootstrap and waits until it serves. Panics with its log where it does not.
    pub fn start(bootstrap: &Value, options: &Options) -> Envoy {
        Envoy::try_start(bootstrap, options)
            .unwrap_or_else(|log| panic!("Envoy did not start; the end of its log:\n{}", tail(&log)))
    }

    /// Starts Envoy with this bootstrap and waits until it serves; where it refuses, its whole log is the error.
    ///
    /// The bootstrap's admin address, if any, gives way to a free port.
    pub fn try_start(bootstrap: &Value, options: &Options) -> Result<Envoy, String> {
        let binary = options.binary.clone().unwrap_or_else(|| paths::envoy().to_owned());
        let directory = TempDir::new("envoy");
        let mut bootstrap = bootstrap.clone();
        bootstrap["admin"]["address"] = json!({"socket_address": {"address": "127.0.0.1", "port_value": 0}});
        if options.free_ports {
            free_ports(&mut bootstrap);
        }
        let config = write(&directory, &bootstrap, options.json);
        let admin_file = directory.path().join("admin");

        let mut command = dying_with_us(&binary);
        // Envoys that know nothing of each other need no base id, no shared memory and no sockets for hot restart.
        command.arg("--disable-hot-restart").arg("--config-path").arg(config);
        command.arg("--admin-address-path").arg(&admin_file);
        command.args(["--concurrency", &options.concurrency.to_string(), "--log-level", &options.log_level]);
        // Access logs are there when a test looks, not after Envoy's own ten seconds.
        command.args(["--file-flush-interval-msec", "20"]);
        if !options.component_log_level.is_empty() {
            command.args(["--component-log-level", &options.component_log_level]);
        }
        command.args(&options.arguments);
        let child = spawn(command, &directory.path().join(LOG))?;

        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let pid = child.id();
        let mut envoy = Envoy { child: Mutex::new(child), pid, admin: nowhere, binary, directory };
        let deadline = Instant::now() + options.timeout;
        loop {
            if let Some(status) = envoy.exited() {
                return Err(format!("{}Envoy ended with {status}\n", envoy.log()));
            }
            // Not there, or not written to the end yet: look again.
            let admin = fs::read_to_string(&admin_file).ok().and_then(|text| text.trim().parse().ok());
            if let Some(admin) = admin {
                envoy.admin = admin;
                if Request::get("/ready").try_send(admin).is_ok_and(|response| response.status == 200) {
                    return Ok(envoy);
                }
            }
            if Instant::now() > deadline {
                return Err(format!("{}Envoy was not ready within {:?}\n", envoy.log(), options.timeout));
            }
            thread::sleep(POLL);
        }
    }

    /// Lets Envoy check this bootstrap without serving (`--mode validate`), which configures modules as well; where it
    /// refuses, its log is the error.
    pub fn validate(bootstrap: &Value) -> Result<(), String> {
        let directory = TempDir::new("validate");
        let config = write(&directory, bootstrap, false);
        let log = directory.path().join(LOG);
        let mut command = dying_with_us(paths::envoy());
        command.args(["--disable-hot-restart", "--mode", "validate", "--config-path"]).arg(config);
        let mut child = spawn(command, &log)?;
        let deadline = Instant::now() + Options::default().timeout;
        let outcome = loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => break format!("Envoy ended with {status}"),
                Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
                other => {
                    stop(&mut child);
                    break format!("Envoy did not finish: {other:?}");
                }
            }
        };
        Err(format!("{}{outcome}\n", read(&log)))
    }

    /// Where clients reach the listener of this name, on 127.0.0.1 where it listens on all addresses. Waits for one
    /// that is still on its way (LDS), then panics.
    pub fn listener(&self, name: &str) -> SocketAddr {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let listeners = self.admin_json("/listeners?format=json");
            let statuses = listeners["listener_statuses"].as_array().map_or(&[][..], Vec::as_slice);
            let found = statuses.iter().find(|status| status["name"] == name);
            let address = found.and_then(|status| socket_address(&status["local_address"]["socket_address"]));
            if let Some(address) = address {
                return address;
            }
            assert!(Instant::now() < deadline, "Envoy has no listener `{name}`, only {listeners}");
            thread::sleep(POLL);
        }
    }

    /// The address of the admin interface.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    fn admin_text(&self, path: &str) -> String {
        let response = Request::get(path).try_send(self.admin).unwrap_or_else(|error| {
            panic!("Envoy's admin interface is silent: {error}; the end of its log:\n{}", tail(&self.log()))
        });
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        response.text()
    }

    fn admin_json(&self, path: &str) -> Value {
        let text = self.admin_text(path);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// Counters and gauges by name, those whose name this regular expression (RE2) finds; empty for all.
    pub fn stats(&self, filter: &str) -> BTreeMap<String, u64> {
        self.numbers("All", filter)
    }

    /// Gauges alone, those whose name this regular expression (RE2) finds.
    pub fn gauges(&self, filter: &str) -> BTreeMap<String, u64> {
        self.numbers("Gauges", filter)
    }

    fn numbers(&self, kind: &str, filter: &str) -> BTreeMap<String, u64> {
        let stats = self.admin_json(&format!("/stats?format=json&type={kind}&filter={}", percent(filter)));
        let stats = stats["stats"].as_array().map_or(&[][..], Vec::as_slice);
        // Histograms and text readouts have no number as `value`.
        let number = |stat: &Value| Some((stat["name"].as_str()?.to_owned(), stat["value"].as_u64()?));
        stats.iter().filter_map(number).collect()
    }

    /// One counter or gauge by its whole name; 0 where nobody has touched it.
    pub fn stat(&self, name: &str) -> u64 {
        let literal: String =
            name.chars().flat_map(|c| if c.is_alphanumeric() { vec![c] } else { vec!['\\', c] }).collect();
        self.stats(&format!("^{literal}$")).get(name).copied().unwrap_or_default()
    }

    /// What `/stats/prometheus` says.
    pub fn prometheus(&self) -> String {
        self.admin_text("/stats/prometheus")
    }

    /// How often a module's VM was loaded again, tried in vain or put off after it died: 0 in every healthy test.
    pub fn vm_reloads(&self) -> u64 {
        self.stats(r"^wasm\..*vm_reload").values().sum()
    }

    /// All that Envoy has logged so far.
    pub fn log(&self) -> String {
        read(&self.directory.path().join(LOG))
    }

    /// Waits until a line of the log holds this text, and gives that line back. Panics where none does in time.
    pub fn wait_log(&self, text: &str, timeout: Duration) -> String {
        let deadline = Instant::now() + timeout;
        loop {
            let log = self.log();
            if let Some(line) = log.lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "no `{text}` within {timeout:?}; the end of Envoy's log:\n{}",
                tail(&log)
            );
            thread::sleep(POLL);
        }
    }

    /// The version, such as `1.40.0`.
    pub fn version(&self) -> String {
        version(&self.binary)
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Resident memory in kB.
    pub fn memory_kb(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("Envoy is a process");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a process has memory");
        line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("memory is a number")
    }

    /// The folder of its own, with the bootstrap and the log; what a test puts there goes with it.
    pub fn directory(&self) -> &TempDir {
        &self.directory
    }

    /// How Envoy ended, where it did.
    pub fn exited(&self) -> Option<ExitStatus> {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        child.try_wait().expect("a child of ours can be asked")
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        stop(self.child.get_mut().unwrap_or_else(PoisonError::into_inner));
        if thread::panicking() {
            let log = self.directory.path().join(LOG);
            eprintln!("the end of Envoy's log, {}:\n{}", log.display(), tail(&self.log()));
        }
    }
}

/// The version of an Envoy binary, such as `1.40.0`.
pub fn version(binary: &Path) -> String {
    let output = Command::new(binary).arg("--version").output();
    let output = output.unwrap_or_else(|error| panic!("{} does not start: {error}", binary.display()));
    // "envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL"
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("version: ").and_then(|(_, rest)| rest.split('/').nth(1));
    version.unwrap_or_else(|| panic!("{} --version says no version: {text}", binary.display())).to_owned()
}

/// Writes a bootstrap as users get it: Envoy reads YAML another way than JSON.
fn write(directory: &TempDir, bootstrap: &Value, json: bool) -> PathBuf {
    if json {
        directory.write("bootstrap.json", generate::pretty(bootstrap))
    } else {
        directory.write("bootstrap.yaml", yaml(bootstrap))
    }
}

fn free_ports(bootstrap: &mut Value) {
    let listeners = bootstrap["static_resources"]["listeners"].as_array_mut();
    for listener in listeners.into_iter().flatten() {
        if let Some(port) = listener.pointer_mut("/address/socket_address/port_value") {
            *port = json!(0);
        }
    }
}

fn socket_address(value: &Value) -> Option<SocketAddr> {
    let ip: IpAddr = value["address"].as_str()?.parse().ok()?;
    let port = value["port_value"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0)?;
    let ip = match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Some(SocketAddr::new(ip, port))
}

/// The text as a query value.
fn percent(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn read(path: &Path) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

/// The last lines of a log, which say why, without the hundreds of lines in which Envoy lists its extensions.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !(line.contains("server.cc:") && line.contains("]   "))).collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
