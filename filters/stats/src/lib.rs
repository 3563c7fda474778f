//! The stats: Istio's metrics of HTTP requests, with Istio's labels. First in the chain, it sees every reply, also
//! those of the behaviours behind it.
//!
//! Where a request went and why it was answered here comes from the decision, the rest from Envoy. A usual request
//! writes no label: its series is found by a small key.

mod labels;
mod series;
mod target;

use std::cell::RefCell;

use host::{Behaviour, Counter, DonePhase, Histogram, RequestPhase, Step};
use labels::Labels;
use series::{Full, Recent, Registry, Whose};
use shared::act::flags;
use shared::plan::Plan;
use shared::plan::telemetry::{TargetService, Workload};
use target::{Reached, Target};

/// The behaviour.
pub struct Stats {
    enabled: bool,
    /// The labels of the source, as each name begins.
    source: String,
    max_series: u32,
    recent: RefCell<Recent<Room>>,
    overflow: RefCell<Option<Series>>,
    overflowed: Counter,
}

/// What it remembers of a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    grpc: bool,
}

/// What makes two requests count as the same, before any label is written.
#[derive(Clone, Copy, Debug)]
struct Key {
    target: Target,
    /// A hash of what the endpoint says of its workload; 0 for no endpoint.
    peer: u64,
    grpc: bool,
    status: Option<u32>,
    grpc_status: Option<i64>,
    flags: u64,
}

impl Key {
    /// A number that no other key is likely to have. What clients choose of it is a hash already.
    fn number(&self) -> u64 {
        let (other, target) = match self.target {
            Target::Service(index) => (0, index.into()),
            Target::Other(hash) => (1, hash),
        };
        let kind = other << 33 | u64::from(self.grpc) << 32 | u64::from(self.status.unwrap_or(0));
        let words = [target, self.peer, kind, self.grpc_status.map_or(u64::MAX, i64::cast_unsigned), self.flags];
        words.into_iter().fold(0, |number, word| {
            let product = (number ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            product ^ product >> 32
        })
    }
}

/// The metrics of one set of labels.
#[derive(Clone, Copy, Debug)]
struct Series {
    requests: Counter,
    duration: Histogram,
    request_bytes: Histogram,
    response_bytes: Histogram,
}

impl Series {
    fn define(labels: &str) -> Series {
        let name = |metric: &str| format!("{labels}{metric}");
        Series {
            requests: Counter::define(&name("istio_requests_total")),
            duration: Histogram::define(&name("istio_request_duration_milliseconds")),
            request_bytes: Histogram::define(&name("istio_request_bytes")),
            response_bytes: Histogram::define(&name("istio_response_bytes")),
        }
    }

    fn count(self, done: &DonePhase<'_>) {
        self.requests.increment();
        self.duration.record(done.duration_ms());
        self.request_bytes.record(done.request_bytes());
        self.response_bytes.record(done.response_bytes());
    }
}

/// Where a request is counted.
#[derive(Clone, Copy, Debug)]
struct Room {
    series: Series,
    /// Whether all who are counted there have these labels, and found room for them.
    own: bool,
}

thread_local! {
    /// A VM has one thread, and may have several configurations after each other, or for several listeners.
    static REGISTRY: RefCell<Registry<Series>> = RefCell::default();
}

/// Asks the VM's registry. Nobody asks from within an answer; if somebody did, there would be none.
fn registry<T>(ask: impl FnOnce(&mut Registry<Series>) -> Option<T>) -> Option<T> {
    REGISTRY.with(|registry| registry.try_borrow_mut().ok().and_then(|mut registry| ask(&mut registry)))
}

/// A hash that only this VM can tell.
fn hash(bytes: &[u8]) -> u64 {
    registry(|registry| Some(registry.hash(bytes))).unwrap_or(0)
}

impl Behaviour for Stats {
    type Stream = Seen;

