//! A bit-parallel NFA: the places at which a match can be are a bit each, and a byte makes others of them by masks and
//! shifts.
//!
//! Bytes that no place tells apart are of one class. For each class there are the places that take its bytes; from those
//! of them that are reached most lead to the place behind them, which is a shift of all bits at once.

use super::bytes::Bytes;
use super::closure::Closures;
use super::follow::Follow;
use super::moves::Moves;
use super::places::{Scratch, ones};

/// Which way a value is gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    /// From its last byte to its first.
    Backward,
}

/// Places that lead elsewhere than to the next one, of an NFA that is nearly as fast as a DFA.
const LIGHT: u32 = 2;

pub(super) struct Nfa {
    classes: Box<[u8; 256]>,
    pub(super) class_count: usize,
    /// Words of 64 places.
    pub(super) words: usize,
    /// For each class the places that take its bytes.
    takes: Box<[u64]>,
    /// Places that lead to the one behind them.
    chain: Box<[u64]>,
    /// Places that lead elsewhere.
    exits: Box<[u64]>,
    follow: Follow,
    /// Where nothing has been read yet.
    start: Box<[u64]>,
}

impl Nfa {
    pub(super) fn of(moves: &Moves, direction: Direction) -> Nfa {
        let words = moves.takes.len().div_ceil(64);
        let (classes, class_count) = classes(&moves.sets);
        let Closures { chain, exits, follow, start } = Closures::of(moves, direction);
        // The classes of each set: their first bytes.
        let mut firsts: Vec<Option<u8>> = vec![None; class_count];
        for (byte, class) in classes.iter().enumerate() {
            if let Some(first) = firsts.get_mut(usize::from(*class)) {
                first.get_or_insert(byte as u8);
            }
        }
        let of_set = |set: &Bytes| {
            firsts
                .iter()
                .enumerate()
                .filter(|(_, first)| first.is_some_and(|byte| set.has(byte)))
                .map(|(class, _)| class)
                .collect::<Box<[usize]>>()
        };
        let of_sets: Vec<Box<[usize]>> = moves.sets.iter().map(of_set).collect();
        let mut takes = vec![0; class_count * words].into_boxed_slice();
        for (number, set) in moves.takes.iter().enumerate() {
            let place = place(moves, direction, number);
            for class in of_sets.get(*set as usize).map_or(&[][..], |classes| classes) {
                if let Some(word) = takes.get_mut(class * words + place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
        }
        Nfa { classes, class_count, words, takes, chain, exits, follow, start }
    }

    #[inline]
    pub(super) fn class(&self, byte: u8) -> usize {
        self.classes.get(usize::from(byte)).copied().unwrap_or_default().into()
    }

    /// Puts the places there at which a match begins.
    #[inline]
    pub(super) fn begin(&self, scratch: &mut Scratch) {
        scratch.now.resize(self.words);
        scratch.next.resize(self.words);
        scratch.now.clear();
        for (word, places) in self.start.iter().enumerate().filter(|(_, places)| **places != 0) {
            scratch.now.add(word, *places);
        }
    }

    /// What one word of places becomes, where there is but one.
    #[inline]
    pub(super) fn step_word(&self, now: u64, class: usize, follow: &[u64]) -> u64 {
        let first = |words: &[u64]| words.first().copied().unwrap_or_default();
        let taken = now & self.takes.get(class).copied().unwrap_or_default();
        let mut next = (taken & first(&self.chain)) << 1;
        for place in ones(taken & first(&self.exits)) {
            next |= follow.get(place).copied().unwrap_or_default();
        }
        next
    }

    /// Whether a step costs hardly more than what comes after a state: few places lead elsewhere than to the next one.
    #[inline]
    pub(super) fn is_light(&self) -> bool {
        self.words == 1 && self.exits.iter().all(|exits| exits.count_ones() <= LIGHT)
    }

    /// Where each place leads, where there is but one word of them.
    #[inline]
    pub(super) fn word(&self) -> Option<&[u64]> {
        match &self.follow {
            Follow::Word(follow) => Some(follow),
            Follow::Lists { .. } => None,
        }
    }

    /// The places after a byte of a class.
    #[inline]
    pub(super) fn step(&self, class: usize, scratch: &mut Scratch) {
        if let Some(follow) = self.word() {
            let now = scratch.now.words.first().copied().unwrap_or_default();
            let next = self.step_word(now, class, follow);
            scratch.now.clear();
            if next != 0 {
                scratch.now.add(0, next);
            }
            return;
        }
        self.step_words(class, scratch);
    }

    /// Goes from the only place to the one behind it, as long as it leads nowhere else.
    #[inline]
    pub(super) fn walk_from(&self, place: usize, bytes: &mut std::slice::Iter<'_, u8>, scratch: &mut Scratch) {
        let place = self.walk(place, bytes);
        scratch.now.clear();
        if let Some(place) = place {
            scratch.now.add(place / 64, 1 << (place % 64));
        }
    }

    /// None if a byte is not taken.
    #[inline]
    fn walk(&self, from: usize, bytes: &mut std::slice::Iter<'_, u8>) -> Option<usize> {
        let has = |words: &[u64], word: usize, place: usize| {
            words.get(word).is_some_and(|word| word >> (place % 64) & 1 == 1)
        };
        let mut place = from;
        loop {
            let word = place / 64;
            if has(&self.exits, word, place) || !has(&self.chain, word, place) {
                return Some(place);
            }
            let Some(byte) = bytes.next() else { return Some(place) };
            if !has(&self.takes, self.class(*byte) * self.words + word, place) {
                return None;
            }
            place += 1;
        }
    }

    #[inline]
    fn step_words(&self, class: usize, scratch: &mut Scratch) {
        let Scratch { now, next, seen, time, stack, .. } = scratch;
        let takes = self.takes.get(class * self.words..).unwrap_or_default();
        self.follow.begin(seen, time);
        for word in now.active.iter().map(|word| *word as usize) {
            let (Some(places), Some(takes), Some(chain), Some(exits)) =
                (now.words.get_mut(word), takes.get(word), self.chain.get(word), self.exits.get(word))
            else {
                continue;
            };
            let taken = std::mem::take(places) & takes;
            let shifted = taken & chain;
            if shifted << 1 != 0 {
                next.add(word, shifted << 1);
            }
            if shifted >> 63 == 1 {
                next.add(word + 1, 1);
            }
            for place in ones(taken & exits) {
                self.follow.go(word * 64 + place, next, seen, *time, stack);
            }
        }
        now.active.clear();
        std::mem::swap(now, next);
    }

    pub(super) fn size(&self) -> usize {
        let words = self.takes.len() + self.chain.len() + self.exits.len() + self.start.len();
        size_of::<Nfa>() + 256 + words * size_of::<u64>() + self.follow.size()
    }
}

/// The bit of a place. To go forward the last place is the last bit, since graphs are made from their end.
pub(super) fn place(moves: &Moves, direction: Direction, number: usize) -> usize {
    match direction {
        Direction::Forward => moves.takes.len() - 1 - number,
        Direction::Backward => number,
    }
}

/// The class of each byte, and how many classes there are.
fn classes(sets: &[Bytes]) -> (Box<[u8; 256]>, usize) {
    let mut classes = Box::new([0_u8; 256]);
    // How many bytes each has.
    let mut sizes = [0_u16; 256];
    let mut count = 1;
    if let Some(all) = sizes.first_mut() {
        *all = 256;
    }
    for set in sets {
        let mut inside = [0_u16; 256];
        for byte in set.iter() {
            let class = classes.get(usize::from(byte)).copied().unwrap_or_default();
            if let Some(inside) = inside.get_mut(usize::from(class)) {
                *inside += 1;
            }
        }
        // A class of which some are in the set becomes two.
        let mut split = [0_u8; 256];
        for byte in set.iter() {
            let Some(class) = classes.get_mut(usize::from(byte)) else { continue };
            let old = usize::from(*class);
            let (Some(size), Some(inside), Some(new)) = (sizes.get_mut(old), inside.get(old), split.get_mut(old))
            else {
                continue;
            };
            if *new == 0 {
                if *size == *inside {
                    continue;
                }
                *new = count as u8;
                *size -= inside;
                count += 1;
                if let Some(size) = sizes.get_mut(usize::from(*new)) {
                    *size = *inside;
                }
            }
            *class = *new;
        }
    }
    (classes, count)
}
