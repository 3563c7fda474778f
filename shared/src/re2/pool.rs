//! The engines of all programs of a thread, which are made when a program is first run and together have a limit.
//!
//! A module's memory never shrinks, and a client chooses what the values are: with a limit for each pattern alone,
//! whoever knows what makes each work hardest would have them all at their limits.

use std::cell::RefCell;
use std::sync::Arc;

use super::engine::{Engine, Scratch};
use super::program::Program;
use crate::table::Table;

/// Bytes of all engines together, but for the one at work. That is enough for the largest by itself, and for thousands
/// as patterns of routes are.
const LIMIT: usize = 12 << 20;

/// Bytes of scratch space that stay when nothing runs.
const SCRATCH_LIMIT: usize = 64 << 10;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}

struct Pool {
    /// By the addresses of their programs, which are nobody else's as long as they are here.
    engines: Table<u64, Slot>,
    /// Of all engines.
    size: usize,
    scratch: Scratch,
}

struct Slot {
    _program: Arc<Program>,
    engine: Option<Engine>,
    size: usize,
}

/// Runs something with the engine of a program. None if there can be no engine.
pub(super) fn with<R>(program: &Arc<Program>, run: impl FnOnce(&mut Engine, &mut Scratch) -> R) -> Option<R> {
    POOL.with_borrow_mut(|pool| pool.with(program, run))
}

impl Pool {
    const fn new() -> Pool {
        Pool { engines: Table::new(), size: 0, scratch: None }
    }

    fn with<R>(&mut self, program: &Arc<Program>, run: impl FnOnce(&mut Engine, &mut Scratch) -> R) -> Option<R> {
        let address = Arc::as_ptr(program).addr() as u64;
        if self.engines.get(address).is_none() {
            let slot = Slot { _program: Arc::clone(program), engine: Engine::new(program), size: 0 };
            self.engines.insert(address, slot);
        }
        let slot = self.engines.get_mut(address)?;
        let result = slot.engine.as_mut().map(|engine| run(engine, &mut self.scratch));
        let size = slot.measured();
        self.size = self.size - slot.size + size;
        slot.size = size;
        while self.size > LIMIT {
            self.drop_half();
        }
        self.scratch.take_if(|scratch| scratch.memory_usage() > SCRATCH_LIMIT);
        result
    }

    /// Has every other engine shrink, or dropped if it cannot, without a look at when each was used. What is in use is
    /// soon back. Were it the oldest, a request that runs through more patterns than there is room for would find none.
    fn drop_half(&mut self) {
        let mut keep = true;
        self.engines.retain(|slot| {
            keep = !keep;
            if !keep && slot.engine.as_mut().is_some_and(Engine::shrink) {
                slot.size = slot.measured();
                return true;
            }
            keep
        });
        self.size = self.engines.values().map(|slot| slot.size).sum();
    }
}

impl Slot {
    fn measured(&self) -> usize {
        size_of::<(u64, Slot)>() + self.engine.as_ref().map_or(0, Engine::size)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{LIMIT, POOL};
    use crate::re2::Re2;

    /// `b`s and `a`s that make nearly every step a new state of the DFA.
    fn hardest() -> Vec<u8> {
        let mut seed = 1_u32;
        let step = |_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if seed >> 31 == 0 { b'a' } else { b'b' }
        };
        (0..1_200).map(step).collect()
    }

    #[test]
    fn whatever_clients_send_all_engines_keep_to_one_limit() -> Result<(), Box<dyn std::error::Error>> {
        let value = hardest();
        let patterns: Result<Vec<_>, _> =
            (0..150).map(|n| Re2::new(&format!("[ab]*a[ab]{{{}}}|[ab]*{n}", 10 + n % 5))).collect();
        let patterns = patterns?;
        // Past the runs that need no DFA.
        for pattern in patterns.iter().flat_map(|pattern| std::iter::repeat_n(pattern, 10)) {
            assert!(!pattern.is_full_match(b"x"));
        }
        let (mut most, mut fell) = (0, false);
        for round in 0..4 {
            for (n, pattern) in patterns.iter().enumerate() {
                let last = value.len() - 1 - (10 + n % 5);
                assert_eq!(pattern.is_full_match(&value), value.get(last) == Some(&b'a'), "{pattern:?}, round {round}");
                let (size, sum) = POOL
                    .with_borrow(|pool| (pool.size, pool.engines.values().map(super::Slot::measured).sum::<usize>()));
                assert_eq!(size, sum);
                assert!(size <= LIMIT);
                fell |= size < most;
                most = most.max(size);
            }
        }
        assert!(fell && most > LIMIT / 2, "the test is too easy: {most}");
        Ok(())
    }

    #[test]
    fn what_was_dropped_is_made_again() -> Result<(), Box<dyn std::error::Error>> {
        let pattern = Re2::new("(a|b)*c")?;
        for _ in 0..100 {
            assert!(pattern.is_full_match(b"abc"));
            assert!(!pattern.is_full_match(b"abd"));
            POOL.with_borrow_mut(super::Pool::drop_half);
        }
        Ok(())
    }

    #[test]
    fn the_largest_pattern_fits() -> Result<(), Box<dyn std::error::Error>> {
        let class: String = (0..64).map(|n| format!(r"\x{:02x}", n * 4)).collect();
        let largest =
            (1..).map_while(|n| Re2::new(&format!("(?:(?:{}|x)*)", format!("[{class}]{{1000}}").repeat(n))).ok());
        let largest = largest.last().ok_or("none is small enough")?;
        assert!(!largest.is_full_match(b"y"));
        assert!(POOL.with_borrow(|pool| pool.engines.values().any(|slot| slot.size > LIMIT / 4)));
        Ok(())
    }
}
