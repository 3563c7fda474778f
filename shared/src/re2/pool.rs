//! The engines of all programs of a thread, which are made when a program is first run and together have two limits.
//!
//! A module's memory never shrinks, and a client chooses what the values are: with a limit for each pattern alone,
//! whoever knows what makes each work hardest would have them all at their limits. So DFAs, which grow with what clients
//! send, have one limit together. NFAs are as large as the configuration makes them, and have one of their own: were it
//! the same, a configuration of many patterns would leave no room, and each request would make them all anew. The upper
//! bound of a VM is the sum of both, 60 MiB, and the one engine at work or being made.

use std::cell::RefCell;
use std::sync::{Arc, Weak};

use super::engine::Engine;
use super::places::Scratch;
use super::program::{Program, Purpose};
use super::search::Finder;
use crate::table::Table;

/// Bytes of all DFAs together, but for the one at work. That is enough for thousands as patterns of routes have them.
const DFA_LIMIT: usize = 12 << 20;

/// Bytes of all NFAs together, but for the one at work. One of a route's pattern takes 1 to 3 kB, so that ten thousand fit.
/// Where there are more, some are made again for each request.
const NFA_LIMIT: usize = 48 << 20;

/// Bytes of scratch space that stay when nothing runs.
const SCRATCH_LIMIT: usize = 64 << 10;

/// Places of a pattern from which on its engine is made when it is read, as in RE2: others have theirs in 20 µs, which is
/// less than RE2 takes to begin, and most of a large configuration are never run.
const LARGE: u64 = 64;

/// How much of that is done between two requests, in places: thousands of large patterns would keep a worker for seconds
/// each time that they change. It takes a second at most, and the rest is made when it is first run.
const AHEAD: u64 = 2 << 20;

/// How many times as much work a place is in a pattern that looks around, which has places for each kind of byte.
const LOOKING: u64 = 8;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}

struct Pool {
    /// By the addresses of their programs, which are nobody else's as long as they are here.
    engines: Table<u64, Slot>,
    /// Bytes of all NFAs, and of what finds them.
    nfas: usize,
    /// Bytes of all DFAs.
    dfas: usize,
    /// What is left of [`AHEAD`].
    ahead: u64,
    scratch: Option<Box<Scratch>>,
    /// How many engines were ever made.
    #[cfg(test)]
    made: usize,
}

struct Slot {
    /// Keeps the address from others, but not the tree of a pattern that is no longer configured.
    program: Weak<Program>,
    ready: Ready,
    /// Whether it was used since there was no room the last time.
    used: bool,
    /// What of [`Pool::nfas`] is its, and of [`Pool::dfas`].
    nfa: usize,
    dfa: usize,
}

/// The engine of a program.
pub(super) enum Ready {
    Match(Box<Engine>),
    Find(Box<Finder>),
}

/// Runs something with the engine of a program.
pub(super) fn with<R: Default>(program: &Arc<Program>, run: impl FnOnce(&mut Ready, &mut Scratch) -> R) -> R {
    POOL.with_borrow_mut(|pool| pool.with(program, run))
}

/// Makes the engine of a large program, if there is none: that of a small one is made within the time of a request.
pub(super) fn prepare(program: &Arc<Program>) {
    let size = program.node.size();
    if size > LARGE {
        let work = size.saturating_mul(if program.node.looks() { LOOKING } else { 1 });
        POOL.with_borrow_mut(|pool| pool.prepare(program, work));
    }
}

impl Pool {
    const fn new() -> Pool {
        Pool {
            engines: Table::new(),
            nfas: 0,
            dfas: 0,
            ahead: AHEAD,
            scratch: None,
            #[cfg(test)]
            made: 0,
        }
    }

