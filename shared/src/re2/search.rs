//! Finds matches and where their groups are, in a time in proportion to the value, however many there are.
//!
//! First the value is read from its end to its beginning, and for each byte the state is kept from which what follows
//! matches, and anything behind it. Then one walk forward takes at each byte the first of the ways, as RE2 prefers them,
//! that leads to a match at all: it never has to turn back.

use super::bytes::Bytes;
use super::dfa::{Dfa, State, UNKNOWN};
use super::graph::{Fork, Graph, Way};
use super::nfa::{Direction, Nfa};
use super::node::{Look, Node};
use super::places::{Scratch, key_has, ones};
use super::web::{Kinds, Web};

/// Where the groups of a match begin (at twice their number) and end.
pub(super) type Slots = [Option<u32>; 20];

/// A pattern made ready to be found.
pub(super) struct Finder {
    graph: Graph,
    nfa: Nfa,
    dfa: Box<Dfa>,
    kinds: Kinds,
    numbers: Box<[u32]>,
    /// The bit of the first place where a match begins; each kind of byte before it has one.
    begins: usize,
    /// How many there are.
    around: usize,
    /// Whether a match can begin at the start of the value alone.
    at_start: bool,
    /// Steps that were taken, each where its number leads.
    known: Box<[Known; KNOWN]>,
}

/// How many steps are known at once.
const KNOWN: usize = 128;

/// A step from somewhere to the next place.
#[derive(Clone, Copy)]
struct Known {
    /// From where, by what byte, and what the state is behind it.
    number: u64,
    step: Step,
}

#[derive(Clone, Copy, Default)]
struct Step {
    /// The place that takes the byte; none if the match has ended before it.
    place: Option<u32>,
    /// The slots that are passed on the way, a bit each.
    slots: u32,
}

/// A value that is searched.
pub(super) struct Search<'v> {
    value: &'v [u8],
    /// By place in the value the state there. Good up to [`until`](Self::until).
    states: Vec<State>,
    until: usize,
    /// Where the DFA was full, and what was there, from the end of the value to its beginning.
    full_at: Vec<(usize, Vec<u64>)>,
    /// When each fork was last gone through.
    seen: Vec<u32>,
    time: u32,
    /// Ways to try, each with the slots that were passed.
    stack: Vec<(Way, u32)>,
}

impl Finder {
    /// Finds matches that begin at the start of a value alone, or end at its end alone.
    pub(super) fn new(node: &Node, from_start: bool, to_end: bool) -> Finder {
        let graph = Graph::of(node, to_end);
        let web = Web::of(&graph);
        let nfa = Nfa::of(&web, Direction::Backward);
        let begins = web.takes.len() - web.begins;
        let dfa = Box::new(Dfa::new(nfa.class_count));
        let (around, at_start) = (web.begins, from_start || node.starts_the_value());
        let known = Box::new([NOTHING; KNOWN]);
        Finder { graph, nfa, dfa, kinds: web.kinds, numbers: web.numbers.into(), begins, around, at_start, known }
    }

