//! Bit sets of the places of an NFA, which are what a run of it is in at once, and the scratch space of a run.

use super::ways::Ways;

/// Places, a bit each, and which words have any.
#[derive(Default)]
pub(super) struct Places {
    pub(super) words: Vec<u64>,
    /// In any order.
    pub(super) active: Vec<u32>,
}

/// What a run needs beside the pattern, and leaves empty.
#[derive(Default)]
pub(super) struct Scratch {
    pub(super) now: Places,
    pub(super) next: Places,
    /// What is there, as states are known by it.
    pub(super) key: Vec<u64>,
    /// When each list was last gone through.
    pub(super) seen: Vec<u32>,
    pub(super) time: u32,
    pub(super) stack: Vec<u32>,
    /// Places in their order, here and before.
    pub(super) list: Vec<u32>,
    pub(super) last: Vec<u32>,
    pub(super) ways: Ways,
}

impl Places {
    pub(super) fn resize(&mut self, words: usize) {
        // All are 0 before and behind.
        self.words.resize(self.words.len().max(words), 0);
    }

    #[inline]
    pub(super) fn add(&mut self, word: usize, places: u64) {
        if let Some(here) = self.words.get_mut(word) {
            if *here == 0 {
                self.active.push(word as u32);
            }
            *here |= places;
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        let index = place / 64;
        if let Some(word) = self.words.get_mut(index).filter(|word| **word != 0) {
            *word &= !(1 << (place % 64));
            if *word == 0 {
                self.active.retain(|word| *word as usize != index);
            }
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.active.is_empty()
    }

    pub(super) fn has(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// The only one, if there is but one.
    #[inline]
    pub(super) fn single(&self) -> Option<usize> {
        let [word] = self.active.as_slice() else { return None };
        let places = self.words.get(*word as usize)?;
        places.is_power_of_two().then(|| *word as usize * 64 + places.trailing_zeros() as usize)
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        for word in self.active.drain(..) {
            if let Some(word) = self.words.get_mut(word as usize) {
                *word = 0;
            }
        }
    }

    /// As few words as say what there is: which words have something, and these words.
    #[inline]
    pub(super) fn key(&self, words: usize, key: &mut Vec<u64>) {
        key.clear();
        if words == 1 {
            key.extend(self.words.first());
            return;
        }
        let summaries = words.div_ceil(64);
        key.resize(summaries, 0);
        for word in &self.active {
            if let Some(summary) = key.get_mut(*word as usize / 64) {
                *summary |= 1 << (word % 64);
            }
        }
        for index in 0..summaries {
            for word in ones(key.get(index).copied().unwrap_or_default()) {
                key.extend(self.words.get(index * 64 + word));
            }
        }
    }

    /// What [`key`](Self::key) has said, of places that are empty.
    #[inline]
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
        self.words.capacity() * size_of::<u64>() + self.active.capacity() * size_of::<u32>()
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

impl Scratch {
    pub(super) fn size(&self) -> usize {
        let lists = [&self.seen, &self.stack, &self.list, &self.last];
        let lists = lists.iter().map(|list| list.capacity() * size_of::<u32>()).sum::<usize>();
        self.now.size() + self.next.size() + self.key.capacity() * size_of::<u64>() + lists + self.ways.size()
    }
}
