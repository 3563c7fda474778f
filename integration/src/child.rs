//! Programs that end with the process that started them, however that ends.

use std::fs::File;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{OnceLock, mpsc};
use std::{io, thread};

/// A command that the kernel kills when this process dies, also by a signal that leaves no time for `drop`. Linux's
/// `setpriv` does that without unsafe code; without it, a program may outlive a test that was killed.
pub(crate) fn dying_with_us(program: &Path) -> Command {
    static SETPRIV: OnceLock<bool> = OnceLock::new();
    let works = *SETPRIV.get_or_init(|| {
        let probe = Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).stderr(Stdio::null()).status();
        probe.is_ok_and(|status| status.success())
    });
    if !works {
        return Command::new(program);
    }
    // It replaces itself by the program, so the process id is the program's.
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]).arg(program);
    command
}

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts the command with its output in this file.
pub(crate) fn spawn(mut command: Command, log: &Path) -> Result<Child, String> {
    let output = File::create(log).and_then(|file| Ok((file.try_clone()?, file)));
    let (out, err) = output.map_err(|error| format!("{}: {error}", log.display()))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    start(command)
}

/// Starts the command to be written to and read from; what it has to complain of goes where ours does.
pub(crate) fn spawn_piped(mut command: Command) -> Result<(ChildStdin, ChildStdout), String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = start(command)?;
    let pipes = child.stdin.take().zip(child.stdout.take());
    Ok(pipes.expect("both were asked for"))
}

fn start(command: Command) -> Result<Child, String> {
    let what = format!("{command:?}");
    // The kernel counts the end of the starting *thread* as the parent's death, and a test's thread ends with the test,
    // though an Envoy may be shared by many: one thread that lives as long as the process starts them all.
    static SPAWNER: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for (mut command, reply) in orders {
                let _ = reply.send(command.spawn());
            }
        });
        sender
    });
    let (reply, child) = mpsc::channel();
    spawner.send((command, reply)).expect("the spawning thread never ends");
    child.recv().expect("the spawning thread answers").map_err(|error| format!("{what} does not start: {error}"))
}

pub(crate) fn stop(child: &mut Child) {
    // Fails only where it has ended already.
    let _ = child.kill();
    let _ = child.wait();
}
