//! Where each place of an NFA leads: to the place behind it, or to a list of places.
//!
//! A list that would be long, as behind `(a?){1000}`, goes on in others, each of which is gone through once a byte.

use super::nfa::{Direction, Places, place};
use super::web::Web;
use crate::table::Table;

pub(super) enum Follow {
    /// By place, all in one word.
    Word(Box<[u64]>),
    Lists {
        /// By place the number of its list.
        lists: Box<[u32]>,
        /// Where each list ends, among the words and among the further lists.
        ends: Box<[(u32, u32)]>,
        /// The number of a word, and places in it.
        words: Box<[(u32, u64)]>,
        further: Box<[u32]>,
    },
}

/// What becomes of a web.
pub(super) struct Lists {
    pub(super) chain: Box<[u64]>,
    pub(super) exits: Box<[u64]>,
    pub(super) follow: Follow,
    pub(super) start: Box<[u64]>,
}

/// Knots that are gone through for a list before it is one with further lists.
const LONG: usize = 64;

impl Follow {
    /// Before the places of one byte are gone through.
    pub(super) fn begin(&self, seen: &mut Vec<u32>, time: &mut u32) {
        if let Follow::Lists { ends, .. } = self {
            seen.resize(seen.len().max(ends.len()), 0);
            *time = time.wrapping_add(1);
            if *time == 0 {
                seen.fill(0);
                *time = 1;
            }
        }
    }

    /// Adds what a place leads to.
    pub(super) fn go(&self, place: usize, next: &mut Places, seen: &mut [u32], time: u32, stack: &mut Vec<u32>) {
        let Follow::Lists { lists, ends, words, further } = self else { return };
        let mut list = lists.get(place).copied();
        while let Some(at) = list {
            let at = at as usize;
            if let Some(seen) = seen.get_mut(at).filter(|seen| **seen != time) {
                *seen = time;
                let from = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or_default();
                let to = ends.get(at).copied().unwrap_or_default();
                for (word, places) in words.get(from.0 as usize..to.0 as usize).unwrap_or_default() {
                    next.add(*word as usize, *places);
                }
                stack.extend(further.get(from.1 as usize..to.1 as usize).unwrap_or_default());
            }
            list = stack.pop();
        }
    }

    pub(super) fn size(&self) -> usize {
        match self {
            Follow::Word(follow) => size_of_val(&**follow),
            Follow::Lists { lists, ends, words, further } => {
                size_of_val(&**lists) + size_of_val(&**ends) + size_of_val(&**words) + size_of_val(&**further)
            }
        }
    }
}

impl Lists {
    pub(super) fn of(web: &Web, direction: Direction) -> Lists {
        Maker::new(web, direction).make()
    }
}

struct Maker<'w> {
    web: &'w Web,
    direction: Direction,
    /// Where each knot leads, and where these end by knot.
    ways: Vec<u32>,
    ends: Vec<u32>,
    /// How many knots lead to each.
    coming: Vec<u32>,
    /// Lists so far.
    list_ends: Vec<(u32, u32)>,
    words: Vec<(u32, u64)>,
    further: Vec<u32>,
    /// Lists by what is in them, where that is all.
    known: Table<u64, Vec<u32>>,
    /// Lists by the knot that they begin at, and knots whose lists are still to be made.
    by_knot: Vec<u32>,
    to_make: Vec<u32>,
    /// When each knot was last gone through.
    seen: Vec<u32>,
    time: u32,
    stack: Vec<u32>,
}

const NONE: u32 = u32::MAX;

