//! Searches forward for where the first match ends, as RE2 does: by a lazy DFA whose states are the places a match can be
//! at, in the order in which RE2 prefers the ways to them. Where a match ends, what it is preferred to is left out.

use super::dfa::{Dfa, State, UNKNOWN};
use super::graph::Graph;
use super::moves::Kinds;
use super::nfa::Nfa;
use super::places::Scratch;
use super::ways::Goal;

/// Bytes that there have to be for each state that was made before the DFA was full, or it goes on without.
const BYTES_PER_STATE: usize = 8;

/// Of what comes after a state, says that a match ends before the byte.
const ENDS: State = 1 << 31;

pub(super) struct Forward {
    dfa: Box<Dfa>,
    /// The states at the start, by the kind of the byte before.
    begins: [State; 8],
    /// What stands for the start of a match in a list of places.
    start: u32,
    /// Whether a match can begin at the start of the value alone.
    at_start: bool,
    /// Bytes read since the DFA was empty.
    read: usize,
}

/// Where one is in a value, and by what it is read.
pub(super) struct Reading<'r> {
    pub(super) graph: &'r Graph,
    pub(super) nfa: &'r Nfa,
    pub(super) kinds: &'r Kinds,
    pub(super) value: &'r [u8],
    pub(super) at: usize,
    /// The last place where a match ends.
    pub(super) end: Option<usize>,
}

impl Forward {
    pub(super) fn new(graph: &Graph, nfa: &Nfa, at_start: bool) -> Forward {
        let dfa = Box::new(Dfa::new(nfa.class_count + 1));
        Forward { dfa, begins: [UNKNOWN; 8], start: graph.places.len() as u32, at_start, read: 0 }
    }

    /// Reads on until it is known where the first match ends, which begins where one is or behind.
    #[inline]
    pub(super) fn read(&mut self, reading: &mut Reading<'_>, scratch: &mut Scratch) {
        scratch.list.clear();
        scratch.list.push(self.start);
        self.by_states(reading, scratch);
        while !scratch.list.is_empty() {
            self.step(reading, scratch);
        }
    }

    /// Goes from state to state, until nothing is left, or there is no room for another one again.
    #[inline]
    fn by_states(&mut self, reading: &mut Reading<'_>, scratch: &mut Scratch) {
        let (mut began, mut began_anew) = (reading.at, false);
        let before = reading.before();
        let known = self.begins.get(before).copied().filter(|state| *state != UNKNOWN);
        let mut state = known.or_else(|| self.state(reading, scratch));
        if let (Some(begin), Some(state)) = (self.begins.get_mut(before), state) {
            *begin = state;
        }
        loop {
            let Some(from) = state else {
                if began_anew && self.read + reading.at - began < self.dfa.len() * BYTES_PER_STATE {
                    break;
                }
                self.dfa.clear();
                self.begins.fill(UNKNOWN);
                (self.read, began, began_anew) = (0, reading.at, true);
                state = self.state(reading, scratch);
                continue;
            };
            let (now, class) = go(&self.dfa, from, reading);
            let Some(class) = class else {
                scratch.list.clear();
                break;
            };
            load(self.dfa.key(now), &mut scratch.list);
            let ends = self.step(reading, scratch);
            state = self.state(reading, scratch);
            if let Some(next) = state {
                self.dfa.set_after(now, class, if ends { next | ENDS } else { next });
            }
        }
        self.read += reading.at - began;
    }

    /// The state of what is in the list, behind the byte that was read last.
    #[inline]
    fn state(&mut self, reading: &Reading<'_>, scratch: &mut Scratch) -> Option<State> {
        let Scratch { list, key, .. } = scratch;
        key.clear();
        if !list.is_empty() {
            key.push(1 << 63 | (reading.before() as u64) << 32 | list.len() as u64);
            let pair = |pair: &[u32]| pair.iter().rev().fold(0, |key, place| key << 32 | u64::from(*place));
            key.extend(list.chunks(2).map(pair));
        }
        self.dfa.state(key, |_| 0, false)
    }

    /// Reads a byte, or the end: from the places in the list to those that take it. Returns whether a match ends before
    /// it.
    #[inline]
    fn step(&self, reading: &mut Reading<'_>, scratch: &mut Scratch) -> bool {
        let Reading { graph, kinds, .. } = *reading;
        let Scratch { list, last, ways, .. } = scratch;
        let byte = reading.value.get(reading.at).copied();
        let (before, behind) = (reading.before(), kinds.of_byte(byte));
        std::mem::swap(list, last);
        list.clear();
        ways.begin(graph);
        let mut ends = false;
        for place in last.iter() {
            let way = graph.places.get(*place as usize).map_or(graph.start, |place| place.next);
            let looks = |look| kinds.holds(look, before, behind);
            ends = ways.go(graph, way, looks, |goal, _| match (goal, byte) {
                (Goal::Tail, _) | (Goal::End, None) => true,
                (Goal::Place(place), Some(byte)) => {
                    list.extend(graph.set(place).filter(|(set, _)| set.has(byte)).map(|_| place));
                    false
                }
                (Goal::End | Goal::Place(_), _) => false,
            });
            if ends {
                reading.end = Some(reading.at);
                break;
            }
            if *place == self.start && !self.at_start && byte.is_some() {
                list.push(self.start);
            }
        }
        reading.at += usize::from(byte.is_some());
        ends
    }

    /// Bytes that it takes without the states of its DFA.
    pub(super) fn fixed_size(&self) -> usize {
        size_of::<Forward>() + size_of::<Dfa>()
    }

    pub(super) fn dfa_size(&self) -> usize {
        self.dfa.size()
    }

    pub(super) fn shrink(&mut self) {
        self.dfa.release();
        self.begins.fill(UNKNOWN);
        self.read = 0;
    }
}

impl Reading<'_> {
    /// The kind of the byte that was read last.
    #[inline]
    fn before(&self) -> usize {
        self.kinds.of_byte(self.at.checked_sub(1).and_then(|at| self.value.get(at)).copied())
    }
}

/// Goes on as long as it is known where to. Returns the state from which it is not, and by what class; or none, if nothing
/// is left.
#[inline]
fn go(dfa: &Dfa, from: State, reading: &mut Reading<'_>) -> (State, Option<usize>) {
    let (mut now, mut at, dead) = (from, reading.at, dfa.dead());
    let mut bytes = reading.value.get(at..).unwrap_or_default().iter();
    loop {
        let class = bytes.next().map_or(reading.nfa.class_count, |byte| reading.nfa.class(*byte));
        let next = dfa.after(now, class);
        // As a signed number, it is not more either if a match ends here.
        if next as i32 <= dead as i32 {
            if next & ENDS != 0 {
                reading.end = Some(at);
            }
            let next = next & !ENDS;
            if next <= dead {
                reading.at = at;
                return (now, (next != dead).then_some(class));
            }
        }
        now = next & !ENDS;
        at += 1;
    }
}

/// Puts into the list what a state is known by.
fn load(key: &[u64], list: &mut Vec<u32>) {
    list.clear();
    let Some((first, places)) = key.split_first() else { return };
    list.extend(places.iter().flat_map(|pair| [*pair as u32, (*pair >> 32) as u32]));
    list.truncate(*first as u32 as usize);
}
