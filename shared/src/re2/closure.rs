//! Computes the follow sets of an automaton, the ε-closure of each of its places: to run it forward, or backward.

use super::follow::{Follow, Word};
use super::moves::Moves;
use super::nfa::{Direction, place};
use super::places::Places;
use crate::table::Table;

/// What becomes of the moves of a graph.
pub(super) struct Closures {
    pub(super) chain: Box<[u64]>,
    pub(super) exits: Box<[u64]>,
    pub(super) follow: Follow,
    pub(super) start: Box<[u64]>,
}

/// Vertices that are gone through for a list before it is one with further lists.
const LONG: usize = 64;

/// What is no list.
const NONE: u32 = u32::MAX;

impl Closures {
    pub(super) fn of(moves: &Moves, direction: Direction) -> Closures {
        Maker::new(moves, direction).make()
    }
}

#[derive(Default)]
struct List {
    words: Vec<Word>,
    further: Vec<u32>,
}

struct Maker<'m> {
    moves: &'m Moves,
    direction: Direction,
    /// Where the vertices lead, one behind the other, and where each vertex's end.
    ways: Vec<u32>,
    ends: Vec<u32>,
    /// How many ways lead to each vertex.
    coming: Vec<u32>,
    lists: Vec<List>,
    /// Lists without further ones, by the hash of their words.
    by_words: Table<u64, Vec<u32>>,
    /// The others by the vertex that they begin at, and those vertices whose lists are still empty.
    by_vertex: Vec<u32>,
    to_make: Vec<u32>,
    /// When each vertex was last gone through.
    seen: Vec<u32>,
    time: u32,
    stack: Vec<u32>,
    /// Places that were come to.
    places: Vec<usize>,
}

impl<'m> Maker<'m> {
    fn new(moves: &'m Moves, direction: Direction) -> Maker<'m> {
        let turned = |(from, to): (u32, u32)| match direction {
            Direction::Forward => (from as usize, to),
            Direction::Backward => (to as usize, from),
        };
        let (mut ends, mut coming) = (vec![0_u32; moves.vertices], vec![0_u32; moves.vertices]);
        for (from, to) in moves.edges.iter().copied().map(turned) {
            for (counts, at) in [(&mut ends, from), (&mut coming, to as usize)] {
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
            }
        }
        let mut sum = 0;
        for end in &mut ends {
            // Where it begins; filling moves it to where it ends.
            (*end, sum) = (sum, sum + *end);
        }
        let mut ways = vec![0; moves.edges.len()];
        for (from, to) in moves.edges.iter().copied().map(turned) {
            if let Some(end) = ends.get_mut(from) {
                if let Some(way) = ways.get_mut(*end as usize) {
                    *way = to;
                }
                *end += 1;
            }
        }
        Maker {
            moves,
            direction,
            ways,
            ends,
            coming,
            lists: Vec::new(),
            by_words: Table::new(),
            by_vertex: Vec::new(),
            to_make: Vec::new(),
            seen: vec![0; moves.vertices],
            time: 0,
            stack: Vec::new(),
            places: Vec::new(),
        }
    }

    fn make(mut self) -> Closures {
        let count = self.moves.takes.len();
        let in_words = count.div_ceil(64);
        let empty = || vec![0_u64; in_words].into_boxed_slice();
        let (mut chain, mut exits, mut start) = (empty(), empty(), empty());
        let (mut follow, mut lists) = (Vec::new(), Vec::new());
        if in_words == 1 {
            follow.resize(count, 0_u64);
        } else {
            lists.resize(count, 0_u32);
        }
        // As much as would be gone through for a list of so many vertices at each place.
        let mut budget = 16 * count + 1_000;
        let start_number = match self.direction {
            Direction::Forward => count - 1,
            Direction::Backward => 0,
        };
        let mut starts_with = None;
        for number in 0..count {
            let (here, vertex) = (place(self.moves, self.direction, number), self.leave(number));
            let most = if in_words == 1 { usize::MAX } else { budget.min(LONG) };
            let gone = self.go(vertex, most);
            budget = budget.saturating_sub(gone.unwrap_or(LONG));
            if number == start_number {
                self.places.iter().filter(|_| gone.is_some()).for_each(|place| set(&mut start, *place));
                starts_with = gone.is_none().then_some(here);
            }
            if gone.is_some() {
                let before = self.places.len();
                self.places.retain(|place| *place != here + 1);
                if self.places.len() < before {
                    set(&mut chain, here);
                }
                if self.places.is_empty() {
                    continue;
                }
            }
            set(&mut exits, here);
            if let Some(follow) = follow.get_mut(here) {
                *follow = self.places.iter().fold(0, |all, place| all | 1 << place);
            } else if let Some(list) = lists.get_mut(here) {
                *list = if gone.is_some() { self.list_of_places() } else { self.list_at(vertex) };
            }
        }
        self.fill();
        let follow = if in_words == 1 { Follow::Word(follow.into()) } else { flat(lists, self.lists) };
        if let Some(here) = starts_with {
            let (mut next, mut seen, mut time) = (Places::default(), Vec::new(), 0);
            next.resize(in_words);
            follow.begin(&mut seen, &mut time);
            follow.go(here, &mut next, &mut seen, time, &mut Vec::new());
            start = next.words.into();
        }
        Closures { chain, exits, follow, start }
    }

    /// The vertex at which one leaves a place.
    fn leave(&self, number: usize) -> u32 {
        match self.direction {
            Direction::Forward => number as u32,
            Direction::Backward => (number + self.moves.takes.len()) as u32,
        }
    }

    /// The place that one enters at a vertex.
    fn entered(&self, vertex: u32) -> Option<usize> {
        let count = self.moves.takes.len();
        let number = match self.direction {
            Direction::Forward => (vertex as usize).checked_sub(count)?,
            Direction::Backward => vertex as usize,
        };
        (number < count).then(|| place(self.moves, self.direction, number))
    }

    fn ways(&self, vertex: u32) -> std::ops::Range<usize> {
        let end = |vertex: u32| self.ends.get(vertex as usize).map_or(0, |end| *end as usize);
        vertex.checked_sub(1).map_or(0, end)..end(vertex)
    }

    /// Whether a vertex has not been gone through at this time, as it is now.
    fn pass(&mut self, vertex: u32) -> bool {
        let time = self.time;
        self.seen.get_mut(vertex as usize).is_some_and(|seen| std::mem::replace(seen, time) != time)
    }

    /// Goes to all places that one comes to from a vertex. Returns how many vertices were gone through; none if these are too
    /// many.
    fn go(&mut self, vertex: u32, most: usize) -> Option<usize> {
        self.time += 1;
        self.places.clear();
        self.stack.clear();
        self.stack.push(vertex);
        let mut gone = 0;
        while let Some(vertex) = self.stack.pop() {
            for at in self.ways(vertex) {
                let to = self.ways.get(at).copied().unwrap_or_default();
                if self.pass(to) {
                    gone += 1;
                    // Here, and not behind all the ways of the vertex, of which one alone may have thousands.
                    if gone > most {
                        return None;
                    }
                    match self.entered(to) {
                        Some(place) => self.places.push(place),
                        None => self.stack.push(to),
                    }
                }
            }
        }
        Some(gone)
    }

    /// The places that were come to, by word.
    fn words(&mut self) -> Vec<Word> {
        crate::order::sort(&mut self.places);
        let mut words: Vec<Word> = Vec::new();
        for place in &self.places {
            let (word, bit) = ((place / 64) as u32, 1 << (place % 64));
            match words.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => words.push((word, bit)),
            }
        }
        words
    }

