//! Whether a destination is left alone: what is known of its endpoints, shared by all VMs.
//!
//! An endpoint fails after so many failures in a row, and no longer after an answer that is none. A destination all of
//! whose endpoints fail is left alone for a while, the longer the more often; then one request probes it, and its
//! answer decides. Envoy's own detection, which generated clusters have, keeps single endpoints out of the way.
//!
//! As long as nothing fails, VMs need not look here at all: those that do not are told of the first failure.
//!
//! Bytes, little-endian: version 2; phase (1: 0 closed, 1 left alone, 2 probed); a time (8); ejections (4); the queues of
//! those who are told (1 for how many, 4 for each); then for each endpoint its address (1 for the length, and so many), failures in a row (4 for 5xx, 4 for gateway errors, 4 for
//! the connection), whether it fails (1), and when it was seen last (8).

use shared::plan::guard::Ejection;

/// How long nobody else probes, in milliseconds: a probe that hangs, or whose VM dies, holds the others up no longer.
pub const PROBE_MS: u64 = 4000;

/// Envoy's `max_ejection_time`.
const LONGEST_MS: u64 = 300_000;

/// A healthy endpoint that nobody has seen for so long is gone.
const FORGET_MS: u64 = 300_000;

/// One that fails is, too: Envoy's own detection, which keeps it out of sight, tries it again sooner.
const FORGET_FAILING_MS: u64 = 2 * LONGEST_MS;

/// Written again when it is so much out of date, though nothing else has changed.
const REFRESH_MS: u64 = 30_000;

/// More endpoints than that are not watched; the one that was seen the longest ago gives way.
const MOST_ENDPOINTS: usize = 256;

/// More VMs than that look here for each request.
const MOST_LISTENERS: usize = 128;

const VERSION: u8 = 2;

/// What is known of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    phase: Phase,
    ejections: u32,
    listeners: Vec<u32>,
    endpoints: Vec<Endpoint>,
}

/// Whether requests are let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All are, since then.
    Closed(u64),
    /// None until then; the next one probes.
    Open(u64),
    /// One was, as a probe; until then no other.
    Probing(u64),
}