    /// Makes a value ready to be searched.
    #[inline]
    pub(super) fn search<'v>(&mut self, value: &'v [u8], scratch: &mut Scratch) -> Search<'v> {
        let mut search = Search {
            value,
            states: vec![UNKNOWN; value.len() + 1],
            until: value.len(),
            full_at: Vec::new(),
            seen: vec![0; self.graph.forks.len()],
            time: 0,
            stack: Vec::new(),
        };
        self.nfa.begin(scratch);
        self.read(&mut search, value.len(), 0, scratch);
        search
    }

    /// Reads down to a place in the value. Where there is no room for another state, all begin anew, and those before
    /// are no more.
    #[inline]
    fn read(&mut self, search: &mut Search<'_>, from: usize, to: usize, scratch: &mut Scratch) {
        let mut at = from;
        let mut state = self.state(search, at, scratch);
        loop {
            let value = search.value.get(to..at).unwrap_or_default();
            let states = search.states.get_mut(to..=at).unwrap_or_default();
            let (now, class) = match down(&self.dfa, &self.nfa, state, value, states, &mut at) {
                Some((now, Some(class))) => (now, class),
                // Nothing before can match.
                Some((_, None)) => {
                    if let Some(states) = search.states.get_mut(to..at) {
                        states.fill(UNKNOWN);
                    }
                    return;
                }
                None => return,
            };
            at -= 1;
            scratch.now.clear();
            scratch.now.load(self.nfa.words, self.dfa.key(now));
            self.nfa.step(class, scratch);
            let full = search.full_at.len();
            state = self.state(search, at, scratch);
            if full == search.full_at.len() {
                self.dfa.set_after(now, class, state);
            }
        }
    }

    /// The state of what is reached, at a place in the value.
    fn state(&mut self, search: &mut Search<'_>, at: usize, scratch: &mut Scratch) -> State {
        scratch.now.key(self.nfa.words, &mut scratch.key);
        let (words, begins, kinds) = (self.nfa.words, self.begins, self.around);
        let marks = |key: &[u64]| {
            (0..kinds).fold(0, |marks, kind| marks | u8::from(key_has(words, key, begins + kind)) << kind)
        };
        self.dfa.state(&scratch.key, marks).unwrap_or_else(|| {
            search.until = at;
            search.full_at.push((at, scratch.key.clone()));
            self.clear();
            self.dfa.state(&scratch.key, marks).unwrap_or_default()
        })
    }

    fn clear(&mut self) {
        self.dfa.clear();
        self.known.fill(NOTHING);
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
        let Some(mut at) = self.begin(search, from, scratch) else { return false };
        *slots = Slots::default();
        set(slots, 1, at);
        let mut place = None;
        loop {
            self.keep(search, at + 1, scratch);
            let step = self.step(search, place, at);
            if step.slots != 0 {
                set(slots, step.slots, at);
            }
            if step.place.is_none() {
                set(slots, 2, at);
                return true;
            }
            let stays = step.place == place && step.slots == 0 && self.around == 1;
            place = step.place;
            at += 1;
            if stays {
                at += self.alike(search, at);
            }
        }
    }

    /// How many bytes from a place on are like the one before it, with the same behind them.
    #[inline]
    fn alike(&self, search: &Search<'_>, at: usize) -> usize {
        let like = |at: usize| Some((self.nfa.class(*search.value.get(at)?), *search.states.get(at + 1)?));
        let last = at.checked_sub(1).and_then(like);
        let states = search.states.get(at + 1..=search.until).unwrap_or_default();
        let bytes = search.value.get(at..).unwrap_or_default();
        bytes.iter().zip(states).take_while(|(byte, state)| Some((self.nfa.class(**byte), **state)) == last).count()
    }

    /// Where the first match begins.
    #[inline]
    fn begin(&mut self, search: &mut Search<'_>, from: usize, scratch: &mut Scratch) -> Option<usize> {
        let mut at = from;
        let last = if self.at_start { 0 } else { search.value.len() };
        while at <= last {
            self.keep(search, at, scratch);
            let states = search.states.get(at..=search.until.min(last)).unwrap_or_default();
            if self.around == 1 {
                match states.iter().position(|state| self.dfa.marks(*state) != 0) {
                    Some(further) => return Some(at + further),
                    None => at = search.until + 1,
                }
                continue;
            }
            let before = self.kinds.of_byte(at.checked_sub(1).and_then(|at| search.value.get(at)).copied());
            if states.first().is_some_and(|state| self.dfa.marks(*state) >> before & 1 == 1) {
                return Some(at);
            }
            at += 1;
        }
        None
    }

    /// Has the states of a place in the value that were no more read again.
    #[inline]
    fn keep(&mut self, search: &mut Search<'_>, at: usize, scratch: &mut Scratch) {
        while at > search.until
            && let Some((to, _)) = search.full_at.pop()
        {
            self.clear();
            self.nfa.begin(scratch);
            search.until = search.value.len();
            if let Some((from, key)) = search.full_at.last() {
                search.until = *from;
                scratch.now.clear();
                scratch.now.load(self.nfa.words, key);
            }
            self.read(search, search.until, to, scratch);
        }
    }

    /// The step from a place, or from the start, by the byte that comes next.
    #[inline]
    fn step(&mut self, search: &mut Search<'_>, from: Option<u32>, at: usize) -> Step {
        let byte = search.value.get(at).copied();
        let state = search.states.get(at + 1).copied().unwrap_or_default();
        let class = byte.map_or(256, |byte| self.nfa.class(byte)) as u64;
        let before = match self.around {
            1 => 0,
            _ => self.kinds.of_byte(at.checked_sub(1).and_then(|at| search.value.get(at)).copied()),
        };
        let from_number = u64::from(from.map_or(0, |place| place + 1));
        let number = 1 << 63 | (from_number << 2 | before as u64) << 36 | u64::from(state) << 9 | class;
        let slot = super::dfa::mix(number) as usize % KNOWN;
        if let Some(known) = self.known.get(slot).filter(|known| known.number == number) {
            return known.step;
        }
        let way = match from {
            None => Some(self.graph.start),
            Some(place) => self.graph.set(place).map(|(_, place)| place.next),
        };
        let step = way.map_or(Step::default(), |way| self.first(search, way, at, byte, state));
        if let Some(known) = self.known.get_mut(slot) {
            *known = Known { number, step };
        }
        step
    }

    /// Goes through the ways in the order in which RE2 prefers them, to the first that leads to a match.
    fn first(&self, search: &mut Search<'_>, way: Way, at: usize, byte: Option<u8>, state: State) -> Step {
        let (kinds, kind) = (self.kinds.sets.len(), self.kinds.of_byte(byte));
        search.time = search.time.wrapping_add(1);
        if search.time == 0 {
            search.seen.fill(0);
            search.time = 1;
        }
        search.stack.clear();
        search.stack.push((way, 0));
        while let Some((way, slots)) = search.stack.pop() {
            let fork = match way {
                Way::End if byte.is_none() => return Step { place: None, slots },
                Way::End => continue,
                Way::Place(place) => {
                    let takes = self.graph.set(place).is_some_and(|(set, _)| byte.is_some_and(|byte| set.has(byte)));
                    let number = Web::number(&self.numbers, kinds, place, kind).filter(|_| takes);
                    if number.is_some_and(|number| key_has(self.nfa.words, self.dfa.key(state), number as usize)) {
                        return Step { place: Some(place), slots };
                    }
                    continue;
                }
                Way::Fork(fork) => fork,
            };
            if Some(fork) == self.graph.tail {
                return Step { place: None, slots };
            }
            let time = search.time;
            let seen = search.seen.get_mut(fork as usize);
            if seen.is_none_or(|seen| std::mem::replace(seen, time) == time) {
                continue;
            }
            match self.graph.forks.get(fork as usize) {
                Some(Fork::Two(first, second)) => search.stack.extend([(*second, slots), (*first, slots)]),
                Some(Fork::Many(ways)) => search.stack.extend(ways.iter().rev().map(|way| (*way, slots))),
                Some(Fork::Look(look, next)) if looks(*look, search.value, at) => search.stack.push((*next, slots)),
                Some(Fork::Slot(slot, next)) => search.stack.push((*next, slots | 1 << slot)),
                Some(Fork::Look(..)) | None => {}
            }
        }
        Step::default()
    }

    pub(super) fn nfa_size(&self) -> usize {
        let numbers = size_of_val(&*self.numbers) + size_of_val(&*self.known);
        self.nfa.size() + self.graph.size() + numbers
    }

    pub(super) fn dfa_size(&self) -> usize {
        self.dfa.size()
    }

    pub(super) fn shrink(&mut self) {
        *self.dfa = Dfa::new(self.nfa.class_count);
        self.known.fill(NOTHING);
    }
}

