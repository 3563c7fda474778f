//! Processes that end with the demo, however it ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP ask the tour to end, so that what it started is stopped on the way out.
pub fn stop_on_signals() {
    use tokio::signal::unix::{SignalKind, signal};
    integration::runtime().spawn(async {
        let mut signals = Vec::new();
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            signals.push(signal(kind).expect("the kernel takes signal handlers"));
        }
        let [mut interrupt, mut terminate, mut hangup] = signals.try_into().expect("three kinds were asked for");
        loop {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {}, _ = hangup.recv() => {} }
            STOP.store(true, Ordering::SeqCst);
        }
    });
}

/// Whether somebody wants the demo to end.
pub fn asked_to_stop() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Stays until somebody wants the demo to end, or until something in it has ended by itself.
pub fn wait_for_signal(ended: impl Fn() -> Option<String>) -> Result<(), String> {
    while !asked_to_stop() {
        if let Some(problem) = ended() {
            return Err(problem);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// A process of the demo. It is asked to stop when this is dropped, and made to if it does not.
pub struct Process {
    name: String,
    child: std::cell::RefCell<Child>,
    log: std::path::PathBuf,
}

impl Process {
    /// Starts `command` with its error output in `log`, and waits for a line on its output that `ready` takes
    /// something from.
    pub fn start<T>(
        name: &str,
        program: &Path,
        arguments: &[String],
        log: &Path,
        ready: impl Fn(&str) -> Option<T>,
    ) -> Result<(Process, T), String> {
        let errors = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let mut command = ending_with_us(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let output = child.stdout.take().ok_or("no output")?;
        let process = Process { name: name.into(), child: child.into(), log: log.into() };
        let (send, lines) = mpsc::channel();
        // The pipe is read to its end, so that the process never waits for somebody to read.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline && !asked_to_stop() {
            match lines.recv_timeout(Duration::from_millis(50)) {
                Ok(line) => {
                    if let Some(found) = ready(&line) {
                        return Ok((process, found));
                    }
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
        }
        let problem = if asked_to_stop() { "stopped".into() } else { process.problem("did not start") };
        Err(problem)
    }

    /// What happened, when the process has ended by itself.
    pub fn exited(&self) -> Option<String> {
        self.child.borrow_mut().try_wait().ok().flatten().map(|status| self.problem(&format!("ended ({status})")))
    }

    fn problem(&self, what: &str) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(20).collect();
        let tail: Vec<String> = tail.into_iter().rev().map(|line| format!("  {line}")).collect();
        format!("{} {what}; it said:\n{}", self.name, tail.join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut();
        let _ = Command::new("kill").arg(child.id().to_string()).stderr(Stdio::null()).status();
        let deadline = Instant::now() + Duration::from_secs(8);
        while Instant::now() < deadline {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// A command that the kernel asks to stop when the demo itself is killed, where the system has `setpriv`.
fn ending_with_us(program: &Path) -> Command {
    let probe = Command::new("setpriv").args(["--pdeathsig", "TERM", "true"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "TERM"]).arg(program);
    command
}