impl Default for Phase {
    fn default() -> Phase {
        Phase::Closed(0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Endpoint {
    address: Vec<u8>,
    errors: u32,
    gateway_errors: u32,
    local_failures: u32,
    fails: bool,
    seen: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is let through.
    Passes,
    /// It is let through, alone.
    Probes,
    /// It is refused.
    Refused,
}

/// What an endpoint did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered.
    Good,
    /// It answered with a 5xx; whether it was 502, 503 or 504.
    Error {
        /// It was.
        gateway: bool,
    },
    /// The connection failed, or no answer came in time.
    Local,
}

impl Verdict {
    /// From the status and Envoy's flags, which are asked for where they count. An answer that breaks off has begun well:
    /// Envoy's own detection begins to count anew with its status, and with the end is at one, which is something where
    /// one failure is `enough`.
    pub fn of(status: u64, enough: bool, flags: impl FnOnce() -> u64) -> Verdict {
        // UT, LR, UR, UF, UC.
        const LOCAL: u64 = 4 | 8 | 16 | 32 | 64;
        match status {
            ..500 if !enough => Verdict::Good,
            _ if flags() & LOCAL != 0 => Verdict::Local,
            502..=504 => Verdict::Error { gateway: true },
            500.. => Verdict::Error { gateway: false },
            _ => Verdict::Good,
        }
    }

    /// From a gRPC status, which Envoy reads as the HTTP status that it stands for.
    pub fn of_grpc(status: u64) -> Verdict {
        match status {
            4 | 14 => Verdict::Error { gateway: true },
            2 | 12 | 13 | 15 => Verdict::Error { gateway: false },
            _ => Verdict::Good,
        }
    }
}

impl Health {
    /// Whether a request is let through now.
    pub fn pass(&mut self, now: u64) -> Passage {
        match self.phase {
            Phase::Closed(_) => Passage::Passes,
            Phase::Open(until) | Phase::Probing(until) if now < until => Passage::Refused,
            _ => {
                self.phase = Phase::Probing(now.saturating_add(PROBE_MS));
                Passage::Probes
            }
        }
    }

    /// Whether no endpoint has failed since it answered last.
    pub fn is_fine(&self) -> bool {
        matches!(self.phase, Phase::Closed(_)) && self.endpoints.iter().all(Endpoint::is_fine)
    }

    /// The VM behind a queue will not look any more, until it is told of a failure; false where it has to go on looking.
    pub fn listen(&mut self, queue: u32) -> bool {
        if !self.is_fine() {
            return false;
        }
        if !self.listeners.contains(&queue) {
            if self.listeners.len() >= MOST_LISTENERS {
                return false;
            }
            self.listeners.push(queue);
        }
        true
    }

    /// The VM behind a queue is gone.
    pub fn leave(&mut self, queue: u32) {
        self.listeners.retain(|it| *it != queue);
    }

    /// Who has to be told that something fails; each is told once.
    pub fn to_be_told(&mut self) -> Vec<u32> {
        if self.is_fine() { Vec::new() } else { std::mem::take(&mut self.listeners) }
    }

    /// A probe has ended without an answer of the destination: the next request probes.
    pub fn unprobed(&mut self, now: u64) {
        if let Phase::Probing(_) = self.phase {
            self.phase = Phase::Open(now);
        }
    }

    /// An endpoint has answered, or failed to.
    pub fn tell(&mut self, address: &[u8], verdict: Verdict, probe: bool, ejection: &Ejection, now: u64) {
        if probe && let Phase::Probing(_) = self.phase {
            if verdict == Verdict::Good {
                self.phase = Phase::Closed(now);
                self.endpoints.clear();
            } else {
                self.open(ejection, now);
            }
        }
        self.endpoints.retain(|it| now.saturating_sub(it.seen) < if it.fails { FORGET_FAILING_MS } else { FORGET_MS });
        let mut endpoint = match self.endpoints.iter().position(|it| it.address == address) {
            Some(at) => self.endpoints.remove(at),
            None => Endpoint {
                address: address.iter().copied().take(255).collect(),
                errors: 0,
                gateway_errors: 0,
                local_failures: 0,
                fails: false,
                seen: now,
            },
        };
        endpoint.count(verdict, ejection);
        if now.saturating_sub(endpoint.seen) > REFRESH_MS {
            endpoint.seen = now;
        }
        if self.endpoints.len() >= MOST_ENDPOINTS
            && let Some((at, _)) = self.endpoints.iter().enumerate().min_by_key(|(_, it)| it.seen)
        {
            self.endpoints.swap_remove(at);
        }
        self.endpoints.push(endpoint);
        // The same endpoints in the same order are the same bytes, which need not be written again.
        shared::order::sort_by(&mut self.endpoints, |a, b| a.address.cmp(&b.address));
        if let Phase::Closed(since) = self.phase
            && self.all_fail(ejection)
        {
            let forgotten = now.saturating_sub(since) / ejection.interval_ms.max(1);
            self.ejections = self.ejections.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX));
            self.open(ejection, now);
        }
    }

    fn open(&mut self, ejection: &Ejection, now: u64) {
        self.ejections = self.ejections.saturating_add(1);
        let longest = ejection.base_ms.max(LONGEST_MS);
        let time = ejection.base_ms.saturating_mul(self.ejections.into()).min(longest);
        self.phase = Phase::Open(now.saturating_add(time));
    }

    /// Whether all endpoints fail, and the rule lets all of them be ejected: as in Envoy, one always may be.
    fn all_fail(&self, ejection: &Ejection) -> bool {
        let all = u64::try_from(self.endpoints.len()).unwrap_or(u64::MAX);
        let may = ejection.most_percent.is_none_or(|percent| {
            all.saturating_sub(1) == 0 || all.saturating_sub(1).saturating_mul(100) < all.saturating_mul(percent.into())
        });
        all > 0 && may && self.endpoints.iter().all(|it| it.fails)
    }

