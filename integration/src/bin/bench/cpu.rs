//! Processor time and processors, as the kernel's scheduler has them.

use std::time::Duration;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// The scheduler's clock of one process: what all its threads have run, to the nanosecond.
#[derive(Clone, Copy)]
pub struct Clock(ClockId);

impl Clock {
    /// The clock of a process that is there.
    pub fn of(pid: u32) -> Result<Clock, String> {
        let pid = i32::try_from(pid).map_err(|error| error.to_string())?;
        let clock = clock_getcpuclockid(Pid::from_raw(pid));
        clock.map(Clock).map_err(|error| format!("process {pid} has no processor clock: {error}"))
    }

    /// What it shows.
    pub fn now(self) -> Result<Duration, String> {
        self.0.now().map(Duration::from).map_err(|error| format!("a processor clock cannot be read: {error}"))
    }
}

/// Which processor has the load and its upstreams, and which ones the proxy.
#[derive(Clone, Debug)]
pub struct Cores {
    /// The load's.
    pub load: usize,
    /// The proxy's, one for each of its workers where there are so many.
    pub proxy: Vec<usize>,
}

impl Cores {
    /// In words.
    pub fn sentence(&self, workers: u32) -> String {
        let proxy: Vec<String> = self.proxy.iter().map(usize::to_string).collect();
        let shared = if self.proxy.len() < workers as usize { ", which they share" } else { "" };
        let workers = if workers == 1 { "1 worker".to_owned() } else { format!("{workers} workers") };
        format!("{workers} on processor {}{shared}, load and upstreams on {}", proxy.join(" and "), self.load)
    }

    /// For programs.
    pub fn json(&self) -> Value {
        json!({"load": self.load, "proxy": self.proxy})
    }

    /// The last ones that this process may use, since interrupts and other people's work tend to be on the first.
    pub fn choose(workers: u32) -> Result<Cores, String> {
        let set = sched_getaffinity(Pid::from_raw(0)).map_err(|error| error.to_string())?;
        let mut mine: Vec<usize> =
            (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).rev().collect();
        mine.truncate(workers as usize + 1);
        match mine.pop() {
            Some(load) if !mine.is_empty() => Ok(Cores { load, proxy: mine }),
            _ => Err("the load and the proxy need a processor each, and there is one for both".to_owned()),
        }
    }
}

/// Keeps this thread, and those that it starts, on one processor.
pub fn pin_thread(core: usize) -> Result<(), String> {
    pin(Pid::from_raw(0), &[core])
}

/// Keeps all threads of a process on these processors.
pub fn pin_process(pid: u32, cores: &[usize]) -> Result<(), String> {
    let folder = format!("/proc/{pid}/task");
    let tasks = std::fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
    for task in tasks.flatten() {
        let id = task.file_name().to_string_lossy().parse().map_err(|_| format!("{folder} holds no thread ids"))?;
        pin(Pid::from_raw(id), cores)?;
    }
    Ok(())
}

fn pin(thread: Pid, cores: &[usize]) -> Result<(), String> {
    let mut set = CpuSet::new();
    let done = cores.iter().try_for_each(|core| set.set(*core)).and_then(|()| sched_setaffinity(thread, &set));
    done.map_err(|error| format!("thread {thread} cannot be kept on the processors {cores:?}: {error}"))
}

/// Resident memory of a process, in kB.
pub fn resident_kb(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
