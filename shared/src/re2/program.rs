//! Programs: what the engines run, shared among the patterns that have the same.

use std::cell::RefCell;
use std::sync::Arc;

use super::node::Node;
use super::pool::{self, Ready};

/// What an engine is made of when one is needed; see [`pool`](super::pool).
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program {
    pub(super) node: Node,
    pub(super) purpose: Purpose,
}

impl Program {
    /// Whether it matches all of a value; for [`Purpose::Match`].
    #[inline]
    pub(super) fn is_match(self: &Arc<Self>, value: &[u8]) -> bool {
        pool::with(self, |ready, scratch| match ready {
            Ready::Match(engine) => engine.is_match(value, scratch),
            Ready::Find(_) => false,
        })
    }
}

/// What a program is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Purpose {
    /// To say whether a value matches from the first byte to the last.
    Match,
    /// To find matches with their groups: wherever they are, or from the start of the value alone, or to its end alone.
    Find { from_start: bool, to_end: bool },
}

/// The program of this tree, which is one for equal trees made in the same thread.
pub(super) fn shared(node: Node, purpose: Purpose) -> Arc<Program> {
    let program = Program { node, purpose };
    PROGRAMS.with_borrow_mut(|programs| programs.shared(program))
}

thread_local! {
    static PROGRAMS: RefCell<Programs> = const { RefCell::new(Programs { all: Vec::new(), tidy_at: 0 }) };
}

struct Programs {
    /// In their order.
    all: Vec<Arc<Program>>,
    /// How many there have to be before those that nobody uses are sought again.
    tidy_at: usize,
}

impl Programs {
    fn shared(&mut self, program: Program) -> Arc<Program> {
        if let Some(known) = self.place(&program).ok().and_then(|at| self.all.get(at)) {
            return Arc::clone(known);
        }
        if self.all.len() >= self.tidy_at {
            self.all.retain(|program| Arc::strong_count(program) > 1);
            self.tidy_at = self.all.len() * 2 + 16;
        }
        let program = Arc::new(program);
        if let Err(at) = self.place(&program) {
            self.all.insert(at, Arc::clone(&program));
        }
        program
    }

    fn place(&self, program: &Program) -> Result<usize, usize> {
        self.all.binary_search_by(|known| known.as_ref().cmp(program))
    }
}
