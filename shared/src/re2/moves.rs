//! The ε-moves of a graph without what they look at (`^`, `\b`): for each place, which places can come next.
//!
//! Whether a look holds is decided by the bytes before and behind it. So a place that takes bytes of several kinds (of
//! words and others, or line feeds and others, as the pattern asks) becomes one of each kind, and a way is there for
//! those kinds between which its looks hold. Patterns without looks have one kind of bytes.

use super::bytes::Bytes;
use super::graph::{Fork, Graph, Way};
use super::node::Look;

pub(super) struct Moves {
    /// Each set of bytes that a place takes, once, and some others. The first is empty.
    pub(super) sets: Vec<Bytes>,
    /// Which of the sets each place takes. The first place takes nothing: it is the end of the value. The last do
    /// neither: they are where a match begins, one for each kind of byte before it.
    pub(super) takes: Vec<u32>,
    /// How many of them are a beginning.
    pub(super) begins: usize,
    /// From one vertex to another. A vertex is where one leaves a place (its number), where one enters a place (its number
    /// and that of all places), or a fork (the numbers behind these).
    pub(super) edges: Vec<(u32, u32)>,
    pub(super) vertices: usize,
    /// The number of each place by its kinds, `u32::MAX` for kinds of which it takes none.
    pub(super) numbers: Vec<u32>,
    pub(super) kinds: Kinds,
}

/// Kinds of bytes that the looks of a pattern tell apart.
pub(super) struct Kinds {
    pub(super) sets: Vec<Bytes>,
    /// Whether the start and the end of the value are told from bytes.
    borders: bool,
}

/// What is no place.
const NONE: u32 = u32::MAX;

impl Kinds {
    fn of(graph: &Graph) -> Kinds {
        let mut kinds = Kinds { sets: vec![Bytes::ALL], borders: false };
        for fork in &graph.forks {
            match fork {
                Fork::Look(Look::Word | Look::NotWord, _) => kinds.split(Bytes::WORD),
                Fork::Look(Look::LineStart | Look::LineEnd, _) => kinds.split(Bytes::LINE),
                Fork::Look(Look::Start | Look::End, _) => {}
                Fork::Two(..) | Fork::Many(_) | Fork::Slot(..) => continue,
            }
            kinds.borders = true;
        }
        kinds
    }

    fn split(&mut self, by: Bytes) {
        let parts = self.sets.iter().flat_map(|set| [set.and(&by), set.and(&by.negated())]);
        self.sets = parts.filter(|set| *set != Bytes::default()).collect();
    }

    /// How many kinds can be before or behind a way.
    pub(super) fn around(&self) -> usize {
        self.sets.len() + usize::from(self.borders)
    }

    /// The kind of a byte, or of none, as at the borders of a value.
    pub(super) fn of_byte(&self, byte: Option<u8>) -> usize {
        if self.sets.len() == 1 && !self.borders {
            return 0;
        }
        let found = byte.and_then(|byte| self.sets.iter().position(|set| set.has(byte)));
        found.unwrap_or(self.sets.len())
    }

    /// Whether it looks like this between bytes of these kinds.
    pub(super) fn holds(&self, look: Look, before: usize, behind: usize) -> bool {
        let is = |kind: usize, all: &Bytes| self.sets.get(kind).is_some_and(|set| set.and(all) == *set);
        let is_border = |kind: usize| kind == self.sets.len();
        match look {
            Look::Start => is_border(before),
            Look::End => is_border(behind),
            Look::LineStart => is_border(before) || !is(before, &Bytes::LINE),
            Look::LineEnd => is_border(behind) || !is(behind, &Bytes::LINE),
            Look::Word => is(before, &Bytes::WORD) != is(behind, &Bytes::WORD),
            Look::NotWord => is(before, &Bytes::WORD) == is(behind, &Bytes::WORD),
        }
    }
}

