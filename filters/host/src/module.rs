//! A configured module: its plan, its chain, and the streams that wait in this VM.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use shared::plan::Plan;

use crate::abi::{self, Counter};
use crate::behaviour::{Chain, Wait};
use crate::dispatch::{Live, Streams};
use crate::phase::AttendPhase;
use crate::stream::Way;
use crate::vm::{Attention, StreamId, Vm};
use crate::waits::{self, Waits};

/// What one configuration makes of a module, in one VM.
pub(crate) struct Configured<C: Chain> {
    pub(crate) plan: Plan,
    pub(crate) chain: C,
    pub(crate) random: RefCell<SmallRng>,
    /// Requests that another module decided by another configuration.
    pub(crate) foreign: Counter,
    /// Whether this is the module that sends requests on, the last of a chain.
    pub(crate) routes: bool,
    waits: RefCell<Waits>,
    pub(crate) attention: Attention,
    /// The time for which a tick was asked.
    armed: Cell<Option<u64>>,
}

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
            routes: name == "router",
            waits: RefCell::default(),
            attention: Attention::default(),
            armed: Cell::new(None),
        }
    }

    /// A stream's way has led to a wait.
    pub(crate) fn wait(&self, id: u32, live: &Live<C>, wait: Wait) {
        let now = abi::now();
        let time = match wait {
            Wait::For(time) | Wait::UntilWoken(Some(time)) => Some(time),
            Wait::UntilWoken(None) => None,
        };
        // The clock has just passed some part of a millisecond; the wait is never shorter than asked for.
        let ms = |time: Duration| {
            let part = time.subsec_micros().div_ceil(1000);
            time.as_secs().saturating_mul(1000).saturating_add(part.into())
        };
        let deadline = time.map_or(u64::MAX, |time| now.saturating_add(ms(time)).saturating_add(1));
        live.deadline.set(Some(deadline));
        self.waits.borrow_mut().insert(deadline, id);
        self.arm();
    }

    /// Asks for the next tick, where it is needed earlier than the one that was asked for.
    pub(crate) fn arm(&self) {
        let waits = self.waits.borrow().next();
        let next = [waits, self.attention.at.get()].into_iter().flatten().min();
        if let Some(next) = next
            && self.armed.get().is_none_or(|armed| armed > next)
        {
            self.armed.set(Some(next));
            abi::set_tick(waits::tick(next, abi::now()));
        }
    }

    /// A stream has ended, maybe while it waited.
    pub(crate) fn forget(&self, id: u32, live: &Live<C>) {
        if let Some(deadline) = live.deadline.take() {
            self.waits.borrow_mut().remove(deadline, id);
        }
    }

    /// A tick: behaviours are asked whose time has come, then streams go on.
    pub(crate) fn tick(&self, streams: &Streams<C>) {
        if self.attention.at.get().is_some_and(|at| at <= abi::now()) {
            self.attend(streams);
        }
        self.resume(streams);
    }

    /// Another VM has sent a message.
    pub(crate) fn woken(&self, streams: &Streams<C>) {
        self.attention.drain();
        self.attend(streams);
        self.resume(streams);
    }

    /// The configuration goes. Envoy would go on ticking for a root context that is gone.
    pub(crate) fn close(&self) {
        abi::set_tick(0);
        self.chain.close(Vm(&self.attention));
    }

    fn attend(&self, streams: &Streams<C>) {
        self.attention.at.set(None);
        let mut wake = Vec::new();
        self.chain.attend(&mut AttendPhase { plan: &self.plan, vm: Vm(&self.attention), wake: &mut wake });
        for StreamId(id) in wake {
            if let Some(live) = streams.get(id)
                && std::ptr::eq(Rc::as_ptr(&live.module), self)
                && let Some(deadline) = live.deadline.replace(Some(0))
            {
                let mut waits = self.waits.borrow_mut();
                waits.remove(deadline, id);
                waits.insert(0, id);
            }
        }
    }

    /// Lets those go on whose time has come, and asks for the next tick.
    fn resume(&self, streams: &Streams<C>) {
        let due = self.waits.borrow_mut().due(abi::now());
        // None of them waits any more, whatever becomes of one while another goes on.
        let due = due.into_iter().filter_map(|id| {
            let live = streams.get(id)?;
            live.deadline.set(None);
            Some((id, live))
        });
        for (id, live) in due.collect::<Vec<_>>() {
            if !abi::set_effective_context(id) {
                continue;
            }
            let Ok(mut state) = live.state.try_borrow_mut() else { continue };
            let way = state.request(self, true);
            drop(state);
            match way {
                Way::On => abi::continue_request(),
                Way::Waits(wait) => self.wait(id, &live, wait),
                Way::Back => {}
            }
        }
        // A tick that nobody needs any more would come again and again.
        self.armed.set(None);
        abi::set_tick(0);
        self.arm();
    }
}