    /// The list that has the places that were come to and no others.
    fn list_of_places(&mut self) -> u32 {
        let words = self.words();
        let hash = words.iter().fold(0, |hash, (word, bits)| super::dfa::mix(hash ^ bits ^ u64::from(*word)));
        let is_same = |list: &u32| self.lists.get(*list as usize).is_some_and(|list| list.words == words);
        let same = self.by_words.get(hash).into_iter().flatten().copied().find(is_same);
        same.unwrap_or_else(|| {
            let list = self.lists.len() as u32;
            self.lists.push(List { words, further: Vec::new() });
            match self.by_words.get_mut(hash) {
                Some(lists) => lists.push(list),
                None => _ = self.by_words.insert(hash, vec![list]),
            }
            list
        })
    }

    /// The list of what is behind a vertex. It is filled in the end.
    fn list_at(&mut self, vertex: u32) -> u32 {
        self.by_vertex.resize(self.moves.vertices, NONE);
        let Some(list) = self.by_vertex.get_mut(vertex as usize) else { return 0 };
        if *list == NONE {
            *list = self.lists.len() as u32;
            self.lists.push(List::default());
            self.to_make.push(vertex);
        }
        *list
    }

    /// Fills the lists at vertices: with the places behind them, up to where several ways meet. There another list begins.
    fn fill(&mut self) {
        while let Some(vertex) = self.to_make.pop() {
            let list = self.list_at(vertex);
            let mut further = Vec::new();
            self.time += 1;
            self.places.clear();
            let mut stack = vec![vertex];
            while let Some(vertex) = stack.pop() {
                for at in self.ways(vertex) {
                    let to = self.ways.get(at).copied().unwrap_or_default();
                    if !self.pass(to) {
                        continue;
                    }
                    match self.entered(to) {
                        Some(place) => self.places.push(place),
                        None if self.coming.get(to as usize).is_some_and(|coming| *coming > 1) => {
                            further.push(self.list_at(to));
                        }
                        None => stack.push(to),
                    }
                }
            }
            let words = self.words();
            if let Some(list) = self.lists.get_mut(list as usize) {
                *list = List { words, further };
            }
        }
    }
}

/// All lists, one behind the other.
fn flat(lists: Vec<u32>, all: Vec<List>) -> Follow {
    let (mut begins, mut words, mut further) = (vec![(0, 0)], Vec::new(), Vec::new());
    for list in all {
        words.extend(list.words);
        further.extend(list.further);
        begins.push((words.len() as u32, further.len() as u32));
    }
    Follow::Lists { lists: lists.into(), begins: begins.into(), words: words.into(), further: further.into() }
}

fn set(words: &mut [u64], place: usize) {
    if let Some(word) = words.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::{LONG, Maker};
    use crate::re2::graph::Graph;
    use crate::re2::moves::Moves;
    use crate::re2::nfa::Direction;

    /// Each end of a branch leads to the beginnings of all: gone through for each, they would be millions of steps.
    #[test]
    fn no_more_is_gone_through_than_asked_for() -> Result<(), Box<dyn std::error::Error>> {
        let branches: Vec<String> = (0..2_000).map(|n| format!("[a{}]1", char::from(b'b' + n as u8 % 20))).collect();
        let parsed = crate::re2::parsed(&format!("(?:{})*", branches.join("|")), false)?;
        let moves = Moves::of(&Graph::of(&parsed.node, true));
        for direction in [Direction::Forward, Direction::Backward] {
            let mut maker = Maker::new(&moves, direction);
            let mut given_up = 0;
            for number in 0..moves.takes.len() {
                let gone = maker.go(maker.leave(number), LONG);
                assert!(maker.places.len() + maker.stack.len() <= LONG, "{}", maker.places.len());
                given_up += usize::from(gone.is_none());
            }
            assert!(given_up > 1_000, "the test is too easy: {given_up}");
        }
        Ok(())
    }
}