impl<'w> Maker<'w> {
    fn new(web: &'w Web, direction: Direction) -> Maker<'w> {
        let turned = |(from, to): (u32, u32)| match direction {
            Direction::Forward => (from as usize, to),
            Direction::Backward => (to as usize, from),
        };
        let mut ends = vec![0_u32; web.knots];
        let mut coming = vec![0_u32; web.knots];
        for (from, to) in web.threads.iter().copied().map(turned) {
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
        let mut ways = vec![0; web.threads.len()];
        for (from, to) in web.threads.iter().copied().map(turned) {
            if let Some(end) = ends.get_mut(from) {
                if let Some(way) = ways.get_mut(*end as usize) {
                    *way = to;
                }
                *end += 1;
            }
        }
        Maker {
            web,
            direction,
            ways,
            ends,
            coming,
            list_ends: Vec::new(),
            words: Vec::new(),
            further: Vec::new(),
            known: Table::new(),
            by_knot: Vec::new(),
            to_make: Vec::new(),
            seen: vec![0; web.knots],
            time: 0,
            stack: Vec::new(),
        }
    }

    fn make(mut self) -> Lists {
        let count = self.web.takes.len();
        let in_words = count.div_ceil(64);
        let empty = || vec![0_u64; in_words].into_boxed_slice();
        let (mut chain, mut exits) = (empty(), empty());
        let mut follow = vec![0_u64; if in_words == 1 { count } else { 0 }];
        let mut lists = vec![0_u32; if in_words == 1 { 0 } else { count }];
        let mut places: Vec<usize> = Vec::new();
        // As much as would be gone through for a list of so many knots at each place.
        let mut budget = 16 * count + 1_000;
        let (mut start, mut start_list) = (empty(), None);
        for number in 0..count {
            let here = place(self.web, self.direction, number);
            let is_start = number == self.start_number();
            let knot = self.leave(number);
            places.clear();
            let most = if in_words == 1 { usize::MAX } else { budget.min(LONG) };
            let gone = self.all(knot, most, &mut places);
            budget = budget.saturating_sub(gone.unwrap_or(LONG));
            if is_start && gone.is_some() {
                places.iter().for_each(|place| set(&mut start, *place));
            }
            if gone.is_some() {
                let before = places.len();
                places.retain(|place| *place != here + 1);
                if places.len() < before {
                    set(&mut chain, here);
                }
                if places.is_empty() {
                    continue;
                }
            }
            set(&mut exits, here);
            if let Some(follow) = follow.get_mut(here) {
                *follow = places.iter().fold(0, |all, place| all | 1 << place);
                continue;
            }
            let list = if gone.is_some() { self.list_of(&mut places) } else { self.list_at(knot) };
            if is_start && gone.is_none() {
                start_list = Some(list);
            }
            if let Some(place) = lists.get_mut(here) {
                *place = list;
            }
        }
        self.rest();
        let start_place = place(self.web, self.direction, self.start_number());
        let follow = if in_words == 1 {
            Follow::Word(follow.into())
        } else {
            let (ends, words) = (self.list_ends.into(), self.words.into());
            Follow::Lists { lists: lists.into(), ends, words, further: self.further.into() }
        };
        if start_list.is_some() {
            let (mut next, mut seen, mut time, mut stack) = (Places::default(), Vec::new(), 0, Vec::new());
            next.resize(in_words);
            follow.begin(&mut seen, &mut time);
            follow.go(start_place, &mut next, &mut seen, time, &mut stack);
            start = next.words.into();
        }
        Lists { chain, exits, follow, start }
    }

    /// The place from which one starts: the one at the edge where a match begins, or the end.
    fn start_number(&self) -> usize {
        match self.direction {
            Direction::Forward => self.web.takes.len() - 1,
            Direction::Backward => 0,
        }
    }

    /// The knot at which one leaves a place.
    fn leave(&self, number: usize) -> u32 {
        match self.direction {
            Direction::Forward => number as u32,
            Direction::Backward => (number + self.web.takes.len()) as u32,
        }
    }

    /// The place that one enters at a knot.
    fn entered(&self, knot: u32) -> Option<usize> {
        let count = self.web.takes.len();
        let number = match self.direction {
            Direction::Forward => (knot as usize).checked_sub(count)?,
            Direction::Backward => knot as usize,
        };
        (number < count).then(|| place(self.web, self.direction, number))
    }

    fn ways(&self, knot: u32) -> std::ops::Range<usize> {
        let end = |knot: u32| self.ends.get(knot as usize).map_or(0, |end| *end as usize);
        knot.checked_sub(1).map_or(0, end)..end(knot)
    }

    /// Whether a knot has not been gone through at this time, as it is now.
    fn pass(&mut self, knot: u32) -> bool {
        let time = self.time;
        self.seen.get_mut(knot as usize).is_some_and(|seen| std::mem::replace(seen, time) != time)
    }

    /// All places that one comes to from a knot, and how many knots were gone through. None if these are too many.
    fn all(&mut self, knot: u32, most: usize, places: &mut Vec<usize>) -> Option<usize> {
        self.time += 1;
        let (mut stack, mut gone) = (std::mem::take(&mut self.stack), 0);
        stack.clear();
        stack.push(knot);
        let done = loop {
            let Some(knot) = stack.pop() else { break true };
            for at in self.ways(knot) {
                let to = self.ways.get(at).copied().unwrap_or_default();
                if self.pass(to) {
                    gone += 1;
                    match self.entered(to) {
                        Some(place) => places.push(place),
                        None => stack.push(to),
                    }
                }
            }
            if gone > most {
                break false;
            }
        };
        self.stack = stack;
        done.then_some(gone)
    }

    /// The list that has these places and no others.
    fn list_of(&mut self, places: &mut Vec<usize>) -> u32 {
        crate::order::sort(places);
        let mut words: Vec<(u32, u64)> = Vec::new();
        for place in places.iter() {
            let (word, bit) = ((place / 64) as u32, 1 << (place % 64));
            match words.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => words.push((word, bit)),
            }
        }
        let hash = words.iter().fold(0, |hash, (word, bits)| super::dfa::mix(hash ^ bits ^ u64::from(*word)));
        let same = self.known.get(hash).into_iter().flatten().copied().find(|list| self.words_of(*list) == words);
        if let Some(list) = same {
            return list;
        }
        let list = self.end_list(words);
        match self.known.get_mut(hash) {
            Some(lists) => lists.push(list),
            None => _ = self.known.insert(hash, vec![list]),
        }
        list
    }

    fn words_of(&self, list: u32) -> &[(u32, u64)] {
        let end = |list: u32| self.list_ends.get(list as usize).map_or(0, |end| end.0 as usize);
        self.words.get(list.checked_sub(1).map_or(0, end)..end(list)).unwrap_or_default()
    }

    fn end_list(&mut self, words: Vec<(u32, u64)>) -> u32 {
        self.words.extend(words);
        self.list_ends.push((self.words.len() as u32, self.further.len() as u32));
        self.list_ends.len() as u32 - 1
    }

    /// The list of what is behind a knot, which goes on where several lead. It is made in the end: until then it is
    /// known by a number of its own.
    fn list_at(&mut self, knot: u32) -> u32 {
        self.by_knot.resize(self.web.knots, NONE);
        let known = self.by_knot.get(knot as usize).copied().unwrap_or(NONE);
        if known != NONE {
            return known;
        }
        // Empty for now, and made of one further list.
        let list = self.end_list(Vec::new());
        if let Some(by_knot) = self.by_knot.get_mut(knot as usize) {
            *by_knot = list;
        }
        self.to_make.push(knot);
        list
    }

    /// Makes the lists that are still to be made.
    fn rest(&mut self) {
        let mut made: Vec<(u32, Vec<(u32, u64)>, Vec<u32>)> = Vec::new();
        while let Some(knot) = self.to_make.pop() {
            let list = self.list_at(knot);
            let (mut places, mut further) = (Vec::new(), Vec::new());
            self.time += 1;
            let mut stack = vec![knot];
            while let Some(knot) = stack.pop() {
                for at in self.ways(knot) {
                    let to = self.ways.get(at).copied().unwrap_or_default();
                    if !self.pass(to) {
                        continue;
                    }
                    match self.entered(to) {
                        Some(place) => places.push(place),
                        None if self.coming.get(to as usize).is_some_and(|coming| *coming > 1) => {
                            further.push(self.list_at(to));
                        }
                        None => stack.push(to),
                    }
                }
            }
            crate::order::sort(&mut places);
            let mut words: Vec<(u32, u64)> = Vec::new();
            for place in places {
                let (word, bit) = ((place / 64) as u32, 1 << (place % 64));
                match words.last_mut() {
                    Some((last, bits)) if *last == word => *bits |= bit,
                    _ => words.push((word, bit)),
                }
            }
            made.push((list, words, further));
        }
        // Now that all are known, they go where their numbers say.
        if made.is_empty() {
            return;
        }
        crate::order::sort_by(&mut made, |a, b| a.0.cmp(&b.0));
        let mut made = made.into_iter().peekable();
        let (old_ends, old_words) = (std::mem::take(&mut self.list_ends), std::mem::take(&mut self.words));
        self.further.clear();
        let mut from = 0;
        for (list, (end, _)) in old_ends.into_iter().enumerate() {
            match made.next_if(|(number, ..)| *number as usize == list) {
                Some((_, words, further)) => {
                    self.words.extend(words);
                    self.further.extend(further);
                }
                None => self.words.extend(old_words.get(from..end as usize).unwrap_or_default()),
            }
            from = end as usize;
            self.list_ends.push((self.words.len() as u32, self.further.len() as u32));
        }
    }
}

fn set(words: &mut [u64], place: usize) {
    if let Some(word) = words.get_mut(place / 64) {
        *word |= 1 << (place % 64);
    }
}
