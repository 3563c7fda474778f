//! A lazy DFA: sets of places that an NFA has been at, each under a number, and which of them comes after a byte of each
//! class.
//!
//! They are made as values come along. A state takes 4 bytes for each class and what its places take, half of what it
//! takes in RE2 or less.

/// Bytes of the states that are kept: as much as RE2 has for what it searches for, which needs more for each. What needs
/// more begins anew, or goes on without.
const CAPACITY: usize = (8 << 20) / 3;

pub(super) struct Dfa {
    /// What comes after each state, by class; there is room for a power of two of them.
    next: Vec<State>,
    shift: u32,
    /// The keys of all states, one behind the other, and where each ends.
    keys: Vec<u64>,
    ends: Vec<u32>,
    /// What is asked of the places of each state.
    marks: Vec<u8>,
    /// The numbers of states by the hash of their keys: none, or a power of two, of which half are free at least.
    table: Vec<u16>,
}

/// A state, as the place in a [`Dfa`] where those after it begin.
pub(super) type State = u32;

/// Not known yet.
pub(super) const UNKNOWN: State = 0;

/// The numbers of the state that is not known and of the one without places, which nothing comes after.
const FIRST: [usize; 2] = [0, 1];

impl Dfa {
    /// Without any state, and so without memory of its own until the first is asked for.
    pub(super) fn new(class_count: usize) -> Dfa {
        let shift = class_count.next_power_of_two().trailing_zeros();
        Dfa { next: Vec::new(), shift, keys: Vec::new(), ends: Vec::new(), marks: Vec::new(), table: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.next.clear();
        self.keys.clear();
        self.ends.clear();
        self.marks.clear();
        self.table.fill(0);
        for number in FIRST {
            self.next.extend(std::iter::repeat_n((number << self.shift) as State, 1 << self.shift));
            self.ends.push(0);
            self.marks.push(0);
        }
    }

    /// Gives back what it has, to the last byte: of thousands even the two states that each begins with are megabytes.
    pub(super) fn release(&mut self) {
        *self = Dfa::new(1 << self.shift);
    }

    /// The state without places.
    #[inline]
    pub(super) fn dead(&self) -> State {
        1 << self.shift
    }

    #[inline]
    pub(super) fn after(&self, state: State, class: usize) -> State {
        self.next.get(state as usize | class).copied().unwrap_or_default()
    }

    pub(super) fn set_after(&mut self, state: State, class: usize, to: State) {
        if let Some(next) = self.next.get_mut(state as usize | class) {
            *next = to;
        }
    }

    #[inline]
    pub(super) fn marks(&self, state: State) -> u8 {
        self.marks.get(state as usize >> self.shift).copied().unwrap_or_default()
    }

    #[inline]
    pub(super) fn key(&self, state: State) -> &[u64] {
        self.key_of(state as usize >> self.shift)
    }

    #[inline]
    fn key_of(&self, number: usize) -> &[u64] {
        let end = |number: usize| self.ends.get(number).map_or(0, |end| *end as usize);
        self.keys.get(number.checked_sub(1).map_or(0, end)..end(number)).unwrap_or_default()
    }

    /// How many states there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The state of a key; `None` if it is new and there is no room for it, unless `anyway` there has to be.
    #[inline]
    pub(super) fn state(&mut self, key: &[u64], marks: impl FnOnce(&[u64]) -> u8, anyway: bool) -> Option<State> {
        if self.ends.is_empty() {
            self.clear();
        }
        if key.iter().all(|word| *word == 0) {
            return Some(self.dead());
        }
        if self.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let mut at = hash(key) as usize & mask;
        loop {
            match self.table.get(at).map(|number| usize::from(*number)) {
                None | Some(0) => break,
                Some(number) if self.key_of(number) == key => return Some((number << self.shift) as State),
                Some(_) => at = (at + 1) & mask,
            }
        }
        let number = u16::try_from(self.len()).ok()?;
        if !anyway && (self.used() > CAPACITY || number == u16::MAX) {
            return None;
        }
        room(&mut self.next, 1 << self.shift);
        self.next.extend(std::iter::repeat_n(UNKNOWN, 1 << self.shift));
        room(&mut self.keys, key.len());
        self.keys.extend_from_slice(key);
        self.ends.push(self.keys.len() as u32);
        self.marks.push(marks(key));
        if let Some(slot) = self.table.get_mut(at) {
            *slot = number;
        }
        Some(State::from(number) << self.shift)
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(16);
        self.table.clear();
        self.table.resize(size, 0);
        for number in FIRST.len()..self.len() {
            let mut at = hash(self.key_of(number)) as usize & (size - 1);
            while let Some(slot) = self.table.get_mut(at) {
                if *slot == 0 {
                    *slot = number as u16;
                    break;
                }
                at = (at + 1) & (size - 1);
            }
        }
    }

    /// Bytes of the states.
    fn used(&self) -> usize {
        self.next.len() * 4 + self.keys.len() * 8 + self.ends.len() * 5 + self.table.len() * 2
    }

    /// Bytes of the states, with what is in reserve.
    pub(super) fn size(&self) -> usize {
        let next = self.next.capacity() * 4 + self.keys.capacity() * 8;
        next + self.ends.capacity() * 4 + self.marks.capacity() + self.table.capacity() * 2
    }
}

/// Room for so much more: a quarter in reserve, where a vector by itself would take half of all.
fn room<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more + list.len() / 4);
    }
}

#[inline]
fn hash(key: &[u64]) -> u64 {
    key.iter().fold(0, |hash, word| mix(hash ^ word))
}

/// Bits that depend on all bits.
#[inline]
pub(super) fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    word ^ (word >> 29)
}
