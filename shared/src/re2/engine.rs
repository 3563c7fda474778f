//! Says whether a value matches from its first byte to its last: by the states that a lazy [`Dfa`] has seen, or else by
//! running the [`Nfa`].

use super::dfa::{Dfa, State, UNKNOWN};
use super::graph::Graph;
use super::moves::Moves;
use super::nfa::{Direction, Nfa};
use super::node::Node;
use super::places::{Scratch, key_has};

/// Bytes that the NFA is run on before there is a DFA, where all its places are one word: making states costs as much as
/// they save on so many, and most patterns of a large configuration see none. Where there are more words, a state is soon
/// made, compared to a step.
const BEFORE_DFA: u32 = 512;

/// The same for what had a DFA for which there was no room, or of which it made nearly as many states as it read bytes, if
/// its NFA is nearly as fast. Twice as many the next time, up to the last.
const AFTER_DFA: (u32, u32) = (64 << 10, 8 << 20);

/// Bytes that there have to be for each state that was made before the DFA was full, or the NFA does the rest.
const BYTES_PER_STATE: usize = 8;

/// Words of places from which on no states are made for what is one place behind the other: they would be thousands.
const WALKED: usize = 32;

/// A pattern made ready to say whether a value matches.
pub(super) struct Engine {
    nfa: Nfa,
    dfa: Option<Box<Dfa>>,
    /// Bytes that are left before there is a DFA, and before there is another when that is gone.
    before_dfa: u32,
    next_time: u32,
    /// Bytes read since the DFA was empty.
    read: usize,
    /// The bit that is set when all has been read and matches.
    end: usize,
}

impl Engine {
    pub(super) fn new(node: &Node) -> Engine {
        let moves = Moves::of(&Graph::of(node, true));
        let nfa = Nfa::of(&moves, Direction::Forward);
        let before_dfa = if nfa.words == 1 { BEFORE_DFA } else { 0 };
        Engine { nfa, dfa: None, before_dfa, next_time: AFTER_DFA.0, read: 0, end: moves.takes.len() - 1 }
    }

    /// Whether the pattern matches the value.
    #[inline]
    pub(super) fn is_match(&mut self, value: &[u8], scratch: &mut Scratch) -> bool {
        self.nfa.begin(scratch);
        let mut rest = value;
        if self.dfa.is_none() {
            let first = rest.len().min(self.before_dfa as usize);
            self.before_dfa -= first as u32;
            let (now, behind) = rest.split_at_checked(first).unwrap_or_default();
            if !self.run(now, scratch) || behind.is_empty() {
                return scratch.now.has(self.end);
            }
            rest = behind;
            self.dfa = Some(Box::new(Dfa::new(self.nfa.class_count)));
            self.read = 0;
        }
        let mut began_anew = false;
        loop {
            rest = match self.look_up(rest, scratch) {
                Ok(matches) => return matches,
                Err(rest) => rest,
            };
            // It has no room for another state.
            let Some(dfa) = &mut self.dfa else { break };
            if self.read < dfa.len() * BYTES_PER_STATE && (began_anew || self.nfa.is_light()) {
                break;
            }
            dfa.clear();
            self.read = 0;
            began_anew = true;
        }
        if self.nfa.is_light() {
            self.shrink();
        }
        self.run(rest, scratch) && scratch.now.has(self.end)
    }

    /// Runs the NFA. False if nothing can match any more.
    #[inline]
    fn run(&self, value: &[u8], scratch: &mut Scratch) -> bool {
        if let Some(follow) = self.nfa.word() {
            let mut now = scratch.now.words.first().copied().unwrap_or_default();
            for &byte in value {
                now = self.nfa.step_word(now, self.nfa.class(byte), follow);
                if now == 0 {
                    break;
                }
            }
            scratch.now.clear();
            if now != 0 {
                scratch.now.add(0, now);
            }
            return now != 0;
        }
        let mut bytes = value.iter();
        loop {
            // Most of a long pattern is one place behind the other.
            if let Some(place) = scratch.now.single() {
                self.nfa.walk_from(place, &mut bytes, scratch);
                if scratch.now.is_empty() {
                    return false;
                }
            }
            let Some(&byte) = bytes.next() else { return !scratch.now.is_empty() };
            self.nfa.step(self.nfa.class(byte), scratch);
            if scratch.now.is_empty() {
                return false;
            }
        }
    }

    /// Goes from state to state. If there is no room for another one, returns what is left to read.
    #[inline]
    fn look_up<'v>(&mut self, value: &'v [u8], scratch: &mut Scratch) -> Result<bool, &'v [u8]> {
        let Some(dfa) = &mut self.dfa else { return Err(value) };
        let (nfa, end) = (&self.nfa, self.end);
        let mut rest = value;
        let mut state = make(dfa, nfa, end, scratch);
        let found = loop {
            let Some(from) = state else { break Err(rest) };
            let (now, behind, next) = go(dfa, nfa, from, rest);
            let Some((&byte, after)) = behind.split_first() else { break Ok(dfa.marks(now) == 1) };
            if next != UNKNOWN {
                rest = after;
                break Ok(false);
            }
            scratch.now.clear();
            scratch.now.load(nfa.words, dfa.key(now));
            if nfa.words >= WALKED
                && let Some(place) = scratch.now.single()
            {
                let mut bytes = behind.iter();
                nfa.walk_from(place, &mut bytes, scratch);
                rest = bytes.as_slice();
                if rest.len() < behind.len() {
                    state = make(dfa, nfa, end, scratch);
                    continue;
                }
            }
            rest = after;
            let class = nfa.class(byte);
            nfa.step(class, scratch);
            state = make(dfa, nfa, end, scratch);
            if let Some(next) = state {
                dfa.set_after(now, class, next);
            }
        };
        self.read += value.len() - rest.len();
        found
    }

    /// Bytes that its NFA takes, which stay as they are.
    pub(super) fn nfa_size(&self) -> usize {
        self.nfa.size()
    }

    /// Bytes that its DFA takes, which are more as it grows.
    pub(super) fn dfa_size(&self) -> usize {
        self.dfa.as_ref().map_or(0, |dfa| size_of::<Dfa>() + dfa.size())
    }

    /// Gives back its DFA. It goes on without for a while, if it can.
    pub(super) fn shrink(&mut self) {
        if self.dfa.take().is_some() && self.nfa.is_light() {
            self.before_dfa = self.next_time;
            self.next_time = (self.next_time * 2).min(AFTER_DFA.1);
        }
    }
}

/// Goes on as long as it is known where to, and to other places than none. Returns where that ends, what is left to read
/// and what comes after the first byte of it.
#[inline]
fn go<'v>(dfa: &Dfa, nfa: &Nfa, from: State, value: &'v [u8]) -> (State, &'v [u8], State) {
    let mut now = from;
    let dead = dfa.dead();
    let mut bytes = value.iter();
    loop {
        let left = bytes.as_slice();
        let Some(&byte) = bytes.next() else { return (now, left, UNKNOWN) };
        let next = dfa.after(now, nfa.class(byte));
        if next <= dead {
            return (now, left, next);
        }
        now = next;
    }
}

/// The state of the places that are reached.
#[inline]
fn make(dfa: &mut Dfa, nfa: &Nfa, end: usize, scratch: &mut Scratch) -> Option<State> {
    scratch.now.key(nfa.words, &mut scratch.key);
    dfa.state(&scratch.key, |key| u8::from(key_has(nfa.words, key, end)), false)
}
