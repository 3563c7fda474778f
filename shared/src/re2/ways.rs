//! The ε-closure of a place in the order in which RE2 prefers its ways, as a Pike VM would add its threads.

use super::graph::{Fork, Graph, Way};
use super::node::Look;
use super::places::ones;

/// Where the groups of a match begin (at twice their number) and end.
pub(super) type Slots = [Option<u32>; 20];

/// Ways that are being gone through, and those that have been.
#[derive(Default)]
pub(super) struct Ways {
    /// When each fork, and behind these each place, was last come to.
    seen: Vec<u32>,
    time: u32,
    /// Ways to try, each with the slots that were passed.
    stack: Vec<(Way, u32)>,
}

/// What a way leads to.
pub(super) enum Goal {
    Place(u32),
    /// The end of the pattern, where anything may come behind it.
    Tail,
    /// The end of the pattern, where nothing may.
    End,
}

impl Ways {
    /// Before the ways are gone through between two bytes.
    #[inline]
    pub(super) fn begin(&mut self, graph: &Graph) {
        let count = graph.forks.len() + graph.places.len();
        self.seen.resize(self.seen.len().max(count), 0);
        self.time = self.time.wrapping_add(1);
        if self.time == 0 {
            self.seen.fill(0);
            self.time = 1;
        }
    }

    /// Goes through the ways that have not been gone through, until `reach` says that this is enough. It is told the slots
    /// that are passed, a bit each.
    #[inline]
    pub(super) fn go(
        &mut self,
        graph: &Graph,
        from: Way,
        looks: impl Fn(Look) -> bool,
        mut reach: impl FnMut(Goal, u32) -> bool,
    ) -> bool {
        self.stack.clear();
        let (mut way, mut slots) = (from, 0);
        loop {
            let fork = match way {
                Way::Place(place) => {
                    if self.is_new(graph.forks.len() + place as usize) && reach(Goal::Place(place), slots) {
                        return true;
                    }
                    None
                }
                Way::End if reach(Goal::End, slots) => return true,
                Way::End => None,
                Way::Fork(fork) if !self.is_new(fork as usize) => None,
                Way::Fork(fork) if Some(fork) == graph.tail => {
                    if reach(Goal::Tail, slots) {
                        return true;
                    }
                    None
                }
                Way::Fork(fork) => graph.forks.get(fork as usize),
            };
            way = match fork {
                Some(Fork::Two(first, second)) => {
                    self.stack.push((*second, slots));
                    *first
                }
                Some(Fork::Slot(slot, next)) => {
                    slots |= 1 << slot;
                    *next
                }
                Some(Fork::Look(look, next)) if looks(*look) => *next,
                fork => {
                    if let Some(Fork::Many(ways)) = fork {
                        self.stack.extend(ways.iter().rev().map(|way| (*way, slots)));
                    }
                    let Some(next) = self.stack.pop() else { return false };
                    slots = next.1;
                    next.0
                }
            };
        }
    }

    #[inline]
    fn is_new(&mut self, number: usize) -> bool {
        let time = self.time;
        self.seen.get_mut(number).is_some_and(|seen| std::mem::replace(seen, time) != time)
    }

    pub(super) fn size(&self) -> usize {
        self.seen.capacity() * size_of::<u32>() + self.stack.capacity() * size_of::<(Way, u32)>()
    }
}

/// Puts a place in the value into slots.
pub(super) fn set(slots: &mut Slots, bits: u32, at: usize) {
    for bit in ones(bits.into()) {
        if let Some(slot) = slots.get_mut(bit) {
            *slot = Some(at as u32);
        }
    }
}