    fn new(plan: &Plan) -> Stats {
        let telemetry = plan.telemetry();
        Stats {
            enabled: telemetry.enabled,
            source: labels::source(&telemetry.source),
            max_series: telemetry.max_series,
            recent: RefCell::new(Recent::new(telemetry.max_series)),
            overflow: RefCell::new(None),
            overflowed: Counter::define("sailcloth.stats.overflow"),
        }
    }

    fn request(&self, own: &mut Seen, request: &mut RequestPhase<'_>) -> Step {
        if !self.enabled {
            return Step::Next;
        }
        own.grpc = request.request().is_grpc();
        registry(|registry| {
            registry.seed(|| request.draw());
            Some(())
        });
        // At the end the request may be rewritten, and its headers cannot be matched any more.
        request.decision();
        Step::Next
    }

    fn done(&self, own: &mut Seen, done: &mut DonePhase<'_>) {
        if !self.enabled {
            return;
        }
        let end = target::end(done);
        let peer = if end.answered_here { Vec::new() } else { done.upstream_workload() };
        let key = Key {
            target: end.target.key(hash),
            peer: if peer.is_empty() { 0 } else { hash(&peer) },
            grpc: own.grpc,
            status: done.status(),
            grpc_status: if own.grpc { done.grpc_status() } else { None },
            flags: end.flags | done.flags(),
        };
        let place = key.number();
        let recent = self.recent.try_borrow().ok().and_then(|recent| recent.get(place));
        let room = recent.or_else(|| {
            let room = self.find(&key, &end.target, &peer, done.plan())?;
            // Nobody comes twice who makes up a host for each request.
            if (room.own || !end.target.is_made_up())
                && let Ok(mut recent) = self.recent.try_borrow_mut()
            {
                recent.insert(place, room);
            }
            Some(room)
        });
        if room.is_none_or(|room| !room.own) {
            self.overflowed.increment();
        }
        if let Some(series) = room.map(|room| room.series).or_else(|| self.overflow()) {
            series.count(done);
        }
    }
}

impl Stats {
    /// Where a request is counted, by its labels; nothing when there is no room at all.
    fn find(&self, key: &Key, target: &Reached, peer: &[u8], plan: &Plan) -> Option<Room> {
        let mut described = Labels {
            service: target.service(plan),
            peer: if peer.is_empty() { Workload::default() } else { Workload::decode(&String::from_utf8_lossy(peer)) },
            grpc: key.grpc,
            status: key.status,
            grpc_status: key.grpc_status,
            flags: flags::text(key.flags),
        };
        let mut name = self.source.clone();
        labels::destination(&mut name, &described);
        let whose = if target.is_made_up() {
            Whose::MadeUp
        } else {
            let TargetService { host, name, namespace } = &described.service;
            Whose::Destination(hash([host, name, namespace].map(String::as_str).join("\n").as_bytes()))
        };
        match self.series(&name, whose)? {
            Ok(series) => return Some(Room { series, own: true }),
            Err(full) => self.tell(full),
        }
        described.service = target.in_short(plan);
        name.clone_from(&self.source);
        labels::in_short(&mut name, &described);
        match self.series(&name, Whose::Shared)? {
            Ok(series) => Some(Room { series, own: false }),
            Err(full) => {
                self.tell(full);
                None
            }
        }
    }

    fn series(&self, labels: &str, whose: Whose) -> Option<Result<Series, Full>> {
        registry(|registry| Some(registry.series(labels, whose, self.max_series, Series::define)))
    }

    /// Says once that there is no more room.
    fn tell(&self, full: Full) {
        if registry(|registry| Some(registry.is_news(full))) == Some(true) {
            log::warn!("stats, maxSeries {}: {}", self.max_series, full.warning());
        }
    }

    /// The series of all that find no room, made for the first of them.
    fn overflow(&self) -> Option<Series> {
        let mut overflow = self.overflow.try_borrow_mut().ok()?;
        Some(*overflow.get_or_insert_with(|| {
            let mut name = self.source.clone();
            labels::overflow(&mut name);
            Series::define(&name)
        }))
    }
}