    /// Reads it; bytes of another version, or none, know nothing.
    pub fn decode(bytes: &[u8]) -> Health {
        read(bytes).unwrap_or_default()
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        let (phase, time) = match self.phase {
            Phase::Closed(since) => (0, since),
            Phase::Open(until) => (1, until),
            Phase::Probing(until) => (2, until),
        };
        let mut out = vec![VERSION, phase];
        out.extend_from_slice(&time.to_le_bytes());
        out.extend_from_slice(&self.ejections.to_le_bytes());
        out.push(u8::try_from(self.listeners.len()).unwrap_or(u8::MAX));
        out.extend(self.listeners.iter().flat_map(|queue| queue.to_le_bytes()));
        for it in &self.endpoints {
            out.push(u8::try_from(it.address.len()).unwrap_or(u8::MAX));
            out.extend(it.address.iter().take(255));
            for count in [it.errors, it.gateway_errors, it.local_failures] {
                out.extend_from_slice(&count.to_le_bytes());
            }
            out.push(u8::from(it.fails));
            out.extend_from_slice(&it.seen.to_le_bytes());
        }
        out
    }
}

fn read(bytes: &[u8]) -> Option<Health> {
    let (&[VERSION, phase], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (ejections, rest) = rest.split_first_chunk::<4>()?;
    let (&count, mut rest) = rest.split_first()?;
    let mut listeners = Vec::new();
    for _ in 0..count {
        let (queue, after) = rest.split_first_chunk::<4>()?;
        listeners.push(u32::from_le_bytes(*queue));
        rest = after;
    }
    let time = u64::from_le_bytes(*time);
    let phase = match phase {
        0 => Phase::Closed(time),
        1 => Phase::Open(time),
        2 => Phase::Probing(time),
        _ => return None,
    };
    let mut endpoints = Vec::new();
    while let Some((&length, after)) = rest.split_first() {
        let (address, after) = after.split_at_checked(length.into())?;
        let (errors, after) = after.split_first_chunk::<4>()?;
        let (gateway_errors, after) = after.split_first_chunk::<4>()?;
        let (local_failures, after) = after.split_first_chunk::<4>()?;
        let (&[fails], after) = after.split_first_chunk::<1>()?;
        let (seen, after) = after.split_first_chunk::<8>()?;
        endpoints.push(Endpoint {
            address: address.to_vec(),
            errors: u32::from_le_bytes(*errors),
            gateway_errors: u32::from_le_bytes(*gateway_errors),
            local_failures: u32::from_le_bytes(*local_failures),
            fails: fails != 0,
            seen: u64::from_le_bytes(*seen),
        });
        rest = after;
    }
    Some(Health { phase, ejections: u32::from_le_bytes(*ejections), listeners, endpoints })
}

impl Endpoint {
    fn is_fine(&self) -> bool {
        !self.fails && self.errors == 0 && self.gateway_errors == 0 && self.local_failures == 0
    }

    fn count(&mut self, verdict: Verdict, ejection: &Ejection) {
        let reached = |count: u32, threshold: Option<u32>| threshold.is_some_and(|threshold| count >= threshold);
        // Where they are not counted apart, failures of the connection are 503 and 504.
        let verdict = match verdict {
            Verdict::Local if !ejection.split => Verdict::Error { gateway: true },
            verdict => verdict,
        };
        match verdict {
            Verdict::Good => {
                (self.errors, self.gateway_errors, self.local_failures, self.fails) = (0, 0, 0, false);
                return;
            }
            Verdict::Error { gateway } => {
                self.local_failures = 0;
                self.errors = self.errors.saturating_add(1);
                self.gateway_errors = if gateway { self.gateway_errors.saturating_add(1) } else { 0 };
            }
            Verdict::Local => self.local_failures = self.local_failures.saturating_add(1),
        }
        self.fails |= reached(self.errors, ejection.errors)
            || reached(self.gateway_errors, ejection.gateway_errors)
            || reached(self.local_failures, ejection.local_failures);
    }
}

#[cfg(test)]
mod tests;
