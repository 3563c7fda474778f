//! Runs a program: by a DFA made as values come along, or else by simulating the NFA.

use regex_automata::Anchored;
use regex_automata::Input;
use regex_automata::hybrid::dfa;
use regex_automata::nfa::thompson::pikevm::{self, PikeVM};
use regex_automata::util::primitives::NonMaxUsize;

use super::compile::{self, Purpose};
use super::program::Program;

/// Bytes of the states that a DFA keeps. A pattern that needs more begins anew, or goes on without a DFA.
const DFA_CAPACITY: usize = 128 << 10;

/// A program made ready to run.
pub(super) struct Engine {
    /// Takes a time in proportion to program and value, whatever they are.
    nfa: PikeVM,
    /// Many times faster; not for programs so large that a few states would fill it.
    dfa: Option<Box<Dfa>>,
}

struct Dfa {
    dfa: dfa::DFA,
    cache: dfa::Cache,
}

/// What simulating needs, which is nothing that has to last.
pub(super) type Scratch = Option<pikevm::Cache>;

impl Engine {
    /// None if regex-automata refuses, which it does for programs that are larger than patterns can make.
    pub(super) fn new(program: &Program) -> Option<Engine> {
        let nfa = compile::compile(&program.node, program.purpose).ok()?;
        let dfa = match program.purpose {
            Purpose::Find => None,
            Purpose::Match => {
                let config = dfa::DFA::config()
                    .cache_capacity(DFA_CAPACITY)
                    // As in the regex crate: it gives up when it makes a state for every ten bytes.
                    .minimum_cache_clear_count(Some(3))
                    .minimum_bytes_per_state(Some(10));
                let dfa = dfa::Builder::new().configure(config).build_from_nfa(nfa.clone()).ok();
                dfa.map(|dfa| Box::new(Dfa { cache: dfa.create_cache(), dfa }))
            }
        };
        Some(Engine { nfa: PikeVM::new_from_nfa(nfa).ok()?, dfa })
    }

    /// Whether a [`Purpose::Match`] program matches the value.
    pub(super) fn is_match(&mut self, value: &[u8], scratch: &mut Scratch) -> bool {
        let input = Input::new(value).anchored(Anchored::Yes).earliest(true);
        if let Some(Dfa { dfa, cache }) = self.dfa.as_deref_mut()
            && let Ok(found) = dfa.try_search_fwd(cache, &input)
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
        scratch: &mut Scratch,
    ) -> bool {
        let input = Input::new(value).range(from.min(value.len())..);
        self.nfa.search_slots(self.scratch(scratch), &input, groups).is_some()
    }

    fn scratch<'s>(&self, scratch: &'s mut Scratch) -> &'s mut pikevm::Cache {
        let cache = scratch.get_or_insert_with(|| self.nfa.create_cache());
        cache.reset(&self.nfa);
        cache
    }

    /// Bytes that it takes, which are more as its DFA grows.
    pub(super) fn size(&self) -> usize {
        let dfa = self.dfa.as_deref().map_or(0, |dfa| size_of::<Dfa>() + dfa.cache.memory_usage());
        size_of::<Engine>() + self.nfa.get_nfa().memory_usage() + dfa
    }
}