const NOTHING: Known = Known { number: 0, step: Step { place: None, slots: 0 } };

/// Reads down as far as it is known what is there, and says what is not: what comes after this state, by this class. Or
/// nothing does, and no class is said. None if all has been read.
#[inline]
fn down(
    dfa: &Dfa,
    nfa: &Nfa,
    from: State,
    value: &[u8],
    states: &mut [State],
    at: &mut usize,
) -> Option<(State, Option<usize>)> {
    let (mut now, dead) = (from, dfa.dead());
    let mut states = states.iter_mut().rev();
    if let Some(state) = states.next() {
        *state = now;
    }
    for (byte, state) in value.iter().rev().zip(states) {
        let class = nfa.class(*byte);
        let next = dfa.after(now, class);
        if next <= dead {
            return Some((now, (next != dead).then_some(class)));
        }
        *at -= 1;
        now = next;
        *state = now;
    }
    None
}

fn set(slots: &mut Slots, bits: u32, at: usize) {
    for bit in ones(bits.into()) {
        if let Some(slot) = slots.get_mut(bit) {
            *slot = Some(at as u32);
        }
    }
}

/// Whether it looks like this at a place in a value.
fn looks(look: Look, value: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|at| value.get(at));
    let behind = value.get(at);
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| Bytes::WORD.has(*byte));
    match look {
        Look::Start => before.is_none(),
        Look::End => behind.is_none(),
        Look::LineStart => before.is_none_or(|byte| *byte == b'\n'),
        Look::LineEnd => behind.is_none_or(|byte| *byte == b'\n'),
        Look::Word => is_word(before) != is_word(behind),
        Look::NotWord => is_word(before) == is_word(behind),
    }
}
