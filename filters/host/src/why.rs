//! Why a request went where it went, told to those who ask: an access log, and Envoy's log at level debug.

use shared::act::{self, Why};

use crate::abi;
use crate::done::DonePhase;

/// Leaves in filter state what an access log asks for; that is read when modules have had their say.
fn leave(why: &Why) {
    let Why { rule, reason, version } = why;
    for (name, value) in [("sailcloth.rule", rule), ("sailcloth.reason", reason), ("sailcloth.version", version)] {
        if !value.is_empty() {
            abi::set_property(name, value);
        }
    }
}

/// A line in Envoy's log: `rule=shop/web#orders reason=weight version=v2 cluster=outbound|80|v2|web...`.
fn log(why: &Why, cluster: &str) {
    let Why { rule, reason, version } = why;
    let words = [&b"rule="[..], rule, b" reason=", reason, b" version=", version, b" cluster=", cluster.as_bytes()];
    // Names in resources are text.
    if let Ok(line) = String::from_utf8(words.concat()) {
        abi::log(abi::Level::Debug, &line);
    }
}

/// Tells why, where somebody asks. `decides` is whether this module is the one to log it, of several that know.
pub(crate) fn tell(done: &DonePhase<'_>, decides: bool) {
    let logs = decides && abi::logs(abi::Level::Debug);
    if !logs && !done.plan.access_log() {
        return;
    }
    let Some(decision) = done.decision() else { return };
    let why = act::why(done.plan, &decision);
    if done.plan.access_log() {
        leave(&why);
    }
    if logs {
        log(&why, decision.cluster(done.plan).unwrap_or_default());
    }
}
