//! The automaton of a pattern, of positions as Glushkov's is, still with its ε-moves: *places*, each of which takes a byte,
//! and the *ways* between them, which take none.
//!
//! What is repeated stands there as often as it may come, but for what may come without end, which leads back. Where a
//! way forks, its branches are in the order in which RE2 prefers them.

use super::bytes::Bytes;
use super::node::{Look, Node};

pub(super) struct Graph {
    /// Each set of bytes that a place takes, once.
    pub(super) sets: Vec<Bytes>,
    /// From the end of the pattern to its beginning.
    pub(super) places: Vec<Place>,
    pub(super) forks: Vec<Fork>,
    pub(super) start: Way,
    /// The fork at which a match is complete, where anything may come behind it.
    pub(super) tail: Option<u32>,
}

pub(super) struct Place {
    /// Which of the sets it takes a byte of.
    pub(super) set: u32,
    pub(super) next: Way,
}

/// Where something leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Place(u32),
    Fork(u32),
    /// The end of the pattern.
    End,
}

pub(super) enum Fork {
    Two(Way, Way),
    Many(Box<[Way]>),
    /// On, where it looks like this.
    Look(Look, Way),
    /// On, and this is where a group begins (twice its number) or ends (one more).
    Slot(u8, Way),
}

impl Graph {
    /// The graph of a pattern that matches up to the end of a value, or with anything behind it.
    pub(super) fn of(node: &Node, to_end: bool) -> Graph {
        let mut graph = Graph { sets: Vec::new(), places: Vec::new(), forks: Vec::new(), start: Way::End, tail: None };
        let end = if to_end { Way::End } else { graph.tail() };
        graph.start = graph.node(node, end);
        graph
    }

    /// What may come behind a match: anything.
    fn tail(&mut self) -> Way {
        let fork = self.fork(Fork::Two(Way::End, Way::End));
        let any = self.add(Bytes::ALL, fork);
        self.join(fork, any, Way::End);
        if let Way::Fork(fork) = fork {
            self.tail = Some(fork);
        }
        fork
    }

    /// Adds what a node is, in front of `next`; returns where it begins.
    fn node(&mut self, node: &Node, next: Way) -> Way {
        match node {
            Node::Byte(byte) => self.add(Bytes::of(&[(*byte, *byte)]), next),
            Node::Set(set) => self.add(**set, next),
            Node::Look(look) => self.fork(Fork::Look(*look, next)),
            Node::Group { index, node } => {
                let end = self.fork(Fork::Slot(index * 2 + 1, next));
                let inner = self.node(node, end);
                self.fork(Fork::Slot(index * 2, inner))
            }
            Node::Sequence(nodes) => nodes.iter().rev().fold(next, |next, node| self.node(node, next)),
            Node::Choice(nodes) => {
                let branches = nodes.iter().map(|node| self.node(node, next)).collect();
                self.fork(Fork::Many(branches))
            }
            Node::Repeat { node, least, most: Some(most), greedy, .. } => {
                // All that are optional lead to one end, or each would have to be gone through to get past them.
                let optional = (*least..*most).fold(next, |inner, _| {
                    let inner = self.node(node, inner);
                    self.choice(inner, next, *greedy)
                });
                self.copies(node, *least, optional)
            }
            Node::Repeat { node, least: 0, most: None, greedy, of_empty: false, .. } => {
                self.again_and_again(node, next, *greedy).0
            }
            Node::Repeat { node, least: 0, most: None, greedy, of_empty: true, .. } => {
                // As `(?:x+)?`: in `x*` the empty match would be preferred to what it should be.
                let (_, inner) = self.again_and_again(node, next, *greedy);
                self.choice(inner, next, *greedy)
            }
            Node::Repeat { node, least, most: None, greedy, .. } => {
                let (_, inner) = self.again_and_again(node, next, *greedy);
                self.copies(node, least.saturating_sub(1), inner)
            }
        }
    }

    fn copies(&mut self, node: &Node, count: u32, next: Way) -> Way {
        (0..count).fold(next, |next, _| self.node(node, next))
    }

    /// A fork between a node, which leads back to it, and `next`; and where the node begins.
    fn again_and_again(&mut self, node: &Node, next: Way, greedy: bool) -> (Way, Way) {
        let fork = self.fork(Fork::Two(Way::End, Way::End));
        let inner = self.node(node, fork);
        if greedy {
            self.join(fork, inner, next)
        } else {
            self.join(fork, next, inner)
        }
        (fork, inner)
    }

    fn choice(&mut self, inner: Way, next: Way, greedy: bool) -> Way {
        self.fork(if greedy { Fork::Two(inner, next) } else { Fork::Two(next, inner) })
    }

    fn add(&mut self, set: Bytes, next: Way) -> Way {
        // Copies of what is repeated come one behind the other.
        let known = self.sets.iter().rposition(|known| *known == set);
        let index = known.unwrap_or_else(|| {
            self.sets.push(set);
            self.sets.len() - 1
        });
        self.places.push(Place { set: index as u32, next });
        Way::Place(self.places.len() as u32 - 1)
    }

    fn fork(&mut self, fork: Fork) -> Way {
        self.forks.push(fork);
        Way::Fork(self.forks.len() as u32 - 1)
    }

    fn join(&mut self, fork: Way, first: Way, second: Way) {
        if let Way::Fork(at) = fork
            && let Some(fork) = self.forks.get_mut(at as usize)
        {
            *fork = Fork::Two(first, second);
        }
    }

    /// The place before a number, of which 0 is none.
    #[inline]
    pub(super) fn place(&self, number: u32) -> Option<&Place> {
        self.places.get(number.checked_sub(1)? as usize)
    }

    pub(super) fn set(&self, place: u32) -> Option<(&Bytes, &Place)> {
        let place = self.places.get(place as usize)?;
        Some((self.sets.get(place.set as usize)?, place))
    }

    pub(super) fn size(&self) -> usize {
        let forks = self.forks.iter().map(|fork| match fork {
            Fork::Many(ways) => size_of::<Fork>() + size_of_val(&**ways),
            Fork::Two(..) | Fork::Look(..) | Fork::Slot(..) => size_of::<Fork>(),
        });
        forks.sum::<usize>() + self.places.capacity() * size_of::<Place>() + self.sets.capacity() * size_of::<Bytes>()
    }
}
