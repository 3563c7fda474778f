//! From Envoy's callbacks to [`Stream`]s: which contexts there are, and whose turn it is.
//!
//! Any call to Envoy may come back into this module, about this stream or another, before it returns. So no table is
//! held over one, and a stream that is in the middle of something lets such a callback pass.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use shared::table::Table;

use crate::behaviour::Chain;
use crate::configure::configure;
use crate::module::Configured;
use crate::stream::{Stream, Way};
use crate::vm::StreamId;

/// What Envoy is told after headers.
const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// All contexts of a module in one VM. [`main!`](crate::main) makes it and its callbacks.
///
/// A context that is not known here, Envoy's mistake or of a configuration that was refused, is let pass.
pub struct Dispatcher<C: Chain> {
    name: &'static str,
    roots: RefCell<Vec<Root<C>>>,
    streams: Streams<C>,
}

/// One configuration; several share a VM while one takes the place of the other, or when several listeners have the
/// module.
struct Root<C: Chain> {
    id: u32,
    module: Option<Rc<Configured<C>>>,
}

/// A stream that has not ended.
pub(crate) struct Live<C: Chain> {
    /// The configuration under which it came.
    pub(crate) module: Rc<Configured<C>>,
    pub(crate) state: RefCell<Stream<C>>,
    /// Its place among those who wait.
    pub(crate) deadline: Cell<Option<u64>>,
}

/// The streams of a VM.
pub(crate) struct Streams<C: Chain>(RefCell<Table<u32, Rc<Live<C>>>>);

impl<C: Chain> Streams<C> {
    pub(crate) fn get(&self, id: u32) -> Option<Rc<Live<C>>> {
        self.0.borrow().get(id).cloned()
    }
}

impl<C: Chain> Dispatcher<C> {
    /// For a module of this name.
    pub const fn new(name: &'static str) -> Dispatcher<C> {
        Dispatcher { name, roots: RefCell::new(Vec::new()), streams: Streams(RefCell::new(Table::new())) }
    }

    fn module(&self, root: u32) -> Option<Rc<Configured<C>>> {
        self.roots.borrow().iter().find(|it| it.id == root).and_then(|it| it.module.clone())
    }

    /// A configuration, or a stream under one.
    pub fn context_create(&self, id: u32, root: u32) {
        if root == 0 {
            self.roots.borrow_mut().push(Root { id, module: None });
        } else if let Some(module) = self.module(root) {
            let state = RefCell::new(Stream::new(StreamId(id)));
            let live = Rc::new(Live { module, state, deadline: Cell::new(None) });
            let before = self.streams.0.borrow_mut().insert(id, live);
            drop(before);
        }
    }

    /// The configuration's text is there; 0 refuses it.
    pub fn configure(&self, root: u32, size: usize) -> u32 {
        let Some(module) = configure(self.name, size) else { return 0 };
        let module = Some(Rc::new(module));
        match self.roots.borrow_mut().iter_mut().find(|it| it.id == root) {
            Some(it) => drop(std::mem::replace(&mut it.module, module)),
            None => return 0,
        }
        1
    }

    /// The time has come that was asked for.
    pub fn tick(&self, root: u32) {
        if let Some(module) = self.module(root) {
            module.tick(&self.streams);
        }
    }

    /// Another VM has sent a message.
    pub fn queue_ready(&self, root: u32) {
        if let Some(module) = self.module(root) {
            module.woken(&self.streams);
        }
    }

    /// The request's headers are there.
    pub fn request_headers(&self, id: u32) -> u32 {
        let Some(live) = self.streams.get(id) else { return CONTINUE };
        let Ok(mut state) = live.state.try_borrow_mut() else { return CONTINUE };
        let way = state.request(&live.module, false);
        drop(state);
        live.module.arm();
        match way {
            Way::On => CONTINUE,
            Way::Waits(wait) => {
                live.module.wait(id, &live, wait);
                PAUSE
            }
            Way::Back => PAUSE,
        }
    }

    /// The response's headers are there.
    pub fn response_headers(&self, id: u32) -> u32 {
        if let Some(live) = self.streams.get(id)
            && let Ok(mut state) = live.state.try_borrow_mut()
        {
            state.response(&live.module);
        }
        CONTINUE
    }

    /// The stream has ended, and Envoy still knows all of it.
    pub fn log(&self, id: u32) {
        if let Some(live) = self.streams.get(id)
            && let Ok(mut state) = live.state.try_borrow_mut()
        {
            state.done(&live.module);
            live.module.arm();
        }
    }

    /// A stream is gone, maybe while it waited; or a configuration, when its last stream is.
    pub fn delete(&self, id: u32) {
        let stream = self.streams.0.borrow_mut().remove(id);
        if let Some(live) = stream {
            // Over HTTP/3 Envoy may log a stream when it is gone.
            if let Ok(mut state) = live.state.try_borrow_mut() {
                state.done(&live.module);
            }
            live.module.forget(id, &live);
            return;
        }
        let mut roots = self.roots.borrow_mut();
        let root = roots.iter().position(|it| it.id == id).map(|at| roots.swap_remove(at));
        drop(roots);
        if let Some(Root { module: Some(module), .. }) = root {
            module.close();
        }
    }
}
