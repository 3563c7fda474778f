//! The engines of all programs of a thread, which are made when a program is first run and together have a limit.
//!
//! A module's memory never shrinks, and a client chooses what the values are: with a limit for each pattern alone,
//! whoever knows what makes each work hardest would have them all at their limits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::{Engine, Scratch};
use super::program::Program;

/// Bytes of all engines together, but for the one at work. That is enough for the largest by itself, and for thousands
/// as patterns of routes are.
const LIMIT: usize = 16 << 20;

/// Bytes of scratch space that stay when nothing runs.
const SCRATCH_LIMIT: usize = 64 << 10;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool::new()) };
}

struct Pool {
    /// By the addresses of their programs, which are nobody else's as long as they are here.
    engines: BTreeMap<usize, Slot>,
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
        Pool { engines: BTreeMap::new(), size: 0, scratch: None }
    }

    fn with<R>(&mut self, program: &Arc<Program>, run: impl FnOnce(&mut Engine, &mut Scratch) -> R) -> Option<R> {
        let slot = self.engines.entry(Arc::as_ptr(program).addr()).or_insert_with(|| Slot {
            _program: Arc::clone(program),
            engine: Engine::new(program),
            size: 0,
        });
        let result = slot.engine.as_mut().map(|engine| run(engine, &mut self.scratch));
        let size = size_of::<Slot>() + slot.engine.as_ref().map_or(0, Engine::size);
        self.size = self.size - slot.size + size;
        slot.size = size;
        while self.size > LIMIT {
            self.drop_half();
        }
        self.scratch.take_if(|scratch| scratch.memory_usage() > SCRATCH_LIMIT);
        result
    }

    /// Drops every other engine, the first among them, without a look at when each was used. What is in use is soon
    /// back. Were it the oldest, a request that runs through more patterns than there is room for would find none.
    fn drop_half(&mut self) {
        let mut keep = true;
        self.engines.retain(|_, _| {
            keep = !keep;
            keep
        });
        self.size = self.engines.values().map(|slot| slot.size).sum();
    }
}
