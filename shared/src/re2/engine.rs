//! Runs a program: by a DFA made as values come along, or else by simulating the NFA.

use regex_automata::hybrid::dfa;
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::util::primitives::NonMaxUsize;
use regex_automata::{Anchored, Input};

use super::compile::{self, Purpose};
use super::program::Program;

/// Bytes of the states that a DFA keeps. A pattern that needs more begins anew, or goes on without a DFA.
const DFA_CAPACITY: usize = 128 << 10;

/// Values that the NFA is run on before there is a DFA: one costs as much to make as it saves on so many, and most
/// patterns of a large configuration see none.
const RUNS_BEFORE_DFA: u8 = 8;

/// The same for an engine that had a DFA for which there was no room. More, since there may be none for the next: with
/// thousands of patterns tried for each request, most of the time would go into making what is dropped again.
const RUNS_AFTER_SHRINKING: u8 = 128;

/// A program made ready to run.
pub(super) struct Engine {
    /// Takes a time in proportion to program and value, whatever they are.
    nfa: PikeVM,
    /// Many times faster.
    fast: Fast,
}

enum Fast {
    /// After so many runs more.
    Later(u8),
    Ready(Box<Dfa>),
    /// For those that find, and for programs so large that a few states would fill it.
    Never,
}

struct Dfa {
    dfa: dfa::DFA,
    cache: dfa::Cache,
}

/// What simulating needs, which is nothing that has to last.
pub(super) type Scratch = Option<pikevm::Cache>;

/// The cache of a program that finds.
pub(super) struct Finder(pikevm::Cache);

impl Engine {
    /// None if regex-automata refuses, which it does for programs that are larger than patterns can make.
    pub(super) fn new(program: &Program) -> Option<Engine> {
        let nfa = compile::compile(&program.node, program.purpose).ok()?;
        let fast = match program.purpose {
            Purpose::Find => Fast::Never,
            Purpose::Match => Fast::Later(RUNS_BEFORE_DFA),
        };
        Some(Engine { nfa: PikeVM::new_from_nfa(nfa).ok()?, fast })
    }

    /// Whether a [`Purpose::Match`] program matches the value.
    #[inline]
    pub(super) fn is_match(&mut self, value: &[u8], scratch: &mut Scratch) -> bool {
        let input = Input::new(value).anchored(Anchored::Yes).earliest(true);
        match &mut self.fast {
            Fast::Later(0) => self.fast = Dfa::new(&self.nfa).map_or(Fast::Never, Fast::Ready),
            Fast::Later(runs) => *runs -= 1,
            Fast::Ready(_) | Fast::Never => {}
        }
        if let Fast::Ready(fast) = &mut self.fast
            && let Ok(found) = fast.dfa.try_search_fwd(&mut fast.cache, &input)
        {
            return found.is_some();
        }
        self.nfa.search_slots(self.scratch(scratch), &input, &mut []).is_some()
    }

    /// Finds the first match of a [`Purpose::Find`] program from a place on, and where its groups begin and end.
    pub(super) fn find(
        &self,
        value: &[u8],
        from: usize,
        groups: &mut [Option<NonMaxUsize>],
        finder: &mut Finder,
    ) -> bool {
        let input = Input::new(value).range(from.min(value.len())..);
        self.nfa.search_slots(&mut finder.0, &input, groups).is_some()
    }

    /// What the searches of one value share. Made anew, since a cache that has served another program keeps places of
    /// that one's groups, which even a reset leaves there.
    pub(super) fn finder(&self) -> Finder {
        Finder(self.nfa.create_cache())
    }

    #[inline]
    fn scratch<'s>(&self, scratch: &'s mut Scratch) -> &'s mut pikevm::Cache {
        let cache = scratch.get_or_insert_with(|| self.nfa.create_cache());
        cache.reset(&self.nfa);
        cache
    }

    /// Bytes that its NFA takes, which stay as they are.
    pub(super) fn nfa_size(&self) -> usize {
        self.nfa.get_nfa().memory_usage()
    }

    /// Bytes that its DFA takes, which are more as it grows.
    pub(super) fn dfa_size(&self) -> usize {
        match &self.fast {
            // A cache counts what it has in use. Its lists and its table, which double when they are full, have up to
            // as much again in reserve.
            Fast::Ready(fast) => size_of::<Dfa>() + 2 * fast.cache.memory_usage(),
            Fast::Later(_) | Fast::Never => 0,
        }
    }

    /// Gives back its DFA, without which it can go on for a while.
    pub(super) fn shrink(&mut self) {
        if matches!(self.fast, Fast::Ready(_)) {
            self.fast = Fast::Later(RUNS_AFTER_SHRINKING);
        }
    }
}

impl Dfa {
    fn new(nfa: &PikeVM) -> Option<Box<Dfa>> {
        let config = dfa::DFA::config()
            .cache_capacity(DFA_CAPACITY)
            // As in the regex crate: it gives up when it makes a state for every ten bytes.
            .minimum_cache_clear_count(Some(3))
            .minimum_bytes_per_state(Some(10));
        let dfa = dfa::Builder::new().configure(config).build_from_nfa(nfa.get_nfa().clone()).ok()?;
        Some(Box::new(Dfa { cache: dfa.create_cache(), dfa }))
    }
}
