//! Whether a destination is left alone: what is known of its endpoints, shared by all VMs.
//!
//! It is Envoy's arithmetic (`outlier_detection_impl.cc`, 1.36 to 1.40). An endpoint is ejected after so many failures
//! in a row, for `baseEjectionTime` times its ejections, and what it answers meanwhile does not count. It returns at the
//! first multiple of `interval` after that, with counts of zero; each interval after its return forgets one ejection.
//! While all endpoints are ejected their destination is left alone.
//!
//! A filter cannot keep a request from an ejected endpoint as long as there is another: that is for `outlier_detection`
//! of Envoy's cluster, if it has one.

mod bytes;
mod verdict;

use shared::plan::guard::{Ejection, Endpoints};

pub use verdict::{Verdict, grpc_as_http};

/// Envoy's `max_ejection_time`, unless `baseEjectionTime` is longer.
const LONGEST_MS: u64 = 300_000;

/// An endpoint that nobody has seen for so long is gone.
const FORGET_MS: u64 = 300_000;

/// Written again when it is so much out of date, though nothing else has changed.
const REFRESH_MS: u64 = 30_000;

/// More endpoints than that are not watched; the one that was seen the longest ago gives way.
const MOST_ENDPOINTS: usize = 256;

/// Longer addresses are cut off.
const LONGEST_ADDRESS: usize = 255;

/// More VMs than that look here for each request.
const MOST_LISTENERS: usize = 128;

/// What is known of a destination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Until then no request is let through; 0 where all are.
    out_until: u64,
    /// When somebody answered who is not listed, last.
    stranger: u64,
    listeners: Vec<u32>,
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Endpoint {
    address: Vec<u8>,
    /// In a row.
    errors: u32,
    gateway_errors: u32,
    local_failures: u32,
    /// When it returns; 0 where it is not ejected.
    ejected_until: u64,
    /// When it returned last.
    returned: u64,
    /// Its ejections, when it returned last.
    ejections: u32,
    /// When it was seen last.
    seen: u64,
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is let through.
    Passes,
    /// It is refused, as all are until then.
    Refused(u64),
}

/// What has become of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is left alone until then, since these endpoints are ejected.
    Ejected(u64, Vec<Vec<u8>>),
    /// Requests are let through again.
    Returned,
}

impl Health {
    /// Whether a request is let through now, and whether it is the first one again.
    pub fn pass(&mut self, now: u64) -> (Passage, Option<Turn>) {
        let turn = self.sweep(now);
        let passage = if self.out_until > now { Passage::Refused(self.out_until) } else { Passage::Passes };
        (passage, turn)
    }

    /// Whether no endpoint has failed since it answered last.
    pub fn is_fine(&self) -> bool {
        self.out_until == 0 && self.endpoints.iter().all(Endpoint::is_fine)
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

    /// All that is known is forgotten, and with it an ejection that lasts until then; a later one stays.
    pub fn reset(&mut self, until: u64) -> Option<Turn> {
        if self.out_until == 0 || self.out_until > until {
            return None;
        }
        self.endpoints.clear();
        self.out_until = 0;
        Some(Turn::Returned)
    }

    /// An endpoint has answered, or failed to. Its destination may have returned before, and be left alone by that.
    pub fn tell(&mut self, address: &[u8], verdict: Verdict, ejection: &Ejection, now: u64) -> [Option<Turn>; 2] {
        let returned = self.sweep(now);
        if !ejection.endpoints.has(address) {
            // There are more than those that are listed, and they are not all ejected.
            if self.stranger == 0 || now.saturating_sub(self.stranger) > REFRESH_MS {
                self.stranger = now;
            }
            return [returned, None];
        }
        let ejected = self.count(address, verdict, ejection, now);
        self.forget(ejection, now);
        if ejected && self.out_until == 0 && self.all_ejected(ejection, now) {
            let until = self.ejected(ejection).map(|it| it.ejected_until).min().unwrap_or(now);
            let all = self.ejected(ejection).map(|it| it.address.clone()).collect();
            self.out_until = until;
            return [returned, Some(Turn::Ejected(until, all))];
        }
        [returned, None]
    }

    /// Counts what an endpoint did, and says whether that ejects it. Endpoints are in the order of their addresses.
    fn count(&mut self, address: &[u8], verdict: Verdict, ejection: &Ejection, now: u64) -> bool {
        let address = address.split_at_checked(LONGEST_ADDRESS).map_or(address, |(head, _)| head);
        let place = |all: &[Endpoint]| all.binary_search_by(|it| it.address.as_slice().cmp(address));
        if place(&self.endpoints).is_err() {
            if verdict == Verdict::Good && matches!(ejection.endpoints, Endpoints::Listed(_)) {
                return false;
            }
            if self.endpoints.len() >= MOST_ENDPOINTS
                && let Some((at, _)) = self.endpoints.iter().enumerate().min_by_key(|(_, it)| it.seen)
            {
                self.endpoints.remove(at);
            }
            let at = place(&self.endpoints).unwrap_or_else(|at| at);
            self.endpoints.insert(at, Endpoint { address: address.to_vec(), seen: now, ..Endpoint::default() });
        }
        let may = self.may_eject(ejection);
        let Some(endpoint) = place(&self.endpoints).ok().and_then(|at| self.endpoints.get_mut(at)) else {
            return false;
        };
        if now.saturating_sub(endpoint.seen) > REFRESH_MS {
            endpoint.seen = now;
        }
        let ejects = endpoint.ejected_until == 0 && endpoint.fails(verdict, ejection) && may;
        if ejects {
            endpoint.eject(ejection, now);
        }
        ejects
    }

    /// What Envoy does at each interval: who has been ejected long enough returns.
    fn sweep(&mut self, now: u64) -> Option<Turn> {
        self.endpoints.iter_mut().for_each(|it| it.sweep(now));
        if self.out_until == 0 || self.out_until > now {
            return None;
        }
        self.out_until = 0;
        Some(Turn::Returned)
    }

    /// Endpoints that have gone, and listed ones of which there is nothing to remember.
    fn forget(&mut self, ejection: &Ejection, now: u64) {
        let listed = matches!(ejection.endpoints, Endpoints::Listed(_));
        self.endpoints.retain(|it| {
            let there = it.ejected_until != 0 || now.saturating_sub(it.seen) < FORGET_MS;
            there && !(listed && it.is_new(ejection, now))
        });
    }

    /// Whether one more endpoint may be ejected. Listed ones all may; of others, one always may, as in Envoy in the days of
    /// the first alpha schema.
    fn may_eject(&self, ejection: &Ejection) -> bool {
        let Endpoints::Seen(Some(percent)) = ejection.endpoints else { return true };
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let ejected = count(self.endpoints.iter().filter(|it| it.ejected_until != 0).count());
        let all = count(self.endpoints.len());
        ejected == 0 || ejected.saturating_mul(100) < all.saturating_mul(percent.into())
    }

    fn all_ejected(&self, ejection: &Ejection, now: u64) -> bool {
        let ejected = self.ejected(ejection).count();
        match &ejection.endpoints {
            Endpoints::Listed(all) => {
                let alone = self.stranger == 0 || now.saturating_sub(self.stranger) >= FORGET_MS;
                alone && ejected == all.len()
            }
            Endpoints::Seen(_) => ejected == self.endpoints.len(),
        }
    }

    /// Those that are ejected; an earlier configuration may have listed others.
    fn ejected<'a>(&'a self, ejection: &'a Ejection) -> impl Iterator<Item = &'a Endpoint> {
        self.endpoints.iter().filter(|it| it.ejected_until != 0 && ejection.endpoints.has(&it.address))
    }
}

impl Endpoint {
    fn is_fine(&self) -> bool {
        self.ejected_until == 0 && self.errors == 0 && self.gateway_errors == 0 && self.local_failures == 0
    }

