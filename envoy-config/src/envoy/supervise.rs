//! An Envoy that runs: watched until it is ready, told of signals, drained before it ends.

use std::io;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::Signals;

use super::admin::Admin;
use super::log::{self, Line, Said};
use super::{Envoy, EnvoyError, Leash, code};

/// How often Envoy is asked whether it is ready, and what is still under way.
const OFTEN: Duration = Duration::from_millis(20);
/// How long a start may take before somebody is told that it does.
const SLOW: Duration = Duration::from_secs(15);
/// How long Envoy may take to end once it was told to. It drops what is under way then, and has nothing to wait for.
const ENDING: Duration = Duration::from_secs(10);
/// How long the rest of Envoy's log is waited for when Envoy is gone.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// What there is to tell of an Envoy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It serves; its listeners by name, and how long that took.
    Ready(Vec<(String, SocketAddr)>, Duration),
    /// It does not serve yet after a while, and this is what it says of it.
    Slow(String),
    /// It accepts no more; so many requests are under way.
    Draining(u64),
    /// So many requests are still under way, and are not waited for any longer.
    Impatient(u64),
    /// It was told to end, and has not for so long: it is killed.
    Killed(Duration),
    /// Somebody asks to reload.
    Reload,
}

/// How an Envoy is run.
#[derive(Debug)]
pub struct Session {
    /// Its admin page.
    pub admin: Admin,
    /// How long requests under way are waited for.
    pub drain: Duration,
    /// Findings that have been told.
    pub said: Said,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// What a shell would say of it.
    pub code: u8,
    /// Whether it had ever been ready.
    pub served: bool,
    /// Whether somebody asked it to end.
    pub asked: bool,
}

/// What the loop wakes up for.
enum Signal {
    Ended,
    /// INT, TERM or QUIT.
    Stop(i32),
    HangUp,
}

/// How far it is.
enum State {
    Starting {
        since: Instant,
        slow: bool,
    },
    Serving,
    Draining {
        until: Instant,
    },
    /// It was told to end so often, and is killed when it has not.
    Ending {
        times: u32,
        until: Instant,
    },
}

impl State {
    fn ending(times: u32) -> State {
        State::Ending { times, until: Instant::now() + ENDING }
    }
}

impl Envoy {
    /// Starts it and stays until it ends.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn run(
        &self,
        mut command: Command,
        session: Session,
        mut tell: impl FnMut(Event),
        told: impl FnMut(&str, Option<&Line<'_>>) + Send + 'static,
    ) -> Result<End, EnvoyError> {
        let failed = |error| EnvoyError::Process(self.program().to_owned(), error);
        // Before the start, so that no signal falls between.
        let signals = signals().map_err(failed)?;
        let in_terminal = terminal_is_there();
        let mut child = Leash(command.stderr(Stdio::piped()).spawn().map_err(failed)?);
        let log = child.0.stderr.take();
        let (finished, log_ends) = mpsc::channel::<()>();
        thread::spawn(move || {
            // A log that cannot be read any more is no reason to stop Envoy.
            let _ = log.map(|log| log::follow(log, session.said, told));
            drop(finished);
        });
        let mut running = Running { child: &mut child.0, admin: session.admin, drain: session.drain };
        let (mut state, mut served, mut asked) = (State::Starting { since: Instant::now(), slow: false }, false, false);
        loop {
            match wait(&signals, &state) {
                Some(Signal::Ended) => {
                    if let Some(status) = running.child.try_wait().map_err(failed)? {
                        let _ = log_ends.recv_timeout(LAST_WORDS);
                        return Ok(End { code: code(status), served, asked });
                    }
                }
                // A terminal that goes sends the same signal as somebody who wants a reload.
                Some(Signal::HangUp) if !in_terminal || terminal_is_there() => tell(Event::Reload),
                Some(signal) => {
                    asked = true;
                    let signal = if let Signal::Stop(signal) = signal { signal } else { SIGTERM };
                    state = running.stop(state, signal, &mut tell).map_err(failed)?;
                }
                None => state = running.look(state, &mut served, &mut tell).map_err(failed)?,
            }
        }
    }
}