    fn with<R: Default>(&mut self, program: &Arc<Program>, run: impl FnOnce(&mut Ready, &mut Scratch) -> R) -> R {
        let address = Arc::as_ptr(program).addr() as u64;
        if self.engines.get(address).is_none() {
            self.make(address, program);
        }
        let Some(slot) = self.engines.get_mut(address) else { return R::default() };
        self.ahead = AHEAD;
        let scratch = self.scratch.get_or_insert_default();
        let result = run(&mut slot.ready, scratch);
        slot.used = true;
        let dfa = slot.ready.dfa_size();
        self.dfas = self.dfas - slot.dfa + dfa;
        slot.dfa = dfa;
        if self.dfas > DFA_LIMIT {
            self.shrink();
        }
        self.scratch.take_if(|scratch| scratch.size() > SCRATCH_LIMIT);
        result
    }

    fn prepare(&mut self, program: &Arc<Program>, work: u64) {
        let address = Arc::as_ptr(program).addr() as u64;
        if self.engines.get(address).is_none()
            && let Some(left) = self.ahead.checked_sub(work)
        {
            self.ahead = left;
            self.make(address, program);
        }
    }

    fn make(&mut self, address: u64, program: &Arc<Program>) {
        let slot = Slot::new(program);
        // Before it is among them, for it is about to run.
        if self.nfas + slot.nfa > NFA_LIMIT {
            self.drop(slot.nfa);
        }
        self.nfas += slot.nfa;
        self.engines.insert(address, slot);
        #[cfg(test)]
        {
            self.made += 1;
        }
    }

    /// Drops the DFAs of what was not used since the last time. If that is not enough, every other one, without a look at
    /// when each was used: what is in use is soon back. Were it the oldest, a request that runs through more patterns
    /// than there is room for would find none.
    fn shrink(&mut self) {
        let drop = |slot: &mut Slot| {
            slot.ready.shrink();
            slot.dfa = slot.ready.dfa_size();
        };
        let sum = |pool: &Pool| pool.engines.values().map(|slot| slot.dfa).sum();
        self.engines.retain(|slot| {
            if !std::mem::take(&mut slot.used) && slot.dfa > 0 {
                drop(slot);
            }
            true
        });
        self.dfas = sum(self);
        let mut before = usize::MAX;
        while self.dfas > DFA_LIMIT && self.dfas < before {
            before = self.dfas;
            let mut keep = true;
            self.engines.retain(|slot| {
                keep ^= slot.dfa > 0;
                if !keep && slot.dfa > 0 {
                    drop(slot);
                }
                true
            });
            self.dfas = sum(self);
        }
    }

    /// Drops engines in the same way, until there is room for another of this size.
    fn drop(&mut self, size: usize) {
        let sum = |pool: &Pool| pool.engines.values().map(|slot| slot.nfa).sum();
        self.engines.retain(|slot| std::mem::take(&mut slot.used) && slot.program.strong_count() > 0);
        self.nfas = sum(self);
        while self.nfas + size > NFA_LIMIT && !self.engines.is_empty() {
            let mut keep = true;
            self.engines.retain(|_| {
                keep = !keep;
                keep
            });
            self.nfas = sum(self);
        }
        self.dfas = self.engines.values().map(|slot| slot.dfa).sum();
    }
}

impl Slot {
    fn new(program: &Arc<Program>) -> Slot {
        // The table has up to four places for each that is taken.
        const PLACES: usize = 4 * size_of::<(u64, Slot)>();
        let ready = match program.purpose {
            Purpose::Match => Ready::Match(Box::new(Engine::new(&program.node))),
            Purpose::Find { from_start, to_end } => {
                Ready::Find(Box::new(Finder::new(&program.node, from_start, to_end)))
            }
        };
        Slot { program: Arc::downgrade(program), nfa: PLACES + ready.nfa_size(), ready, used: true, dfa: 0 }
    }
}

impl Ready {
    fn nfa_size(&self) -> usize {
        match self {
            Ready::Match(engine) => engine.nfa_size(),
            Ready::Find(finder) => finder.nfa_size(),
        }
    }

