//! Follow sets: where each place of an NFA leads, if not to the place behind it.
//!
//! One that would be long, as behind `(a?){1000}`, is a list that goes on in others, each of which is gone through once a
//! byte.

use super::places::Places;

pub(super) enum Follow {
    /// By place, all in one word.
    Word(Box<[u64]>),
    Lists {
        /// By place the number of its list.
        lists: Box<[u32]>,
        /// Where each list begins, among the words and among the further lists; and where the last ends.
        begins: Box<[(u32, u32)]>,
        words: Box<[Word]>,
        further: Box<[u32]>,
    },
}

/// The number of a word, and places in it.
pub(super) type Word = (u32, u64);

impl Follow {
    /// Before the places of one byte are gone through.
    #[inline]
    pub(super) fn begin(&self, seen: &mut Vec<u32>, time: &mut u32) {
        if let Follow::Lists { begins, .. } = self {
            seen.resize(seen.len().max(begins.len()), 0);
            *time = time.wrapping_add(1);
            if *time == 0 {
                seen.fill(0);
                *time = 1;
            }
        }
    }

    /// Adds what a place leads to.
    #[inline]
    pub(super) fn go(&self, place: usize, next: &mut Places, seen: &mut [u32], time: u32, stack: &mut Vec<u32>) {
        let Follow::Lists { lists, begins, words, further } = self else { return };
        let mut list = lists.get(place).copied();
        while let Some(at) = list.map(|list| list as usize) {
            let Some(seen) = seen.get_mut(at).filter(|seen| **seen != time) else {
                list = stack.pop();
                continue;
            };
            *seen = time;
            let (Some(from), Some(to)) = (begins.get(at), begins.get(at + 1)) else { break };
            for (word, places) in words.get(from.0 as usize..to.0 as usize).unwrap_or_default() {
                next.add(*word as usize, *places);
            }
            list = match further.get(from.1 as usize..to.1 as usize).unwrap_or_default() {
                [one] => Some(*one),
                many => {
                    for list in many {
                        stack.push(*list);
                    }
                    stack.pop()
                }
            };
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Follow::Word(follow) => size_of_val(&**follow),
            Follow::Lists { lists, begins, words, further } => {
                size_of_val(&**lists) + size_of_val(&**begins) + size_of_val(&**words) + size_of_val(&**further)
            }
        }
    }
}
