//! A web made ready to be run: the places at which a match can be, a bit each, and what a byte makes of them.
//!
//! Bytes that no place tells apart are of one class. For each class there are the places that take its bytes; from those
//! of them that are reached most lead to the place behind them, which is a shift of all bits at once.

use super::bytes::Bytes;
use super::follow::{Follow, Lists};
use super::web::Web;

/// Which way a value is gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    /// From its last byte to its first.
    Backward,
}

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

/// Places, a bit each, and which words have any.
#[derive(Default)]
pub(super) struct Places {
    pub(super) words: Vec<u64>,
    pub(super) summary: Vec<u64>,
}

/// What a run needs beside the pattern, and leaves empty.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) now: Places,
    next: Places,
    /// What is there, as states are known by it.
    pub(super) key: Vec<u64>,
    /// When each list was last gone through.
    seen: Vec<u32>,
    time: u32,
    stack: Vec<u32>,
}

impl Places {
    pub(super) fn resize(&mut self, words: usize) {
        // All are 0 before and behind.
        self.words.resize(self.words.len().max(words), 0);
        self.summary.resize(self.summary.len().max(words.div_ceil(64)), 0);
    }

    #[inline]
    pub(super) fn add(&mut self, word: usize, places: u64) {
        if let (Some(here), Some(summary)) = (self.words.get_mut(word), self.summary.get_mut(word / 64)) {
            *here |= places;
            *summary |= 1 << (word % 64);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.summary.iter().all(|word| *word == 0)
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub(super) fn clear(&mut self) {
        for (index, summary) in self.summary.iter_mut().enumerate() {
            for word in ones(std::mem::take(summary)) {
                if let Some(word) = self.words.get_mut(index * 64 + word) {
                    *word = 0;
                }
            }
        }
    }

    /// As few words as say what there is: which words have something, and these words.
    pub(super) fn key(&self, words: usize, key: &mut Vec<u64>) {
        key.clear();
        if words == 1 {
            key.extend(self.words.first());
            return;
        }
        key.extend(self.summary.iter().take(words.div_ceil(64)));
        for (index, summary) in self.summary.iter().enumerate() {
            key.extend(ones(*summary).filter_map(|word| self.words.get(index * 64 + word)));
        }
    }

    /// What [`key`](Self::key) has said, of places that are empty.
    pub(super) fn load(&mut self, words: usize, key: &[u64]) {
        if words == 1 {
            self.add(0, key.first().copied().unwrap_or_default());
            return;
        }
        let (summaries, rest) = key.split_at_checked(words.div_ceil(64)).unwrap_or_default();
        let mut rest = rest.iter();
        for (index, summary) in summaries.iter().enumerate() {
            for word in ones(*summary) {
                self.add(index * 64 + word, rest.next().copied().unwrap_or_default());
            }
        }
    }

    pub(super) fn size(&self) -> usize {
        (self.words.capacity() + self.summary.capacity()) * size_of::<u64>()
    }
}

/// Whether a key has a place.
pub(super) fn key_has(words: usize, key: &[u64], place: usize) -> bool {
    let bit = |word: Option<&u64>| word.is_some_and(|word| word >> (place % 64) & 1 == 1);
    if words == 1 {
        return bit(key.first());
    }
    let (summaries, rest) = key.split_at_checked(words.div_ceil(64)).unwrap_or_default();
    let (index, word) = (place / 64 / 64, place / 64 % 64);
    let Some(summary) = summaries.get(index).filter(|summary| *summary >> word & 1 == 1) else { return false };
    let before = summaries.iter().take(index).map(|summary| summary.count_ones()).sum::<u32>();
    bit(rest.get((before + (summary & ((1 << word) - 1)).count_ones()) as usize))
}

/// Which bits are set.
#[inline]
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}

impl Nfa {
    pub(super) fn of(web: &Web, direction: Direction) -> Nfa {
        let words = web.takes.len().div_ceil(64);
        let (classes, class_count) = classes(&web.sets);
        let lists = Lists::of(web, direction);
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
        let of_sets: Vec<Box<[usize]>> = web.sets.iter().map(of_set).collect();
        let mut takes = vec![0; class_count * words].into_boxed_slice();
        for (number, set) in web.takes.iter().enumerate() {
            let place = place(web, direction, number);
            for class in of_sets.get(*set as usize).map_or(&[][..], |classes| classes) {
                if let Some(word) = takes.get_mut(class * words + place / 64) {
                    *word |= 1 << (place % 64);
                }
            }
        }
        let Lists { chain, exits, follow, start } = lists;
        Nfa { classes, class_count, words, takes, chain, exits, follow, start }
    }

    #[inline]
    pub(super) fn class(&self, byte: u8) -> usize {
        self.classes.get(usize::from(byte)).copied().unwrap_or_default().into()
    }

    /// Puts the places there at which a match begins.
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

    /// Where each place leads, where there is but one word of them.
    #[inline]
    pub(super) fn word(&self) -> Option<&[u64]> {
        match &self.follow {
            Follow::Word(follow) => Some(follow),
            Follow::Lists { .. } => None,
        }
    }

    /// The places after a byte of a class.
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

    fn step_words(&self, class: usize, scratch: &mut Scratch) {
        let Scratch { now, next, seen, time, stack, .. } = scratch;
        let takes = self.takes.get(class * self.words..).unwrap_or_default();
        self.follow.begin(seen, time);
        for (index, summary) in now.summary.iter().enumerate() {
            for word in ones(*summary).map(|word| index * 64 + word) {
                let (Some(places), Some(takes), Some(chain), Some(exits)) =
                    (now.words.get(word), takes.get(word), self.chain.get(word), self.exits.get(word))
                else {
                    continue;
                };
                let taken = places & takes;
                let shifted = taken & chain;
                if shifted != 0 {
                    if shifted << 1 != 0 {
                        next.add(word, shifted << 1);
                    }
                    if shifted >> 63 == 1 {
                        next.add(word + 1, 1);
                    }
                }
                for place in ones(taken & exits) {
                    self.follow.go(word * 64 + place, next, seen, *time, stack);
                }
            }
        }
        now.clear();
        std::mem::swap(now, next);
    }

    pub(super) fn size(&self) -> usize {
        let words = self.takes.len() + self.chain.len() + self.exits.len() + self.start.len();
        size_of::<Nfa>() + 256 + words * size_of::<u64>() + self.follow.size()
    }
}

impl Scratch {
    pub(super) fn size(&self) -> usize {
        let lists = (self.seen.capacity() + self.stack.capacity()) * size_of::<u32>();
        self.now.size() + self.next.size() + self.key.capacity() * size_of::<u64>() + lists
    }
}

/// The bit of a place. To go forward the last place is the last bit, since graphs are made from their end.
pub(super) fn place(web: &Web, direction: Direction, number: usize) -> usize {
    match direction {
        Direction::Forward => web.takes.len() - 1 - number,
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