impl Moves {
    pub(super) fn of(graph: &Graph) -> Moves {
        let kinds = Kinds::of(graph);
        let parts = graph.sets.iter().flat_map(|set| kinds.sets.iter().map(|kind| set.and(kind)));
        // Those of the kinds themselves are there so that bytes of two are never of one class.
        let kinds_too = kinds.sets.iter().copied();
        let sets: Vec<Bytes> = std::iter::once(Bytes::default()).chain(parts).chain(kinds_too).collect();
        let mut takes = vec![0];
        let mut numbers = Vec::with_capacity(graph.places.len() * kinds.sets.len());
        for place in &graph.places {
            for kind in 0..kinds.sets.len() {
                let set = 1 + place.set as usize * kinds.sets.len() + kind;
                let is_one = sets.get(set).is_some_and(|set| *set != Bytes::default());
                numbers.push(if is_one { takes.len() as u32 } else { NONE });
                takes.extend(is_one.then_some(set as u32));
            }
        }
        let begins = kinds.around();
        takes.resize(takes.len() + begins, 0);
        let vertices = takes.len() * 2;
        let memo = vec![NONE; graph.forks.len() * begins * begins];
        let moves = Moves { sets, takes, begins, edges: Vec::new(), vertices, numbers, kinds };
        Resolver { graph, moves, memo, forks: Vec::new() }.resolve()
    }

    /// The number of a place where it takes a byte of this kind.
    pub(super) fn number(numbers: &[u32], kinds: usize, place: u32, kind: usize) -> Option<u32> {
        numbers.get(place as usize * kinds + kind).copied().filter(|number| *number != NONE)
    }
}

struct Resolver<'g> {
    graph: &'g Graph,
    moves: Moves,
    /// The vertices of forks, by fork and kinds.
    memo: Vec<u32>,
    /// Forks that have a vertex and no edges yet.
    forks: Vec<(u32, usize, usize, u32)>,
}

impl Resolver<'_> {
    fn resolve(mut self) -> Moves {
        let (kinds, around) = (self.moves.kinds.sets.len(), self.moves.begins);
        let first_begin = (self.moves.takes.len() - around) as u32;
        for before in 0..around {
            self.edges_from(first_begin + before as u32, self.graph.start, before);
        }
        for (number, place) in self.graph.places.iter().enumerate() {
            for kind in 0..kinds {
                if let Some(from) = Moves::number(&self.moves.numbers, kinds, number as u32, kind) {
                    self.edges_from(from, place.next, kind);
                }
            }
        }
        while let Some((fork, before, behind, from)) = self.forks.pop() {
            let ways: &[Way] = match self.graph.forks.get(fork as usize) {
                Some(Fork::Two(first, second)) => &[*first, *second],
                Some(Fork::Many(ways)) => ways,
                _ => &[],
            };
            for way in ways {
                let to = self.vertex(*way, before, behind);
                self.moves.edges.extend(to.map(|to| (from, to)));
            }
        }
        self.moves
    }

    /// Adds edges from a vertex along a way, whatever is behind it.
    fn edges_from(&mut self, from: u32, way: Way, before: usize) {
        for behind in 0..self.moves.begins {
            let to = self.vertex(way, before, behind);
            self.moves.edges.extend(to.map(|to| (from, to)));
        }
    }

    /// Where a way leads between bytes of these kinds, if it leads anywhere.
    fn vertex(&mut self, mut way: Way, before: usize, behind: usize) -> Option<u32> {
        let (kinds, around) = (self.moves.kinds.sets.len(), self.moves.begins);
        let entries = self.moves.takes.len() as u32;
        let fork = loop {
            let fork = match way {
                Way::Place(place) if behind < kinds => {
                    return Moves::number(&self.moves.numbers, kinds, place, behind).map(|number| number + entries);
                }
                Way::Place(_) => return None,
                Way::End => return (around == kinds || behind == kinds).then_some(entries),
                Way::Fork(fork) => fork,
            };
            way = match self.graph.forks.get(fork as usize)? {
                Fork::Two(..) | Fork::Many(_) => break fork,
                Fork::Slot(_, next) => *next,
                Fork::Look(look, next) => {
                    if !self.moves.kinds.holds(*look, before, behind) {
                        return None;
                    }
                    *next
                }
            };
        };
        let known = self.memo.get_mut((fork as usize * around + before) * around + behind)?;
        if *known == NONE {
            *known = self.moves.vertices as u32;
            self.moves.vertices += 1;
            self.forks.push((fork, before, behind, *known));
        }
        Some(*known)
    }
}
