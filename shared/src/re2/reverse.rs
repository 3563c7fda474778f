//! Scans a value in reverse from where a match ends, by a lazy DFA, and keeps for each byte the state from which what
//! follows matches.
//!
//! So it is known where the match begins, and a walk forward that takes at each byte the first of the ways that leads to a
//! match at all never has to turn back.

use super::dfa::{Dfa, State, UNKNOWN};
use super::graph::Graph;
use super::moves::{Kinds, Moves};
use super::nfa::{Direction, Nfa};
use super::places::{Scratch, key_has};

pub(super) struct Reverse {
    pub(super) nfa: Nfa,
    dfa: Box<Dfa>,
    /// Whether the DFA began anew, so that other states have the numbers of those before.
    anew: bool,
    /// The states at the end of a match, by the class of the byte behind it or of none.
    ends: Box<[State]>,
    pub(super) kinds: Kinds,
    /// The kind of the bytes of each class.
    kinds_of_classes: Box<[u8]>,
    numbers: Box<[u32]>,
    /// Whether anything may come behind a match.
    tail: bool,
    /// The bit of the first place where a match begins; each kind of byte before it has one.
    begins: usize,
    /// How many there are.
    around: usize,
}

/// What was read of a value.
pub(super) struct Trail<'v> {
    pub(super) value: &'v [u8],
    /// Where matches end: there alone, or anywhere before.
    pub(super) end: usize,
    pub(super) anywhere: bool,
    /// By place in the value the state there. Good from `low` up to `until`.
    states: Vec<State>,
    low: usize,
    pub(super) until: usize,
    /// Where the DFA was full, and what was there, from the end to the beginning.
    full_at: Vec<(usize, Vec<u64>)>,
}

impl<'v> Trail<'v> {
    pub(super) fn new(value: &'v [u8]) -> Trail<'v> {
        Trail { value, end: 0, anywhere: false, states: Vec::new(), low: 0, until: 0, full_at: Vec::new() }
    }

    /// Bytes from a place on, each with the state behind it, as far as these are there.
    #[inline]
    pub(super) fn ahead(&self, at: usize) -> impl Iterator<Item = (&'v u8, &State)> {
        let states = self.states.get(at + 1..=self.until).unwrap_or_default();
        self.value.get(at..).unwrap_or_default().iter().zip(states)
    }

    /// The byte at a place, and the state behind it, which is not known behind the end.
    #[inline]
    pub(super) fn at(&self, at: usize) -> (Option<u8>, State) {
        let state = self.states.get(at + 1).filter(|_| at < self.end);
        (self.value.get(at).copied(), state.copied().unwrap_or(UNKNOWN))
    }
}

impl Reverse {
    pub(super) fn new(graph: &Graph) -> Reverse {
        let moves = Moves::of(graph);
        let nfa = Nfa::of(&moves, Direction::Backward);
        let begins = moves.takes.len() - moves.begins;
        let dfa = Box::new(Dfa::new(nfa.class_count));
        let ends = vec![UNKNOWN; nfa.class_count + 1].into();
        let mut kinds_of_classes = vec![0; nfa.class_count];
        for byte in 0..=255 {
            if let Some(kind) = kinds_of_classes.get_mut(nfa.class(byte)) {
                *kind = moves.kinds.of_byte(Some(byte)) as u8;
            }
        }
        let (tail, around) = (graph.tail.is_some(), moves.begins);
        Reverse {
            nfa,
            dfa,
            anew: false,
            ends,
            kinds_of_classes: kinds_of_classes.into(),
            kinds: moves.kinds,
            numbers: moves.numbers.into(),
            tail,
            begins,
            around,
        }
    }

    /// Reads down to a place from the end of a match, or of all there may be before the end of the value.
    #[inline]
    pub(super) fn read(&mut self, trail: &mut Trail<'_>, to: usize, scratch: &mut Scratch) {
        trail.states.resize(trail.value.len() + 1, UNKNOWN);
        trail.full_at.clear();
        (trail.low, trail.until) = (to, trail.end);
        let class = trail.value.get(trail.end).map_or(self.nfa.class_count, |byte| self.nfa.class(*byte));
        let known = self.ends.get(class).copied().filter(|state| *state != UNKNOWN && !trail.anywhere);
        let state = known.unwrap_or_else(|| {
            self.begin(trail, scratch);
            let state = self.state(trail, trail.end, false, scratch);
            if let Some(end) = self.ends.get_mut(class).filter(|_| !trail.anywhere) {
                *end = state;
            }
            state
        });
        self.go(trail, trail.end, state, false, scratch);
    }

    /// Puts the places there that a match can end behind.
    #[inline]
    fn begin(&self, trail: &Trail<'_>, scratch: &mut Scratch) {
        self.nfa.begin(scratch);
        if trail.anywhere {
            return;
        }
        let kinds = self.kinds.sets.len();
        // What may come behind a match is the place that was made first.
        let tail = |kind: usize| Moves::number(&self.numbers, kinds, 0, kind).filter(|_| self.tail);
        if let Some(byte) = trail.value.get(trail.end).copied() {
            scratch.now.clear();
            if let Some(place) = tail(self.kinds.of_byte(Some(byte))) {
                scratch.now.add(place as usize / 64, 1 << (place % 64));
            }
            self.nfa.step(self.nfa.class(byte), scratch);
        }
        (0..kinds).filter_map(tail).for_each(|place| scratch.now.remove(place as usize));
    }

