//! Ctrl-C and its kin: they ask the demo to end, so that what it started is stopped on the way out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on SIGINT, SIGTERM and SIGHUP ask the demo to end.
pub fn listen() -> Result<(), String> {
    use tokio::signal::unix::{SignalKind, signal};
    let runtime = integration::runtime();
    let _guard = runtime.enter();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let mut signals = signal(kind).map_err(|error| format!("signals: {error}"))?;
        runtime.spawn(async move {
            signals.recv().await;
            STOP.store(true, Ordering::SeqCst);
        });
    }
    Ok(())
}

/// Whether somebody wants the demo to end.
pub fn asked_to_stop() -> bool {
    STOP.load(Ordering::SeqCst)
}

/// Stays until somebody wants the demo to end, or until something in it has ended by itself.
pub fn wait(ended: impl Fn() -> Option<String>) -> Result<(), String> {
    let tick = Duration::from_millis(100);
    while !asked_to_stop() {
        if let Some(problem) = ended() {
            // Ctrl-C reaches Envoy as well, which may be the first to end.
            std::thread::sleep(tick);
            return if asked_to_stop() { Ok(()) } else { Err(problem) };
        }
        std::thread::sleep(tick);
    }
    Ok(())
}