    fn dfa_size(&self) -> usize {
        match self {
            Ready::Match(engine) => engine.dfa_size(),
            Ready::Find(finder) => finder.dfa_size(),
        }
    }

    fn shrink(&mut self) {
        match self {
            Ready::Match(engine) => engine.shrink(),
            Ready::Find(finder) => finder.shrink(),
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{DFA_LIMIT, NFA_LIMIT, POOL, Pool};
    use crate::re2::{Re2, Substitution};

    /// As in a VM that has just begun: in WebAssembly all tests share a thread.
    fn begin() {
        POOL.with_borrow_mut(|pool| *pool = Pool::new());
    }

    /// `b`s and `a`s that make nearly every step a new state of the DFA.
    fn hardest() -> Vec<u8> {
        let mut seed = 1_u32;
        let step = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 { b'a' } else { b'b' }
        };
        (0..1_200).map(step).collect()
    }

    /// As many places as fit, and as many bytes as are told apart: what makes an NFA large.
    fn large(number: usize) -> String {
        let bytes: String = (1..=200).map(|byte| format!(r"[\xff\x{byte:02x}]")).collect();
        format!("[0-9]+(?:-{number}|x){bytes}{}", "[a-z]{1000}".repeat(30))
    }

    #[test]
    fn whatever_clients_send_all_dfas_keep_to_one_limit() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        let value = hardest();
        let patterns: Result<Vec<_>, _> =
            (0..300).map(|n| Re2::new(&format!("[ab]*a[ab]{{{}}}|[ab]*{n}", 10 + n % 5))).collect();
        let patterns = patterns?;
        // Past the runs that need no DFA.
        for pattern in &patterns {
            assert!(!pattern.is_full_match(&[b'b'; 600]));
        }
        let (mut most, mut fell) = (0, false);
        for round in 0..4 {
            for (n, pattern) in patterns.iter().enumerate() {
                let last = value.len() - 1 - (10 + n % 5);
                assert_eq!(pattern.is_full_match(&value), value.get(last) == Some(&b'a'), "{pattern:?}, round {round}");
                let (size, nfas) = POOL.with_borrow(|pool| {
                    let sums = pool.engines.values().fold((0, 0), |(nfas, dfas), slot| {
                        assert_eq!(slot.dfa, slot.ready.dfa_size());
                        (nfas + slot.nfa, dfas + slot.dfa)
                    });
                    assert_eq!((pool.nfas, pool.dfas), sums);
                    (pool.dfas, pool.nfas)
                });
                assert!(size <= DFA_LIMIT && nfas <= NFA_LIMIT / 10);
                fell |= size < most;
                most = most.max(size);
            }
        }
        assert!(fell && most > DFA_LIMIT / 2, "the test is too easy: {most}");
        Ok(())
    }