    /// Reads down from a place. Where there is no room for another state, all begin anew, and those before are no more;
    /// unless it is read again, and there was room.
    #[inline]
    fn go(&mut self, trail: &mut Trail<'_>, from: usize, state: State, again: bool, scratch: &mut Scratch) {
        let (mut at, mut state) = (from, state);
        loop {
            let (now, class) = self.down(trail, state, &mut at);
            let Some(class) = class else {
                trail.low = at;
                return;
            };
            at -= 1;
            scratch.now.clear();
            scratch.now.load(self.nfa.words, self.dfa.key(now));
            self.nfa.step(class, scratch);
            let full = trail.full_at.len();
            state = self.state(trail, at, again, scratch);
            if full == trail.full_at.len() {
                self.dfa.set_after(now, class, state);
            }
        }
    }

    /// The state of what is reached, at a place in the value.
    #[inline]
    fn state(&mut self, trail: &mut Trail<'_>, at: usize, anyway: bool, scratch: &mut Scratch) -> State {
        scratch.now.key(self.nfa.words, &mut scratch.key);
        let (words, begins, kinds) = (self.nfa.words, self.begins, self.around);
        let marks = |key: &[u64]| {
            (0..kinds).fold(0, |marks, kind| marks | u8::from(key_has(words, key, begins + kind)) << kind)
        };
        self.dfa.state(&scratch.key, marks, anyway).unwrap_or_else(|| {
            trail.until = at;
            trail.full_at.push((at, scratch.key.clone()));
            self.dfa.clear();
            self.forget();
            self.dfa.state(&scratch.key, marks, true).unwrap_or_default()
        })
    }

    /// Reads down as far as it is known what is there. Returns the state from which it is not, and by what class; or none,
    /// if all has been read, or nothing before can match.
    #[inline]
    fn down(&self, trail: &mut Trail<'_>, from: State, at: &mut usize) -> (State, Option<usize>) {
        let (mut now, dead) = (from, self.dfa.dead());
        let value = trail.value.get(trail.low..*at).unwrap_or_default();
        let mut states = trail.states.get_mut(trail.low..=*at).unwrap_or_default().iter_mut().rev();
        if let Some(state) = states.next() {
            *state = now;
        }
        for (byte, state) in value.iter().rev().zip(states) {
            let class = self.nfa.class(*byte);
            let next = self.dfa.after(now, class);
            if next <= dead {
                return (now, (next != dead).then_some(class));
            }
            *at -= 1;
            now = next;
            *state = now;
        }
        (now, None)
    }

    /// Has the states there of a place, if there was no room to keep them. What was before it is no more then.
    #[inline]
    pub(super) fn keep(&mut self, trail: &mut Trail<'_>, at: usize, scratch: &mut Scratch) {
        while at > trail.until
            && let Some((to, _)) = trail.full_at.pop()
        {
            self.dfa.clear();
            self.forget();
            (trail.low, trail.until) = (to, trail.end);
            match trail.full_at.last() {
                Some((from, key)) => {
                    trail.until = *from;
                    scratch.now.clear();
                    scratch.now.load(self.nfa.words, key);
                }
                None => self.begin(trail, scratch),
            }
            let state = self.state(trail, trail.until, true, scratch);
            self.go(trail, trail.until, state, true, scratch);
        }
    }

    /// Nothing that was known of states is so any more.
    fn forget(&mut self) {
        self.anew = true;
        self.ends.fill(UNKNOWN);
    }

    /// Whether other states have the numbers of those before, since this was last asked.
    #[inline]
    pub(super) fn is_anew(&mut self) -> bool {
        std::mem::take(&mut self.anew)
    }

    /// Where the first match begins that is known from a place on, but not behind `last`.
    #[inline]
    pub(super) fn first(
        &mut self,
        trail: &mut Trail<'_>,
        from: usize,
        last: usize,
        scratch: &mut Scratch,
    ) -> Option<usize> {
        let mut at = from.max(trail.low);
        while at <= last.min(trail.end) {
            self.keep(trail, at, scratch);
            let states = trail.states.get(at..=trail.until.min(last)).unwrap_or_default();
            let begins = |(further, state): &(usize, &State)| match self.dfa.marks(**state) {
                0 => false,
                marks => self.around == 1 || marks >> self.kind_before(trail, at + further) & 1 == 1,
            };
            match states.iter().enumerate().find(begins) {
                Some((further, _)) => return Some(at + further),
                None => at = trail.until + 1,
            }
        }
        None
    }

    /// The kind of the byte before a place in the value.
    #[inline]
    pub(super) fn kind_before(&self, trail: &Trail<'_>, at: usize) -> usize {
        self.kinds.of_byte(at.checked_sub(1).and_then(|at| trail.value.get(at)).copied())
    }

    #[inline]
    pub(super) fn kind_of_class(&self, class: usize) -> usize {
        self.kinds_of_classes.get(class).copied().unwrap_or_default().into()
    }

    /// Whether a state has a place that takes a byte.
    #[inline]
    pub(super) fn has(&self, state: State, place: u32, byte: u8) -> bool {
        let number = Moves::number(&self.numbers, self.kinds.sets.len(), place, self.kinds.of_byte(Some(byte)));
        number.is_some_and(|number| key_has(self.nfa.words, self.dfa.key(state), number as usize))
    }

    pub(super) fn shrink(&mut self) {
        self.dfa.release();
        self.forget();
    }

    pub(super) fn dfa_size(&self) -> usize {
        self.dfa.size()
    }

    pub(super) fn nfa_size(&self) -> usize {
        self.nfa.size() + size_of_val(&*self.numbers) + size_of_val(&*self.ends) + size_of::<Dfa>()
    }
}