struct Running<'a> {
    child: &'a mut Child,
    admin: Admin,
    drain: Duration,
}

impl Running<'_> {
    /// Somebody wants it to end.
    fn stop(&mut self, state: State, signal: i32, tell: &mut impl FnMut(Event)) -> io::Result<State> {
        if let State::Serving = state
            && signal != SIGQUIT
            && !self.drain.is_zero()
            && self.admin.drain().is_ok()
        {
            let state = State::Draining { until: Instant::now() + self.drain };
            return match self.admin.under_way() {
                Ok((requests @ 1.., _)) => {
                    tell(Event::Draining(requests));
                    Ok(state)
                }
                _ => Ok(state),
            };
        }
        match state {
            // Who asks three times means it.
            State::Ending { times: 2.., .. } => self.child.kill().map(|()| State::ending(3)),
            State::Ending { times, .. } => self.tell(signal).map(|()| State::ending(times + 1)),
            State::Draining { .. } => self.tell(signal).map(|()| State::ending(2)),
            _ => self.tell(signal).map(|()| State::ending(1)),
        }
    }

    /// Some time has passed.
    fn look(&mut self, state: State, served: &mut bool, tell: &mut impl FnMut(Event)) -> io::Result<State> {
        match state {
            State::Starting { since, slow } => {
                let said = self.admin.state();
                if said.as_ref().is_ok_and(|said| said == "LIVE")
                    && let Ok(listeners) = self.admin.listeners()
                {
                    *served = true;
                    tell(Event::Ready(listeners, since.elapsed()));
                    return Ok(State::Serving);
                }
                let late = !slow && since.elapsed() > SLOW;
                if late {
                    tell(Event::Slow(said.unwrap_or_else(|error| error.to_string())));
                }
                Ok(State::Starting { since, slow: slow || late })
            }
            State::Draining { until } => {
                match self.admin.under_way() {
                    Ok((0, 0)) => {}
                    // Who does not answer has something to do.
                    _ if Instant::now() < until => return Ok(state),
                    Ok((requests @ 1.., _)) => tell(Event::Impatient(requests)),
                    _ => {}
                }
                self.tell(SIGTERM).map(|()| State::ending(1))
            }
            State::Ending { until, .. } if Instant::now() >= until => {
                tell(Event::Killed(ENDING));
                self.child.kill().map(|()| State::ending(3))
            }
            State::Serving | State::Ending { .. } => Ok(state),
        }
    }

    /// Sends a signal to the child, which has not been waited for, so that its id is still its own.
    fn tell(&self, signal: i32) -> io::Result<()> {
        let name = match signal {
            SIGINT => "INT",
            SIGQUIT => "QUIT",
            _ => "TERM",
        };
        // The shell's own `kill`: every system has it, and it needs no unsafe code here.
        Command::new("/bin/sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &self.child.id().to_string()])
            .status()
            .map(drop)
    }
}

fn signals() -> io::Result<Receiver<Signal>> {
    let mut all = vec![SIGINT, SIGTERM, SIGQUIT, SIGCHLD];
    // `nohup` has asked not to be told.
    if !hang_up_is_ignored() {
        all.push(SIGHUP);
    }
    let mut signals = Signals::new(all)?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let known = signals.forever().map(|signal| match signal {
            SIGCHLD => Signal::Ended,
            SIGHUP => Signal::HangUp,
            signal => Signal::Stop(signal),
        });
        known.map(|signal| sender.send(signal)).take_while(Result::is_ok).for_each(drop);
    });
    Ok(receiver)
}

fn wait(signals: &Receiver<Signal>, state: &State) -> Option<Signal> {
    match state {
        State::Starting { .. } | State::Draining { .. } | State::Ending { .. } => match signals.recv_timeout(OFTEN) {
            Ok(signal) => Some(signal),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Signal::Ended),
        },
        State::Serving => Some(signals.recv().unwrap_or(Signal::Ended)),
    }
}

fn hang_up_is_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (SIGHUP - 1) & 1 == 1)
}

/// Whether this process has a terminal; one that has closed is none.
fn terminal_is_there() -> bool {
    fs::File::open("/dev/tty").is_ok()
}
