//! A configured module: its plan, its chain, and the streams that wait in this VM.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use shared::plan::Plan;

use crate::abi::{self, Counter};
use crate::behaviour::{Chain, Wait};
use crate::stream::{Stream, Way};
use crate::waits::Waits;

/// What one configuration makes of a module, in one VM.
pub(crate) struct Configured<C: Chain> {
    pub(crate) plan: Plan,
    pub(crate) chain: C,
    pub(crate) random: RefCell<SmallRng>,
    /// Requests that another module decided by another configuration.
    pub(crate) foreign: Counter,
    waiting: RefCell<Waiting<C>>,
    started: Instant,
}

/// The streams that wait. They are owned here too, since a tick of the root context cannot reach a stream's own
/// context.
struct Waiting<C: Chain> {
    waits: Waits,
    streams: BTreeMap<u32, Waiter<C>>,
}

/// A deadline and whose it is.
type Waiter<C> = (u64, Rc<RefCell<Stream<C>>>);

impl<C: Chain> Configured<C> {
    pub(crate) fn new(name: &str, plan: Plan) -> Configured<C> {
        let mut seed = [0; 32];
        if getrandom::fill(&mut seed).is_err() {
            log::warn!("Envoy gave no random numbers; draws repeat in every VM");
        }
        Configured {
            chain: C::new(&plan),
            plan,
            random: RefCell::new(SmallRng::from_seed(seed)),
            foreign: Counter::define(&format!("sailcloth.{name}.foreign_decisions")),
            waiting: RefCell::new(Waiting { waits: Waits::default(), streams: BTreeMap::new() }),
            started: Instant::now(),
        }
    }

    /// Milliseconds since the module was configured.
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A stream's way has led to a wait.
    pub(crate) fn wait(&self, id: u32, stream: &Rc<RefCell<Stream<C>>>, Wait::For(time): Wait) {
        let now = self.now();
        // The clock has just passed some part of a millisecond; the wait is never shorter than asked for.
        let ms = u64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(u64::MAX);
        let deadline = now.saturating_add(ms).saturating_add(1);
        let mut waiting = self.waiting.borrow_mut();
        waiting.waits.insert(deadline, id);
        waiting.streams.insert(id, (deadline, Rc::clone(stream)));
        abi::set_tick(waiting.waits.next_tick(now).unwrap_or(0));
    }

    /// A stream has ended, maybe while it waited.
    pub(crate) fn forget(&self, id: u32) {
        let mut waiting = self.waiting.borrow_mut();
        if let Some((deadline, _)) = waiting.streams.remove(&id) {
            waiting.waits.remove(deadline, id);
        }
    }

    /// Lets those go on whose time has come, and asks for the next tick.
    pub(crate) fn tick(&self) {
        let due: Vec<_> = {
            let mut waiting = self.waiting.borrow_mut();
            let ids = waiting.waits.due(self.now());
            ids.into_iter().filter_map(|id| Some((id, waiting.streams.remove(&id)?.1))).collect()
        };
        for (id, stream) in due {
            if !abi::set_effective_context(id) {
                continue;
            }
            let Ok(mut state) = stream.try_borrow_mut() else { continue };
            let way = state.request(self, true);
            drop(state);
            match way {
                Way::On => abi::continue_request(),
                Way::Waits(wait) => self.wait(id, &stream, wait),
                Way::Back => {}
            }
        }
        let next = self.waiting.borrow().waits.next_tick(self.now());
        abi::set_tick(next.unwrap_or(0));
    }
}