    #[test]
    fn what_was_dropped_is_made_again() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        let pattern = Re2::new("(ab|b)*c")?;
        for _ in 0..100 {
            assert!(pattern.is_full_match(b"abc"));
            assert!(!pattern.is_full_match(b"abd"));
            // What was used stays the first time.
            for _ in 0..2 {
                POOL.with_borrow_mut(Pool::shrink);
                POOL.with_borrow_mut(|pool| pool.drop(0));
            }
        }
        assert_eq!(POOL.with_borrow(|pool| (pool.made, pool.nfas, pool.dfas)), (100, 0, 0));
        Ok(())
    }

    /// Each is tried for each request, since what they begin with does not tell them apart.
    #[test]
    fn thousands_of_patterns_of_one_prefix_are_made_once() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        const PATTERNS: usize = 5_000;
        let patterns: Result<Vec<_>, _> =
            (0..PATTERNS).map(|n| Re2::new(&format!("/api/v[0-9]+/(?:svc-{n}|none)/.*"))).collect();
        let patterns = patterns?;
        let pass = || patterns.iter().filter(|pattern| pattern.is_full_match(b"/api/v12/svc-4999/item")).count();
        // Beyond those that have a DFA, and there is no room for all of these.
        for round in 0..12 {
            assert_eq!(pass(), 1);
            let (made, nfas, dfas) = POOL.with_borrow(|pool| (pool.made, pool.nfas, pool.dfas));
            assert_eq!(made, PATTERNS, "round {round}");
            assert!(nfas < NFA_LIMIT / 4 && dfas <= DFA_LIMIT, "{nfas}, {dfas}");
        }
        Ok(())
    }

    /// Each DFA that a search begins with would be a few kB, if what gives it back kept its first states.
    #[test]
    fn thousands_of_rewrites_keep_to_the_limit() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        const REWRITES: usize = 2_500;
        // All 256 bytes are told apart, so that a state has a number for each.
        let with_bit = |bit: u32| {
            let ranges = (0..256_u32).step_by(2 << bit).map(|low| low + (1 << bit));
            let ranges = ranges.map(|low| format!(r"\x{low:02x}-\x{:02x}", low + (1 << bit) - 1));
            format!("[{}]", ranges.collect::<String>())
        };
        let bytes: String = (0..8).map(with_bit).collect();
        let rewrite = |n| Substitution::new(&format!("^/v{n}/(.*){bytes}$"), r"/\1");
        let rewrites: Result<Vec<_>, _> = (0..REWRITES).map(rewrite).collect();
        for (n, rewrite) in rewrites?.iter().enumerate() {
            assert_eq!(rewrite.apply(b"/v9999/item"), b"/v9999/item".as_slice(), "{n}");
            assert!(POOL.with_borrow(|pool| pool.dfas) <= DFA_LIMIT, "{n}");
        }
        let sum = |pool: &Pool| pool.engines.values().map(|slot| slot.ready.dfa_size()).sum::<usize>();
        assert_eq!(POOL.with_borrow(|pool| (pool.made, pool.engines.len())), (REWRITES, REWRITES));
        assert_eq!(POOL.with_borrow(|pool| pool.dfas), POOL.with_borrow(sum));
        POOL.with_borrow_mut(|pool| {
            (0..2).for_each(|_| pool.shrink());
            assert_eq!(pool.dfas, 0);
        });
        Ok(())
    }

    #[test]
    fn whatever_is_configured_all_nfas_keep_to_one_limit() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        let (mut most, mut fell) = (0, false);
        for n in 0..60 {
            assert!(!Re2::new(&large(n))?.is_full_match(b"0-"));
            let (nfas, made) = POOL.with_borrow(|pool| (pool.nfas, pool.made));
            assert!(nfas <= NFA_LIMIT, "{nfas}");
            assert_eq!(made, n + 1);
            fell |= nfas < most;
            most = most.max(nfas);
        }
        assert!(fell && most > NFA_LIMIT / 2, "the test is too easy: {most}");
        Ok(())
    }

    #[test]
    fn what_is_made_ahead_between_two_requests_is_bounded() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        let made = || POOL.with_borrow(|pool| pool.made);
        let patterns: Result<Vec<_>, _> = (0..20).map(|n| Re2::new(&format!("[a-z]{{1000}}x{n}|y"))).collect();
        let patterns = patterns?;
        POOL.with_borrow_mut(|pool| pool.ahead = 10_100);
        patterns.iter().for_each(Re2::prepare);
        patterns.iter().for_each(Re2::prepare);
        assert_eq!(made(), 10);
        // A request. What is there is not made again.
        assert!(!patterns.first().is_some_and(|pattern| pattern.is_full_match(b"z")));
        patterns.iter().for_each(Re2::prepare);
        assert_eq!(made(), 20);
        Ok(())
    }

    #[test]
    fn the_largest_pattern_fits() -> Result<(), Box<dyn std::error::Error>> {
        begin();
        assert!(!Re2::new(&large(0))?.is_full_match(b"0-"));
        assert!(POOL.with_borrow(|pool| pool.engines.values().any(|slot| slot.nfa > NFA_LIMIT / 64)));
        Ok(())
    }
}
