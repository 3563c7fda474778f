//! Finds matches and where their groups are, by a search forward, a scan in reverse, and a walk forward.
//!
//! As RE2 does, [`Forward`] says where the first match ends, and from there [`Reverse`] where it begins. It keeps from
//! which places the rest of the match can be matched, so that the walk, which puts down the groups, takes at each byte the
//! first of the ways that leads to the end, and never turns back. RE2 may read far behind each of many matches, as to find
//! `a.*b|a` in many `a`s: when that was often enough, all is read backward once instead, and matches of which the end is
//! not known are walked through.

use super::dfa::{State, mix};
use super::forward::{Forward, Reading};
use super::graph::{Fork, Graph, Place, Way};
use super::node::{Look, Node};
use super::places::Scratch;
use super::reverse::{Reverse, Trail};
use super::ways::{Goal, Slots, set};

/// A pattern made ready to be found.
pub(super) struct Finder {
    graph: Graph,
    forward: Forward,
    reverse: Reverse,
    /// Whether a match can begin at the start of the value alone.
    at_start: bool,
    has_groups: bool,
    /// Steps that were taken, each where its number leads; none before the first.
    known: Vec<Known>,
}

/// How many steps are known at once.
const KNOWN: usize = 512;

/// How often as much as there is may be read behind matches for nothing, for each word of places.
const OFTEN: usize = 32;

/// A step from somewhere to the next place.
#[derive(Clone, Copy)]
struct Known {
    /// From where, by what byte, and what is around: see [`number`].
    number: u64,
    step: Step,
}

#[derive(Clone, Copy, Default)]
struct Step {
    /// One more than the place that takes the byte; 0 if the match has ended before it.
    to: u32,
    /// The slots that are passed on the way, a bit each.
    slots: u32,
}

/// A value that is searched.
pub(super) struct Search<'v> {
    trail: Trail<'v>,
    /// Bytes that were read behind matches.
    wasted: usize,
}

impl<'v> Search<'v> {
    pub(super) fn new(value: &'v [u8]) -> Search<'v> {
        Search { trail: Trail::new(value), wasted: 0 }
    }
}

impl Finder {
    /// Finds matches that begin at the start of a value alone, or end at its end alone.
    pub(super) fn new(node: &Node, from_start: bool, to_end: bool) -> Finder {
        let graph = Graph::of(node, to_end);
        let reverse = Reverse::new(&graph);
        let at_start = from_start || node.starts_the_value();
        let forward = Forward::new(&graph, &reverse.nfa, at_start);
        let has_groups = graph.forks.iter().any(|fork| matches!(fork, Fork::Slot(..)));
        Finder { graph, forward, reverse, at_start, has_groups, known: Vec::new() }
    }

    /// Finds the first match from a place on.
    #[inline]
    pub(super) fn find(
        &mut self,
        search: &mut Search<'_>,
        from: usize,
        slots: &mut Slots,
        scratch: &mut Scratch,
    ) -> bool {
        if self.at_start && from > 0 {
            return false;
        }
        *slots = Slots::default();
        let trail = &mut search.trail;
        if !trail.anywhere {
            let Reverse { nfa, kinds, .. } = &self.reverse;
            let mut reading = Reading { graph: &self.graph, nfa, kinds, value: trail.value, at: from, end: None };
            self.forward.read(&mut reading, scratch);
            let Some(end) = reading.end else { return false };
            trail.end = end;
            search.wasted += reading.at - end;
            if search.wasted > trail.value.len() * OFTEN * nfa.words {
                (trail.anywhere, trail.end) = (true, trail.value.len());
            } else if self.at_start && !self.has_groups {
                set(slots, 1, from);
                set(slots, 2, end);
                return true;
            }
            self.reverse.read(trail, from, scratch);
        }
        let last = if self.at_start { 0 } else { trail.end };
        let Some(start) = self.reverse.first(trail, from, last, scratch) else { return false };
        set(slots, 1, start);
        if !trail.anywhere && !self.has_groups {
            set(slots, 2, trail.end);
            return true;
        }
        self.walk(trail, start, slots, scratch);
        true
    }

