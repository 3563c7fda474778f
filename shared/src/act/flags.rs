//! Response flags as Envoy's `%RESPONSE_FLAGS%` spells them.

use crate::decide::{Decision, OwnReply};

/// `NR`: nothing matched.
pub const NO_ROUTE: u64 = 1 << 8;
/// `UO`: the destination takes no more.
const OVERFLOW: u64 = 1 << 7;
/// `UH`: no healthy endpoint.
const NO_HEALTHY: u64 = 1 << 1;
/// `UT`: it took too long.
const TIMEOUT: u64 = 1 << 2;
/// `DI`: delayed by a fault.
const DELAY: u64 = 1 << 9;
/// `FI`: aborted by a fault.
const FAULT: u64 = 1 << 10;
/// `NC`: no cluster for it.
/// Envoy spells flags in the order in which it sets them: `DI` before anything can go wrong, and `URX` as its router
/// gives up, before it says why. These two bits go first.
const FIRST: [usize; 2] = [9, 15];

/// Envoy's names, by bit.
const NAMES: [&str; 30] = [
    "LH", "UH", "UT", "LR", "UR", "UF", "UC", "UO", "NR", "DI", "FI", "RL", "UAEX", "RLSE", "DC", "URX", "SI", "IH",
    "DPE", "UMSDR", "RFCF", "NFCF", "DT", "UPE", "NC", "OM", "DF", "DO", "DR", "UDO",
];

/// The same in words, as in `%RESPONSE_FLAGS_LONG%`.
const WORDS: [&str; 30] = [
    "FailedLocalHealthCheck",
    "NoHealthyUpstream",
    "UpstreamRequestTimeout",
    "LocalReset",
    "UpstreamRemoteReset",
    "UpstreamConnectionFailure",
    "UpstreamConnectionTermination",
    "UpstreamOverflow",
    "NoRouteFound",
    "DelayInjected",
    "FaultInjected",
    "RateLimited",
    "UnauthorizedExternalService",
    "RateLimitServiceError",
    "DownstreamConnectionTermination",
    "UpstreamRetryLimitExceeded",
    "StreamIdleTimeout",
    "InvalidEnvoyRequestHeaders",
    "DownstreamProtocolError",
    "UpstreamMaxStreamDurationReached",
    "ResponseFromCacheFilter",
    "NoFilterConfigFound",
    "DurationTimeout",
    "UpstreamProtocolError",
    "NoClusterFound",
    "OverloadManagerTerminated",
    "DnsResolutionFailed",
    "DropOverload",
    "DownstreamRemoteReset",
    "UnconditionalDropOverload",
];

/// The flags of what a decision came to. Filters' replies carry none in Envoy.
pub fn of_decision(decision: &Decision) -> u64 {
    let reply = match decision.reply {
        Some(OwnReply::NotFound | OwnReply::UnknownHost) => NO_ROUTE,
        Some(OwnReply::FaultAbort) => FAULT,
        Some(OwnReply::Overflow) => OVERFLOW,
        Some(OwnReply::Ejected) => NO_HEALTHY,
        Some(OwnReply::WaitedTooLong) => TIMEOUT,
        Some(
            OwnReply::Redirect
            | OwnReply::DirectResponse
            | OwnReply::Preflight
            | OwnReply::HttpsRedirect
            | OwnReply::Blocked,
        )
        | None => 0,
    };
    reply | if decision.delayed { DELAY } else { 0 }
}

/// In the order in which Envoy sets them, with commas; `-` for none. Bits that Envoy may invent later are left out.
pub fn text(flags: u64) -> String {
    joined(flags, &NAMES)
}

/// The same in words.
pub fn words(flags: u64) -> String {
    joined(flags, &WORDS)
}

fn joined(flags: u64, names: &[&str]) -> String {
    let mut out = String::new();
    let order = FIRST.into_iter().chain((0..names.len()).filter(|bit| !FIRST.contains(bit)));
    for name in order.filter(|bit| flags >> bit & 1 == 1).filter_map(|bit| names.get(bit)) {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
    }
    if out.is_empty() {
        out.push('-');
    }
    out
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::decide::Found;

    #[test]
    fn envoys_bits_have_envoys_names() {
        for (bits, name) in [
            (0, "-"),
            (2, "UH"),
            (4, "UT"),
            (32, "UF"),
            (64, "UC"),
            (128, "UO"),
            (256, "NR"),
            (16384, "DC"),
            (1 << 24, "NC"),
            (32768 | 4, "URX,UT"),
            (512 | 1024, "DI,FI"),
            (512 | 32768 | 32, "DI,URX,UF"),
            (1 << 63, "-"),
        ] {
            assert_eq!(text(bits), name);
        }
        assert_eq!(words(512 | 32768 | 32), "DelayInjected,UpstreamRetryLimitExceeded,UpstreamConnectionFailure");
        assert_eq!(words(0), "-");
    }

    #[test]
    fn a_decision_has_the_flags_that_envoy_would_give_it() {
        use OwnReply::*;
        for (reply, delayed, name) in [
            (None, false, "-"),
            (None, true, "DI"),
            (Some(NotFound), false, "NR"),
            (Some(FaultAbort), true, "DI,FI"),
            (Some(Overflow), false, "UO"),
            (Some(Ejected), false, "UH"),
            (Some(WaitedTooLong), false, "UT"),
            (Some(Redirect), false, "-"),
            (Some(DirectResponse), false, "-"),
            (Some(Preflight), false, "-"),
            (Some(HttpsRedirect), false, "-"),
        ] {
            let decision = Decision { found: Found::Nothing, destination: None, reply, delayed, mirrors: 0 };
            assert_eq!(text(of_decision(&decision)), name);
        }
    }
}