    /// Whether there is nothing to remember of it.
    fn is_new(&self, ejection: &Ejection, now: u64) -> bool {
        self.is_fine() && self.ejections_by(ejection, now) == 0
    }

    /// How many ejections count; each interval forgets one.
    fn ejections_by(&self, ejection: &Ejection, now: u64) -> u32 {
        let forgotten = now.saturating_sub(self.returned).checked_div(ejection.interval_ms).unwrap_or(0);
        self.ejections.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }

    fn sweep(&mut self, now: u64) {
        if self.ejected_until != 0 && self.ejected_until <= now {
            self.returned = self.ejected_until;
            (self.ejected_until, self.errors, self.gateway_errors, self.local_failures) = (0, 0, 0, 0);
        }
    }

    fn eject(&mut self, ejection: &Ejection, now: u64) {
        let longest = ejection.base_ms.max(LONGEST_MS);
        let before = self.ejections_by(ejection, now);
        // Envoy counts no further than it takes to come to the longest.
        let counts = ejection.base_ms.saturating_mul(before.into()) < longest.saturating_add(ejection.base_ms);
        self.ejections = before.saturating_add(u32::from(counts));
        let time = ejection.base_ms.saturating_mul(self.ejections.into()).min(longest);
        self.ejected_until =
            now.saturating_add(time).checked_next_multiple_of(ejection.interval_ms).unwrap_or(u64::MAX);
    }

    /// Counts what it did, and says whether that reaches a threshold; that count then begins anew, as in Envoy.
    fn fails(&mut self, verdict: Verdict, ejection: &Ejection) -> bool {
        // Where they are not counted apart, failures of the connection are 503 and 504.
        let verdict = match verdict {
            Verdict::Local { .. } if !ejection.split => Verdict::Error { gateway: true },
            verdict => verdict,
        };
        match verdict {
            Verdict::Good => {
                (self.errors, self.gateway_errors, self.local_failures) = (0, 0, 0);
                return false;
            }
            Verdict::Error { gateway } => {
                self.local_failures = 0;
                self.errors = self.errors.saturating_add(1);
                self.gateway_errors = if gateway { self.gateway_errors.saturating_add(1) } else { 0 };
            }
            // A connection that came up is a success of its own.
            Verdict::Local { connected } => {
                self.local_failures = if connected { 1 } else { self.local_failures.saturating_add(1) };
            }
        }
        let counts = [
            (&mut self.errors, ejection.errors),
            (&mut self.gateway_errors, ejection.gateway_errors),
            (&mut self.local_failures, ejection.local_failures),
        ];
        let mut reached = false;
        for (count, threshold) in counts {
            if threshold.is_some_and(|threshold| *count >= threshold) {
                *count = 0;
                reached = true;
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests;