    /// Goes through a match, and puts down where its groups are.
    #[inline]
    fn walk(&mut self, trail: &mut Trail<'_>, start: usize, slots: &mut Slots, scratch: &mut Scratch) {
        self.known.resize(KNOWN, NOTHING);
        let (mut from, mut at) = (0, start);
        loop {
            self.reverse.keep(trail, at + 1, scratch);
            if self.reverse.is_anew() {
                self.known.fill(NOTHING);
            }
            let mut before = self.reverse.kind_before(trail, at);
            for (byte, state) in trail.ahead(at) {
                let class = self.reverse.nfa.class(*byte);
                if let Some(Place { next: Way::Place(next), .. }) = self.graph.place(from) {
                    from = next + 1;
                    before = self.reverse.kind_of_class(class);
                    at += 1;
                    continue;
                }
                let number = number(from, before, *state, class);
                let Some(known) = self.known.get(slot(number)).filter(|known| known.number == number) else { break };
                if known.step.slots != 0 {
                    set(slots, known.step.slots, at);
                }
                if known.step.to == 0 {
                    set(slots, 2, at);
                    return;
                }
                from = known.step.to;
                before = self.reverse.kind_of_class(class);
                at += 1;
            }
            if at > trail.until.saturating_sub(1) && at < trail.end {
                continue;
            }
            let step = self.step(trail, from, at, scratch);
            set(slots, step.slots, at);
            if step.to == 0 {
                set(slots, 2, at);
                return;
            }
            from = step.to;
            at += 1;
        }
    }

    /// The step from a place, or from the start, by the byte that comes next, which is known then.
    #[inline]
    fn step(&mut self, trail: &Trail<'_>, from: u32, at: usize, scratch: &mut Scratch) -> Step {
        let (byte, state) = trail.at(at);
        let step = self.first(trail, from, at, state, scratch);
        if let Some(byte) = byte {
            let before = self.reverse.kind_before(trail, at);
            let number = number(from, before, state, self.reverse.nfa.class(byte));
            if let Some(known) = self.known.get_mut(slot(number)) {
                *known = Known { number, step };
            }
        }
        step
    }

    /// Goes through the ways in the order in which RE2 prefers them, to the first that leads to a match.
    #[inline]
    fn first(&self, trail: &Trail<'_>, from: u32, at: usize, state: State, scratch: &mut Scratch) -> Step {
        let (byte, kinds) = (trail.value.get(at).copied(), &self.reverse.kinds);
        let (before, behind) = (self.reverse.kind_before(trail, at), kinds.of_byte(byte));
        let way = self.graph.place(from).map_or(self.graph.start, |place| place.next);
        let ends = trail.anywhere || at == trail.end;
        let mut step = Step::default();
        scratch.ways.begin(&self.graph);
        scratch.ways.go(
            &self.graph,
            way,
            |look: Look| kinds.holds(look, before, behind),
            |goal, slots| {
                let to = match (goal, byte) {
                    (Goal::Tail, _) if ends => 0,
                    (Goal::End, None) => 0,
                    (Goal::Place(place), Some(byte)) => {
                        let takes = self.graph.set(place).is_some_and(|(set, _)| set.has(byte));
                        if !takes || !self.reverse.has(state, place, byte) {
                            return false;
                        }
                        place + 1
                    }
                    _ => return false,
                };
                step = Step { to, slots };
                true
            },
        );
        step
    }

    pub(super) fn nfa_size(&self) -> usize {
        self.reverse.nfa_size() + self.forward.fixed_size() + self.graph.size()
    }

    pub(super) fn dfa_size(&self) -> usize {
        self.reverse.dfa_size() + self.forward.dfa_size() + self.known.capacity() * size_of::<Known>()
    }

    pub(super) fn shrink(&mut self) {
        self.reverse.shrink();
        self.forward.shrink();
        self.known = Vec::new();
    }
}

const NOTHING: Known = Known { number: 0, step: Step { to: 0, slots: 0 } };

/// A number for a step: from where (0 or one more than a place), the kind of the byte before, the state behind the next
/// one, and the class of that.
#[inline]
fn number(from: u32, before: usize, state: State, class: usize) -> u64 {
    1 << 63 | (u64::from(from) << 2 | before as u64) << 36 | u64::from(state) << 9 | class as u64
}

/// Where a step is known.
#[inline]
fn slot(number: u64) -> usize {
    mix(number) as usize % KNOWN
}
